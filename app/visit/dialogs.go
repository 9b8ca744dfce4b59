package visit

import (
	"time"

	"rollcall/shared/event"
)

// Dialog is a dialog over a room. At most one is open.
type Dialog string

// The dialogs.
const (
	Invite  Dialog = "invite"
	Rooms   Dialog = "rooms"
	More    Dialog = "more"
	Editor  Dialog = "editor" // of how others see the visitor
	Details Dialog = "person" // of somebody else
)

// Person is somebody as they were seen last, for the dialog about them.
type Person struct {
	User   event.User
	SeenAt time.Time // by the server's clock
	Here   bool      // they are still in the room
	LeftAt time.Time // by the server's clock; zero if they are here, or if it is not known
}

// open opens a dialog. If one is open, that is closed first, so that the browser gives
// the focus back.
func (m *Machine) open(o Open) {
	switch {
	case m.dialog != (Open{}):
		m.next = o
		m.do(CloseDialog{})
	case o.Dialog == Editor && !m.status.Joined:
		m.remarkOn(remark{text: "You can change how others see you once the connection is back.", until: untilConnected})
	case o.Dialog == Details && !m.seePerson(o.ID): // the person left a moment ago
	default:
		m.dialog, m.edit = o, edit{}
	}
}

// closed takes in that the browser has closed a dialog and has given the focus back to
// an element, which may be somebody else's box by now.
func (m *Machine) closed() {
	about, next := m.dialog.ID, m.next
	m.dialog = Open{}
	if m.edit.number == 0 {
		m.edit = edit{}
	}
	m.do(Refocus{about})
	if next != (Open{}) {
		m.reset(dialogNext, 0) // after this one is removed from the page
	}
}

// seePerson notes how somebody is now. It reports false if they are not here: then it
// keeps how they were.
func (m *Machine) seePerson(id string) bool {
	u, here := m.find(id)
	if here {
		m.person = Person{User: u, SeenAt: m.shownAt}
	}
	m.person.Here = here
	return here
}

// followPerson calls seePerson for the person of the open dialog, and notes when they
// left if the visitor has seen that.
func (m *Machine) followPerson(seen bool) {
	before := m.person.Here
	if !m.seePerson(m.dialog.ID) && before && seen {
		m.person.LeftAt = m.shownAt
	}
}
