package presence

import (
	"slices"
	"time"

	"rollcall/shared/event"
)

// Saved is what of a user of this server survives a clean shutdown. It has no secrets.
type Saved struct {
	User   event.User   `json:"user"` // as shown
	ByHand event.Status `json:"hand,omitempty"`
	// Idle is as in [Entry].
	Idle   int64        `json:"idle,omitempty"`
	Stamp  Stamp        `json:"stamp"`
	Stamps []FieldStamp `json:"stamps,omitempty"`
	// Stay is the time that was left for a user without a connection to come back, and
	// Reason is why they had none. They are 0 and empty for a user who had a connection,
	// or who has not come back since the server began. A Stay below 0 is overdue.
	Stay   time.Duration `json:"stay,omitempty"`
	Reason event.Reason  `json:"reason,omitempty"`
	Tabs   []TabRef      `json:"tabs,omitempty"` // the one that was used last is last
	Was    EntryName     `json:"was"`            // the name of the entry
}

// Save returns the users of this server, in no order.
func (r *Room[C]) Save(now Instant) []Saved {
	r.setNow(now)
	saved := make([]Saved, 0, len(r.users))
	for _, u := range r.users {
		if u.local {
			saved = append(saved, r.save(u))
		}
	}
	return saved
}

// SaveUser is Save for one user. It reports false if this server does not have them.
func (r *Room[C]) SaveUser(now Instant, id string) (Saved, bool) {
	r.setNow(now)
	u := r.users[id]
	if u == nil || !u.local {
		return Saved{}, false
	}
	return r.save(u), true
}

func (r *Room[C]) save(u *user[C]) Saved {
	e := u.entry
	s := Saved{User: e.Shown(), ByHand: e.User.Status, Idle: e.Idle, Stamp: e.Stamp, Was: EntryName{r.options.Owner, e.Number}}
	s.Stamps = append(s.Stamps, e.Stamps...)
	s.Tabs = append(s.Tabs, u.tabs...)
	if u.willBeRemoved() && !u.restored {
		s.Stay, s.Reason = time.Duration(u.dueAt[byDeadline]-r.offset()), u.reason
	}
	return s
}

// LocalIDs returns the users of this server, in no order.
func (r *Room[C]) LocalIDs() []string {
	ids := make([]string, 0, r.Local())
	for id, u := range r.users {
		if u.local {
			ids = append(ids, id)
		}
	}
	return ids
}

// Restore adds the users that Save returned, before anybody joins. A user who had a
// connection stays as reconnecting for held, and is lost if they do not come back. The
// others are removed after the time that was left for them. The events say what has
// changed since the users were saved.
func (r *Room[C]) Restore(now Instant, saved []Saved, held time.Duration) []event.Event {
	r.setNow(now)
	var events []event.Event
	for _, s := range saved {
		u := &user[C]{local: true}
		u.entry = Entry{User: unencoded(s.User), Stamp: s.Stamp, Stamps: slices.Clone(s.Stamps), Idle: s.Idle, Number: r.nextNumber()}
		if s.Was.Owner != "" { // a server that is alone has nobody who could name it
			u.entry.Ties = tiesOf(nil, s.Was)
		}
		before := u.entry.User
		if u.entry.User.Status = s.ByHand; s.ByHand == event.StatusHere {
			u.entry.User.StatusSince = 0
		}
		u.tabs = append(u.tabs, s.Tabs...)
		r.users[s.User.ID] = u
		if u.restored = s.Reason == ""; u.restored {
			r.scheduleRemoval(u, event.ReasonLost, held)
		} else {
			r.scheduleRemoval(u, s.Reason, s.Stay)
		}
		events = append(events, r.finishChange(u, before, "")...)
	}
	return events
}
