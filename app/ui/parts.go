package ui

import (
	"github.com/maxence-charriere/go-app/v9/pkg/app"
)

// button does something in the page when it is pressed.
func button(class string, do app.EventHandler, body ...app.UI) app.HTMLButton {
	return app.Button().Class(class).Type("button").OnClick(do).Body(body...)
}

// opener is a button that opens a dialog.
func opener(class string, do app.EventHandler, body ...app.UI) app.HTMLButton {
	return button(class, do, body...).Aria("haspopup", "dialog")
}

// iconButton shows only an icon, and has its name for those who do not see that.
func iconButton(class, name, shape string, do app.EventHandler) app.HTMLButton {
	return button(class, do, icon(shape)).Aria("label", name)
}

// hint is a line of small text.
func hint(text string) app.UI { return app.P().Class("hint").Text(text) }

// problemLine says what is wrong with a field, which names it by the id.
func problemLine(id, problem string) app.UI {
	return app.P().ID(id).Class("problem").Role("alert").Text(problem)
}
