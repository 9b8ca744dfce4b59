package visit

import (
	"reflect"
	"testing"
	"time"

	"rollcall/app/board"
	"rollcall/shared/client"
	"rollcall/shared/event"
	"rollcall/shared/roster"
)

// resumed is that the server goes on where the connection was lost: it tells what has
// changed since.
func resumed(people ...event.User) func(*story) any {
	return func(s *story) any {
		var changes []roster.Change
		var before, after roster.Roster
		before.Apply(event.ExistingUsers{Users: s.people})
		after.Apply(event.ExistingUsers{Users: people})
		for _, u := range s.people {
			if _, here := after.Get(u.ID); !here {
				changes = append(changes, roster.Change{Kind: roster.Gone, User: u})
			}
		}
		for _, u := range people {
			switch was, here := before.Get(u.ID); {
			case !here:
				changes = append(changes, roster.Change{Kind: roster.Arrived, User: u})
			case was != u:
				changes = append(changes, roster.Change{Kind: roster.Updated, User: u, Before: was})
			}
		}
		s.people = people
		s.status = client.Status{Link: client.Connected, Joined: true, Answered: s.status.Answered}
		return s.heard(changes...)
	}
}

// inRoom is a visit of Ana's to a room with Ben and Eve, two of whose people's arrival is
// told.
func inRoom(t *testing.T) *story {
	s := tell(t, []step{
		{Enter{Room: "x", Stored: Stored{Self: Self{Name: "Ana"}, Told: []string{"b", "c"}}}, "SetTitle 0, ShowPage", "form"},
		{Join{"Ana"}, "Start x Ana", "form, joining"},
		{connected(ana, ben, eve), "Arrived, StoreRoster x of 3, ShowPage", "room of 3"},
		{time.Second, "SetTitle 3, SetBadge 3", "room of 3"},
	})
	s.machine.Board().Scroll(0, 1000)
	return s
}

var cleo = event.User{ID: "c", Name: "Cleo", Since: 4}

// A server that does not know what was before the loss has to send everything.
func TestAReturnToAnotherServerIsLikeOneToTheSame(t *testing.T) {
	busy := ben
	busy.Status = event.StatusBusy
	for name, c := range map[string]struct {
		people []event.User // when the connection is back
		want   string
	}{
		"nobody has come or gone": {[]event.User{ana, ben, eve}, "CheckUpdate"},
		"somebody has changed":    {[]event.User{ana, busy, eve}, "CheckUpdate"},
		"one has come":            {[]event.User{ana, ben, eve, cleo}, "CheckUpdate, Notify Cleo"},
		"one has gone":            {[]event.User{ana, eve}, "CheckUpdate"},
		"both":                    {[]event.User{ana, eve, cleo}, "CheckUpdate, Notify Cleo"},
	} {
		for _, away := range []time.Duration{time.Second, time.Minute} {
			for dialog, open := range map[string]Open{"none": {}, "person": {Dialog: Details, ID: "b"}, "editor": {Dialog: Editor, ID: "a"}} {
				var both [2]*story
				for i, back := range []func(...event.User) func(*story) any{resumed, connected} {
					s := inRoom(t)
					s.happen(open)
					s.happen(lost)
					s.pass(away)
					if effects := describe(s.happen(back(c.people...))); effects != c.want {
						t.Errorf("%s, %v: the page does %q, want %q", name, away, effects, c.want)
					}
					for _, slot := range s.machine.Board().Slots() {
						if slot.State == board.Arriving || slot.State == board.Departing {
							t.Errorf("%s, %v: %s is seen to come or to go", name, away, slot.User.Name)
						}
					}
					if s.machine.Said() != "" || s.machine.Link() != Live || s.machine.Dialog() != open {
						t.Errorf("%s, %v: %q is said, %s", name, away, s.machine.Said(), s.shows())
					}
					s.pass(time.Minute)
					both[i] = s
				}
				same, other := both[0], both[1]
				if same.shows() != other.shows() || same.machine.Said() != other.machine.Said() || same.machine.Person() != other.machine.Person() ||
					!reflect.DeepEqual(same.machine.Board().Slots(), other.machine.Board().Slots()) {
					t.Errorf("%s, %v, with the dialog %s: on the same server it shows %q, says %q and has %+v in %+v,\nand on the other %q, %q and %+v in %+v", name, away, dialog,
						same.shows(), same.machine.Said(), same.machine.Person(), same.machine.Board().Slots(),
						other.shows(), other.machine.Said(), other.machine.Person(), other.machine.Board().Slots())
				}
			}
		}
	}
}

// The server has come to know of people on another one. They were there before, and the
// page cannot tell who of them was not.
func TestASnapshotOfAConnectionThatGoesOnAnnouncesNobody(t *testing.T) {
	early := event.User{ID: "c", Name: "Cleo", Since: 2} // between those who are known
	for name, now := range map[string][]event.User{
		"as before":  {ana, ben, eve},
		"with more":  {ana, ben, early, eve, {ID: "d", Name: "Dan", Since: 9}},
		"with fewer": {ana, eve},
		"others":     {ana, early, eve},
	} {
		for _, open := range []Open{{}, {Dialog: Details, ID: "e"}, {Dialog: Editor, ID: "a"}} {
			s := inRoom(t)
			s.happen(open)
			if effects := describe(s.happen(connected(now...))); effects != "" {
				t.Errorf("%s: the page does %q", name, effects)
			}
			shown := make(map[string]bool)
			for _, slot := range s.machine.Board().Slots() {
				if slot.State == board.Arriving || slot.State == board.Departing {
					t.Errorf("%s: %s is seen to come or to go", name, slot.User.Name)
				}
				shown[slot.User.ID] = slot.State == board.Taken
			}
			for _, u := range now {
				if !shown[u.ID] {
					t.Errorf("%s: %s is not shown", name, u.Name)
				}
			}
			s.pass(time.Minute)
			if s.machine.Said() != "" || s.machine.Link() != Live || s.machine.Dialog() != open || open.Dialog == Details && !s.machine.Person().Here {
				t.Errorf("%s: %q is said, %s", name, s.machine.Said(), s.shows())
			}
		}
	}
	s := inRoom(t)
	s.happen(connected(ana, ben, eve, cleo))
	s.happen(goes("c"))
	if effects := describe(s.happen(comes(cleo))); effects != "Notify Cleo" {
		t.Errorf("who comes back later: %q", effects)
	}
}

func TestWhoWasMissingForAMomentAfterAMoveIsNotAnnounced(t *testing.T) {
	s := inRoom(t)
	s.happen(lost)
	s.happen(connected(ana, eve)) // of Ben, the new server hears a moment later
	if effects := describe(s.happen(connected(ana, ben, eve))); effects != "" {
		t.Errorf("the page does %q", effects)
	}
	s.pass(time.Minute)
	if said := s.machine.Said(); said != "" {
		t.Errorf("%q is said", said)
	}
}

// The answer to the hello has the first people of the room. The client asks for the
// others again, by itself.
func TestAReturnIntoALargeRoomShowsWhatWasThereUntilThatIsAnswered(t *testing.T) {
	lostWith := func(known int) func(*story) any {
		return func(s *story) any {
			h := large(0, known)(s).(Heard)
			s.status.Link = client.Connecting
			h.Status, h.Changes = s.status, nil
			return h
		}
	}
	refused := func(s *story) any {
		h := large(0, 50)(s).(Heard)
		h.Changes, h.Errors = nil, []event.Error{{Event: event.NameView, Code: event.CodeRateLimited, RetryAfter: 2000}}
		return h
	}
	other := func(s *story) any {
		h := large(0, 50)(s).(Heard)
		h.Changes = nil
		return h
	}
	twice := func(s *story) any {
		h := large(0, 4)(s).(Heard)
		h.Changes = append(h.Changes, h.Changes...)
		return h
	}
	for name, c := range map[string]struct {
		then  []any
		query string // that the board answers then
		known int
	}{
		"at first":                          {[]any{large(0, 50)}, "b", 3},
		"a change among the first":          {[]any{large(0, 50), other}, "b", 3},
		"the answer":                        {[]any{large(0, 50), large(0, 4)}, "b", 4},
		"both at once":                      {[]any{twice}, "b", 4},
		"a refusal":                         {[]any{large(0, 50), refused}, "", 50},
		"no answer":                         {[]any{large(0, 50), answerTime, other}, "", 50},
		"another loss":                      {[]any{large(0, 50), lostWith(50), answerTime, lostWith(50)}, "b", 3},
		"and a return":                      {[]any{large(0, 50), lostWith(50), answerTime, large(0, 50), time.Second, large(0, 4)}, "b", 4},
		"a room that is not large any more": {[]any{connected(ana, ben)}, "b", 2},
	} {
		s := tell(t, []step{
			{Enter{Room: "x"}, "SetTitle 0, ShowPage", "form"},
			{Join{"Ana"}, "Start x Ana", "form, joining"},
			{large(0, 50), "Arrived, StoreRoster x of 1000, ShowPage, StoreSelf Ana", "room of 1000"},
			{Search{"b"}, "AskView from 0 b", "room of 1000"},
			{large(0, 3), "", "room of 1000"},
			{lostWith(3), "StoreRoster x of 1000", "room of 1000"},
		})
		for _, then := range c.then {
			s.happen(then)
		}
		if r := s.machine.Board().Room(); r.Query != c.query || len(r.Users) != c.known {
			t.Errorf("%s: it shows %d of those who are called %q, want %d of %q", name, len(r.Users), r.Query, c.known, c.query)
		}
	}
	// Who has never looked at another part sees the answer to the hello.
	s := tell(t, []step{
		{Enter{Room: "x"}, "SetTitle 0, ShowPage", "form"},
		{Join{"Ana"}, "Start x Ana", "form, joining"},
		{large(0, event.MaxView), "Arrived, StoreRoster x of 1000, ShowPage, StoreSelf Ana", "room of 1000"},
		{lostWith(event.MaxView), "StoreRoster x of 1000", "room of 1000"},
		{large(0, 50), "CheckUpdate", "room of 1000"},
	})
	if n := len(s.machine.Board().Room().Users); n != 50 {
		t.Errorf("it knows %d", n)
	}
}
