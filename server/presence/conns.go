package presence

import (
	"iter"
	"slices"
	"time"

	"rollcall/shared/event"
)

// This file is about the connections of users on this server: how long a user stays
// without one, and when none of them is used.

// Connections yields the connections of a user on this server. The room must not change
// meanwhile.
func (r *Room[C]) Connections(id string) iter.Seq[C] {
	return func(yield func(C) bool) {
		u := r.users[id]
		if u == nil {
			return
		}
		for _, c := range u.conns {
			if !yield(c.id) {
				return
			}
		}
	}
}

// addConn adds a connection of a user.
func (r *Room[C]) addConn(u *user[C], conn C, h Hello) {
	if len(u.conns) == 0 {
		r.deadlines.set(u, 0)
	}
	u.entry.User.Link, u.entry.Lost, u.restored = event.LinkOnline, 0, false
	c := connection[C]{id: conn, tab: h.Tab}
	if idle := u.entry.Idle; idle != 0 {
		if c.inactive = h.Resumed; !c.inactive {
			c.endedIdleAt, c.idleBefore = r.offset(), idle
		}
	}
	u.conns = append(u.conns, c)
	r.updateAway(u)
	u.supersede(func(o ownedEntry) bool { return o.silent })
}

// resumeWindow is how soon after joining a client that comes back says that its tab is
// not used.
const resumeWindow = 5 * time.Second

// SetActive sets whether the tab of a connection is used. A user without a used tab is
// away after [Options.Away].
func (r *Room[C]) SetActive(now Instant, id string, conn C, active bool) []event.Event {
	r.setNow(now)
	u, c := r.findConn(id, conn)
	if c == nil {
		return nil
	}
	before := u.shown()
	c.inactive = !active
	r.updateAway(u)
	if r.deadlines.has(u) && c.endedIdleAt != 0 && r.offset()-c.endedIdleAt < int64(resumeWindow) {
		// It was not a new tab, but one that came back and could not say so. The user
		// has been away all the time.
		r.deadlines.set(u, 0)
		u.entry.Idle = c.idleBefore
	}
	c.endedIdleAt, c.idleBefore = 0, 0
	return r.finishChange(u, before, "")
}

// Forever, as the time that a user stays, sets no deadline: this server ends, and users
// are shown as they are.
const Forever time.Duration = 1<<63 - 1

// Disconnect removes a connection. After the last connection on this server, the user
// stays for a while as reconnecting, and is then gone for the reason; at once if stay
// is 0 or less. A connection that is not there changes nothing.
func (r *Room[C]) Disconnect(now Instant, id string, conn C, reason event.Reason, stay time.Duration) []event.Event {
	r.setNow(now)
	u, c := r.findConn(id, conn)
	if c == nil {
		return nil
	}
	before := u.shown()
	u.conns = slices.DeleteFunc(u.conns, func(c connection[C]) bool { return c.id == conn })
	if cap(u.conns) > 4*len(u.conns)+spare {
		u.conns = slices.Clone(u.conns)
	}
	r.updateAway(u)
	switch {
	case len(u.conns) > 0:
	case stay == Forever:
		u.entry.Lost = r.nextNumber() // for other servers, to which the user may move
	case stay <= 0:
		r.dropOwn(u)
	default:
		r.scheduleRemoval(u, reason, stay)
	}
	return r.finishChange(u, before, reason)
}

// findConn returns a user and one of their connections; nil for what is not there.
func (r *Room[C]) findConn(id string, conn C) (*user[C], *connection[C]) {
	u := r.users[id]
	if u == nil {
		return nil, nil
	}
	for i := range u.conns {
		if u.conns[i].id == conn {
			return u, &u.conns[i]
		}
	}
	return u, nil
}

// updateAway decides by all tabs of a user whether the user is away, or when.
func (r *Room[C]) updateAway(u *user[C]) {
	used := slices.ContainsFunc(u.conns, func(c connection[C]) bool { return !c.inactive })
	switch {
	case len(u.conns) == 0:
		r.deadlines.set(u, 0)
	case used:
		r.deadlines.set(u, 0)
		u.entry.Idle = 0
	case r.options.Away > 0 && u.entry.Idle == 0 && !r.deadlines.has(u):
		r.deadlines.set(u, r.offset()+int64(r.options.Away))
	}
}

// scheduleRemoval sets the deadline after which a user without connections is removed.
func (r *Room[C]) scheduleRemoval(u *user[C], reason event.Reason, stay time.Duration) {
	u.entry.User.Link, u.entry.Lost, u.reason = event.LinkReconnecting, r.nextNumber(), reason
	r.deadlines.set(u, r.offset()+int64(stay))
}
