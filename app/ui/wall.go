package ui

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/maxence-charriere/go-app/v9/pkg/app"

	"rollcall/app/board"
	"rollcall/app/visit"
	"rollcall/shared/event"
)

// Wall shows a room on a screen in a hallway: boxes as large as they fit, and how to
// join. It has nothing to click.
type Wall struct {
	app.Compo

	Room    string
	Users   []event.User
	Count   int // of people in the room
	Columns int
	Link    visit.Link
	Known   bool // the people of the room are known
	Partial bool // there may be others
	Word    string
	Now     int64
	AsOf    string // of what time that is, in words; empty for now
}

// Render draws the people and the code.
func (w *Wall) Render() app.UI {
	boxes := make([]app.UI, len(w.Users), len(w.Users)+1)
	for i, u := range w.Users {
		boxes[i] = &UserBox{
			Slot:   board.Slot{Item: board.Item{User: u, Known: true}, State: board.Taken},
			Detail: detailOf(u, w.Now, w.Link != visit.Live), Plain: true,
		}
	}
	if more := w.Count - len(w.Users); more > 0 {
		boxes = append(boxes, app.Li().Class("box others").Body(app.Span().Text(fmt.Sprintf("and %d more", more))))
	}
	class := "wall"
	if w.Link != visit.Live {
		class += " stale"
	}
	word, beside := w.Word, "" // beside the count
	switch nobody := w.Known && w.Count == 0 && w.AsOf == ""; {
	case word == "" && nobody && w.Partial:
		word = visit.PartialText
	case word == "" && nobody:
		word = "Nobody is here now."
	case w.Partial:
		beside = " " + visit.PartialText
	}
	count, people := strconv.Itoa(w.Count), strings.TrimSuffix(" "+peopleHere(w.Count)+" "+w.AsOf, " ")
	if !w.Known {
		count, people = "", "Who is here"
	}
	return app.Div().Class(class).Body(
		app.Header().Class("wall-head").Body(
			mark(),
			app.H1().ID(countHeading).Class("count").Body(
				app.Strong().Attr("translate", "no").Text(count),
				app.Span().Text(people), app.Span().Class("wall-room").Body(app.Text(" in "), own(w.Room)),
				app.If(beside != "", app.Span().Class("wall-partial").Text(beside))),
			&Connection{Link: w.Link},
			app.Div().Class("wall-join").Body(
				app.P().Body(app.Text("Join at "), app.A().Attr("translate", "no").Href(event.RoomPath(w.Room)).Text(roomURL(w.Room))),
				&code{Room: w.Room, Live: w.Link == visit.Live, Size: 120},
			),
		),
		app.Main().Aria("labelledby", countHeading).Body(
			app.If(word != "", app.P().Class("word").Text(word)),
			app.Ul().Class("boxes", "cols-"+strconv.Itoa(w.Columns)).Role("list").Body(boxes...),
		),
	)
}
