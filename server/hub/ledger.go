package hub

import (
	"cmp"
	"slices"

	"rollcall/shared/event"
	"rollcall/shared/roster"
)

// ringSize is how many changes a ledger remembers. A connection that is
// further behind gets a snapshot, which then costs little more.
const ringSize = 1024

// ledger is a roster with the numbered changes that led to it, the older ones
// forgotten. The room's lock guards it.
type ledger struct {
	ring    int // how many changes are kept at least
	roster  roster.Roster
	base    uint64  // seq at which it began: what was before is not known
	head    uint64  // seq of the latest change
	entries []entry // ordered by seq

	// Frames that stand for head; nil until somebody needs them.
	snapshot *packet
	still    *packet            // the state alone
	diffs    map[uint64]*packet // from a cursor to head
}

// entry is one change, with what is needed to undo it: the net change over
// many is the roster before the first against the roster now.
type entry struct {
	seq    uint64
	id     string
	before event.User // the zero User if they were not here
	reason event.Reason
}

// apply changes the roster, and numbers that seq if it changed anything.
func (l *ledger) apply(e event.Event, seq uint64) (roster.Change, bool) {
	changes, _ := l.roster.Apply(e)
	if len(changes) == 0 {
		return roster.Change{}, false
	}
	c := changes[0]
	was := entry{seq: seq, id: c.User.ID}
	switch c.Kind {
	case roster.Updated:
		was.before = c.Before
	case roster.Gone:
		was.before = c.User
	}
	if gone, ok := e.(event.DisconnectUser); ok {
		was.reason = gone.Reason
	}
	if len(l.entries) >= 2*l.ring {
		l.entries = slices.Clone(l.entries[l.ring:])
	}
	l.entries = append(l.entries, was)
	l.move(seq)
	return c, true
}

// move makes seq the head.
func (l *ledger) move(seq uint64) {
	l.head = seq
	l.snapshot, l.still, l.diffs = nil, nil, nil
}

// delta is a net change: who arrived or was changed in order of arrival.
type delta struct {
	gone             []event.DisconnectUser
	arrived, updated []event.User
}

// missed are the changes since a cursor. It reports false when the ledger does
// not reach back that far, or the cursor is ahead of it.
func (l *ledger) missed(cursor uint64) ([]entry, bool) {
	if cursor > l.head || cursor < l.base {
		return nil, false
	}
	first, _ := slices.BinarySearchFunc(l.entries, cursor+1, func(e entry, seq uint64) int { return cmp.Compare(e.seq, seq) })
	missed := l.entries[first:]
	return missed, len(missed) <= l.ring // also when some are forgotten: then that many are kept
}

// at is the user of an id as they were at a cursor; the zero User if they were
// not here. It reports false if that is not known any more.
func (l *ledger) at(cursor uint64, id string) (event.User, bool) {
	missed, ok := l.missed(cursor)
	if !ok {
		return event.User{}, false
	}
	if i := slices.IndexFunc(missed, func(e entry) bool { return e.id == id }); i >= 0 {
		return missed[i].before, true
	}
	u, _ := l.roster.Get(id)
	return u, true
}

// since returns the net change from a cursor to now, where it is known.
func (l *ledger) since(cursor uint64) (delta, bool) {
	missed, ok := l.missed(cursor)
	if !ok {
		return delta{}, false
	}
	var d delta
	if len(missed) == 1 { // as in every quiet room
		d.add(missed[0].id, missed[0].before, missed[0].reason, &l.roster)
		return d, true
	}
	at := make(map[string]int, len(missed)) // of each user's first change
	net := make([]entry, 0, len(missed))
	for _, e := range missed {
		i, seen := at[e.id]
		if !seen {
			at[e.id] = len(net)
			net = append(net, e)
		} else if e.reason != "" {
			net[i].reason = e.reason
		}
	}
	for _, e := range net {
		d.add(e.id, e.before, e.reason, &l.roster)
	}
	slices.SortFunc(d.arrived, event.User.Compare)
	slices.SortFunc(d.updated, event.User.Compare)
	return d, true
}

func (d *delta) add(id string, was event.User, reason event.Reason, now *roster.Roster) {
	is, here := now.Get(id)
	switch {
	case !here && was.ID != "":
		d.gone = append(d.gone, event.DisconnectUser{ID: id, Name: was.Name, Reason: reason})
	case here && was.ID == "":
		d.arrived = append(d.arrived, is)
	case here && was != is:
		d.updated = append(d.updated, is)
	}
}

// events is the change as it is told live: gone, new, updated, room.
func (d delta) events(state event.Room) []event.Event {
	events := make([]event.Event, 0, len(d.gone)+len(d.arrived)+len(d.updated)+1)
	for _, e := range d.gone {
		events = append(events, e)
	}
	for _, u := range d.arrived {
		events = append(events, event.NewUser{User: u})
	}
	for _, u := range d.updated {
		events = append(events, event.UpdateUser{User: u})
	}
	return append(events, state)
}

// resumed is the change as it is told to who comes back or has a view.
func (d delta) resumed(e event.ExistingUsers) event.ExistingUsers {
	e.Resumed = true
	e.Users = append(d.arrived, d.updated...)
	slices.SortFunc(e.Users, event.User.Compare)
	for _, gone := range d.gone {
		e.Gone = append(e.Gone, gone.ID)
	}
	return e
}
