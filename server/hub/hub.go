// Package hub keeps the rooms: who is present in each, and what each
// connection has yet to be told. It knows no network; connections ask it for
// their next frame.
//
// A room is a log and a connection is a cursor. Changes to a room's roster
// are numbered; a connection remembers the number up to which its client
// knows them. When it is free to write, it asks for the net change from there
// to now, as one frame. Frames between the same two points are encoded once
// and shared. A slow client therefore gets fewer and larger frames, never an
// unbounded queue, and delays nobody.
package hub

import (
	"errors"
	"sync"
	"time"
)

// ErrClosed is what Join returns once the hub is closed.
var ErrClosed = errors.New("hub is closed")

// Options are a hub's settings. The zero value removes users at once.
type Options struct {
	// Linger is how long a user stays after their last connection closed
	// properly, as when a tab is closed: a reload is back before.
	Linger time.Duration
	// Grace is how long a user stays after their last connection was cut.
	Grace time.Duration
}

// Hub is all rooms of a server. Safe for concurrent use.
type Hub struct {
	options Options
	timers  sync.WaitGroup // armed or running removals

	mu     sync.Mutex // guards what follows; never taken while holding a room's lock
	rooms  map[string]*room
	closed bool
}

// New returns a hub without rooms. Close ends it.
func New(options Options) *Hub {
	return &Hub{options: options, rooms: make(map[string]*room)}
}

// Person is somebody who joins a room.
type Person struct {
	// Session is what a user is kept by: joining again with the same one is
	// another tab of the same user.
	Session [16]byte
	// ID is the public id of the session in that room.
	ID string
	// Name is shown as it is; the caller has checked it. It renames a user
	// who is already there.
	Name string
}

// Join makes p present in a room, which is made if nobody is there, and
// returns the connection that will see it. The caller owes the connection a
// Close.
func (h *Hub) Join(roomName string, p Person) (*Conn, error) {
	for {
		r, err := h.open(roomName)
		if err != nil {
			return nil, err
		}
		if c := r.join(p); c != nil {
			return c, nil
		}
		// The room emptied between the two calls.
		h.drop(r)
	}
}

func (h *Hub) open(name string) (*room, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil, ErrClosed
	}
	r := h.rooms[name]
	if r == nil {
		r = newRoom(h, name)
		h.rooms[name] = r
	}
	return r, nil
}

// drop forgets a room that is over.
func (h *Hub) drop(r *room) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.rooms[r.name] == r {
		delete(h.rooms, r.name)
	}
}

// Rooms is the number of rooms that anybody is in.
func (h *Hub) Rooms() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.rooms)
}

// Close refuses further joins, forgets every removal that was still to come
// and waits for those under way. The caller has closed every connection.
func (h *Hub) Close() {
	h.mu.Lock()
	h.closed = true
	rooms := make([]*room, 0, len(h.rooms))
	for _, r := range h.rooms {
		rooms = append(rooms, r)
	}
	h.mu.Unlock()
	for _, r := range rooms {
		r.stopTimers()
	}
	h.timers.Wait()
}
