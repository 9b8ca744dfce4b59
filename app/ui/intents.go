package ui

import (
	"github.com/maxence-charriere/go-app/v9/pkg/app"
)

// What components ask the page to do beside the inputs of package visit. They reach
// it as go-app's actions, so that no component holds a function of another's: one in
// a prop would draw it anew every time.
type (
	layoutIntent    struct{ list bool }
	goIntent        struct{ room string }
	tellIntent      struct{ room, id, name string } // asks to be told, or no more
	reloadIntent    struct{}
	installIntent   struct{}
	rehearsedIntent struct{}
)

const intents = "intent"

// intend asks for one of these, or for an input of package visit.
func intend(ctx app.Context, intent any) { ctx.NewActionWithValue(intents, intent) }
