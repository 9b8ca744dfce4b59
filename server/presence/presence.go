// Package presence knows who is in a room, and why: the connections of each user on this
// server, what happens to the user at what time, and what other servers know of the
// same users.
//
// It is a pure state: its methods take the time and return what has changed, as events
// for the room's log. It has no clock, no goroutine and no lock.
//
// What one server knows of one user is an [Entry]. If several servers have a user,
// people see the merge of all entries.
package presence

import (
	"maps"
	"slices"
	"time"

	"rollcall/shared/event"
)

// Owner names one run of a server. What it knows ends with it. Owners are ordered as
// texts.
type Owner string

// Instant is a time by two clocks. Deadlines are by Steady, which never jumps. Times that
// people see are by Unix, which may jump; so is the end of a status.
type Instant struct {
	Steady time.Time
	Unix   int64 // milliseconds, after 1970
}

// Options are a room's settings.
type Options struct {
	// Owner names this run of this server.
	Owner Owner
	// Away is how long all tabs of a user must be inactive before the user is away; 0
	// is never.
	Away time.Duration
	// NextNumber returns the [Entry.Number] of a new entry of this server, each time
	// another one. Nil gives each the number 0, which is enough for a single server.
	NextNumber func() uint64
}

// Room knows who is in one room. A C names a connection of this server; no two
// connections have the same. The times of calls must not go back. Methods that return
// events return what others see of the change: an [event.NewUser], an
// [event.UpdateUser] or an [event.DisconnectUser] for each user. Their users are not
// encoded.
//
// Not safe for concurrent use.
type Room[C comparable] struct {
	options       Options
	users         map[string]*user[C]             // by public id
	peakUsers     int                             // the most users since the map was made
	here          int                             // users in the room, by any server
	local         int                             // users of this server
	absent        int                             // those of them without a connection
	tracking      bool                            // changes of own entries are noted in changed
	changed       []Changed                       // users whose own entry may have changed
	owned         map[Owner]map[*user[C]]struct{} // whom other owners know
	marks         map[string][]mark               // who has left, by public id; see [Mark]
	ownMarks      int                             // how many of them are of this server
	markEnds      fifo                            // when they end
	recounts      fifo                            // when entries may count again that a mark had ended
	gone          map[string]leaving              // users who have gone and are not back, by public id
	goneEndsAt    int64                           // when some of them are to be forgotten
	forgotten     map[string]forgottenEntries     // by public id
	unreachable   bool                            // see SetReachable
	now           Instant                         // of the latest call
	latestDropped int64                           // the latest time of the stamps of dropped entries
	zero          time.Time                       // from which offsets are counted
	deadlines     queue[C]
	statusEnds    queue[C]
}

// New returns a room with nobody in it.
func New[C comparable](o Options) *Room[C] {
	return &Room[C]{
		options:    o,
		users:      make(map[string]*user[C]),
		deadlines:  queue[C]{kind: byDeadline},
		statusEnds: queue[C]{kind: byEnd},
	}
}

// Has reports whether a user is in the room, by any server.
func (r *Room[C]) Has(id string) bool {
	u := r.users[id]
	return u != nil && u.isHere()
}

// Len returns the number of users in the room.
func (r *Room[C]) Len() int { return r.here }

// Local returns the number of users in the room whom this server has, and of those who
// have left and whom other servers have still to let go: as long as it is not 0, others
// need this room.
func (r *Room[C]) Local() int { return r.local + r.ownMarks }

// Absent returns how many users of this server have no connection, and may come back.
func (r *Room[C]) Absent() int { return r.absent }

// IDs returns the ids of the users in the room, in no order.
func (r *Room[C]) IDs() []string {
	ids := make([]string, 0, len(r.users))
	for id, u := range r.users {
		if u.isHere() {
			ids = append(ids, id)
		}
	}
	return ids
}

// Hello is what a connection joins with.
type Hello struct {
	ID string // the public id of the user
	// Profile is used only if the user is not in the room.
	Profile event.Patch
	// Change is done in any case, unless the Ref of Tab is done already.
	Change event.Patch
	Tab    string    // names the client over all its connections; "" if that is not known
	Ref    event.Ref // 0 is none
	// Resumed is whether the client comes back to what it knew. Then its tab is inactive
	// if the user is away.
	Resumed bool
}

// Join adds a connection of a user, who is in the room from then on. The error is
// [event.ErrDataTooLong], and then nothing has changed.
func (r *Room[C]) Join(now Instant, conn C, h Hello) ([]event.Event, error) {
	r.setNow(now)
	u := r.users[h.ID]
	if u == nil {
		u = &user[C]{}
	}
	wanted := h.Change
	if u.hasDone(h.Tab, h.Ref) {
		wanted = event.Patch{}
	}
	arrives := !u.isHere()
	entry := r.entryToJoin(u, h)
	if err := fits(entry.User, wanted); err != nil {
		return nil, err
	}
	before := u.shown()
	for i := range u.others {
		u.takeOverTabs(u.others[i].Tabs)
	}
	u.entry, u.local = entry, true
	if arrives {
		r.users[h.ID] = u
		stamp := u.entry.Stamp
		if h.Resumed {
			stamp = r.nextStamp(u.entry)
		}
		u.entry.change(now.Unix, wanted, stamp)
	} else {
		r.endStatus(u)
		r.change(u, wanted)
	}
	if !wanted.IsZero() {
		u.markDone(h.Tab, h.Ref)
	}
	r.addConn(u, conn, h)
	return r.finishChange(u, before, ""), nil
}

// entryToJoin returns the entry of this server for a user who joins, before the change
// of the hello: a new one for a user who arrives, and what the other servers know if
// only they have the user, so that nothing changes when the user leaves them.
func (r *Room[C]) entryToJoin(u *user[C], h Hello) Entry {
	entry := u.entry
	switch {
	case u.local:
		if !h.Resumed { // a leave that was said before, and is heard of later, does not end it
			entry.Number, entry.Ties = r.nextNumber(), tiesOf(entry.over(), EntryName{})
		}
	case u.isElsewhere():
		entry = u.merged()
		entry.Stamps, entry.Tabs, entry.Number, entry.Seen = slices.Clone(entry.Stamps), nil, r.nextNumber(), nil
		entry.Ties = nil
		if h.Resumed && u.onlySilent() {
			// The client may know of changes that those servers could not tell any more.
			// What was said later elsewhere is not undone by that.
			known := event.Diff(entry.User, h.Profile.Apply(entry.User))
			entry.change(r.now.Unix, known, Stamp{entry.latest().Time + 1, r.options.Owner})
		}
	default:
		entry.User, entry.Number = event.User{ID: h.ID, Since: r.now.Unix}, r.nextNumber()
		if entry.Stamp = r.nextStamp(entry); h.Resumed {
			// The profile is nothing new. Whatever was said anywhere is later than a few
			// milliseconds after 1970.
			entry.Stamp.Time = int64(entry.Number)
		}
		entry.change(r.now.Unix, h.Profile, entry.Stamp)
		if r.isPast(entry.User.Until) { // now, so that it does not end the change of the hello
			entry.change(r.now.Unix, statusEnded, entry.Stamp)
		}
	}
	return entry
}

// Change changes a user for one of their connections, unless the ref of its tab is done
// already. Data is merged key by key. The error is [event.ErrDataTooLong] if it would be
// longer than [event.MaxData], and then nothing has changed. A connection that is gone
// changes nothing.
func (r *Room[C]) Change(now Instant, id string, conn C, ref event.Ref, change event.Patch) ([]event.Event, error) {
	r.setNow(now)
	u, c := r.findConn(id, conn)
	if c == nil || u.hasDone(c.tab, ref) {
		return nil, nil
	}
	if err := fits(u.entry.User, change); err != nil {
		return nil, err
	}
	before := u.shown()
	u.markDone(c.tab, ref)
	r.endStatus(u)
	r.change(u, change)
	return r.finishChange(u, before, ""), nil
}

// Leave removes a user from the room at once. What other servers know ends with a [Mark].
// Conns are the connections that the user had on this server.
func (r *Room[C]) Leave(now Instant, id string) (events []event.Event, conns []C) {
	r.setNow(now)
	u := r.users[id]
	if u == nil || !u.isHere() {
		return nil, nil
	}
	conns = slices.Collect(r.Connections(id))
	before := u.shown()
	r.dropOwn(u)
	r.markOthers(id, u)
	return r.finishChange(u, before, event.ReasonLeft), conns
}

// Due does what is due by now: users who have not come back are removed, users whose
// tabs were inactive for long enough become away, and statuses and notes end.
func (r *Room[C]) Due(now Instant) []event.Event {
	r.setNow(now)
	var events []event.Event
	for u := range r.deadlines.due(r.offset()) {
		before := u.shown()
		if len(u.conns) == 0 {
			r.dropOwn(u)
		} else {
			u.entry.Idle = now.Unix
		}
		events = append(events, r.finishChange(u, before, u.reason)...)
	}
	for u := range r.statusEnds.due(now.Unix) {
		events = append(events, r.finishChange(u, u.shown(), "")...)
	}
	r.endMarks()
	return append(events, r.recountDue()...)
}

// Next returns when to call Due, by the steady clock. It reports false if there is
// nothing to wait for. The end of a status is converted by the clocks at the latest
// call: if the Unix clock has jumped since, nothing may be due yet.
func (r *Room[C]) Next() (time.Time, bool) {
	var next time.Time
	at, some := r.deadlines.next()
	if some {
		next = r.zero.Add(time.Duration(at))
	}
	for _, f := range []*fifo{&r.markEnds, &r.recounts} {
		if len(*f) > 0 && !(r.unreachable && f == &r.markEnds) {
			if at := r.zero.Add(time.Duration((*f)[0].at)); !some || at.Before(next) {
				next, some = at, true
			}
		}
	}
	if end, ok := r.statusEnds.next(); ok {
		left := min(end-r.now.Unix, event.MaxUntil.Milliseconds())
		if at := r.now.Steady.Add(time.Duration(left) * time.Millisecond); !some || at.Before(next) {
			next, some = at, true
		}
	}
	return next, some
}

// setNow notes the time of a call.
func (r *Room[C]) setNow(now Instant) {
	if r.zero.IsZero() {
		r.zero = now.Steady.Add(-time.Hour) // so that no offset is 0, which is none
	}
	r.now = now
}

// offset returns the time by the steady clock in the unit of deadlines.
func (r *Room[C]) offset() int64 { return int64(r.now.Steady.Sub(r.zero)) }

// nextStamp returns the stamp of a change now. It is later than all stamps that this
// server knows of the user, and than those of all users who are gone: one of them may
// be the same user, and another server may still have the old entry.
func (r *Room[C]) nextStamp(e Entry) Stamp {
	return Stamp{max(r.now.Unix, e.latest().Time+1, r.latestDropped+1), r.options.Owner}
}

// nextNumber returns the number of a new entry.
func (r *Room[C]) nextNumber() uint64 {
	if r.options.NextNumber == nil {
		return 0
	}
	return r.options.NextNumber()
}

// dropOwn drops what this server knows of a user.
func (r *Room[C]) dropOwn(u *user[C]) {
	r.latestDropped = max(r.latestDropped, u.entry.latest().Time)
	u.local, u.restored, u.entry, u.conns, u.tabs = false, false, Entry{}, nil, nil
}

// change changes what this server knows of a user.
func (r *Room[C]) change(u *user[C], c event.Patch) {
	u.entry.change(r.now.Unix, c, r.nextStamp(u.entry))
}

// statusEnded is the change of a user whose status and note end.
var statusEnded = event.Patch{Status: new(event.StatusHere), Note: new(""), Until: new(int64)}

// endStatus ends the status and the note of a user if it is time, and otherwise sets the
// deadline. Each server ends them in its own entry. A server without an entry only shows
// them as ended, until the owner has done so.
func (r *Room[C]) endStatus(u *user[C]) {
	until := u.merged().User.Until
	past := r.isPast(until)
	if past {
		until = 0
	}
	if past && u.local {
		r.change(u, statusEnded)
	}
	u.ended = past && !u.local
	r.statusEnds.set(u, until)
}

// isPast reports whether an end of a status has passed.
func (r *Room[C]) isPast(until int64) bool { return until != 0 && until <= r.now.Unix }

// finishChange is called after each change of a user, and returns the events of what
// others see of it. Before is the user as shown before the change; without an id if
// they were not here.
func (r *Room[C]) finishChange(u *user[C], before event.User, reason event.Reason) []event.Event {
	own := u.local || u.counted // counted is how it was before
	r.count(u)
	id := before.ID
	if id == "" && (u.local || len(u.others) > 0) {
		id = u.id()
	}
	if r.tracking && own {
		r.changed = append(r.changed, Changed{id, reason})
	}
	r.peakUsers = max(r.peakUsers, len(r.users))
	if !u.here {
		r.deadlines.set(u, 0)
		r.statusEnds.set(u, 0)
		if len(u.others) == 0 {
			delete(r.users, id)
			r.shrink()
		}
		if before.ID == "" {
			return nil
		}
		if own || reason == event.ReasonLeft {
			r.noteGone(id, r.now.Unix, reason == event.ReasonLeft)
		}
		return []event.Event{event.DisconnectUser{ID: before.ID, Name: before.Name, Reason: reason}}
	}
	r.endStatus(u)
	after := u.shown()
	switch {
	case before.ID == "":
		delete(r.gone, id)
		return []event.Event{event.NewUser{User: after}}
	case before != after:
		return []event.Event{event.UpdateUser{User: after}}
	}
	return nil
}

// count counts a user.
func (r *Room[C]) count(u *user[C]) {
	if here := u.isHere(); here != u.here {
		if u.here = here; here {
			r.here++
		} else {
			r.here--
		}
	}
	if u.local != u.counted {
		if u.counted = u.local; u.local {
			r.local++
		} else {
			r.local--
		}
	}
	if absent := u.local && len(u.conns) == 0; absent != u.absent {
		if u.absent = absent; absent {
			r.absent++
		} else {
			r.absent--
		}
	}
}

// shrink gives back the memory that the map has from a crowd that is gone.
func (r *Room[C]) shrink() {
	if r.peakUsers <= spare || len(r.users) > r.peakUsers/4 {
		return
	}
	r.peakUsers = len(r.users)
	users := make(map[string]*user[C], r.peakUsers)
	maps.Copy(users, r.users)
	r.users = users
}

// spare is how many unused places are not worth giving back.
const spare = 16

// fits returns an error if a change would make a user's data too long. Merged data can be
// longer than [event.MaxData] already; a change may not make them longer.
func fits(u event.User, c event.Patch) error {
	if c.Data != "" && len(c.Apply(u).Data) > max(event.MaxData, len(u.Data)) {
		return event.ErrDataTooLong
	}
	return nil
}

// unencoded returns a user without the encoded bytes, so that two users can be compared.
func unencoded(u event.User) event.User { return event.Patch{}.Apply(u) }
