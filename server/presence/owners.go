package presence

import (
	"slices"
	"time"

	"rollcall/shared/event"
)

// Put replaces what another owner knows of a user. If this server has the user too, its
// own entry takes over the fields that are later. An entry that a [Mark] has ended does
// not count.
//
// If the user is online there, and that server knows that this one has lost its last
// connection, then they have moved, and this server lets its own entry go soon: others may
// hear of that before they hear of the new one. Two servers that lose the user at about the
// same time both keep theirs: neither hears that the other has known of its loss.
//
// Fresh is whether all that the owner has known before is known here. If the user has come
// online there since, what silent servers know counts no more, even if that owner does not
// know of it (see [Ties.Over]).
func (r *Room[C]) Put(now Instant, owner Owner, e Entry, fresh bool) []event.Event {
	r.setNow(now)
	e.User = unencoded(e.User)
	r.shrinkMark(e.User.ID, owner, e.Number)
	u := r.users[e.User.ID]
	if u == nil {
		u = &user[C]{}
		r.users[e.User.ID] = u
	}
	before := u.shown()
	i, found := u.findOwner(owner)
	if !found {
		u.others = slices.Insert(u.others, i, ownedEntry{owner: owner})
		r.addOwned(owner, u)
	}
	o := &u.others[i]
	ended := r.isEntryEnded(e.User.ID, owner, e) || o.ended && o.Number == e.Number
	came := fresh && !ended && e.online() == 1 && !(found && o.online() == 1)
	*o = ownedEntry{owner: owner, ended: ended, Entry: e}
	if u.local && !ended {
		u.entry = u.entry.mergeFields(e)
		u.takeOverTabs(e.Tabs)
	}
	u.updateSuperseded(came)
	if u.willBeRemoved() && u.local && u.entry.Lost != 0 && e.online() == 1 && slices.Contains(e.Seen, EntryName{r.options.Owner, u.entry.Lost}) {
		r.deadlines.set(u, min(u.dueAt[byDeadline], r.offset()+int64(movedStay)))
	}
	return r.finishChange(u, before, event.ReasonLeft) // if an earlier entry counted, and this one is ended
}

// movedStay is how long this server keeps a user who has moved to another one: until all
// have heard of that, even if a message was lost.
const movedStay = 3 * time.Second

// Drop removes what another owner knows of a user. If no other owner has the user, they
// are gone for the reason.
func (r *Room[C]) Drop(now Instant, owner Owner, id string, reason event.Reason) []event.Event {
	r.setNow(now)
	r.shrinkMark(id, owner, 0)
	return r.remove(owner, id, reason)
}

// remove removes the entry of another owner.
func (r *Room[C]) remove(owner Owner, id string, reason event.Reason) []event.Event {
	u := r.users[id]
	if u == nil {
		return nil
	}
	i, found := u.findOwner(owner)
	if !found {
		return nil
	}
	before := u.shown()
	gone := u.others[i].User
	u.others = slices.Delete(u.others, i, i+1)
	r.removeOwned(owner, u)
	events := r.finishChange(u, before, reason)
	if len(u.others) == 0 && !u.local {
		delete(r.users, gone.ID) // also if the entry did not count
	}
	return events
}

// addOwned notes that an owner knows a user.
func (r *Room[C]) addOwned(owner Owner, u *user[C]) {
	if r.owned == nil {
		r.owned = make(map[Owner]map[*user[C]]struct{})
	}
	if r.owned[owner] == nil {
		r.owned[owner] = make(map[*user[C]]struct{})
	}
	r.owned[owner][u] = struct{}{}
}

func (r *Room[C]) removeOwned(owner Owner, u *user[C]) {
	if delete(r.owned[owner], u); len(r.owned[owner]) == 0 {
		delete(r.owned, owner)
	}
}

// SetSilent sets whether nothing is heard of another owner. Its users are then
// reconnecting, unless they are online elsewhere. It takes some microseconds for each of
// them.
func (r *Room[C]) SetSilent(now Instant, owner Owner, silent bool) (events []event.Event) {
	r.setNow(now)
	for u := range r.owned[owner] {
		i, _ := u.findOwner(owner)
		if o := &u.others[i]; o.silent != silent {
			before := u.shown()
			o.silent, o.superseded = silent, false
			if lost := o.Lost; silent && lost != 0 && len(u.conns) > 0 {
				// That server had lost them, and would have let them go.
				u.supersede(func(o ownedEntry) bool { return o.owner == owner })
			}
			u.updateSuperseded(false)
			events = append(events, r.finishChange(u, before, "")...)
		}
	}
	return events
}

// DropOwner removes all that another owner knows, with its marks. It takes some
// microseconds for each user, as [Room.SetSilent] does.
func (r *Room[C]) DropOwner(now Instant, owner Owner, reason event.Reason) (events []event.Event) {
	r.setNow(now)
	if reason == event.ReasonNodeLost {
		r.noteForgotten(owner)
	}
	for _, id := range r.OwnedBy(owner) {
		events = append(events, r.remove(owner, id, reason)...)
	}
	if reason != event.ReasonNodeLost { // otherwise it may come back, and has still to hear of them
		for id := range r.marks {
			r.shrinkMark(id, owner, 0)
		}
	}
	return append(events, r.dropMarks(owner)...)
}

// OwnedBy returns the users of whom another owner knows something, in no order.
func (r *Room[C]) OwnedBy(owner Owner) (ids []string) {
	for u := range r.owned[owner] {
		ids = append(ids, u.id())
	}
	return ids
}

// Own returns what this server knows of a user. It reports false if that is nothing.
func (r *Room[C]) Own(id string) (Entry, bool) {
	u := r.users[id]
	if u == nil || !u.local {
		return Entry{}, false
	}
	e := u.entry
	e.Stamps, e.Tabs = slices.Clone(e.Stamps), slices.Clone(u.tabs)
	if len(u.conns) > 0 {
		for _, o := range u.others {
			if o.Lost != 0 {
				e.Seen = append(e.Seen, EntryName{o.owner, o.Lost})
			}
		}
	}
	return e, true
}

// OwnIDs returns the users of this server, in no order, and those for whom it has a mark.
func (r *Room[C]) OwnIDs() []string {
	ids := r.LocalIDs()
	for id := range r.marks {
		if _, ok := r.OwnMark(id); ok {
			ids = append(ids, id)
		}
	}
	return ids
}

// Track sets whether Changed has something to return.
func (r *Room[C]) Track(on bool) { r.tracking, r.changed = on, nil }

// Changed names a user whose [Room.Own] or [Room.OwnMark] may have changed. If this server
// has the user no more, that is for the reason.
type Changed struct {
	ID     string
	Reason event.Reason
}

// Changed returns what may have changed since it was called last; a user may be there
// twice. The slice is valid until the room changes.
func (r *Room[C]) Changed() []Changed {
	changed := r.changed
	r.changed = r.changed[:0]
	return changed
}

// Held returns the users who are in the room by an entry of one of some other owners, in no
// order.
func (r *Room[C]) Held(owners func(Owner) bool) (ids []string) {
	for owner, users := range r.owned {
		if !owners(owner) {
			continue
		}
		for u := range users {
			if i, _ := u.findOwner(owner); u.others[i].counts() {
				ids = append(ids, u.id())
			}
		}
	}
	return ids
}
