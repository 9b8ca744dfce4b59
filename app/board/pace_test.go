package board

import (
	"testing"
	"time"
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
	expect(0, firstBoxes)
	expect(80*time.Millisecond, 3)
	expect(time.Second, fewest)
	expect(40*time.Millisecond, 3) // neither quick nor slow
	expect(17*time.Millisecond, 6)
	expect(17*time.Millisecond, 12)
	p.rest()
	expect(time.Hour, 12) // there was nothing to draw
	for range 9 {
		now = now.Add(time.Millisecond)
		p.next(now)
	}
	expect(time.Millisecond, most)
}

func TestABoardIsDrawnInStepsAndInTheEndWhole(t *testing.T) {
	var b Board
	b.Lay(Layout{Columns: 5, Pitch: 100}, start)
	b.Scroll(0, 400)
	users := someUsers(400)
	b.Show(Room{Users: users, Me: users[0], Count: len(users)}, true, start)
	if got := len(b.Slots()); got != firstBoxes || !b.Growing() {
		t.Errorf("%d boxes at first, growing: %v", got, b.Growing())
	}
	// Somebody who comes meanwhile does not speed it up.
	users = append(users, user("late", 999))
	b.Show(Room{Users: users, Me: users[0], Count: len(users)}, false, start)
	if got := len(b.Slots()); got != firstBoxes {
		t.Errorf("%d boxes, when somebody came", got)
	}
	now, steps := start, 0
	for ; b.Growing(); steps++ {
		before := len(b.Slots())
		now = now.Add(time.Second)
		if !b.Grow(now) || len(b.Slots()) > before+fewest+5 {
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
