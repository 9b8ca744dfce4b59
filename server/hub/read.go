package hub

import (
	"slices"

	"rollcall/server/presence"
	"rollcall/shared/event"
)

// Summary is what there is to know of a room in few words.
type Summary struct {
	Name  string
	Epoch string // names this life of the room; Seq counts within it
	Seq   uint64
	// Count is how many people are in the room, Watching how many connections
	// are without being in it.
	Count, Watching int
}

// Snapshot is a room at one moment.
type Snapshot struct {
	Summary
	Hash  string // as in event.Room
	Users []event.User
}

// lockRoom returns a room with its lock held, and nil if it is not open. It may be
// over, and then nobody is in it.
func (h *Hub) lockRoom(name string) *room {
	found, ok := h.rooms.Load(name)
	if !ok {
		return nil
	}
	r := found.(*room)
	r.mu.Lock()
	return r
}

// User returns one user of a room with why they are here. It reports false for
// an id that is not in it. It takes as long as a lookup.
func (h *Hub) User(room, id string) (presence.Why, bool) {
	r := h.lockRoom(room)
	if r == nil {
		return presence.Why{}, false
	}
	defer r.mu.Unlock()
	return r.presence.Why(id)
}

// Room returns a room as it is now, with a copy of everybody in it. It reports
// false if nobody is in it or watches it.
func (h *Hub) Room(name string) (Snapshot, bool) {
	r := h.lockRoom(name)
	if r == nil {
		return Snapshot{}, false
	}
	defer r.mu.Unlock()
	return Snapshot{r.summary(), r.roomEvent(&r.log).Hash, r.log.roster.Users()}, !r.ended
}

// Rooms returns a page of the open rooms, in order of their names: those after
// a name, empty for the first page, and at most limit. It looks at the names of
// all rooms, and locks those of the page one after another, so they are not of
// the same moment.
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

// OpenRooms is how many rooms anybody is in or watches.
func (h *Hub) OpenRooms() int { return int(h.openRooms.Load()) }

func (r *room) summary() Summary {
	return Summary{Name: r.name, Epoch: r.epoch, Seq: r.log.head, Count: r.presence.Len(), Watching: r.watching}
}
