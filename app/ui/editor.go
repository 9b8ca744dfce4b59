package ui

import (
	"strings"

	"github.com/maxence-charriere/go-app/v9/pkg/app"

	"rollcall/app/visit"
	"rollcall/shared/event"
)

// Editor is the dialog in which the visitor changes name, status and note.
type Editor struct {
	app.Compo

	Me event.User
	// Field and Problem are which field the server refused, and why.
	Field, Problem string
	Refusals       int // how many there were

	shown   event.User // the visitor when the fields were filled
	chosen  bool       // a status was chosen by hand
	refused int        // the Refusals to which the focus was moved
}

const (
	editName    = "edit-name"
	editNote    = "edit-note"
	editStatus  = "edit-status"
	editProblem = "-problem"
	editHint    = "-hint"
)

var statuses = []struct {
	status event.Status
	name   string
}{
	{event.StatusHere, "Here"},
	{event.StatusAway, "Away"},
	{event.StatusBusy, "Busy"},
}

// OnMount opens the dialog, filled with what others see now.
func (d *Editor) OnMount(app.Context) {
	d.shown = d.Me
	for id, text := range map[string]string{editNote: d.Me.Note, editName: d.Me.Name} {
		if field, ok := element(id); ok {
			field.Set("value", text)
		}
	}
	if choice, ok := element(editStatus + d.Me.Status.String()); ok {
		choice.Set("checked", true)
	}
	showModal()
}

// OnUpdate moves the focus to the field that was refused.
func (d *Editor) OnUpdate(app.Context) {
	if d.refused != d.Refusals {
		d.refused = d.Refusals
		focus(d.field())
	}
}

// field is the id of the field that a problem is about.
func (d *Editor) field() string {
	if d.Field == "note" {
		return editNote
	}
	return editName
}

// onSubmit sends only what was changed here. What has changed since in another tab, or
// by itself, stays.
func (d *Editor) onSubmit(ctx app.Context, _ app.Event) {
	var patch event.Patch
	if name := strings.TrimSpace(typed(editName)); name != d.shown.Name {
		patch.Name = &name
	}
	if note := strings.TrimSpace(typed(editNote)); note != d.shown.Note {
		patch.Note = &note
	}
	for _, s := range statuses {
		if choice, ok := element(editStatus + s.status.String()); d.chosen && ok && choice.Get("checked").Bool() {
			patch.Status = &s.status
		}
	}
	intend(ctx, visit.Edit{Patch: patch})
}

// onChoose notes that a status was chosen, even one that the visitor has already: a
// chosen away or busy stays, and here becomes away when the page is not used.
func (d *Editor) onChoose(app.Context, app.Event) { d.chosen = true }

func (d *Editor) onLeave(ctx app.Context, _ app.Event) { intend(ctx, visit.Leave{}) }

// Render draws the three fields, and the way out.
func (d *Editor) Render() app.UI {
	problem := map[string]string{}
	if d.Problem != "" {
		problem[d.field()] = d.Problem
	}
	choices := make([]app.UI, len(statuses))
	for i, s := range statuses {
		id := editStatus + s.status.String()
		choices[i] = app.Label().Class("choice").For(id).Body(
			app.Input().ID(id).Name(editStatus).Type("radio").Aria("describedby", editStatus+editHint).Value(s.status.String()).OnClick(d.onChoose),
			app.Span().Class("sign", "sign-"+s.status.String()).Aria("hidden", true),
			app.Text(s.name),
		)
	}
	return modal(app.Text("How others see you"),
		app.Form().Class("edit").NoValidate(true).OnSubmit(d.onSubmit).Body(
			app.Div().Body(
				app.Label().For(editName).Text("Name"),
				nameInput(editName, editName+editProblem, problem[editName]).Attr("autocomplete", "nickname"),
				problemLine(editName+editProblem, problem[editName]),
			),
			app.FieldSet().Body(
				app.Legend().Text("Status"),
				app.Div().Class("choices").Body(choices...),
				app.P().ID(editStatus+editHint).Class("hint").Text("Here becomes Away after five minutes without you."),
			),
			app.Div().Body(
				app.Label().For(editNote).Text("Note"),
				nameInput(editNote, editNote+editProblem, problem[editNote]).Attr("autocapitalize", "sentences").
					Attr("autocomplete", "off").Placeholder("Back at 14:00"),
				problemLine(editNote+editProblem, problem[editNote]),
			),
			app.Div().Class("row").Body(
				app.Button().Class("button primary wide").Type("submit").Text("Save"),
				button("button danger plain", d.onLeave, app.Text("Leave the room")),
			),
		),
	)
}
