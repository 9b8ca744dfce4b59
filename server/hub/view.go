package hub

import (
	"cmp"
	"slices"
	"strings"

	"rollcall/shared/event"
	"rollcall/shared/roster"
	"rollcall/shared/search"
)

// view is a part of a large room, with a log of its own that all connections
// share that look at this part. The room's lock guards it.
type view struct {
	want  event.View // in bounds, with the query folded
	owner *Conn      // whose source it is counted for, one of those that look at it
	conns int        // how many do
	ledger
	total   int     // of those there are to see
	count   int     // of the people in the room
	matches []match // those whom the query finds, in order of arrival; unused without a query
}

// bounded brings what a client asks for within the limits.
func (r *room) bounded(want event.View) event.View {
	want.Ref = 0
	if want.Count <= 0 {
		want.Count = event.DefaultView
	}
	want.From, want.Count = max(0, want.From), min(want.Count, event.MaxView)
	if want.Query != "" {
		words := strings.Fields(r.hub.options.Fold(want.Query))
		want.Query = strings.Join(words[:min(len(words), maxWords)], " ")
	}
	return want
}

// maxWords is how many words of a query count. Nobody's name has more, and each
// is looked for in every name.
const maxWords = 8

// searchCost is what it counts, in bytes that are sent, to look for a word in a
// name.
const searchCost = 16

// firstPage is what who asks for nothing else sees of a large room.
var firstPage = event.View{Count: event.DefaultView}

// maxViews is how many distinct views of a large room are kept up to date,
// beside the first page, which everybody can have.
const maxViews = 512

// see points a connection at the view it wants.
func (r *room) see(c *Conn, want event.View) error {
	key := r.bounded(want)
	v := r.views[key]
	if v != nil && v == c.view {
		c.fresh = true
		return nil
	}
	if v == nil {
		if key != firstPage && !r.mayView(c) {
			return ErrTooManyViews
		}
		v = r.newView(key)
		v.owner = c
		if r.views == nil {
			r.views = make(map[event.View]*view)
		}
		r.views[key] = v
		if key.Query != "" {
			c.pay(r.all.roster.Len() * (1 + strings.Count(key.Query, " ")) * searchCost)
		}
	}
	v.conns++
	r.unsee(c)
	c.view, c.fresh = v, true
	return nil
}

// mayView reports whether there may be one view more, for a connection that
// gives up the one it has.
func (r *room) mayView(c *Conn) bool {
	used, held := 0, 0
	for _, v := range r.views {
		if v == c.view && v.conns == 1 {
			continue
		}
		used++
		if v.owner.source == c.source {
			held++
		}
	}
	return may(c.source, held, maxViews-used, maxViews, viewParts)
}

func (r *room) unsee(c *Conn) {
	v := c.view
	if v == nil {
		return
	}
	c.view = nil
	if v.conns--; v.conns == 0 {
		if delete(r.views, v.want); len(r.views) == 0 {
			r.views = nil // or the memory of hundreds would be kept
		}
		return
	}
	if v.owner == c { // it is kept for the others now
		v.owner = r.conns[slices.IndexFunc(r.conns, func(other *Conn) bool { return other.view == v })]
	}
}

func (r *room) newView(want event.View) *view {
	v := &view{want: want, ledger: ledger{ring: r.hub.ring, part: true}}
	v.search(r.index)
	v.refresh(r)
	v.begin(r.all.head) // nobody has seen it before
	return v
}

// search looks through everybody for what the query finds.
func (v *view) search(all []indexed) {
	v.matches = nil
	for _, e := range all {
		if v.want.Query != "" && v.finds(e.key) {
			v.matches = append(v.matches, e.match)
		}
	}
}

func (v *view) finds(key string) bool { return search.Finds(key, v.want.Query) }

// match is somebody whom a query finds, with what they are ordered by.
type match struct {
	since int64
	id    string
}

func (m match) compare(n match) int {
	return cmp.Or(cmp.Compare(m.since, n.since), cmp.Compare(m.id, n.id))
}

// follow takes a change of the room, and what the query is to look at for it,
// into account for what the query finds.
func (v *view) follow(c roster.Change, key string) {
	found := c.Kind != roster.Gone && v.finds(key)
	this := match{c.User.Since, c.User.ID}
	i, known := slices.BinarySearchFunc(v.matches, this, match.compare)
	switch {
	case found && !known:
		v.matches = slices.Insert(v.matches, i, this)
	case !found && known:
		v.matches = slices.Delete(v.matches, i, i+1)
	}
}

// indexed is somebody as searches look at them.
type indexed struct {
	match
	key string
}

// find takes a change into account for what searches find.
func (r *room) find(c roster.Change) {
	if r.index == nil {
		return
	}
	if c.Kind == roster.Updated && c.Before.Since != c.User.Since { // their place is another
		r.find(roster.Change{Kind: roster.Gone, User: c.Before})
		c = roster.Change{Kind: roster.Arrived, User: c.User}
	}
	at := match{c.User.Since, c.User.ID}
	i, known := slices.BinarySearchFunc(r.index, at, func(e indexed, m match) int { return e.compare(m) })
	key := ""
	switch {
	case c.Kind == roster.Gone && known:
		r.index = fit(slices.Delete(r.index, i, i+1))
	case c.Kind == roster.Gone:
	case known && c.User.Name == c.Before.Name:
		key = r.index[i].key
	default:
		key = r.hub.options.Fold(c.User.Name)
		if !known {
			r.index = slices.Insert(r.index, i, indexed{match: at})
		}
		r.index[i].key = key
	}
	for _, v := range r.views {
		if v.want.Query != "" {
			v.follow(c, key)
		}
	}
}

// refresh brings the view up to the room, as one step of its log.
func (v *view) refresh(r *room) {
	now := r.all.roster.Borrow()
	total := len(now)
	if v.want.Query != "" {
		total = len(v.matches)
	}
	from := min(v.want.From, total)
	to := min(from+v.want.Count, total)
	if v.want.Query == "" {
		now = now[from:to]
	} else {
		now = nil
		for _, m := range v.matches[from:to] {
			u, _ := r.all.roster.Get(m.id)
			now = append(now, u)
		}
	}
	// Who left and came back by a clock that was set back has a place before
	// the old one, which must be gone first.
	was, shown := v.roster.Borrow(), now
	if slices.Equal(was, now) {
		was, shown, now = nil, nil, nil // as most are, of most changes
	}
	was = slices.Clone(was)
	for _, u := range was {
		for len(shown) > 0 && shown[0].Compare(u) < 0 {
			shown = shown[1:]
		}
		if len(shown) == 0 || shown[0].Compare(u) > 0 {
			v.apply(event.DisconnectUser{ID: u.ID}, r.all.head)
		}
	}
	for _, u := range now {
		v.apply(event.NewUser{User: u}, r.all.head)
	}
	if v.total != total || v.count != r.all.roster.Len() {
		v.total, v.count, v.head = total, r.all.roster.Len(), r.all.head
	}
}
