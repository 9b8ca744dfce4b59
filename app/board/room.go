// Package board decides what a page shows of a room, without drawing any of
// it: the order of the boxes, which of them are near enough to be drawn and
// where, what is announced, when a tab counts as unused, and the words.
package board

import (
	"strconv"

	"rollcall/shared/event"
	"rollcall/shared/search"
)

// Room is what a page knows of a room. The order of its people on a board is
// oneself, then the others by arrival, so that nobody moves when others come.
type Room struct {
	// Users are the people known, in order of arrival: all of a room, or of
	// a large one the view that the server was asked for.
	Users []event.User
	// Me is oneself; the zero User for a page that only watches.
	Me event.User
	// Count is how many people are in the room.
	Count int
	// Watching is how many look on without being in the room.
	Watching int
	// Large says that Users are a view: those from place From on, of Total
	// people, or of Total people whose name Query finds.
	Large       bool
	From, Total int
	// Query is words of the names to be shown; empty for everybody. See
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

// Len is how many places the board has.
func (r Room) Len() int {
	if r.Large {
		return r.Total
	}
	return len(r.list())
}

// Items are the places from one on up to another.
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
	if r.first() {
		put(0, r.Me)
	}
	for i, u := range r.Users {
		if at := r.place(i); at >= 0 {
			put(at, u)
		}
	}
	return items
}

// place is where the user stands on the board who is the i-th of a view; -1 for
// oneself, who is first there.
func (r Room) place(i int) int {
	switch u := r.Users[i]; {
	case !r.first():
	case u.ID == r.Me.ID:
		return -1
	case u.Compare(r.Me) < 0: // oneself comes before them here, and after them in the room
		return r.From + i + 1
	}
	return r.From + i
}

// known is which places of a part are known. Those of a view follow each other;
// it leaves oneself out, who always is.
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

// first reports whether oneself has the first place. What a search in a large
// room finds is in the order that the server counts in.
func (r Room) first() bool { return r.Me.ID != "" && !(r.Large && r.Query != "") }

// unknown is the id of a place of which nothing is known yet; no user has one
// like it.
func unknown(place int) string { return "?" + strconv.Itoa(place) }

// list is everybody that a small room shows, in order.
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

// arranged is the room with its list at hand.
func (r Room) arranged() Room {
	if !r.Large {
		r.order = r.list()
	}
	return r
}

// keys are the folded forms of names, each made once: a search looks at all
// names of a room with every letter that is typed.
type keys struct {
	decompose func(string) string // nil leaves a text as it is
	known     map[string]string
}

// maxKeys is how many are kept: those of some rooms that are not large.
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

// viewStep is what the first places of views are multiples of, so that people
// who look at about the same part of a room look at the same view of it, which
// the server then keeps only once.
const viewStep = 25

// Wants is the view of a large room to ask for, in order to show the places
// from one on up to another. It reports false if they are known.
func (r Room) Wants(from, to int) (event.View, bool) {
	if !r.Large {
		return event.View{}, false
	}
	to = min(to, r.Len())
	if r.first() { // one's own place may be before, among or after them
		from--
	}
	from = max(0, from)
	if from >= r.From && to <= r.From+len(r.Users) {
		return event.View{}, false
	}
	middle := (from + to) / 2
	start := max(0, middle-event.MaxView/2) / viewStep * viewStep
	if start > from || start+event.MaxView < to { // which the rounding may leave out
		start = from / viewStep * viewStep
	}
	return event.View{From: start, Count: event.MaxView, Query: r.Query}, true
}
