package visit

import (
	"time"

	"rollcall/shared/event"
)

// Dialog is a dialog over a room. One is open at a time.
type Dialog string

// The dialogs.
const (
	Invite  Dialog = "invite"
	Rooms   Dialog = "rooms"
	More    Dialog = "more"
	Editor  Dialog = "editor" // of how others see one
	Details Dialog = "person" // of somebody else
)

// Person is somebody as they were last seen, for the dialog that is about them.
type Person struct {
	User   event.User
	SeenAt time.Time // by the server's clock
	Here   bool      // they still are
	LeftAt time.Time // by the server's clock; zero if they are here, or if it is not known
}

// open opens a dialog. The one that is open is closed first, which gives the focus
// back to where it was.
func (m *Machine) open(o Open) {
	switch {
	case m.dialog != (Open{}):
		m.next = o
		m.do(CloseDialog{})
	case o.Dialog == Editor && !m.status.Joined:
		m.remarkOn(remark{text: "You can change how others see you once the connection is back.", until: untilConnected})
	case o.Dialog == Details && !m.seePerson(o.ID): // they left a moment ago
	default:
		m.dialog, m.edit = o, edit{}
	}
}

// closed is that the browser has closed a dialog and given the focus back to an
// element. The box that it was may be somebody else's by now.
func (m *Machine) closed() {
	about, next := m.dialog.ID, m.next
	m.dialog = Open{}
	if m.edit.number == 0 {
		m.edit = edit{}
	}
	m.do(Refocus{about})
	if next != (Open{}) {
		m.reset(dialogNext, 0) // when this one is out of the page
	}
}

// seePerson notes how somebody is seen, as long as they are here. It reports false if
// they are not.
func (m *Machine) seePerson(id string) bool {
	u, here := m.find(id)
	if here {
		m.person = Person{User: u, SeenAt: m.shownAt}
	}
	m.person.Here = here
	return here
}

// followPerson is seePerson for whom a dialog is about. Seen is whether the visitor saw
// what has happened.
func (m *Machine) followPerson(seen bool) {
	before := m.person.Here
	if !m.seePerson(m.dialog.ID) && before && seen {
		m.person.LeftAt = m.shownAt
	}
}
