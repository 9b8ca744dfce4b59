package hub

import (
	"sync"
	"time"

	"rollcall/shared/event"
)

// Conn is one connection's place in a room. One goroutine writes what it says:
// it waits on Wake and then calls Next; any may call Leave and Close.
type Conn struct {
	room   *room
	member *member
	wake   chan struct{} // one slot: there is something to say

	// Guarded by room.mu.
	started  bool   // the client has had its snapshot
	cursor   uint64 // the seq that the client knows
	farewell []byte // the last frame, once the user has left
}

// ID is the public id of the user.
func (c *Conn) ID() string { return c.member.id }

// Wake receives when Next may have something new. It may also receive when
// there turns out to be nothing.
func (c *Conn) Wake() <-chan struct{} { return c.wake }

func (c *Conn) poke() {
	select {
	case c.wake <- struct{}{}:
	default: // it is due to look anyway
	}
}

// Next returns the frame that brings the client up to date, nil if it is. The
// client counts as knowing it from then on. Last is true when the user has
// left: the connection should write the frame and end normally. The bytes are
// shared and must not be changed.
func (c *Conn) Next() (frame []byte, last bool) {
	r := c.room
	r.mu.Lock()
	if c.farewell != nil {
		defer r.mu.Unlock()
		return c.farewell, true
	}
	if c.started && c.cursor == r.log.head {
		defer r.mu.Unlock()
		return nil, false
	}
	if c.started {
		if frame, ok := r.diff(c.cursor); ok {
			defer r.mu.Unlock()
			c.cursor = r.log.head
			return frame, false
		}
	}
	shot := r.snapshot()
	c.started, c.cursor = true, r.log.head
	r.mu.Unlock()
	return shot.encode().Frame(c.member.id, time.Now().UnixMilli()), false
}

// Beat is what Next returns, but when there is nothing new it is the state of
// the room, so that the client hears something.
func (c *Conn) Beat() (frame []byte, last bool) {
	if frame, last = c.Next(); frame != nil {
		return frame, last
	}
	r := c.room
	r.mu.Lock()
	defer r.mu.Unlock()
	if c.cursor != r.log.head {
		return nil, false // news came in between, and with it a wake-up
	}
	return event.Encode(r.state()), false
}

// Leave ends the user's presence at once. All their connections, this one
// too, have one more frame, after which they are to end.
func (c *Conn) Leave() { c.room.leave(c.member) }

// Close takes the connection out of its room; every further call does
// nothing. Clean says that it ended properly. After the user's last one they
// stay for the hub's Linger or Grace, marked as reconnecting.
func (c *Conn) Close(clean bool) {
	options := c.room.hub.options
	if clean {
		c.room.detach(c, event.ReasonClosed, options.Linger)
	} else {
		c.room.detach(c, event.ReasonLost, options.Grace)
	}
}

// diff returns the frame from a cursor to now; the room's lock is held.
func (r *room) diff(cursor uint64) ([]byte, bool) {
	if frame, ok := r.log.frames[cursor]; ok {
		return frame, true
	}
	events, ok := r.log.since(cursor, &r.roster)
	if !ok {
		return nil, false
	}
	// With nothing left of what happened, the room event alone still moves
	// the client's seq.
	frame := event.Encode(append(events, r.state())...)
	if r.log.frames == nil {
		r.log.frames = make(map[uint64][]byte)
	}
	r.log.frames[cursor] = frame
	return frame, true
}

// snapshot returns the roster at the head of the log; the room's lock is held.
func (r *room) snapshot() *snapshot {
	if r.log.shot == nil {
		r.log.shot = &snapshot{
			existing: event.ExistingUsers{Room: r.name, Epoch: r.epoch, Users: r.roster.Users()},
			state:    r.state(),
		}
	}
	return r.log.shot
}

// snapshot is a roster at one seq, encoded by the first who needs it, outside
// the room's lock.
type snapshot struct {
	existing event.ExistingUsers
	state    event.Room

	once    sync.Once
	encoded event.Snapshot
}

func (s *snapshot) encode() event.Snapshot {
	s.once.Do(func() {
		s.encoded = event.EncodeSnapshot(s.existing, s.state)
		s.existing.Users = nil
	})
	return s.encoded
}
