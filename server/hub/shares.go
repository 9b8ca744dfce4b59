package hub

import (
	"sync"

	"rollcall/shared/event"
)

// mayHold reports whether a source that holds so many of a kind of thing may have
// one more of all there are, of which some are free: up to one part in so many,
// and of the last quarter only who holds little, a 64th. What is held is seldom
// given back, so whoever could take a part of what is left, again and again,
// would leave nothing. An empty source may have all that are free.
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
	roomParts = 10 // one source has a tenth of the rooms at most,
	viewParts = 2  // and half of a room's views
)

// slots are the rooms that there may be with users in them. Safe for concurrent
// use; its lock may be taken with a room's held, and not the other way round.
type slots struct {
	max int // 0 is no limit

	mu   sync.Mutex // guards what follows
	used int
	held map[string]int // by source
}

func newSlots(limit int) slots { return slots{max: limit, held: make(map[string]int)} }

// take takes a slot for a source, if it may have one; the empty source may have
// any that is free.
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

// restore takes a slot for a room that was there before, whatever the limit is.
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

// admitUser makes sure that the room can take somebody more.
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

// releaseUnusedSlot gives the slot of a room without users back, if it has one.
func (r *room) releaseUnusedSlot() {
	if r.hasSlot && r.presence.Len() == 0 {
		r.hub.slots.release(r.source)
		r.hasSlot, r.source = false, ""
	}
}

// costOf is about how many bytes all connections together are sent to be told
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
