// Package ui is the page: components of go-app that ask for a name and then
// show who is here. The server renders the same components for the first
// paint.
package ui

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/maxence-charriere/go-app/v9/pkg/app"

	"rollcall/shared/client"
	"rollcall/shared/event"
)

// Page is the root component: the name dialog until one has joined, then the
// board.
type Page struct {
	app.Compo

	// Room is the room that the page is of.
	Room string

	ctx     app.Context // the page's own: what is dispatched through it draws the page
	server  string      // the WebSocket's address
	client  *client.Client
	stop    context.CancelFunc // ends client and the goroutine that follows it
	status  client.Status
	asking  bool   // the client is about to join: the dialog stays, busy
	problem string // why the last attempt to join did not work
	parting string // why the dialog is back, if not for a problem
	early   early
	slots   slots
	count   int       // of people in the room
	hidden  int       // how many of them the board does not show
	now     time.Time // the server's
}

// NewPage returns the page for an address in the browser.
func NewPage(address *url.URL) *Page {
	room := event.Lobby
	if name, ok := strings.CutPrefix(address.Path, "/r/"); ok {
		if parsed, ok := event.ParseRoom(name); ok {
			room = parsed
		}
	}
	scheme := "ws"
	if address.Scheme == "https" {
		scheme = "wss"
	}
	return &Page{Room: room, server: scheme + "://" + address.Host + "/ws"}
}

// OnInit keeps what was typed and submitted before the program was alive: the
// first mount replaces the page that the server rendered.
func (p *Page) OnInit() { p.early = takeEarly() }

// OnMount joins at once when the tab was in the room before a reload, or the
// form has been submitted already.
func (p *Page) OnMount(ctx app.Context) {
	p.ctx = ctx
	onReturn(p.hurry)
	switch {
	case p.early.submitted:
		p.join(p.early.typed)
	case recall(tabStorage, joinedKey) == p.Room && recall(deviceStorage, nameKey) != "":
		p.join(recall(deviceStorage, nameKey))
	}
	markAlive()
	if !p.asking {
		markSettled()
	}
}

// OnDismount ends the connection.
func (p *Page) OnDismount() { p.end() }

func (p *Page) end() {
	if p.stop != nil {
		p.stop()
	}
	p.client, p.stop = nil, nil
}

func (p *Page) hurry() {
	if p.client != nil {
		p.client.Hurry()
	}
}

func (p *Page) join(name string) {
	if p.asking {
		return
	}
	p.parting = ""
	if p.problem = checkName(name); p.problem != "" {
		markSettled()
		return
	}
	p.asking = true
	p.status = client.Status{}
	p.client = client.Start(p.server, client.Options{Name: name, Room: p.Room})
	following, stop := context.WithCancel(context.Background())
	p.stop = stop
	go follow(following, p.ctx, p.client, p.refresh)
}

// follow tells the page of every change of a client, and of every minute, by
// which the times on the board move. It owns the client and closes it when
// ctx or the client ends.
func follow(ctx context.Context, page app.Context, c *client.Client, refresh func(app.Context, *client.Client, client.Status, error)) {
	defer c.Close()
	for {
		minute, cancel := context.WithTimeout(ctx, time.Minute)
		update, err := c.Next(minute)
		cancel()
		if ctx.Err() != nil {
			return
		}
		if errors.Is(err, context.DeadlineExceeded) {
			err = nil
		}
		page.Dispatch(func(page app.Context) { refresh(page, c, update.Status, err) })
		if err != nil {
			return
		}
	}
}

// refresh takes over the state of a client.
func (p *Page) refresh(ctx app.Context, c *client.Client, status client.Status, err error) {
	if c != p.client {
		return // it has been replaced
	}
	if err != nil {
		p.over(err)
		return
	}
	p.status = status
	if !status.Joined {
		if p.word() != "" {
			markSettled() // there is something to read
		}
		return
	}
	p.now = c.Now()
	me, _ := c.Roster().Me()
	users := c.Roster().Users()
	if !slices.ContainsFunc(users, func(u event.User) bool { return u.ID == me.ID }) {
		users = append(users, me) // in a large room, where the first page has others
	}
	p.count = c.Roster().Count()
	p.hidden = max(0, p.count-len(users))
	p.slots.sync(me.ID, users, time.Now())
	if p.slots.leaving() {
		ctx.After(departure, func(app.Context) { p.slots.sweep(time.Now()) })
	}
	if p.asking {
		p.asking, p.early = false, early{}
		if self, ok := p.slots.self(); ok {
			remember(deviceStorage, nameKey, self.Name)
		}
		remember(tabStorage, joinedKey, p.Room)
		markSettled()
		ctx.Defer(func(app.Context) { focusBoard() })
	}
	setTitle(fmt.Sprintf("%d here · %s · Rollcall", p.count, p.Room))
}

// over returns to the dialog.
func (p *Page) over(err error) {
	p.end()
	p.asking = false
	p.status = client.Status{}
	p.slots = slots{}
	remember(tabStorage, joinedKey, "")
	setTitle("Rollcall")
	refusal := event.Error{}
	switch {
	case errors.Is(err, client.ErrLeft):
		p.parting = "You have left the room."
	case errors.As(err, &refusal):
		p.problem = refusal.Message
	default:
		p.problem = "Something went wrong; please try again."
	}
	markSettled()
	focusName()
}

func (p *Page) onLeave(ctx app.Context, e app.Event) {
	if p.client != nil {
		p.client.Leave()
	}
}

// Render draws the dialog or the room.
func (p *Page) Render() app.UI {
	if !p.status.Joined {
		return app.Div().Class("entrance").Body(
			&NameDialog{
				Room:    p.Room,
				Offered: p.offered(),
				Busy:    p.asking,
				Problem: p.problem,
				Word:    p.word(),
				OnJoin:  p.join,
			},
		)
	}
	return app.Div().Class("place").Body(
		app.Header().Class("bar").Body(
			mark(),
			app.Div().Class("title").Body(
				app.P().Class("brand").Text("Rollcall"),
				app.P().Class("room").Text(p.Room),
			),
			&Connection{Link: p.status.Link},
			app.Button().Class("button").Type("button").OnClick(p.onLeave).Text("Leave"),
		),
		app.Main().Body(
			&Board{
				Slots: p.slots.list,
				Count: p.count,
				Live:  p.status.Link == client.Connected,
				Now:   p.now.Truncate(time.Minute).UnixMilli(),
			},
			app.If(p.hidden > 0, app.P().Class("alone").Text(fmt.Sprintf("… and %d more.", p.hidden))),
			app.If(p.count == 1, app.P().Class("alone").Body(
				app.Text("You are the only one here. Others join you at "),
				app.Code().Text(address()),
			)),
		),
	)
}

// offered is what the name field starts with.
func (p *Page) offered() string {
	if p.early.typed != "" {
		return p.early.typed
	}
	return recall(deviceStorage, nameKey)
}

// word is what the dialog says below the button.
func (p *Page) word() string {
	var refusal event.Error
	switch {
	case p.parting != "":
		return p.parting
	case p.asking && errors.As(p.status.Err, &refusal):
		return refusal.Message
	case p.asking && p.status.Link == client.Offline:
		return "Can’t reach the server. Trying again …"
	}
	return ""
}
