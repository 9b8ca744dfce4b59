package hub

import (
	"sync/atomic"
	"time"

	"rollcall/shared/event"
)

// Counts are what a hub has done since it was made. Safe for concurrent use.
type Counts struct {
	Joined, Watched atomic.Uint64 // connections that have entered a room, as a user or to watch
	Arrived         atomic.Uint64 // users
	// Gone are users, by the reason: their tabs were closed, their connection was lost,
	// they have left, or anything else.
	GoneClosed, GoneLost, GoneLeft, GoneOther atomic.Uint64
	// Frames by what is in them: all users, what has changed, the same for a client that
	// comes back, or the state alone. Several changes of a room are merged into one frame.
	Snapshots, Diffs, Resumed, States atomic.Uint64
	Bytes                             atomic.Uint64 // of frames, before compression
	Changes                           atomic.Uint64 // of rooms
}

// count counts a change of a room.
func (c *Counts) count(e event.Event) {
	c.Changes.Add(1)
	switch e := e.(type) {
	case event.NewUser:
		c.Arrived.Add(1)
	case event.DisconnectUser:
		switch e.Reason {
		case event.ReasonClosed:
			c.GoneClosed.Add(1)
		case event.ReasonLost:
			c.GoneLost.Add(1)
		case event.ReasonLeft:
			c.GoneLeft.Add(1)
		default:
			c.GoneOther.Add(1)
		}
	}
}

// countFrames counts the frames of a flush, by their frameKind.
func (c *Counts) countFrames(kinds [4]uint64, bytes uint64) {
	for i, of := range []*atomic.Uint64{&c.Snapshots, &c.Diffs, &c.Resumed, &c.States} {
		if kinds[i] > 0 {
			of.Add(kinds[i])
		}
	}
	c.Bytes.Add(bytes)
}

// Counts returns what the hub has done.
func (h *Hub) Counts() *Counts { return &h.counts }

// Totals are the people and connections of all rooms at about one moment.
type Totals struct {
	Rooms, People, Watching int
	Absent                  int // people of this server who have no connection now
}

// Totals returns how many there are. It locks one room after another, and takes some hundred
// nanoseconds for each.
func (h *Hub) Totals() (t Totals) {
	h.rooms.Range(func(_, found any) bool {
		r := found.(*room)
		r.mu.Lock()
		defer r.mu.Unlock()
		t.Rooms++
		t.People += r.presence.Len()
		t.Watching += r.watching
		return true
	})
	t.Absent = int(h.absent.Load())
	return t
}

// noteArrivals notes the users who have arrived by a connection, to measure how long it takes
// until others see them.
func (r *room) noteArrivals(news []event.Event) {
	if r.hub.options.Seen == nil {
		return
	}
	for _, e := range news {
		if _, ok := e.(event.NewUser); ok {
			r.arrivals = append(r.arrivals, time.Now())
		}
	}
}

// seen tells how long arrivals have taken that are in the frames of a flush.
func (r *room) seen(arrivals []time.Time) {
	for _, at := range arrivals {
		r.hub.options.Seen(time.Since(at))
	}
}
