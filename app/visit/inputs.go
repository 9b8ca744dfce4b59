package visit

import (
	"time"

	"rollcall/app/board"
	"rollcall/shared/client"
	"rollcall/shared/event"
)

// The inputs that say what the visitor does.
type (
	// Join is that the form is submitted with a name.
	Join struct{ Name string }
	// Leave is to leave the room, with all tabs of the session.
	Leave struct{}
	// Forget is to leave the room and to forget everything.
	Forget struct{}
	// Retry is to try to connect now.
	Retry struct{}
	// Edit is to change how others see the visitor.
	Edit struct{ Patch event.Patch }
	// Search is to show the people whose names have the words of a query.
	Search struct{ Query string }
	// Open is to open a dialog. ID is the user whom it is about, if there is one.
	Open struct {
		Dialog Dialog
		ID     string
	}
	// Closed is that the browser has closed the dialog.
	Closed struct{}
	// Dismiss is to remove a notice.
	Dismiss struct{ Text string }
	// Say is to have a screen reader say something.
	Say struct{ Words string }
)

// The inputs that the page makes of what the browser tells.
type (
	// Enter begins a visit. End comes before it if there was another one.
	Enter struct {
		Room      string
		Wall      bool   // to watch the room only, on a screen in a hallway
		Name      string // of the visitor in the room before; empty for none
		Typed     string // what stands in the form
		Submitted bool   // the form was submitted before the program was running
		Reloaded  bool   // the tab was in this room before a reload
		Hidden    bool   // the page is hidden
		Stored    Stored
		Past      *Past // the room as this device saw it last; nil if it did not
	}
	// End ends the visit without a leave: the page shows another room, or ends.
	End struct{}
	// Time is that a deadline of [Machine.Next] has passed.
	Time struct{}
	// Hidden is that the page became hidden, or visible.
	Hidden struct{ Hidden bool }
	// Returned is that the visitor has come back to the page.
	Returned struct{}
	// NetworkChanged is that the browser has lost its network, or has it again.
	NetworkChanged struct{}
	// Unloaded is that the browser leaves the page. Persisted is whether it puts the
	// page aside whole, so that it may come back.
	Unloaded struct{ Persisted bool }
	// StoreNow is to store the room now: the page is about to be loaded anew.
	StoreNow struct{}
	// StoredChanged is that the visitor or another tab has changed what the device has
	// stored.
	StoredChanged struct {
		Stored    Stored
		Forgotten bool // another tab has made the device forget everything
	}
	// WantView is that the board is to show people who are not known yet.
	WantView struct{}
	// Probed answers [Probe].
	Probed struct {
		Reached     bool // the server has answered
		Intercepted bool // something else has, in its place
	}
	// SessionNotEnded is that the server has still to forget the visitor: the page that
	// asked for it was gone before the answer.
	SessionNotEnded struct{}
	// SessionEnded answers [EndSession].
	SessionEnded struct{ Done bool }
)

// Heard is what the client has told.
type Heard struct {
	client.Update
	// Err is why nothing follows from the client; nil if something may.
	Err error
	// Room is the client's roster, once the client has joined.
	Room board.Room
	// Now is the time, and Last is when the client heard the server last. Both are by
	// the server's clock.
	Now, Last time.Time
}

// Stored is what the device has stored of the visitor for one room.
type Stored struct {
	Offered string   // the name that the form offers; empty for none
	Self    Self     // how others saw the visitor last in this room; zero if they did not
	Told    []string // ids of the people whose arrival is told
}

// Self is how others see the visitor in a room.
type Self struct {
	Name   string
	Status event.Status // that was chosen by hand
	Note   string
}

// Past is a room as it was when the device saw it last.
type Past struct {
	Room board.Room
	At   time.Time // by the server's clock
}
