package board

import (
	"slices"
	"time"
)

// Slot is one element of a board's list.
type Slot struct {
	Item
	State   SlotState
	Element int       // which one it is, counted from 0 in the order in which they were made
	since   time.Time // when it began to arrive or to depart
}

// SlotState is what becomes of the person in a slot.
type SlotState int

// The states of a slot.
const (
	Vacant    SlotState = iota // hidden
	Taken                      // here
	Arriving                   // here, and fading in
	Departing                  // gone, and fading out
)

// Transition is how long a box takes to fade: as long as the stylesheet's
// --arrival and --departure, and a little more.
const Transition = 250 * time.Millisecond

// maxSlots is how many elements a list has at most, the vacant ones included.
const maxSlots = 200

// slots is which element of a list shows whom. go-app compares children by
// position, so whoever is to stay as they are, with their focus and their
// animation, must stay in their slot: arrivals are appended, whoever leaves
// vacates a slot, and vacant slots are used again where the order allows it.
// Scrolling leaves them at one end and needs them at the other, so the list is
// a ring: its hidden elements are carried around.
type slots struct {
	list   []Slot // in the order of the page
	enough int    // how many elements scrolling can do with
	fading bool   // some slot is arriving or departing
	// rebuilt counts how often people had to change their slots.
	rebuilt int
}

// put places the people of a part of the board, the first of which has the
// given place. Arrived and gone are the ids of those that are to be seen
// coming and going; who else is new or missing has been scrolled here or away.
func (s *slots) put(items []Item, first int, arrived, gone map[string]bool, now time.Time) {
	list := make([]Slot, len(s.list), max(len(s.list), len(items)))
	copy(list, s.list) // what was drawn is compared with, so it stays
	at := make(map[string]int, len(items))
	for i, item := range items {
		at[item.User.ID] = i
	}
	kept := make([]int, len(items)) // the slot of each item, or -1
	for i := range kept {
		kept[i] = -1
	}
	last := -1 // the last item that kept its slot: the order of slots is that of items
	for i := range list {
		if list[i].State == Vacant || list[i].State == Departing {
			continue
		}
		id := list[i].User.ID
		k, here := at[id]
		// Who left and came back has another place, but oneself.
		stays := here && (items[k].User.Since == list[i].User.Since || items[k].Self)
		switch {
		case stays && k > last:
			kept[k], last = i, k
		case !here && gone[id]:
			list[i].State, list[i].since = Departing, now
			s.fading = true
		default:
			list[i] = list[i].vacated()
		}
	}
	list = turn(list, s.enough, kept)
	next := 0 // the first slot that may be used
	for k, item := range items {
		slot := Slot{Item: item, State: Taken}
		i := kept[k]
		switch {
		case i >= 0:
			slot.State, slot.since = list[i].State, list[i].since
		case arrived[item.User.ID]:
			slot.State, slot.since = Arriving, now
			s.fading = true
		}
		if i < 0 {
			end := len(list) // of the slots that may be used
			for _, j := range kept[k+1:] {
				if j >= 0 {
					end = j
					break
				}
			}
			// The last that is vacant, so that those before it stay free for
			// whom scrolling back brings.
			if i = lastVacant(list, next, end, run(kept, k)); i < 0 && end == len(list) {
				list = more(list, 1)
				i = end
			}
		}
		if i < 0 || i >= maxSlots {
			s.rebuild(items, first, arrived, now)
			return
		}
		slot.Element = list[i].Element
		list[i] = slot
		next = i + 1
	}
	s.take(list)
}

func (s Slot) vacated() Slot { return Slot{Element: s.Element} }

// more is a list with n elements more, which are vacant.
func more(list []Slot, n int) []Slot {
	for range n {
		list = append(list, Slot{Element: len(list)})
	}
	return list
}

// take has the list be what it has become, without what is vacant at its end
// and was made last: nothing moves for that. Of a list where nobody is nothing
// stays, or the next room would have to draw it.
func (s *slots) take(list []Slot) {
	if vacantBegin(list) == len(list) {
		list = nil
	}
	for n := len(list) - 1; n >= 0 && list[n].State == Vacant && list[n].Element == n; n-- {
		list = list[:n]
	}
	s.list = list
}

// run is how many items from k on have no slot.
func run(kept []int, k int) int {
	n := 0
	for _, i := range kept[k:] {
		if i >= 0 {
			break
		}
		n++
	}
	return n
}

// lastVacant is the slot from a range for the first of n that all need one:
// as late as leaves enough for the others, or as early as the range allows if
// there are not enough. It is -1 if there is none.
func lastVacant(list []Slot, from, to, n int) int {
	i, found := -1, 0
	for j := to - 1; j >= from && found < n; j-- {
		if list[j].State == Vacant {
			i = j
			found++
		}
	}
	return i
}

// rebuild places everybody anew, with vacant slots before them for whom
// scrolling back brings.
func (s *slots) rebuild(items []Item, first int, arrived map[string]bool, now time.Time) {
	s.rebuilt++
	spare := min(first-1, (maxSlots-len(items))/2)
	was := make(map[string]Slot, len(s.list))
	for _, slot := range s.list {
		if slot.State == Taken || slot.State == Arriving {
			was[slot.User.ID] = slot
		}
	}
	list := slices.Clone(s.list)
	for i := range list {
		list[i] = list[i].vacated()
	}
	list = more(list, max(0, spare+len(items)-len(list)))
	for i, item := range items {
		slot := Slot{Item: item, State: Taken, Element: list[spare+i].Element}
		if before, known := was[item.User.ID]; known {
			slot.State, slot.since = before.State, before.since
		} else if arrived[item.User.ID] {
			slot.State, slot.since = Arriving, now
			s.fading = true
		}
		list[spare+i] = slot
	}
	s.take(list)
}

// sweep ends what has faded by now. It reports whether anything changed.
func (s *slots) sweep(now time.Time) bool {
	if !s.fading {
		return false
	}
	list := make([]Slot, len(s.list))
	copy(list, s.list)
	changed := false
	s.fading = false
	for i, slot := range list {
		if slot.State != Arriving && slot.State != Departing {
			continue
		}
		switch {
		case now.Sub(slot.since) < Transition:
			s.fading = true
			continue
		case slot.State == Departing:
			list[i] = slot.vacated()
		default:
			list[i].State = Taken
		}
		changed = true
	}
	s.take(list)
	return changed
}
