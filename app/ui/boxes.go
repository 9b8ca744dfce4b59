package ui

import (
	"strconv"
	"strings"
	"time"

	"github.com/maxence-charriere/go-app/v9/pkg/app"

	"rollcall/app/board"
	"rollcall/app/visit"
)

// Boxes shows the people of a board, each in a box. Only boxes near the window
// are drawn, and spacers stand for the others.
type Boxes struct {
	app.Compo

	Board *board.Board // the page's; it changes in place, and with it Rev
	Rev   int
	List  bool
	Stale bool  // the connection is away and the board may be old
	Now   int64 // the server's time to the minute, Unix milliseconds
	Len   int   // how many there are in all, drawn or not

	close    []func()
	measured bool   // whether it was a list when it was measured last
	focused  string // the id of the user whose box has the focus
	place    string // and their place
	begun    bool   // the page around the boxes is on the screen, so boxes can be drawn
	growing  bool   // more is drawn after the next frame

	slots []board.Slot // of the board when it was rendered last
	ring  board.Ring   // the order of their elements on the page
}

const (
	boxesFrame = "board"
	boxesList  = "boxes"
)

// OnMount follows the window: what is in it, and how boxes lie there.
func (b *Boxes) OnMount(ctx app.Context) {
	list, ok := element(boxesList)
	if !ok {
		return
	}
	b.close = []func(){
		listen(app.Window(), func(app.Value) { b.locate(); b.grow(ctx) }, "scroll", "resize"),
		listen(list, func(e app.Value) { b.focused, b.place = userOf(e.Get("target")) }, "focusin"),
		listen(list, func(e app.Value) {
			if stays(e.Get("target")) {
				b.focused = ""
			}
		}, "focusout"),
		onResize(list, func() { b.remeasure(ctx) }), // at first when it is laid out
	}
	afterFrame(func() {
		b.begun = true
		if b.Mounted() {
			b.redraw(ctx)
		}
	})
}

// OnUpdate brings the elements into the order of the board.
func (b *Boxes) OnUpdate(ctx app.Context) {
	b.drawn(ctx)
	if b.measured != b.List {
		b.remeasure(ctx)
	}
}

// drawn is called when the board has been drawn, or drawn anew.
func (b *Boxes) drawn(ctx app.Context) {
	b.arrange()
	b.refocus()
	b.grow(ctx)
}

func (b *Boxes) remeasure(ctx app.Context) {
	if b.measure() {
		b.redraw(ctx)
		return
	}
	b.grow(ctx)
}

// redraw draws the board as it is now.
func (b *Boxes) redraw(ctx app.Context) {
	ctx.Dispatch(func(app.Context) {})
	ctx.Defer(b.drawn)
	if _, more := b.Board.Wants(); more {
		intend(ctx, visit.WantView{})
	}
}

// arrange puts the elements in the order of the slots, and sets for each box which one
// it is, of how many. Both change for all boxes when one person comes or goes. So they
// are not in what go-app compares.
func (b *Boxes) arrange() {
	list, ok := element(boxesList)
	if !ok {
		return
	}
	rotate, order := b.ring.Arrange(b.slots)
	positions := make([]any, len(order))
	for i, at := range order {
		positions[i] = at
	}
	// When all elements are put in order, the browser takes the focus away.
	focused, place := b.focused, b.place
	script().Call("arrange", list, rotate, positions, b.Board.First(), b.Board.Len())
	b.focused, b.place = focused, place
}

// grow draws more after the next frame, if there is more.
func (b *Boxes) grow(ctx app.Context) {
	if !b.begun || b.growing || !b.Board.Growing() {
		return
	}
	b.growing = true
	afterFrame(func() {
		b.growing = false
		if b.Mounted() && b.Board.Grow(time.Now()) {
			b.redraw(ctx)
		}
	})
}

// OnDismount stops following.
func (b *Boxes) OnDismount() {
	for _, f := range b.close {
		f()
	}
}

// measure tells the board how the stylesheet arranges the boxes, and where the board is.
func (b *Boxes) measure() bool {
	list, ok := element(boxesList)
	if !ok {
		return false
	}
	b.measured = b.List
	style := app.Window().Call("getComputedStyle", list)
	row := pixels(style.Get("gridAutoRows").String())
	columns := strings.Fields(style.Get("gridTemplateColumns").String())
	laid := b.Board.Lay(board.Layout{Columns: len(columns), Pitch: row + pixels(style.Get("rowGap").String())}, time.Now())
	b.locate()
	return laid
}

// locate tells the board where it is in the window.
func (b *Boxes) locate() {
	if list, ok := element(boxesFrame); ok {
		top := list.Call("getBoundingClientRect").Get("top").Float()
		b.Board.Scroll(top, app.Window().Get("innerHeight").Float())
	}
}

func pixels(length string) float64 {
	f, err := strconv.ParseFloat(strings.TrimSuffix(length, "px"), 64)
	if err != nil {
		return 0
	}
	return f
}

// refocus gives the focus back to the person whose box had it: people may have changed
// their elements. If the person is gone, the one who has their place now gets it. If
// they are not drawn, the list gets it.
func (b *Boxes) refocus() {
	if b.focused == "" || modalOpen() {
		return
	}
	if focused, place := userOf(document().Get("activeElement")); focused == b.focused {
		if place != "" {
			b.place = place // others before them may have gone
		}
		return
	}
	if focusUser(b.focused) || focusPlace(b.place) {
		return
	}
	if place, err := strconv.Atoi(b.place); err == nil && place > b.Len && focusPlace(strconv.Itoa(b.Len)) {
		return // the last people are gone
	}
	b.focused = ""
	focusWithoutScrolling(boxesList)
}

// Render draws one box per slot, the empty ones hidden: go-app compares
// children by position, so a box that is not to change must not move.
func (b *Boxes) Render() app.UI {
	class := "board"
	if b.List {
		class += " list"
	}
	if b.Stale {
		class += " stale"
	}
	b.slots = b.Board.Slots()
	above, below := b.Board.Spacers()
	if app.IsClient && !b.begun && b.Board.Growing() { // the page and the boxes in one task would take too long
		b.slots, above, below = nil, 0, b.Board.Height()
	}
	b.ring.Resize(len(b.slots))
	boxes := make([]app.UI, len(b.slots))
	for _, s := range b.slots {
		boxes[s.Element] = &UserBox{Slot: s, Detail: detailOf(s.User, b.Now, b.Stale)}
	}
	return app.Section().ID(boxesFrame).Class(class).Aria("labelledby", countHeading).Body(
		spacer(above),
		app.Ul().ID(boxesList).Class("boxes").Role("list").TabIndex(-1).Body(boxes...),
		spacer(below),
	)
}

// spacer is so many pixels of nothing. The height is an attribute, since our
// policy forbids inline styles.
func spacer(height int) app.UI {
	return app.Elem("svg").XMLNS("http://www.w3.org/2000/svg").Attr("width", 1).Attr("height", height).Aria("hidden", true)
}
