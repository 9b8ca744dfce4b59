package ui

import (
	"github.com/maxence-charriere/go-app/v9/pkg/app"

	"rollcall/app/board"
	"rollcall/shared/event"
)

// PersonDialog shows everything that is known of somebody else, and whether the visitor
// is told when they come.
type PersonDialog struct {
	app.Compo

	Room  string
	User  event.User
	Gone  bool // they have left
	Told  bool // the visitor is told when they come
	Large bool // the room is large: the page does not see everybody who comes
	Now   int64
	Left  int64  // when they left, if they are gone; 0 if that is not known
	AsOf  string // of what time that is, in words; empty for now

	problem string
}

// OnMount opens the dialog.
func (d *PersonDialog) OnMount(app.Context) { showModal() }

func (d *PersonDialog) onTell(ctx app.Context, _ app.Event) {
	tell := tellIntent{room: d.Room, id: d.User.ID, name: d.User.Name}
	if d.Told {
		intend(ctx, tell)
		return
	}
	askToNotify(func(granted bool) {
		ctx.Dispatch(func(ctx app.Context) {
			d.problem = ""
			switch {
			case granted:
				intend(ctx, tell)
			case notificationsBlocked():
				d.problem = "Notifications are blocked for this page. Allow them in the browser’s settings for it, then try again."
			default:
				d.problem = "Without your permission there are no notifications."
			}
		})
	})
}

// Render draws the person.
func (d *PersonDialog) Render() app.UI {
	u, class, until := d.User, "person", ""
	if u.Until != 0 {
		until = board.UntilExactly(localTime(u.Until), localTime(d.Now), d.AsOf != "")
	}
	how, came := board.How(u, d.Now, until), board.Came(d.Now, u.Since, d.AsOf != "")
	switch {
	case d.Gone:
		how, came, until = "No longer here", board.Left(d.Now, d.Left), ""
		class += " past"
	case d.AsOf != "":
		how = board.HowThen(u, d.AsOf, until)
		class += " past"
	}
	if u.Status != event.StatusHere {
		until = "" // it has been said
	}
	tellClass, word := "button tell", "Tell me when they come back"
	if d.Told {
		tellClass, word = tellClass+" chosen", "Don’t tell me any more"
	}
	return modal(own(u.Name),
		app.Div().Class(class).Body(
			avatar(u),
			app.Div().Body(
				app.P().Class("how").Text(how),
				app.If(u.Note != "", app.P().Class("said").Body(own(u.Note), app.If(until != "", app.Text(" "+until)))),
				app.P().Class("since").Text(came),
			),
		),
		app.If(d.Large, hint("In a room of so many you cannot be told of single people.")),
		app.If(canNotify() && !d.Large,
			button(tellClass, d.onTell, icon(tellIcon), app.Text(word)),
			app.P().Class("problem").Role("alert").Text(d.problem),
		),
	)
}
