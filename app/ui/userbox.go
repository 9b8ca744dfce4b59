package ui

import (
	"hash/fnv"
	"strconv"

	"github.com/maxence-charriere/go-app/v9/pkg/app"

	"rollcall/shared/event"
)

// UserBox is one person.
type UserBox struct {
	app.Compo

	User  event.User
	Self  bool
	State slotState
	Since string // how long they are here, in words
}

// Render draws the box, or nothing for a slot that nobody is in.
func (b *UserBox) Render() app.UI {
	if b.State == vacant {
		return app.Li().Hidden(true)
	}
	u := b.User
	class := "box"
	if b.Self {
		class += " self"
	}
	if u.Link != event.LinkOnline {
		class += " " + string(u.Link)
	}
	if b.State == departing {
		class += " departing"
	}
	return app.Li().Class(class).DataSet("user", u.ID).Body(
		app.Span().Class("avatar", "hue-"+strconv.Itoa(hue(u.ID))).Aria("hidden", true).Body(
			app.Span().Class("initials").Text(initials(u.Name)),
			app.Span().Class("sign", b.sign()),
		),
		app.P().Class("name").Dir("auto").Title("%s", u.Name).Text(u.Name),
		app.P().Class("detail").Dir("auto").Text(b.detail()),
		app.If(b.Self, app.Span().Class("you").Text("you")),
	)
}

func (b *UserBox) sign() string {
	if b.User.Link != event.LinkOnline {
		return "sign-reconnecting"
	}
	return "sign-" + b.User.Status.String()
}

// detail is the line under the name.
func (b *UserBox) detail() string {
	u := b.User
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
