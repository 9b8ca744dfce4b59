package board

import "time"

// Idle is how long a tab that is looked at may be without input before it
// counts as unused. The server waits for a while longer before it shows anybody
// as away.
const Idle = 30 * time.Second

// Attention is whether a tab is used: it is looked at, and there has been
// input of late. A browser hardly runs the timers of a hidden tab, so nothing
// here needs one: that the tab is hidden is an event, and the only timer is
// for a tab that is looked at. The zero Attention has never been told
// anything.
type Attention struct {
	hidden bool
	input  time.Time
	said   bool // Active has been asked for
	active bool // what it said
}

// Hidden says whether the tab is out of sight.
func (a *Attention) Hidden(hidden bool, now time.Time) {
	a.hidden = hidden
	if !hidden {
		a.input = now // they came back
	}
}

// Input says that there was input. It reports whether Active may have changed
// by that, since input comes often.
func (a *Attention) Input(now time.Time) bool {
	a.input = now
	return !a.active
}

// Active returns whether the tab is used, and whether that is news.
func (a *Attention) Active(now time.Time) (active, news bool) {
	active = !a.hidden && now.Sub(a.input) < Idle
	news = !a.said || active != a.active
	a.said, a.active = true, active
	return active, news
}

// Due is when Active will change by itself if nothing happens. It reports
// false if it will not.
func (a *Attention) Due() (time.Time, bool) { return a.input.Add(Idle), a.active }
