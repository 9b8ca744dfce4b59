package board

// MaxBoxes is the largest number of boxes that a board draws. A screen with space for
// more stays empty below them. MaxBoxes and a viewStep fit into a view.
const MaxBoxes = 168

// Layout is how the stylesheet and the screen arrange the boxes. The zero Layout means
// that the browser has not told it yet.
type Layout struct {
	Columns int
	Pitch   float64 // from one row to the next, in pixels
}

// defaultLayout is used until the browser has told the layout. It has enough boxes for
// the first picture on a large screen, and few enough to be quick.
var defaultLayout = Layout{Columns: 6, Pitch: 184}

// span is a part of a board: the places from from on, up to but without to.
type span struct{ from, to int }

// within returns the place, or where that is outside the part, the nearer end of it.
func (s span) within(place int) int { return max(s.from, min(place, s.to)) }

// sight returns the part of a board of n places that is visible, in full rows. The
// board begins top pixels below the upper edge of a window of that height. Top is
// negative when the window is scrolled down.
func (l Layout) sight(top, height float64, n int) span {
	first := int(-top / l.Pitch)
	last := int((height-top)/l.Pitch) + 1
	return span{l.place(first, n), l.place(last, n)}
}

// rows returns how many rows the places need.
func (l Layout) rows(places int) int { return (places + l.Columns - 1) / l.Columns }

// place returns the first place of a row of a board of n places.
func (l Layout) place(row, n int) int {
	return min(n, max(0, min(row, l.rows(n)))*l.Columns)
}

// around returns the part to draw when s is visible: the same number of rows more above
// and below, so that scrolling finds boxes there.
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

// covers reports whether the part that is drawn is still enough when s is visible: it
// has at least half as many rows more above and below, where the board has them.
func (l Layout) covers(drawn, s span, n int) bool {
	slack := l.around(s, n)
	half := func(all int) int { return all / 2 / l.Columns * l.Columns }
	return drawn.from <= s.from-half(s.from-slack.from) && drawn.to >= s.to+half(slack.to-s.to) &&
		drawn.to-drawn.from <= MaxBoxes
}

// grow returns the part to draw next: at most that many boxes nearer to the goal. The
// visible boxes come first, from the top on, then those below and above. Above, only
// full rows can be added.
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
