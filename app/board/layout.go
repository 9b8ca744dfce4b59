package board

// MaxBoxes is how many boxes a board draws at most, whatever the screen: of one
// on which more would be in sight, the rest stays empty. With a step of views
// it fits into a view.
const MaxBoxes = 168

// Layout is how boxes lie on a board, as the stylesheet and the screen have
// it. The zero Layout is not known yet.
type Layout struct {
	Columns int
	Pitch   float64 // from one row to the next, in pixels
}

// guess is the layout until the browser has told: enough boxes for the first
// frame of a large screen, and few enough to be quick.
var guess = Layout{Columns: 6, Pitch: 184}

// span is a part of a board: the places from one on up to another.
type span struct{ from, to int }

// within is a place, or the end of the part that is next to it.
func (s span) within(place int) int { return max(s.from, min(place, s.to)) }

// sight is the part of a board of n places that is on the screen, in full
// rows. The board begins top pixels below the upper edge of a window of that
// height; scrolled down, top is negative.
func (l Layout) sight(top, height float64, n int) span {
	first := int(-top / l.Pitch)
	last := int((height-top)/l.Pitch) + 1
	return span{l.place(first, n), l.place(last, n)}
}

// rows is how many rows so many places take.
func (l Layout) rows(places int) int { return (places + l.Columns - 1) / l.Columns }

// place is the first place of a row, within a board of n.
func (l Layout) place(row, n int) int {
	return min(n, max(0, min(row, l.rows(n)))*l.Columns)
}

// around is the part to draw for what is in sight: with as much again above
// and below, so that scrolling finds the boxes there.
func (l Layout) around(s span, n int) span {
	rows := l.rows(s.to - s.from)
	if most := MaxBoxes/l.Columns - rows; 2*rows > most {
		rows = max(0, most/2)
	}
	first, last := s.from/l.Columns-rows, l.rows(s.to)+rows
	w := span{l.place(first, n), l.place(last, n)}
	w.to = min(w.to, w.from+MaxBoxes)
	return w
}

// covers reports whether a part that is drawn still does for what is in
// sight: with at least half of it again above and below, where there is any.
func (l Layout) covers(drawn, s span, n int) bool {
	slack := l.around(s, n)
	half := func(all int) int { return all / 2 / l.Columns * l.Columns }
	return drawn.from <= s.from-half(s.from-slack.from) && drawn.to >= s.to+half(slack.to-s.to) &&
		drawn.to-drawn.from <= MaxBoxes
}

// grow is the part that is drawn, that many boxes nearer to the goal: first
// what is in sight, from its beginning on, then what is below and above, where
// only full rows can be added.
func (l Layout) grow(drawn, sight, goal span, boxes int) span {
	drawn = span{max(drawn.from, goal.from), min(drawn.to, goal.to)}
	if drawn.from >= drawn.to {
		drawn = span{sight.from, sight.from}
	}
	down := func(to int) {
		if more := min(boxes, to-drawn.to); more > 0 {
			drawn.to, boxes = drawn.to+more, boxes-more
		}
	}
	up := func(from int) {
		if more := min(l.rows(boxes)*l.Columns, drawn.from-from); more > 0 {
			drawn.from, boxes = drawn.from-more, max(0, boxes-more)
		}
	}
	down(min(sight.to, goal.to))
	up(max(sight.from, goal.from))
	down(goal.to)
	up(goal.from)
	return drawn
}
