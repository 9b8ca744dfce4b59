package board

import "time"

// pace is how many boxes are drawn at once: as many as the browser gets on the
// screen without a pause that could be felt. What it takes depends on the
// device, and on a page that has just been opened much of the program still
// has to be compiled.
type pace struct {
	boxes int       // 0 is firstBoxes
	last  time.Time // when the last were drawn; zero if there was nothing to draw since
}

const (
	firstBoxes = 6
	fewest     = 3
	most       = 16
	// quick and slow are from one step to the next: two pictures at 60 a
	// second, and what is felt as a pause.
	quick = 35 * time.Millisecond
	slow  = 50 * time.Millisecond
)

// next is how many boxes to draw now.
func (p *pace) next(now time.Time) int {
	if p.boxes == 0 {
		p.boxes = firstBoxes
	}
	if !p.last.IsZero() {
		switch took := now.Sub(p.last); {
		case took <= quick:
			p.boxes = min(2*p.boxes, most)
		case took > slow:
			p.boxes = max(p.boxes/2, fewest)
		}
	}
	p.last = now
	return p.boxes
}

// rest is when all has been drawn: the time until there is more says nothing.
func (p *pace) rest() { p.last = time.Time{} }
