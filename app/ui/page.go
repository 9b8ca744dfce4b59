// Package ui is the page: components of go-app that ask for a name and then
// show who is here. What they show is decided in package board; the server
// renders the same components for the first paint.
package ui

import (
	"fmt"
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

	// Room is the room that a page drawn on the server is of. In a browser
	// the address says it.
	Room string

	ctx   app.Context // the page's own: what is dispatched through it draws the page
	close []func()

	at    place        // what the address means
	visit              // to the room there
	board *board.Board // of the room
	early early

	dialog openIntent // which one is open; the zero intent for none
	next   openIntent // which one follows when that is closed
	dated  dated      // whom it is about

	list      bool            // the board is one
	quiet     map[string]bool // notices that were put away, by their text
	remark    remark
	said      string // to a screen reader
	kept      device
	session   string // by which the server knows one without a cookie, for as long as the page lives
	rehearsed bool   // what the first look at a room needs
	gestured  bool   // there was a click or a key: the browser allows more
	attention board.Attention
	idle      *time.Timer // until the tab counts as unused
	width     float64     // of the window, less what the wall needs
	height    float64
}

// visit is all that a page knows of a room, from the moment that it asks for
// it until it is left.
type visit struct {
	client    *client.Client
	stop      func() // ends client and the goroutine that follows it
	name      string // that it asks to join with
	status    client.Status
	asking    bool      // the client is about to join: the dialog stays, busy
	problem   string    // why the last attempt to join did not work
	parting   string    // why the dialog is back, if not for a problem
	lost      time.Time // when the connection went away; zero while it is there
	shaky     bool      // it is away for long enough to show it
	cut       bool      // the server cannot be reached, though nobody has asked to join
	due       due
	seen      *lastSeen // the room as it was, while nothing newer is known
	met       bool      // somebody else has been here
	forgotten bool      // another tab has had the device forget all
	now       time.Time // the server's, when the room was as it is shown
	query     string    // what is searched for
	viewed    viewing
	news      board.Announcements
	present   map[string]bool // of those one asked to be told about, who is here; nil if that is not known
	edit      edit
	chosen    choice
}

// due is what a page will do in a while, each of which it does once however
// often it finds that it has to.
type due struct{ probe, proclaim, tick, sweep, want, end bool }

// edit is a change of oneself that waits for the server's word.
type edit struct {
	number         int    // of the client's Update; 0 if none waits
	refusals       int    // counts them, so that each is noticed
	field, problem string // of the last
}

// choice is a status that was chosen by hand, until the server has done it: then
// it is kept.
type choice struct {
	number int // of the client's Update; 0 if none waits
	status event.Status
}

// viewing is what has become of asking for another view of a large room.
type viewing struct {
	waiting bool
	asked   string    // the query that was asked for last
	answer  string    // the query that the roster answers
	until   time.Time // nothing is asked before
}

// OnInit keeps what was typed and submitted before the program was alive: the
// first mount replaces the page that the server rendered.
func (p *Page) OnInit() {
	p.early = takeEarly()
	p.board = board.New(decomposed)
	p.quiet = map[string]bool{}
	p.kept = recallDevice()
	p.list = p.kept.look == lookList
	p.at = parsePlace(app.Window().URL())
}

// OnMount follows the browser and enters the room.
func (p *Page) OnMount(ctx app.Context) {
	p.ctx = ctx
	ctx.Handle(intents, p.act)
	rest() // the page has been drawn
	p.attend()
	if toEnd() {
		p.endSession()
	}
	markAlive()
	if p.at.madeUp {
		redirect(event.RoomPath(board.MakeUpRoom()))
		return
	}
	p.enter("")
}

// OnNav enters another room, when the address has become one's. Whoever was in
// the one before joins the other as they were there last, or under the same name.
func (p *Page) OnNav(app.Context) {
	at := parsePlace(app.Window().URL())
	if at == p.at {
		return
	}
	name := ""
	if p.status.Joined {
		name = p.me().Name
	}
	p.leaveVisit()
	p.at = at
	p.enter(name)
}

// OnDismount ends everything that the page started.
func (p *Page) OnDismount() {
	p.leaveVisit()
	for _, f := range p.close {
		f()
	}
}

// room is the one that the page is of.
func (p *Page) room() string {
	if p.at.room == "" {
		return p.Room
	}
	return p.at.room
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
	case p.at.wall:
		return p.wall()
	case p.status.Joined || p.past():
		return p.place()
	}
	word, then := p.word()
	return app.Main().Class("entrance").Body(
		&NameDialog{
			Room:    p.room(),
			Offered: p.kept.nameFor(p.room()),
			Typed:   p.early,
			Busy:    p.asking,
			Problem: p.problem,
			Word:    word,
			Then:    then,
		},
		app.If(!secure(), app.P().Class("footnote").Text(insecureText)),
		app.If(p.gestured && !p.rehearsed && !p.asking, &Rehearsal{}),
	)
}

// insecureText is the one line that says what plain HTTP takes away.
const insecureText = "This page came over plain HTTP, which browsers do not trust: " +
	"the copy button, notifications, installing and offline use are off. All else works."

// place is the room with its board.
func (p *Page) place() app.UI {
	n, count := p.board.Len(), p.count()
	found := p.board.Room().Query // which p.query becomes when it is answered
	alone := count == 1 && p.status.Joined
	asOf := p.asOf()
	invitation := "Share this link."
	switch {
	case asOf != "":
	case p.met:
		invitation = "Nobody else is here now. Share this link."
	default:
		invitation = "Nobody else is here yet. Share this link."
	}
	nobody := "Nobody here is called “"
	if asOf != "" {
		nobody = "Nobody who is known of that time is called “"
	}
	return app.Div().Class("place").Body(
		&Bar{Room: p.room(), Link: p.link()},
		app.Main().Body(
			&Tools{
				Count: count, Watch: p.board.Room().Watching, Found: n, Query: found, AsOf: asOf,
				Search: !alone || p.query != "", List: p.list,
			},
			&Boxes{
				Board: p.board, Rev: p.board.Rev(), Len: n, List: p.list,
				Stale: p.link() != live,
				Now:   p.minute(),
			},
			app.Div().Class("aside").Body( // always there: what follows would be drawn anew
				app.If(alone && p.query == "", app.Section().Class("alone").Aria("labelledby", "alone-title").Body(
					app.H2().ID("alone-title").Text(invitation),
					&Invitation{Room: p.room(), Live: asOf == ""},
				)),
				app.If(p.past() && found == "" && count > n, // the device keeps the first of a large room
					app.P().Class("nobody").Text(fmt.Sprintf("and %d more", count-n))),
				app.If(found != "" && n == 0,
					app.P().Class("nobody").Body(app.Text(nobody), own(found), app.Text("”."))),
			),
			app.If(!secure(), app.P().Class("footnote").Text(insecureText)),
		),
	)
}

// wall is the room for a screen in a hallway.
func (p *Page) wall() app.UI {
	r := p.board.Room()
	users := r.Users
	if r.Count > board.MaxBoxes {
		users = users[:min(len(users), board.MaxBoxes-1)] // the last box says how many more
	}
	shown := min(r.Count, len(users)+1)
	word, then := p.word()
	return &Wall{
		Room: p.room(), Users: users, Count: r.Count,
		Columns: board.Fit(shown, p.width, p.height),
		Link:    p.link(), Known: p.status.Joined, Word: word + then,
		Now: p.minute(), AsOf: p.asOf(),
	}
}

// modal is the dialog that is open, if one is.
func (p *Page) modal() app.UI {
	switch p.dialog.which {
	case inviteDialog:
		return &InviteDialog{Room: p.room(), Live: p.asOf() == ""}
	case roomsDialog:
		return &RoomsDialog{Room: p.room(), Recent: p.kept.rooms}
	case moreDialog:
		return &MoreDialog{Room: p.room(), Told: p.kept.told, CanInstall: canInstall()}
	case editorDialog:
		return &Editor{Me: p.me(), Field: p.edit.field, Problem: p.edit.problem, Refusals: p.edit.refusals}
	case personDialog:
		u, here := p.find(p.dialog.id)
		if !here {
			u = p.dated.User
		}
		large := p.board.Room().Large
		left, asOf := int64(0), p.asOf()
		switch {
		case here:
		case large:
			asOf = p.asOfTime(p.dated.at)
		case !p.dated.left.IsZero():
			left = p.dated.left.UnixMilli()
		}
		return &PersonDialog{
			Room: p.room(), User: u, Told: p.isTold(u.ID),
			Gone:  !here && !large, // of a large room a page sees a part
			Large: large,
			Now:   p.minute(),
			Left:  left,
			AsOf:  asOf,
		}
	}
	return nil
}

// minute is the server's time to the minute, in Unix milliseconds: what is
// drawn with it is drawn anew no more often than that.
func (p *Page) minute() int64 { return p.now.Truncate(time.Minute).UnixMilli() }
