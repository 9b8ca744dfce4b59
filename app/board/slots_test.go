package board

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"rollcall/shared/event"
)

// layout is the ids in the list, in order: "-" for a vacant slot, "+id" for
// one that fades in, "(id)" for one that fades out.
func (s *slots) layout() []string {
	var list []string
	for _, slot := range s.list {
		switch slot.State {
		case Vacant:
			list = append(list, "-")
		case Departing:
			list = append(list, "("+slot.User.ID+")")
		case Arriving:
			list = append(list, "+"+slot.User.ID)
		default:
			list = append(list, slot.User.ID)
		}
	}
	return list
}

// settle draws all there is to draw.
func (b *Board) settle() {
	for b.Growing() {
		b.Grow(start)
	}
}

func someUsers(n int) (users []event.User) {
	for i := range n {
		users = append(users, user(fmt.Sprint(i), int64(i)))
	}
	return users
}

func (b *Board) expect(t *testing.T, want ...string) {
	t.Helper()
	if got := b.slots.layout(); !slices.Equal(got, want) {
		t.Errorf("the board is %v, want %v", got, want)
	}
}

func (b *Board) show(me string, users ...event.User) {
	r := Room{Users: users, Count: len(users)}
	for _, u := range users {
		if u.ID == me {
			r.Me = u
		}
	}
	b.Show(r, false, start)
}

func TestArrivalsAreAppendedAndFadeIn(t *testing.T) {
	var b Board
	b.show("me", user("a", 1), user("me", 2))
	b.expect(t, "me", "a") // nobody arrives at the first look
	b.show("me", user("a", 1), user("me", 2), user("b", 3))
	b.expect(t, "me", "a", "+b")
	if !b.Fading() || b.Sweep(start.Add(Transition/2)) {
		t.Error("it does not fade as long as it should")
	}
	if !b.Sweep(start.Add(Transition)) || b.Fading() {
		t.Error("it fades for ever")
	}
	b.expect(t, "me", "a", "b")
}

func TestWhoWasLeavingIsNotSeenInAnotherRoom(t *testing.T) {
	var b Board
	b.show("me", user("a", 1), user("me", 2), user("b", 3))
	b.show("me", user("a", 1), user("me", 2))
	b.expect(t, "me", "a", "(b)")
	b.Show(Room{}, true, start)
	b.expect(t)
}

func TestWhoLeavesMovesNobody(t *testing.T) {
	var b Board
	me, a, c, d := user("me", 1), user("a", 2), user("c", 3), user("d", 4)
	b.show("me", me, a, c, d)
	b.show("me", me, c, d)
	b.expect(t, "me", "(a)", "c", "d")
	b.Sweep(start.Add(Transition / 2))
	b.expect(t, "me", "(a)", "c", "d")
	b.Sweep(start.Add(Transition))
	b.expect(t, "me", "-", "c", "d")
	b.show("me", me, c)
	b.Sweep(start.Add(Transition))
	b.expect(t, "me", "-", "c") // behind the last box nothing is kept
	if b.slots.rebuilt != 0 {
		t.Error("somebody moved")
	}
}

func TestWhoComesBackIsLast(t *testing.T) {
	var b Board
	me, a, c := user("me", 1), user("a", 2), user("c", 3)
	b.show("me", me, a, c)
	b.show("me", me, c, user("a", 9)) // left and came back between two frames
	b.expect(t, "me", "-", "c", "+a")
	b.Sweep(start.Add(Transition))
	b.show("me", me, user("a", 9))
	b.show("me", me, user("a", 9), user("c", 10)) // while still fading
	b.expect(t, "me", "-", "(c)", "a", "+c")
}

// As people of another server, who become known after those whom they came before.
func TestWhoWasHereBeforeOthersMovesNobody(t *testing.T) {
	var b Board
	me, a, c, d := user("me", 1), user("a", 2), user("c", 4), user("d", 7)
	b.show("me", me, a, c, d)
	b.show("me", me, a, user("b", 3), c, d)
	b.expect(t, "me", "a", "+b", "c", "d")
	b.show("me", me, a, user("b", 3), c)
	b.Sweep(start.Add(Transition))
	b.expect(t, "me", "a", "b", "c", "-")
	b.show("me", me, a, user("b", 3), user("x", 3), c, user("y", 6))
	b.expect(t, "me", "a", "b", "+x", "c", "+y") // in the slot that was vacant behind c
	b.Show(Room{Users: []event.User{me, user("b", 3), user("x", 3), user("z", 3), c, user("y", 6), d}, Me: me}, true, start)
	b.expect(t, "me", "-", "b", "x", "z", "c", "y", "d")
	if b.slots.rebuilt != 0 || b.Fading() {
		t.Errorf("everybody moved %d times; fading: %v", b.slots.rebuilt, b.Fading())
	}
}

func TestAChangeStaysInItsPlace(t *testing.T) {
	var b Board
	me, a, c := user("me", 1), user("a", 2), user("c", 3)
	b.show("me", me, a, c)
	a.Name, me.Name = "Renamed", "Me too"
	b.show("me", me, a, c)
	b.expect(t, "me", "a", "c")
	if b.Slots()[1].User.Name != "Renamed" || b.Slots()[0].User.Name != "Me too" {
		t.Errorf("the board has %v", b.Slots())
	}
}

func TestAReturnOfOneselfStaysFirst(t *testing.T) {
	var b Board
	b.show("me", user("me", 1), user("a", 2))
	b.show("me", user("a", 2), user("me", 3))
	b.expect(t, "me", "a")
}

func TestAfterATimeAwayNobodyIsSeenToComeOrGo(t *testing.T) {
	var b Board
	b.show("me", user("me", 1), user("a", 2))
	b.Show(Room{Users: []event.User{user("me", 1), user("b", 3)}, Me: user("me", 1)}, true, start)
	b.expect(t, "me", "b")
	if b.Fading() {
		t.Error("something fades")
	}
}

func TestASearchFadesNobody(t *testing.T) {
	var b Board
	b.show("me", user("me", 1), user("a", 2), user("b", 3))
	r := b.Room()
	r.Query = "of b"
	b.Show(r, false, start)
	b.expect(t, "-", "-", "b")
	r.Query = ""
	b.Show(r, false, start)
	b.expect(t, "me", "a", "b")
}

func TestTheBoardsOldListIsLeftAlone(t *testing.T) {
	var b Board
	b.show("me", user("me", 1), user("a", 2))
	drawn, copied := b.Slots(), slices.Clone(b.Slots())
	b.show("me", user("me", 1))
	b.Sweep(start.Add(time.Minute))
	if !slices.Equal(drawn, copied) {
		t.Errorf("go-app compares with %v, which was %v", drawn, copied)
	}
}

// page is the elements of a list as go-app and Boxes leave them: go-app adds at
// the end and removes those that it has added last.
type page struct {
	list []int // which element stands where
	ring Ring
}

func (p *page) draw(t *rapid.T, b *Board) {
	n := len(b.Slots())
	p.list = slices.DeleteFunc(p.list, func(element int) bool { return element >= n })
	for i := len(p.list); i < n; i++ {
		p.list = append(p.list, i)
	}
	rotate, order := p.ring.Arrange(b.Slots())
	if rotate < 0 {
		rotate += n
	}
	p.list = slices.Concat(p.list[rotate:], p.list[:rotate])
	if order != nil {
		stood := slices.Clone(p.list)
		for i, at := range order {
			p.list[i] = stood[at]
		}
	}
	for i, slot := range b.Slots() {
		if p.list[i] != slot.Element {
			t.Fatalf("in slot %d is element %d, want %d; on the page is %v", i, p.list[i], slot.Element, p.list)
		}
	}
}

// TestTheBoardIsTheRoster plays random rosters, scrolled at random, and checks
// what is drawn against each.
func TestTheBoardIsTheRoster(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var b Board
		now, clock, names := start, int64(0), 0
		here := []event.User{user("me", 0)}
		columns := rapid.IntRange(1, 9).Draw(t, "columns")
		b.Lay(Layout{Columns: columns, Pitch: 100}, now)
		top, height := 0.0, float64(rapid.IntRange(100, 900).Draw(t, "height"))
		var drawn page
		before, rebuilt := map[string]int{}, 0
		stay := func() { // who was drawn before and still is, in the same element
			t.Helper()
			at := map[string]int{}
			for _, slot := range b.Slots() {
				if slot.State != Taken && slot.State != Arriving {
					continue
				}
				at[slot.User.ID] = slot.Element
				if was, known := before[slot.User.ID]; known && was != slot.Element && rebuilt == b.slots.rebuilt {
					t.Fatalf("%s moved from %d to %d: %v", slot.User.ID, was, slot.Element, b.slots.layout())
				}
			}
			before, rebuilt = at, b.slots.rebuilt
		}
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			switch rapid.IntRange(0, 4).Draw(t, "step") {
			case 0:
				for range rapid.IntRange(1, 200).Draw(t, "arrivals") {
					clock++
					names++
					here = append(here, user(fmt.Sprint("u", names), clock))
				}
			case 1:
				for range rapid.IntRange(1, 20).Draw(t, "departures") {
					if len(here) > 1 {
						i := rapid.IntRange(1, len(here)-1).Draw(t, "who")
						here = slices.Delete(here, i, i+1)
					}
				}
			case 2:
				top = -rapid.Float64Range(0, float64(len(here)/columns+1)*100).Draw(t, "scroll")
				b.Scroll(top, height)
			case 4: // who become known late
				for range rapid.IntRange(1, 20).Draw(t, "earlier") {
					names++
					here = append(here, user(fmt.Sprint("u", names), rapid.Int64Range(0, clock).Draw(t, "since")))
				}
				slices.SortFunc(here, event.User.Compare)
			case 3:
				top = min(0, top+rapid.Float64Range(-300, 300).Draw(t, "a little"))
				b.Scroll(top, height)
			}
			b.Show(Room{Users: slices.Clone(here), Me: here[0], Count: len(here)}, false, now)
			stay()
			for inTime := rapid.Bool().Draw(t, "in time"); inTime && b.Growing(); {
				b.Grow(start)
				stay()
			}

			shown := slices.DeleteFunc(slices.Clone(b.Slots()), func(s Slot) bool { return s.State == Vacant || s.State == Departing })
			if len(b.Slots()) > maxSlots || len(shown) > MaxBoxes {
				t.Fatalf("%d slots, %d boxes", len(b.Slots()), len(shown))
			}
			for i, slot := range shown {
				if place := b.First() + i; slot.User != here[place-1] {
					t.Fatalf("place %d has %v, want %v", place, slot.User, here[place-1])
				}
			}
			if rapid.Bool().Draw(t, "drawn") {
				drawn.draw(t, &b)
			}
			s := b.layout.sight(top, height, len(here))
			if !b.Growing() && (b.drawn.from > s.from || b.drawn.to < min(s.to, s.from+MaxBoxes)) {
				t.Fatalf("%v is in sight of %d, drawn is %v", s, len(here), b.drawn)
			}
			above, below := b.Spacers()
			rows := (len(here) + columns - 1) / columns
			drawn := (len(shown) + columns - 1) / columns
			if above%100 != 0 || above+below+drawn*100 != rows*100 {
				t.Fatalf("%d above, %d rows drawn, %d below of %d rows", above, drawn, below, rows)
			}
			now = now.Add(time.Duration(rapid.IntRange(0, 500).Draw(t, "ms")) * time.Millisecond)
			b.Sweep(now)
		}
	})
}

// TestScrollingKeepsWhoStaysInSight is why a board is quick to scroll: who is
// drawn before and after is not drawn anew.
func TestScrollingKeepsWhoStaysInSight(t *testing.T) {
	var b Board
	users := someUsers(400)
	b.Lay(Layout{Columns: 4, Pitch: 100}, start)
	b.Scroll(0, 600)
	b.show("0", users...)
	b.settle()
	for top := 0.0; top < 9000; top += 150 {
		b.Scroll(-top, 600)
		b.settle()
	}
	for top := 9000.0; top > 0; top -= 150 {
		b.Scroll(-top, 600)
		b.settle()
	}
	if b.slots.rebuilt > 0 {
		t.Errorf("%d times everybody moved, over 15 screens down and up", b.slots.rebuilt)
	}
}

func TestLayoutsThatCannotBeAreIgnored(t *testing.T) {
	var b Board
	for _, l := range []Layout{{}, {Columns: -1, Pitch: 10}, {Columns: 3}} {
		if b.Lay(l, start) {
			t.Errorf("%+v is taken", l)
		}
	}
}
