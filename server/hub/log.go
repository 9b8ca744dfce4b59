package hub

import (
	"cmp"
	"slices"
	"unsafe"

	"rollcall/shared/event"
	"rollcall/shared/roster"
)

// What a log remembers of the past: as many bytes of changes as its roster
// takes, or minLogSize if that is more. A connection that is further behind gets a
// snapshot, which then costs no more. Of a view it is minLogSize: a room can have
// hundreds, with the same users in all of them. Nor is it more than maxLogEntries
// changes, since to find what is new means to look at each: a client that falls
// behind while a few thousand arrive is within that, and is not told twice of those
// it knows. Up to twice as much is kept, so that forgetting is not done for each
// change.
const (
	maxLogEntries = 1 << 14
	minLogSize    = 16 << 10
)

// changeLog is a roster with the numbered changes that led to it, the older ones
// forgotten. The room's lock guards it.
type changeLog struct {
	maxEntries  int  // how many changes are remembered
	ofView      bool // it is a view's
	roster      roster.Roster
	rosterSize  int        // of the roster, in bytes
	base        uint64     // seq up to which nothing is remembered
	head        uint64     // seq of the latest change
	entries     []logEntry // ordered by seq
	entriesSize int        // of entries, in bytes

	flushedSeq uint64     // what was the head at the last flush
	frames     frameCache // of the flush that is being put together
}

// logEntry is one change, with what is needed to undo it: the net change over
// many is the roster before the first against the roster now.
type logEntry struct {
	seq    uint64
	id     string
	before *event.User // nil if they were not here
	reason event.Reason
}

// apply changes the roster, and numbers that seq if it changed anything.
func (l *changeLog) apply(e event.Event, seq uint64) (roster.Change, bool) {
	switch of := e.(type) {
	case event.NewUser:
		e = event.NewUser{User: encoded(of.User)}
	case event.UpdateUser:
		e = event.UpdateUser{User: encoded(of.User)}
	}
	changes, _ := l.roster.Apply(e)
	if len(changes) == 0 {
		return roster.Change{}, false
	}
	c := changes[0]
	was := logEntry{seq: seq, id: c.User.ID}
	switch c.Kind {
	case roster.Arrived:
		l.rosterSize += sizeOf(c.User)
	case roster.Updated:
		was.before = new(c.Before) // not a pointer into c, which would keep all of it
		l.rosterSize += sizeOf(c.User) - sizeOf(c.Before)
	case roster.Gone:
		was.before = new(c.User)
		l.rosterSize -= sizeOf(c.User)
	}
	if gone, ok := e.(event.DisconnectUser); ok {
		was.reason = gone.Reason
	}
	l.record(was)
	l.head = seq
	return c, true
}

// encoded is u with its bytes. All ledgers share those that it has.
func encoded(u event.User) event.User {
	if u.Size() > 0 {
		return u
	}
	return u.Encoded()
}

// record adds a change to the history and, when that has become twice as much
// as it should be, forgets the oldest.
func (l *changeLog) record(e logEntry) {
	l.entries = append(l.entries, e)
	l.entriesSize += e.size()
	worth := minLogSize
	if !l.ofView {
		worth = max(worth, l.rosterSize)
	}
	if len(l.entries) < 2*l.maxEntries && l.entriesSize < 2*worth {
		return
	}
	forgotten := 0
	for len(l.entries)-forgotten > l.maxEntries || l.entriesSize > worth {
		l.base = l.entries[forgotten].seq
		l.entriesSize -= l.entries[forgotten].size()
		forgotten++
	}
	l.entries = slices.Clone(l.entries[forgotten:])
}

// reset begins the log anew at seq with the roster as it is: what led to that is
// not remembered.
func (l *changeLog) reset(seq uint64) {
	l.rosterSize = 0
	for _, u := range l.roster.Borrow() {
		l.rosterSize += sizeOf(u)
	}
	l.entries, l.entriesSize, l.base, l.head = nil, 0, seq, seq
}

// sizeOf is about how many bytes a user takes in memory, with their strings, of
// which the id is shared.
func sizeOf(u event.User) int {
	return int(unsafe.Sizeof(u)) + u.Memory()
}

// size is about how many bytes the entry takes in memory.
func (e logEntry) size() int {
	size := int(unsafe.Sizeof(e))
	if e.before != nil {
		size += sizeOf(*e.before)
	}
	return size
}

// endFlush notes that everybody who can be is being told.
func (l *changeLog) endFlush() { l.flushedSeq, l.frames = l.head, frameCache{} }

// diff is a net change: who arrived or was changed in order of arrival.
type diff struct {
	gone             []event.DisconnectUser
	arrived, updated []event.User
}

// reaches reports whether the changes since a cursor are known: the log goes
// back that far, and the cursor is not ahead of it.
func (l *changeLog) reaches(cursor uint64) bool { return l.base <= cursor && cursor <= l.head }

// entriesSince are the changes since a cursor. It reports false when they are not known.
func (l *changeLog) entriesSince(cursor uint64) ([]logEntry, bool) {
	if !l.reaches(cursor) {
		return nil, false
	}
	first, _ := slices.BinarySearchFunc(l.entries, cursor+1, func(e logEntry, seq uint64) int { return cmp.Compare(e.seq, seq) })
	return l.entries[first:], true
}

// diffSince returns the net change from a cursor to now, where it is known.
func (l *changeLog) diffSince(cursor uint64) (diff, bool) {
	missed, ok := l.entriesSince(cursor)
	if !ok {
		return diff{}, false
	}
	var d diff
	if len(missed) == 1 { // as in every quiet room
		d.add(missed[0].id, missed[0].before, missed[0].reason, &l.roster)
		return d, true
	}
	at := make(map[string]int, len(missed)) // of each user's first change
	net := make([]logEntry, 0, len(missed))
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

func (d *diff) add(id string, was *event.User, reason event.Reason, now *roster.Roster) {
	is, here := now.Get(id)
	switch {
	case !here && was != nil:
		d.gone = append(d.gone, event.DisconnectUser{ID: id, Name: was.Name, Reason: reason})
	case here && was == nil:
		d.arrived = append(d.arrived, is)
	case here && *was != is:
		d.updated = append(d.updated, is)
	}
}

// size is about how many bytes the change takes in memory until it is encoded, and
// then.
func (d diff) size() (size int) {
	for _, e := range d.gone {
		size += 2*int(unsafe.Sizeof(e)) + len(e.ID) + len(e.Name)
	}
	for _, users := range [][]event.User{d.arrived, d.updated} {
		for i := range users {
			size += 2*int(unsafe.Sizeof(users[i])) + users[i].Size()
		}
	}
	return size
}

// liveEvents is the change as it is told live: gone, new, updated, room.
func (d diff) liveEvents(state event.Room) []event.Event {
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

// existingUsers is the change as it is told to who comes back or has a view.
func (d diff) existingUsers(e event.ExistingUsers) event.ExistingUsers {
	e.Resumed = true
	e.Users = append(d.arrived, d.updated...)
	slices.SortFunc(e.Users, event.User.Compare)
	for _, gone := range d.gone {
		e.Gone = append(e.Gone, gone.ID)
	}
	return e
}
