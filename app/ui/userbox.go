package ui

import (
	"hash/fnv"
	"strconv"

	"github.com/maxence-charriere/go-app/v9/pkg/app"

	"rollcall/app/board"
	"rollcall/app/visit"
	"rollcall/shared/event"
)

// UserBox is one person, or a place that nobody is in.
type UserBox struct {
	app.Compo

	Slot   board.Slot
	Detail board.Detail
	Plain  bool // there is nothing to open

	drawn app.UI // the list element
	front app.UI // the face in it
	was   shown  // what the list element shows
}

// shown is all that a box is drawn from.
type shown struct {
	slot   board.Slot
	detail board.Detail
	plain  bool
}

func (b *UserBox) onOpen(ctx app.Context, _ app.Event) {
	dialog := visit.Details
	if b.Slot.Self {
		dialog = visit.Editor
	}
	intend(ctx, visit.Open{Dialog: dialog, ID: b.Slot.User.ID})
}

// Render draws the box, or nothing for a slot that nobody is in. go-app renders every
// new component twice: a box that has not changed is not built again.
func (b *UserBox) Render() app.UI {
	now := shown{b.Slot, b.Detail, b.Plain}
	if b.drawn != nil && b.was == now {
		return b.drawn
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
	case b.Slot.State == board.Vacant:
		return app.Li().Hidden(true).Body(b.left())
	case !b.Slot.Known:
		return app.Li().Class("box unknown").Body(b.left(), app.Span().Class("hint").Text("Loading …"))
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

// left returns the face of the person who was in the box last, if there was one. It is
// hidden. To keep it costs nothing, and to change it for the next person costs less
// than a new one.
func (b *UserBox) left() app.UI {
	if b.front == nil || !b.front.Mounted() {
		return nil
	}
	return b.front
}

// face draws the person in the box.
func (b *UserBox) face() app.UI {
	u := b.Slot.User
	person := []app.UI{
		avatar(u),
		own(u.Name).Class("name").Title("%s", u.Name),
		b.detail(),
		app.If(b.Slot.Self, app.Span().Class("you").Text("you")),
	}
	var face app.UI = app.Div().Class("face").Body(person...)
	if !b.Plain {
		face = opener("face", b.onOpen, person...)
	}
	if b.left() == nil {
		b.front = face // go-app changes it in place
	}
	return face
}

// avatar draws a person as a disc of their colour, with a sign for their status.
func avatar(u event.User) app.UI {
	sign := "sign-" + u.Status.String()
	if u.Link != event.LinkOnline {
		sign = "sign-reconnecting"
	}
	return app.Span().Class("avatar", "hue-"+strconv.Itoa(hue(u.ID))).Aria("hidden", true).Attr("translate", "no").Body(
		app.Text(board.Initials(u.Name)),
		app.Span().Class("sign", sign),
	)
}

// detail draws the line under the name. A note that is too long is cut off at its own
// end, which is on the left in some scripts.
func (b *UserBox) detail() app.UI {
	d := b.Detail
	note := app.UI(own(d.Note))
	if d.Before != "" && d.Note != "" {
		note = app.Span().Class("note").Body(app.Span().Text(" · "), note)
	}
	return app.Span().Class("detail").Body(
		app.Span().Text(d.Before),
		note,
		app.Span().Text(d.After),
	)
}

// detailOf returns the line for somebody, at a time of the server's in Unix
// milliseconds. With past, they were so then.
func detailOf(u event.User, now int64, past bool) board.Detail {
	until := ""
	if u.Until != 0 {
		until = board.Until(localTime(u.Until), localTime(now), past)
	}
	return board.DetailOf(u, now, past, until)
}

// own draws somebody's own text, such as a name. It may be of any script, and is not to
// be translated.
func own(text string) app.HTMLBdi { return app.Bdi().Attr("translate", "no").Text(text) }

// hues is how many colours the stylesheet has for avatars.
const hues = 36

// hue returns a person's colour, which is the same on every screen.
func hue(id string) int {
	h := fnv.New32a()
	h.Write([]byte(id))
	return int(h.Sum32() % hues)
}
