package ui

import (
	"github.com/maxence-charriere/go-app/v9/pkg/app"

	"rollcall/shared/event"
)

// What components ask the page to do. They reach it as go-app's actions, so
// that no component holds a function of another's: one in a prop would draw
// it anew every time.
type (
	joinIntent      struct{ name string }
	leaveIntent     struct{}
	openIntent      struct{ which, id string } // a dialog, and whom it is about
	closedIntent    struct{}                   // the dialog that was open
	editIntent      struct{ change event.Patch }
	searchIntent    struct{ query string }
	lookIntent      struct{ list bool }
	goIntent        struct{ room string }
	tellIntent      struct{ room, id, name string } // asks to be told, or no more
	forgetIntent    struct{}
	retryIntent     struct{}
	reloadIntent    struct{}
	signInIntent    struct{}                // to whatever keeps one from the server
	quietIntent     struct{ notice notice } // it has been read
	sayIntent       struct{ words string }  // to a screen reader
	wantIntent      struct{}                // the board is to show people who are not known
	installIntent   struct{}
	rehearsedIntent struct{}
)

const intents = "intent"

func intend(ctx app.Context, intent any) { ctx.NewActionWithValue(intents, intent) }
