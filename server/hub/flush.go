package hub

import (
	"runtime"
	"time"

	"rollcall/shared/event"
)

// delivery is a frame for one connection.
type delivery struct {
	conn   *Conn
	packet *packet
	own    *event.ExistingUsers // the receiver's own fields, where the frame has any
	done   event.Ref            // what the receiver is told is done; else 0
	asked  bool
	last   bool
}

// kick has everybody told who is behind; the room's lock is held.
func (r *room) kick() {
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
		r.kick()
	}
}

// shortest is the shortest rest worth taking: the system's timers are not
// finer, and a room whose flush took less holds up nobody.
const shortest = time.Millisecond

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
			head, body = d.frame(head[:0], now)
			if d.conn.sink.Send(d.conn, Frame{head, body, d.asked, d.last}) {
				d.conn.blocked.Store(false)
			}
		}
		clear(batch)
		if rest := min(time.Since(start), r.hub.options.Tick); rest >= shortest && !r.rest(rest) {
			return
		}

		r.mu.Lock()
		r.batch = batch[:0]
		if cap(batch) > 4*len(r.conns)+64 {
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

func (r *room) rest(d time.Duration) bool {
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
	for i := len(r.conns) - 1; i >= 0; i-- { // from the end: those who are through go from the list
		c := r.conns[i]
		if c.blocked.Load() {
			continue
		}
		if d := r.next(c); d.packet != nil || d.done != 0 {
			batch = append(batch, d)
		}
	}
	return batch
}

// next is what a connection has to be told now, nothing if it is up to date.
func (r *room) next(c *Conn) delivery {
	d := delivery{conn: c, done: c.done}
	c.done = 0
	if c.farewell != nil {
		d.packet, d.last = c.farewell, true
		r.forget(c)
		return d
	}
	d.asked = c.fresh || !c.started || d.done != 0 // and not because the room has become another sort
	of := r.lens(c)
	fresh, quiet, stale := c.fresh || !c.started, c.quiet, c.stale && c.view != nil
	resume := c.resume
	if !fresh && !quiet && !stale && c.cursor == of.head {
		return d
	}
	cursor := c.cursor
	c.started, c.fresh, c.quiet, c.stale, c.resume = true, false, false, false, nil
	c.cursor = of.head

	switch {
	case fresh && resume != nil && c.view == nil && resume.Epoch == r.epoch:
		if change, ok := r.all.since(resume.Seq); ok {
			d.packet = &packet{existing: new(change.resumed(r.header(nil))), state: r.state(of)}
			d.own = r.owned(c)
			return d
		}
	case fresh:
	case cursor == of.head && !stale:
		d.packet = r.still(of)
		return d
	default:
		if d.packet = r.diff(of, c.view, cursor); d.packet != nil {
			if stale {
				d.own = &event.ExistingUsers{Me: r.outside(c)}
			}
			return d
		}
	}
	d.packet = r.snapshot(of, c.view)
	d.own = r.owned(c)
	if c.view != nil {
		d.own.Me = r.outside(c)
	}
	return d
}

// owned is what of a snapshot is one receiver's own. What answers a hello is in
// the first only.
func (r *room) owned(c *Conn) *event.ExistingUsers {
	own := &event.ExistingUsers{Self: c.id, Ref: c.hello, Session: c.grant}
	c.hello, c.grant = 0, ""
	return own
}

// lens returns the ledger of what a connection sees, which changes when the
// room becomes large and when it has shrunk again.
func (r *room) lens(c *Conn) *ledger {
	switch {
	case r.large && c.view == nil:
		if r.see(c, c.want) != nil {
			c.want = event.View{} // the first page, which is always to be had
			r.see(c, c.want)
		}
	case !r.large && c.view != nil:
		r.unsee(c)
		c.fresh = true
	}
	if c.view != nil {
		return &c.view.ledger
	}
	return &r.all
}

// outside is a client's own entry if its view does not show it.
func (r *room) outside(c *Conn) *event.User {
	u, here := r.all.roster.Get(c.id)
	if _, shown := c.view.roster.Get(u.ID); !here || shown {
		return nil
	}
	return &u
}

// diff returns the frame from a cursor to now, nil if it is not known any
// more.
func (r *room) diff(of *ledger, v *view, cursor uint64) *packet {
	if p := of.diffs[cursor]; p != nil && p.state.Seq == r.all.head {
		return p
	}
	change, ok := of.since(cursor)
	if !ok {
		return nil
	}
	p := &packet{state: r.state(of)}
	if v == nil {
		// With nothing left of what happened, the room event alone still
		// moves the client's seq.
		p.events = change.events(p.state)
	} else {
		p.existing = new(change.resumed(r.header(v)))
	}
	if of.diffs == nil {
		of.diffs = make(map[uint64]*packet)
	}
	of.diffs[cursor] = p
	return p
}

func (r *room) snapshot(of *ledger, v *view) *packet {
	if of.snapshot == nil || of.snapshot.state.Seq != r.all.head {
		shown, state := r.header(v), r.state(of)
		shown.Users = of.roster.Borrow()
		of.snapshot = &packet{existing: &event.ExistingUsers{}, state: state, shared: event.EncodeSnapshot(shown, state)}
	}
	return of.snapshot
}

func (r *room) still(of *ledger) *packet {
	if of.still == nil || of.still.state.Seq != r.all.head || of.still.state.Watching != r.watching {
		state := r.state(of)
		of.still = &packet{events: []event.Event{state}, state: state}
	}
	return of.still
}
