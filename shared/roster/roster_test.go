package roster

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"rollcall/shared/event"
)

var (
	ana = event.User{ID: "a", Name: "Ana", Since: 1}
	ben = event.User{ID: "b", Name: "Ben", Since: 2}
	cyd = event.User{ID: "c", Name: "Cyd", Since: 3}
)

func of(users ...event.User) *Roster {
	r := &Roster{}
	r.Apply(event.ExistingUsers{Self: "a", Room: "lobby", Epoch: "e", Users: users})
	return r
}

func TestWhatEachEventDoes(t *testing.T) {
	moved, renamed := ben, ben
	moved.Since, renamed.Name = 9, "Benedict"
	for _, c := range []struct {
		name   string
		event  event.Event
		change []Change
		users  []event.User
	}{
		{"a snapshot replaces", event.ExistingUsers{Users: []event.User{cyd}}, []Change{{Kind: Reset}}, []event.User{cyd}},
		{"an arrival", event.NewUser{User: cyd}, []Change{{Kind: Arrived, User: cyd}}, []event.User{ana, ben, cyd}},
		{"an arrival that is known", event.NewUser{User: ben}, nil, []event.User{ana, ben}},
		{"an update in place", event.UpdateUser{User: renamed}, []Change{{Kind: Updated, User: renamed, Before: ben}}, []event.User{ana, renamed}},
		{"an update that changes nothing", event.UpdateUser{User: ben}, nil, []event.User{ana, ben}},
		{"left and came back", event.UpdateUser{User: moved}, []Change{{Kind: Updated, User: moved, Before: ben}}, []event.User{ana, moved}},
		{"an update of somebody unknown", event.UpdateUser{User: cyd}, []Change{{Kind: Arrived, User: cyd}}, []event.User{ana, ben, cyd}},
		{"a departure", event.DisconnectUser{ID: "a"}, []Change{{Kind: Gone, User: ana}}, []event.User{ben}},
		{"a departure of somebody unknown", event.DisconnectUser{ID: "x"}, nil, []event.User{ana, ben}},
		{"an error", event.Error{}, nil, []event.User{ana, ben}},
		{"what was missed", event.ExistingUsers{Resumed: true, Gone: []string{"a", "x"}, Users: []event.User{renamed, cyd}},
			[]Change{{Kind: Gone, User: ana}, {Kind: Updated, User: renamed, Before: ben}, {Kind: Arrived, User: cyd}}, []event.User{renamed, cyd}},
	} {
		r := of(ana, ben)
		change, err := r.Apply(c.event)
		if !slices.Equal(change, c.change) || err != nil || !slices.Equal(r.Users(), c.users) {
			t.Errorf("%s: %+v, %v, leaves %v", c.name, change, err, r.Users())
		}
	}
}

func TestTheOrderIsOfArrivalWhateverCameFirst(t *testing.T) {
	r := of(cyd)
	r.Apply(event.NewUser{User: ana})
	r.Apply(event.NewUser{User: ben})
	if !slices.Equal(r.Users(), []event.User{ana, ben, cyd}) {
		t.Errorf("%v", r.Users())
	}
}

func TestASnapshotSaysWhoseAndWhatTheRosterIs(t *testing.T) {
	r := of(ana)
	if r.Self() != "a" || r.Room() != "lobby" || r.Epoch() != "e" || r.Len() != 1 {
		t.Errorf("%q in %q, %q, with %d", r.Self(), r.Room(), r.Epoch(), r.Len())
	}
}

func TestInALargeRoomTheRosterIsAView(t *testing.T) {
	r := &Roster{}
	r.Apply(event.ExistingUsers{Self: "a", Me: &ana, Total: new(600), From: 1, Users: []event.User{ben}})
	if me, ok := r.Me(); !ok || me != ana || r.Len() != 1 {
		t.Errorf("I am %v, with %d in sight", me, r.Len())
	}
	if from, total, ok := r.View(); from != 1 || total != 600 || !ok {
		t.Errorf("the view is %d of %d, %v", from, total, ok)
	}
	if _, err := r.Apply(event.Room{Seq: 4, Count: 600, Hash: r.State().Hash}); err != nil || r.Count() != 600 {
		t.Errorf("%v, count %d", err, r.Count())
	}
	if _, err := r.Apply(event.Room{Seq: 5, Count: 600, Hash: "0123456789abcdef"}); !errors.Is(err, ErrDrift) {
		t.Errorf("a view of another hash: %v", err)
	}

	renamed := ana
	renamed.Name = "Anna"
	changes, _ := r.Apply(event.ExistingUsers{Resumed: true, From: 1, Total: new(599), Me: &renamed, Gone: []string{"b"}, Users: []event.User{cyd}})
	want := []Change{{Kind: Updated, User: renamed, Before: ana}, {Kind: Hidden, User: ben}, {Kind: Shown, User: cyd}}
	if _, total, _ := r.View(); !slices.Equal(changes, want) || total != 599 || r.Self() != "a" {
		t.Errorf("%+v, total %d, self %q", changes, total, r.Self())
	}

	r.Apply(event.ExistingUsers{Self: "a", Users: []event.User{renamed, cyd}})
	if _, _, large := r.View(); large || r.Count() != 2 {
		t.Errorf("after the room has shrunk: large %v, count %d", large, r.Count())
	}
}

func TestOneKnowsOneselfInsideAndOutsideTheView(t *testing.T) {
	r := of(ana, ben)
	renamed := ana
	renamed.Name = "Anna"
	r.Apply(event.UpdateUser{User: renamed})
	if me, ok := r.Me(); !ok || me != renamed {
		t.Errorf("I am %v", me)
	}
	r.Apply(event.ExistingUsers{Resumed: true, Total: new(2), Gone: []string{"a"}})
	if me, ok := r.Me(); !ok || me != renamed {
		t.Errorf("out of sight I am %v", me)
	}
	r.Apply(event.DisconnectUser{ID: "a"})
	if me, ok := r.Me(); ok {
		t.Errorf("after leaving I am %v", me)
	}
}

func TestARoomEventThatAgreesMovesTheSeq(t *testing.T) {
	r := of(ana, ben)
	state := r.State()
	state.Seq = 12
	if _, err := r.Apply(state); err != nil || r.State() != state {
		t.Errorf("%v, state %+v", err, r.State())
	}
}

func TestThatSomebodyMayBeMissingIsSoUntilTheServerSaysNoMore(t *testing.T) {
	r := of(ana, ben)
	for _, partial := range []bool{false, true, true, false} {
		state := r.State()
		state.Partial = partial
		if changes, err := r.Apply(state); err != nil || len(changes) > 0 || r.Partial() != partial || r.State() != state {
			t.Errorf("%v, %v: it is %v, %+v", changes, err, r.Partial(), r.State())
		}
	}
}

func TestARosterThatDiffersIsDrift(t *testing.T) {
	for name, wrong := range map[string]func(*event.Room){
		"count": func(s *event.Room) { s.Count++ },
		"hash":  func(s *event.Room) { s.Hash = "0123456789abcdef" },
	} {
		r := of(ana, ben)
		state := r.State()
		wrong(&state)
		if _, err := r.Apply(state); !errors.Is(err, ErrDrift) || r.Len() != 2 {
			t.Errorf("%s: %v, %d users", name, err, r.Len())
		}
	}
}

// TestARosterIsTheSumOfItsEvents compares the reducer with a plain map.
func TestARosterIsTheSumOfItsEvents(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r, model := &Roster{}, map[string]event.User{}
		for range rapid.IntRange(0, 80).Draw(t, "events") {
			u := event.User{
				ID:    fmt.Sprint(rapid.IntRange(0, 9).Draw(t, "id")),
				Name:  rapid.SampledFrom([]string{"A", "B"}).Draw(t, "name"),
				Since: int64(rapid.IntRange(0, 5).Draw(t, "since")),
			}
			switch rapid.IntRange(0, 3).Draw(t, "kind") {
			case 0, 1:
				r.Apply(event.NewUser{User: u})
				model[u.ID] = u
			case 2:
				r.Apply(event.UpdateUser{User: u})
				model[u.ID] = u
			case 3:
				r.Apply(event.DisconnectUser{ID: u.ID})
				delete(model, u.ID)
			}
			var want []event.User
			var hash uint64
			for _, u := range model {
				want = append(want, u)
				hash ^= u.Hash()
			}
			slices.SortFunc(want, event.User.Compare)
			if !slices.Equal(r.Users(), want) {
				t.Fatalf("have %v, want %v", r.Users(), want)
			}
			if state := r.State(); state.Count != len(want) || state.Hash != fmt.Sprintf("%016x", hash) {
				t.Fatalf("state is %+v of %v", state, want)
			}
			for _, u := range want {
				if got, ok := r.Get(u.ID); !ok || got != u {
					t.Fatalf("Get has %v, want %v", got, u)
				}
			}
		}
	})
}
