package ui

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/maxence-charriere/go-app/v9/pkg/app"

	"rollcall/app/board"
	"rollcall/shared/client"
	"rollcall/shared/event"
	"rollcall/shared/roster"
)

// This file is a page's visit to a room: how it begins, what the client tells,
// and how it ends.

// enter begins the visit to the room of the address. It joins at once with the
// name that one has come with from another room, if one has none in this, when
// the tab was in the room before a reload, or when the form has been submitted
// already.
func (p *Page) enter(name string) {
	p.visit = visit{now: time.Now()}
	p.board.Show(board.Room{}, true, time.Now())
	p.dialog, p.next, p.remark = openIntent{}, openIntent{}, remark{}
	setTitle(title(0, p.room()))
	if seen, ok := recallRoster(p.room()); ok {
		p.seen, p.met = &seen, seen.room.Count > 1
	}
	switch {
	case p.at.wall:
		p.start(client.Options{Watch: true, Room: p.room()})
		keepAwake(true)
	case p.early.submitted:
		p.join(p.early.typed)
	case name != "":
		p.returnAs(cmp.Or(p.kept.in(p.room()).name, name))
	case recall(tabStorage, joinedKey) == p.room() && p.kept.nameFor(p.room()) != "":
		p.returnAs(p.kept.nameFor(p.room()))
	case p.seen != nil:
		p.probe()
	}
	if !p.asking {
		markSettled()
	}
}

// returnAs joins without showing the dialog, which would only flash, unless it
// takes long.
func (p *Page) returnAs(name string) {
	markReturning()
	p.join(name)
	p.later(patience, markSettled)
}

// join asks the server to let one in under a name, with the status and the
// note that one had in the room.
func (p *Page) join(name string) {
	switch {
	case p.asking && name == p.name:
		p.client.Hurry()
		return
	case p.asking: // the name was corrected
		p.stop()
		p.asking = false
	}
	p.parting = ""
	if p.problem = board.CheckName(name); p.problem != "" {
		markSettled()
		return
	}
	p.asking, p.name = true, name
	kept := p.kept.in(p.room())
	said := event.Diff(event.User{}, event.User{Status: kept.status, Note: kept.note})
	p.start(client.Options{Name: name, Patch: said, Room: p.room()})
}

func (p *Page) start(options client.Options) {
	options.Session, options.Dial = p.session, asNobody(client.Network(nil))
	p.status = client.Status{}
	p.due, p.viewed = due{}, viewing{} // what was for the client before
	p.query = ""                       // of the room as it was
	p.board.Show(board.Room{}, true, time.Now())
	p.client = client.Start(p.at.server, options)
	following, stop := context.WithCancel(context.Background())
	p.stop = stop
	if active, _ := p.attention.Active(time.Now()); !p.at.wall {
		p.client.Active(active)
	}
	go follow(following, p.ctx, p.client, p.refresh)
}

// follow tells the page of every change of a client and, while it is looked at,
// of every minute, by which the times on the board move. It owns the client and closes it when
// ctx or the client ends.
func follow(ctx context.Context, page app.Context, c *client.Client, refresh func(*client.Client, client.Update, error)) {
	defer c.Close()
	for {
		minute, cancel := context.WithTimeout(ctx, time.Minute)
		update, err := c.Next(minute)
		cancel()
		if ctx.Err() != nil {
			return
		}
		if errors.Is(err, context.DeadlineExceeded) {
			if hidden() {
				continue
			}
			err = nil
		}
		rest() // what was heard until now has taken its time
		page.Dispatch(func(app.Context) { refresh(c, update, err) })
		if err != nil {
			return
		}
	}
}

// leaveVisit ends the client, and keeps what it knew for a later visit.
func (p *Page) leaveVisit() {
	p.keep()
	if p.stop != nil {
		p.stop()
	}
	p.visit = visit{}
	badge(0)
	keepAwake(false)
}

// keep keeps the room as it is for a time without connection.
func (p *Page) keep() {
	p.clock()
	if p.status.Joined && !p.at.wall && !p.forgotten {
		keepRoster(p.room(), p.board.Room(), p.now)
	}
}

// refresh takes over the state of a client.
func (p *Page) refresh(c *client.Client, update client.Update, err error) {
	if c != p.client {
		return // it has been replaced
	}
	if err != nil {
		p.over(err)
		return
	}
	before := p.status
	p.status, p.session = update.Status, c.Session()
	p.watchLink(before)
	p.tick()
	if !p.status.Joined {
		p.wait()
		return
	}
	p.refused(update.Errors)
	p.show(update.Changes, before.Link == client.Connected)
	if p.asking {
		p.arrive()
	}
	p.took()
	p.unnote()
	p.proclaim()
}

// proclaim shows the count where the browser shows it, soon: each time it asks
// another process, which takes longer than all else that an arrival costs.
func (p *Page) proclaim() {
	p.once(&p.due.proclaim, proclaimPause, func() {
		if !p.status.Joined {
			return
		}
		count := p.count()
		if p.link() != live {
			count = 0 // it is not known
		}
		setTitle(title(count, p.room()))
		if p.gestured && !p.at.wall {
			badge(count)
		}
	})
}

const proclaimPause = 250 * time.Millisecond

// title is what a tab or a window is called; a count of 0 is not known.
func title(count int, room string) string {
	if count == 0 {
		return room + " · Rollcall"
	}
	return fmt.Sprintf("%d here · %s · Rollcall", count, room)
}

// wait is what there is to show before the first look at the room.
func (p *Page) wait() {
	if word, _ := p.word(); word != "" || p.past() {
		markSettled() // there is something to read
	}
	p.recollect()
}

// recollect shows the room as it was.
func (p *Page) recollect() {
	if p.past() && p.board.Room().Count == 0 {
		r := p.seen.room
		r.Query = p.query
		p.now = p.seen.at
		p.board.Show(r, true, time.Now())
	}
}

// tick counts the seconds to the next attempt, while they are shown.
func (p *Page) tick() {
	until := time.Until(p.status.Retry)
	if until <= 0 || p.status.Joined && !p.shaky || hidden() {
		return
	}
	p.once(&p.due.tick, min(time.Second, until), p.tick)
}

// show brings the board up to the client's roster. Seen says that its changes
// were seen to happen, and not brought by a first look or a return.
func (p *Page) show(changes []roster.Change, seen bool) {
	now := time.Now()
	p.clock()
	known := p.client.Roster()
	r := board.Room{Users: known.Users(), Count: known.Count(), Watching: known.Watching(), Query: p.query}
	r.Me, _ = known.Me()
	r.From, r.Total, r.Large = known.View()
	whole, hello := !seen, !seen
	for _, c := range changes {
		if c.Kind == roster.Reset {
			// The first answers the hello, if it was not seen to happen. What
			// follows is for the view that was asked for last, which the client
			// asks for again by itself.
			if whole = true; hello {
				p.viewed.answer, hello = "", false
			} else {
				p.viewed.answer, p.viewed.waiting = p.viewed.asked, false
			}
		}
	}
	if r.Large {
		r.Query = p.viewed.answer // which it is a view of
	}
	p.board.Show(r, whole, now)
	p.seen, p.met = nil, p.met || r.Count > 1
	if was := p.dated.here; !p.date(p.dialog.id) && was && seen && !whole {
		p.dated.left = p.now
	}
	if seen {
		p.news.Note(changes, r.Me.ID, now)
	}
	if due, ok := p.news.Due(); ok {
		p.later(time.Until(due), p.announce)
	}
	p.tell(p.present != nil)
	p.sweep()
	p.want()
}

// sweep looks after what is fading.
func (p *Page) sweep() {
	if !p.board.Fading() {
		return
	}
	p.once(&p.due.sweep, board.Transition, func() {
		p.board.Sweep(time.Now())
		p.sweep()
	})
}

// announce says what a screen reader should hear by now.
func (p *Page) announce() { p.say(p.news.Say(p.count(), time.Now())) }

// say has a screen reader say something. The same sentence once more would be
// no change, and not be said.
func (p *Page) say(words string) {
	switch words {
	case "":
	case p.said:
		p.said = words + "\u00a0"
	default:
		p.said = words
	}
}

// arrive is when one is in the room.
func (p *Page) arrive() {
	p.asking, p.early = false, early{}
	remember(tabStorage, joinedKey, p.room())
	p.kept.visit(p.room())
	p.keep()
	markSettled()
	// When the room is drawn, and not with it: that has the page laid out.
	p.ctx.Defer(func(app.Context) { nextFrame(focusCount) })
}

// took is what follows from how one is seen by now.
func (p *Page) took() {
	me := p.me()
	if me.ID == "" {
		return
	}
	// Without a connection another tab may know better.
	keeps := !p.forgotten && p.status.Link == client.Connected
	if keeps {
		p.kept.seenAs(p.room(), me)
	}
	if p.answered(p.chosen.number) {
		if keeps {
			p.kept.choose(p.room(), p.chosen.status)
		}
		p.chosen = choice{}
	}
	if !p.answered(p.edit.number) {
		return
	}
	p.edit = edit{}
	if p.dialog.which == editorDialog {
		closeModal()
	}
}

// answered reports whether an Update of the client is over; one of the number 0
// has not been.
func (p *Page) answered(number int) bool { return number != 0 && number <= p.status.Answered }

// refused tells what the server did not do.
func (p *Page) refused(errs []event.Error) {
	for _, e := range errs {
		over := e.Event == event.NameUpdateUser && e.Code != event.CodeRateLimited // which is said again
		if over && p.answered(p.chosen.number) {
			p.chosen = choice{}
		}
		if over && p.answered(p.edit.number) {
			p.edit.number = 0
		}
		switch {
		case over && p.edit.number != 0 && p.dialog.which == editorDialog: // it has been corrected since
		case e.Event == event.NameUpdateUser && p.dialog.which == editorDialog:
			p.edit.refusals++
			p.edit.field, p.edit.problem = e.Field, e.Message
		case e.Event == event.NameView:
			p.viewed.waiting = false
			p.viewed.until = time.Now().Add(max(time.Second, time.Duration(e.RetryAfter)*time.Millisecond))
			p.once(&p.due.want, time.Until(p.viewed.until), p.want)
		case e.Code == event.CodeRestarting, e.Code == event.CodeRemoved: // the connection's end shows that
		case e.RetryAfter > 0: // it was too much for a moment
			wait := time.Duration(e.RetryAfter) * time.Millisecond
			until := time.Now().Add(wait)
			p.note(e.Message, func() bool { return !time.Now().Before(until) })
			p.later(wait, p.unnote)
		default:
			p.note(e.Message, nil)
		}
	}
}

// remark is a notice about what was done last.
type remark struct {
	text string
	over func() bool // whether what it says is; nil if it is to be put away by hand
}

// note says something about what was done last, to everybody.
func (p *Page) note(text string, over func() bool) {
	p.remark = remark{text, over}
	delete(p.quiet, text)
	p.say(text)
}

// unnote says it no more, once it is over.
func (p *Page) unnote() {
	if p.remark.over == nil || !p.remark.over() {
		return
	}
	if strings.HasPrefix(p.said, p.remark.text) {
		p.said = ""
	}
	p.remark = remark{}
}

// want asks for the part of a large room that the board is about to show.
// Answers are waited for, so that a scroll through thousands asks only for
// where it rests.
func (p *Page) want() {
	r := p.board.Room()
	if p.client == nil || !r.Large {
		return
	}
	view, ok := p.board.Wants()
	switch {
	case p.at.wall:
		view, ok = r.Wants(0, board.MaxBoxes)
	case p.query != r.Query:
		view, ok = event.View{Count: event.MaxView, Query: p.query}, true
	}
	now := time.Now()
	switch {
	case !ok:
	case now.Before(p.viewed.until), p.viewed.waiting && now.Before(p.viewed.until.Add(answerTime)):
		p.once(&p.due.want, askPause, p.want)
	default:
		p.viewed.waiting, p.viewed.asked, p.viewed.until = true, view.Query, now.Add(askPause)
		p.client.View(view)
	}
}

const (
	askPause   = 120 * time.Millisecond // between two views
	answerTime = 3 * time.Second        // after which an answer is given up
)

// over returns to the dialog.
func (p *Page) over(err error) {
	parting, problem := "", ""
	refusal := event.Error{}
	switch {
	case errors.Is(err, client.ErrLeft):
		parting = leftRoom
		p.status.Joined = false // what there was to keep has been kept, or is to be forgotten
	case errors.As(err, &refusal) && refusal.Code == event.CodeBadName:
		problem = refusal.Message
	case errors.As(err, &refusal):
		parting = refusal.Message
	default:
		parting = "Something went wrong; please try again."
	}
	p.part(parting, problem)
}

// part ends the visit, with the dialog and why it is back.
func (p *Page) part(parting, problem string) {
	p.early = early{typed: typed(nameField)}
	p.leaveVisit()
	p.now, p.parting, p.problem = time.Now(), parting, problem
	p.board.Show(board.Room{}, true, time.Now())
	closeModal()
	p.dialog, p.next = openIntent{}, openIntent{}
	remember(tabStorage, joinedKey, "")
	setTitle(title(0, p.room()))
	markSettled()
	p.ctx.Defer(func(app.Context) { focus(nameField) })
}

// count is how many people are in the room, or were.
func (p *Page) count() int { return p.board.Room().Count }

func (p *Page) me() event.User { return p.board.Room().Me }

// find is a user by the id, and whether they are here.
func (p *Page) find(id string) (event.User, bool) {
	r := p.board.Room()
	if id == r.Me.ID {
		return r.Me, true
	}
	for _, u := range r.Users {
		if u.ID == id {
			return u, true
		}
	}
	return event.User{}, false
}

// dated is somebody as they were last seen.
type dated struct {
	event.User
	at   time.Time // the server's
	here bool      // they still are
	left time.Time // zero if they are here, or nobody knows when they left
}

// date takes down how somebody is seen, as long as they are here, for the
// dialog that is about them. It reports false if they are not.
func (p *Page) date(id string) bool {
	u, here := p.find(id)
	if here {
		p.dated = dated{User: u, at: p.now}
	}
	p.dated.here = here
	return here
}

// once is later for what the page does only once, and not in another visit.
func (p *Page) once(due *bool, d time.Duration, f func()) {
	if *due {
		return
	}
	*due = true
	c := p.client
	p.later(d, func() {
		if p.client == c {
			*due = false
			f()
		}
	})
}

// later does something in a while, if the page is still there, and draws it.
func (p *Page) later(d time.Duration, f func()) {
	ctx := p.ctx
	time.AfterFunc(max(d, time.Millisecond), func() { ctx.Dispatch(func(app.Context) { f() }) })
}
