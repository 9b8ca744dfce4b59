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

// Roster is the users in a room or, in a large room, those in the client's view of it.
// The zero value is an empty roster, ready to use. It is not safe for concurrent use.
type Roster struct {
	self  string
	me    event.User // the client's own user as last received; zero before
	room  string
	epoch string
	seq   uint64
	users []event.User     // ordered by event.User.Compare
	since map[string]int64 // the Since of each of users, by id: it is needed to find them
	hash  uint64           // XOR of the hash of each of users

	watching int // how many connections watch the room, as last received

	large       bool // the room is large: users are a view of it
	from, total int  // the view's first place, and how many there are to view
	count       int  // users in the large room
}

// Kind says what an event changed.
type Kind int

// What an event can do.
const (
	Reset   Kind = iota // a snapshot replaced the roster whole
	Arrived             // User is new
	Updated             // User changed, from Before
	Gone                // User, as last known, is no longer here
	Shown               // User came into the view
	Hidden              // User, as last known, is no longer in the view
)

// Change is what an event changed of one user, or of all.
type Change struct {
	Kind         Kind
	User, Before event.User // zero unless the Kind says otherwise
}

// Apply changes the roster as an event says and returns the changes: none for an
// event that is not about the roster, or that says nothing new. The error is nil or
// an [ErrDrift].
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
		changes = r.set(changes, e.User)
	case event.UpdateUser:
		changes = r.set(changes, e.User)
	case event.DisconnectUser:
		changes = r.remove(changes, e.ID)
		if e.ID == r.self {
			r.me = event.User{}
		}
	case event.Room:
		r.seq, r.watching = e.Seq, e.Watching
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
	r.setView(e)
	for _, u := range e.Users {
		r.set(nil, u)
	}
}

// resume applies the changes since the last frame.
func (r *Roster) resume(e event.ExistingUsers) []Change {
	var changes []Change
	if e.Self != "" {
		r.self = e.Self
	}
	before, outside := r.me, e.Me != nil
	r.setView(e)
	if outside && before != r.me {
		changes = append(changes, Change{Kind: Updated, User: r.me, Before: before})
	}
	for _, id := range e.Gone {
		changes = r.remove(changes, id)
	}
	for _, u := range e.Users {
		changes = r.set(changes, u)
	}
	return changes
}

// setView takes over which part of the room the roster has.
func (r *Roster) setView(e event.ExistingUsers) {
	r.large = e.Total != nil
	r.from, r.total = e.From, 0
	if r.large {
		r.total = *e.Total
	}
	if e.Me != nil {
		r.me = *e.Me
	}
}

// set adds or replaces a user and appends what that changed to changes.
func (r *Roster) set(changes []Change, u event.User) []Change {
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
	if known { // the user left and came back, and has another place now
		before = r.delete(i)
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

// remove removes a user and appends what that changed to changes.
func (r *Roster) remove(changes []Change, id string) []Change {
	i, known := r.find(id)
	switch {
	case !known:
		return changes
	case r.large:
		return append(changes, Change{Kind: Hidden, User: r.delete(i)})
	}
	return append(changes, Change{Kind: Gone, User: r.delete(i)})
}

// delete removes the user at a place.
func (r *Roster) delete(i int) event.User {
	u := r.users[i]
	r.users = slices.Delete(r.users, i, i+1)
	delete(r.since, u.ID)
	r.hash ^= u.Hash()
	r.shrink()
	return u
}

// shrink frees the memory of many users who are gone, which slices and maps keep.
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

// spare is how many unused places are not worth freeing.
const spare = 16

func (r *Roster) find(id string) (int, bool) {
	since, ok := r.since[id]
	if !ok {
		return 0, false
	}
	return r.search(event.User{ID: id, Since: since})
}

func (r *Roster) search(u event.User) (int, bool) {
	// Most new users come last, so that one comparison is enough.
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

// Me returns the client's own user, inside the view or not. It reports false for a
// client that is not in the room.
func (r *Roster) Me() (event.User, bool) { return r.me, r.me.ID != "" }

// Users returns a copy of all users on the roster, in order of arrival.
func (r *Roster) Users() []event.User { return slices.Clone(r.users) }

// Borrow is Users without the copy. The caller must not change it, and not use it
// after the next Apply.
func (r *Roster) Borrow() []event.User { return r.users }

// Len is the number of users on the roster.
func (r *Roster) Len() int { return len(r.users) }

// Count is the number of users in the room. In a large room it is more than Len.
func (r *Roster) Count() int {
	if r.large {
		return r.count
	}
	return len(r.users)
}

// Watching is how many connections watch the room without being in it, as last
// received.
func (r *Roster) Watching() int { return r.watching }

// View returns the first place that the roster has, and how many users there are to
// view: all of the room, or those that match the query. It reports false if the roster
// is the whole room.
func (r *Roster) View() (from, total int, ok bool) { return r.from, r.total, r.large }

// Self is the id of the client's own user. It is empty before the first snapshot, and
// for a client that watches.
func (r *Roster) Self() string { return r.self }

// Room is the room's name, empty before the first snapshot.
func (r *Roster) Room() string { return r.room }

// Epoch is the epoch of the room, empty before the first snapshot.
func (r *Roster) Epoch() string { return r.epoch }

// State is the room event with which a server ends a frame if its client has this
// roster.
func (r *Roster) State() event.Room {
	return event.Room{Seq: r.seq, Count: r.Count(), Hash: hexadecimal(r.hash), Watching: r.watching}
}

// hexadecimal is a hash as frames have it. Each frame has one, and fmt would need more
// stack than all of its callers together.
func hexadecimal(hash uint64) string {
	var digits [16]byte
	for i := range digits {
		digits[i] = "0123456789abcdef"[hash>>(60-4*i)&15]
	}
	return string(digits[:])
}
