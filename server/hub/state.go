package hub

import (
	"time"

	"rollcall/server/presence"
	"rollcall/shared/event"
)

// State is what of a hub outlives a clean shutdown: its rooms and who was in
// them, so that clients that come back are told what has changed, and nobody
// is seen to leave.
type State struct {
	Rooms []RoomState `json:"rooms"`
}

// RoomState is a room at one seq.
type RoomState struct {
	Name    string           `json:"name"`
	Epoch   string           `json:"epoch"`
	Seq     uint64           `json:"seq"`
	Members []presence.Saved `json:"members"`
}

// HoldAfterRestart is how long those who had a connection when the server ended are held
// after it has begun again, for them to come back: browsers let the timers of
// hidden pages run once a minute.
const HoldAfterRestart = 90 * time.Second

// Suspend is the beginning of a clean shutdown: from now on the end of a
// connection says nothing of its user, since it is the server that ends it.
func (h *Hub) Suspend() { h.suspended.Store(true) }

// Save returns the rooms with somebody in them. After Suspend it is what Restore
// is to be given.
func (h *Hub) Save() State {
	var s State
	h.rooms.Range(func(_, found any) bool {
		r := found.(*room)
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.presence.Len() == 0 {
			return true
		}
		saved := RoomState{Name: r.name, Epoch: r.epoch, Seq: r.log.head, Members: r.presence.Save(r.now())}
		s.Rooms = append(s.Rooms, saved)
		return true
	})
	return s
}

// Restore takes up what Save returned. It is called before anybody joins.
// Whoever had a connection is gone after Held unless they come back; the others
// after what was left for them.
func (h *Hub) Restore(s State) {
	for _, saved := range s.Rooms {
		r := newRoom(h, saved.Name)
		if _, taken := h.rooms.LoadOrStore(saved.Name, r); !taken {
			h.openRooms.Add(1)
			r.restore(saved)
		}
	}
}

func (r *room) restore(s RoomState) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.epoch = s.Epoch
	users := make([]event.User, len(s.Members))
	for i, m := range s.Members {
		users[i] = m.User.Encoded()
	}
	r.log.roster.Apply(event.ExistingUsers{Users: users})
	r.log.reset(s.Seq)
	if len(s.Members) > 0 && r.name != event.Lobby {
		r.hub.slots.restore()
		r.hasSlot = true
	}
	r.resize()
	r.applyAll(r.presence.Restore(r.now(), s.Members, HoldAfterRestart), nil)
}
