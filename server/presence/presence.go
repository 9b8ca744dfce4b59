// Package presence is who is in a room, and why: the connections that each user
// has on this server, what is to happen to them at what time, and what other
// servers know of the same users.
//
// It is a pure state. Its methods are told the time and return what has changed
// as events for the room's log. It has no clock, no goroutine and no lock, and
// reads nothing that a client has written but through package event.
//
// What one server knows of one user is an [Entry]. A user whom several servers
// have is one: what people are shown is the merge of all entries.
package presence

import (
	"iter"
	"maps"
	"slices"
	"time"

	"rollcall/shared/event"
)

// Owner names one run of a server: what it knows ends with it. Owners are
// ordered as texts are.
type Owner string

// Instant is a moment by both clocks. Deadlines go by Steady, which never jumps,
// and what people are told goes by Unix, which may. The end of a status is
// something that people are told.
type Instant struct {
	Steady time.Time
	Unix   int64 // milliseconds, after 1970
}

// Options are a room's settings.
type Options struct {
	// Owner is this run of this server.
	Owner Owner
	// Away is how long all tabs of a user must be inactive for the user to be
	// away by themselves; 0 is never.
	Away time.Duration
}

// Room is who is in one room. C names a connection of this server; no two have
// the same. The methods that are told the time want it in order. Those that
// return events return only what is different for who looks on: an
// [event.NewUser], an [event.UpdateUser] or an [event.DisconnectUser] for each
// user, whose users are not encoded.
//
// Not safe for concurrent use.
type Room[C comparable] struct {
	options       Options
	users         map[string]*user[C] // by public id
	peakUsers     int                 // that it has had since it was made
	absent        int                 // users of this server without a connection
	now           Instant             // of the latest call
	latestDropped int64               // the latest time of all stamps of entries that were dropped
	zero          time.Time           // what offsets are counted from
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
func (r *Room[C]) Has(id string) bool { return r.users[id] != nil }

// Len is the number of users in the room.
func (r *Room[C]) Len() int { return len(r.users) }

// Absent is how many users of this server have no connection, and are expected back.
func (r *Room[C]) Absent() int { return r.absent }

// IDs are the ids of the users in the room, in no order.
func (r *Room[C]) IDs() []string {
	ids := make([]string, 0, len(r.users))
	for id := range r.users {
		ids = append(ids, id)
	}
	return ids
}

// Connections are those that a user has on this server. The room must not be
// changed meanwhile.
func (r *Room[C]) Connections(id string) iter.Seq[C] {
	return func(yield func(C) bool) {
		u := r.users[id]
		if u == nil {
			return
		}
		for _, c := range u.conns {
			if !yield(c.id) {
				return
			}
		}
	}
}

// Hello is what a connection says when it joins.
type Hello struct {
	ID string // the public id of the user
	// Profile is who they are. It is used if the room does not have them.
	Profile event.Patch
	// Change is what is to be different now. It is done unless the Ref of Tab is
	// done already.
	Change event.Patch
	Tab    string    // the client over all its connections; "" is one that nothing is known of
	Ref    event.Ref // 0 is none
	// Resumed says that the client comes back to what it knew: its tab is as
	// inactive as the user is.
	Resumed bool
}

// Join adds a connection of a user, who is in the room from then on. The error
// is [event.ErrDataTooLong], and then nothing is changed: the connection has not
// joined.
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
	entry := u.entry
	arrives := !u.local && len(u.others) == 0
	switch {
	case arrives:
		entry.User = event.User{ID: h.ID, Since: now.Unix}
		entry.Stamp = r.nextStamp(entry)
		entry.change(now.Unix, h.Profile, entry.Stamp)
		if r.isPast(entry.User.Until) { // before what is to be different now, which must not end with it
			entry.change(now.Unix, statusEnded, entry.Stamp)
		}
	case !u.local:
		// What the others know goes on here, so that nothing is different when
		// the user leaves them.
		entry = u.merged()
		entry.Stamps = slices.Clone(entry.Stamps)
	}
	if err := fits(entry.User, wanted); err != nil {
		return nil, err
	}
	before := u.shown()
	u.entry, u.local = entry, true
	if arrives {
		r.users[h.ID] = u
		u.entry.change(now.Unix, wanted, u.entry.Stamp)
	} else {
		r.endStatus(u)
		r.change(u, wanted)
	}
	if !wanted.IsZero() {
		u.markDone(h.Tab, h.Ref)
	}
	if len(u.conns) == 0 {
		r.deadlines.set(u, 0)
	}
	u.entry.User.Link, u.restored = event.LinkOnline, false
	c := connection[C]{id: conn, tab: h.Tab}
	if idle := u.entry.Idle; idle != 0 {
		if c.inactive = h.Resumed; !c.inactive {
			c.endedIdleAt, c.idleBefore = r.offset(), idle
		}
	}
	u.conns = append(u.conns, c)
	r.updateAway(u)
	return r.finishChange(u, before, ""), nil
}

// Change changes a user as a connection of theirs says, unless the ref of its
// tab is done already. Data is merged key by key. The error is
// [event.ErrDataTooLong] if it would be longer than [event.MaxData] then, and
// nothing is changed. A connection that is gone changes nothing.
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

// resumeWindow is how soon a client that comes back says that its tab is not
// looked at.
const resumeWindow = 5 * time.Second

// SetActive says whether the tab of a connection is looked at and used. A user none
// of whose tabs are is away by themselves after [Options.Away].
func (r *Room[C]) SetActive(now Instant, id string, conn C, active bool) []event.Event {
	r.setNow(now)
	u, c := r.findConn(id, conn)
	if c == nil {
		return nil
	}
	before := u.shown()
	c.inactive = !active
	r.updateAway(u)
	if r.deadlines.has(u) && c.endedIdleAt != 0 && r.offset()-c.endedIdleAt < int64(resumeWindow) {
		// It was no new tab but one that came back and could not say so. They
		// have been away all the time.
		r.deadlines.set(u, 0)
		u.entry.Idle = c.idleBefore
	}
	c.endedIdleAt, c.idleBefore = 0, 0
	return r.finishChange(u, before, "")
}

// Forever is how long users stay whose connections this server ends because it
// ends itself: they are shown as they are, and no deadline is set.
const Forever time.Duration = 1<<63 - 1

// Disconnect says that a connection is gone. Whose last one on this server it
// was stays for a while, as reconnecting, and then goes for the reason; at once
// if stay is 0 or less. A connection that is not there changes nothing.
func (r *Room[C]) Disconnect(now Instant, id string, conn C, reason event.Reason, stay time.Duration) []event.Event {
	r.setNow(now)
	u, c := r.findConn(id, conn)
	if c == nil {
		return nil
	}
	before := u.shown()
	u.conns = slices.DeleteFunc(u.conns, func(c connection[C]) bool { return c.id == conn })
	if cap(u.conns) > 4*len(u.conns)+spare {
		u.conns = slices.Clone(u.conns)
	}
	r.updateAway(u)
	switch {
	case len(u.conns) > 0 || stay == Forever:
	case stay <= 0:
		r.dropOwn(u)
	default:
		r.scheduleRemoval(u, reason, stay)
	}
	return r.finishChange(u, before, reason)
}

// Leave takes a user out of the room at once, on all servers that it knows of.
// Conns are the connections that they had on this one.
func (r *Room[C]) Leave(id string) (events []event.Event, conns []C) {
	u := r.users[id]
	if u == nil {
		return nil, nil
	}
	conns = slices.Collect(r.Connections(id))
	before := u.shown()
	r.dropOwn(u)
	u.others = nil
	return r.finishChange(u, before, event.ReasonLeft), conns
}

// Due is what is over by now: users go who have not come back, are away whose
// tabs have been inactive for long enough, and a status and note end.
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
	return events
}

// Next is when Due is to be called next, by the steady clock. It reports false if
// there is nothing to wait for. When a status ends is foreseen as the clocks
// stood at the latest call; if the Unix clock has jumped since, there may be
// nothing due yet.
func (r *Room[C]) Next() (time.Time, bool) {
	var next time.Time
	at, some := r.deadlines.next()
	if some {
		next = r.zero.Add(time.Duration(at))
	}
	if end, ok := r.statusEnds.next(); ok {
		left := min(end-r.now.Unix, event.MaxUntil.Milliseconds())
		if at := r.now.Steady.Add(time.Duration(left) * time.Millisecond); !some || at.Before(next) {
			next, some = at, true
		}
	}
	return next, some
}

// setNow takes the time of a call.
func (r *Room[C]) setNow(now Instant) {
	if r.zero.IsZero() {
		r.zero = now.Steady.Add(-time.Hour) // so that no offset is 0, which is none
	}
	r.now = now
}

// offset is the time by the steady clock as deadlines are kept.
func (r *Room[C]) offset() int64 { return int64(r.now.Steady.Sub(r.zero)) }

// findConn returns a user and their connection of that name, or nil.
func (r *Room[C]) findConn(id string, conn C) (*user[C], *connection[C]) {
	u := r.users[id]
	if u == nil {
		return nil, nil
	}
	for i := range u.conns {
		if u.conns[i].id == conn {
			return u, &u.conns[i]
		}
	}
	return u, nil
}

// updateAway brings a user's being away in line with all their tabs.
func (r *Room[C]) updateAway(u *user[C]) {
	used := slices.ContainsFunc(u.conns, func(c connection[C]) bool { return !c.inactive })
	switch {
	case len(u.conns) == 0:
		r.deadlines.set(u, 0)
	case used:
		r.deadlines.set(u, 0)
		u.entry.Idle = 0
	case r.options.Away > 0 && u.entry.Idle == 0 && !r.deadlines.has(u):
		r.deadlines.set(u, r.offset()+int64(r.options.Away))
	}
}

// scheduleRemoval has a user without connections go after a while.
func (r *Room[C]) scheduleRemoval(u *user[C], reason event.Reason, stay time.Duration) {
	u.entry.User.Link, u.reason = event.LinkReconnecting, reason
	r.deadlines.set(u, r.offset()+int64(stay))
}

// nextStamp is that of what is said now of a user of this server. It is later than
// all that the server knows of them, and has known of who is gone: they may be
// the same, and another server may still have what was said then.
func (r *Room[C]) nextStamp(e Entry) Stamp {
	return Stamp{max(r.now.Unix, e.latest().Time+1, r.latestDropped+1), r.options.Owner}
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

// statusEnded is what happens to a user when their status and note end.
var statusEnded = event.Patch{Status: new(event.StatusHere), Note: new(""), Until: new(int64)}

// endStatus has status and note of a user end if it is time, else it notes when that
// will be. Each server ends them in its own entry. Where it has none it only
// shows what is left, until the others have done so.
func (r *Room[C]) endStatus(u *user[C]) {
	until := u.merged().User.Until
	over := r.isPast(until)
	if over {
		until = 0
	}
	if over && u.local {
		r.change(u, statusEnded)
	}
	u.ended = over && !u.local
	r.statusEnds.set(u, until)
}

// isPast reports whether a status with that end has ended.
func (r *Room[C]) isPast(until int64) bool { return until != 0 && until <= r.now.Unix }

// finishChange is called after each change of a user, and returns what others see of it.
// Before is the user as shown until now, without an id if they were not here.
func (r *Room[C]) finishChange(u *user[C], before event.User, reason event.Reason) []event.Event {
	if absent := u.local && len(u.conns) == 0; absent != u.absent {
		u.absent = absent
		if absent {
			r.absent++
		} else {
			r.absent--
		}
	}
	r.peakUsers = max(r.peakUsers, len(r.users))
	if !u.local && len(u.others) == 0 {
		r.deadlines.set(u, 0)
		r.statusEnds.set(u, 0)
		delete(r.users, before.ID)
		r.shrink()
		return []event.Event{event.DisconnectUser{ID: before.ID, Name: before.Name, Reason: reason}}
	}
	r.endStatus(u)
	after := u.shown()
	switch {
	case before.ID == "":
		return []event.Event{event.NewUser{User: after}}
	case before != after:
		return []event.Event{event.UpdateUser{User: after}}
	}
	return nil
}

// shrink gives back the memory of a crowd that has gone, which a map keeps.
func (r *Room[C]) shrink() {
	if r.peakUsers <= spare || len(r.users) > r.peakUsers/4 {
		return
	}
	r.peakUsers = len(r.users)
	users := make(map[string]*user[C], r.peakUsers)
	maps.Copy(users, r.users)
	r.users = users
}

// spare is how many places are not worth giving back.
const spare = 16

// fits reports by its error whether a user's data may be changed so. Merged data
// can be longer than [event.MaxData] already, and may become shorter.
func fits(u event.User, c event.Patch) error {
	if c.Data != "" && len(c.Apply(u).Data) > max(event.MaxData, len(u.Data)) {
		return event.ErrDataTooLong
	}
	return nil
}

// unencoded is a user who is not encoded, so that two of them can be compared.
func unencoded(u event.User) event.User { return event.Patch{}.Apply(u) }
