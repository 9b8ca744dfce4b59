package visit

import "time"

// deadline is something that a machine does later by itself.
type deadline int

const (
	pageHidden      deadline = iota // the page is shown after [HidePage]
	lossShown                       // a lost connection is shown
	countProclaimed                 // title and badge are brought up to date
	secondPassed                    // the seconds to the next attempt are shown anew
	newsDue                         // a screen reader is told who came and went
	boxesFaded                      // the board takes away what has faded
	viewWanted                      // a view of a large room is asked for
	searchAnswered                  // a screen reader is told what a search has found
	remarkOver                      // a remark is over
	unreached                       // the server is asked for again
	dialogNext                      // the next dialog is opened
	sessionUnended                  // the server is asked again to forget
	deadlineCount
)

// deadlines are when a machine does what; the zero time is never.
type deadlines [deadlineCount]time.Time

// set has something done after a while, unless it is to be done already.
func (m *Machine) set(d deadline, after time.Duration) {
	if m.deadlines[d].IsZero() {
		m.reset(d, after)
	}
}

// reset has something done after a while, and not when it was to be done before.
func (m *Machine) reset(d deadline, after time.Duration) {
	m.deadlines[d] = m.now.Add(max(0, after))
}

// stop has something not done.
func (ds *deadlines) stop(d deadline) { ds[d] = time.Time{} }

// stopClient stops what was for a client that has been replaced.
func (ds *deadlines) stopClient() {
	for d := range ds {
		switch deadline(d) {
		case pageHidden, remarkOver, dialogNext, sessionUnended:
		default:
			ds[d] = time.Time{}
		}
	}
}

// Next is when the machine wants to be told [Time]. It reports false if it waits for
// nothing.
func (m *Machine) Next() (time.Time, bool) {
	var next time.Time
	for _, at := range m.deadlines {
		if !at.IsZero() && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	return next, !next.IsZero()
}

// due does all that is to be done by now.
func (m *Machine) due() {
	for d := range deadlineCount {
		if at := m.deadlines[d]; at.IsZero() || m.now.Before(at) {
			continue
		}
		m.deadlines.stop(d)
		switch d {
		case pageHidden:
			m.do(ShowPage{})
		case lossShown:
			m.showLoss()
		case countProclaimed:
			m.proclaimCount()
		case secondPassed:
			m.countDown()
		case newsDue:
			m.say(m.news.Say(m.Count(), m.now))
		case boxesFaded:
			m.board.Sweep(m.now)
			m.sweepLater()
		case viewWanted:
			m.wantView()
		case searchAnswered:
			m.sayFound()
		case remarkOver:
			m.endRemark()
		case unreached:
			if m.unreachable && !m.hidden {
				m.probe()
			}
		case dialogNext:
			m.open(m.next)
			m.next = Open{}
		case sessionUnended:
			m.do(EndSession{})
		}
	}
}
