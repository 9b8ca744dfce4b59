package hub

import (
	"slices"
	"sync"

	"rollcall/server/presence"
)

// This file tells what a journal has to have, so that after a crash the rooms can be restored.

// RoomChange is what has changed of the users of this server in a room. Either may be there
// though nothing is different.
type RoomChange struct {
	Room string           `json:"room"`
	Put  []presence.Saved `json:"put,omitempty"`  // users as they are now
	Gone []string         `json:"gone,omitempty"` // the ids of those who are not there any more
}

// maxChange is how many users a RoomChange has: as many as are read while the room is locked.
const maxChange = 256

// unsaved are rooms in which users have changed, in the order of their first change.
type unsaved struct {
	mu    sync.Mutex // guards rooms
	rooms []*room
}

// noteUnsaved notes users for Changes.
func (r *room) noteUnsaved(changes []presence.Changed) {
	if len(changes) == 0 {
		return
	}
	if r.unsaved == nil {
		r.unsaved = make(map[string]struct{})
		u := &r.hub.unsaved
		u.mu.Lock()
		u.rooms = append(u.rooms, r)
		u.mu.Unlock()
	}
	for _, c := range changes {
		r.unsaved[c.ID] = struct{}{}
	}
}

// Changes calls do with all that has changed since it was called last, in an order in which
// it can be applied. It needs Options.Journal. No room is locked while do runs, and none for
// longer than some hundred microseconds at a time. Only one call may run at a time.
func (h *Hub) Changes(do func(RoomChange)) {
	h.unsaved.mu.Lock()
	rooms := h.unsaved.rooms
	h.unsaved.rooms = nil
	h.unsaved.mu.Unlock()
	for _, r := range rooms {
		r.mu.Lock()
		changed := make([]string, 0, len(r.unsaved))
		for id := range r.unsaved {
			changed = append(changed, id)
		}
		r.unsaved = nil
		r.mu.Unlock()
		r.tell(changed, do)
	}
}

// All calls do with all users of this server, as Changes does.
func (h *Hub) All(do func(RoomChange)) {
	h.rooms.Range(func(_, found any) bool {
		r := found.(*room)
		r.mu.Lock()
		ids := r.presence.LocalIDs()
		r.mu.Unlock()
		r.tell(ids, do)
		return true
	})
}

// tell calls do with how users are.
func (r *room) tell(ids []string, do func(RoomChange)) {
	for some := range slices.Chunk(ids, maxChange) {
		change := RoomChange{Room: r.name}
		r.mu.Lock()
		for _, id := range some {
			if s, ok := r.presence.SaveUser(r.now(), id); ok {
				change.Put = append(change.Put, s)
			} else {
				change.Gone = append(change.Gone, id)
			}
		}
		r.mu.Unlock()
		do(change)
	}
}
