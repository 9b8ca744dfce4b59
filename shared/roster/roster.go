// Package roster is the state of a room: who is in it, in order of arrival,
// and the one reducer that turns events into it. The server, the page, Go
// clients and tests all run this code.
package roster

import (
	"errors"
	"fmt"
	"slices"

	"rollcall/shared/event"
)

// ErrDrift is what Apply returns, wrapped with the figures, when a room event
// says that this roster is not the server's. Only a snapshot mends it.
var ErrDrift = errors.New("roster differs from the server's")

// Roster is who is in a room or, in a large room, in the view of it that its
// client has. The zero value is an empty roster, ready to use. It is not safe
// for concurrent use.
type Roster struct {
	self  string
	me    event.User // one's own entry as last heard of; the zero User if never
	room  string
	epoch string
	seq   uint64
	users []event.User     // ordered by event.User.Compare
	since map[string]int64 // of each user in users, by id: the key to find them by
	hash  uint64           // XOR of the hash of each of users

	watching int  // how many look on, as last heard of
	partial  bool // some users may not be known, as last heard of

	large       bool // users are a view
	from, total int  // of the view
	count       int  // of people in the large room
}

// Kind is what an event did to one user, or to all.
type Kind int

// What an event can do.
const (
	Reset   Kind = iota // a snapshot replaced the roster whole
	Arrived             // User is new
	Updated             // User changed, from Before
	Gone                // User, as last known, is no longer here
	Shown               // User has come into the view
	Hidden              // User, as last known, is no longer in the view
)

// Change is what an event did to one user.
type Change struct {
	Kind         Kind
	User, Before event.User
}

// Apply turns an event into the roster's next state and returns what that
// changed: nothing for events that say nothing of a roster, or nothing new.
// The error is nil or an [ErrDrift].
func (r *Roster) Apply(e event.Event) ([]Change, error) {
	var changes []Change
	switch e := e.(type) {
	case event.ExistingUsers:
		if e.Resumed {
			return r.resume(e), nil
		}
		r.reset(e)
		changes = []Change{{Kind: Reset}}
	case event.NewUser:
		changes = r.put(changes, e.User)
	case event.UpdateUser:
		changes = r.put(changes, e.User)
	case event.DisconnectUser:
		changes = r.remove(changes, e.ID)
		if e.ID == r.self {
			r.me = event.User{}
		}
	case event.Room:
		r.seq, r.watching, r.partial = e.Seq, e.Watching, e.Partial
		if r.large {
			r.count = e.Count
		}
		if mine := r.State(); mine != e {
			return nil, fmt.Errorf("%w at seq %d: %d users and hash %s here, %d and %s there",
				ErrDrift, e.Seq, mine.Count, mine.Hash, e.Count, e.Hash)
		}
	}
	return changes, nil
}

func (r *Roster) reset(e event.ExistingUsers) {
	*r = Roster{
		self:  e.Self,
		room:  e.Room,
		epoch: e.Epoch,
		users: make([]event.User, 0, len(e.Users)),
		since: make(map[string]int64, len(e.Users)),
	}
	r.place(e)
	for _, u := range e.Users {
		r.put(nil, u)
	}
}

// resume takes in what has changed since the last frame.
func (r *Roster) resume(e event.ExistingUsers) []Change {
	var changes []Change
	if e.Self != "" {
		r.self = e.Self
	}
	before, outside := r.me, e.Me != nil
	r.place(e)
	if outside && before != r.me {
		changes = append(changes, Change{Kind: Updated, User: r.me, Before: before})
	}
	for _, id := range e.Gone {
		changes = r.remove(changes, id)
	}
	for _, u := range e.Users {
		changes = r.put(changes, u)
	}
	return changes
}

// place takes over which part of the room the roster is.
func (r *Roster) place(e event.ExistingUsers) {
	r.large = e.Total != nil
	r.from, r.total = e.From, 0
	if r.large {
		r.total = *e.Total
	}
	if e.Me != nil {
		r.me = *e.Me
	}
}

// put appends to changes what it changed.
func (r *Roster) put(changes []Change, u event.User) []Change {
	if u.ID == r.self {
		r.me = u
	}
	i, known := r.find(u.ID)
	if known && r.users[i].Since == u.Since {
		before := r.users[i]
		if before == u {
			return changes
		}
		r.users[i] = u
		r.hash ^= before.Hash() ^ u.Hash()
		return append(changes, Change{Kind: Updated, User: u, Before: before})
	}
	var before event.User
	if known { // they left and came back: their place is another
		before = r.cut(i)
	}
	i, _ = r.search(u)
	r.users = slices.Insert(r.users, i, u)
	if r.since == nil {
		r.since = make(map[string]int64)
	}
	r.since[u.ID] = u.Since
	r.hash ^= u.Hash()
	switch {
	case known:
		return append(changes, Change{Kind: Updated, User: u, Before: before})
	case r.large:
		return append(changes, Change{Kind: Shown, User: u})
	}
	return append(changes, Change{Kind: Arrived, User: u})
}

// remove appends to changes what it changed.
func (r *Roster) remove(changes []Change, id string) []Change {
	i, known := r.find(id)
	switch {
	case !known:
		return changes
	case r.large:
		return append(changes, Change{Kind: Hidden, User: r.cut(i)})
	}
	return append(changes, Change{Kind: Gone, User: r.cut(i)})
}

func (r *Roster) cut(i int) event.User {
	u := r.users[i]
	r.users = slices.Delete(r.users, i, i+1)
	delete(r.since, u.ID)
	r.hash ^= u.Hash()
	r.shrink()
	return u
}

// shrink gives back the memory of a crowd that has gone, which slices and maps
// keep.
func (r *Roster) shrink() {
	if cap(r.users) <= 4*len(r.users)+spare {
		return
	}
	r.users = slices.Clone(r.users)
	since := make(map[string]int64, len(r.since))
	for _, u := range r.users {
		since[u.ID] = u.Since
	}
	r.since = since
}

// spare is how many places are not worth giving back.
const spare = 16

// Grow makes room for n more users at one time.
func (r *Roster) Grow(n int) { r.users = slices.Grow(r.users, n) }

func (r *Roster) find(id string) (int, bool) {
	since, ok := r.since[id]
	if !ok {
		return 0, false
	}
	return r.search(event.User{ID: id, Since: since})
}

func (r *Roster) search(u event.User) (int, bool) {
	// Most arrive last, and most of the others are looked for by their place.
	if n := len(r.users); n == 0 || r.users[n-1].Compare(u) < 0 {
		return n, false
	}
	return slices.BinarySearchFunc(r.users, u, event.User.Compare)
}

// Get returns the user of that id, if the roster has them.
func (r *Roster) Get(id string) (event.User, bool) {
	i, ok := r.find(id)
	if !ok {
		return event.User{}, false
	}
	return r.users[i], true
}

// Me returns the client's own entry, inside the view or not. It reports false
// for a client that is not in the room.
func (r *Roster) Me() (event.User, bool) { return r.me, r.me.ID != "" }

// Users returns a copy of everybody on the roster, in order of arrival.
func (r *Roster) Users() []event.User { return slices.Clone(r.users) }

// Borrow is Users without the copy: it is not to be changed, nor used after the
// next Apply.
func (r *Roster) Borrow() []event.User { return r.users }

// Len is the number of users on the roster.
func (r *Roster) Len() int { return len(r.users) }

// Count is the number of people in the room. In a large room it is more than
// Len.
func (r *Roster) Count() int {
	if r.large {
		return r.count
	}
	return len(r.users)
}

// Watching is how many look on without being in the room, as last heard of.
func (r *Roster) Watching() int { return r.watching }

// Partial reports whether the room may have users whom the server does not know of now,
// as last heard of.
func (r *Roster) Partial() bool { return r.partial }

// View returns the first place that the roster shows and how many there are
// to be viewed: the room, or the names that match. It reports false when the
// roster is the whole room.
func (r *Roster) View() (from, total int, ok bool) { return r.from, r.total, r.large }

// Self is the client's own id, empty before the first snapshot and for one
// that watches.
func (r *Roster) Self() string { return r.self }

// Room is the room's name, empty before the first snapshot.
func (r *Roster) Room() string { return r.room }

// Epoch names the life of the room that the roster is of, empty before the
// first snapshot.
func (r *Roster) Epoch() string { return r.epoch }

// State is the room event that a server would end a frame with if its client
// had this roster.
func (r *Roster) State() event.Room {
	return event.Room{Seq: r.seq, Count: r.Count(), Hash: hexadecimal(r.hash), Watching: r.watching, Partial: r.partial}
}

// hexadecimal is a hash as it travels. It is written for each frame, and fmt takes
// more stack than all that leads to it.
func hexadecimal(hash uint64) string {
	var digits [16]byte
	for i := range digits {
		digits[i] = "0123456789abcdef"[hash>>(60-4*i)&15]
	}
	return string(digits[:])
}
