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
			*d = delivery{}
		}
		if rest := min(time.Since(start), r.hub.options.Tick); rest >= shortest && !r.rest(rest) {
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
	n := len(r.conns)
	first := r.postponed - 1
	if first < 0 || first >= n {
		first = n - 1 // who has come last
	}
	r.postponed = 0
	for i := range n {
		at := (first - i + n) % n
		c := r.conns[at]
		if c.blocked.Load() {
			continue
		}
		switch d := r.next(c); {
		case d.conn == nil && r.postponed == 0:
			r.postponed, r.dirty = at+1, true
		case d.packet != nil || d.done != 0:
			batch = append(batch, d)
		}
	}
	for i := range batch {
		if batch[i].last {
			r.forget(batch[i].conn)
		}
	}
	// What is sent is not kept for who comes later: to make it takes little, and
	// there may be thousands of rooms and views.
	r.made = 0
	r.all.flushed()
	for _, v := range r.views {
		v.flushed()
	}
	return batch
}

// next is what a connection has to be told now, nothing if it is up to date. Without
// its connection it is what has to wait for the next flush.
func (r *room) next(c *Conn) delivery {
	d := delivery{conn: c, done: c.done, last: c.leaving}
	d.asked = (c.fresh || !c.started) && !c.leaving // and not because the room has become another sort
	of := r.lens(c)
	fresh, stale := c.fresh || !c.started, c.stale && c.view != nil
	if !fresh && !stale && !c.quiet && !c.leaving && c.cursor == of.head {
		c.done = 0
		return d
	}
	at := point{kind: snapshot}
	switch resume := c.resume; {
	case fresh && resume != nil && c.view == nil && resume.Epoch == r.epoch && of.reaches(resume.Seq):
		at = point{resumed, resume.Seq}
	case fresh:
	case c.cursor == of.head && !stale:
		at = point{kind: still}
	case of.reaches(c.cursor):
		at = point{changes, c.cursor}
	}
	if c.leaving && (fresh || c.view != nil || at.kind == snapshot) {
		d.packet = r.farewell(c, of)
	} else {
		d.packet = r.frame(of, c.view, at)
	}
	if d.packet == nil {
		return delivery{}
	}
	switch {
	case c.leaving:
		return d // which is the last
	case at.kind == snapshot || at.kind == resumed:
		d.own = r.owned(c)
		if c.view != nil {
			d.own.Me = r.outside(c)
		}
	case stale:
		d.own = &event.ExistingUsers{Me: r.outside(c)}
	}
	c.started, c.fresh, c.quiet, c.stale, c.resume, c.done = true, false, false, false, nil, 0
	c.cursor = of.head
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

// point is what a frame says of a ledger, to all that need it.
type point struct {
	kind   kind
	cursor uint64 // where it begins, if it does not say everything
}

type kind int

const (
	snapshot kind = iota // everybody
	changes              // what is new since a cursor
	resumed              // that, to who comes back
	still                // that nothing is
)

// frames are those of one flush, by what they say.
type frames struct {
	at     point // of latest
	latest *packet
	all    map[point]*packet
}

func (f *frames) get(at point) *packet {
	if f.at != at { // as few do, of those who are told something
		f.at, f.latest = at, f.all[at]
	}
	return f.latest
}

func (f *frames) put(at point, p *packet) {
	if f.all == nil {
		f.all = make(map[point]*packet)
	}
	f.at, f.latest, f.all[at] = at, p, p
}

// atOnce is about how many bytes of frames are made for one flush, since all of them
// are in memory at one time. Those who need more, as when hundreds come back who
// were slow and stopped at as many places, take turns: the next flush begins with
// the first who had to wait.
const atOnce = 256 << 10

// frame returns a frame for all that need it in this flush. It returns nil if there
// is too much in the flush already; but those who see the whole room and were told
// of everything by the last flush, as most are, wait for nobody.
func (r *room) frame(of *ledger, v *view, at point) *packet {
	if p := of.frames.get(at); p != nil {
		return p
	}
	if r.made >= atOnce && at.kind != still && (v != nil || at != point{changes, of.told}) {
		return nil
	}
	p := &packet{state: r.state(of)}
	switch at.kind {
	case snapshot:
		shown := r.header(v)
		shown.Users = of.roster.Borrow()
		p.existing, p.shared = &event.ExistingUsers{}, event.EncodeSnapshot(shown, p.state)
		r.made += len(p.shared)
	case still:
		p.events = []event.Event{p.state}
	default:
		change, _ := of.since(at.cursor)
		r.made += change.size()
		if at.kind == changes && v == nil {
			// With nothing left of what happened, the room event alone still
			// moves the client's seq.
			p.events = change.events(p.state)
		} else {
			p.existing = new(change.resumed(r.header(v)))
		}
	}
	of.frames.put(at, p)
	return p
}

// farewell is the last frame of a connection whose client does not know what it
// has missed, with its own disconnect_user if it was a user's who is not back. It
// returns nil if there is too much in the flush already.
func (r *room) farewell(c *Conn, of *ledger) *packet {
	if r.made >= atOnce {
		return nil
	}
	shown := r.header(c.view)
	shown.Users = of.roster.Users()
	shown.Self, shown.Now, shown.Ref = c.id, r.hub.options.Now().UnixMilli(), c.hello
	events := []event.Event{shown}
	if !r.who.Has(c.id) {
		events = append(events, c.gone...)
	}
	r.made += delta{arrived: shown.Users}.size()
	return &packet{events: append(events, r.state(of))}
}
