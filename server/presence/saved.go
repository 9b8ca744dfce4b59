package presence

import (
	"slices"
	"time"

	"rollcall/shared/event"
)

// Saved is what of a user of this server outlives a clean end of it. It holds no
// secrets.
type Saved struct {
	User   event.User   `json:"user"` // as shown
	ByHand event.Status `json:"hand,omitempty"`
	// Idle is since when they have been away by themselves, Unix milliseconds; 0
	// if they are not.
	Idle   int64        `json:"idle,omitempty"`
	Stamp  Stamp        `json:"stamp"`
	Stamps []FieldStamp `json:"stamps,omitempty"`
	// Stay is what was left for them to come back, if they had no connection, and
	// Reason why not; 0 and empty if they had one, or have had none since the
	// server began. Less than 0 is overdue.
	Stay   time.Duration `json:"stay,omitempty"`
	Reason event.Reason  `json:"reason,omitempty"`
	Tabs   []SavedTab    `json:"tabs,omitempty"` // the one used last comes last
}

// SavedTab is what is done of what a client has said.
type SavedTab struct {
	Tab  string    `json:"tab"`
	Done event.Ref `json:"done"`
}

// Save returns the users of this server, in no order.
func (r *Room[C]) Save(now Instant) []Saved {
	r.setNow(now)
	saved := make([]Saved, 0, len(r.users))
	for _, u := range r.users {
		if !u.local {
			continue
		}
		e := u.entry
		s := Saved{User: u.shown(), ByHand: e.User.Status, Idle: e.Idle, Stamp: e.Stamp}
		s.Stamps = append(s.Stamps, e.Stamps...)
		for _, t := range u.tabs {
			s.Tabs = append(s.Tabs, SavedTab{t.name, t.done})
		}
		if u.willBeRemoved() && !u.restored {
			s.Stay, s.Reason = time.Duration(u.dueAt[byDeadline]-r.offset()), u.reason
		}
		saved = append(saved, s)
	}
	return saved
}

// Restore takes up what Save returned, before anybody joins. Who had a connection
// is held as reconnecting, and gone as lost if they are not back by then. The
// others go after what was left for them. The events begin with the users as they
// were saved: they say what is different now.
func (r *Room[C]) Restore(now Instant, saved []Saved, held time.Duration) []event.Event {
	r.setNow(now)
	var events []event.Event
	for _, s := range saved {
		u := &user[C]{local: true}
		u.entry = Entry{User: unencoded(s.User), Stamp: s.Stamp, Stamps: slices.Clone(s.Stamps), Idle: s.Idle}
		before := u.entry.User
		if u.entry.User.Status = s.ByHand; s.ByHand == event.StatusHere {
			u.entry.User.StatusSince = 0
		}
		for _, t := range s.Tabs {
			u.tabs = append(u.tabs, tab{t.Tab, t.Done})
		}
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
