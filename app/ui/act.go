package ui

import (
	"fmt"
	"slices"
	"time"

	"github.com/maxence-charriere/go-app/v9/pkg/app"

	"rollcall/app/board"
	"rollcall/shared/client"
	"rollcall/shared/event"
)

// This file is what a page does: what its components ask for, and what the
// browser tells.

// lookList is what lookKey holds for a board that is a list.
const lookList = "list"

// act does what a component asks for.
func (p *Page) act(ctx app.Context, a app.Action) {
	switch intent := a.Value.(type) {
	case joinIntent:
		p.join(intent.name)
	case leaveIntent:
		p.leave()
	case openIntent:
		p.open(intent)
	case closedIntent:
		p.dialog, p.edit = openIntent{}, edit{}
		if next := p.next; next != (openIntent{}) {
			p.later(0, func() { p.open(next) }) // once this one is gone
		}
		p.next = openIntent{}
	case editIntent:
		p.change(intent.change)
	case searchIntent:
		p.search(intent.query)
	case lookIntent:
		p.list = intent.list
		look := ""
		if p.list {
			look = lookList
		}
		remember(deviceStorage, lookKey, look)
	case goIntent:
		p.goTo(ctx, intent.room)
	case tellIntent:
		p.toggleTold(intent)
	case forgetIntent:
		p.forget()
	case retryIntent:
		if p.client != nil {
			p.client.Hurry()
		}
		p.probe()
	case reloadIntent:
		p.keep()
		applyUpdate()
	case quietIntent:
		p.quiet[intent.notice.Text] = true
	case sayIntent:
		p.said = intent.words
	case installIntent:
		closeModal()
		install()
	case drawnIntent:
		p.want()
	}
}

// open opens a dialog. One that is open is closed first, which gives the focus
// back to where it was.
func (p *Page) open(intent openIntent) {
	if p.dialog != (openIntent{}) {
		p.next = intent
		closeModal()
		return
	}
	if intent.which == editorDialog && !p.status.Joined {
		return // there is nothing to edit yet
	}
	p.dialog, p.edit = intent, edit{}
	p.dated, _ = p.find(intent.id)
}

// leave leaves the room, with all tabs. From a room as it was there is only
// the way to the dialog.
func (p *Page) leave() {
	closeModal()
	if p.client == nil {
		p.seen = nil
		return
	}
	p.client.Leave()
}

// change changes how one is seen. The dialog waits for the server's word, if
// there is one to be had.
func (p *Page) change(c event.ChangeUser) {
	me := p.me()
	if c.Name != nil {
		if problem := board.CheckName(*c.Name); problem != "" {
			p.edit = edit{field: "name", problem: problem}
			return
		}
	}
	p.edit = edit{waiting: true, before: me}
	if c.Status != nil {
		status := ""
		if *c.Status != event.StatusHere {
			status = c.Status.String()
		}
		remember(deviceStorage, statusKey, status)
	}
	if p.client == nil || c.Name == nil && c.Note == nil && *c.Status == me.Status && me.Status == event.StatusHere {
		closeModal()
		return
	}
	p.client.Update(c)
	if p.status.Link != client.Connected {
		closeModal()
		p.said = "Saved. The others see it when the connection is back."
		return
	}
	// What changes nothing is not answered.
	p.later(answerTime/2, func() {
		if p.edit.waiting && p.edit.problem == "" && p.dialog.which == editorDialog {
			closeModal()
		}
	})
}

// search shows those whose name contains something.
func (p *Page) search(query string) {
	p.query = query
	r := p.board.Room()
	r.Query = query
	if !r.Large {
		p.board.Show(r, true, time.Now())
		p.say(query)
		return
	}
	p.searchLarge(query)
}

// searchLarge has the server search, as soon as the last answer is in.
func (p *Page) searchLarge(query string) {
	if p.query != query || p.client == nil {
		return // there is a later one
	}
	if now := time.Now(); now.Before(p.viewed.until) || p.viewed.waiting && now.Before(p.viewed.until.Add(answerTime)) {
		p.later(askPause/2, func() { p.searchLarge(query) })
		return
	}
	p.ask(event.View{Count: event.MaxView, Query: query})
	p.say(query)
}

// say tells a screen reader how many a search has found, once the typing is
// over and the answer is in.
func (p *Page) say(query string) {
	p.later(time.Second, func() {
		if p.query == query && query != "" {
			p.said = fmt.Sprintf("%d found", p.board.Len())
		}
	})
}

// goTo goes to another room, with the name that one has here.
func (p *Page) goTo(ctx app.Context, room string) {
	closeModal()
	if p.status.Joined {
		remember(tabStorage, joinedKey, room)
		markReturning()
	}
	ctx.Navigate(path(room))
}

// isTold reports whether one asked to be told about a user of this room.
func (p *Page) isTold(id string) bool {
	return slices.ContainsFunc(toldAbout(), func(t told) bool { return t.Room == p.Room && t.ID == id })
}

func (p *Page) toggleTold(intent tellIntent) {
	list := toldAbout()
	i := slices.IndexFunc(list, func(t told) bool { return t.Room == intent.room && t.ID == intent.id })
	if i >= 0 {
		list = slices.Delete(list, i, i+1)
	} else {
		list = append(list, told{Room: intent.room, ID: intent.id, Name: intent.name})
	}
	if len(list) == 0 {
		remember(deviceStorage, toldKey, "")
	} else {
		rememberJSON(toldKey, list)
	}
	p.tell(false)
}

// tell takes down which of those one asked to be told about are here. With news
// it tells of who was not before; a first look at a room is none.
func (p *Page) tell(news bool) {
	list := toldAbout()
	if len(list) == 0 {
		p.present = nil
		return
	}
	before := p.present
	p.present = make(map[string]bool)
	for _, t := range list {
		if t.Room != p.Room {
			continue
		}
		if u, here := p.find(t.ID); here {
			p.present[t.ID] = true
			if news && !before[t.ID] {
				notify(u, p.Room)
			}
		}
	}
}

// forget forgets all that is kept on the device, and leaves.
func (p *Page) forget() {
	p.leave()
	p.status.Joined = false // so that nothing is kept on the way out
	forgetDevice()
	badge(0)
}

// notices are what there is to say beside the board.
func (p *Page) notices() []notice {
	var list []notice
	add := func(n notice) {
		if !p.quiet[n.Text] {
			list = append(list, n)
		}
	}
	if updateReady() {
		add(notice{Text: "There is a new version of Rollcall.", Action: "Reload", Intent: reloadIntent{}, Quiet: true})
	}
	switch {
	case p.past() && p.asking:
		add(notice{Text: "You are offline. You join as soon as the server can be reached.", Action: "Try now", Intent: retryIntent{}})
	case p.past():
		add(notice{Text: "You are offline. This is who was here when you last were.", Action: "Try now", Intent: retryIntent{}})
	case p.status.Joined && p.shaky && p.refusal() != "":
		add(notice{Text: p.again(p.refusal()), Action: "Try now", Intent: retryIntent{}})
	case p.status.Joined && p.shaky:
		add(notice{Text: "The connection is lost. You see everybody as they were.", Action: "Try now", Intent: retryIntent{}})
	}
	return list
}

// attend follows what the browser tells for as long as the page lives.
func (p *Page) attend() {
	if app.IsServer {
		return
	}
	window, doc := app.Value(app.Window()), document()
	redraw := func(app.Value) { p.ctx.Dispatch(func(app.Context) {}) }
	p.attention.Hidden(hidden(), time.Now())
	p.measure()
	p.close = []func(){
		listen(window, func(app.Value) { p.onReturn() }, "online", "pageshow"),
		listen(doc, func(app.Value) { p.onVisibility() }, "visibilitychange"),
		listen(window, func(app.Value) { p.keep() }, "pagehide"),
		listen(window, func(app.Value) { p.onInput(true) }, "pointerdown", "keydown"),
		listen(window, func(app.Value) { p.onInput(false) }, "pointermove", "wheel"),
		listen(window, func(e app.Value) { p.measure(); redraw(e) }, "resize"),
		listen(window, redraw, "rollcall"), // app.js has news
	}
	p.mind()
}

func (p *Page) measure() {
	// Less what the wall's header takes.
	p.width = app.Window().Get("innerWidth").Float() - 48
	p.height = max(200, app.Window().Get("innerHeight").Float()-200)
}

// onReturn is when the network or the visitor comes back.
func (p *Page) onReturn() {
	if p.client != nil {
		p.client.Hurry()
	}
	if p.cut {
		p.probe()
	}
}

func (p *Page) onVisibility() {
	away := hidden()
	p.attention.Hidden(away, time.Now())
	p.mind()
	if away {
		p.keep()
		return
	}
	p.onReturn()
	checkUpdate()
	if p.Wall {
		wakeLock() // which the browser takes back from hidden pages
	}
	p.ctx.Dispatch(func(app.Context) { p.tick() })
}

func (p *Page) onInput(gesture bool) {
	p.gestured = p.gestured || gesture
	if p.attention.Input(time.Now()) {
		p.mind()
	}
}

// mind tells the server when the tab has begun or ceased to be used.
func (p *Page) mind() {
	active, news := p.attention.Active(time.Now())
	if news && p.client != nil && !p.Wall {
		p.client.Active(active)
	}
	if due, ok := p.attention.Due(); ok && p.idle == nil {
		p.idle = time.AfterFunc(max(time.Second, time.Until(due)), func() {
			p.ctx.Dispatch(func(app.Context) {
				p.idle = nil
				p.mind()
			})
		})
	}
}

// probe finds out whether there is a server to join, so that a page that was
// opened without one can show who was here.
func (p *Page) probe() {
	if p.asking || p.status.Joined || p.Wall {
		return
	}
	room := p.in
	reach(func(reached bool) {
		p.ctx.Dispatch(func(app.Context) {
			if p.in != room || p.asking {
				return
			}
			p.cut = !reached
			if p.past() {
				p.board.Show(p.seen.room, true, time.Now())
				p.later(probePause, func() {
					if p.cut && !hidden() {
						p.probe()
					}
				})
			}
		})
	})
}

// probePause is how long a page without a server waits to look for one again.
const probePause = 15 * time.Second
