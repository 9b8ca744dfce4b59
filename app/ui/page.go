// Package ui is the page: components of go-app that ask for a name and then
// show who is here. What they show is decided in package board; the server
// renders the same components for the first paint.
package ui

import (
	"net/url"
	"time"

	"github.com/maxence-charriere/go-app/v9/pkg/app"

	"rollcall/app/board"
	"rollcall/shared/client"
	"rollcall/shared/event"
)

// Page is the root component: the name dialog until one has joined, then the
// board; or the wall. It alone knows the client and what is kept on the
// device; what other components want reaches it as intents.
type Page struct {
	app.Compo

	// Room is the room that the page is of, Wall whether only to look at it.
	Room string
	Wall bool

	ctx    app.Context // the page's own: what is dispatched through it draws the page
	server string      // the WebSocket's address
	close  []func()

	visit              // to the room
	board *board.Board // of the room
	early early

	dialog openIntent // which one is open; the zero intent for none
	next   openIntent // which one follows when that is closed
	dated  event.User // whom it is about, as last seen

	list      bool            // the board is one
	quiet     map[string]bool // notices that were put away, by their text
	said      string          // to a screen reader
	gestured  bool            // there was a click or a key: the browser allows more
	attention board.Attention
	idle      *time.Timer // until the tab counts as unused
	width     float64     // of the window
	height    float64
}

// visit is all that a page knows of a room, from the moment that it asks for
// it until it is left.
type visit struct {
	in      place // where this is
	client  *client.Client
	stop    func() // ends client and the goroutine that follows it
	status  client.Status
	asking  bool      // the client is about to join: the dialog stays, busy
	problem string    // why the last attempt to join did not work
	parting string    // why the dialog is back, if not for a problem
	shaky   bool      // the connection is away for long enough to show it
	cut     bool      // the server cannot be reached, though nobody has asked to join
	ticking bool      // the seconds to the next attempt are counted
	seen    *lastSeen // the room as it was, while nothing newer is known
	now     time.Time // the server's
	query   string
	viewed  viewing
	news    board.Announcements
	present map[string]bool // of those one asked to be told about, who is here
	edit    edit
}

// edit is a change of oneself that waits for the server's word.
type edit struct {
	waiting        bool
	before         event.User // oneself, before the change
	field, problem string
}

// viewing is what has become of asking for another view of a large room.
type viewing struct {
	waiting bool
	until   time.Time // nothing is asked before
}

// NewPage returns the page for an address in the browser.
func NewPage(address *url.URL) *Page {
	at := parsePlace(address)
	return &Page{Room: at.room, Wall: at.wall, server: at.server}
}

// OnInit keeps what was typed and submitted before the program was alive: the
// first mount replaces the page that the server rendered.
func (p *Page) OnInit() {
	p.early = takeEarly()
	p.board = new(board.Board)
	p.quiet = map[string]bool{}
	p.list = recall(deviceStorage, lookKey) == lookList
	if recall(tabStorage, readKey) != "" {
		p.quiet[insecureText] = true
	}
}

// OnMount follows the browser and enters the room.
func (p *Page) OnMount(ctx app.Context) {
	p.ctx = ctx
	ctx.Handle(intents, p.act)
	p.attend()
	markAlive()
	p.enter()
}

// OnNav enters another room, when the address has become one's.
func (p *Page) OnNav(app.Context) {
	if p.in == (place{}) || p.in.room == p.Room && p.in.wall == p.Wall {
		return
	}
	p.leaveVisit()
	p.enter()
}

// OnDismount ends everything that the page started.
func (p *Page) OnDismount() {
	p.leaveVisit()
	for _, f := range p.close {
		f()
	}
}

// Render draws what there is of the page.
func (p *Page) Render() app.UI {
	return app.Div().Class("page").Body(
		p.scene(),
		&Notices{Notices: p.notices()},
		app.P().ID("said").Class("hidden").Role("status").Text(p.said),
		p.modal(), // last: what comes after it would be drawn anew
	)
}

// scene is the page without what is laid over it.
func (p *Page) scene() app.UI {
	switch {
	case p.Wall:
		return p.wall()
	case p.status.Joined || p.past():
		return p.place()
	}
	return app.Main().Class("entrance").Body(
		&NameDialog{
			Room:    p.Room,
			Offered: p.offered(),
			Busy:    p.asking,
			Problem: p.problem,
			Word:    p.word(),
		},
		app.If(!secure(), app.P().Class("footnote").Text(insecureText)),
	)
}

// insecureText is the one line that says what plain HTTP takes away.
const insecureText = "This page came over plain HTTP, which browsers do not trust: " +
	"the copy button, notifications, installing and offline use are off. All else works."

// place is the room with its board.
func (p *Page) place() app.UI {
	n, count := p.board.Len(), p.count()
	alone := count == 1 && p.status.Joined
	asOf := ""
	if p.past() {
		asOf = p.seen.at.Format("Monday 2 January, 15:04")
	}
	return app.Div().Class("place").Body(
		&Bar{Room: p.Room, Link: p.link()},
		app.Main().Body(
			&Tools{
				Count: count, Found: n, Query: p.query, AsOf: asOf,
				Search: !alone, List: p.list,
			},
			app.If(alone, app.Section().Class("alone").Aria("labelledby", "alone-title").Body(
				app.H2().ID("alone-title").Text("You are the first. Share this link."),
				app.If(p.dialog.which != inviteDialog, &Invitation{Room: p.Room}),
			)),
			app.If(p.query != "" && n == 0,
				app.P().Class("nobody").Body(app.Text("Nobody here is called “"), app.Bdi().Text(p.query), app.Text("”."))),
			&Boxes{
				Board: p.board, Rev: p.board.Rev(), Len: n, List: p.list,
				Stale: p.link() != live,
				Now:   p.minute(),
			},
			app.If(!secure() && !p.quiet[insecureText], app.P().Class("footnote").Text(insecureText)),
		),
	)
}

// wall is the room for a screen in a hallway.
func (p *Page) wall() app.UI {
	r := p.board.Room()
	users := r.Users[:min(len(r.Users), board.MaxBoxes-1)]
	shown := len(users)
	if shown < r.Count {
		shown++ // one box says how many more
	}
	return &Wall{
		Room: p.Room, Users: users, Count: r.Count,
		Columns: board.Fit(shown, p.width, p.height),
		Link:    p.link(), Known: p.status.Joined, Word: p.word(),
		Now: p.minute(),
	}
}

// modal is the dialog that is open, if one is.
func (p *Page) modal() app.UI {
	switch p.dialog.which {
	case inviteDialog:
		return &InviteDialog{Room: p.Room}
	case roomsDialog:
		return &RoomsDialog{Room: p.Room, Recent: recentRooms()}
	case moreDialog:
		return &MoreDialog{Room: p.Room, Told: toldAbout(), CanInstall: canInstall()}
	case editorDialog:
		return &Editor{Me: p.me(), Field: p.edit.field, Problem: p.edit.problem}
	case personDialog:
		u, here := p.find(p.dialog.id)
		if !here {
			u = p.dated
		}
		return &PersonDialog{
			Room: p.Room, User: u, Gone: !here, Told: p.isTold(u.ID),
			Now: p.minute(),
		}
	}
	return nil
}

// minute is the server's time to the minute, in Unix milliseconds: what is
// drawn with it is drawn anew no more often than that.
func (p *Page) minute() int64 { return p.now.Truncate(time.Minute).UnixMilli() }
