package board

import "time"

// pace decides how many boxes are drawn at once: as many as the browser can show
// without a pause that people feel. That depends on the device. Just after a page was
// opened, the browser still has to compile much of the program.
type pace struct {
	boxes int       // in the last step; 0 before the first
	last  time.Time // when the last step was; zero if everything was drawn after it
}

const (
	firstStep = 6
	minStep   = 3
	maxStep   = 16
	// quick and slow are times from one step to the next: two pictures at 60 a
	// second, and a pause that people feel.
	quick = 35 * time.Millisecond
	slow  = 50 * time.Millisecond
)

// next returns how many boxes to draw now.
func (p *pace) next(now time.Time) int {
	if p.boxes == 0 {
		p.boxes = firstStep
	}
	if !p.last.IsZero() {
		switch took := now.Sub(p.last); {
		case took <= quick:
			p.boxes = min(2*p.boxes, maxStep)
		case took > slow:
			p.boxes = max(p.boxes/2, minStep)
		}
	}
	p.last = now
	return p.boxes
}

// stop notes that everything is drawn: the time until the next step says nothing about
// the device.
func (p *pace) stop() { p.last = time.Time{} }
