package ui

import (
	"time"

	"github.com/maxence-charriere/go-app/v9/pkg/app"

	"rollcall/app/visit"
	"rollcall/shared/event"
)

// This file is what a page takes in: what its components ask for, and what the
// browser tells.

// act does what a component asks for: the page itself where that is about the device
// or the browser, and the visit all else.
func (p *Page) act(ctx app.Context, a app.Action) {
	switch intent := a.Value.(type) {
	case layoutIntent:
		p.list = intent.list
		layout := ""
		if p.list {
			layout = listLayout
		}
		remember(deviceStorage, layoutKey, layout)
	case goIntent:
		closeModal()
		ctx.Navigate(event.RoomPath(intent.room))
	case tellIntent:
		p.device.toggle(told{Room: intent.room, ID: intent.id, Name: intent.name})
		p.handle(visit.StoredChanged{Stored: p.stored()})
	case visit.SignIn:
		p.handle(visit.StoreNow{})
		signIn()
	case reloadIntent:
		p.handle(visit.StoreNow{})
		applyUpdate()
	case installIntent:
		closeModal()
		install()
	case rehearsedIntent:
		p.rehearsed = true
	default:
		p.handle(intent)
	}
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
	p.reportAttention()
}

// onStorage is when another tab has kept or forgotten something.
func (p *Page) onStorage(e app.Value) {
	key := e.Get("key")
	forgotten := key.Truthy() && key.String() == nameKey && !e.Get("newValue").Truthy()
	p.ctx.Dispatch(func(app.Context) {
		p.device = recallDevice()
		p.handle(visit.StoredChanged{Stored: p.stored(), Forgotten: forgotten})
	})
}

func (p *Page) measure() {
	// Less what the wall's header takes.
	p.width = app.Window().Get("innerWidth").Float() - 48
	p.height = max(200, app.Window().Get("innerHeight").Float()-200)
}

// onNetwork is when the browser has lost its network, or has it again.
func (p *Page) onNetwork() {
	p.endPendingSession()
	p.handle(visit.NetworkChanged{})
}

// onHide is when the page is left.
func (p *Page) onHide(e app.Value) {
	p.handle(visit.Unloaded{Persisted: e.Get("persisted").Truthy()})
}

// onShow is when the page is there, or there again.
func (p *Page) onShow(e app.Value) {
	if !e.Get("persisted").Truthy() {
		p.endPendingSession()
		p.handle(visit.Returned{})
		return
	}
	p.ctx.Dispatch(func(app.Context) {
		// Other pages may have changed it, or have had it forgotten.
		p.device = recallDevice()
		name := ""
		if p.visit.Joined() {
			name = p.device.in(p.room()).name
		}
		p.handle(visit.End{})
		p.enter(name)
	})
}

// onVisibility is when the page is looked at no more, or again.
func (p *Page) onVisibility() {
	away := hidden()
	p.attention.Hidden(away, time.Now())
	p.reportAttention()
	if !away {
		p.endPendingSession()
	}
	p.handle(visit.Hidden{Hidden: away})
	p.ctx.Dispatch(func(app.Context) {}) // the times on the board stood still
}

// endPendingSession asks the server to forget the visitor, if it has still to.
func (p *Page) endPendingSession() {
	if toEnd() {
		p.handle(visit.SessionNotEnded{})
	}
}

func (p *Page) onInput(gesture bool) {
	if gesture && !p.gestured {
		p.gestured = true
		p.ctx.Dispatch(func(app.Context) {}) // rehearses
	}
	if p.attention.Input(time.Now()) {
		p.reportAttention()
	}
}

// reportAttention tells the server when the tab has begun or ceased to be used.
func (p *Page) reportAttention() {
	active, news := p.attention.Active(time.Now())
	if news && p.client != nil && !p.address.wall {
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
				p.reportAttention()
			})
		})
	}
}
