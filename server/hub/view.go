package hub

import (
	"cmp"
	"slices"

	"rollcall/shared/event"
	"rollcall/shared/roster"
	"rollcall/shared/search"
)

// view is a part of a large room, with a log of its own that all connections
// share that look at this part. The room's lock guards it.
type view struct {
	want   event.View // in bounds, with the query folded
	source string     // of the connection that it was made for
	conns  int        // that look at it
	ledger
	total   int     // of those there are to see
	count   int     // of the people in the room
	matches []match // those whom the query finds, in order of arrival; unused without a query
}

// bounded brings what a client asks for within the limits.
func (r *room) bounded(want event.View) event.View {
	if want.Count <= 0 {
		want.Count = event.DefaultView
	}
	want.From, want.Count = max(0, want.From), min(want.Count, event.MaxView)
	if want.Query != "" {
		want.Query = r.hub.options.Fold(want.Query)
	}
	return want
}

// firstPage is what who asks for nothing else sees of a large room.
var firstPage = event.View{Count: event.DefaultView}

// maxViews is how many distinct views of a large room are kept up to date,
// beside the first page, which everybody can have.
const maxViews = 512

// see points a connection at the view it wants, and returns how many names were
// looked through to make it.
func (r *room) see(c *Conn, want event.View) (searched int, err error) {
	key := r.bounded(want)
	v := r.views[key]
	if v == nil {
		if key != firstPage && !r.mayView(c) {
			return 0, ErrTooManyViews
		}
		v = r.newView(key)
		v.source = c.source
		r.views[key] = v
		if key.Query != "" {
			searched = r.all.roster.Len()
		}
	}
	v.conns++
	r.unsee(c)
	c.view, c.fresh = v, true
	return searched, nil
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
		if v.source == c.source {
			held++
		}
	}
	free := maxViews - used
	if c.source == "" {
		return free > 0
	}
	return enough(held, free, viewParts)
}

func (r *room) unsee(c *Conn) {
	if c.view == nil {
		return
	}
	c.view.conns--
	if c.view.conns == 0 {
		delete(r.views, c.view.want)
	}
	c.view = nil
}

func (r *room) newView(want event.View) *view {
	v := &view{want: want, ledger: ledger{ring: r.hub.ring}}
	if want.Query != "" {
		for id, key := range r.keys { // which takes a quarter of going through the roster
			if v.finds(key) {
				u, _ := r.all.roster.Get(id)
				v.matches = append(v.matches, match{u.Since, id})
			}
		}
		slices.SortFunc(v.matches, match.compare)
	}
	v.refresh(r)
	v.begin(r.all.head) // nobody has seen it before
	return v
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

// refresh brings the view up to the room, as one step of its log.
func (v *view) refresh(r *room) {
	var now []event.User
	total := r.all.roster.Len()
	if v.want.Query == "" {
		now = r.all.roster.Slice(v.want.From, v.want.Count)
	} else {
		total = len(v.matches)
		from := min(v.want.From, total)
		for _, m := range v.matches[from:min(from+v.want.Count, total)] {
			u, _ := r.all.roster.Get(m.id)
			now = append(now, u)
		}
	}
	// Who left and came back by a clock that was set back has a place before
	// the old one, which must be gone first.
	shown := now
	for _, u := range v.roster.Users() {
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
		v.total, v.count = total, r.all.roster.Len()
		v.move(r.all.head)
	}
}
