package hub

import (
	"runtime"
	"time"

	"rollcall/shared/event"
)

// delivery is a frame for one connection.
type delivery struct {
	conn      *Conn
	frame     *sharedFrame
	ownFields *event.ExistingUsers // the fields that only the receiver gets; nil for none
	doneRef   event.Ref            // what is confirmed to the receiver; else 0
	kind      frameKind
	requested bool
	last      bool
}

// scheduleFlush starts a flush. If one runs, that continues with what has changed since.
// The room's lock is held.
func (r *room) scheduleFlush() {
	r.dirty = true
	if r.flushing || r.stopped {
		return
	}
	r.flushing = true
	crowded := len(r.conns) >= crowdSize
	r.hub.running.Go(func() { r.flush(crowded) })
}

func (r *room) ready(c *Conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c.index >= 0 {
		r.scheduleFlush()
	}
}

// minPause is the shortest pause: the system's timers are not finer, and a room whose
// flush took less delays nobody.
const minPause = time.Millisecond

// crowdSize is the number of connections from which on a flush waits a moment, so that
// several changes go into one frame.
const crowdSize = 64

// flush sends a frame to every connection that is free and has something to be told, as
// often as something changes, with pauses between.
func (r *room) flush(crowded bool) {
	defer r.endIfEmpty()
	var head []byte
	for {
		if crowded {
			// Others who are about to change something do so first, and their
			// changes go into the same frames.
			runtime.Gosched()
		}
		start := time.Now()
		r.mu.Lock()
		r.dirty = false
		batch := r.collect(r.batch[:0])
		arrivals := r.arrivals
		r.arrivals = nil
		r.mu.Unlock()

		now := r.hub.options.Now().UnixMilli()
		var kinds [4]uint64
		var bytes uint64
		for i := range batch {
			d := &batch[i]
			// Ready may be called before Send returns, so blocked is set first.
			d.conn.blocked.Store(true)
			var body []byte
			head, body = d.encode(head[:0], now)
			kinds[d.kind]++
			bytes += uint64(len(head) + len(body))
			if d.conn.sink.Send(d.conn, Frame{head, body, d.requested, d.last}) {
				d.conn.blocked.Store(false)
			}
			*d = delivery{}
		}
		r.hub.counts.countFrames(kinds, bytes)
		r.seen(arrivals)
		if d := min(time.Since(start), r.hub.options.Tick); d >= minPause && !r.pause(d) {
			return
		}

		r.mu.Lock()
		r.batch = batch[:0]
		if cap(batch) > 4*len(r.conns)+spare {
			r.batch = nil // a crowd has gone: give its memory back
		}
		r.flushing, crowded = r.dirty && !r.stopped, len(r.conns) >= crowdSize
		done := !r.flushing
		r.mu.Unlock()
		if done {
			return
		}
	}
}

// pause waits for a while. It reports false if the hub is closed.
func (r *room) pause(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.hub.done:
		return false
	}
}

// collect appends a delivery for every connection that is free and has something to be
// told, and counts the connection as up to date. The room's lock is held.
func (r *room) collect(batch []delivery) []delivery {
	if r.large {
		for _, v := range r.views {
			v.refresh(r)
		}
	}
	n := len(r.conns)
	first := r.firstPostponed - 1
	if first < 0 || first >= n {
		first = n - 1 // the newest connection
	}
	r.firstPostponed = 0
	for i := range n {
		at := (first - i + n) % n
		c := r.conns[at]
		if c.blocked.Load() {
			continue
		}
		switch d := r.nextDelivery(c); {
		case d.conn == nil && r.firstPostponed == 0:
			r.firstPostponed, r.dirty = at+1, true
		case d.frame != nil || d.doneRef != 0:
			batch = append(batch, d)
		}
	}
	for i := range batch {
		if batch[i].last {
			r.removeConn(batch[i].conn)
		}
	}
	// Frames are not kept for connections that come later: to make them anew takes
	// little, and there may be thousands of rooms and views.
	r.flushSize = 0
	r.log.endFlush()
	if r.slice != nil {
		r.slice.endFlush()
	}
	for _, v := range r.views {
		v.endFlush()
	}
	return batch
}

// nextDelivery returns what to send to a connection now. It has no frame if the
// connection is up to date, and no conn if it has to wait for the next flush.
func (r *room) nextDelivery(c *Conn) delivery {
	d := delivery{conn: c, kind: stateFrame, doneRef: c.doneRef, last: c.leaving}
	d.requested = (c.needsSnapshot || !c.started) && !c.leaving // before logOf, which asks for snapshots as well
	of := r.logOf(c)
	whole, ownNews := c.needsSnapshot || !c.started, c.ownChanged && c.view != nil
	if !whole && !ownNews && !c.needsFrame && !c.leaving && c.cursor == of.head {
		c.doneRef = 0
		return d
	}
	at := frameKey{kind: snapshotFrame}
	switch resume := c.resume; {
	case whole && resume != nil && c.view == nil && resume.Epoch == r.epoch && of.reaches(resume.Seq):
		at = frameKey{resumedFrame, resume.Seq}
	case whole:
	case c.cursor == of.head && !ownNews:
		at = frameKey{kind: stateFrame}
	case of.reaches(c.cursor):
		at = frameKey{diffFrame, c.cursor}
	case c.ofSlice: // other servers see that they have missed something, and ask for it
		at = frameKey{kind: stateFrame}
	}
	if c.leaving && (whole || c.view != nil || at.kind == snapshotFrame) {
		d.frame = r.lastFrame(c, of)
	} else {
		d.frame = r.frameFor(of, c.view, at)
	}
	if d.frame == nil {
		return delivery{}
	}
	d.kind = at.kind
	switch {
	case c.leaving:
		return d // the last one
	case at.kind == snapshotFrame || at.kind == resumedFrame:
		d.ownFields = r.newOwnFields(c)
		if c.view != nil {
			d.ownFields.Me = r.selfOutsideView(c)
		}
	case ownNews:
		d.ownFields = &event.ExistingUsers{Me: r.selfOutsideView(c)}
	}
	c.started, c.needsSnapshot, c.needsFrame, c.ownChanged, c.resume, c.doneRef = true, false, false, false, nil, 0
	c.cursor = of.head
	return d
}

// newOwnFields returns the fields of a snapshot that only one receiver gets. Those that
// answer a hello are in the first snapshot only.
func (r *room) newOwnFields(c *Conn) *event.ExistingUsers {
	own := &event.ExistingUsers{Self: c.id, Ref: c.helloRef, Session: c.newSession}
	c.helloRef, c.newSession = 0, ""
	return own
}

// logOf returns the log of what a connection sees. It is another one after the room has
// become large, or is not large any more.
func (r *room) logOf(c *Conn) *changeLog {
	switch {
	case c.ofSlice:
		return &r.slice.changeLog
	case r.large && c.view == nil:
		if r.attachView(c, c.wantedView) != nil {
			c.wantedView = event.View{} // the first page, which is never refused
			r.attachView(c, c.wantedView)
		}
	case !r.large && c.view != nil:
		r.detachView(c)
		c.needsSnapshot = true
	}
	if c.view != nil {
		return &c.view.changeLog
	}
	return &r.log
}

// selfOutsideView returns the client's own user if its view does not show them.
func (r *room) selfOutsideView(c *Conn) *event.User {
	u, here := r.log.roster.Get(c.id)
	if _, shown := c.view.roster.Get(u.ID); !here || shown {
		return nil
	}
	return &u
}

// frameKey says what a frame of a log has in it. Connections with the same key share a
// frame.
type frameKey struct {
	kind   frameKind
	cursor uint64 // since which it tells changes
}

type frameKind int

const (
	snapshotFrame frameKind = iota // all users
	diffFrame                      // the changes since a cursor
	resumedFrame                   // the same for a client that resumes
	stateFrame                     // no changes, only the room event
)

// frameCache holds the frames of one flush by their keys.
type frameCache struct {
	lastKey frameKey // of last
	last    *sharedFrame
	byKey   map[frameKey]*sharedFrame
}

func (f *frameCache) get(at frameKey) *sharedFrame {
	if f.lastKey != at { // most connections have the same key as the one before
		f.lastKey, f.last = at, f.byKey[at]
	}
	return f.last
}

func (f *frameCache) put(at frameKey, p *sharedFrame) {
	if f.byKey == nil {
		f.byKey = make(map[frameKey]*sharedFrame)
	}
	f.lastKey, f.last, f.byKey[at] = at, p, p
}

// maxFlushSize is about how many bytes of frames a flush makes, since all of them are in
// memory at one time. When hundreds of slow clients with as many cursors come back,
// they need more. Then they take turns: the next flush begins with the first
// connection that had to wait.
const maxFlushSize = 256 << 10

// frameFor returns a frame for all connections that need it in this flush. It returns
// nil if the flush is large enough already. But a connection that sees the whole room
// and was up to date after the last flush, as most are, never waits.
func (r *room) frameFor(of *changeLog, v *view, at frameKey) *sharedFrame {
	if p := of.frames.get(at); p != nil {
		return p
	}
	if r.flushSize >= maxFlushSize && at.kind != stateFrame && (v != nil || at != frameKey{diffFrame, of.flushedSeq}) {
		return nil
	}
	p := &sharedFrame{state: r.roomEvent(of)}
	switch at.kind {
	case snapshotFrame:
		shown := r.snapshotHeader(v)
		shown.Users = of.roster.Borrow()
		p.existing, p.shared = &event.ExistingUsers{}, event.EncodeSnapshot(shown, p.state)
		r.flushSize += len(p.shared)
	case stateFrame:
		p.events = []event.Event{p.state}
	default:
		change, _ := of.diffSince(at.cursor)
		r.flushSize += change.size()
		if at.kind == diffFrame && v == nil {
			// If the net change is nothing, the room event alone still gives the
			// client the new seq.
			p.events = change.liveEvents(p.state)
		} else {
			p.existing = new(change.existingUsers(r.snapshotHeader(v)))
		}
	}
	of.frames.put(at, p)
	return p
}

// lastFrame returns the last frame of a connection whose client needs a snapshot. It has
// the client's own disconnect_user, unless the user has joined again. It returns nil if
// the flush is large enough already.
func (r *room) lastFrame(c *Conn, of *changeLog) *sharedFrame {
	if r.flushSize >= maxFlushSize {
		return nil
	}
	shown := r.snapshotHeader(c.view)
	shown.Users = of.roster.Users()
	shown.Self, shown.Now, shown.Ref = c.id, r.hub.options.Now().UnixMilli(), c.helloRef
	events := []event.Event{shown}
	if !r.presence.Has(c.id) {
		events = append(events, c.leftEvents...)
	}
	r.flushSize += diff{arrived: shown.Users}.size()
	return &sharedFrame{events: append(events, r.roomEvent(of))}
}
