package hub

import (
	"slices"

	"rollcall/shared/event"
	"rollcall/shared/roster"
)

// ringSize is how many changes a room remembers. A connection that is further
// behind gets a snapshot, which then costs little more than the changes.
const ringSize = 1024

// changeLog is the numbered changes of a room, the older ones forgotten. The
// room's lock guards it.
type changeLog struct {
	head    uint64 // seq of the latest change
	entries []entry
	frames  map[uint64][]byte // encoded, from a cursor to head
	shot    *snapshot         // of the roster at head; nil until somebody needs it
}

// entry is one change, with what is needed to undo it: the net change over
// many is the roster before the first against the roster now.
type entry struct {
	id     string
	before event.User // the zero User if they were not here
	reason event.Reason
}

func (l *changeLog) append(c roster.Change, reason event.Reason) {
	e := entry{id: c.User.ID, reason: reason}
	switch c.Kind {
	case roster.Updated:
		e.before = c.Before
	case roster.Gone:
		e.before = c.User
	}
	if len(l.entries) >= 2*ringSize {
		l.entries = slices.Clone(l.entries[ringSize:])
	}
	l.entries = append(l.entries, e)
	l.head++
	l.frames, l.shot = nil, nil
}

// since returns the net change from a cursor to now, in the order that the
// protocol asks for: gone, new, updated. It reports false when the log does
// not reach back that far, or the cursor is not of this log.
func (l *changeLog) since(cursor uint64, now *roster.Roster) ([]event.Event, bool) {
	if cursor > l.head || l.head-cursor > uint64(min(len(l.entries), ringSize)) {
		return nil, false
	}
	missed := l.entries[len(l.entries)-int(l.head-cursor):]
	before := make(map[string]event.User, len(missed))
	reasons := make(map[string]event.Reason)
	var order []string
	for _, e := range missed {
		if _, seen := before[e.id]; !seen {
			before[e.id] = e.before
			order = append(order, e.id)
		}
		if e.reason != "" {
			reasons[e.id] = e.reason
		}
	}
	var gone []event.Event
	var arrived, updated []event.User
	for _, id := range order {
		was := before[id]
		is, here := now.Get(id)
		switch {
		case !here && was.ID != "":
			gone = append(gone, event.DisconnectUser{ID: id, Name: was.Name, Reason: reasons[id]})
		case here && was.ID == "":
			arrived = append(arrived, is)
		case here && was != is:
			updated = append(updated, is)
		}
	}
	slices.SortFunc(arrived, event.User.Compare)
	slices.SortFunc(updated, event.User.Compare)
	events := gone
	for _, u := range arrived {
		events = append(events, event.NewUser{User: u})
	}
	for _, u := range updated {
		events = append(events, event.UpdateUser{User: u})
	}
	return events, true
}
