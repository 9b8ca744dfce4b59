package ui

import (
	"github.com/maxence-charriere/go-app/v9/pkg/app"

	"rollcall/app/visit"
)

// Bar is the header of a room: which one it is, whether it is live, and what
// there is to do.
type Bar struct {
	app.Compo

	Room string
	Link visit.Link
}

func (b *Bar) onRooms(ctx app.Context, _ app.Event)  { intend(ctx, visit.Open{Dialog: visit.Rooms}) }
func (b *Bar) onInvite(ctx app.Context, _ app.Event) { intend(ctx, visit.Open{Dialog: visit.Invite}) }
func (b *Bar) onMore(ctx app.Context, _ app.Event)   { intend(ctx, visit.Open{Dialog: visit.More}) }

// Render draws the mark, the room, the connection and the buttons.
func (b *Bar) Render() app.UI {
	return app.Header().Class("bar").Body(
		mark(),
		app.Div().Class("title").Body(
			app.P().Class("brand").Attr("translate", "no").Text("Rollcall"),
			app.P().Class("room").Attr("translate", "no").Text(b.Room),
		),
		&Connection{Link: b.Link},
		opener("button rooms-button", b.onRooms, app.Text("Rooms")),
		opener("button primary", b.onInvite, app.Text("Invite")),
		iconButton("button icon", "More", moreIcon, b.onMore).ID(moreButton).Aria("haspopup", "dialog"),
	)
}

const moreButton = "more"

// The icons, drawn in a box of 20 by 20 with lines of 1.75.
const (
	moreIcon  = `<g fill="currentColor" stroke="none"><circle cx="4" cy="10" r="1.75"></circle><circle cx="10" cy="10" r="1.75"></circle><circle cx="16" cy="10" r="1.75"></circle></g>`
	boxesIcon = `<path d="M3.5 3.5h5v5h-5zM11.5 3.5h5v5h-5zM3.5 11.5h5v5h-5zM11.5 11.5h5v5h-5z"></path>`
	listIcon  = `<path d="M3.5 5h.01M3.5 10h.01M3.5 15h.01M7.5 5h9M7.5 10h9M7.5 15h9"></path>`
	closeIcon = `<path d="M5 5l10 10M15 5L5 15"></path>`
	findIcon  = `<circle cx="9" cy="9" r="5.25"></circle><path d="M13 13l4 4"></path>`
	selfIcon  = `<circle cx="10" cy="6.5" r="3"></circle><path d="M4 16.5c0-3.1 2.6-5 6-5s6 1.9 6 5"></path>`
	roomsIcon = `<path d="M4 7.5h12.5M3.5 12.5H16M8.5 3.5l-2 13M13.5 3.5l-2 13"></path>`
	wallIcon  = `<path d="M3 4h14v9.5H3zM7 16.5h6M10 13.5v3"></path>`
	saveIcon  = `<path d="M10 3.5v9M6.5 9.5l3.5 3.5 3.5-3.5M4 16.5h12"></path>`
	leaveIcon = `<path d="M8 3.5H4v13h4M12.5 6.5L16 10l-3.5 3.5M16 10H8"></path>`
	wasteIcon = `<path d="M4 5.5h12M8 5.5v-2h4v2M5.5 5.5l.75 11h7.5l.75-11"></path>`
	tellIcon  = `<path d="M5.5 13.5V9a4.5 4.5 0 0 1 9 0v4.5l1.5 1H4zM8.5 17.25h3"></path>`
)

func icon(shape string) app.UI {
	return app.Raw(`<svg class="icon-shape" viewBox="0 0 20 20" width="20" height="20" aria-hidden="true" focusable="false">` + shape + `</svg>`)
}

// mark is Rollcall's sign: three who are here, and the one about to arrive.
func mark() app.UI {
	return app.Raw(`<svg class="mark" viewBox="0 0 40 40" width="40" height="40" aria-hidden="true" focusable="false">` +
		`<rect width="18" height="18" rx="5"></rect>` +
		`<rect class="faint" x="22" width="18" height="18" rx="5"></rect>` +
		`<rect class="faint" y="22" width="18" height="18" rx="5"></rect>` +
		`<circle cx="31" cy="31" r="7.5" stroke-dasharray="4.7 3.15" stroke-dashoffset="2.35"></circle></svg>`)
}
