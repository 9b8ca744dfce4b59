package board

import "time"

// Idle is how long a tab that is looked at may be without input before it
// counts as unused. The server waits for a while longer before it shows anybody
// as away.
const Idle = 30 * time.Second

// Attention says whether a tab is used: it is visible, and there was input within
// [Idle]. A browser hardly runs the timers of a hidden tab, so nothing here needs a
// timer in one: the browser tells when a tab is hidden. The zero Attention is of a
// visible tab without input.
type Attention struct {
	hidden bool
	input  time.Time
	asked  bool // Active has been called
	active bool // what it returned
}

// Hidden notes whether the tab is hidden.
func (a *Attention) Hidden(hidden bool, now time.Time) {
	a.hidden = hidden
	if !hidden {
		a.input = now // they came back
	}
}

// Input notes that there was input. It reports whether Active has to be called: input
// comes often.
func (a *Attention) Input(now time.Time) bool {
	a.input = now
	return !a.active
}

// Active returns whether the tab is used, and whether that has changed since the last
// call.
func (a *Attention) Active(now time.Time) (active, news bool) {
	active = !a.hidden && now.Sub(a.input) < Idle
	news = !a.asked || active != a.active
	a.asked, a.active = true, active
	return active, news
}

// Due returns when Active changes if nothing happens. It reports false if it does not
// change then.
func (a *Attention) Due() (time.Time, bool) { return a.input.Add(Idle), a.active }
