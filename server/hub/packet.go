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

	shared   []byte
	at       int64 // the clock that shared tells
	snapshot event.Snapshot
}

// frame returns the bytes for one receiver; those for nobody in particular
// are encoded once in a flush, which is at one time for all.
func (p *packet) frame(self string, me *event.User, now int64) []byte {
	switch {
	case p.existing != nil && (self != "" || me != nil):
		return p.encode().Frame(self, now, me)
	case p.existing != nil && (p.shared == nil || p.at != now):
		p.shared, p.at = p.encode().Frame("", now, nil), now
	case p.shared == nil:
		p.shared = event.Encode(p.events...)
		p.events = nil
	}
	return p.shared
}

func (p *packet) encode() event.Snapshot {
	if p.snapshot.IsZero() {
		p.snapshot = event.EncodeSnapshot(*p.existing, p.state)
		p.existing = &event.ExistingUsers{} // the users are not needed any more
	}
	return p.snapshot
}
