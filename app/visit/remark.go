package visit

import (
	"strings"
	"time"
)

// remark is a notice about what was done last.
type remark struct {
	text  string
	until remarkEnd
	at    time.Time // for untilTime
}

// remarkEnd is what ends a remark.
type remarkEnd int

const (
	untilDismissed remarkEnd = iota
	untilConnected           // the connection is there
	untilSent                // and the server has answered what was changed last
	untilTime
)

// remarkOn says something about what was done last, to everybody.
func (m *Machine) remarkOn(r remark) {
	m.remark = r
	m.deadlines.stop(remarkOver)
	if r.until == untilTime {
		m.reset(remarkOver, r.at.Sub(m.now))
	}
	delete(m.dismissed, r.text)
	m.say(r.text)
}

// endRemark takes the remark away, once it is over.
func (m *Machine) endRemark() {
	over := false
	switch m.remark.until {
	case untilConnected:
		over = m.connected()
	case untilSent:
		over = m.connected() && m.edit.number == 0
	case untilTime:
		over = !m.now.Before(m.remark.at)
	}
	if !over {
		return
	}
	if strings.HasPrefix(m.said, m.remark.text) {
		m.said = ""
	}
	m.remark = remark{}
}

// say has a screen reader say something. The same sentence once more would be no
// change, and not be said.
func (m *Machine) say(words string) {
	switch words {
	case "":
	case m.said:
		m.said = words + "\u00a0"
	default:
		m.said = words
	}
}
