package hub

import (
	"time"

	"rollcall/shared/event"
)

// State is what of a hub outlives a clean shutdown: its rooms and who was in
// them, so that clients that come back are told what has changed, and nobody
// is seen to leave. It holds sessions, which are secrets.
type State struct {
	Rooms []RoomState `json:"rooms"`
}

// RoomState is a room at one seq.
type RoomState struct {
	Name    string        `json:"name"`
	Epoch   string        `json:"epoch"`
	Seq     uint64        `json:"seq"`
	Members []MemberState `json:"members"`
}

// MemberState is a user of a room.
type MemberState struct {
	Session [16]byte     `json:"session"`
	User    event.User   `json:"user"`
	Hand    event.Status `json:"hand"` // the status chosen by hand
	Away    bool         `json:"away"`
	// Stay is what was left for them to come back, if they had no
	// connection, and Reason why not; 0 and empty if they had one, or have
	// had none since the server began.
	Stay   time.Duration `json:"stay,omitempty"`
	Reason event.Reason  `json:"reason,omitempty"`
}

// Held is how long those who had a connection when the server ended are held
// after it has begun again, for them to come back: browsers let the timers of
// hidden pages run once a minute.
const Held = 90 * time.Second

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
		if len(r.members) == 0 {
			return true
		}
		saved := RoomState{Name: r.name, Epoch: r.epoch, Seq: r.all.head}
		for _, m := range r.members {
			u, _ := r.all.roster.Get(m.id)
			state := MemberState{Session: m.session, User: u, Hand: m.hand, Away: m.away}
			if m.removal != nil && !m.held {
				state.Stay, state.Reason = time.Until(m.goes), m.reason
			}
			saved.Members = append(saved.Members, state)
		}
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
			h.open.Add(1)
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
		users[i] = m.User
	}
	r.all.roster.Apply(event.ExistingUsers{Users: users})
	r.all.begin(s.Seq)
	if len(s.Members) > 0 && r.name != event.Lobby {
		r.hub.slots.restore()
	}
	r.resize()
	for _, saved := range s.Members {
		m := &member{session: saved.Session, id: saved.User.ID, hand: saved.Hand, away: saved.Away}
		r.members[m.session] = m
		if saved.Reason != "" {
			r.expect(m, saved.Reason, max(0, saved.Stay))
		} else {
			r.expect(m, event.ReasonLost, Held)
			m.held = true
		}
	}
}
