package hub

import (
	"crypto/rand"
	"slices"
	"sync"
	"time"

	"rollcall/shared/event"
)

// room is one room while anybody is in it or connected to it.
type room struct {
	hub   *Hub
	name  string
	epoch string

	mu       sync.Mutex // guards what follows and the fields of members and Conns that say so
	over     bool       // nobody is left: the next to come opens another room
	stopped  bool       // the hub is closing: nothing more is started
	all      ledger     // of everybody
	source   string     // who opened it, and its slot is held by while it has members
	members  map[[16]byte]*member
	conns    []*Conn   // in no order; each knows its index
	watching int       // how many of conns are in the room with nobody
	large    bool      // there are more users than everybody is to receive
	index    []indexed // of everybody, what searches look at, while the room is large; in order of arrival
	views    map[event.View]*view
	flushing bool // a flush is under way or due
	dirty    bool // and has to look again when it is through
	batch    []delivery
}

// member is the user of one session. The room's lock guards it.
type member struct {
	session [16]byte
	id      string
	conns   []*Conn      // none while a removal is due
	removal *timer       // nil unless one is due
	goes    time.Time    // when it is
	reason  event.Reason // and why
	opened  time.Time    // the last opened of all connections that ever said hello
	hand    event.Status // chosen by hand; StatusHere leaves it to activity
	away    bool         // by inactivity
	idle    *timer       // nil unless away is due
	held    bool         // they have not been back since the server began
}

func newRoom(h *Hub, name string) *room {
	return &room{
		hub:     h,
		name:    name,
		epoch:   rand.Text()[:12],
		all:     ledger{ring: h.ring},
		members: make(map[[16]byte]*member),
		views:   make(map[event.View]*view),
	}
}

func (r *room) join(p Person, sink Sink) (*Conn, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.enterable(); err != nil {
		return nil, err
	}
	m := r.members[p.Session]
	if m == nil && r.hasLeft(p) {
		c := &Conn{room: r, member: &member{session: p.Session, id: p.ID}, sink: sink}
		c.farewell = r.farewellTo(c, event.DisconnectUser{ID: p.ID, Name: p.Name, Reason: event.ReasonLeft})
		r.attach(c)
		return c, nil
	}
	arriving := m == nil
	if !arriving && p.Admit != nil && !r.knows(p.Resume) {
		if err := p.Admit(true); err != nil {
			return nil, err
		}
	}
	if arriving {
		if err := r.admit(p.Visitor); err != nil {
			return nil, err
		}
		m = &member{session: p.Session, id: p.ID}
		r.members[p.Session] = m
	}
	c := &Conn{room: r, member: m, sink: sink, source: p.Source, charge: p.Charge, resume: p.Resume, grant: p.Grant}
	// Who comes back is as away as before, until the tab says otherwise.
	c.inactive = p.Resume != nil && m.away
	if m.away && !c.inactive {
		c.woke = time.Now()
	}
	m.conns = append(m.conns, c)
	u, _ := r.all.roster.Get(m.id)
	if overtaken := !p.Opened.IsZero() && p.Opened.Before(m.opened); !overtaken {
		m.opened = p.Opened
		// What a client knew when it was cut off is no news from it: another
		// tab may have changed it since. What it means to change it says again.
		knew, back := r.knew(p)
		back = back && !arriving
		if !back || p.Name != knew.Name {
			u.Name = p.Name
		}
		if p.Note != nil && (!back || *p.Note != knew.Note) {
			u.Note = *p.Note
		}
		if p.Status != nil && (!back || *p.Status != knew.Status) {
			m.hand = *p.Status
		}
	}
	r.cancel(&m.removal)
	r.settle(m)
	u.ID, u.Status, u.Link = m.id, m.status(), event.LinkOnline
	if arriving {
		u.Since = r.hub.options.Now().UnixMilli()
		r.apply(event.NewUser{User: u})
		c.pay(r.toldOf(u))
	} else if r.put(m, u) {
		c.pay(r.toldOf(u))
	}
	r.attach(c)
	return c, nil
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

// knew is how a client that comes back saw its user last. It reports false if
// that is not known.
func (r *room) knew(p Person) (event.User, bool) {
	if p.Resume == nil || p.Resume.Epoch != r.epoch {
		return event.User{}, false
	}
	u, ok := r.all.at(p.Resume.Seq, p.ID)
	return u, ok && u.ID != ""
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
	c := &Conn{room: r, sink: sink, source: v.Source, charge: v.Charge, resume: v.Resume}
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
	r.conns = r.conns[:len(r.conns)-1]
	c.index = -1
	r.unsee(c)
	if c.member == nil {
		r.watching--
	}
}

// leave removes a user at once and tells each of their tabs so.
func (r *room) leave(c *Conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	m := c.member
	switch {
	case c.index < 0 || c.farewell != nil:
		return // it is over already
	case m == nil:
		c.farewell = r.farewellTo(c)
		r.kick()
		return
	}
	gone := r.remove(m, event.ReasonLeft)
	c.pay(r.toldOf(event.User{ID: gone.ID, Name: gone.Name}))
	for _, c := range m.conns {
		c.farewell = r.farewellTo(c, gone)
	}
	m.conns = nil
}

// farewellTo is the last frame of a connection: what its client has missed,
// with its own disconnect_user if it was a user's.
func (r *room) farewellTo(c *Conn, gone ...event.Event) *packet {
	if c.started && !c.fresh && c.view == nil && !r.large {
		if d, ok := r.all.since(c.cursor); ok {
			return &packet{events: d.events(r.state(&r.all))}
		}
	}
	of := r.lens(c)
	v := c.view
	if v != nil {
		v.refresh(r)
	}
	shown := r.header(v)
	shown.Users = of.roster.Users()
	shown.Self, shown.Now = c.ID(), r.hub.options.Now().UnixMilli()
	events := append([]event.Event{shown}, gone...)
	return &packet{events: append(events, r.state(of))}
}

// detach takes a connection that is gone out of the room.
func (r *room) detach(c *Conn, reason event.Reason, stay time.Duration) {
	defer r.endIfEmpty()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.forget(c)
	m := c.member
	if m == nil {
		return
	}
	i := slices.Index(m.conns, c)
	if i < 0 {
		return // closed before, or the user has left
	}
	m.conns = slices.Delete(m.conns, i, i+1)
	r.settle(m)
	if len(m.conns) > 0 || r.hub.suspended.Load() {
		return // another tab is still there, or all are to come back
	}
	if stay <= 0 {
		r.remove(m, reason)
		return
	}
	r.expect(m, reason, stay)
}

// expect marks a member as one who may come back, and goes if they do not.
func (r *room) expect(m *member, reason event.Reason, stay time.Duration) {
	u, _ := r.all.roster.Get(m.id)
	u.Link = event.LinkReconnecting
	r.put(m, u)
	m.goes, m.reason, m.held = time.Now().Add(stay), reason, false
	r.after(stay, &m.removal, func() { r.remove(m, reason) })
}

func (r *room) remove(m *member, reason event.Reason) event.DisconnectUser {
	r.cancel(&m.removal)
	r.cancel(&m.idle)
	delete(r.members, m.session)
	if len(r.members) == 0 {
		r.vacate()
	}
	u, _ := r.all.roster.Get(m.id)
	gone := event.DisconnectUser{ID: m.id, Name: u.Name, Reason: reason}
	r.apply(gone)
	return gone
}

func (r *room) update(c *Conn, change event.ChangeUser) {
	r.mu.Lock()
	defer r.mu.Unlock()
	m := c.member
	if c.index < 0 || r.members[m.session] != m {
		return // it is closed, or they have left
	}
	u, _ := r.all.roster.Get(m.id)
	if change.Name != nil {
		u.Name = *change.Name
	}
	if change.Note != nil {
		u.Note = *change.Note
	}
	if change.Status != nil {
		m.hand = *change.Status
		u.Status = m.status()
	}
	if r.put(m, u) {
		c.pay(r.toldOf(u))
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

// status is what the others see.
func (m *member) status() event.Status {
	if m.hand == event.StatusHere && m.away {
		return event.StatusAway
	}
	return m.hand
}

func (r *room) active(c *Conn, active bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c.index < 0 || r.members[c.member.session] != c.member {
		return // it is closed, or they have left
	}
	c.inactive = !active
	r.settle(c.member)
	if m := c.member; m.idle != nil && time.Since(c.woke) < comingBack {
		// It was no new tab but one that came back and could not say so.
		r.cancel(&m.idle)
		m.away = true
	}
	c.woke = time.Time{}
	r.restate(c.member)
}

// comingBack is how soon a client that comes back says that its tab is not
// looked at.
const comingBack = 5 * time.Second

// settle brings a user's being away in line with all their tabs.
func (r *room) settle(m *member) {
	used := slices.ContainsFunc(m.conns, func(c *Conn) bool { return !c.inactive })
	after := r.hub.options.Away
	switch {
	case len(m.conns) == 0:
		r.cancel(&m.idle)
	case used:
		r.cancel(&m.idle)
		m.away = false
	case after > 0 && m.idle == nil && !m.away:
		r.after(after, &m.idle, func() {
			m.away = true
			r.restate(m)
		})
	}
}

// restate shows a member's status as it is by now.
func (r *room) restate(m *member) {
	u, _ := r.all.roster.Get(m.id)
	u.Status = m.status()
	r.put(m, u)
}

// put changes a member's entry in place, if that is a change.
func (r *room) put(m *member, u event.User) bool {
	if !r.apply(event.UpdateUser{User: u}) {
		return false
	}
	for _, c := range m.conns {
		c.stale = true
	}
	return true
}

// look is Conn.View.
func (r *room) look(c *Conn, want event.View) error {
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
		for _, u := range r.all.roster.Users() {
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
	r.over = len(r.members) == 0 && len(r.conns) == 0
	over := r.over
	r.mu.Unlock()
	if over {
		r.hub.drop(r)
	}
}

// timer is something that a room does later, unless it is cancelled.
type timer struct{ *time.Timer }

// after has f called, with the room's lock held, unless what slot holds is
// cancelled first.
func (r *room) after(d time.Duration, slot **timer, f func()) {
	if r.stopped {
		return
	}
	r.hub.running.Add(1)
	t := &timer{}
	*slot = t
	t.Timer = time.AfterFunc(d, func() {
		defer r.hub.running.Done()
		defer r.endIfEmpty()
		r.mu.Lock()
		defer r.mu.Unlock()
		if *slot != t {
			return // it was cancelled while this waited for the lock
		}
		*slot = nil
		f()
	})
}

func (r *room) cancel(slot **timer) {
	if t := *slot; t != nil && t.Stop() {
		r.hub.running.Done()
	}
	*slot = nil
}

// stop has the room start nothing more.
func (r *room) stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stopped = true
	for _, m := range r.members {
		r.cancel(&m.removal)
		r.cancel(&m.idle)
	}
}
