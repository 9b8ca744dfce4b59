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

// maxSlots is the largest number of elements of a list, with the vacant ones.
const maxSlots = 200

// slots says which element of a list shows whom. go-app compares children by
// position. So people who are to keep their focus and their animation must keep their
// slot: arrivals are appended, people who leave vacate a slot, and a vacant slot is
// used again where the order allows it. For people who were here before others, and
// become known after them, a vacant slot is carried to their place. Scrolling leaves
// vacant slots at one end of the list and needs them at the other. So the list is a
// ring: its hidden elements are carried around.
type slots struct {
	list   []Slot // in the order of the page
	enough int    // the list needs no more elements than that for scrolling
	fading bool   // some slot is arriving or departing
	// rebuilt counts how often people had to change their slots.
	rebuilt int
}

// put shows a part of the board, whose first item has the given place. Arrived and
// gone have the ids of those whom the visitor is to see coming and going. Others who
// are new or missing were scrolled here or away.
func (s *slots) put(items []Item, first int, arrived, gone map[string]bool, now time.Time) {
	list := make([]Slot, len(s.list), max(len(s.list), len(items)))
	copy(list, s.list) // the list that is drawn does not change: the next one is compared with it
	kept := s.keep(list, items, gone, now)
	list = rotate(list, s.enough, kept)
	list, ok := s.fill(list, kept, items, arrived, now)
	if !ok {
		s.rebuild(items, first, arrived, now)
		return
	}
	s.setList(list)
}

// keep returns for each item the slot in which it stays, or -1. It vacates all other
// slots, but for those of people who fade out.
func (s *slots) keep(list []Slot, items []Item, gone map[string]bool, now time.Time) []int {
	at := make(map[string]int, len(items))
	kept := make([]int, len(items))
	for i, item := range items {
		at[item.User.ID], kept[i] = i, -1
	}
	last := -1 // the last item that kept its slot: slots are in the order of items
	for i := range list {
		if list[i].State == Vacant || list[i].State == Departing {
			continue
		}
		id := list[i].User.ID
		k, here := at[id]
		// People who left and came back have another place. The visitor has not.
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
	return kept
}

// fill puts every item into the slot that it kept, or into a vacant one. It reports
// false if the order of the slots leaves no slot for somebody.
func (s *slots) fill(list []Slot, kept []int, items []Item, arrived map[string]bool, now time.Time) ([]Slot, bool) {
	next := 0 // the first slot that is behind those of the items before
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
			list, i = vacantSlot(list, next, kept[k:])
		}
		if i < 0 {
			return nil, false
		}
		slot.Element = list[i].Element
		list[i] = slot
		next = i + 1
	}
	return list, true
}

// vacantSlot returns a vacant slot for the first of the items whose slots are in kept:
// one from next on, and before the slot of the next item that has kept its own. If there
// is none, it carries one there from behind, or makes one; kept follows that. It returns
// -1 if it can do neither.
func vacantSlot(list []Slot, next int, kept []int) ([]Slot, int) {
	end := len(list)
	if k := slices.IndexFunc(kept, taken); k >= 0 {
		end = kept[k]
	}
	// The last ones, so that those before them stay free for people whom scrolling back
	// brings.
	if i := lastVacant(list, next, end, run(kept)); i >= 0 {
		return list, i
	}
	from := lastVacant(list, end, len(list), 1)
	if from < 0 {
		if len(list) >= maxSlots {
			return list, -1
		}
		from = len(list)
		list = extend(list, 1)
	}
	slot := list[from]
	copy(list[end+1:from+1], list[end:from])
	list[end] = slot
	for k := range kept {
		if kept[k] >= end && kept[k] < from {
			kept[k]++
		}
	}
	return list, end
}

func (s Slot) vacated() Slot { return Slot{Element: s.Element} }

// extend returns the list with n vacant slots more, each with a new element.
func extend(list []Slot, n int) []Slot {
	for range n {
		list = append(list, Slot{Element: len(list)})
	}
	return list
}

// setList replaces the list. It leaves out the vacant slots at the end whose elements
// were made last: no other element moves for that. A list in which nobody is becomes
// empty, or the next room would have to draw it.
func (s *slots) setList(list []Slot) {
	if vacantBegin(list) == len(list) {
		list = nil
	}
	for n := len(list) - 1; n >= 0 && list[n].State == Vacant && list[n].Element == n; n-- {
		list = list[:n]
	}
	s.list = list
}

// run returns how many items follow each other, from the first on, that have no slot.
func run(kept []int) int {
	if n := slices.IndexFunc(kept, taken); n >= 0 {
		return n
	}
	return len(kept)
}

// lastVacant returns a vacant slot of a range for the first of n items that all need
// one. It is the last one that leaves enough slots for the others, or the first of the
// range if there are not enough. It returns -1 if there is none.
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

// rebuild gives everybody a new slot, with vacant slots before them for people whom
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
	list = extend(list, max(0, spare+len(items)-len(list)))
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
	s.setList(list)
}

// sweep ends every fading that is over by now. It reports whether anything changed.
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
	s.setList(list)
	return changed
}
