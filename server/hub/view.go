package hub

import (
	"cmp"
	"slices"
	"strings"

	"rollcall/shared/event"
	"rollcall/shared/roster"
	"rollcall/shared/search"
)

// view is a part of a large room. It has a log of its own, which all connections that
// see this part share. The room's lock guards it.
type view struct {
	key    event.View // in bounds, with the query folded
	holder *Conn      // one of its connections, for whose source it is counted
	conns  int        // how many connections see it
	changeLog
	total   int     // how many users there are to see
	count   int     // how many users are in the room
	matches []match // the users whom the query finds, in the order of arrival; unused without a query
}

// normalized returns the view that a client asks for, brought within the limits.
func (r *room) normalized(want event.View) event.View {
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

// maxWords is how many words of a query count. Names have hardly more, and each word is
// searched for in every name.
const maxWords = 8

// searchCost is what the search for a word in a name costs, in bytes that are sent.
const searchCost = 16

// firstPage is the view of a client that has not asked for another.
var firstPage = event.View{Count: event.DefaultView}

// maxViews is how many different views a large room has at most, beside the first page,
// which is never refused.
const maxViews = 512

// attachView gives a connection the view that it wants.
func (r *room) attachView(c *Conn, want event.View) error {
	key := r.normalized(want)
	v := r.views[key]
	if v != nil && v == c.view {
		c.needsSnapshot = true
		return nil
	}
	if v == nil {
		if key != firstPage && !r.mayAddView(c) {
			return ErrTooManyViews
		}
		v = r.newView(key)
		v.holder = c
		if r.views == nil {
			r.views = make(map[event.View]*view)
		}
		r.views[key] = v
		if key.Query != "" {
			c.addCost(r.log.roster.Len() * (1 + strings.Count(key.Query, " ")) * searchCost)
		}
	}
	v.conns++
	r.detachView(c)
	c.view, c.needsSnapshot = v, true
	return nil
}

// mayAddView reports whether a connection that gives up its view may have a new one.
func (r *room) mayAddView(c *Conn) bool {
	used, held := 0, 0
	for _, v := range r.views {
		if v == c.view && v.conns == 1 {
			continue
		}
		used++
		if v.holder.source == c.source {
			held++
		}
	}
	return mayHold(c.source, held, maxViews-used, maxViews, viewParts)
}

func (r *room) detachView(c *Conn) {
	v := c.view
	if v == nil {
		return
	}
	c.view = nil
	if v.conns--; v.conns == 0 {
		if delete(r.views, v.key); len(r.views) == 0 {
			r.views = nil // or the map would keep the memory for hundreds
		}
		return
	}
	if v.holder == c { // another one of its connections is counted for it now
		v.holder = r.conns[slices.IndexFunc(r.conns, func(other *Conn) bool { return other.view == v })]
	}
}

func (r *room) newView(want event.View) *view {
	v := &view{key: want, changeLog: changeLog{maxEntries: r.hub.logEntries, ofView: true}}
	v.search(r.searchIndex)
	v.refresh(r)
	v.reset(r.log.head)
	return v
}

// search finds the users for the query among all.
func (v *view) search(all []indexEntry) {
	v.matches = nil
	for _, e := range all {
		if v.key.Query != "" && v.finds(e.key) {
			v.matches = append(v.matches, e.match)
		}
	}
}

func (v *view) finds(key string) bool { return search.Finds(key, v.key.Query) }

// match is a user whom a query finds, with what the order depends on.
type match struct {
	since int64
	id    string
}

func (m match) compare(n match) int {
	return cmp.Or(cmp.Compare(m.since, n.since), cmp.Compare(m.id, n.id))
}

// updateMatches updates the matches for a change of a user, whose folded name is key.
func (v *view) updateMatches(c roster.Change, key string) {
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

// indexEntry is a user with the folded name.
type indexEntry struct {
	match
	key string
}

// updateSearch updates the index and the matches of all views for a change.
func (r *room) updateSearch(c roster.Change) {
	if r.searchIndex == nil {
		return
	}
	if c.Kind == roster.Updated && c.Before.Since != c.User.Since { // their place in the order is another
		r.updateSearch(roster.Change{Kind: roster.Gone, User: c.Before})
		c = roster.Change{Kind: roster.Arrived, User: c.User}
	}
	at := match{c.User.Since, c.User.ID}
	i, known := slices.BinarySearchFunc(r.searchIndex, at, func(e indexEntry, m match) int { return e.compare(m) })
	key := ""
	switch {
	case c.Kind == roster.Gone && known:
		r.searchIndex = fit(slices.Delete(r.searchIndex, i, i+1))
	case c.Kind == roster.Gone:
	case known && c.User.Name == c.Before.Name:
		key = r.searchIndex[i].key
	default:
		key = r.hub.options.Fold(c.User.Name)
		if !known {
			r.searchIndex = slices.Insert(r.searchIndex, i, indexEntry{match: at})
		}
		r.searchIndex[i].key = key
	}
	for _, v := range r.views {
		if v.key.Query != "" {
			v.updateMatches(c, key)
		}
	}
}

// refresh brings the view up to date with the room, as one change of its log.
func (v *view) refresh(r *room) {
	now := r.log.roster.Borrow()
	total := len(now)
	if v.key.Query != "" {
		total = len(v.matches)
	}
	from := min(v.key.From, total)
	to := min(from+v.key.Count, total)
	if v.key.Query == "" {
		now = now[from:to]
	} else {
		now = nil
		for _, m := range v.matches[from:to] {
			u, _ := r.log.roster.Get(m.id)
			now = append(now, u)
		}
	}
	// If the clock was set back, a user who left and came back may have a place before
	// the old one. So users who are gone are removed first.
	was, shown := v.roster.Borrow(), now
	if slices.Equal(was, now) {
		was, shown, now = nil, nil, nil // most changes are outside of most views
	}
	was = slices.Clone(was)
	for _, u := range was {
		for len(shown) > 0 && shown[0].Compare(u) < 0 {
			shown = shown[1:]
		}
		if len(shown) == 0 || shown[0].Compare(u) > 0 {
			v.apply(event.DisconnectUser{ID: u.ID}, r.log.head)
		}
	}
	for _, u := range now {
		v.apply(event.NewUser{User: u}, r.log.head)
	}
	if v.total != total || v.count != r.log.roster.Len() {
		v.total, v.count, v.head = total, r.log.roster.Len(), r.log.head
	}
}
