package board

import (
	"time"

	"rollcall/shared/event"
)

// Board is the boxes of a room: who is in which, and which of them are drawn.
// The zero Board is an empty one that has not been laid out. It is not safe
// for concurrent use.
type Board struct {
	keys   keys
	room   Room
	slots  slots
	layout Layout
	top    float64 // of the board, from the upper edge of the window
	height float64 // of the window
	drawn  span
	// revealed is the part of drawn that shows who is there. Of the rest that
	// is not known yet, or was not until a moment ago.
	revealed span
	// growing says that drawn is not yet all that should be.
	growing bool
	pace    pace
	known   bool // a room has been shown: who comes from now on arrives
	rev     int
}

// New returns an empty board. Decompose brings a text into Unicode's NFKD, for
// searches; browsers have the tables that it needs.
func New(decompose func(string) string) *Board {
	return &Board{keys: keys{decompose: decompose}}
}

// Rev changes whenever what there is to draw does.
func (b *Board) Rev() int { return b.rev }

// Slots are the elements of the list, in the order of the page. They are not
// changed any more.
func (b *Board) Slots() []Slot { return b.slots.list }

// First is the place of the first box that is drawn, counted from 1. The others
// follow in the order of their slots.
func (b *Board) First() int { return b.drawn.from + 1 }

// Len is how many places there are, drawn or not.
func (b *Board) Len() int { return b.room.Len() }

// Room is the room as it was last shown.
func (b *Board) Room() Room {
	r := b.room
	r.order = nil // for the caller to change
	return r
}

// Spacers are how many pixels the rows take that are not drawn: above those
// that are, and below.
func (b *Board) Spacers() (above, below int) {
	l := b.lay()
	above = int(float64(l.rows(b.drawn.from)) * l.Pitch)
	below = int(float64(max(0, l.rows(b.room.Len())-l.rows(b.drawn.to))) * l.Pitch)
	return above, below
}

// Height is how many pixels all rows take, drawn or not.
func (b *Board) Height() int {
	l := b.lay()
	return int(float64(l.rows(b.room.Len())) * l.Pitch)
}

// Wants is the view of a large room to ask the server for. It reports false
// if all that is to be drawn is known.
func (b *Board) Wants() (event.View, bool) { return b.room.Wants(b.drawn.from, b.drawn.to) }

// Show takes over the room as it is now. Whole says that it is not what came
// of the room shown before, such as after a time without connection: then
// nobody is seen to come or go.
func (b *Board) Show(r Room, whole bool, now time.Time) {
	var arrived, gone map[string]bool
	if b.known && !whole && !r.Large && !b.room.Large && r.Query == b.room.Query {
		arrived, gone = difference(b.room.Users, r.Users)
	}
	if whole {
		b.slots.sweep(now.Add(Transition)) // who was leaving has left another board
	}
	if r.Query != b.room.Query {
		b.drawn, b.growing = span{}, false
	}
	r.keys = &b.keys
	b.room, b.known = r.arranged(), true
	b.draw(true, now, arrived, gone)
}

// difference is who is only in the one list, and who is only in the other.
// Who left and came back is in both, and arrives.
func difference(before, after []event.User) (arrived, gone map[string]bool) {
	arrived, gone = make(map[string]bool), make(map[string]bool)
	for len(before) > 0 || len(after) > 0 {
		switch {
		case len(after) == 0 || len(before) > 0 && before[0].Compare(after[0]) < 0:
			gone[before[0].ID] = true
			before = before[1:]
		case len(before) == 0 || before[0].Compare(after[0]) > 0:
			arrived[after[0].ID] = true
			after = after[1:]
		default:
			before, after = before[1:], after[1:]
		}
	}
	return arrived, gone
}

// Lay says how boxes lie. It reports whether that is another way than before,
// so that the board is to be drawn anew.
func (b *Board) Lay(l Layout, now time.Time) bool {
	if l == b.layout || l.Columns < 1 || l.Pitch <= 0 {
		return false
	}
	b.layout = l
	// A row that is drawn is drawn whole.
	b.drawn.from -= b.drawn.from % l.Columns
	b.revealed.from -= b.revealed.from % l.Columns
	b.draw(true, now, nil, nil)
	return true
}

// Scroll says where the board is: top pixels below the upper edge of a window
// of that height. What that changes is drawn by [Board.Grow].
func (b *Board) Scroll(top, height float64) {
	b.top, b.height = top, height
	s, goal := b.goal()
	_, more := b.reveal(b.drawn, s, 0)
	b.aim(b.lay().grow(b.drawn, s, goal, 0), goal, more)
}

// Sweep ends what has faded by now. It reports whether that changes what is
// drawn.
func (b *Board) Sweep(now time.Time) bool {
	if !b.slots.sweep(now) {
		return false
	}
	b.rev++
	return true
}

// Grow draws more of what should be drawn, once that which was drawn before is
// on the screen. It reports whether that changes what is.
func (b *Board) Grow(now time.Time) bool {
	before := b.rev
	b.draw(false, now, nil, nil)
	return b.rev != before
}

// Growing reports whether there is more to draw: a screen full of boxes takes
// longer than the time between two pictures.
func (b *Board) Growing() bool { return b.growing }

// Fading reports whether there is something to sweep soon.
func (b *Board) Fading() bool { return b.slots.fading }

func (b *Board) lay() Layout {
	if b.layout == (Layout{}) {
		return guess
	}
	return b.layout
}

// goal is the part in sight, and the part that should be drawn for it.
func (b *Board) goal() (sight, goal span) {
	l, n := b.lay(), b.room.Len()
	height := b.height
	if height <= 0 {
		height = 4 * l.Pitch // until the browser has told
	}
	sight = l.sight(b.top, height, n)
	goal = b.drawn
	switch {
	case b.growing || goal.to > n || !l.covers(goal, sight, n):
		goal = l.around(sight, n)
	case goal.to < n: // there may be more people now
		goal.to = max(goal.to, min(l.around(sight, n).to, goal.from+MaxBoxes))
	}
	return sight, goal
}

// aim takes in whether what is drawn is all that should be, and shows all that
// is known.
func (b *Board) aim(drawn, goal span, more bool) {
	if b.growing = drawn != goal || more; !b.growing {
		b.pace.rest()
	}
}

// draw chooses the part to draw and puts people into slots. Unless always is
// set it leaves everything as it is if the part that is drawn will do.
func (b *Board) draw(always bool, now time.Time, arrived, gone map[string]bool) {
	s, goal := b.goal()
	boxes := 0
	if !always || !b.growing { // else the next step is for what is growing already
		boxes = b.pace.next(now)
	}
	next := b.lay().grow(b.drawn, s, goal, boxes)
	revealed, more := b.reveal(next, s, boxes)
	b.aim(next, goal, more)
	if next == b.drawn && revealed == b.revealed && !always {
		return
	}
	b.drawn, b.revealed = next, revealed
	items := b.room.Items(next.from, next.to)
	for i := range items {
		if place := next.from + i; !items[i].Self && (place < revealed.from || place >= revealed.to) {
			items[i] = Item{User: event.User{ID: unknown(place)}}
		}
	}
	b.slots.enough = max(b.slots.enough, min(maxSlots, 3*(s.to-s.from)+most))
	b.slots.put(items, next.from+1, arrived, gone, now)
	b.rev++
}

// reveal is which places of a part are to show who is there: that many more of
// those that are known than before. It reports whether there are others yet.
func (b *Board) reveal(part, sight span, boxes int) (revealed span, more bool) {
	known := b.room.known(part)
	revealed = b.lay().grow(b.revealed, span{known.within(sight.from), known.within(sight.to)}, known, boxes)
	return revealed, revealed != known
}
