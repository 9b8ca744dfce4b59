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
	ErrTooManyRooms = errors.New("there are as many rooms as there may be, or as one source may have")
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
	// MaxMembers limits the users of a room; 0 means no limit.
	MaxMembers int
	// MaxRooms limits the rooms with users in them; 0 means no limit. The
	// lobby does not count. One [Visitor.Source] gets at most a tenth of them.
	MaxRooms int
	// MaxAbsent limits, in all rooms together, the users who have no connection
	// and are expected back; 0 means no limit. When there are as many, whose last
	// connection ends is gone at once: to come and go costs little, and otherwise
	// there could be any number of them.
	MaxAbsent int
	// Fold makes names comparable for the query of a view; nil means
	// strings.ToLower.
	Fold func(string) string
	// Now is the clock by which users arrive; nil means time.Now. It may
	// jump.
	Now func() time.Time
}

// Hub is all rooms of a server. Safe for concurrent use.
type Hub struct {
	options           Options
	logEntries        int          // how many changes a log keeps
	rooms             sync.Map     // of *room by name; no lock that all rooms share
	openRooms, absent atomic.Int64 // how many rooms, and how many users without a connection
	slots             slots
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
	return &Hub{options: options, logEntries: maxLogEntries, slots: newSlots(options.MaxRooms), done: make(chan struct{})}
}

// Visitor is anybody who comes into a room, to join it or to watch it.
type Visitor struct {
	// Resume is what the client knows of the room, nil if nothing.
	Resume *event.Resume
	// Ref is that of the hello, 0 if it has none.
	Ref event.Ref
	// Source is whoever shares in what all use, such as an address: a few
	// sources cannot use up the rooms, nor the views of a room. Empty is a
	// source that nothing is counted of.
	Source string
	// Admit, where not nil, is asked about whoever the room would take, unless
	// it has them and they resume what it still knows. Known says that it has
	// them. Its error is that of Join or Watch.
	Admit func(known bool) error
	// Charge, where not nil, is told what the visitor's doings cost: how many
	// bytes others are told, or as good as these. It may be told as long as
	// the connection is open.
	//
	// Admit and Charge are called with the room locked, and must not block.
	Charge func(bytes int)
}

// Person is somebody who joins a room. The caller has checked the texts, and
// the data are canonical.
type Person struct {
	Visitor
	// ID is the public id of the session in that room, which a user is kept by:
	// joining again with the same one is another tab of the same user.
	ID string
	// NewSession is the session of the first existing_users; empty for who has it
	// already, in a cookie or otherwise.
	NewSession string
	// Profile says who they are, if the room does not have them, and Change what is to
	// be different now. One of the two has a name.
	Profile, Change event.Patch
	// Tab and Ref say which of a client's changes Wanted is, so that it is not
	// done twice; without a tab it always is.
	Tab string
}

// Join makes p present in a room, which is made if nobody is there, and
// returns the connection that will see it through sink. The caller owes the
// connection a Close. The error is ErrClosed, ErrRoomFull, ErrTooManyRooms,
// event.ErrDataTooLong or that of p.Admit; whoever the room already has, online
// or expected back, is turned away by the last two only. Who resumes and has left
// since by another connection, as far as the room remembers, is told so and is not
// present.
func (h *Hub) Join(name string, p Person, sink Sink) (*Conn, error) {
	return h.enter(name, func(r *room) (*Conn, error) { return r.join(p, sink) })
}

// Watch returns a connection that sees a room without being in it, as Join
// does. The error is ErrClosed or that of v.Admit.
func (h *Hub) Watch(name string, v Visitor, sink Sink) (*Conn, error) {
	return h.enter(name, func(r *room) (*Conn, error) { return r.watch(v, sink) })
}

// errEnded says that a room ended before it could be entered.
var errEnded = errors.New("room has ended")

func (h *Hub) enter(name string, enter func(*room) (*Conn, error)) (*Conn, error) {
	for {
		r := h.room(name)
		c, err := enter(r)
		if errors.Is(err, errEnded) {
			h.remove(r) // whoever ended it is about to
			continue
		}
		if err != nil {
			r.endIfEmpty()
		}
		return c, err
	}
}

func (h *Hub) room(name string) *room {
	if found, ok := h.rooms.Load(name); ok {
		return found.(*room)
	}
	found, known := h.rooms.LoadOrStore(name, newRoom(h, name))
	if !known {
		h.openRooms.Add(1)
	}
	return found.(*room)
}

// remove takes an ended room off the list, once.
func (h *Hub) remove(r *room) {
	if h.rooms.CompareAndDelete(r.name, r) {
		h.openRooms.Add(-1)
	}
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
