package presence

import (
	"slices"

	"rollcall/shared/event"
)

// Put replaces what another owner knows of a user. If this server has the user too, its
// own entry takes over the fields that are later.
func (r *Room[C]) Put(now Instant, owner Owner, e Entry) []event.Event {
	r.setNow(now)
	e.User = unencoded(e.User)
	u := r.users[e.User.ID]
	if u == nil {
		u = &user[C]{}
		r.users[e.User.ID] = u
	}
	before := u.shown()
	if i, found := u.findOwner(owner); found {
		u.others[i].Entry = e
	} else {
		u.others = slices.Insert(u.others, i, ownedEntry{owner, e})
	}
	if u.local {
		u.entry = u.entry.mergeFields(e)
	}
	return r.finishChange(u, before, "")
}

// Drop removes what another owner knows of a user. If no other owner has the user, they
// are gone for the reason.
func (r *Room[C]) Drop(now Instant, owner Owner, id string, reason event.Reason) []event.Event {
	r.setNow(now)
	u := r.users[id]
	if u == nil {
		return nil
	}
	i, found := u.findOwner(owner)
	if !found {
		return nil
	}
	before := u.shown()
	u.others = slices.Delete(u.others, i, i+1)
	return r.finishChange(u, before, reason)
}

// Own returns what this server knows of a user. It reports false if that is nothing.
func (r *Room[C]) Own(id string) (Entry, bool) {
	u := r.users[id]
	if u == nil || !u.local {
		return Entry{}, false
	}
	e := u.entry
	e.Stamps = slices.Clone(e.Stamps)
	return e, true
}
