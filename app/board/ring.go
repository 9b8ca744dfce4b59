package board

import "slices"

// rotate carries vacant slots from one end of the list to the other, if the items that
// kept their slots leave too few there for the items before or after them. It makes
// the slots that it does not find. At the end it makes all of them, as long as the
// list has less than enough.
func rotate(list []Slot, enough int, kept []int) []Slot {
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
		list = extend(list, made)
		by = -min(before, spare+made)
	case after > 0 && len(list)+after > enough:
		by = min(after, max(0, vacantBegin(list)-first))
		list = extend(list, min(free, after-by)) // before it is rotated, or [Ring.Arrange] would find another order
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

// vacant returns how many slots are vacant.
func vacant(list []Slot) int {
	n := 0
	for _, slot := range list {
		if slot.State == Vacant {
			n++
		}
	}
	return n
}

// vacantBegin returns how many slots are vacant before the first one that is not, and
// vacantEnd how many are behind the last one.
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

// Ring is the order in which the elements of a board's list stand on the page. go-app
// puts a new element last; from there it has to be carried to its place. The zero Ring
// is an empty list.
type Ring struct {
	order []int // which element stands where
}

// Resize sets how many elements the list has.
func (r *Ring) Resize(n int) {
	r.order = slices.DeleteFunc(r.order, func(element int) bool { return element >= n })
	for element := len(r.order); element < n; element++ {
		r.order = append(r.order, element)
	}
}

// Arrange brings the elements into the order of the slots, and returns what has to be
// done on the page for that. Rotate elements are carried from the beginning to the
// end, or, if it is negative, from the end to the beginning. If no rotation leads to
// the order, order says for each place which element it gets, by where that stands
// now.
func (r *Ring) Arrange(slots []Slot) (rotate int, order []int) {
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
	rotate = slices.Index(now, r.order[0])
	if slices.Equal(slices.Concat(now[rotate:], now[:rotate]), r.order) {
		if rotate > n/2 {
			rotate -= n
		}
		return rotate, nil
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
