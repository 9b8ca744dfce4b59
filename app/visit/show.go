package visit

import (
	"slices"
	"time"

	"rollcall/app/board"
	"rollcall/shared/client"
	"rollcall/shared/event"
)

// This file is what a page asks a machine in order to draw.

// Board returns the people of the room. The page lays it out and scrolls it.
func (m *Machine) Board() *board.Board { return m.board }

// Joined reports whether there is a room to show that is live, or was until the
// connection was lost.
func (m *Machine) Joined() bool { return m.status.Joined }

// Asking reports whether the visitor is about to join: the form stays, busy.
func (m *Machine) Asking() bool { return m.asking }

// Problem returns why the last name was refused; empty if it was not.
func (m *Machine) Problem() string { return m.problem }

// Count returns how many people are in the room, or were.
func (m *Machine) Count() int { return m.board.Room().Count }

// Me returns the visitor as others see them; the zero User while that is not known.
func (m *Machine) Me() event.User { return m.board.Room().Me }

// Met reports whether somebody else has been in the room.
func (m *Machine) Met() bool { return m.met }

// Query returns what is searched for; empty for everybody.
func (m *Machine) Query() string { return m.query }

// Said returns what a screen reader is to say.
func (m *Machine) Said() string { return m.said }

// Dialog returns the dialog that is open; the zero Open for none.
func (m *Machine) Dialog() Open { return m.dialog }

// Refusal returns why the latest change of how others see the visitor was refused, and
// for which field. Count differs for every refusal; it is 0 before the first.
func (m *Machine) Refusal() (field, problem string, count int) {
	return m.edit.field, m.edit.problem, m.edit.refusals
}

// Person returns the person of the open dialog.
func (m *Machine) Person() Person { return m.person }

// Told reports whether the visitor is told when somebody comes.
func (m *Machine) Told(id string) bool { return slices.Contains(m.stored.Told, id) }

// ShownAt returns the time, by the server's clock, at which the room was as the page
// shows it.
func (m *Machine) ShownAt() time.Time { return m.shownAt }

// AsOf returns ShownAt, and whether the page has to say that time because it is not now.
func (m *Machine) AsOf() (time.Time, bool) {
	past := m.ShowsPast() || m.status.Joined && m.shaky && m.status.Link != client.Connected
	return m.shownAt, past
}

// ServerNow returns the time by the server's clock, and before the client has told that,
// by the device's.
func (m *Machine) ServerNow(now time.Time) time.Time {
	if m.heardAt.IsZero() {
		return now
	}
	return m.serverNow.Add(now.Sub(m.heardAt))
}
