package hub

import (
	"crypto/rand"
	"sync"
	"time"

	"rollcall/shared/event"
	"rollcall/shared/roster"
)

// room is one room while anybody is in it or connected to it.
type room struct {
	hub   *Hub
	name  string
	epoch string

	mu      sync.Mutex // guards what follows and the fields of members and Conns that say so
	over    bool       // nobody is left: the next to come opens another room
	roster  roster.Roster
	members map[[16]byte]*member
	conns   map[*Conn]struct{}
	since   int64 // the last arrival's, which the next must exceed
	log     changeLog
}

// member is the user of one session.
type member struct {
	session [16]byte
	id      string
	conns   map[*Conn]struct{} // empty while a removal is due
	removal *time.Timer        // nil unless one is due
}

func newRoom(h *Hub, name string) *room {
	return &room{
		hub:     h,
		name:    name,
		epoch:   rand.Text()[:12],
		members: make(map[[16]byte]*member),
		conns:   make(map[*Conn]struct{}),
	}
}

// join returns nil if the room is over.
func (r *room) join(p Person) *Conn {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.over {
		return nil
	}
	m := r.members[p.Session]
	if m == nil {
		m = &member{session: p.Session, id: p.ID, conns: make(map[*Conn]struct{})}
		r.members[p.Session] = m
		r.since = max(time.Now().UnixMilli(), r.since+1)
		r.apply(event.NewUser{User: event.User{ID: p.ID, Name: p.Name, Since: r.since}})
	} else {
		r.cancelRemoval(m)
		u, _ := r.roster.Get(m.id)
		u.Name, u.Link = p.Name, event.LinkOnline
		r.apply(event.UpdateUser{User: u})
	}
	c := &Conn{room: r, member: m, wake: make(chan struct{}, 1)}
	m.conns[c] = struct{}{}
	r.conns[c] = struct{}{}
	c.poke()
	return c
}

// leave removes a user at once and tells each of their tabs so.
func (r *room) leave(m *member) {
	defer r.endIfEmpty()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.members[m.session] != m {
		return // another tab said so first
	}
	gone := r.remove(m, event.ReasonLeft)
	for c := range m.conns {
		c.farewell = r.farewell(c, gone)
		delete(r.conns, c)
		c.poke()
	}
}

// detach takes a connection that is gone out of the room.
func (r *room) detach(c *Conn, reason event.Reason, stay time.Duration) {
	defer r.endIfEmpty()
	r.mu.Lock()
	defer r.mu.Unlock()
	m := c.member
	if _, attached := m.conns[c]; !attached {
		return
	}
	delete(r.conns, c)
	delete(m.conns, c)
	if len(m.conns) > 0 || r.members[m.session] != m {
		return // another tab is still there, or the user has left
	}
	if stay <= 0 {
		r.remove(m, reason)
		return
	}
	u, _ := r.roster.Get(m.id)
	u.Link = event.LinkReconnecting
	r.apply(event.UpdateUser{User: u})
	r.removeAfter(stay, m, reason)
}

func (r *room) removeAfter(stay time.Duration, m *member, reason event.Reason) {
	r.hub.timers.Add(1)
	var timer *time.Timer
	timer = time.AfterFunc(stay, func() {
		defer r.hub.timers.Done()
		defer r.endIfEmpty()
		r.mu.Lock()
		defer r.mu.Unlock()
		if m.removal != timer {
			return // they came back while this waited for the lock
		}
		m.removal = nil
		r.remove(m, reason)
	})
	m.removal = timer
}

func (r *room) cancelRemoval(m *member) {
	if m.removal != nil && m.removal.Stop() {
		r.hub.timers.Done()
	}
	m.removal = nil
}

func (r *room) stopTimers() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, m := range r.members {
		r.cancelRemoval(m)
	}
}

func (r *room) remove(m *member, reason event.Reason) event.DisconnectUser {
	delete(r.members, m.session)
	u, _ := r.roster.Get(m.id)
	gone := event.DisconnectUser{ID: m.id, Name: u.Name, Reason: reason}
	r.apply(gone)
	return gone
}

// apply is the only way a roster changes: it numbers the change and wakes
// everybody who has yet to be told.
func (r *room) apply(e event.Event) {
	change, _ := r.roster.Apply(e)
	if change.Kind == roster.Nothing {
		return
	}
	gone, _ := e.(event.DisconnectUser)
	r.log.append(change, gone.Reason)
	for c := range r.conns {
		c.poke()
	}
}

// endIfEmpty ends the room when nobody is left. The caller does not hold its
// lock, since the hub's comes first.
func (r *room) endIfEmpty() {
	r.mu.Lock()
	r.over = len(r.members) == 0 && len(r.conns) == 0
	over := r.over
	r.mu.Unlock()
	if over {
		r.hub.drop(r)
	}
}

// state is the room event as of now.
func (r *room) state() event.Room {
	state := r.roster.State()
	state.Seq = r.log.head
	return state
}

// farewell is the last frame of a connection whose user has left: what its
// client has missed, with its own disconnect_user.
func (r *room) farewell(c *Conn, gone event.DisconnectUser) []byte {
	if events, ok := r.log.since(c.cursor, &r.roster); c.started && ok {
		return event.Encode(append(events, r.state())...)
	}
	return event.Encode(
		event.ExistingUsers{Self: c.member.id, Now: time.Now().UnixMilli(), Room: r.name, Epoch: r.epoch, Users: r.roster.Users()},
		gone,
		r.state(),
	)
}
