package cluster

import (
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/server/hub"
	"rollcall/shared/event"
	"rollcall/shared/roster"
)

// fakeNATS carries messages between servers in one process, with the faults that a test
// wants.
type fakeNATS struct {
	mu      sync.Mutex // guards what follows, and all fields of the buses
	buses   []*fakeBus
	payload int
	fault   func(m message) (copies int, delay time.Duration) // nil for none
	unseen  map[[2]*fakeBus]bool                              // NATS does not know of the second's subscriptions where the first is
	sent    int
}

type fakeBus struct {
	nats       *fakeNATS
	subs       map[string]bool
	in         chan message
	ev         chan busEvent
	down       bool // not connected
	mended     int  // how often it was connected again
	mute, deaf bool // nothing gets out, or in, without a word
}

func (f *fakeNATS) connect() *fakeBus {
	b := &fakeBus{nats: f, subs: make(map[string]bool), in: make(chan message, 1<<16), ev: make(chan busEvent, 1<<10)}
	f.mu.Lock()
	f.buses = append(f.buses, b)
	f.mu.Unlock()
	b.ev <- busEvent{connected: true}
	return b
}

// messages returns how many were sent.
func (f *fakeNATS) messages() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.sent
}

// do has NATS do something with messages; nil for nothing.
func (f *fakeNATS) do(fault func(m message) (copies int, delay time.Duration)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fault = fault
}

// lose has NATS lose the messages that match; nil for none.
func (f *fakeNATS) lose(match func(m message) bool) {
	if match == nil {
		f.do(nil)
		return
	}
	f.do(func(m message) (int, time.Duration) {
		if match(m) {
			return 0, 0
		}
		return 1, 0
	})
}

func all(message) bool { return true }

func ofRooms(m message) bool { return strings.Contains(m.subject, ".room.") }

func (b *fakeBus) subscribe(subject string) {
	b.nats.mu.Lock()
	defer b.nats.mu.Unlock()
	b.subs[subject] = true
}

func (b *fakeBus) unsubscribe(subject string) {
	b.nats.mu.Lock()
	defer b.nats.mu.Unlock()
	delete(b.subs, subject)
}

func (b *fakeBus) takes(subject string) bool {
	for s := range b.subs {
		if all, any := strings.CutSuffix(s, ">"); s == subject || any && strings.HasPrefix(subject, all) {
			return true
		}
	}
	return false
}

func (b *fakeBus) publish(subject, reply string, data []byte) bool {
	f := b.nats
	f.mu.Lock()
	defer f.mu.Unlock()
	if b.down || b.mute {
		return true
	}
	if f.payload > 0 && len(data) > f.payload {
		panic(fmt.Sprintf("a message of %d bytes", len(data)))
	}
	f.sent++
	m := message{subject: subject, reply: reply, data: slices.Clone(data)}
	found := false
	for _, to := range f.buses {
		if to == b || !to.takes(subject) || f.unseen[[2]*fakeBus{b, to}] {
			continue
		}
		found = true
		copies, delay := 1, time.Duration(0)
		if f.fault != nil {
			copies, delay = f.fault(m)
		}
		for range copies {
			to.deliver(m, delay)
		}
	}
	if !found && reply != "" {
		b.deliver(message{subject: reply, noResponders: true}, 0)
	}
	return true
}

func (b *fakeBus) deliver(m message, delay time.Duration) {
	if b.down || b.deaf {
		return
	}
	if delay == 0 {
		b.in <- m
		return
	}
	time.AfterFunc(delay, func() { b.in <- m })
}

func (b *fakeBus) ping() {
	b.nats.mu.Lock()
	defer b.nats.mu.Unlock()
	if !b.down && !b.mute && !b.deaf {
		b.ev <- busEvent{pingSent: time.Now()}
		return
	}
	mended := b.mended
	time.AfterFunc(pingTimeout, func() {
		b.nats.mu.Lock()
		defer b.nats.mu.Unlock()
		if b.mended == mended { // it was not lost with its connection
			b.ev <- busEvent{disconnected: true}
		}
	})
}

func (b *fakeBus) messages() <-chan message { return b.in }
func (b *fakeBus) events() <-chan busEvent  { return b.ev }

func (b *fakeBus) maxPayload() int {
	if b.nats.payload > 0 {
		return b.nats.payload
	}
	return 1 << 20
}

func (b *fakeBus) close() { b.set(func() { b.down, b.subs = true, nil }) }

// set changes what the network does.
func (b *fakeBus) set(f func()) {
	b.nats.mu.Lock()
	defer b.nats.mu.Unlock()
	f()
}

// cut takes the connection to NATS away, and mend brings it back.
func (b *fakeBus) cut() {
	b.set(func() { b.down = true })
	b.ev <- busEvent{disconnected: true}
}

func (b *fakeBus) mend() {
	b.set(func() {
		b.down = false
		b.mended++
	})
	b.ev <- busEvent{connected: true}
}

// server is one Rollcall server without its sockets.
type server struct {
	t    *testing.T
	name string
	bus  *fakeBus
	node *Node
	hub  *hub.Hub
	log  *strings.Builder
	logs sync.Mutex
}

const testSecret = "a secret of more than 32 bytes, as it should be"

// Write implements io.Writer for the log.
func (s *server) Write(b []byte) (int, error) {
	s.logs.Lock()
	defer s.logs.Unlock()
	return s.log.Write(b)
}

func (s *server) logged() string {
	s.logs.Lock()
	defer s.logs.Unlock()
	return s.log.String()
}

var runs int64

// serve starts a server. It ends with the test.
func (f *fakeNATS) serve(t *testing.T, name string, change ...func(*Options, *hub.Options)) *server {
	t.Helper()
	s, err := f.tryServe(t, name, change...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (f *fakeNATS) tryServe(t *testing.T, name string, change ...func(*Options, *hub.Options)) (*server, error) {
	runs++
	s := &server{t: t, name: name, bus: f.connect(), log: new(strings.Builder)}
	o := Options{Prefix: "test", Name: name, Run: runs, Secret: []byte(testSecret), Log: slog.New(slog.NewTextHandler(io.Writer(s), &slog.HandlerOptions{Level: slog.LevelDebug}))}
	h := hub.Options{Linger: 2 * time.Second, Grace: 15 * time.Second, Tick: 100 * time.Millisecond}
	for _, c := range change {
		c(&o, &h)
	}
	var err error
	if s.node, err = start(t.Context(), o, s.bus); err != nil {
		return nil, err
	}
	h.Cluster, h.Owner = s.node, s.node.Owner()
	s.hub = hub.New(h)
	t.Cleanup(s.end)
	return s, nil
}

// end ends the server without a word to the others.
func (s *server) end() {
	if s.hub != nil {
		s.hub.Close()
		s.node.Close()
		s.hub = nil
	}
}

// kill is end, and NATS does not hear of it.
func (s *server) kill() {
	s.bus.set(func() { s.bus.mute = true })
	s.end()
}

// client is somebody at a server, who takes in frames as a page does.
type client struct {
	t    *testing.T
	at   *server
	conn *hub.Conn

	mu     sync.Mutex
	roster roster.Roster
	seen   []string
	shots  int
	last   bool
	drift  error
}

func (c *client) Send(_ *hub.Conn, f hub.Frame) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	events, err := event.DecodeServer(slices.Concat(f.Head, f.Body))
	if err != nil {
		c.t.Errorf("cannot read a frame: %v", err)
	}
	for _, e := range events {
		if _, err := c.roster.Apply(e); err != nil {
			c.drift = err
		}
		switch e := e.(type) {
		case event.NewUser:
			c.seen = append(c.seen, "+"+e.Name)
		case event.UpdateUser:
			word := "~" + e.Name
			if e.Link != event.LinkOnline {
				word += " " + string(e.Link)
			}
			if e.Status != event.StatusHere {
				word += " " + string(e.Status)
			}
			if e.Note != "" {
				word += " " + e.Note
			}
			c.seen = append(c.seen, word)
		case event.DisconnectUser:
			c.seen = append(c.seen, "-"+e.Name+" "+string(e.Reason))
		case event.ExistingUsers:
			if !e.Resumed {
				c.shots++
			}
		}
	}
	c.last = c.last || f.Last
	return true
}

// join has somebody join the room "a", by a name which is their id too.
func (s *server) join(name string) *client { return s.joinAs(name, hub.Person{}) }

func (s *server) joinAs(name string, p hub.Person) *client {
	s.t.Helper()
	c := &client{t: s.t, at: s}
	p.ID = name
	if p.Profile.Name == nil {
		p.Profile = event.Named(name)
	}
	conn, err := s.hub.Join("a", p, c)
	if err != nil {
		s.t.Fatalf("%s cannot join at %s: %v", name, s.name, err)
	}
	c.conn = conn
	return c
}

func (s *server) watch() *client {
	s.t.Helper()
	c := &client{t: s.t, at: s}
	conn, err := s.hub.Watch("a", hub.Visitor{}, c)
	if err != nil {
		s.t.Fatal(err)
	}
	c.conn = conn
	return c
}

// expect says what a client has seen happen since it was asked last.
func (c *client) expect(want ...string) {
	c.t.Helper()
	synctest.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	if !slices.Equal(c.seen, want) {
		c.t.Errorf("at %s: saw %q, want %q", c.at.name, c.seen, want)
	}
	c.seen = nil
	if c.drift != nil {
		c.t.Errorf("at %s: %v", c.at.name, c.drift)
	}
}

// has says who is in the room as a client knows it.
func (c *client) has(want ...string) {
	c.t.Helper()
	synctest.Wait()
	if got := c.names(); !slices.Equal(got, want) {
		c.t.Errorf("at %s: the room has %q, want %q", c.at.name, got, want)
	}
}

func (c *client) names() (names []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, u := range c.roster.Borrow() {
		name := u.Name
		if u.Link != event.LinkOnline {
			name += "?"
		}
		names = append(names, name)
	}
	return names
}

func (c *client) view() (from, total int, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.roster.View()
}

func (c *client) state() event.Room {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.roster.State()
}

// users returns the room as a server knows it.
func (s *server) users() []event.User {
	r, _ := s.hub.Room("a")
	return r.Users
}

// sameEverywhere says that all servers show the same.
func sameEverywhere(t *testing.T, servers ...*server) {
	t.Helper()
	synctest.Wait()
	for _, s := range servers[1:] {
		if a, b := servers[0].users(), s.users(); !slices.Equal(a, b) {
			t.Errorf("%s has %v\n%s has %v", servers[0].name, a, s.name, b)
		}
	}
}

// bubble runs a test with time that is the test's.
func bubble(t *testing.T, test func(t *testing.T, f *fakeNATS)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(t, &fakeNATS{unseen: make(map[[2]*fakeBus]bool)}) })
}

// pass lets time pass.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}
