package hub

import "rollcall/shared/event"

// sharedFrame is one frame for one or many connections. It is made under the
// room's lock. A snapshot is put together there from the bytes of its users, which
// is less work than to copy the users; the rest is encoded outside, by the flush
// that first sends it. A room has one flush at a time.
type sharedFrame struct {
	// Either events, the same for all,
	events []event.Event
	// or a snapshot or what has changed since one, to which each receiver's
	// own fields are added.
	existing *event.ExistingUsers
	state    event.Room

	shared []byte // encoded; nil before
}

// encode appends to b what is one receiver's own and comes first, if there is
// anything, and returns it with the rest, which is everybody's. Without a frame
// there is only what is done.
func (d *delivery) encode(b []byte, now int64) (head, body []byte) {
	p := d.frame
	if p == nil {
		return append(b, event.Encode(event.Done{Ref: d.doneRef})...), nil
	}
	switch {
	case p.shared != nil:
	case p.existing != nil:
		p.shared = event.EncodeSnapshot(*p.existing, p.state)
		p.existing = &event.ExistingUsers{} // the users are not needed any more
	default:
		p.shared = event.Encode(p.events...)
		p.events = nil
	}
	switch body = p.shared; {
	case p.existing != nil:
		own := event.ExistingUsers{Now: now}
		if d.ownFields != nil {
			own = *d.ownFields
			own.Now = now
		}
		b = event.AppendSnapshotHead(b, d.doneRef, own)
	case d.doneRef != 0:
		b, body = event.AppendDone(b, d.doneRef), body[1:]
	}
	return b, body
}
