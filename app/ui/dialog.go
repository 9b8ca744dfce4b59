package ui

import (
	"github.com/maxence-charriere/go-app/v9/pkg/app"
)

// NameDialog asks for the name to join with.
type NameDialog struct {
	app.Compo

	Room    string
	Offered string // what the field starts with
	Busy    bool   // joining is under way
	Problem string // what is wrong with the name, said beside the field
	Word    string // what else there is to say
	// OnJoin is called with what was typed.
	OnJoin func(string)
}

const (
	nameField   = "name"
	nameProblem = "name-problem"
)

// OnMount offers the name, ready to be sent or typed over.
func (d *NameDialog) OnMount(app.Context) { offerName(d.Offered) }

func (d *NameDialog) onSubmit(ctx app.Context, e app.Event) {
	e.PreventDefault()
	d.OnJoin(typedName())
	focusName()
}

// Render draws the dialog. On the server it is all that the page shows.
func (d *NameDialog) Render() app.UI {
	action := "Join"
	if d.Busy {
		action = "Joining …"
	}
	field := app.Input().
		ID(nameField).Name("name").Type("text").Class("field").
		Attr("autocomplete", "nickname").Attr("autocapitalize", "words").
		Attr("enterkeyhint", "go").Attr("spellcheck", "false").
		Attr("dir", "auto").
		Aria("describedby", nameProblem).
		AutoFocus(true)
	if d.Problem != "" {
		field = field.Aria("invalid", "true")
	}
	return app.Dialog().Class("card").Open(true).Aria("labelledby", "dialog-title").Body(
		mark(),
		app.H1().ID("dialog-title").Text("Who’s joining?"),
		app.P().Body(
			app.Text("You are about to enter "),
			app.Strong().Text(d.Room),
			app.Text(". Everyone in the room sees your name."),
		),
		app.Form().Class("join").NoValidate(true).OnSubmit(d.onSubmit).Body(
			app.Label().For(nameField).Text("Your name"),
			field,
			app.P().ID(nameProblem).Class("problem").Role("alert").Text(d.Problem),
			app.Button().Class("button primary").Type("submit").Aria("disabled", d.Busy).Text(action),
			app.P().Class("word").Role("status").Text(d.Word),
		),
	)
}

// mark is Rollcall's sign: three who are here, and the one about to arrive.
func mark() app.UI {
	return app.Raw(`<svg class="mark" viewBox="0 0 40 40" width="40" height="40" aria-hidden="true" focusable="false">` +
		`<rect width="18" height="18" rx="5"></rect>` +
		`<rect class="faint" x="22" width="18" height="18" rx="5"></rect>` +
		`<rect class="faint" y="22" width="18" height="18" rx="5"></rect>` +
		`<circle cx="31" cy="31" r="7.5" stroke-dasharray="4.7 3.15" stroke-dashoffset="2.35"></circle></svg>`)
}
