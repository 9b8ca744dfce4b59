package ui

import (
	"slices"

	"github.com/maxence-charriere/go-app/v9/pkg/app"

	"rollcall/app/board"
	"rollcall/shared/event"
)

// RoomsDialog leads to another room: one that was used, one whose name is typed, or a
// new one.
type RoomsDialog struct {
	app.Compo

	Room   string   // the one that the page is of
	Recent []string // the rooms used last

	problem string
}

const (
	roomField   = "room"
	roomProblem = "room-problem"
)

// OnMount opens the dialog.
func (d *RoomsDialog) OnMount(app.Context) { showModal() }

func (d *RoomsDialog) onSubmit(ctx app.Context, _ app.Event) {
	room, problem := board.ParseTypedRoom(typed(roomField))
	if d.problem = problem; problem != "" {
		focus(roomField)
		return
	}
	intend(ctx, goIntent{room})
}

func (d *RoomsDialog) onMakeUp(app.Context, app.Event) {
	d.problem = ""
	fill(roomField, board.MakeUpRoom())
}

// Render draws the rooms and the field.
func (d *RoomsDialog) Render() app.UI {
	rooms := slices.Clone(d.Recent)
	if !slices.Contains(rooms, event.Lobby) {
		rooms = append(rooms, event.Lobby)
	}
	links := make([]app.UI, len(rooms))
	for i, room := range rooms {
		link := app.A().Class("room-link").Href(event.RoomPath(room)).OnClick(onClose).Body(
			app.Span().Class("room-name").Attr("translate", "no").Text(room),
			app.If(room == d.Room, app.Span().Class("tag").Text("you are here")),
		)
		if room == d.Room {
			link = link.Aria("current", "page")
		}
		links[i] = app.Li().Body(link)
	}
	return modal(app.Text("Rooms"),
		app.Ul().Class("room-links").Role("list").Aria("label", "Rooms used last").Body(links...),
		app.Form().Class("go").NoValidate(true).OnSubmit(d.onSubmit).Body(
			app.Label().For(roomField).Text("Another room, or a new one"),
			app.Div().Class("row").Body(
				nameInput(roomField, roomProblem, d.problem).Attr("autocapitalize", "none").Attr("autocomplete", "off").
					Attr("enterkeyhint", "go").Attr("dir", "ltr"),
				app.Button().Class("button primary").Type("submit").Text("Go"),
			),
			problemLine(roomProblem, d.problem),
			button("button", d.onMakeUp, app.Text("Make up a name")),
		),
	)
}
