package hub

import (
	"cmp"
	"slices"
	"unsafe"

	"rollcall/shared/event"
	"rollcall/shared/roster"
)

// How much of the past a log keeps: as many bytes of changes as its roster has, or
// minLogSize if that is more. A connection that is further behind gets a snapshot,
// which costs no more than the changes. The log of a view keeps minLogSize: a room can
// have hundreds of views, with the same users in all of them. A log keeps at most
// maxLogEntries changes, since a diff looks at each of them. That is enough for a client
// that falls behind while thousands arrive. A log drops changes only when it has twice
// as many, so that it does not do so for every change.
const (
	maxLogEntries = 1 << 14
	minLogSize    = 16 << 10
)

// changeLog is a roster with the latest numbered changes that led to it. The room's
// lock guards it.
type changeLog struct {
	maxEntries  int  // how many changes it keeps
	ofView      bool // it is the log of a view
	roster      roster.Roster
	rosterSize  int        // of the roster, in bytes
	base        uint64     // seq of the latest change that it has dropped
	head        uint64     // seq of the latest change
	entries     []logEntry // ordered by seq
	entriesSize int        // of entries, in bytes

	flushedSeq uint64     // the head at the last flush
	frames     frameCache // of the flush under way
}

// logEntry is one change, with the user before it. The net change of a user over many
// entries is the user before the first one against the user now.
type logEntry struct {
	seq    uint64
	id     string
	before *event.User // nil if they were not here
	reason event.Reason
}

// apply changes the roster. If that has changed something, it is the change number seq.
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
		was.before = new(c.Before) // a pointer into c would keep all of c
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

// encoded returns u with its encoded bytes, which all logs share.
func encoded(u event.User) event.User {
	if u.Size() > 0 {
		return u
	}
	return u.Encoded()
}

// record adds a change. When there is twice as much as the log keeps, it drops the
// oldest changes.
func (l *changeLog) record(e logEntry) {
	l.entries = append(l.entries, e)
	l.entriesSize += e.size()
	limit := minLogSize
	if !l.ofView {
		limit = max(limit, l.rosterSize)
	}
	if len(l.entries) < 2*l.maxEntries && l.entriesSize < 2*limit {
		return
	}
	dropped := 0
	for len(l.entries)-dropped > l.maxEntries || l.entriesSize > limit {
		l.base = l.entries[dropped].seq
		l.entriesSize -= l.entries[dropped].size()
		dropped++
	}
	l.entries = slices.Clone(l.entries[dropped:])
}

// reset begins the log anew at seq, with the roster as it is and no changes.
func (l *changeLog) reset(seq uint64) {
	l.rosterSize = 0
	for _, u := range l.roster.Borrow() {
		l.rosterSize += sizeOf(u)
	}
	l.entries, l.entriesSize, l.base, l.head = nil, 0, seq, seq
}

// sizeOf returns about how many bytes of memory a user takes, with all strings but the
// id, which is shared.
func sizeOf(u event.User) int {
	return int(unsafe.Sizeof(u)) + u.Memory()
}

// size returns about how many bytes of memory the entry takes.
func (e logEntry) size() int {
	size := int(unsafe.Sizeof(e))
	if e.before != nil {
		size += sizeOf(*e.before)
	}
	return size
}

// endFlush notes that every connection that is free has its frame.
func (l *changeLog) endFlush() { l.flushedSeq, l.frames = l.head, frameCache{} }

// diff is a net change. Its users are in the order of arrival.
type diff struct {
	gone             []event.DisconnectUser
	arrived, updated []event.User
}

// reaches reports whether the log has all changes since a cursor. It has not if the
// cursor is too old, or ahead of the log.
func (l *changeLog) reaches(cursor uint64) bool { return l.base <= cursor && cursor <= l.head }

// entriesSince returns the changes since a cursor. It reports false if the log does not
// have all of them.
func (l *changeLog) entriesSince(cursor uint64) ([]logEntry, bool) {
	if !l.reaches(cursor) {
		return nil, false
	}
	first, _ := slices.BinarySearchFunc(l.entries, cursor+1, func(e logEntry, seq uint64) int { return cmp.Compare(e.seq, seq) })
	return l.entries[first:], true
}

// diffSince returns the net change from a cursor to now. It reports false if the log
// does not have all changes.
func (l *changeLog) diffSince(cursor uint64) (diff, bool) {
	missed, ok := l.entriesSince(cursor)
	if !ok {
		return diff{}, false
	}
	var d diff
	if len(missed) == 1 { // the most frequent case
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

// size returns about how many bytes of memory the diff takes before and after it is
// encoded.
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

// liveEvents returns the events for clients that are connected: gone, new, updated,
// room.
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

// existingUsers returns the event for clients that resume or have a view.
func (d diff) existingUsers(e event.ExistingUsers) event.ExistingUsers {
	e.Resumed = true
	e.Users = append(d.arrived, d.updated...)
	slices.SortFunc(e.Users, event.User.Compare)
	for _, gone := range d.gone {
		e.Gone = append(e.Gone, gone.ID)
	}
	return e
}
