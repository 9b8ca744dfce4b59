package ui

import (
	"hash/fnv"
	"strconv"

	"github.com/maxence-charriere/go-app/v9/pkg/app"

	"rollcall/app/board"
	"rollcall/shared/event"
)

// UserBox is one person, or a place that nobody is in.
type UserBox struct {
	app.Compo

	Slot  board.Slot
	Size  int    // how many there are in all
	Since string // how long they are here, in words
	Plain bool   // there is nothing to open
}

func (b *UserBox) onOpen(ctx app.Context, _ app.Event) {
	which := personDialog
	if b.Slot.Self {
		which = editorDialog
	}
	intend(ctx, openIntent{which: which, id: b.Slot.User.ID})
}

// Render draws the box, or nothing for a slot that nobody is in.
func (b *UserBox) Render() app.UI {
	u := b.Slot.User
	switch {
	case b.Slot.State == board.Vacant:
		return app.Li().Hidden(true)
	case !b.Slot.Known:
		return app.Li().Class("box unknown").Aria("setsize", b.Size).Aria("posinset", b.Slot.Place).Body(
			app.Span().Class("avatar").Aria("hidden", true),
			app.Span().Class("hint").Text("Loading …"),
		)
	}
	class := "box"
	if b.Slot.Self {
		class += " self"
	}
	if u.Link != event.LinkOnline {
		class += " " + string(u.Link)
	}
	switch b.Slot.State {
	case board.Arriving:
		class += " arriving"
	case board.Departing:
		class += " departing"
	}
	person := []app.UI{
		avatar(u),
		app.Bdi().Class("name").Title("%s", u.Name).Text(u.Name),
		app.Span().Class("detail").Dir("auto").Text(b.detail()),
		app.If(b.Slot.Self, app.Span().Class("you").Text("you")),
	}
	box := app.Li().Class(class).DataSet("user", u.ID).Aria("setsize", b.Size).Aria("posinset", b.Slot.Place)
	if b.Plain {
		return box.Body(app.Div().Class("face").Body(person...))
	}
	return box.Body(app.Button().Class("face").Type("button").Aria("haspopup", "dialog").OnClick(b.onOpen).Body(person...))
}

// avatar is a person as a disc of their colour, with how they are.
func avatar(u event.User) app.UI {
	sign := "sign-" + u.Status.String()
	if u.Link != event.LinkOnline {
		sign = "sign-reconnecting"
	}
	return app.Span().Class("avatar", "hue-"+strconv.Itoa(hue(u.ID))).Aria("hidden", true).Body(
		app.Span().Class("initials").Text(board.Initials(u.Name)),
		app.Span().Class("sign", sign),
	)
}

// detail is the line under the name.
func (b *UserBox) detail() string {
	u := b.Slot.User
	rest := u.Note
	if rest == "" {
		rest = b.Since
	}
	switch {
	case u.Link == event.LinkReconnecting:
		return "reconnecting"
	case u.Status != event.StatusHere:
		return u.Status.String() + " · " + rest
	}
	return rest
}

// hues is how many colours the stylesheet has for avatars.
const hues = 36

// hue is a person's colour: the same on every screen.
func hue(id string) int {
	h := fnv.New32a()
	h.Write([]byte(id))
	return int(h.Sum32() % hues)
}
