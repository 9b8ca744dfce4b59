// Package ui is the page: components of go-app that ask for a name and then
// show who is here. Package visit decides what the page does, package board who is
// shown where; the server renders the same components for the first paint.
package ui

import (
	"fmt"
	"time"

	"github.com/maxence-charriere/go-app/v9/pkg/app"

	"rollcall/app/board"
	"rollcall/app/visit"
	"rollcall/shared/client"
	"rollcall/shared/event"
)

// Page is the root component: the name dialog until the visitor has joined, then the
// board; or the wall. It tells its visit what happens, carries out the effects, and
// draws what there is to show.
type Page struct {
	app.Compo

	// Room is the room that a page drawn on the server is of. In a browser
	// the address says it.
	Room string

	ctx   app.Context // the page's own: what is dispatched through it draws the page
	close []func()

	address address
	visit   visit.Machine // to the room there
	client  *client.Client
	stop    func()      // ends client and the goroutine that follows it
	alarm   *time.Timer // for what the visit does next by itself
	alarmAt time.Time   // when that is; zero for never

	early     early
	list      bool // the board is one
	device    device
	session   string // by which the server knows the visitor without a cookie; the page alone keeps it
	rehearsed bool   // the rehearsal is over
	gestured  bool   // there was a click or a key: browsers allow more then
	attention board.Attention
	idle      *time.Timer // until the tab counts as unused
	width     float64     // of the window, without what the wall needs beside the boxes
	height    float64
}

// OnInit takes over what was typed and submitted before the program was running: the
// first mount replaces the page that the server rendered.
func (p *Page) OnInit() {
	p.early = takeEarly()
	p.visit = visit.New(board.New(decomposed))
	p.device = recallDevice()
	p.list = p.device.layout == listLayout
	p.address = parseAddress(app.Window().URL())
}

// OnMount follows the browser and enters the room.
func (p *Page) OnMount(ctx app.Context) {
	p.ctx = ctx
	ctx.Handle(intents, p.act)
	nextTask() // the page has been drawn
	p.attend()
	p.endPendingSession()
	markAlive()
	if p.address.madeUp {
		redirect(event.RoomPath(board.MakeUpRoom()))
		return
	}
	p.enter("")
}

// OnNav enters another room when the address has changed to it. A visitor who was in a
// room joins the next one as they were there last, or under the same name.
func (p *Page) OnNav(app.Context) {
	to := parseAddress(app.Window().URL())
	if to == p.address {
		return
	}
	name := ""
	if p.visit.Joined() {
		name = p.visit.Me().Name
	}
	p.handle(visit.End{})
	p.address = to
	p.enter(name)
}

// OnDismount ends everything that the page started.
func (p *Page) OnDismount() {
	p.handle(visit.End{})
	for _, f := range p.close {
		f()
	}
}

// room is the one that the page is of.
func (p *Page) room() string {
	if p.address.room == "" {
		return p.Room
	}
	return p.address.room
}

// Render draws what there is of the page.
func (p *Page) Render() app.UI {
	return app.Div().Class("page").Body(
		p.content(),
		&Notices{Notices: p.notices()},
		app.P().ID("said").Class("hidden").Role("status").Text(p.visit.Said()),
		p.modal(), // last: what comes after it would be drawn anew
	)
}

// content is the page without what is laid over it.
func (p *Page) content() app.UI {
	switch {
	case p.address.wall:
		return p.wall()
	case p.visit.Joined() || p.visit.ShowsPast():
		return p.roomPage()
	}
	word, then := p.visit.Word(time.Now())
	return app.Main().Class("entrance").Body(
		&NameDialog{
			Room:    p.room(),
			Offered: p.device.nameFor(p.room()),
			Typed:   p.early,
			Busy:    p.visit.Asking(),
			Problem: p.visit.Problem(),
			Word:    word,
			Then:    then,
		},
		app.If(!secure(), app.P().Class("footnote").Text(insecureText)),
		app.If(p.gestured && !p.rehearsed && !p.visit.Asking(), &Rehearsal{}),
	)
}

// insecureText is the one line that says what plain HTTP takes away.
const insecureText = "This page came over plain HTTP, which browsers do not trust: " +
	"the copy button, notifications, installing and offline use are off. All else works."

// roomPage is the room with its board.
func (p *Page) roomPage() app.UI {
	people := p.visit.Board()
	n, count := people.Len(), p.visit.Count()
	found := people.Room().Query // which the query becomes when it is answered
	alone := count == 1 && p.visit.Joined()
	asOf := p.asOf()
	invitation := "Share this link."
	switch {
	case asOf != "", p.visit.Partial():
	case p.visit.Met():
		invitation = "Nobody else is here now. Share this link."
	default:
		invitation = "Nobody else is here yet. Share this link."
	}
	nobody := "Nobody here is called “"
	switch {
	case asOf != "":
		nobody = "Nobody who is known of that time is called “"
	case p.visit.Partial():
		nobody = "Nobody who is known here is called “"
	}
	return app.Div().Class("room-page").Body(
		&Bar{Room: p.room(), Link: p.visit.Link()},
		app.Main().Body(
			&Tools{
				Count: count, Watch: people.Room().Watching, Found: n, Query: found, AsOf: asOf,
				Search: !alone || p.visit.Query() != "", List: p.list,
			},
			&Boxes{
				Board: people, Rev: people.Rev(), Len: n, List: p.list,
				Stale: p.visit.Link() != visit.Live,
				Now:   p.minute(),
			},
			app.Div().Class("aside").Body( // always there: what follows would be drawn anew
				app.If(alone && p.visit.Query() == "", app.Section().Class("alone").Aria("labelledby", "alone-title").Body(
					app.H2().ID("alone-title").Text(invitation),
					&Invitation{Room: p.room(), Live: asOf == ""},
				)),
				app.If(p.visit.ShowsPast() && found == "" && count > n, // the device keeps the first of a large room
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
	r := p.visit.Board().Room()
	users := r.Users
	if r.Count > board.MaxBoxes {
		users = users[:min(len(users), board.MaxBoxes-1)] // the last box says how many more
	}
	shown := min(r.Count, len(users)+1)
	word, then := p.visit.Word(time.Now())
	return &Wall{
		Room: p.room(), Users: users, Count: r.Count,
		Columns: board.Fit(shown, p.width, p.height),
		Link:    p.visit.Link(), Known: p.visit.Joined(), Partial: p.visit.Partial(), Word: word + then,
		Now: p.minute(), AsOf: p.asOf(),
	}
}

// notices are what there is to say beside the board.
func (p *Page) notices() []visit.Notice {
	list := p.visit.Notices(time.Now())
	if updateReady() && !p.visit.Dismissed(updateText) {
		list = append([]visit.Notice{{Text: updateText, Action: "Reload", Input: reloadIntent{}, Dismissible: true}}, list...)
	}
	return list
}

const updateText = "There is a new version of Rollcall."

// modal is the dialog that is open, if one is.
func (p *Page) modal() app.UI {
	switch p.visit.Dialog().Dialog {
	case visit.Invite:
		return &InviteDialog{Room: p.room(), Live: p.asOf() == ""}
	case visit.Rooms:
		return &RoomsDialog{Room: p.room(), Recent: p.device.rooms}
	case visit.More:
		return &MoreDialog{Room: p.room(), Told: p.device.told, CanInstall: canInstall()}
	case visit.Editor:
		field, problem, refusals := p.visit.Refusal()
		return &Editor{Me: p.visit.Me(), Field: field, Problem: problem, Refusals: refusals}
	case visit.Details:
		return p.personDialog()
	}
	return nil
}

func (p *Page) personDialog() app.UI {
	person, large := p.visit.Person(), p.visit.Board().Room().Large
	left, asOf := int64(0), p.asOf()
	switch {
	case person.Here:
	case large:
		asOf = p.asOfTime(person.SeenAt)
	case !person.LeftAt.IsZero():
		left = person.LeftAt.UnixMilli()
	}
	return &PersonDialog{
		Room: p.room(), User: person.User, Told: p.visit.Told(person.User.ID),
		Gone:  !person.Here && !large, // of a large room a page sees a part
		Large: large,
		Now:   p.minute(),
		Left:  left,
		AsOf:  asOf,
	}
}

// asOf says of what time the page shows the room, if that is not now.
func (p *Page) asOf() string {
	at, past := p.visit.AsOf()
	if !past {
		return ""
	}
	return p.asOfTime(at)
}

// asOfTime is asOf for a time of the server's. By which day it is now, the server's
// clock decides too, once it has said so: a device's may be set to another.
func (p *Page) asOfTime(at time.Time) string {
	now := p.visit.ServerNow(time.Now())
	return board.AsOf(localTime(at.UnixMilli()), localTime(now.UnixMilli()))
}

// minute is the server's time to the minute, in Unix milliseconds: what is
// drawn with it is drawn anew no more often than that.
func (p *Page) minute() int64 { return p.visit.ShownAt().Truncate(time.Minute).UnixMilli() }
