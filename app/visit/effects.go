package visit

import (
	"time"

	"rollcall/app/board"
	"rollcall/shared/event"
)

// Effect is something for the page to carry out. The effects are the types of this
// file.
type Effect any

// The effects that are for the client.
type (
	// Start begins a client in a room. The one before it has ended.
	Start struct {
		Room   string
		Watch  bool // it only looks on, and has no name
		Name   string
		Status event.Status
		Note   string
	}
	// Stop is to end the client without a leave. The next one is the same user, unless
	// Forget is set.
	Stop struct{ Forget bool }
	// LeaveRoom has the client leave the room. It ends when it has.
	LeaveRoom struct{}
	// Abandon is to ignore the client, which may still be leaving. The next one is
	// another user.
	Abandon struct{}
	// Hurry ends a wait of the client for its next attempt to connect.
	Hurry struct{}
	// Doubt has the client find out whether its connection is still there.
	Doubt struct{}
	// Update has the client change how others see the visitor. Updates of a client are
	// counted from 1: see [client.Client.Update].
	Update struct{ Patch event.Patch }
	// AskView has the client ask for a part of a large room.
	AskView struct{ View event.View }
)

// The effects that are for what the device stores.
type (
	// StoreRoster stores who is in a room. The page does not store a view of a large
	// room that does not begin with the first people.
	StoreRoster struct {
		Room  string
		Shown board.Room
		At    time.Time // by the server's clock
	}
	// StoreSelf stores how others see the visitor in the room.
	StoreSelf struct{ User event.User }
	// StoreStatus stores the status that was chosen by hand in the room.
	StoreStatus struct{ Status event.Status }
	// StoreTyped keeps what stands in the form for the next time that it is drawn.
	StoreTyped struct{}
	// ForgetDevice forgets all that is stored.
	ForgetDevice struct{}
)

// The effects that are for the browser.
type (
	// Arrived is that the visitor is in the room now.
	Arrived struct{}
	// Parted is that the visitor is out of the room, and the form is back.
	Parted struct{}
	// HidePage shows nothing until [ShowPage]: the page is about to change.
	HidePage struct{}
	// ShowPage ends [HidePage].
	ShowPage struct{}
	// SetTitle shows in the window's title how many people are in the room; 0 is not
	// known.
	SetTitle struct{ Count int }
	// SetBadge shows that at the application's icon.
	SetBadge struct{ Count int }
	// KeepAwake keeps the screen on, or lets it go off.
	KeepAwake struct{ On bool }
	// CloseDialog closes the dialog that is open, if one is.
	CloseDialog struct{}
	// Refocus moves the focus to somebody's box, or where that is not drawn or the id
	// is empty, to the head of the board.
	Refocus struct{ ID string }
	// Notify shows a notification that somebody is here.
	Notify struct{ User event.User }
	// Probe asks whether the server can be reached. [Probed] answers it.
	Probe struct{}
	// EndSession asks the server to forget the visitor. [SessionEnded] answers it.
	EndSession struct{}
	// CheckUpdate asks whether there is a new version of the page.
	CheckUpdate struct{}
	// Renew loads the page anew, once in a tab: its roster is not the server's, which
	// may be of a later version.
	Renew struct{}
)
