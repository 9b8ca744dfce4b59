// Package board decides what a page shows of a room, without drawing it: the order of
// the boxes, which of them are drawn and where, what a screen reader is told, when a
// tab counts as unused, and the words.
package board

import (
	"strconv"

	"rollcall/shared/event"
	"rollcall/shared/search"
)

// Room is what a page knows of a room. On a board the visitor comes first, then the
// others in the order of arrival, so that nobody moves when others come.
type Room struct {
	// Users are the people known, in order of arrival: all of a room, or of
	// a large one the view that the server was asked for.
	Users []event.User
	// Me is the visitor; the zero User for a page that only watches.
	Me event.User
	// Count is how many people are in the room.
	Count int
	// Watching is how many clients watch without being in the room.
	Watching int
	// Partial is whether there may be people in the room whom the server does not know of
	// now.
	Partial bool
	// Large means that Users are a view: those from place From on, of Total people. With
	// a Query, Total are those whose names it finds.
	Large       bool
	From, Total int
	// Query has words that the names of those shown contain; empty for everybody. See
	// [search.Finds].
	Query string

	order []event.User // list, once it is known
	keys  *keys        // of names and queries
}

// Item is one place on a board.
type Item struct {
	User  event.User // only ID is set if they are not known yet
	Self  bool
	Known bool
}

// Len returns how many places the board has.
func (r Room) Len() int {
	if r.Large {
		return r.Total
	}
	return len(r.list())
}

// Items returns the places from from on, up to but without to.
func (r Room) Items(from, to int) []Item {
	from = max(0, min(from, r.Len()))
	to = max(from, min(to, r.Len()))
	if !r.Large {
		items := make([]Item, 0, to-from)
		for _, u := range r.list()[from:to] {
			items = append(items, Item{User: u, Self: u.ID == r.Me.ID, Known: true})
		}
		return items
	}
	items := make([]Item, to-from)
	for i := range items {
		items[i].User.ID = unknown(from + i)
	}
	put := func(place int, u event.User) {
		if place >= from && place < to {
			items[place-from] = Item{User: u, Self: u.ID == r.Me.ID, Known: true}
		}
	}
	if r.selfFirst() {
		put(0, r.Me)
	}
	for i, u := range r.Users {
		if at := r.place(i); at >= 0 {
			put(at, u)
		}
	}
	return items
}

// place returns the place on the board of the i-th user of a view; -1 for the visitor,
// who has the first place.
func (r Room) place(i int) int {
	switch u := r.Users[i]; {
	case !r.selfFirst():
	case u.ID == r.Me.ID:
		return -1
	case u.Compare(r.Me) < 0: // the visitor is before them on the board, and after them in the room
		return r.From + i + 1
	}
	return r.From + i
}

// known returns which places of a part are known, without the visitor's, which always
// is. The places of a view follow each other.
func (r Room) known(part span) span {
	if !r.Large {
		return part
	}
	first, last := 0, len(r.Users)-1
	for first <= last && r.place(first) < 0 {
		first++
	}
	for first <= last && r.place(last) < 0 {
		last--
	}
	if first > last {
		return span{part.from, part.from}
	}
	return span{part.within(r.place(first)), part.within(r.place(last) + 1)}
}

// selfFirst reports whether the visitor has the first place. In a large room a search
// keeps the order in which the server counts.
func (r Room) selfFirst() bool { return r.Me.ID != "" && !(r.Large && r.Query != "") }

// unknown returns the id of a place where nobody is known yet. No user has an id like
// it.
func unknown(place int) string { return "?" + strconv.Itoa(place) }

// list returns everybody whom a room that is not large shows, in order.
func (r Room) list() []event.User {
	if r.order != nil {
		return r.order
	}
	list := make([]event.User, 0, len(r.Users)+1)
	query := ""
	if r.Query != "" {
		query = r.keys.of(r.Query)
	}
	add := func(u event.User) {
		if query == "" || search.Finds(r.keys.of(u.Name), query) {
			list = append(list, u)
		}
	}
	if r.Me.ID != "" {
		add(r.Me)
	}
	for _, u := range r.Users {
		if u.ID != r.Me.ID {
			add(u)
		}
	}
	return list
}

// arranged returns the room with its list stored in it.
func (r Room) arranged() Room {
	if !r.Large {
		r.order = r.list()
	}
	return r
}

// keys keeps the folded forms of names. A search looks at all names of a room with
// every letter that is typed.
type keys struct {
	decompose func(string) string // nil leaves a text as it is
	known     map[string]string
}

// maxKeys is how many forms are kept: enough for some rooms that are not large.
const maxKeys = 4096

func (k *keys) of(text string) string {
	if k == nil || k.decompose == nil {
		return search.Fold(text)
	}
	key, ok := k.known[text]
	if !ok {
		if k.known == nil || len(k.known) >= maxKeys {
			k.known = make(map[string]string)
		}
		key = search.Fold(k.decompose(text))
		k.known[text] = key
	}
	return key
}

// viewStep divides the first place of every view. So people who look at about the same
// part of a room share one view, which the server keeps once.
const viewStep = 25

// Wants returns the view of a large room to ask for, in order to show the places from
// from on, up to but without to. It reports false if they are known.
func (r Room) Wants(from, to int) (event.View, bool) {
	if !r.Large {
		return event.View{}, false
	}
	to = min(to, r.Len())
	if r.selfFirst() { // the visitor may be before, among or after them in the room
		from--
	}
	from = max(0, from)
	if from >= r.From && to <= r.From+len(r.Users) {
		return event.View{}, false
	}
	middle := (from + to) / 2
	start := max(0, middle-event.MaxView/2) / viewStep * viewStep
	if start > from || start+event.MaxView < to { // rounding may leave some out
		start = from / viewStep * viewStep
	}
	return event.View{From: start, Count: event.MaxView, Query: r.Query}, true
}
