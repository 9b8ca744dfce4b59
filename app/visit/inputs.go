package visit

import (
	"time"

	"rollcall/app/board"
	"rollcall/shared/client"
	"rollcall/shared/event"
)

// The inputs that say what the visitor does.
type (
	// Join asks to be let in under a name.
	Join struct{ Name string }
	// Leave leaves the room, with all tabs of the session.
	Leave struct{}
	// Forget leaves the room and forgets everything.
	Forget struct{}
	// Retry tries again at once what is tried again later.
	Retry struct{}
	// Edit changes how others see one.
	Edit struct{ Patch event.Patch }
	// Search shows the people whose names have the words of a query.
	Search struct{ Query string }
	// Open opens a dialog. ID is whom it is about, if it is about somebody.
	Open struct {
		Dialog Dialog
		ID     string
	}
	// Closed is that the dialog that was open is closed.
	Closed struct{}
	// Dismiss puts a notice away.
	Dismiss struct{ Text string }
	// Say has a screen reader say something.
	Say struct{ Words string }
)

// The inputs that the page makes of what the browser tells.
type (
	// Enter begins a visit. End comes before it if there was another one.
	Enter struct {
		Room      string
		Wall      bool   // only to look at the room, on a screen in a hallway
		Name      string // that one had in the room before; empty for none
		Typed     string // what stands in the form
		Submitted bool   // the form was submitted before there was a machine
		Reloaded  bool   // the tab was in this room before it was loaded anew
		Hidden    bool   // nobody looks at the page
		Kept      Kept
		Past      *Past // the room as this device saw it last; nil if it has not
	}
	// End leaves the room for another page, without a word to the server.
	End struct{}
	// Time is that a deadline of [Machine.Next] has passed.
	Time struct{}
	// Hidden is that the page is looked at no more, or again.
	Hidden struct{ Hidden bool }
	// Returned is that the visitor has come back to the page.
	Returned struct{}
	// NetworkChanged is that the browser has lost its network, or has it again.
	NetworkChanged struct{}
	// Unloaded is that the browser leaves the page. Persisted is whether it puts the
	// page aside whole, so that it may come back.
	Unloaded struct{ Persisted bool }
	// KeepRoster stores the room as it is now, for what may come.
	KeepRoster struct{}
	// KeptElsewhere is that another tab has changed what the device keeps.
	KeptElsewhere struct {
		Kept      Kept
		Forgotten bool // it has made the device forget everything
	}
	// WantView is that the board is to show people who are not known yet.
	WantView struct{}
	// Probed answers [Probe].
	Probed struct {
		Reached     bool // the server has answered
		Intercepted bool // something else has, in its place
	}
	// SessionNotEnded is that the server has yet to forget who the visitor was: the
	// last page that asked for it has not lived until the answer.
	SessionNotEnded struct{}
	// SessionEnded answers [EndSession].
	SessionEnded struct{ Done bool }
)

// Heard is what the client tells.
type Heard struct {
	client.Update
	// Err is why nothing will follow; nil as long as something may.
	Err error
	// Room is the client's roster, once the client has joined.
	Room board.Room
	// Now is the time by the server's clock, and Last when the client heard of the
	// server last, by the same clock.
	Now, Last time.Time
}

// Kept is what the device keeps of the visitor for one room.
type Kept struct {
	Offered string   // the name that the form offers; empty for none
	Self    Self     // how others saw one last in this room; zero if they did not
	Told    []string // ids of whom one asked to be told about
}

// Self is how others see one in a room.
type Self struct {
	Name   string
	Status event.Status // as chosen by hand
	Note   string
}

// Past is a room as it was when it was last seen.
type Past struct {
	Room board.Room
	At   time.Time // by the server's clock
}
