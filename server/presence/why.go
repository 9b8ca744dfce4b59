package presence

import (
	"slices"
	"time"

	"rollcall/shared/event"
)

// Why is one user with why they are here.
type Why struct {
	User        event.User   // as shown
	Connections int          // on this server
	ByHand      event.Status // chosen by hand; StatusHere leaves it to activity
	Idle        bool         // no tab is used, on any server
	RemoveAt    time.Time    // when this server gives them up, by the steady clock; zero if it does not
	Reason      event.Reason // why, then
	Owners      []Owner      // which servers have them, in order
}

// Why returns one user with why they are here, and false if they are not.
func (r *Room[C]) Why(id string) (Why, bool) {
	u := r.users[id]
	if u == nil {
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
		w.Owners = append(w.Owners, o.owner)
	}
	slices.Sort(w.Owners)
	return w, true
}
