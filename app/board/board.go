package board

import (
	"time"

	"rollcall/shared/event"
)

// Board is the boxes of a room: who is in which box, and which boxes are drawn. The
// zero Board is empty, and the browser has not told its layout. Not safe for
// concurrent use.
type Board struct {
	keys   keys
	room   Room
	slots  slots
	layout Layout
	top    float64 // of the board, from the upper edge of the window
	height float64 // of the window
	drawn  span
	// revealed is the part of drawn that shows who is there. The others are not known
	// yet, or became known a moment ago and follow with the next step.
	revealed span
	// growing is whether more boxes are to be drawn or revealed.
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

// Rev changes whenever there is something else to draw.
func (b *Board) Rev() int { return b.rev }

// Slots returns the elements of the list, in the order of the page. The slice does not
// change afterwards.
func (b *Board) Slots() []Slot { return b.slots.list }

// First returns the place of the first box that is drawn, counted from 1. The other
// boxes follow in the order of their slots.
func (b *Board) First() int { return b.drawn.from + 1 }

// Len returns how many places there are, drawn or not.
func (b *Board) Len() int { return b.room.Len() }

// Room returns the room as it was shown last.
func (b *Board) Room() Room {
	r := b.room
	r.order = nil // for the caller to change
	return r
}

// Spacers returns the height in pixels of the rows that are not drawn: above and below
// the rows that are.
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

// difference returns who is only in the second list, and who is only in the first.
// People who left and came back have arrived.
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

// Lay sets the layout. It reports whether that has changed, so that the board is to be
// drawn anew.
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

// Scroll sets where the board is: top pixels below the upper edge of a window of that
// height. [Board.Grow] draws what is missing then.
func (b *Board) Scroll(top, height float64) {
	b.top, b.height = top, height
	s, goal := b.goal()
	_, more := b.reveal(b.drawn, s, 0)
	b.aim(b.lay().grow(b.drawn, s, goal, 0), goal, more)
}

// Sweep ends every fading that is over by now. It reports whether there is something
// else to draw.
func (b *Board) Sweep(now time.Time) bool {
	if !b.slots.sweep(now) {
		return false
	}
	b.rev++
	return true
}

// Grow draws more boxes, when those that were drawn before are on the screen. It
// reports whether there is something else to draw.
func (b *Board) Grow(now time.Time) bool {
	before := b.rev
	b.draw(false, now, nil, nil)
	return b.rev != before
}

// Growing reports whether Grow has more to draw. A screen full of boxes takes longer
// than the time between two pictures.
func (b *Board) Growing() bool { return b.growing }

// Fading reports whether Sweep will have something to do soon.
func (b *Board) Fading() bool { return b.slots.fading }

func (b *Board) lay() Layout {
	if b.layout == (Layout{}) {
		return defaultLayout
	}
	return b.layout
}

// goal returns the part that is visible, and the part that should be drawn for that.
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

// aim notes whether more is to be drawn or revealed than drawn.
func (b *Board) aim(drawn, goal span, more bool) {
	if b.growing = drawn != goal || more; !b.growing {
		b.pace.stop()
	}
}

// draw chooses the part to draw and puts people into slots. It changes nothing if that
// part is drawn already, unless always is set.
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
	b.slots.enough = max(b.slots.enough, min(maxSlots, 3*(s.to-s.from)+maxStep))
	b.slots.put(items, next.from+1, arrived, gone, now)
	b.rev++
}

// reveal returns which places of a part are to show who is there: at most that many
// more than before. It reports whether more places are known than those.
func (b *Board) reveal(part, sight span, boxes int) (revealed span, more bool) {
	known := b.room.known(part)
	revealed = b.lay().grow(b.revealed, span{known.within(sight.from), known.within(sight.to)}, known, boxes)
	return revealed, revealed != known
}
