package visit

import "time"

// deadline is something that a machine does later by itself.
type deadline int

const (
	pageHidden      deadline = iota // the page is shown after [HidePage]
	lossShown                       // the page shows that the connection is lost
	partialShown                    // the page says that it may not show everybody
	countProclaimed                 // title and badge are brought up to date
	secondPassed                    // the page shows one second less to the next attempt
	newsDue                         // a screen reader says who came and went
	boxesFaded                      // the board takes away what has faded
	viewWanted                      // a view of a large room is asked for
	searchAnswered                  // a screen reader says what a search has found
	remarkOver                      // a remark is over
	unreached                       // the page asks again whether the server is there
	dialogNext                      // the next dialog is opened
	sessionUnended                  // the server is asked again to forget
	deadlineCount
)

// deadlines are when a machine does what; the zero time is never.
type deadlines [deadlineCount]time.Time

// set sets a deadline, unless it is set already.
func (m *Machine) set(d deadline, after time.Duration) {
	if m.deadlines[d].IsZero() {
		m.reset(d, after)
	}
}

// reset sets a deadline, in place of one that is set already.
func (m *Machine) reset(d deadline, after time.Duration) {
	m.deadlines[d] = m.now.Add(max(0, after))
}

// stop removes a deadline.
func (ds *deadlines) stop(d deadline) { ds[d] = time.Time{} }

// stopClient removes the deadlines that were for a client that is replaced.
func (ds *deadlines) stopClient() {
	for d := range ds {
		switch deadline(d) {
		case pageHidden, remarkOver, dialogNext, sessionUnended:
		default:
			ds[d] = time.Time{}
		}
	}
}

// Next returns when to give the machine the input [Time]. It reports false if the
// machine waits for nothing.
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
		case partialShown:
			m.showPartial()
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
			next := m.next
			m.next = Open{}
			m.open(next)
		case sessionUnended:
			m.do(EndSession{})
		}
	}
}
