package presence

import (
	"slices"
	"time"

	"rollcall/shared/event"
)

// Why is one user with the reasons why they are in the room.
type Why struct {
	User        event.User   // as shown
	Connections int          // on this server
	ByHand      event.Status // chosen by hand; with StatusHere, activity decides
	Idle        bool         // no tab is used, on any server
	RemoveAt    time.Time    // when this server removes the user, by the steady clock; zero for never
	Reason      event.Reason // why they are gone then
	Owners      []Owner      // the servers that have the user, in order
}

// Why returns why a user is in the room. It reports false if they are not.
func (r *Room[C]) Why(id string) (Why, bool) {
	u := r.users[id]
	if u == nil || !u.isHere() {
		return Why{}, false
	}
	e := u.merged()
	w := Why{User: u.shown(), Connections: len(u.conns), ByHand: e.User.Status, Idle: e.Idle != 0}
	if u.ended {
		w.ByHand = event.StatusHere
	}
	if u.willBeRemoved() {
		w.RemoveAt, w.Reason = r.zero.Add(time.Duration(u.dueAt[byDeadline])), u.reason
	}
	if u.local {
		w.Owners = append(w.Owners, r.options.Owner)
	}
	for _, o := range u.others {
		if o.counts() {
			w.Owners = append(w.Owners, o.owner)
		}
	}
	slices.Sort(w.Owners)
	return w, true
}
