package ui

import (
	"github.com/maxence-charriere/go-app/v9/pkg/app"

	"rollcall/app/board"
	"rollcall/app/visit"
	"rollcall/shared/event"
)

// MoreDialog is the menu of what visitors need now and then.
type MoreDialog struct {
	app.Compo

	Room       string
	Told       []told // the people whose arrival is told
	CanInstall bool   // the browser offers it

	forgetting bool // the visitor has been asked whether to forget everything
}

// OnMount opens the dialog.
func (d *MoreDialog) OnMount(app.Context) { showModal() }

func (d *MoreDialog) onEdit(ctx app.Context, _ app.Event) {
	intend(ctx, visit.Open{Dialog: visit.Editor})
}
func (d *MoreDialog) onRooms(ctx app.Context, _ app.Event) {
	intend(ctx, visit.Open{Dialog: visit.Rooms})
}
func (d *MoreDialog) onLeave(ctx app.Context, _ app.Event)   { intend(ctx, visit.Leave{}) }
func (d *MoreDialog) onInstall(ctx app.Context, _ app.Event) { intend(ctx, installIntent{}) }

func (d *MoreDialog) onForget(ctx app.Context, _ app.Event) {
	if d.forgetting {
		intend(ctx, visit.Forget{})
	}
	d.forgetting = true
}

// Render draws the list.
func (d *MoreDialog) Render() app.UI {
	forget := "Forget this device"
	if d.forgetting {
		forget = "Yes, forget everything and leave"
	}
	stops := make([]app.UI, len(d.Told))
	for i, t := range d.Told {
		stops[i] = &stopTelling{Who: t}
	}
	return modal(app.Text("More"),
		app.Div().Class("more").Body(
			button("button", d.onEdit, icon(selfIcon), app.Text("Name, status and note")),
			button("button", d.onRooms, icon(roomsIcon), app.Text("Rooms")),
			app.A().Class("button").Href(event.RoomPath(d.Room)+"?view=wall").OnClick(onClose).Body(icon(wallIcon), app.Span().Body(
				app.Text("Wall view "), app.Span().Class("hint").Text("for a screen in a hallway"))),
			app.If(d.CanInstall, button("button", d.onInstall, icon(saveIcon), app.Text("Install Rollcall"))),
			app.If(!d.CanInstall && onIOS(), hint("To install Rollcall, open Safari’s share menu and choose “Add to Home Screen”.")),
			button("button danger", d.onLeave, icon(leaveIcon), app.Text("Leave the room")),
		),
		app.Div().Class("about").Hidden(len(d.Told) == 0).Body( // always there: what follows would be drawn anew
			app.H3().Text("You are told when these come"),
			app.Ul().Class("told").Role("list").Body(stops...),
		),
		app.Div().Class("about").Body(
			app.H3().Text("On this device"),
			hint("Your name, status and note in the rooms you used last, who was there, and whom you are told about are kept in this browser, and nowhere else. So is a cookie, by which the server knows you again."),
			app.Div().Class("more").Body(
				button("button danger", d.onForget, icon(wasteIcon), app.Text(forget)),
			),
		),
	)
}

// stopTelling is a line about somebody whose arrival is told, with a button to stop that.
type stopTelling struct {
	app.Compo

	Who told
}

func (s *stopTelling) onStop(ctx app.Context, _ app.Event) {
	intend(ctx, tellIntent{room: s.Who.Room, id: s.Who.ID, name: s.Who.Name})
}

// Render draws a line of the list.
func (s *stopTelling) Render() app.UI {
	return app.Li().Body(
		app.Span().Body(own(s.Who.Name), app.Text(" in "), own(s.Who.Room)),
		button("button small", s.onStop, app.Text("Stop")).Aria("label", "Don’t tell me about "+board.Isolate(s.Who.Name)),
	)
}
