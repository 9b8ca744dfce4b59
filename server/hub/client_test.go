package hub

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/shared/event"
	"rollcall/shared/roster"
)

// reporter is a *testing.T or a *rapid.T.
type reporter interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// bubble runs a test against a hub, with time that is the test's.
func bubble(t *testing.T, options Options, test func(t *testing.T, h *Hub)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		h := New(options)
		defer h.Close()
		test(t, h)
	})
}

// client is the other end of a connection: it takes in frames as a page does
// and fails the test on anything that the protocol rules out.
type client struct {
	t    reporter
	id   string
	conn *Conn

	mu     sync.Mutex // guards what follows
	slow   bool       // takes one frame and then none
	held   bool       // has taken it
	cost   time.Duration
	queue  []taken
	roster roster.Roster
	frames int
	seq    uint64   // of the last room event
	seen   []string // the events other than snapshots and room, in short
	shots  int      // full snapshots
	left   bool
	hello  event.Ref // the last that a snapshot has answered
	done   event.Ref // the last that was said to be done
	said   event.Ref // on this connection
}

type taken struct {
	frame []byte
	body  []byte // what of it is shared
	last  bool
}

func (c *client) Send(_ *Conn, f Frame) bool {
	frame := slices.Concat(f.Head, f.Body)
	c.mu.Lock()
	cost := c.cost
	c.mu.Unlock()
	time.Sleep(cost)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.held {
		c.t.Errorf("%s was sent a frame while it takes none", c.id)
	}
	c.queue = append(c.queue, taken{frame, f.Body, f.Last})
	c.held = c.slow
	return !c.slow
}

func join(t reporter, h *Hub, room string, p Person) *client {
	t.Helper()
	c := &client{t: t, id: p.ID}
	conn, err := h.Join(room, p, c)
	if err != nil {
		t.Fatalf("%s cannot join %s: %v", p.ID, room, err)
	}
	c.conn = conn
	return c
}

func watch(t reporter, h *Hub, room string) *client {
	t.Helper()
	c := &client{t: t}
	conn, err := h.Watch(room, Visitor{}, c)
	if err != nil {
		t.Fatalf("cannot watch %s: %v", room, err)
	}
	c.conn = conn
	return c
}

// drain takes in all that the connection has been sent.
func (c *client) drain() *client {
	c.t.Helper()
	synctest.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, q := range c.queue {
		c.take(q.frame, q.last)
	}
	c.queue = nil
	return c
}

// pending returns the frames that have been sent and not taken in.
func (c *client) pending() [][]byte {
	synctest.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	var frames [][]byte
	for _, q := range c.queue {
		frames = append(frames, q.frame)
	}
	return frames
}

// shared is where the bytes are that the connection shares with others, of the
// first frame that has been sent and not taken in.
func (c *client) shared() *byte {
	synctest.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	return &c.queue[0].body[0]
}

// pause has the connection stay where it is, as one whose client reads no
// more.
func (c *client) pause() {
	c.drain()
	c.mu.Lock()
	c.slow = true
	c.mu.Unlock()
	c.conn.Heartbeat()
	c.drain()
}

// read has a paused client read on.
func (c *client) read() *client {
	c.t.Helper()
	c.mu.Lock()
	c.slow, c.held = false, false
	c.mu.Unlock()
	c.conn.Ready()
	return c.drain()
}

func (c *client) take(frame []byte, last bool) {
	c.t.Helper()
	if c.left {
		c.t.Errorf("%s was sent more after the last: %s", c.id, frame)
	}
	events, err := event.DecodeServer(frame)
	if err != nil {
		c.t.Errorf("%v: %s", err, frame)
	}
	c.frames++
	order := -1
	for i, e := range events {
		if done, ok := e.(event.Done); ok {
			if i > 0 || done.Ref <= c.done {
				c.t.Errorf("%d is done after %d, as event %d: %s", done.Ref, c.done, i, frame)
			}
			if c.done = done.Ref; len(events) == 1 {
				return
			}
			continue
		}
		if c.frames == 1 && order < 0 {
			if _, ok := e.(event.ExistingUsers); !ok {
				c.t.Errorf("%s came before the snapshot: %s", e.EventName(), frame)
			}
		}
		place := map[string]int{
			event.NameExistingUsers: 0, event.NameDisconnectUser: 1, event.NameNewUser: 2,
			event.NameUpdateUser: 3, event.NameRoom: 4,
		}[e.EventName()]
		if place < order {
			c.t.Errorf("%s is out of order in %s", e.EventName(), frame)
		}
		order = place
		c.check(e, frame, last)
		if _, err := c.roster.Apply(e); err != nil {
			c.t.Errorf("%s: %v in %s", c.id, err, frame)
		}
	}
	if order != 4 {
		c.t.Errorf("the frame does not end with room: %s", frame)
	}
	c.left = last
}

func (c *client) check(e event.Event, frame []byte, last bool) {
	c.t.Helper()
	_, _, large := c.roster.View()
	switch e := e.(type) {
	case event.ExistingUsers:
		if !e.Resumed {
			c.shots++
		}
		if e.Ref != 0 {
			c.hello = e.Ref
		}
		if !e.Resumed && e.Self != c.id {
			c.t.Errorf("%s is told to be %s", c.id, e.Self)
		}
		for _, u := range e.Users {
			if before, known := c.roster.Get(u.ID); e.Resumed && known && before == u {
				c.t.Errorf("%s is told twice: %s", u.Name, frame)
			}
		}
		for _, id := range e.Gone {
			if _, known := c.roster.Get(id); !known {
				c.t.Errorf("%s is gone twice: %s", id, frame)
			}
		}
	case event.NewUser:
		c.seen = append(c.seen, "+"+e.Name)
		if _, known := c.roster.Get(e.ID); known || e.ID == c.id || large {
			c.t.Errorf("%s is announced twice, to oneself or into a view: %s", e.Name, frame)
		}
	case event.UpdateUser:
		c.seen = append(c.seen, strings.Join(strings.Fields(fmt.Sprint("~", e.Name, " ", string(e.Status), " ", e.Note, " ", string(e.Link))), " "))
		if before, known := c.roster.Get(e.ID); !known || before == e.User || large {
			c.t.Errorf("an update of %s changes nothing: %s", e.Name, frame)
		}
	case event.Room:
		if e.Seq < c.seq {
			c.t.Errorf("seq %d comes after %d", e.Seq, c.seq)
		}
		c.seq = e.Seq
	case event.DisconnectUser:
		c.seen = append(c.seen, fmt.Sprintf("-%s %s", e.Name, e.Reason))
		// A client that knew nothing yet still learns that it has left.
		if _, known := c.roster.Get(e.ID); !known && !(last && e.ID == c.id) {
			c.t.Errorf("%s is gone twice: %s", e.Name, frame)
		}
	}
}

func (c *client) expect(seen ...string) {
	c.t.Helper()
	c.drain()
	if !slices.Equal(c.seen, seen) {
		c.t.Errorf("saw %q, want %q", c.seen, seen)
	}
	c.seen = nil
}

func (c *client) names() []string {
	var names []string
	for _, u := range c.drain().roster.Users() {
		names = append(names, u.Name)
	}
	return names
}

// holds compares who is in sight.
func (c *client) holds(names ...string) {
	c.t.Helper()
	if got := c.names(); !slices.Equal(got, names) {
		c.t.Errorf("sees %q, want %q", got, names)
	}
}

func person(name string) Person {
	p := Person{ID: "id-" + name, Change: event.Named(name)}
	return p
}

func (p Person) named(name string) Person {
	p.Change.Name = &name
	return p
}

// count is how many people are in a room, and how many connections watch it.
func count(h *Hub, name string) (people, watching int) {
	room, _ := h.Room(name)
	return room.Count, room.Watching
}
