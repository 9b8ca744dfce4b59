package ui

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"rollcall/shared/event"
)

var start = time.Unix(1_800_000_000, 0)

func user(id string, since int64) event.User {
	return event.User{ID: id, Name: "Name of " + id, Since: since}
}

// layout is the ids on the board, in order: "-" for a vacant slot, "(id)" for
// one that fades.
func (s *slots) layout() []string {
	var ids []string
	for _, slot := range s.list {
		switch slot.state {
		case vacant:
			ids = append(ids, "-")
		case departing:
			ids = append(ids, "("+slot.user.ID+")")
		default:
			ids = append(ids, slot.user.ID)
		}
	}
	return ids
}

func (s *slots) expect(t *testing.T, want ...string) {
	t.Helper()
	if got := s.layout(); !slices.Equal(got, want) {
		t.Errorf("the board is %v, want %v", got, want)
	}
}

func TestOneselfIsFirstAndOthersFollowByArrival(t *testing.T) {
	var s slots
	s.sync("me", []event.User{user("a", 1), user("b", 2), user("me", 3)}, start)
	s.expect(t, "me", "a", "b")
	s.sync("me", []event.User{user("a", 1), user("b", 2), user("me", 3), user("c", 4)}, start)
	s.expect(t, "me", "a", "b", "c")
	if self, ok := s.self(); !ok || self.ID != "me" || s.count() != 4 {
		t.Errorf("self is %v, %d people", self, s.count())
	}
}

func TestWhoLeavesMovesNobody(t *testing.T) {
	var s slots
	me, a, b, c := user("me", 1), user("a", 2), user("b", 3), user("c", 4)
	s.sync("me", []event.User{me, a, b, c}, start)
	s.sync("me", []event.User{me, b, c}, start)
	s.expect(t, "me", "(a)", "b", "c")
	if !s.leaving() || s.count() != 3 {
		t.Errorf("leaving %v, %d people", s.leaving(), s.count())
	}
	s.sweep(start.Add(departure / 2)) // somebody else's time is up
	s.expect(t, "me", "(a)", "b", "c")
	s.sweep(start.Add(departure))
	s.expect(t, "me", "-", "b", "c")
	s.sync("me", []event.User{me, b}, start)
	s.sweep(start.Add(departure))
	s.expect(t, "me", "-", "b") // behind the last box nothing is kept
}

func TestWhoComesBackIsLast(t *testing.T) {
	var s slots
	me, a, b := user("me", 1), user("a", 2), user("b", 3)
	s.sync("me", []event.User{me, a, b}, start)
	s.sync("me", []event.User{me, b, user("a", 9)}, start) // between two frames
	s.expect(t, "me", "-", "b", "a")
	s.sync("me", []event.User{me, user("a", 9)}, start)
	s.sync("me", []event.User{me, user("a", 9), user("b", 10)}, start) // while still fading
	s.expect(t, "me", "-", "(b)", "a", "b")
}

func TestAChangeStaysInItsPlace(t *testing.T) {
	var s slots
	me, a, b := user("me", 1), user("a", 2), user("b", 3)
	s.sync("me", []event.User{me, a, b}, start)
	a.Name, me.Name = "Renamed", "Me too"
	s.sync("me", []event.User{me, a, b}, start)
	s.expect(t, "me", "a", "b")
	if s.list[1].user.Name != "Renamed" || s.list[0].user.Name != "Me too" {
		t.Errorf("the board has %v", s.list)
	}
}

func TestARejoinOfOneselfStaysFirst(t *testing.T) {
	var s slots
	s.sync("me", []event.User{user("me", 1), user("a", 2)}, start)
	s.sync("me", []event.User{user("a", 2), user("me", 3)}, start)
	s.expect(t, "me", "a")
}

func TestARosterInAnotherOrderIsPlacedAnew(t *testing.T) {
	var s slots
	s.sync("me", []event.User{user("me", 1), user("b", 5)}, start)
	s.sync("me", []event.User{user("me", 1), user("a", 3), user("b", 5)}, start)
	s.expect(t, "me", "a", "b")
}

func TestTheBoardsOldListIsLeftAlone(t *testing.T) {
	var s slots
	s.sync("me", []event.User{user("me", 1), user("a", 2)}, start)
	drawn, copied := s.list, slices.Clone(s.list)
	s.sync("me", []event.User{user("me", 1)}, start)
	s.sweep(start.Add(time.Minute))
	if !slices.Equal(drawn, copied) {
		t.Errorf("go-app compares with %v, which was %v", drawn, copied)
	}
}

func TestManyVacantSlotsAreGivenUp(t *testing.T) {
	var s slots
	users := []event.User{user("me", 1)}
	for i := range 3 * mostVacant {
		users = append(users, user(fmt.Sprint(i), int64(i+2)))
	}
	last := users[len(users)-1]
	s.sync("me", users, start)
	s.sync("me", append(users[:1:1], last), start)
	s.sweep(start.Add(departure))
	s.expect(t, "me", last.ID)
}

// TestTheBoardIsTheRoster plays random rosters and checks the board against
// each.
func TestTheBoardIsTheRoster(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s slots
		now, clock := start, int64(0)
		here := map[string]event.User{}
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			selfHere := len(s.list) > 0 && s.list[0].self && s.list[0].state == taken
			before := map[string]int{}
			for i, slot := range s.list {
				if slot.state == taken {
					before[slot.user.ID] = i
				}
			}
			for range rapid.IntRange(0, 4).Draw(t, "changes") {
				id := rapid.SampledFrom([]string{"me", "a", "b", "c", "d", "e"}).Draw(t, "id")
				clock++
				if _, ok := here[id]; ok && rapid.Bool().Draw(t, "leaves") {
					delete(here, id)
					delete(before, id)
				} else if !ok {
					here[id] = user(id, clock)
					delete(before, id)
				}
			}
			var users []event.User
			for _, u := range here {
				users = append(users, u)
			}
			slices.SortFunc(users, event.User.Compare)
			s.sync("me", users, now)

			var shown []event.User
			for i, slot := range s.list {
				if slot.state != taken {
					continue
				}
				shown = append(shown, slot.user)
				if was, stayed := before[slot.user.ID]; stayed && was != i && selfHere && here["me"].ID != "" {
					t.Fatalf("%s moved from %d to %d: %v", slot.user.ID, was, i, s.layout())
				}
				if slot.self != (slot.user.ID == "me") || slot.self && i != 0 {
					t.Fatalf("oneself is not first: %v", s.layout())
				}
			}
			if len(shown) > 0 && shown[0].ID == "me" {
				shown = shown[1:]
			}
			others := slices.DeleteFunc(slices.Clone(users), func(u event.User) bool { return u.ID == "me" })
			if !slices.Equal(shown, others) || s.count() != len(users) {
				t.Fatalf("the board has %v, the roster %v", s.layout(), users)
			}
			now = now.Add(time.Duration(rapid.IntRange(0, 500).Draw(t, "ms")) * time.Millisecond)
			s.sweep(now)
		}
	})
}

// count is how many people are here.
func (s *slots) count() int {
	n := 0
	for _, slot := range s.list {
		if slot.state == taken {
			n++
		}
	}
	return n
}
