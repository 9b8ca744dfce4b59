// Package hub keeps the rooms: who is present in each, and what each
// connection has yet to be told. It knows no network; connections are handed
// in as sinks for frames.
//
// A room is a log and a connection is a cursor. Changes to a room's roster
// are numbered; a connection owns no queue, only the number up to which its
// client knows them. When the room has moved on and the connection is free,
// it gets the net change from there to now, as one frame. Frames between the
// same two points are encoded once and shared. First snapshots, live changes,
// resuming after a loss and slow clients are all this one mechanism: a slow
// client gets fewer and larger frames, never an unbounded queue, and delays
// nobody.
package hub

import (
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"rollcall/shared/event"
)

// Why a hub refuses something.
var (
	ErrClosed       = errors.New("hub is closed")
	ErrRoomFull     = errors.New("room is full")
	ErrTooManyRooms = errors.New("there are as many rooms as there may be")
	ErrTooManyViews = errors.New("the room is looked at in as many ways as it may be")
)

// Options are a hub's settings. With the zero value users are removed at
// once, a room never rests and nothing is limited.
type Options struct {
	// Linger is how long a user stays after their last connection closed
	// properly, as when a tab is closed: a reload is back before.
	Linger time.Duration
	// Grace is how long a user stays after their last connection was cut.
	Grace time.Duration
	// Away is how long all of a user's tabs must be inactive for the user
	// to become away by themselves; 0 means never.
	Away time.Duration
	// Tick is the longest that a room rests after a flush. It rests as long
	// as the flush took: in a quiet room nobody waits, in a storm changes
	// are merged.
	Tick time.Duration
	// Window is how many users a room may have for everybody to receive all
	// of them. In a larger one each client receives the view it asks for.
	// It has shrunk when 90 % of Window are left. 0 means no limit.
	Window int
	// MaxMembers limits the users of a room, MaxRooms the rooms; 0 means no
	// limit.
	MaxMembers, MaxRooms int
	// Fold makes names comparable for the query of a view; nil means
	// strings.ToLower.
	Fold func(string) string
	// Now is the clock by which users arrive; nil means time.Now. It may
	// jump.
	Now func() time.Time
}

// maxViews is how many distinct views of a large room are kept up to date,
// beside the first page, which everybody can have.
const maxViews = 256

// Hub is all rooms of a server. Safe for concurrent use.
type Hub struct {
	options           Options
	ring              int      // how many changes a ledger keeps
	rooms             sync.Map // of *room by name; no lock that all rooms share
	open              atomic.Int64
	making            sync.Mutex // so that one room is made at a time
	suspended, closed atomic.Bool
	done              chan struct{}
	running           sync.WaitGroup // flushes and armed timers; joined only under a room's lock while it is not stopped
}

// New returns a hub without rooms. Close ends it.
func New(options Options) *Hub {
	if options.Fold == nil {
		options.Fold = strings.ToLower
	}
	if options.Now == nil {
		options.Now = time.Now
	}
	return &Hub{options: options, ring: ringSize, done: make(chan struct{})}
}

// Person is somebody who joins a room. The caller has checked the texts.
type Person struct {
	// Session is what a user is kept by: joining again with the same one is
	// another tab of the same user.
	Session [16]byte
	// ID is the public id of the session in that room.
	ID string
	// Grant is the session of the first existing_users; empty for who has it
	// already, in a cookie or otherwise.
	Grant string
	// Name is shown as it is. It renames a user who is already there.
	Name string
	// Status and Note, where not nil, replace what a user who is already
	// there has.
	Status *event.Status
	Note   *string
	// Resume is what the client knows of the room, nil if nothing.
	Resume *event.Resume
	// Admit, where not nil, is asked about somebody whom the room does not
	// have and would take. It is called with the room locked, and must not
	// block; its error is Join's.
	Admit func() error
	// Opened is when the connection was opened. A client that was cut and
	// came back may be heard in the wrong order: Name, Status and Note do not
	// replace what a connection opened later has brought. With the zero time,
	// whoever is heard last has the last word.
	Opened time.Time
}

// Join makes p present in a room, which is made if nobody is there, and
// returns the connection that will see it through sink. The caller owes the
// connection a Close. The error is ErrClosed, ErrRoomFull, ErrTooManyRooms or
// that of p.Admit; whoever the room already has, online or expected back, is
// never turned away. Who resumes and has left since by another connection, as
// far as the room remembers, is told so and is not present.
func (h *Hub) Join(name string, p Person, sink Sink) (*Conn, error) {
	return h.enter(name, func(r *room) (*Conn, error) { return r.join(p, sink) })
}

// Watch returns a connection that sees a room without being in it, as Join
// does. Resume is nil or what the client knows of the room.
func (h *Hub) Watch(name string, resume *event.Resume, sink Sink) (*Conn, error) {
	return h.enter(name, func(r *room) (*Conn, error) { return r.watch(resume, sink) })
}

// errOver says that a room ended before it could be entered.
var errOver = errors.New("room is over")

func (h *Hub) enter(name string, enter func(*room) (*Conn, error)) (*Conn, error) {
	for {
		r, err := h.room(name)
		if err != nil {
			return nil, err
		}
		c, err := enter(r)
		if errors.Is(err, errOver) {
			h.drop(r) // whoever ended it is about to
			continue
		}
		if err != nil {
			r.endIfEmpty()
		}
		return c, err
	}
}

func (h *Hub) room(name string) (*room, error) {
	if found, ok := h.rooms.Load(name); ok {
		return found.(*room), nil
	}
	h.making.Lock()
	defer h.making.Unlock()
	if found, ok := h.rooms.Load(name); ok { // made a moment ago
		return found.(*room), nil
	}
	if n := h.options.MaxRooms; n > 0 && h.Rooms() >= n {
		return nil, ErrTooManyRooms
	}
	r := newRoom(h, name)
	h.rooms.Store(name, r)
	h.open.Add(1)
	return r, nil
}

// drop forgets a room that is over, once.
func (h *Hub) drop(r *room) {
	if h.rooms.CompareAndDelete(r.name, r) {
		h.open.Add(-1)
	}
}

// Rooms is the number of rooms that anybody is in or watches.
func (h *Hub) Rooms() int { return int(h.open.Load()) }

// Count returns how many people are in a room, and how many connections watch
// it without being in it.
func (h *Hub) Count(name string) (people, watching int) {
	found, ok := h.rooms.Load(name)
	if !ok {
		return 0, 0
	}
	r := found.(*room)
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.members), r.watching
}

// Close refuses further joins, forgets every removal that was still to come
// and waits for what is under way. The caller has closed every connection.
func (h *Hub) Close() {
	if h.closed.Swap(true) {
		return
	}
	close(h.done)
	h.rooms.Range(func(_, r any) bool {
		r.(*room).stop()
		return true
	})
	h.running.Wait()
}
