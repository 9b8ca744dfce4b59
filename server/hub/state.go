package hub

import (
	"slices"
	"time"

	"rollcall/server/presence"
	"rollcall/shared/event"
)

// State is what of a hub survives a clean shutdown: its rooms and who was in them. So
// nobody is seen to leave, and clients that come back are told what has changed.
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

// Keep removes those users for whom keep returns false. A room without some of its users
// gets another epoch: clients would not be told that they have gone.
func (s *State) Keep(keep func(room, id string) bool) {
	for i := range s.Rooms {
		r := &s.Rooms[i]
		all := len(r.Members)
		r.Members = slices.DeleteFunc(r.Members, func(m presence.Saved) bool { return !keep(r.Name, m.User.ID) })
		if len(r.Members) < all {
			r.Epoch = ""
		}
	}
	s.Rooms = slices.DeleteFunc(s.Rooms, func(r RoomState) bool { return len(r.Members) == 0 })
}

// HoldAfterRestart is how long after a restart users stay who had a connection before,
// so that they can come back: browsers run the timers of hidden pages once a minute.
const HoldAfterRestart = 90 * time.Second

// Suspend begins a clean shutdown: from now on users stay when their connections end,
// since it is the server that ends them.
func (h *Hub) Suspend() { h.suspended.Store(true) }

// Save returns the rooms with somebody in them, for Restore. It is called after
// Suspend. It locks one room after another, and takes some microseconds for every user.
func (h *Hub) Save() State {
	var s State
	h.rooms.Range(func(_, found any) bool {
		r := found.(*room)
		r.mu.Lock()
		defer r.mu.Unlock()
		saved := RoomState{Name: r.name, Epoch: r.epoch, Seq: r.log.head, Members: r.presence.Save(r.now())}
		if len(saved.Members) == 0 {
			return true
		}
		s.Rooms = append(s.Rooms, saved)
		return true
	})
	return s
}

// Restore makes the rooms that Save returned. It is called before anybody joins. Users
// who had a connection are removed after HoldAfterRestart unless they come back, others
// after the time that was left for them. It takes some 10 µs for every user.
func (h *Hub) Restore(s State) {
	for _, saved := range s.Rooms {
		r := newRoom(h, saved.Name)
		if _, taken := h.rooms.LoadOrStore(saved.Name, r); !taken {
			r.restore(saved)
			h.opened(r, true)
		}
	}
}

func (r *room) restore(s RoomState) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s.Epoch != "" {
		r.epoch = s.Epoch
	}
	users := make([]event.User, len(s.Members))
	for i, m := range s.Members {
		users[i] = m.User.Encoded()
	}
	// In their order: to insert each of 20,000 users before others would take seconds.
	slices.SortFunc(users, event.User.Compare)
	r.log.roster.Apply(event.ExistingUsers{Users: users})
	r.log.reset(s.Seq)
	if len(s.Members) > 0 && r.name != event.Lobby {
		r.hub.slots.restore()
		r.hasSlot = true
	}
	r.resize()
	r.applyAll(r.presence.Restore(r.now(), s.Members, HoldAfterRestart), nil)
}
