package ui

import (
	"strconv"

	"github.com/maxence-charriere/go-app/v9/pkg/app"
)

// Board shows everybody in the room, each in a box.
type Board struct {
	app.Compo

	Slots []slot
	Count int
	Live  bool  // false while the connection is away and the board may be old
	Now   int64 // the server's time to the minute, Unix milliseconds
}

// Render draws one box per slot, the empty ones hidden: go-app compares
// children by position, so a box that is not to change must not move.
func (b *Board) Render() app.UI {
	class := "board"
	if !b.Live {
		class += " stale"
	}
	people := "people here"
	if b.Count == 1 {
		people = "person here"
	}
	boxes := make([]app.UI, len(b.Slots))
	for i, s := range b.Slots {
		boxes[i] = &UserBox{User: s.user, Self: s.self, State: s.state, Since: ago(b.Now, s.user.Since)}
	}
	return app.Section().Class(class).Aria("labelledby", "count").Body(
		app.H1().ID("count").Class("count").TabIndex(-1).Body(
			app.Strong().Text(strconv.Itoa(b.Count)),
			app.Text(" "+people),
		),
		app.Ul().Class("boxes").Role("list").Body(boxes...),
	)
}
