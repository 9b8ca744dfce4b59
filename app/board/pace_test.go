package board

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"rollcall/shared/event"
)

func TestAsManyBoxesAreDrawnAtOnceAsTheDeviceCanTake(t *testing.T) {
	var p pace
	now := start
	expect := func(after time.Duration, want int) {
		t.Helper()
		now = now.Add(after)
		if got := p.next(now); got != want {
			t.Errorf("after %v it is %d boxes, want %d", after, got, want)
		}
	}
	expect(0, firstStep)
	expect(80*time.Millisecond, 3)
	expect(time.Second, minStep)
	expect(40*time.Millisecond, 3) // neither quick nor slow
	expect(17*time.Millisecond, 6)
	expect(17*time.Millisecond, 12)
	p.stop()
	expect(time.Hour, 12) // there was nothing to draw
	for range 9 {
		now = now.Add(time.Millisecond)
		p.next(now)
	}
	expect(time.Millisecond, maxStep)
}

func TestABoardIsDrawnInStepsAndInTheEndWhole(t *testing.T) {
	var b Board
	b.Lay(Layout{Columns: 5, Pitch: 100}, start)
	b.Scroll(0, 400)
	users := someUsers(400)
	b.Show(Room{Users: users, Me: users[0], Count: len(users)}, true, start)
	if got := len(b.Slots()); got != firstStep || !b.Growing() {
		t.Errorf("%d boxes at first, growing: %v", got, b.Growing())
	}
	// Somebody who comes meanwhile does not speed it up.
	users = append(users, user("late", 999))
	b.Show(Room{Users: users, Me: users[0], Count: len(users)}, false, start)
	if got := len(b.Slots()); got != firstStep {
		t.Errorf("%d boxes, when somebody came", got)
	}
	now, steps := start, 0
	for ; b.Growing(); steps++ {
		before := len(b.Slots())
		now = now.Add(time.Second)
		if !b.Grow(now) || len(b.Slots()) > before+minStep+5 {
			t.Fatalf("from %d to %d boxes at once, on a slow device", before, len(b.Slots()))
		}
	}
	if got := len(b.Slots()); got < 20 || steps < 5 {
		t.Errorf("%d boxes after %d steps", got, steps)
	}
	b.Scroll(-2000, 400)
	if !b.Growing() {
		t.Error("after a scroll to where nothing is drawn, there is nothing to draw")
	}
	b.settle()
	if b.drawn.from > 100 || b.drawn.to < 120 {
		t.Errorf("places %d to %d are in sight, %v are drawn", 100, 120, b.drawn)
	}
}

func TestALayoutThatComesLateTakesNothingAway(t *testing.T) {
	var b Board
	users := someUsers(400)
	b.Show(Room{Users: users, Me: users[0], Count: len(users)}, true, start)
	b.Grow(start)
	before := len(b.Slots())
	b.Lay(Layout{Columns: 4, Pitch: 100}, start)
	if got := len(b.Slots()); got < before || before == 0 {
		t.Errorf("of %d boxes %d are left", before, got)
	}
	b.Scroll(-5000, 400)
	b.settle()
	b.Lay(Layout{Columns: 7, Pitch: 100}, start)
	if above, _ := b.Spacers(); above != b.drawn.from/7*100 || b.drawn.from%7 != 0 {
		t.Errorf("drawn is %v, below %d pixels", b.drawn, above)
	}
}

func TestATimeWithNothingToDrawIsNotTakenForSlow(t *testing.T) {
	var b Board
	b.Lay(Layout{Columns: 5, Pitch: 100}, start)
	b.Scroll(0, 400)
	users := someUsers(400)
	b.Show(Room{Users: users, Me: users[0], Count: len(users)}, true, start)
	now := start
	grow := func(after time.Duration) {
		now = now.Add(after)
		b.Grow(now)
	}
	for b.Growing() {
		grow(time.Second) // a slow device, which takes small steps
	}
	b.Scroll(-400, 400)
	if grow(time.Second); !b.Growing() {
		t.Fatal("it is drawn in one step")
	}
	// Steps in time would be larger ones.
	if grow(quick); !b.Growing() {
		t.Fatal("it is drawn in two steps")
	}
	b.Scroll(0, 400) // leads back to what is drawn before all below is
	if b.Growing() {
		t.Fatal("what is drawn does not do for the scroll back")
	}
	before := b.pace.boxes
	b.Scroll(-2000, 400)
	grow(time.Hour)
	if b.pace.boxes != before {
		t.Errorf("after a while %d boxes are drawn at once, before it were %d", b.pace.boxes, before)
	}
}

// TestWhatALargeRoomAnswersIsShownInSteps scrolls at random through a room whose
// parts come late, and counts how many boxes change at once.
func TestWhatALargeRoomAnswersIsShownInSteps(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const n = 3000
		users := someUsers(n)
		columns := rapid.IntRange(1, 9).Draw(t, "columns")
		height := float64(rapid.IntRange(100, 900).Draw(t, "height"))
		var b Board
		b.Lay(Layout{Columns: columns, Pitch: 100}, start)
		view := event.View{Count: event.MaxView}
		show := func() {
			end := min(n, view.From+view.Count)
			b.Show(Room{Users: users[view.From:end], Me: users[0], Count: n, Large: true, From: view.From, Total: n}, false, start)
		}
		now := start
		drawn := make(map[string]bool) // who was shown before
		step := func() {
			t.Helper()
			changed, shown := 0, make(map[string]bool)
			for i, slot := range slices.DeleteFunc(slices.Clone(b.Slots()), func(s Slot) bool { return s.State == Vacant }) {
				place := b.First() - 1 + i
				if slot.Known && slot.User != users[place] || !slot.Known && slot.User.ID != unknown(place) {
					t.Fatalf("place %d shows %v", place, slot.Item)
				}
				if shown[slot.User.ID] = true; slot.Known && !drawn[slot.User.ID] {
					changed++
				}
			}
			if limit := maxStep + 2*columns + 1; changed > limit { // a step ends with a row, below and above; and oneself
				t.Fatalf("%d people came into sight at once, of at most %d", changed, limit)
			}
			drawn = shown
		}
		show()
		step()
		for range rapid.IntRange(1, 20).Draw(t, "steps") {
			switch rapid.IntRange(0, 2).Draw(t, "step") {
			case 0:
				b.Scroll(-rapid.Float64Range(0, float64(n/columns)*100).Draw(t, "scroll"), height)
			case 1:
				b.Scroll(min(0, b.top+rapid.Float64Range(-600, 600).Draw(t, "a little")), height)
			case 2:
				if wanted, more := b.Wants(); more {
					view = wanted
					show()
					step()
				}
			}
			for range rapid.IntRange(0, 9).Draw(t, "frames") {
				now = now.Add(16 * time.Millisecond)
				b.Grow(now)
				step()
			}
		}
		for b.Growing() {
			now = now.Add(16 * time.Millisecond)
			b.Grow(now)
			step()
		}
		for i, item := range b.Room().Items(b.drawn.from, b.drawn.to) {
			if place := b.drawn.from + i; item.Known && !drawn[item.User.ID] {
				t.Fatalf("%v is known to be in place %d, and not shown", item.User, place)
			}
		}
	})
}
