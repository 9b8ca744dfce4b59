package testcluster

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/cookiejar"
	"sync"
	"time"

	"rollcall/shared/client"
	"rollcall/shared/event"
)

// maxBackoff is the longest wait of a client between two attempts. It is short, so that
// a test need not wait long until all are back.
const maxBackoff = time.Second

// Person is somebody with one device, in one room: one session, with any number of tabs.
type Person struct {
	Line *Line // of the device

	room    string
	anybody string // the address where any server answers
	http    *http.Client

	mu   sync.Mutex
	name string // as wanted last
	id   string // in the room; empty before the first tab
	left bool
	tabs []*Tab
}

// NewPerson returns somebody who has not come yet, to a room of the server at an address
// of the form ws://127.0.0.1:8080/ws.
func NewPerson(address, room, name string) (*Person, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	line := &Line{conns: make(map[net.Conn]bool)}
	return &Person{
		Line: line, room: room, anybody: address, name: name,
		http: &http.Client{Jar: jar, Transport: &http.Transport{DialContext: line.dial, DisableKeepAlives: true}},
	}, nil
}

// Open opens a tab, and returns when it has joined.
func (p *Person) Open(ctx context.Context) error { return p.OpenAt(ctx, p.anybody) }

// OpenAt is Open at a certain address, such as one server's.
func (p *Person) OpenAt(ctx context.Context, address string) error {
	c, err := client.Dial(ctx, address, client.Options{Room: p.room, Name: p.Name(), MaxBackoff: maxBackoff, HTTPClient: p.http})
	if err != nil {
		return err
	}
	me, ok := c.Roster().Me()
	if !ok {
		c.Close()
		return errors.New("somebody has joined and is not there")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.id, p.left = me.ID, false
	p.tabs = append(p.tabs, newTab(c))
	return nil
}

// Name is the name that the person wants to have.
func (p *Person) Name() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.name
}

// ID is the person's public id in the room.
func (p *Person) ID() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.id
}

// Tabs are the tabs that were opened, those that have ended among them.
func (p *Person) Tabs() []*Tab {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]*Tab(nil), p.tabs...)
}

// Connected reports whether a tab has a connection.
func (p *Person) Connected() bool {
	if p.Line.Down() {
		return false // also while the clients have not noticed
	}
	for _, t := range p.Tabs() {
		if t.Status().Link == client.Connected {
			return true
		}
	}
	return false
}

// CheckBack returns which tab has no connection that should have one: a person whose line
// is down, or who has left, is away by their own will.
func (p *Person) CheckBack() error {
	if p.hasLeft() || p.Line.Down() {
		return nil
	}
	for _, t := range p.Tabs() {
		if s := t.Status(); s.Link != client.Connected {
			return fmt.Errorf("%s (%s) is not back: %w", p.Name(), p.ID(), s.Err)
		}
	}
	return nil
}

func (p *Person) hasLeft() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.left
}

// Rename changes the name, in the first tab.
func (p *Person) Rename(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.name = name
	if len(p.tabs) > 0 {
		p.tabs[0].Update(event.Patch{Name: &name})
	}
}

// Leave has the person leave in one tab, which is to end them all, and waits until it has.
func (p *Person) Leave(ctx context.Context) error {
	p.mu.Lock()
	p.left = true
	tabs := p.tabs
	p.mu.Unlock()
	if len(tabs) == 0 {
		return nil
	}
	tabs[0].Leave()
	for _, t := range tabs {
		if err := t.AwaitEnd(ctx); !errors.Is(err, client.ErrLeft) {
			return err
		}
	}
	p.Close() // they have ended
	return nil
}

// Reconnect cuts the line, and returns when all tabs are connected anew: as soon as they
// can be, without the wait that is theirs by right.
func (p *Person) Reconnect(ctx context.Context) error {
	tabs := p.Tabs()
	var before []int
	for _, t := range tabs {
		before = append(before, t.losses())
	}
	p.Line.Cut()
	for i, t := range tabs {
		if err := t.Await(ctx, func(s client.Status) bool { return s.Link != client.Connected || t.losses() > before[i] }); err != nil {
			return err
		}
		t.Hurry()
		if err := t.Await(ctx, func(s client.Status) bool { return s.Link == client.Connected }); err != nil {
			return err
		}
	}
	return nil
}

// Close closes all tabs, as somebody does who closes the window.
func (p *Person) Close() {
	p.mu.Lock()
	tabs := p.tabs
	p.tabs = nil
	p.mu.Unlock()
	var all sync.WaitGroup
	for _, t := range tabs {
		all.Go(t.close)
	}
	all.Wait()
}

// Tab is one client of a person.
type Tab struct {
	*client.Client
	stop context.CancelFunc
	done chan struct{} // closed when follow has ended

	mu      sync.Mutex
	status  client.Status
	lost    int           // how often the connection was lost
	end     error         // why the client has ended; nil while it has not
	changed chan struct{} // closed with each change of the above
}

func newTab(c *client.Client) *Tab {
	ctx, cancel := context.WithCancel(context.Background())
	t := &Tab{Client: c, stop: cancel, done: make(chan struct{}), status: c.Status(), changed: make(chan struct{})}
	go t.follow(ctx)
	return t
}

// follow takes what the client has to say, until it ends.
func (t *Tab) follow(ctx context.Context) {
	defer close(t.done)
	for {
		u, err := t.Next(ctx)
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		t.mu.Lock()
		if t.status.Link == client.Connected && u.Link != client.Connected {
			t.lost++
		}
		t.status, t.end = u.Status, err
		close(t.changed)
		t.changed = make(chan struct{})
		t.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// losses is how often the connection was lost.
func (t *Tab) losses() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.lost
}

// Await waits until the status is as it should be, or the client has ended.
func (t *Tab) Await(ctx context.Context, so func(client.Status) bool) error {
	for {
		t.mu.Lock()
		status, end, changed := t.status, t.end, t.changed
		t.mu.Unlock()
		switch {
		case so(status):
			return nil
		case end != nil:
			return end
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
		}
	}
}

// AwaitEnd waits until the client has ended, and returns why.
func (t *Tab) AwaitEnd(ctx context.Context) error {
	return t.Await(ctx, func(client.Status) bool { return false })
}

func (t *Tab) close() {
	t.stop()
	<-t.done
	t.Close()
}

// Line is what connects a device with all others.
type Line struct {
	mu    sync.Mutex
	down  bool
	conns map[net.Conn]bool
}

var errDown = errors.New("the device has no line")

func (l *Line) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	if l.Down() {
		return nil, errDown
	}
	c, err := (&net.Dialer{}).DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.down {
		c.Close()
		return nil, errDown
	}
	l.conns[c] = true
	return lineConn{c, l}, nil
}

// Cut ends all connections without a goodbye. New ones come about.
func (l *Line) Cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.conns {
		reset(c.(*net.TCPConn))
	}
}

// TakeDown is Cut, and nothing comes about until PutUp.
func (l *Line) TakeDown() {
	l.mu.Lock()
	l.down = true
	l.mu.Unlock()
	l.Cut()
}

// PutUp mends the line.
func (l *Line) PutUp() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.down = false
}

// Down reports whether the line is down.
func (l *Line) Down() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.down
}

// lineConn is a connection over a line.
type lineConn struct {
	net.Conn
	line *Line
}

func (c lineConn) Close() error {
	c.line.mu.Lock()
	delete(c.line.conns, c.Conn)
	c.line.mu.Unlock()
	return c.Conn.Close()
}
