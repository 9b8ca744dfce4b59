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
	want  event.View // in bounds, with the query folded
	conns int        // that look at it
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
	return event.View{
		From:  max(0, want.From),
		Count: min(want.Count, event.MaxView),
		Query: r.hub.options.Fold(want.Query),
	}
}

// see points a connection at the view it wants.
func (r *room) see(c *Conn, want event.View) error {
	key := r.bounded(want)
	v := r.views[key]
	if v == nil {
		n := len(r.views)
		if c.view != nil && c.view.conns == 1 {
			n-- // which is given up for this one
		}
		if n >= maxViews && key != r.bounded(event.View{}) {
			return ErrTooManyViews
		}
		v = r.newView(key)
		r.views[key] = v
	}
	v.conns++
	r.unsee(c)
	c.view, c.fresh = v, true
	return nil
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
		for _, u := range r.all.roster.Users() {
			if v.finds(r.hub.options.Fold(u.Name)) {
				v.matches = append(v.matches, match{u.Since, u.ID})
			}
		}
	}
	v.refresh(r)
	v.begin(r.all.head) // nobody has seen it before
	return v
}

func (v *view) finds(folded string) bool { return search.Finds(folded, v.want.Query) }

// match is somebody whom a query finds, with what they are ordered by.
type match struct {
	since int64
	id    string
}

func (m match) compare(n match) int {
	return cmp.Or(cmp.Compare(m.since, n.since), cmp.Compare(m.id, n.id))
}

// follow takes a change of the room into account for what the query finds.
func (v *view) follow(c roster.Change, fold func(string) string) {
	found := c.Kind != roster.Gone && v.finds(fold(c.User.Name))
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
	was := v.roster.Users()
	for len(was) > 0 || len(now) > 0 {
		switch order := compareFirst(was, now); {
		case order < 0:
			v.apply(event.DisconnectUser{ID: was[0].ID}, r.all.head)
			was = was[1:]
		case order > 0:
			v.apply(event.NewUser{User: now[0]}, r.all.head)
			now = now[1:]
		default:
			v.apply(event.UpdateUser{User: now[0]}, r.all.head)
			was, now = was[1:], now[1:]
		}
	}
	if v.total != total || v.count != r.all.roster.Len() {
		v.total, v.count = total, r.all.roster.Len()
		v.move(r.all.head)
	}
}

// compareFirst compares the first of each list; the end comes after all.
func compareFirst(a, b []event.User) int {
	switch {
	case len(a) == 0:
		return 1
	case len(b) == 0:
		return -1
	}
	return a[0].Compare(b[0])
}
