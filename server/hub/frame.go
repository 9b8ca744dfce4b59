package hub

import "rollcall/shared/event"

// sharedFrame is one frame for one or many connections. It is made under the room's
// lock. A snapshot is encoded there from the bytes of its users, since to copy the
// users would be more work. Other frames are encoded without the lock, by the flush. A
// room has one flush at a time.
type sharedFrame struct {
	// Either it has events, which are the same for all receivers,
	events []event.Event
	// or an existing_users and the room event. Each receiver gets own fields in that.
	existing *event.ExistingUsers
	state    event.Room

	shared []byte // the encoded bytes; nil before they are encoded
}

// encode appends to b the part that only one receiver gets, if there is one, and returns
// it with the shared rest, which follows. Without a frame there is only the done event.
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
