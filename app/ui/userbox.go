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
	Since string // how long they are here, in words
	Plain bool   // there is nothing to open

	drawn app.UI // the list element
	was   shown  // what it shows
	last  shown  // and of whom, when nobody is in it
}

// shown is all that a box is drawn from.
type shown struct {
	slot  board.Slot
	since string
	plain bool
}

func (b *UserBox) onOpen(ctx app.Context, _ app.Event) {
	which := personDialog
	if b.Slot.Self {
		which = editorDialog
	}
	intend(ctx, openIntent{which: which, id: b.Slot.User.ID})
}

// Render draws the box, or nothing for a slot that nobody is in. go-app asks
// for every new component a second time; what has not changed is not built
// again for that.
func (b *UserBox) Render() app.UI {
	now := shown{b.Slot, b.Since, b.Plain}
	if b.drawn != nil && b.was == now {
		return b.drawn
	}
	if b.Slot.Known {
		b.last = now
	}
	box := b.draw()
	if b.drawn == nil {
		b.drawn = box // go-app changes it in place
	}
	b.was = now
	return box
}

func (b *UserBox) draw() app.UI {
	u := b.Slot.User
	switch {
	case b.Slot.State == board.Vacant && !b.last.slot.Known:
		return app.Li().Hidden(true)
	case b.Slot.State == board.Vacant: // what it holds is good for whoever comes next
		return app.Li().Hidden(true).Body(b.face())
	case !b.Slot.Known:
		return app.Li().Class("box unknown").Body(
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
	return app.Li().Class(class).DataSet("user", u.ID).Body(b.face())
}

// face is who is in the box, or was last.
func (b *UserBox) face() app.UI {
	u := b.last.slot.User
	person := []app.UI{
		avatar(u),
		app.Bdi().Class("name").Title("%s", u.Name).Text(u.Name),
		app.Span().Class("detail").Dir("auto").Text(b.last.detail()),
		app.If(b.last.slot.Self, app.Span().Class("you").Text("you")),
	}
	if b.Plain {
		return app.Div().Class("face").Body(person...)
	}
	return app.Button().Class("face").Type("button").Aria("haspopup", "dialog").OnClick(b.onOpen).Body(person...)
}

// avatar is a person as a disc of their colour, with how they are.
func avatar(u event.User) app.UI {
	sign := "sign-" + u.Status.String()
	if u.Link != event.LinkOnline {
		sign = "sign-reconnecting"
	}
	return app.Span().Class("avatar", "hue-"+strconv.Itoa(hue(u.ID))).Aria("hidden", true).Body(
		app.Text(board.Initials(u.Name)),
		app.Span().Class("sign", sign),
	)
}

// detail is the line under the name.
func (s shown) detail() string {
	u := s.slot.User
	rest := u.Note
	if rest == "" {
		rest = s.since
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
