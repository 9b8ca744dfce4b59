package ui

import (
	"time"

	"github.com/maxence-charriere/go-app/v9/pkg/app"

	"rollcall/app/visit"
)

// Invitation is how others find a room: its address to copy or to share, and
// a QR code that the server draws.
type Invitation struct {
	app.Compo

	Room string
	Live bool // the server can be reached
	Over bool // it is in a dialog, while the room below may show one too

	copied bool
}

// field returns the id of the element with the address.
func (i *Invitation) field() string {
	if i.Over {
		return "link-over"
	}
	return "link"
}

func (i *Invitation) onCopy(ctx app.Context, _ app.Event) {
	settle(func() app.Value {
		return app.Window().Get("navigator").Get("clipboard").Call("writeText", roomURL(i.Room))
	}, func(done bool) {
		words := "The link is copied"
		if !done {
			words = "The link could not be copied; it is selected, copy it by hand"
			i.selectLink()
		}
		ctx.Dispatch(func(ctx app.Context) {
			i.copied = done
			intend(ctx, visit.Say{Words: words})
			ctx.After(2*time.Second, func(app.Context) { i.copied = false })
		})
	})
}

func (i *Invitation) selectLink() {
	if field, ok := element(i.field()); ok {
		field.Call("focus")
		field.Call("select")
	}
}

func (i *Invitation) onSelect(app.Context, app.Event) { i.selectLink() }

func (i *Invitation) onShare(app.Context, app.Event) {
	settle(func() app.Value {
		return app.Window().Get("navigator").Call("share", map[string]any{
			"title": "Rollcall: " + i.Room, "text": "Join me in " + i.Room, "url": roomURL(i.Room),
		})
	}, func(bool) {}) // the visitor may decide not to share
}

// Render draws the address, the buttons that work in this browser, and the code.
func (i *Invitation) Render() app.UI {
	copyWord := "Copy link"
	if i.copied {
		copyWord = "Copied"
	}
	return app.Div().Class("invitation").Body(
		&code{Room: i.Room, Live: i.Live, Size: 148},
		app.Div().Class("link").Body(
			app.Label().For(i.field()).Text("The address of this room"),
			app.Input().ID(i.field()).Class("field small").Type("text").Dir("ltr").ReadOnly(true).Value(roomURL(i.Room)).OnFocus(i.onSelect),
			app.Div().Class("row").Body(
				app.If(has("navigator", "clipboard"),
					button("button primary", i.onCopy, app.Text(copyWord))),
				app.If(has("navigator", "share"),
					button("button", i.onShare, app.Text("Share …"))),
			),
		),
	)
}

// code is the QR code of a room's address. The server makes the picture. Without the
// server there is none, unless the browser has kept it.
type code struct {
	app.Compo

	Room string
	Live bool // the server is there
	Size int  // pixels

	missing bool
	wasLive bool
}

func (c *code) onError(app.Context, app.Event) { c.missing = true }

// Render draws the code, or asks for it again when the server is back.
func (c *code) Render() app.UI {
	if c.Live && !c.wasLive {
		c.missing = false
	}
	c.wasLive = c.Live
	address := "/api/qr/" + c.Room
	if c.missing {
		address = "data:," // or the browser would not ask again for what has failed
	}
	return app.Img().Class("qr").Hidden(c.missing).Src(address).Alt("QR code of this room’s address").
		Width(c.Size).Height(c.Size).OnError(c.onError)
}

// InviteDialog is the invitation over a room.
type InviteDialog struct {
	app.Compo

	Room string
	Live bool // the server is there
}

// OnMount opens the dialog.
func (d *InviteDialog) OnMount(app.Context) { showModal() }

// Render draws the invitation.
func (d *InviteDialog) Render() app.UI {
	return modal(app.Text("Invite others"),
		app.P().Text("Whoever opens this address can join, with any browser."),
		&Invitation{Room: d.Room, Live: d.Live, Over: true},
	)
}
