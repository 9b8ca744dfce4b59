package ui

import (
	"time"

	"rollcall/shared/event"
)

// slots is which box is where. A box keeps its place while its user is here,
// because moving it would restart its animation and take its focus: oneself
// is first, arrivals are appended, whoever leaves vacates a slot.
type slots struct {
	list []slot
}

// slot is one place on the board. The zero value is vacant.
type slot struct {
	user  event.User
	self  bool
	state slotState
	left  time.Time // when they went, while departing
}

type slotState int

const (
	vacant slotState = iota
	taken
	departing // gone, and fading away
)

// departure is how long a box takes to fade: the stylesheet's --departure and
// a little more.
const departure = 250 * time.Millisecond

// sync takes over a roster, which is in order of arrival.
func (s *slots) sync(self string, users []event.User, now time.Time) {
	here := make(map[string]event.User, len(users))
	for _, u := range users {
		here[u.ID] = u
	}
	list := make([]slot, len(s.list), len(s.list)+1)
	copy(list, s.list) // the board holds the old one, to compare
	placed := make(map[string]bool, len(users))
	var latest int64 // arrival among those who have their place
	for i := range list {
		if list[i].state != taken {
			continue
		}
		u, ok := here[list[i].user.ID]
		switch {
		case !ok:
			list[i].state, list[i].left = departing, now
		case u.Since != list[i].user.Since && !list[i].self:
			list[i] = slot{} // left and came back: their place is another
		default:
			list[i].user, list[i].self = u, u.ID == self
			placed[u.ID] = true
			if u.ID != self {
				latest = max(latest, u.Since)
			}
		}
	}
	inOrder := true
	for _, u := range users {
		if placed[u.ID] {
			continue
		}
		arrived := slot{user: u, self: u.ID == self, state: taken}
		switch {
		case arrived.self && len(list) > 0 && list[0].state == vacant:
			list[0] = arrived
		case arrived.self && len(list) > 0:
			inOrder = false
		default:
			inOrder = inOrder && (arrived.self || u.Since > latest)
			list = append(list, arrived)
		}
	}
	s.list = list
	if !inOrder || len(list) > 0 && len(users) > 0 && !list[0].self {
		s.rebuild(self, users)
	}
}

// rebuild places everybody anew.
func (s *slots) rebuild(self string, users []event.User) {
	s.list = make([]slot, 0, len(users))
	for _, u := range users {
		if u.ID == self {
			s.list = append(s.list, slot{user: u, self: true, state: taken})
		}
	}
	for _, u := range users {
		if u.ID != self {
			s.list = append(s.list, slot{user: u, state: taken})
		}
	}
}

// mostVacant is how many vacant slots a board carries before the others are
// worth moving, when it has fewer people than that.
const mostVacant = 64

// sweep vacates the slots of those who have faded by now, and gives up the
// slots behind the last box: nothing moves for that.
func (s *slots) sweep(now time.Time) {
	list := make([]slot, len(s.list))
	copy(list, s.list)
	vacated := 0
	for i := range list {
		if list[i].state == departing && now.Sub(list[i].left) >= departure {
			list[i] = slot{}
		}
		if list[i].state == vacant {
			vacated++
		}
	}
	for len(list) > 0 && list[len(list)-1].state == vacant {
		list = list[:len(list)-1]
		vacated--
	}
	if vacated > mostVacant && vacated > len(list)/2 {
		kept := list[:0]
		for _, slot := range list {
			if slot.state != vacant {
				kept = append(kept, slot)
			}
		}
		list = kept
	}
	s.list = list
}

// leaving reports whether there is anything to sweep.
func (s *slots) leaving() bool {
	for _, slot := range s.list {
		if slot.state == departing {
			return true
		}
	}
	return false
}

func (s *slots) self() (event.User, bool) {
	if len(s.list) > 0 && s.list[0].self {
		return s.list[0].user, true
	}
	return event.User{}, false
}
