package hub

import "sync"

// may reports whether a source that holds so many of a kind of thing may have
// one more of all there are, of which some are free: up to one part in so many,
// and of the last quarter only who holds little, a 64th. What is held is seldom
// given back, so whoever could take a part of what is left, again and again,
// would leave nothing. An empty source may have all that are free.
func may(source string, held, free, all, parts int) bool {
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
	if s.max > 0 && !may(source, s.held[source], s.max-s.used, s.max, roomParts) {
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
