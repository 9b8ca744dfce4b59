package ui

import (
	"github.com/maxence-charriere/go-app/v9/pkg/app"

	"rollcall/app/visit"
)

// NameDialog asks for the name to join with.
type NameDialog struct {
	app.Compo

	Room    string
	Offered string // what the field starts with
	Typed   early  // what was typed before the program was running
	Busy    bool   // joining is under way
	Problem string // what is wrong with the name, said beside the field
	Word    string // what else there is to say
	Then    string // what follows Word; it changes every second, so no screen reader says it
}

const (
	nameField   = "name"
	nameProblem = "name-problem"
)

// OnMount fills in the name, selected so that typing replaces it. Text that was being
// typed keeps its selection.
func (d *NameDialog) OnMount(app.Context) {
	if d.Typed.typed == "" {
		fill(nameField, d.Offered)
		return
	}
	fill(nameField, d.Typed.typed)
	if field, ok := element(nameField); ok && d.Typed.to > 0 {
		field.Call("setSelectionRange", d.Typed.from, d.Typed.to)
	}
}

func (d *NameDialog) onSubmit(ctx app.Context, _ app.Event) {
	intend(ctx, visit.Join{Name: typed(nameField)})
	focus(nameField)
}

// Render draws the dialog. On the server it is all that the page shows.
func (d *NameDialog) Render() app.UI {
	action := "Join"
	if d.Busy {
		action = "Joining …"
	}
	return app.Dialog().Class("card").Open(true).Aria("labelledby", "dialog-title").Body(
		mark(),
		app.H1().ID("dialog-title").Text("Who’s joining?"),
		app.P().Body(
			app.Text("You are about to enter "),
			app.Strong().Attr("translate", "no").Text(d.Room),
			app.Text(". Everyone in the room sees your name."),
		),
		// Before the program runs, submitting closes the dialog, which app.js takes for
		// joining. With another method the browser would leave the page.
		app.Form().Class("join").Method("dialog").NoValidate(true).OnSubmit(d.onSubmit).Body(
			app.Label().For(nameField).Text("Your name"),
			nameInput(nameField, nameProblem, d.Problem).
				Attr("autocomplete", "nickname").Attr("enterkeyhint", "go").AutoFocus(true),
			problemLine(nameProblem, d.Problem),
			app.Button().Class("button primary").Type("submit").Aria("disabled", d.Busy).Text(action),
			app.P().Class("word").Body(app.Span().Role("status").Text(d.Word), app.Text(d.Then)),
		),
	)
}

// nameInput is a field for a name or a note. Another element says what is wrong with it.
func nameInput(id, problemID, problem string) app.HTMLInput {
	field := app.Input().ID(id).Name(id).Type("text").Class("field").
		Attr("autocapitalize", "words").Attr("spellcheck", "false").Attr("dir", "auto").
		Aria("describedby", problemID)
	if problem != "" {
		field = field.Aria("invalid", "true")
	}
	return field
}
