package ui

import (
	"github.com/maxence-charriere/go-app/v9/pkg/app"

	"rollcall/app/visit"
)

// modalID is the id of the dialog that is open.
const modalID = "modal"

// modal draws a dialog over the page. The browser keeps the focus in it while it is
// open, and gives the focus back afterwards. Escape, a click beside it and its close
// button all lead to the close event, and only that removes it.
func modal(title app.UI, body ...app.UI) app.UI {
	return app.Dialog().ID(modalID).Class("card modal").Attr("closedby", "any").Aria("labelledby", "modal-title").
		On("close", onClosed).Body(
		app.Div().Class("modal-head").Body(
			app.H2().ID("modal-title").Body(title),
			iconButton("button icon plain", "Close", closeIcon, onClose),
		),
		app.Div().Class("modal-body").Body(body...),
	)
}

func onClose(app.Context, app.Event) { closeModal() }

func onClosed(ctx app.Context, _ app.Event) { intend(ctx, visit.Closed{}) }

func showModal() {
	if dialog, ok := element(modalID); ok {
		script().Call("openModal", dialog)
	}
}

func closeModal() {
	if dialog, ok := element(modalID); ok {
		script().Call("closeModal", dialog)
	}
}
