package hub

import (
	"sync"

	"rollcall/shared/event"
)

// mayHold reports whether a source that holds a number of things may have one more. A
// source may hold one part of all; parts is how many parts there are. The last quarter
// is for sources that hold less than a 64th of all: things are seldom given back, and
// one source must not leave nothing for others. The empty source may have every thing
// that is free.
func mayHold(source string, held, free, all, parts int) bool {
	switch {
	case free <= 0:
		return false
	case source == "" || held < max(1, all/64):
		return true
	}
	return held < all/parts && free > all/4
}

const (
	roomParts = 10 // one source has at most a tenth of the rooms
	viewParts = 2  // and half of the views of a room
)

// slots counts the rooms with users, of which there is a limited number. Safe for
// concurrent use. Its lock may be taken while a room's lock is held, not the other way
// round.
type slots struct {
	max int // 0 is no limit

	mu   sync.Mutex // guards what follows
	used int
	held map[string]int // by source
}

func newSlots(limit int) slots { return slots{max: limit, held: make(map[string]int)} }

// take takes a slot for a source. It reports false if the source may not have one.
func (s *slots) take(source string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.max > 0 && !mayHold(source, s.held[source], s.max-s.used, s.max, roomParts) {
		return false
	}
	s.used++
	if source != "" {
		s.held[source]++
	}
	return true
}

// restore takes a slot for a room of the last run, whatever the limit is.
func (s *slots) restore() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used++
}

// release gives a slot back.
func (s *slots) release(source string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used--
	if source == "" {
		return
	}
	if s.held[source]--; s.held[source] == 0 {
		delete(s.held, source)
	}
}

// admitUser returns why one more user must not join. Otherwise the room has a slot.
func (r *room) admitUser(v Visitor) error {
	if limit := r.hub.options.MaxMembers; limit > 0 && r.presence.Len() >= limit {
		return ErrRoomFull
	}
	if !r.takeSlot(v.Source) {
		return ErrTooManyRooms
	}
	if v.Admit == nil {
		return nil
	}
	err := v.Admit(false)
	if err != nil {
		r.releaseUnusedSlot()
	}
	return err
}

// takeSlot takes the slot that a room with users needs, unless it has one. The lobby,
// where everybody can go, needs none. It reports false if no slot is left.
func (r *room) takeSlot(source string) bool {
	if r.hasSlot || r.name == event.Lobby {
		return true
	}
	r.source = source
	r.hasSlot = r.hub.slots.take(source)
	return r.hasSlot
}

// releaseUnusedSlot gives the slot of a room without users of this server back, if it has
// one.
func (r *room) releaseUnusedSlot() {
	if r.hasSlot && r.presence.Local() == 0 {
		r.hub.slots.release(r.source)
		r.hasSlot, r.source = false, ""
	}
}

// costOf returns about how many bytes all connections together are sent about a change
// of a user.
func (r *room) costOf(u event.User) int {
	receivers := len(r.conns)
	if r.large {
		receivers = 0
		for _, v := range r.views {
			if _, shown := v.roster.Get(u.ID); shown {
				receivers += v.conns
			}
		}
	}
	return receivers * sizeOf(u)
}
