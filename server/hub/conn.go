package hub

import (
	"sync/atomic"

	"rollcall/shared/event"
)

// Sink is where a connection's frames go.
type Sink interface {
	// Send takes a frame for c. It must not block. If it returns false, the hub sends
	// no more until the sink calls c.Ready, which may be before Send returns. A frame
	// may still come after the connection was closed. Calls for one connection do not
	// overlap.
	Send(c *Conn, f Frame) (ready bool)
}

// Frame is what a connection is sent at one time.
type Frame struct {
	// The frame is Head and then Body. Head is the hub's again when Send returns. Body
	// is shared by connections and never changes.
	Head, Body []byte
	// Requested is whether the frame is sent only because the client has asked for it,
	// by Join, Watch or SetView.
	Requested bool
	// Last is whether the connection is to be closed properly after the frame.
	Last bool
}

// Conn is one connection's place in a room. All methods are safe for
// concurrent use, and none waits for a client.
type Conn struct {
	// What each flush reads comes first: with thousands of connections, the time goes
	// into loading it from memory. room.mu guards all of it but sink and blocked.
	sink          Sink
	blocked       atomic.Bool   // the sink takes nothing until Ready
	started       bool          // the client has had its snapshot
	needsSnapshot bool          // the next frame is a snapshot
	needsFrame    bool          // a frame is to be sent, even if nothing has changed
	ownChanged    bool          // the client's own user has changed since its last frame
	leaving       bool          // the user has left: the next frame is the last
	ofSlice       bool          // it is no client's: it gets the slice of this server
	cursor        uint64        // the seq that the client knows
	doneRef       event.Ref     // of what is done and not confirmed to the client yet; else 0
	view          *view         // what the client sees; nil for the whole room
	resume        *event.Resume // what the client knew when it came; nil once started

	room       *room
	generation uint64 // of the cluster, when the connection was made
	joinedAt   int64  // Unix milliseconds
	resumed    bool   // its client came back to what it knew

	id     string          // of the user; empty for one that watches
	source string          // of the Visitor
	charge func(bytes int) // of the Visitor

	// Guarded by room.mu.
	index      int           // in room.conns; -1 when it is out of the room
	wantedView event.View    // what the client wants to see while the room is large
	helloRef   event.Ref     // Visitor.Ref, until it is answered
	newSession string        // Person.NewSession, until it is sent
	leftEvents []event.Event // that tell that its user has left, while it is leaving
}

// ID returns the public id of the user; empty for a connection that watches.
func (c *Conn) ID() string { return c.id }

// Watches reports whether the connection sees the room without being in it.
func (c *Conn) Watches() bool { return c.id == "" && !c.ofSlice }

// Ready notes that the sink takes frames again.
func (c *Conn) Ready() {
	c.blocked.Store(false)
	c.room.ready(c)
}

// Heartbeat has a frame sent even if nothing has changed, so that the client hears
// something.
func (c *Conn) Heartbeat() {
	r := c.room
	r.mu.Lock()
	defer r.mu.Unlock()
	if c.index >= 0 {
		c.needsFrame = true
		r.scheduleFlush()
	}
}

// Update changes the user. The caller has checked the texts, and the data are
// canonical. It does nothing for a connection that watches or has left. A change whose
// ref was done already is not done again. A ref that is not 0 is confirmed in any case.
// The error is event.ErrDataTooLong, and then nothing has changed.
func (c *Conn) Update(ref event.Ref, change event.Patch) error {
	if c.id == "" {
		return nil
	}
	return c.room.update(c, ref, change)
}

// addCost charges the visitor for what the connection has cost. The room's lock is
// held.
func (c *Conn) addCost(bytes int) {
	if c.charge != nil {
		c.charge(bytes)
	}
}

// SetActive sets whether the connection's tab is used. A ref that is not 0 is
// confirmed.
func (c *Conn) SetActive(ref event.Ref, active bool) { c.room.setActive(c, ref, active) }

// SetView sets which part of a large room the client wants to see. A snapshot follows
// in any room. Numbers out of bounds are brought within. The error is ErrTooManyViews,
// and then nothing has changed. A ref that is not 0 is confirmed.
func (c *Conn) SetView(want event.View) error { return c.room.setView(c, want) }

// Leave removes the user from the room at once. Each of their connections, this one
// too, gets one last frame, after which it is to end. It confirms the ref, unless that
// is 0.
func (c *Conn) Leave(ref event.Ref) { c.room.leave(c, ref) }

// Close takes the connection out of its room; further calls do nothing. After the last
// connection of a user, the user stays as reconnecting: for Linger if clean, and else
// for Grace.
func (c *Conn) Close(clean bool) {
	options := c.room.hub.options
	if clean {
		c.room.closeConn(c, event.ReasonClosed, options.Linger)
	} else {
		c.room.closeConn(c, event.ReasonLost, options.Grace)
	}
}
