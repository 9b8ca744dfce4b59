package hub

import (
	"slices"
	"time"

	"rollcall/server/presence"
	"rollcall/shared/event"
)

// Summary describes a room without its users.
type Summary struct {
	Name  string
	Epoch string // names the room's log: Seq counts its changes
	Seq   uint64
	// Count is how many users are in the room, and Watching how many connections see it
	// without being in it.
	Count, Watching int
}

// Snapshot is a room at one moment.
type Snapshot struct {
	Summary
	Hash  string // as in event.Room
	Users []event.User
}

// lockRoom returns a room with its lock held; nil if there is none. A room that has
// just ended has nobody in it.
func (h *Hub) lockRoom(name string) *room {
	found, ok := h.rooms.Load(name)
	if !ok {
		return nil
	}
	r := found.(*room)
	r.mu.Lock()
	return r
}

// User returns why a user is in a room. It reports false if the id is not in it. It is
// one lookup, whatever the size of the room.
func (h *Hub) User(room, id string) (presence.Why, bool) {
	r := h.lockRoom(room)
	if r == nil {
		return presence.Why{}, false
	}
	defer r.mu.Unlock()
	return r.presence.Why(id)
}

// Connection is what is known of one connection of a user.
type Connection struct {
	Since   time.Time
	Resumed bool // its client came back to what it knew
}

// Connections returns the connections of a user on this server, the oldest first.
func (h *Hub) Connections(room, id string) (conns []Connection) {
	r := h.lockRoom(room)
	if r == nil {
		return nil
	}
	defer r.mu.Unlock()
	for c := range r.presence.Connections(id) {
		conns = append(conns, Connection{time.UnixMilli(c.joinedAt), c.resumed})
	}
	slices.SortFunc(conns, func(a, b Connection) int { return a.Since.Compare(b.Since) })
	return conns
}

// Room returns a room as it is now, with a copy of all users. It reports false if
// nobody is in it or watches it.
func (h *Hub) Room(name string) (Snapshot, bool) {
	r := h.lockRoom(name)
	if r == nil {
		return Snapshot{}, false
	}
	defer r.mu.Unlock()
	return Snapshot{r.summary(), r.roomEvent(&r.log).Hash, r.log.roster.Users()}, !r.ended
}

// Rooms returns a page of the open rooms in the order of their names: at most limit
// rooms, after the name; empty for the first page. It reads the names of all rooms, and
// locks the rooms of the page one after another: they are not of the same moment.
func (h *Hub) Rooms(after string, limit int) []Summary {
	var names []string
	h.rooms.Range(func(name, _ any) bool {
		if name := name.(string); name > after {
			names = append(names, name)
		}
		return true
	})
	slices.Sort(names)
	page := make([]Summary, 0, min(max(0, limit), len(names)))
	for _, name := range names {
		if len(page) == cap(page) {
			break
		}
		if r := h.lockRoom(name); r != nil {
			if !r.ended {
				page = append(page, r.summary())
			}
			r.mu.Unlock()
		}
	}
	return page
}

// OpenRooms returns how many rooms have somebody in them or watching.
func (h *Hub) OpenRooms() int { return int(h.openRooms.Load()) }

func (r *room) summary() Summary {
	return Summary{Name: r.name, Epoch: r.epoch, Seq: r.log.head, Count: r.presence.Len(), Watching: r.watching}
}
