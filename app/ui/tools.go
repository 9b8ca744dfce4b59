package ui

import (
	"fmt"
	"strconv"

	"github.com/maxence-charriere/go-app/v9/pkg/app"

	"rollcall/app/visit"
)

// Tools is above a board: how many people there are, the search, and whether the
// board is a list.
type Tools struct {
	app.Compo

	Count  int    // of people in the room
	Watch  int    // how many clients watch the room
	Found  int    // how many people the search finds
	Query  string // what is searched for; empty for everybody
	AsOf   string // of what time that is, in words; empty for now
	Search bool   // there is a search
	List   bool   // the board is a list
}

const searchField = "search"

func (t *Tools) onSearch(ctx app.Context, _ app.Event) {
	intend(ctx, visit.Search{Query: ctx.JSSrc().Get("value").String()})
}

func (t *Tools) onBoxes(ctx app.Context, _ app.Event) { intend(ctx, layoutIntent{list: false}) }
func (t *Tools) onList(ctx app.Context, _ app.Event)  { intend(ctx, layoutIntent{list: true}) }

// Render draws the count, and the controls if there is a search.
func (t *Tools) Render() app.UI {
	return app.Div().Class("tools").Body(
		app.H1().ID(countHeading).Class("count").TabIndex(-1).Body(
			app.Strong().Attr("translate", "no").Text(strconv.Itoa(t.Count)),
			app.Span().Text(" "+t.people()),
		),
		app.If(t.Search,
			app.Div().Class("finder").Role("search").Body(
				app.Div().Class("find").Body(
					icon(findIcon),
					app.Input().ID(searchField).Class("field small").Type("search").Placeholder("Find someone").
						Aria("label", "Find someone by name").Attr("autocomplete", "off").Attr("spellcheck", "false").
						Attr("enterkeyhint", "search").Attr("maxlength", 64).OnInput(t.onSearch),
				),
				app.Div().Class("switch").Role("group").Aria("label", "Look").Body(
					iconButton("button icon", "Boxes", boxesIcon, t.onBoxes).Aria("pressed", !t.List),
					iconButton("button icon", "List", listIcon, t.onList).Aria("pressed", t.List),
				),
			),
		),
	)
}

const countHeading = "count"

func (t *Tools) people() string {
	words := peopleHere(t.Count)
	if t.Watch > 0 {
		words += fmt.Sprintf(", %d watching", t.Watch)
	}
	switch {
	case t.AsOf != "":
		return words + " " + t.AsOf
	case t.Query != "":
		return fmt.Sprintf("%s, %d found", words, t.Found)
	}
	return words
}

// peopleHere are the words after a count.
func peopleHere(n int) string {
	if n == 1 {
		return "person here"
	}
	return "people here"
}
