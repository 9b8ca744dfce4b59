package ui

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

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
		p.closed()
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
		closeModal()
		ctx.Navigate(event.RoomPath(intent.room))
	case tellIntent:
		p.kept.toggle(told{Room: intent.room, ID: intent.id, Name: intent.name})
		p.tell(false)
	case forgetIntent:
		p.forget()
	case retryIntent:
		if p.client != nil {
			p.client.Hurry()
		}
		p.probe()
	case signInIntent:
		p.keep()
		signIn()
	case reloadIntent:
		p.keep()
		applyUpdate()
	case quietIntent:
		p.quiet[intent.notice.Text] = true
	case sayIntent:
		p.say(intent.words)
	case installIntent:
		closeModal()
		install()
	case wantIntent:
		p.want()
	case rehearsedIntent:
		p.rehearsed = true
	}
}

// open opens a dialog. One that is open is closed first, which gives the focus
// back to where it was.
func (p *Page) open(intent openIntent) {
	switch {
	case p.dialog != (openIntent{}):
		p.next = intent
		closeModal()
	case intent.which == editorDialog && !p.status.Joined:
		p.note("You can change how others see you once the connection is back.", p.back)
	case intent.which == personDialog && !p.date(intent.id): // they left a moment ago
	default:
		p.dialog, p.edit = intent, edit{}
	}
}

// closed is when a dialog is closed. The browser has given the focus back to
// an element; whose box that was may be in another one by now.
func (p *Page) closed() {
	about, next := p.dialog.id, p.next
	p.dialog, p.next = openIntent{}, openIntent{}
	if p.edit.number == 0 {
		p.edit = edit{}
	}
	p.ctx.Defer(func(app.Context) {
		if about == "" || !focusUser(about) {
			focusCount()
		}
	})
	if next != (openIntent{}) {
		p.later(0, func() { p.open(next) }) // after this one is out of the page
	}
}

// back reports whether the page is connected to its room.
func (p *Page) back() bool { return p.status.Link == client.Connected }

// leave leaves the room, with all tabs. From a room as it was there is only
// the way to the dialog.
func (p *Page) leave() {
	closeModal()
	if p.client == nil {
		p.seen = nil
		return
	}
	p.keep()
	p.client.Leave()
}

// change changes how one is seen. The dialog stays until the others see it.
func (p *Page) change(c event.Patch) {
	if c.Name != nil {
		if problem := board.CheckName(*c.Name); problem != "" {
			p.edit = edit{refusals: p.edit.refusals + 1, field: "name", problem: problem}
			return
		}
	}
	if p.client == nil || c == (event.Patch{}) {
		closeModal()
		return
	}
	number := p.client.Update(c)
	if c.Status != nil {
		p.chosen = choice{number, *c.Status}
	}
	p.edit = edit{number: number, refusals: p.edit.refusals}
	if !p.back() {
		closeModal()
		p.note("The others see it when the connection is back.", func() bool { return p.back() && p.edit.number == 0 })
	}
}

// search shows those whose name contains something.
func (p *Page) search(query string) {
	query = strings.TrimSpace(query)  // words are searched for
	for len(query) > event.MaxQuery { // the server would refuse it
		_, last := utf8.DecodeLastRuneInString(query)
		query = query[:len(query)-last]
	}
	p.query = query
	if r := p.board.Room(); !r.Large {
		r.Query = query
		p.board.Show(r, true, time.Now())
	}
	p.want()
	// For a screen reader, once the typing is over and the answer is in.
	p.later(time.Second, func() { p.sayFound(query, answerTime) })
}

// sayFound says how many a search has found. It waits that long for the answer.
func (p *Page) sayFound(query string, wait time.Duration) {
	switch {
	case p.query != query || query == "":
	case p.board.Room().Query == query:
		p.say(fmt.Sprintf("%d found", p.board.Len()))
	case wait > 0:
		p.later(time.Second, func() { p.sayFound(query, wait-time.Second) })
	}
}

// isTold reports whether one asked to be told about a user of this room.
func (p *Page) isTold(id string) bool {
	return slices.ContainsFunc(p.kept.told, func(t told) bool { return t.Room == p.room() && t.ID == id })
}

// tell takes down which of those one asked to be told about are here. With news
// it tells of who was not before; a first look at a room is none. Of a large
// room a page sees too little to know.
func (p *Page) tell(news bool) {
	if len(p.kept.told) == 0 || p.board.Room().Large || !p.status.Joined {
		p.present = nil
		return
	}
	before := p.present
	p.present = make(map[string]bool)
	for _, t := range p.kept.told {
		if t.Room != p.room() {
			continue
		}
		if u, here := p.find(t.ID); here {
			p.present[t.ID] = true
			if news && !before[t.ID] {
				notify(u, p.room())
			}
		}
	}
}

// forget forgets all that is kept on the device, and leaves. What the client
// still tells is not heard any more, or it would be kept.
func (p *Page) forget() {
	if p.client != nil {
		p.client.Leave() // which ends the goroutine that follows it
	}
	p.client, p.stop, p.status, p.session = nil, nil, client.Status{}, ""
	p.part(leftRoom, "")
	p.early = early{}
	forgetDevice()
	p.kept = recallDevice()
	p.endSession() // even if nothing can be kept
}

const (
	leftRoom        = "You have left the room."
	allForgotten    = "All is forgotten, and you have left the room."
	partlyForgotten = "All is forgotten on this device, and you have left the room. " +
		"The server forgets who you were as soon as it can be reached."
)

// endSession has the server forget who one was, as soon as it can be reached.
func (p *Page) endSession() {
	endSession(func(done bool) {
		p.ctx.Dispatch(func(app.Context) {
			if parted := p.parting == leftRoom || p.parting == partlyForgotten; parted && done {
				p.parting = allForgotten
			} else if parted {
				p.parting = partlyForgotten
			}
			if !done {
				p.once(&p.due.end, probePause, p.endSession)
			}
		})
	})
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
	case p.intercepted() && (p.shaky || !p.status.Joined):
		add(notice{Text: "Something between you and the server keeps you out. It may want you to sign in.", Action: "Sign in", Intent: signInIntent{}})
	case p.past() && p.asking:
		add(notice{Text: "You are offline. You join as soon as the server can be reached.", Action: "Try now", Intent: retryIntent{}})
	case p.past():
		add(notice{Text: "You are offline. This is who was here when you last were.", Action: "Try now", Intent: retryIntent{}})
	case p.status.Link == client.Connected: // and doubted, which is over in a moment
	case p.status.Joined && p.shaky && p.refusal() != "":
		add(notice{Text: p.refusal() + p.again(), Action: "Try now", Intent: retryIntent{}})
	case p.status.Joined && p.shaky:
		add(notice{Text: "The connection is lost. You see everybody as they were.", Action: "Try now", Intent: retryIntent{}})
	}
	if p.remark.text != "" {
		add(notice{Text: p.remark.text, Quiet: true})
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
		listen(window, func(app.Value) { p.onNetwork() }, "online", "offline"),
		listen(window, p.onShow, "pageshow"),
		listen(doc, func(app.Value) { p.onVisibility() }, "visibilitychange"),
		listen(window, p.onHide, "pagehide"),
		listen(window, p.onStorage, "storage"),
		listen(window, func(app.Value) { p.onInput(true) }, "pointerdown", "keydown"),
		listen(window, func(app.Value) { p.onInput(false) }, "pointermove", "wheel"),
		listen(window, func(e app.Value) { p.measure(); redraw(e) }, "resize"),
		listen(window, redraw, "rollcall"), // app.js has news
	}
	p.mind()
}

// onStorage is when another tab has kept or forgotten something. What it has
// forgotten is not kept again; nor is there news in whom one asked to be told
// about.
func (p *Page) onStorage(e app.Value) {
	key := e.Get("key")
	forgotten := key.Truthy() && key.String() == nameKey && !e.Get("newValue").Truthy()
	p.ctx.Dispatch(func(app.Context) {
		p.kept = recallDevice()
		p.tell(false)
		if forgotten && p.client != nil && !p.at.wall {
			// Else a lost connection would come back as somebody.
			p.forgotten, p.session = true, ""
			p.client.Leave()
		}
	})
}

func (p *Page) measure() {
	// Less what the wall's header takes.
	p.width = app.Window().Get("innerWidth").Float() - 48
	p.height = max(200, app.Window().Get("innerHeight").Float()-200)
}

// onHide is when the page is left. One that the browser puts aside whole, for
// the way back, would be in the room for as long as it lies there.
func (p *Page) onHide(e app.Value) {
	p.keep()
	badge(0)
	if e.Get("persisted").Truthy() && p.stop != nil {
		p.stop()
	}
}

// onShow is when the page is there, or there again.
func (p *Page) onShow(e app.Value) {
	if !e.Get("persisted").Truthy() {
		p.onReturn()
		return
	}
	p.ctx.Dispatch(func(app.Context) {
		// Other pages may have changed it, or have had it forgotten.
		p.kept = recallDevice()
		name := ""
		if p.status.Joined {
			name = p.kept.in(p.room()).name
		}
		p.leaveVisit()
		p.enter(name)
	})
}

// onNetwork is when the browser says that the network has gone or has come
// back. It is a hint: a server on this machine or in this house may be there
// all the same.
func (p *Page) onNetwork() {
	if p.client != nil {
		p.client.Doubt()
	}
	if p.cut {
		p.probe()
	}
}

// onReturn is when the visitor comes back.
func (p *Page) onReturn() {
	if toEnd() {
		p.endSession()
	}
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
	if p.at.wall {
		keepAwake(true) // which the browser takes back from hidden pages
	}
	p.ctx.Dispatch(func(app.Context) {
		p.clock() // which stood still
		p.tick()
	})
}

func (p *Page) onInput(gesture bool) {
	if gesture && !p.gestured {
		p.gestured = true
		p.ctx.Dispatch(func(app.Context) {}) // rehearses
	}
	if p.attention.Input(time.Now()) {
		p.mind()
	}
}

// mind tells the server when the tab has begun or ceased to be used.
func (p *Page) mind() {
	active, news := p.attention.Active(time.Now())
	if news && p.client != nil && !p.at.wall {
		p.client.Active(active)
	}
	due, ok := p.attention.Due()
	switch {
	case !ok && p.idle != nil:
		p.idle.Stop()
		p.idle = nil
	case ok && p.idle == nil:
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
	if p.asking || p.status.Joined || p.at.wall || p.seen == nil {
		return
	}
	at := p.at
	reach(func(reached bool) {
		p.ctx.Dispatch(func(app.Context) {
			if p.at != at || p.asking || p.status.Joined {
				return
			}
			if p.cut = !reached; p.cut {
				p.early.typed = cmp.Or(typed(nameField), p.early.typed) // the field may give way to the room as it was
			}
			p.recollect()
			if p.cut {
				p.once(&p.due.probe, probePause, func() {
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
