package hub

import (
	"sync/atomic"

	"rollcall/shared/event"
)

// Sink is where a connection's frames go.
type Sink interface {
	// Send takes a frame for c. It must not block. If it returns false the
	// sink takes no more until it calls c.Ready, which may be before Send
	// returns. A sink may be sent a frame that was under way when its
	// connection was closed. No two calls for one connection overlap.
	Send(c *Conn, f Frame) (ready bool)
}

// Frame is what a connection is sent at one time.
type Frame struct {
	// Head, which is the hub's again when Send returns, and then Body, which
	// is shared and never changes.
	Head, Body []byte
	// Requested says that the frame is the answer to the connection's Join, Watch
	// or View, which it would not have been sent otherwise.
	Requested bool
	// Last says that the connection is to end properly after it.
	Last bool
}

// Conn is one connection's place in a room. All methods are safe for
// concurrent use, and none waits for a client.
type Conn struct {
	// What each flush looks at comes first and together, since fetching it from
	// memory is what a look at one of thousands costs. All but sink and blocked
	// is guarded by room.mu.
	sink          Sink
	blocked       atomic.Bool   // the sink takes nothing until Ready
	started       bool          // the client has had its snapshot
	needsSnapshot bool          // the client is owed a snapshot
	needsFrame    bool          // the client is owed a frame, if only the room's state
	ownChanged    bool          // the client's own entry has changed since its last frame
	leaving       bool          // the user has left: the next frame is the last
	cursor        uint64        // the seq that the client knows
	doneRef       event.Ref     // of what is done and the client is to be told so; else 0
	view          *view         // what the client sees; nil for the whole room
	resume        *event.Resume // what it knew when it came; nil once started

	room   *room
	id     string          // of the user; empty for one that watches
	source string          // and
	charge func(bytes int) // as in Visitor

	// Guarded by room.mu.
	index      int           // in room.conns, -1 when out of the room
	wantedView event.View    // what it wants to see while the room is large
	helloRef   event.Ref     // Visitor.Ref, until it is answered
	newSession string        // Person.NewSession, until it is sent
	leftEvents []event.Event // that its user has left, while it is leaving; none for one that watches
}

// ID is the public id of the user, empty for one that watches.
func (c *Conn) ID() string { return c.id }

// Watches reports whether the connection sees the room without being in it.
func (c *Conn) Watches() bool { return c.id == "" }

// Ready says that the sink takes frames again.
func (c *Conn) Ready() {
	c.blocked.Store(false)
	c.room.ready(c)
}

// Heartbeat asks for a frame, if only of the room's state, so that the client
// hears something.
func (c *Conn) Heartbeat() {
	r := c.room
	r.mu.Lock()
	defer r.mu.Unlock()
	if c.index >= 0 {
		c.needsFrame = true
		r.scheduleFlush()
	}
}

// Update changes the user in place; the caller has checked the texts, and the
// data are canonical. Who watches or has left has nothing to change. A ref that is
// done already is not done again; it is answered in any case, unless it is 0. The
// error is event.ErrDataTooLong, and then nothing has changed.
func (c *Conn) Update(ref event.Ref, change event.Patch) error {
	if c.id == "" {
		return nil
	}
	return c.room.update(c, ref, change)
}

// addCost tells whoever the connection is counted for what it has cost; the room's
// lock is held.
func (c *Conn) addCost(bytes int) {
	if c.charge != nil {
		c.charge(bytes)
	}
}

// SetActive says whether the connection's tab is looked at and used. A ref is
// answered, unless it is 0.
func (c *Conn) SetActive(ref event.Ref, active bool) { c.room.setActive(c, ref, active) }

// SetView says what part of a large room the client wants to see, and gets it a
// snapshot in any room. Out of bounds is brought within. The error is
// ErrTooManyViews, and then nothing has changed. Its ref is answered.
func (c *Conn) SetView(want event.View) error { return c.room.setView(c, want) }

// Leave ends the user's presence at once. All their connections, this one
// too, get one more frame, after which they are to end. A ref is answered in
// that, unless it is 0.
func (c *Conn) Leave(ref event.Ref) { c.room.leave(c, ref) }

// Close takes the connection out of its room; every further call does
// nothing. Clean says that it ended properly. After the user's last one they
// stay for the hub's Linger or Grace, marked as reconnecting.
func (c *Conn) Close(clean bool) {
	options := c.room.hub.options
	if clean {
		c.room.closeConn(c, event.ReasonClosed, options.Linger)
	} else {
		c.room.closeConn(c, event.ReasonLost, options.Grace)
	}
}
