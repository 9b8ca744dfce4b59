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

// Roster is who is in a room. The zero value is an empty roster, ready to
// use. It is not safe for concurrent use.
type Roster struct {
	self  string
	room  string
	epoch string
	seq   uint64
	users []event.User     // ordered by event.User.Compare
	since map[string]int64 // of each user in users, by id: the key to find them by
	hash  uint64           // XOR of Hash over users
}

// Kind is what one event did to a roster.
type Kind int

// What an event can do.
const (
	Nothing Kind = iota // the roster is as it was
	Reset               // a snapshot replaced it whole
	Arrived             // User is new
	Updated             // User changed, from Before
	Gone                // User, as last known, is no longer here
)

// Change is the effect of one event.
type Change struct {
	Kind         Kind
	User, Before event.User
}

// Apply turns an event into the roster's next state and says what that
// changed. Events that say nothing of a roster change nothing. The error is
// nil or an [ErrDrift].
func (r *Roster) Apply(e event.Event) (Change, error) {
	switch e := e.(type) {
	case event.ExistingUsers:
		r.reset(e)
		return Change{Kind: Reset}, nil

	case event.NewUser:
		return r.put(e.User), nil

	case event.UpdateUser:
		return r.put(e.User), nil

	case event.DisconnectUser:
		gone, ok := r.remove(e.ID)
		if !ok {
			return Change{}, nil
		}
		return Change{Kind: Gone, User: gone}, nil

	case event.Room:
		r.seq = e.Seq
		if mine := r.State(); mine != e {
			return Change{}, fmt.Errorf("%w at seq %d: %d users and hash %s here, %d and %s there",
				ErrDrift, e.Seq, mine.Count, mine.Hash, e.Count, e.Hash)
		}
	}
	return Change{}, nil
}

func (r *Roster) reset(e event.ExistingUsers) {
	r.self, r.room, r.epoch = e.Self, e.Room, e.Epoch
	r.users = make([]event.User, 0, len(e.Users))
	r.since = make(map[string]int64, len(e.Users))
	r.hash = 0
	for _, u := range e.Users {
		r.put(u)
	}
}

func (r *Roster) put(u event.User) Change {
	i, known := r.find(u.ID)
	if known && r.users[i].Since == u.Since {
		before := r.users[i]
		if before == u {
			return Change{}
		}
		r.users[i] = u
		r.hash ^= Hash(before) ^ Hash(u)
		return Change{Kind: Updated, User: u, Before: before}
	}
	before, known := r.remove(u.ID) // they left and came back: their place is another
	i, _ = slices.BinarySearchFunc(r.users, u, event.User.Compare)
	r.users = slices.Insert(r.users, i, u)
	if r.since == nil {
		r.since = make(map[string]int64)
	}
	r.since[u.ID] = u.Since
	r.hash ^= Hash(u)
	if known {
		return Change{Kind: Updated, User: u, Before: before}
	}
	return Change{Kind: Arrived, User: u}
}

func (r *Roster) remove(id string) (event.User, bool) {
	i, ok := r.find(id)
	if !ok {
		return event.User{}, false
	}
	u := r.users[i]
	r.users = slices.Delete(r.users, i, i+1)
	delete(r.since, id)
	r.hash ^= Hash(u)
	return u, true
}

func (r *Roster) find(id string) (int, bool) {
	since, ok := r.since[id]
	if !ok {
		return 0, false
	}
	return slices.BinarySearchFunc(r.users, event.User{ID: id, Since: since}, event.User.Compare)
}

// Get returns the user of that id, if they are here.
func (r *Roster) Get(id string) (event.User, bool) {
	i, ok := r.find(id)
	if !ok {
		return event.User{}, false
	}
	return r.users[i], true
}

// Users returns a copy of everybody, in order of arrival.
func (r *Roster) Users() []event.User { return slices.Clone(r.users) }

// Len is the number of users.
func (r *Roster) Len() int { return len(r.users) }

// Self is the client's own id, empty before the first snapshot.
func (r *Roster) Self() string { return r.self }

// Room is the room's name, empty before the first snapshot.
func (r *Roster) Room() string { return r.room }

// Epoch names the life of the room that the roster is of, empty before the
// first snapshot.
func (r *Roster) Epoch() string { return r.epoch }

// State is the room event that a server would end a frame with if its roster
// were this one.
func (r *Roster) State() event.Room {
	return event.Room{Seq: r.seq, Count: len(r.users), Hash: fmt.Sprintf("%016x", r.hash)}
}
