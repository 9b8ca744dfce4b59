package visit

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"rollcall/shared/client"
	"rollcall/shared/event"
)

// Link is whether what a page shows is live.
type Link int

// The states of a page's connection.
const (
	Live         Link = iota
	Connecting        // nothing is known yet, and the first attempt is under way
	Reconnecting      // lost a while ago, and an attempt is under way
	Offline           // attempts have failed; more follow
)

func (m *Machine) connected() bool { return m.status.Link == client.Connected }

// followLink notes that the connection is lost, or back. A loss is shown after a while,
// and a doubt at once.
func (m *Machine) followLink(before client.Status) {
	wasConnected := before.Link == client.Connected
	switch {
	case m.connected():
		if m.lost {
			m.said = "" // which said that it is lost
		}
		m.lost, m.shaky = false, m.status.Doubtful
		m.deadlines.stop(lossShown)
		if m.status.Drift != nil && before.Drift == nil {
			m.store()
			m.do(Renew{})
		}
		if before.Joined && !wasConnected {
			m.do(CheckUpdate{}) // the server may have been replaced by a newer one
		}
	case wasConnected:
		m.store()
		m.lost = true
		m.reset(lossShown, patience)
	}
}

// showLoss shows that the connection is lost.
func (m *Machine) showLoss() {
	m.shaky = true
	m.countDown()
	m.set(countProclaimed, proclaimPause)
	m.say("The connection is lost. Rollcall tries to get it back.")
}

// PartialText is what the page says while the server may not know of everybody: in a
// notice, and on a wall, where nobody can remove that, beside the count.
const PartialText = "You may not see everybody."

// followPartial notes whether the server may not know of everybody. The page says so
// after a while, or at once with the first people that it shows.
func (m *Machine) followPartial(first bool) {
	switch {
	case !m.board.Room().Partial:
		m.deadlines.stop(partialShown)
		m.partial = false
		if strings.HasPrefix(m.said, PartialText) {
			m.said = ""
		}
	case m.partial:
	case first:
		m.showPartial()
	default:
		m.set(partialShown, patience)
	}
}

// showPartial says that the page may not show everybody.
func (m *Machine) showPartial() {
	m.partial = true
	delete(m.dismissed, PartialText) // that was said of another time
	m.say(PartialText)
}

// Partial reports whether the page says that it may not show everybody.
func (m *Machine) Partial() bool { return m.partial }

// countDown has the page drawn anew every second while it shows the seconds to the next
// attempt.
func (m *Machine) countDown() {
	left := m.status.Retry.Sub(m.now)
	if left > 0 && (!m.status.Joined || m.shaky) && !m.hidden {
		m.set(secondPassed, min(time.Second, left))
	}
}

// Link returns what the page says of the connection.
func (m *Machine) Link() Link {
	switch {
	case m.ShowsPast():
		return Offline
	case m.status.Joined && !m.shaky:
		return Live
	case m.status.Link == client.Offline:
		return Offline
	case !m.status.Joined:
		return Connecting
	}
	return Reconnecting
}

// ShowsPast reports whether the page shows a room as it was, because the server is
// away.
func (m *Machine) ShowsPast() bool {
	return m.past != nil && !m.status.Joined && !m.wall &&
		(m.unreachable || m.asking && m.status.Link == client.Offline && m.refusal() == "")
}

// refusal is why the server lets nobody in, if it has said so.
func (m *Machine) refusal() string {
	if refusal, ok := errors.AsType[event.Error](m.status.Err); ok {
		return refusal.Message
	}
	return ""
}

// isIntercepted reports whether something else answers in the server's place, such as a
// proxy that wants visitors to sign in.
func (m *Machine) isIntercepted() bool {
	return errors.Is(m.status.Err, client.ErrIntercepted) || m.unreachable && m.intercepted
}

// Word is what the form says below its button, and a wall that has no people to show.
// Then follows it, and changes every second.
func (m *Machine) Word(now time.Time) (word, then string) {
	switch {
	case m.parting != "":
		return m.parting, ""
	case m.status.Joined || !m.asking && !m.wall:
	case m.refusal() != "":
		return m.refusal(), m.again(now)
	case m.isIntercepted():
		return "Something else answers in the server’s place.", m.again(now)
	case m.status.Link == client.Offline:
		return "Can’t reach the server.", m.again(now)
	}
	return "", ""
}

// again says when the next attempt is.
func (m *Machine) again(now time.Time) string {
	if left := m.status.Retry.Sub(now); left > 0 {
		return fmt.Sprintf(" Trying again in %d s.", int(math.Ceil(left.Seconds())))
	}
	return " Trying again …"
}

// Notice is something that the page says beside the board.
type Notice struct {
	Text        string
	Action      string // what its button says; empty for no button
	Input       any    // what the page does when the button is pressed
	Dismissible bool   // the visitor can remove it
}

// SignIn, as the Input of a [Notice], has the page go to what answers in the server's
// place, so that the visitor can sign in there. It is no input of a [Machine].
type SignIn struct{}

// Notices returns what the page says beside the board.
func (m *Machine) Notices(now time.Time) []Notice {
	var list []Notice
	add := func(text, action string, input any) {
		if !m.Dismissed(text) {
			list = append(list, Notice{Text: text, Action: action, Input: input, Dismissible: input == nil})
		}
	}
	switch {
	case m.isIntercepted() && (m.shaky || !m.status.Joined):
		add("Something between you and the server keeps you out. It may want you to sign in.", "Sign in", SignIn{})
	case m.ShowsPast() && m.asking:
		add("You are offline. You join as soon as the server can be reached.", "Try now", Retry{})
	case m.ShowsPast():
		add("You are offline. This is who was here when you last were.", "Try now", Retry{})
	case m.connected(): // a doubt is over in a moment
	case m.status.Joined && m.shaky && m.refusal() != "":
		add(m.refusal()+m.again(now), "Try now", Retry{})
	case m.status.Joined && m.shaky && m.partial:
		add("The connection is lost. You see people as they were, and may not see everybody.", "Try now", Retry{})
	case m.status.Joined && m.shaky:
		add("The connection is lost. You see everybody as they were.", "Try now", Retry{})
	}
	if m.partial && !m.wall && (m.connected() || !m.shaky) {
		add(PartialText, "", nil)
	}
	if m.remark.text != "" {
		add(m.remark.text, "", nil)
	}
	return list
}

// Dismissed reports whether the visitor has removed a notice.
func (m *Machine) Dismissed(text string) bool { return m.dismissed[text] }
