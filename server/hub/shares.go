package hub

import "sync"

// What all use is shared out by one rule: a source that holds some of it gets
// more as long as that leaves enough for others. So one alone can take a fixed
// part, several that take all they can get always leave something, and nobody
// who needs little is refused for those who have much. It is how switches share
// their memory among ports: A. K. Choudhury, E. L. Hahne: Dynamic Queue Length
// Thresholds for Shared-Memory Packet Switches, IEEE/ACM Transactions on
// Networking 6 (2), 1998.
//
// enough reports whether a source that holds so many of a kind of which so many
// are free may have one more, if one alone is to have one part in so many.
func enough(held, free, parts int) bool { return free > 0 && held < max(1, free/(parts-1)) }

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
	free := s.max - s.used
	if s.max > 0 && (free <= 0 || source != "" && !enough(s.held[source], free, roomParts)) {
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
