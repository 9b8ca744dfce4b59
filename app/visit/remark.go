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
	untilConnected           // the connection is back
	untilSent                // and the server has answered the last change
	untilTime
)

// remarkOn shows a remark, and has a screen reader say it.
func (m *Machine) remarkOn(r remark) {
	m.remark = r
	m.deadlines.stop(remarkOver)
	if r.until == untilTime {
		m.reset(remarkOver, r.at.Sub(m.now))
	}
	delete(m.dismissed, r.text)
	m.say(r.text)
}

// endRemark removes the remark when it is over.
func (m *Machine) endRemark() {
	ended := false
	switch m.remark.until {
	case untilConnected:
		ended = m.connected()
	case untilSent:
		ended = m.connected() && m.edit.number == 0
	case untilTime:
		ended = !m.now.Before(m.remark.at)
	}
	if !ended {
		return
	}
	if strings.HasPrefix(m.said, m.remark.text) {
		m.said = ""
	}
	m.remark = remark{}
}

// say has a screen reader say something. A sentence that is there already would be no
// change and would not be said, so it gets a space more.
func (m *Machine) say(words string) {
	switch words {
	case "":
	case m.said:
		m.said = words + "\u00a0"
	default:
		m.said = words
	}
}
