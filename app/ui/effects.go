package ui

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/maxence-charriere/go-app/v9/pkg/app"

	"rollcall/app/board"
	"rollcall/app/visit"
	"rollcall/shared/client"
	"rollcall/shared/event"
)

// This file is what a page carries out for its visit.

// enter begins the visit to the room of the address. Name is the visitor's name in the
// room before; empty for none.
func (p *Page) enter(name string) {
	in := visit.Enter{
		Room: p.room(), Wall: p.address.wall, Name: name,
		Typed: p.early.typed, Submitted: p.early.submitted,
		Reloaded: recall(tabStorage, joinedKey) == p.room(),
		Hidden:   hidden(),
		Stored:   p.stored(),
	}
	if past, ok := recallRoster(p.room()); ok {
		in.Past = &past
	}
	p.handle(in)
}

// handle tells the visit of something, and carries out what follows at once: what is
// dispatched by a page that the browser leaves may not happen. Where there may be
// something new to show, it is called by what is dispatched.
func (p *Page) handle(input any) {
	for _, e := range p.visit.Handle(time.Now(), input) {
		p.carryOut(e)
	}
	p.setAlarm()
}

// setAlarm has the visit told when its next deadline has passed.
func (p *Page) setAlarm() {
	next, ok := p.visit.Next()
	if !ok {
		next = time.Time{}
	}
	if next.Equal(p.alarmAt) {
		return
	}
	if p.alarm != nil {
		p.alarm.Stop()
	}
	if p.alarmAt = next; !ok {
		return
	}
	ctx := p.ctx
	p.alarm = time.AfterFunc(max(time.Until(next), time.Millisecond), func() {
		ctx.Dispatch(func(app.Context) {
			p.alarmAt = time.Time{}
			p.handle(visit.Time{})
		})
	})
}

// carryOut does one thing that the visit asks for.
func (p *Page) carryOut(effect visit.Effect) {
	p.tellClient(effect)
	p.tellDevice(effect)
	p.tellBrowser(effect)
}

// tellClient carries out the effects that are for the client.
func (p *Page) tellClient(effect visit.Effect) {
	switch e := effect.(type) {
	case visit.Start:
		p.start(e)
	case visit.Stop:
		if p.session = p.client.Session(); e.Forget {
			p.session = ""
		}
		p.stop()
		p.client, p.stop = nil, nil
	case visit.LeaveRoom:
		p.client.Leave()
	case visit.Abandon:
		p.client, p.stop, p.session = nil, nil, ""
	case visit.Hurry:
		p.client.Hurry()
	case visit.Doubt:
		p.client.Doubt()
	case visit.Update:
		p.client.Update(e.Patch)
	case visit.AskView:
		p.client.View(e.View)
	}
}

// tellDevice carries out the effects that are for what the device stores.
func (p *Page) tellDevice(effect visit.Effect) {
	switch e := effect.(type) {
	case visit.StoreRoster:
		storeRoster(e.Room, e.Shown, e.At)
	case visit.StoreSelf:
		p.device.seenAs(p.room(), e.User)
	case visit.StoreStatus:
		p.device.choose(p.room(), e.Status)
	case visit.StoreTyped:
		p.early.submitted = false
		if _, ok := element(nameField); ok && typed(nameField) != p.early.typed {
			p.early = early{typed: typed(nameField)}
		}
	case visit.ForgetDevice:
		forgetDevice()
		p.device, p.early = recallDevice(), early{}
	}
}

// tellBrowser carries out the effects that are for the browser.
func (p *Page) tellBrowser(effect visit.Effect) {
	switch e := effect.(type) {
	case visit.Arrived:
		p.early = early{}
		remember(tabStorage, joinedKey, p.room())
		p.device.addRoom(p.room())
		// After the room is drawn, and not in one task with it: the focus needs a layout.
		p.ctx.Defer(func(app.Context) { nextFrame(focusCount) })
	case visit.Parted:
		remember(tabStorage, joinedKey, "")
		p.ctx.Defer(func(app.Context) { focus(nameField) })
	case visit.HidePage:
		hidePage()
	case visit.ShowPage:
		showPage()
	case visit.SetTitle:
		setTitle(title(e.Count, p.room()))
	case visit.SetBadge:
		if e.Count == 0 || p.gestured {
			badge(e.Count)
		}
	case visit.KeepAwake:
		keepAwake(e.On)
	case visit.CloseDialog:
		closeModal()
	case visit.Refocus:
		p.ctx.Defer(func(app.Context) {
			if e.ID == "" || !focusUser(e.ID) {
				focusCount()
			}
		})
	case visit.Notify:
		notify(e.User, p.room())
	case visit.Probe:
		p.probe()
	case visit.EndSession:
		endSession(func(done bool) {
			p.ctx.Dispatch(func(app.Context) { p.handle(visit.SessionEnded{Done: done}) })
		})
	case visit.CheckUpdate:
		checkUpdate()
	case visit.Renew:
		renew()
	}
}

// start begins the client that a visit asks for.
func (p *Page) start(s visit.Start) {
	patch := event.Diff(event.User{}, event.User{Status: s.Status, Note: s.Note})
	p.client = client.Start(p.address.server, client.Options{
		Room: s.Room, Watch: s.Watch, Name: s.Name, Patch: patch,
		Session: p.session, Dial: asNobody(client.Network(nil)),
	})
	following, stop := context.WithCancel(context.Background())
	p.stop = stop
	if active, _ := p.attention.Active(time.Now()); !s.Watch {
		p.client.Active(active)
	}
	go follow(following, p.ctx, p.client, p.heard)
}

// follow tells the page of every change of a client and, while the page is visible, of
// every minute, for the times on the board. It owns the client, and closes it when ctx
// or the client ends.
func follow(ctx context.Context, page app.Context, c *client.Client, heard func(*client.Client, client.Update, error)) {
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
		nextTask() // the frames so far have taken their time
		page.Dispatch(func(app.Context) { heard(c, update, err) })
		if err != nil {
			return
		}
	}
}

// heard tells the visit what a client has told.
func (p *Page) heard(c *client.Client, update client.Update, err error) {
	if c != p.client {
		return // it has been replaced
	}
	h := visit.Heard{Update: update, Err: err, Now: c.Now(), Last: c.Heard()}
	if update.Joined {
		known := c.Roster()
		h.Room = board.Room{Users: known.Users(), Count: known.Count(), Watching: known.Watching(), Partial: known.Partial()}
		h.Room.Me, _ = known.Me()
		h.Room.From, h.Room.Total, h.Room.Large = known.View()
	}
	p.handle(h)
}

// probe asks whether the server can be reached.
func (p *Page) probe() {
	asked := p.address
	reach(func(reached bool) {
		p.ctx.Dispatch(func(app.Context) {
			if p.address == asked {
				p.handle(visit.Probed{Reached: reached, Intercepted: intercepted()})
			}
		})
	})
}

// renew loads the page anew, once in a tab. It never does where nothing can be stored:
// not even that it has done so.
func renew() {
	if recall(tabStorage, newerKey) != "" {
		return
	}
	remember(tabStorage, newerKey, "yes")
	if recall(tabStorage, newerKey) != "" {
		reload()
	}
}

// title is what a tab or a window is called; a count of 0 is not known.
func title(count int, room string) string {
	if count == 0 {
		return room + " · Rollcall"
	}
	return fmt.Sprintf("%d here · %s · Rollcall", count, room)
}
