package visit

import (
	"slices"
	"time"

	"rollcall/app/board"
	"rollcall/shared/client"
	"rollcall/shared/event"
)

// What follows is what there is to show.

// Board is the people of the room. The page lays it out and scrolls it.
func (m *Machine) Board() *board.Board { return m.board }

// Room is the name of the room.
func (m *Machine) Room() string { return m.room }

// Wall is whether the page only looks at the room, on a screen in a hallway.
func (m *Machine) Wall() bool { return m.wall }

// Joined is whether there is a live room to show, or one that was live until its
// connection was lost.
func (m *Machine) Joined() bool { return m.status.Joined }

// Asking is whether one is about to join: the form stays, busy.
func (m *Machine) Asking() bool { return m.asking }

// Problem is why the last name was not taken; empty if it was.
func (m *Machine) Problem() string { return m.problem }

// Offered is the name that the form offers.
func (m *Machine) Offered() string { return m.kept.Offered }

// Count is how many people are in the room, or were.
func (m *Machine) Count() int { return m.board.Room().Count }

// Me is the visitor as the others see them; the zero User while that is not known.
func (m *Machine) Me() event.User { return m.board.Room().Me }

// Met is whether somebody else has been in the room.
func (m *Machine) Met() bool { return m.met }

// Query is what is searched for; empty for everybody.
func (m *Machine) Query() string { return m.query }

// Said is what a screen reader says.
func (m *Machine) Said() string { return m.said }

// Dialog is the dialog that is open; the zero Open for none.
func (m *Machine) Dialog() Open { return m.dialog }

// Refusal is what is wrong with the latest change of how others see one: the field,
// and why. Count tells one from the next; it is 0 if there was none.
func (m *Machine) Refusal() (field, problem string, count int) {
	return m.edit.field, m.edit.problem, m.edit.refusals
}

// Person is whom the open dialog is about.
func (m *Machine) Person() Person { return m.person }

// Told is whether one asked to be told when somebody comes.
func (m *Machine) Told(id string) bool { return slices.Contains(m.kept.Told, id) }

// ShownAt is of what time, by the server's clock, the room is shown.
func (m *Machine) ShownAt() time.Time { return m.shownAt }

// AsOf is ShownAt where that is not now: the page says so then. It reports false if
// the room is shown as it is.
func (m *Machine) AsOf() (time.Time, bool) {
	past := m.ShowsPast() || m.status.Joined && m.shaky && m.status.Link != client.Connected
	return m.shownAt, past
}

// ServerNow is the time by the server's clock, or before the client has told that, by
// the device's.
func (m *Machine) ServerNow(now time.Time) time.Time {
	if m.heardAt.IsZero() {
		return now
	}
	return m.serverNow.Add(now.Sub(m.heardAt))
}
