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
	ownFields *event.ExistingUsers // the receiver's own fields, where the frame has any
	doneRef   event.Ref            // what the receiver is told is done; else 0
	requested bool
	last      bool
}

// scheduleFlush starts a flush unless one runs, which then looks again. The room's
// lock is held.
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

// minPause is the shortest pause worth taking: the system's timers are not finer,
// and a room whose flush took less delays nobody.
const minPause = time.Millisecond

// crowdSize is how many connections make it worth a moment's wait to tell of
// several changes in one frame.
const crowdSize = 64

// flush tells everybody who is behind and free, as often as there is news,
// and rests in between.
func (r *room) flush(crowded bool) {
	defer r.endIfEmpty()
	var head []byte
	for {
		if crowded {
			// Whoever is about to change something does so first, and is
			// told of in the same frames.
			runtime.Gosched()
		}
		start := time.Now()
		r.mu.Lock()
		r.dirty = false
		batch := r.collect(r.batch[:0])
		r.mu.Unlock()

		now := r.hub.options.Now().UnixMilli()
		for i := range batch {
			d := &batch[i]
			// Ready may come at any time after Send was called, so what it
			// undoes is done before.
			d.conn.blocked.Store(true)
			var body []byte
			head, body = d.encode(head[:0], now)
			if d.conn.sink.Send(d.conn, Frame{head, body, d.requested, d.last}) {
				d.conn.blocked.Store(false)
			}
			*d = delivery{}
		}
		if rest := min(time.Since(start), r.hub.options.Tick); rest >= minPause && !r.pause(rest) {
			return
		}

		r.mu.Lock()
		r.batch = batch[:0]
		if cap(batch) > 4*len(r.conns)+spare {
			r.batch = nil // the crowd has gone
		}
		r.flushing, crowded = r.dirty && !r.stopped, len(r.conns) >= crowdSize
		done := !r.flushing
		r.mu.Unlock()
		if done {
			return
		}
	}
}

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

// collect appends a delivery for every connection that is behind and free,
// and counts it as up to date; the room's lock is held.
func (r *room) collect(batch []delivery) []delivery {
	if r.large {
		for _, v := range r.views {
			v.refresh(r)
		}
	}
	n := len(r.conns)
	first := r.firstPostponed - 1
	if first < 0 || first >= n {
		first = n - 1 // who has come last
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
	// What is sent is not kept for who comes later: to make it takes little, and
	// there may be thousands of rooms and views.
	r.flushSize = 0
	r.log.endFlush()
	for _, v := range r.views {
		v.endFlush()
	}
	return batch
}

// nextDelivery returns what a connection is to be sent now. It has no frame if the
// connection is up to date, and no conn if it has to wait for the next flush.
func (r *room) nextDelivery(c *Conn) delivery {
	d := delivery{conn: c, doneRef: c.doneRef, last: c.leaving}
	d.requested = (c.needsSnapshot || !c.started) && !c.leaving // and not because the room has become another sort
	of := r.logOf(c)
	fresh, stale := c.needsSnapshot || !c.started, c.ownChanged && c.view != nil
	if !fresh && !stale && !c.needsFrame && !c.leaving && c.cursor == of.head {
		c.doneRef = 0
		return d
	}
	at := frameKey{kind: snapshotFrame}
	switch resume := c.resume; {
	case fresh && resume != nil && c.view == nil && resume.Epoch == r.epoch && of.reaches(resume.Seq):
		at = frameKey{resumedFrame, resume.Seq}
	case fresh:
	case c.cursor == of.head && !stale:
		at = frameKey{kind: stateFrame}
	case of.reaches(c.cursor):
		at = frameKey{diffFrame, c.cursor}
	}
	if c.leaving && (fresh || c.view != nil || at.kind == snapshotFrame) {
		d.frame = r.lastFrame(c, of)
	} else {
		d.frame = r.frameFor(of, c.view, at)
	}
	if d.frame == nil {
		return delivery{}
	}
	switch {
	case c.leaving:
		return d // which is the last
	case at.kind == snapshotFrame || at.kind == resumedFrame:
		d.ownFields = r.newOwnFields(c)
		if c.view != nil {
			d.ownFields.Me = r.selfOutsideView(c)
		}
	case stale:
		d.ownFields = &event.ExistingUsers{Me: r.selfOutsideView(c)}
	}
	c.started, c.needsSnapshot, c.needsFrame, c.ownChanged, c.resume, c.doneRef = true, false, false, false, nil, 0
	c.cursor = of.head
	return d
}

// newOwnFields is what of a snapshot is one receiver's own. What answers a hello is in
// the first only.
func (r *room) newOwnFields(c *Conn) *event.ExistingUsers {
	own := &event.ExistingUsers{Self: c.id, Ref: c.helloRef, Session: c.newSession}
	c.helloRef, c.newSession = 0, ""
	return own
}

// logOf returns the log of what a connection sees, which changes when the
// room becomes large and when it has shrunk again.
func (r *room) logOf(c *Conn) *changeLog {
	switch {
	case r.large && c.view == nil:
		if r.attachView(c, c.wantedView) != nil {
			c.wantedView = event.View{} // the first page, which is always to be had
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

// selfOutsideView is a client's own entry if its view does not show it.
func (r *room) selfOutsideView(c *Conn) *event.User {
	u, here := r.log.roster.Get(c.id)
	if _, shown := c.view.roster.Get(u.ID); !here || shown {
		return nil
	}
	return &u
}

// frameKey says what a frame tells of a log. Connections with one key share a frame.
type frameKey struct {
	kind   frameKind
	cursor uint64 // where it begins, if it does not say everything
}

type frameKind int

const (
	snapshotFrame frameKind = iota // everybody
	diffFrame                      // what is new since a cursor
	resumedFrame                   // that, to who comes back
	stateFrame                     // that nothing is
)

// frameCache holds the frames of one flush by what they tell.
type frameCache struct {
	lastKey frameKey // of last
	last    *sharedFrame
	byKey   map[frameKey]*sharedFrame
}

func (f *frameCache) get(at frameKey) *sharedFrame {
	if f.lastKey != at { // as few do, of those who are told something
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

// maxFlushSize is about how many bytes of frames are made for one flush, since all of them
// are in memory at one time. Those who need more, as when hundreds come back who
// were slow and stopped at as many places, take turns: the next flush begins with
// the first who had to wait.
const maxFlushSize = 256 << 10

// frameFor returns a frame for all that need it in this flush. It returns nil if there
// is too much in the flush already; but those who see the whole room and were told
// of everything by the last flush, as most are, wait for nobody.
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
			// With nothing left of what happened, the room event alone still
			// moves the client's seq.
			p.events = change.liveEvents(p.state)
		} else {
			p.existing = new(change.existingUsers(r.snapshotHeader(v)))
		}
	}
	of.frames.put(at, p)
	return p
}

// lastFrame returns the last frame of a connection whose client does not know what it
// has missed, with its own disconnect_user if it was a user's who is not back. It
// returns nil if there is too much in the flush already.
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
