package hub

import "rollcall/shared/event"

// packet is one frame for one or many connections. It is made under the
// room's lock and encoded outside of it, by the flush that first sends it; a
// room has one flush at a time.
type packet struct {
	// Either events, the same for all,
	events []event.Event
	// or a snapshot or what has changed since one, to which each receiver's
	// own fields are added.
	existing *event.ExistingUsers
	state    event.Room

	shared []byte // encoded; nil before
}

// frame appends to b what is one receiver's own and comes first, if there is
// anything, and returns it with the rest, which is everybody's.
func (p *packet) frame(b []byte, mine *own, now int64) (head, body []byte) {
	switch {
	case p.shared != nil:
	case p.existing != nil:
		p.shared = event.EncodeSnapshot(*p.existing, p.state)
		p.existing = &event.ExistingUsers{} // the users are not needed any more
	default:
		p.shared = event.Encode(p.events...)
		p.events = nil
	}
	if p.existing != nil {
		if mine == nil {
			mine = new(own)
		}
		b = event.AppendSnapshotHead(b, mine.self, now, mine.me, mine.session)
	}
	return b, p.shared
}

// own is what of a frame is one receiver's own: their id, their entry and the
// session that they are given. It is apart from what thousands are told.
type own struct {
	self    string
	me      *event.User
	session string
}
