package board

import "slices"

// turn carries vacant slots from one end to the other, if those that kept
// theirs leave too few there for who comes before them or after them. What it
// does not find it makes. Behind those that kept theirs it makes them all, as
// long as the list has less than enough.
func turn(list []Slot, enough int, kept []int) []Slot {
	first := slices.IndexFunc(kept, taken)
	if first < 0 {
		return list
	}
	last := len(kept) - 1
	for !taken(kept[last]) {
		last--
	}
	tail := len(kept) - 1 - last
	before := first - vacant(list[:kept[first]]) // what is missing
	after := tail - vacant(list[kept[last]+1:])
	by, free := 0, maxSlots-len(list)
	switch {
	case before > 0:
		spare := max(0, vacantEnd(list)-tail)
		made := min(free, max(0, before-spare))
		list = more(list, made)
		by = -min(before, spare+made)
	case after > 0 && len(list)+after > enough:
		by = min(after, max(0, vacantBegin(list)-first))
		list = more(list, min(free, after-by)) // now, or the order would be none that turning leads to
	}
	for k := range kept {
		if taken(kept[k]) {
			kept[k] -= by
		}
	}
	at := (len(list) + by) % len(list)
	return slices.Concat(list[at:], list[:at])
}

func taken(slot int) bool { return slot >= 0 }

// vacant is how many slots are.
func vacant(list []Slot) int {
	n := 0
	for _, slot := range list {
		if slot.State == Vacant {
			n++
		}
	}
	return n
}

// vacantBegin is how many slots are vacant before the first that is not, and
// vacantEnd how many behind the last.
func vacantBegin(list []Slot) int {
	if i := slices.IndexFunc(list, func(s Slot) bool { return s.State != Vacant }); i >= 0 {
		return i
	}
	return len(list)
}

func vacantEnd(list []Slot) int {
	n := 0
	for n < len(list) && list[len(list)-1-n].State == Vacant {
		n++
	}
	return n
}

// Ring is the order in which the elements of a board's list stand on the page.
// New ones are put last; from there they have to be carried to where they
// belong. The zero Ring is an empty list.
type Ring struct {
	order []int // which element stands where
}

// Resize takes in that the list has that many elements now.
func (r *Ring) Resize(n int) {
	r.order = slices.DeleteFunc(r.order, func(element int) bool { return element >= n })
	for element := len(r.order); element < n; element++ {
		r.order = append(r.order, element)
	}
}

// Arrange is what has to be done to the elements of the slots for them to be
// in the same order: so many are carried from the beginning to the end, or, if
// that is negative, from the end to the beginning. Where that does not do, order is
// which of them is to be first, second and so on, by where they stand now.
func (r *Ring) Arrange(slots []Slot) (turn int, order []int) {
	n := len(slots)
	r.Resize(n)
	if slices.EqualFunc(r.order, slots, func(element int, s Slot) bool { return element == s.Element }) {
		return 0, nil
	}
	now := r.order
	r.order = make([]int, n)
	for i, s := range slots {
		r.order[i] = s.Element
	}
	turn = slices.Index(now, r.order[0])
	if slices.Equal(slices.Concat(now[turn:], now[:turn]), r.order) {
		if turn > n/2 {
			turn -= n
		}
		return turn, nil
	}
	at := make([]int, n)
	for i, element := range now {
		at[element] = i
	}
	for _, element := range r.order {
		order = append(order, at[element])
	}
	return 0, order
}
