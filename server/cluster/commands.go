package cluster

import (
	"container/heap"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"rollcall/server/hub"
)

// commands are what other goroutines have the node do. There is at most a frame for each
// room among them, and what opens and ends rooms.
type commands struct {
	wake chan struct{} // has one place

	mu   sync.Mutex // guards what follows
	list []func()
}

func (c *commands) add(do func()) {
	c.mu.Lock()
	c.list = append(c.list, do)
	c.mu.Unlock()
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

func (c *commands) take() []func() {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := c.list
	c.list = nil
	return list
}

// pause is the pause of a slice after a frame. What changes meanwhile is merged into the
// next one.
type pause struct {
	conn  *hub.Conn
	until time.Time
}

// pauseAfterFrame keeps a server below 30 frames a second in each room.
const pauseAfterFrame = 34 * time.Millisecond

// endPauses ends the pauses that are over.
func (n *Node) endPauses(now time.Time) {
	done := 0
	for done < len(n.pauses) && !n.pauses[done].until.After(now) {
		n.pauses[done].conn.Ready()
		done++
	}
	if n.pauses = n.pauses[done:]; len(n.pauses) == 0 {
		n.pauses = nil
	}
}

// agenda has the rooms in which something is to be done, as a heap: the earliest is first.
type agenda struct{ rooms []*room }

func (a *agenda) init() { heap.Init(a) }

// set sets when something is to be done in a room; the zero time is never.
func (a *agenda) set(r *room, at time.Time) {
	switch {
	case at.Equal(r.dueAt):
	case at.IsZero():
		heap.Remove(a, r.index)
		r.dueAt = at
	case r.dueAt.IsZero():
		r.dueAt = at
		heap.Push(a, r)
	default:
		r.dueAt = at
		heap.Fix(a, r.index)
	}
}

func (a *agenda) next() (time.Time, bool) {
	if len(a.rooms) == 0 {
		return time.Time{}, false
	}
	return a.rooms[0].dueAt, true
}

// The methods of heap.Interface.

func (a *agenda) Len() int           { return len(a.rooms) }
func (a *agenda) Less(i, j int) bool { return a.rooms[i].dueAt.Before(a.rooms[j].dueAt) }

func (a *agenda) Swap(i, j int) {
	a.rooms[i], a.rooms[j] = a.rooms[j], a.rooms[i]
	a.rooms[i].index, a.rooms[j].index = i, j
}

func (a *agenda) Push(x any) {
	r := x.(*room)
	r.index = len(a.rooms)
	a.rooms = append(a.rooms, r)
}

func (a *agenda) Pop() any {
	last := len(a.rooms) - 1
	r := a.rooms[last]
	a.rooms[last], a.rooms = nil, a.rooms[:last]
	return r
}

// Counts are what has happened between servers since the start.
type Counts struct {
	Sent, Received atomic.Uint64 // messages
	// Messages that were dropped: of servers with another secret, with a wrong code, and
	// such as cannot be read.
	OtherSecret, Forged, Unreadable atomic.Uint64
	Repeated                        atomic.Uint64 // messages that had come before
	Drifts                          atomic.Uint64 // times at which a slice was not the one of its owner
	Asks                            atomic.Uint64 // times at which a slice was asked for
	Lost                            atomic.Uint64 // times at which this server was too slow for NATS
}

// LogValue returns the counts.
func (c *Counts) LogValue() slog.Value {
	return slog.GroupValue(
		slog.Uint64("sent", c.Sent.Load()), slog.Uint64("received", c.Received.Load()),
		slog.Uint64("other_secret", c.OtherSecret.Load()), slog.Uint64("forged", c.Forged.Load()),
		slog.Uint64("unreadable", c.Unreadable.Load()), slog.Uint64("repeated", c.Repeated.Load()),
		slog.Uint64("drifts", c.Drifts.Load()),
		slog.Uint64("asks", c.Asks.Load()), slog.Uint64("lost", c.Lost.Load()))
}

// Counts returns what has happened between servers since the start.
func (n *Node) Counts() *Counts { return &n.counts }
