package hub

import (
	"crypto/rand"
	"slices"
	"sync"
	"time"

	"rollcall/server/presence"
	"rollcall/shared/event"
)

// room is one room while anybody is in it or connected to it.
type room struct {
	hub   *Hub
	name  string
	epoch string

	mu        sync.Mutex            // guards what follows and the fields of Conns that say so
	over      bool                  // nobody is left: the next to come opens another room
	stopped   bool                  // the hub is closing: nothing more is started
	who       *presence.Room[*Conn] // who is here, and why
	all       ledger                // of everybody
	absent    int                   // how many of them are counted in hub.absent
	source    string                // who opened it, and its slot is held by while anybody is here
	conns     []*Conn               // in no order; each knows its index
	watching  int                   // how many of conns are in the room with nobody
	large     bool                  // there are more users than everybody is to receive
	index     []indexed             // of everybody, what searches look at, while the room is large; in order of arrival
	views     map[event.View]*view  // nil while there are none
	alarm     *time.Timer           // nil unless presence has a deadline
	alarmAt   time.Time             // not later than that
	flushing  bool                  // a flush is under way or due
	dirty     bool                  // and has to look again when it is through
	batch     []delivery
	made      int // how many bytes of frames, for the flush that is being put together
	postponed int // whom the next flush begins with, counted from 1 in conns; 0 is nobody
}

func newRoom(h *Hub, name string) *room {
	return &room{
		hub:   h,
		name:  name,
		epoch: rand.Text()[:12],
		who:   presence.New[*Conn](presence.Options{Away: h.options.Away}),
		all:   ledger{ring: h.ring},
	}
}

// now is the moment by both clocks.
func (r *room) now() presence.Instant {
	return presence.Instant{Steady: time.Now(), Unix: r.hub.options.Now().UnixMilli()}
}

func (r *room) join(p Person, sink Sink) (*Conn, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.enterable(); err != nil {
		return nil, err
	}
	c := &Conn{room: r, id: p.ID, sink: sink, source: p.Source, charge: p.Charge, resume: p.Resume, hello: p.Ref, grant: p.Grant}
	here := r.who.Has(p.ID)
	switch {
	case here:
		if p.Admit != nil && !r.knows(p.Resume) {
			if err := p.Admit(true); err != nil {
				return nil, err
			}
		}
	case r.hasLeft(p):
		gone := event.DisconnectUser{ID: p.ID, Reason: event.ReasonLeft}
		if name := p.Is.Then(p.Wanted).Name; name != nil {
			gone.Name = *name
		}
		c.leaving, c.gone = true, []event.Event{gone}
		r.attach(c)
		return c, nil
	default:
		if err := r.admit(p.Visitor); err != nil {
			return nil, err
		}
	}
	news, err := r.who.Join(r.now(), c, presence.Hello{
		ID: p.ID, Is: p.Is, Wanted: p.Wanted, Tab: p.Tab, Ref: p.Ref, Resumed: p.Resume != nil,
	})
	if err != nil {
		if r.who.Len() == 0 {
			r.vacate()
		}
		return nil, err
	}
	r.tell(news, c)
	r.attach(c)
	return c, nil
}

// tell has the room know what presence says has changed, and counts what that
// costs for the connection that has done it, if one has.
func (r *room) tell(news []event.Event, by *Conn) {
	for _, e := range news {
		r.apply(e)
		var u event.User
		switch e := e.(type) {
		case event.NewUser:
			u = e.User
		case event.UpdateUser:
			u = e.User
			for c := range r.who.Connections(u.ID) {
				c.stale = true
			}
		case event.DisconnectUser:
			u.ID, u.Name = e.ID, e.Name
		}
		if by != nil {
			by.pay(r.toldOf(u))
		}
	}
	if len(news) > 0 && r.who.Len() == 0 {
		r.vacate() // once, also if several have gone at one time
	}
	if absent := r.who.Absent(); absent != r.absent {
		r.hub.absent.Add(int64(absent - r.absent))
		r.absent = absent
	}
	r.wake()
}

// hasLeft reports whether a client that comes back was cut off when its user
// left in another tab: it is told so now, and brings nobody back.
func (r *room) hasLeft(p Person) bool {
	if p.Resume == nil || p.Resume.Epoch != r.epoch {
		return false
	}
	missed, _ := r.all.missed(p.Resume.Seq)
	for _, e := range slices.Backward(missed) {
		if e.id == p.ID {
			return e.reason == event.ReasonLeft
		}
	}
	return false
}

func (r *room) watch(v Visitor, sink Sink) (*Conn, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.enterable(); err != nil {
		return nil, err
	}
	if v.Admit != nil {
		if err := v.Admit(false); err != nil {
			return nil, err
		}
	}
	c := &Conn{room: r, sink: sink, source: v.Source, charge: v.Charge, resume: v.Resume, hello: v.Ref}
	r.watching++
	r.attach(c)
	return c, nil
}

func (r *room) enterable() error {
	switch {
	case r.hub.closed.Load():
		return ErrClosed
	case r.over:
		return errOver
	}
	return nil
}

func (r *room) attach(c *Conn) {
	c.index = len(r.conns)
	r.conns = append(r.conns, c)
	r.kick()
}

// forget takes a connection off the list of those that are told anything.
func (r *room) forget(c *Conn) {
	if c.index < 0 {
		return
	}
	last := r.conns[len(r.conns)-1]
	r.conns[c.index], last.index = last, c.index
	r.conns[len(r.conns)-1] = nil
	r.conns = fit(r.conns[:len(r.conns)-1])
	c.index = -1
	r.unsee(c)
	if c.id == "" {
		r.watching--
	}
}

// spare is how many places are not worth giving back.
const spare = 16

// fit gives back the memory of a crowd that has gone, which a slice keeps.
func fit[E any](s []E) []E {
	if cap(s) > 4*len(s)+spare {
		return slices.Clone(s)
	}
	return s
}

// leave removes a user at once and tells each of their tabs so.
func (r *room) leave(c *Conn, ref event.Ref) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c.index < 0 {
		return // it is over already
	}
	c.done = max(c.done, ref)
	switch {
	case c.leaving:
		return
	case c.id == "":
		c.leaving = true
		r.kick()
		return
	}
	news, conns := r.who.Leave(c.id)
	for _, c := range conns {
		c.leaving, c.gone = true, news
	}
	r.tell(news, c)
}

// detach takes a connection that is gone out of the room.
func (r *room) detach(c *Conn, reason event.Reason, stay time.Duration) {
	defer r.endIfEmpty()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.forget(c)
	if c.id == "" {
		return
	}
	most := r.hub.options.MaxAbsent
	switch {
	case r.hub.suspended.Load():
		stay = presence.Forever // all are to come back
	case most > 0 && r.hub.absent.Load() >= int64(most):
		stay = 0
	}
	r.tell(r.who.Disconnect(r.now(), c.id, c, reason, stay), nil)
}

func (r *room) update(c *Conn, ref event.Ref, change event.Patch) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c.index < 0 {
		return nil
	}
	news, err := r.who.Change(r.now(), c.id, c, ref, change)
	if err != nil {
		return err
	}
	r.tell(news, c)
	r.answer(c, ref)
	return nil
}

func (r *room) active(c *Conn, ref event.Ref, active bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c.index < 0 {
		return
	}
	r.tell(r.who.Active(r.now(), c.id, c, active), nil)
	r.answer(c, ref)
}

// answer has a connection told that what it said is done, with what that has
// changed, if anything.
func (r *room) answer(c *Conn, ref event.Ref) {
	if ref > c.done {
		c.done = ref
		r.kick()
	}
}

// knows reports whether what a client knew can be gone on from.
func (r *room) knows(resume *event.Resume) bool {
	if resume == nil || resume.Epoch != r.epoch || r.large {
		return false
	}
	_, known := r.all.missed(resume.Seq)
	return known
}

// look is Conn.View.
func (r *room) look(c *Conn, want event.View) error {
	ref := want.Ref
	want.Ref = 0
	r.mu.Lock()
	defer r.mu.Unlock()
	if c.index < 0 {
		return nil
	}
	if !r.large {
		r.unsee(c) // what it may still have from when the room was
	} else if err := r.see(c, want); err != nil {
		return err
	}
	c.want, c.fresh, c.resume = want, true, nil
	c.done = max(c.done, ref)
	r.kick()
	return nil
}

// apply is the only way a roster changes: it numbers the change, takes the
// views along and has everybody told.
func (r *room) apply(e event.Event) bool {
	change, changed := r.all.apply(e, r.all.head+1)
	if !changed {
		return false
	}
	r.find(change)
	r.resize()
	r.kick()
	return true
}

// resize decides whether the room is large. The gap keeps one at the limit
// from changing its ways with every guest.
func (r *room) resize() {
	window := r.hub.options.Window
	if window <= 0 {
		return
	}
	n := r.all.roster.Len()
	switch large := n > window || r.large && n > window*9/10; {
	case large && !r.large:
		// Names are made comparable once for all searches, since that takes
		// much longer than to look through them.
		r.index = make([]indexed, 0, n+n/8)
		for _, u := range r.all.roster.Borrow() {
			r.index = append(r.index, indexed{match{u.Since, u.ID}, r.hub.options.Fold(u.Name)})
		}
		for _, v := range r.views { // of those who have not been told yet that it was small
			v.search(r.index)
		}
		r.large = true
	case !large:
		r.large, r.index = false, nil
	}
}

// state is the room event that ends a frame for clients that hold of.
func (r *room) state(of *ledger) event.Room {
	state := of.roster.State()
	state.Seq, state.Count, state.Watching = r.all.head, r.all.roster.Len(), r.watching
	return state
}

// header begins an existing_users of a view or, if that is nil, of the room.
func (r *room) header(v *view) event.ExistingUsers {
	e := event.ExistingUsers{Room: r.name, Epoch: r.epoch}
	if v != nil {
		e.From, e.Total = v.want.From, new(v.total)
	}
	return e
}

// endIfEmpty ends the room when nobody is left.
func (r *room) endIfEmpty() {
	r.mu.Lock()
	r.over = r.who.Len() == 0 && len(r.conns) == 0
	over := r.over
	r.mu.Unlock()
	if over {
		r.hub.drop(r)
	}
}

// wake has presence asked again at its next deadline. A timer that is early is
// left alone: most deadlines are put off, or never come.
func (r *room) wake() {
	next, ok := r.who.Next()
	switch {
	case !ok || r.stopped:
		r.sleep()
		return
	case r.alarm != nil && !next.Before(r.alarmAt):
		return
	}
	r.sleep()
	r.hub.running.Add(1)
	r.alarmAt = next
	var alarm *time.Timer
	alarm = time.AfterFunc(time.Until(next), func() {
		defer r.hub.running.Done()
		defer r.endIfEmpty()
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.alarm != alarm {
			return // it was stopped while this waited for the lock
		}
		r.alarm = nil
		r.tell(r.who.Due(r.now()), nil)
	})
	r.alarm = alarm
}

// sleep undoes wake.
func (r *room) sleep() {
	if r.alarm != nil && r.alarm.Stop() {
		r.hub.running.Done()
	}
	r.alarm = nil
}

// stop has the room start nothing more.
func (r *room) stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stopped = true
	r.sleep()
}
