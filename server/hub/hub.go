// Package hub keeps the rooms: who is present in each, and what each connection is
// still to be told. It knows no network: callers give it a sink for the frames of each
// connection.
//
// A room is a log and a connection is a cursor. Changes to a room's roster
// are numbered. A connection has no queue, only the number up to which its client knows
// the changes. When there are newer ones and the connection is free, it gets the net
// change from there to now, as one frame. Frames between the same two numbers are
// encoded once and shared. First snapshots, live changes, resuming after a loss and
// slow clients all use this one mechanism: a slow client gets fewer and larger frames,
// never an unbounded queue, and delays nobody.
package hub

import (
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"rollcall/server/presence"
	"rollcall/shared/event"
)

// Why a hub refuses something.
var (
	ErrClosed       = errors.New("hub is closed")
	ErrRoomFull     = errors.New("room is full")
	ErrTooManyRooms = errors.New("there are as many rooms as there may be, or as one source may have")
	ErrStoodStill   = errors.New("this server has stood still, and does not know yet what has happened on others")
	ErrTooManyViews = errors.New("the room has as many views as it may have")
)

// Options are a hub's settings. With the zero value users are removed at once, a room
// flushes without pauses and nothing is limited.
type Options struct {
	// Linger is how long a user stays after their last connection was closed properly,
	// as when a tab is closed. A reload takes less.
	Linger time.Duration
	// Grace is how long a user stays after their last connection was lost.
	Grace time.Duration
	// Away is how long all of a user's tabs must be inactive for the user
	// to become away by themselves; 0 means never.
	Away time.Duration
	// Tick is the longest pause of a room after a flush. The pause is as long as the
	// flush took. So nobody waits while little happens, and in a storm changes are
	// merged.
	Tick time.Duration
	// Window is the largest number of users of a room in which everybody receives all
	// of them. In a larger room each client receives the view that it asks for. The
	// room is large until 90 % of Window are left. 0 means no limit.
	Window int
	// MaxMembers limits the users of a room; 0 means no limit.
	MaxMembers int
	// MaxRooms limits the rooms with users in them; 0 means no limit. The
	// lobby does not count. One [Visitor.Source] gets at most a tenth of them.
	MaxRooms int
	// MaxAbsent limits, in all rooms together, the users who stay without a connection;
	// 0 means no limit. When there are as many, a user is removed at once when the last
	// connection ends: to come and go costs little, so there could be any number.
	MaxAbsent int
	// Fold makes names comparable for the query of a view; nil means
	// strings.ToLower.
	Fold func(string) string
	// Cluster, unless nil, shares the rooms with other servers, among which Owner names
	// this run of this server.
	Cluster Cluster
	Owner   presence.Owner
	// Journal has the hub note which users have changed, for Changes.
	Journal bool
	// Seen, unless nil, is called with how long it took from when somebody joined until a
	// frame that says so was given to all connections that take one. It must not block.
	Seen func(time.Duration)
	// Now is the clock for the times that clients are told; nil means time.Now. It may
	// jump.
	Now func() time.Time
}

// Hub is all rooms of a server. Safe for concurrent use. A call waits for the lock of a
// room, which is held for some milliseconds in the largest rooms, and never while a frame
// is sent.
type Hub struct {
	options           Options
	logEntries        int // how many changes a log keeps
	counts            Counts
	unsaved           unsaved      // rooms with changes for Changes
	rooms             sync.Map     // of *room by name; so all rooms share no lock
	openRooms, absent atomic.Int64 // how many rooms, and how many users without a connection
	slots             slots
	suspended, closed atomic.Bool
	entries           atomic.Uint64 // how many entries of users this server has made
	done              chan struct{}
	running           sync.WaitGroup // flushes and alarms; added to only with the lock of a room that is not stopped
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

// Visitor is a client that enters a room, to join it or to watch it.
type Visitor struct {
	// Resume says what the client knows of the room; nil if nothing.
	Resume *event.Resume
	// Ref is the ref of the hello; 0 if it has none.
	Ref event.Ref
	// Source is for whom rooms and views are counted, such as an address: a few sources
	// cannot use up the rooms, or the views of a room. Nothing is counted for the empty
	// source.
	Source string
	// Admit, unless nil, decides whether the client may enter. It is not asked about a
	// client that resumes, if its user is in the room and the log reaches that far.
	// Known is whether the user is in the room. Its error becomes that of Join or Watch.
	Admit func(known bool) error
	// Charge, unless nil, is called with what the client has cost: how many bytes others
	// are sent because of it, or work that takes as long. It may be called as long as
	// the connection is open.
	//
	// Admit and Charge are called with the room locked, and must not block.
	Charge func(bytes int)
}

// Person is somebody who joins a room. The caller has checked the texts, and
// the data are canonical.
type Person struct {
	Visitor
	// ID is the public id of the session in that room, and names the user: a second
	// Join with the same ID is another tab of the same user.
	ID string
	// NewSession is the session to send in the first existing_users; empty for a client
	// that has it already.
	NewSession string
	// Profile is used only if the user is not in the room. Change is done in any case.
	// One of the two has a name.
	Profile, Change event.Patch
	// Tab names the client over all its connections. With it, a Change whose Ref was
	// done already is not done again. Without a tab, Change is always done.
	Tab string
}

// Join makes p present in a room, and makes the room if there is none. It returns the
// connection, whose frames go to sink. The caller must Close it. The error is
// ErrClosed, ErrStoodStill, ErrRoomFull, ErrTooManyRooms, event.ErrDataTooLong or that of
// p.Admit. With a cluster, the first who enters a room waits for Shared.Ready. A user who
// is in the room already gets only one of the last two, and ErrTooManyRooms if they are on
// other servers only. A client that resumes and whose user has left since by another
// connection is told that, and does not join.
func (h *Hub) Join(name string, p Person, sink Sink) (*Conn, error) {
	return h.enter(name, func(r *room) (*Conn, error) { return r.join(p, sink) })
}

// Watch is Join for a client that sees the room without being in it. The error is
// ErrClosed, ErrStoodStill or that of v.Admit.
func (h *Hub) Watch(name string, v Visitor, sink Sink) (*Conn, error) {
	return h.enter(name, func(r *room) (*Conn, error) { return r.watch(v, sink) })
}

// errEnded says that a room ended before it could be entered.
var errEnded = errors.New("room has ended")

func (h *Hub) enter(name string, enter func(*room) (*Conn, error)) (*Conn, error) {
	for {
		r := h.room(name)
		entered := func() {}
		if r.opening != nil {
			entered = r.await()
		}
		c, err := h.enterNow(r, enter)
		entered()
		if errors.Is(err, errEnded) {
			h.remove(r) // the one who ended it is about to do so too
			continue
		}
		if err != nil {
			r.endIfEmpty()
		}
		return c, err
	}
}

// enterNow enters a room, unless this server has stood still.
func (h *Hub) enterNow(r *room, enter func(*room) (*Conn, error)) (*Conn, error) {
	if h.options.Cluster == nil {
		return enter(r)
	}
	number, current := h.options.Cluster.Generation()
	if !current {
		return nil, ErrStoodStill
	}
	c, err := enter(r)
	if err == nil {
		c.generation = number
	}
	return c, err
}

func (h *Hub) room(name string) *room {
	if found, ok := h.rooms.Load(name); ok {
		return found.(*room)
	}
	found, known := h.rooms.LoadOrStore(name, newRoom(h, name))
	if !known {
		h.opened(found.(*room), false)
	}
	return found.(*room)
}

// opened is called once for each room, when others can find it.
func (h *Hub) opened(r *room, restored bool) {
	h.openRooms.Add(1)
	if h.options.Cluster != nil {
		r.shared.restored = restored
		h.options.Cluster.Opened(&r.shared)
	}
}

// remove takes an ended room off the list. Only the first call does.
func (h *Hub) remove(r *room) {
	if h.rooms.CompareAndDelete(r.name, r) {
		h.openRooms.Add(-1)
		if h.options.Cluster != nil {
			h.options.Cluster.Ended(&r.shared)
		}
	}
}

// Close ends the hub: nobody can enter any more, and users without a connection are
// not removed any more. It waits for flushes under way, which end within milliseconds
// as sinks do not block. The caller has closed every connection.
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
