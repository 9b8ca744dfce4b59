package cluster

import (
	"strings"
	"time"

	"rollcall/server/hub"
	"rollcall/server/presence"
	"rollcall/server/slice"
	"rollcall/shared/event"
	"rollcall/shared/roster"
)

// remote is what is known of the slice of another server in a room.
type remote struct {
	peer  *peer
	epoch string
	known bool // it is proven that roster is what its owner has
	// unknownSince is since when it is not; it has no meaning while it is.
	unknownSince time.Time
	seq          uint64        // of the last state that was proven
	heardAt      time.Time     // when its owner has said something of it last
	roster       roster.Roster // it may be ahead of what is proven

	// What has changed in roster and is not proven: all, or some elements. Those who have
	// gone have a reason.
	whole bool
	dirty map[string]event.Reason

	pages      incoming
	later      []laterFrame // frames that came before the slice
	askAgainAt time.Time    // zero unless an answer is missing
	asked      int          // how often, since it was known last

	// What its owner asks for before is what it has just been told.
	answered time.Time
}

// forget notes that the slice is not known any more.
func (rem *remote) forget() {
	if rem.known {
		rem.known, rem.unknownSince = false, time.Now()
	}
}

// incoming is a slice that comes in pages.
type incoming struct {
	epoch     string
	next, all int // the pages
	whole     bool
	events    []event.Event
}

// complete returns the events of all pages. All users of a whole slice are in one event, so
// that no memory is copied while the roster grows: it would take longer than all else.
func (in *incoming) complete() []event.Event {
	if !in.whole {
		return in.events
	}
	users, rest := make([]event.User, 0, len(in.events)), []event.Event{nil}
	for _, e := range in.events {
		if u, ok := e.(event.NewUser); ok {
			users = append(users, u.User)
		} else {
			rest = append(rest, e)
		}
	}
	rest[0] = event.ExistingUsers{Users: users}
	return rest
}

type laterFrame struct {
	header header
	events []event.Event
}

// maxLater is how many frames are kept while a slice is waited for. Without the others,
// the slice is asked for again.
const maxLater = 64

// ask asks a server for its slice in a room: if since, only for what has changed since it
// was proven.
func (n *Node) ask(r *room, rem *remote, since bool) {
	h := header{Kind: kindAsk, Room: r.name}
	if since && rem.epoch != "" {
		h.Epoch, h.Seq = rem.epoch, rem.seq
	}
	n.counts.Asks.Add(1)
	n.send(n.subjects.inbox(rem.peer.owner, r.name), "", h, nil)
	most := 4 // times twice
	if !rem.known {
		most = 2
	}
	rem.askAgainAt = time.Now().Add(askAgainAfter << min(rem.asked, most))
	rem.asked++
	n.schedule(r)
}

// askSoon has a server asked soon for its slice, if it does not tell it before. It is for
// when it can be heard again, or has just been asked with all others.
func (rem *remote) askSoon() {
	if soon := time.Now().Add(askAgainAfter); rem.askAgainAt.IsZero() || rem.askAgainAt.After(soon) {
		rem.askAgainAt = soon
	}
	rem.asked = 0
}

// answer tells a server what it does not know of the slice of this one.
func (n *Node) answer(r *room, p *peer, knows position) {
	rem, _ := n.addRemote(r, p)
	began, since := time.Now(), uint64(0)
	if knows.Epoch == r.epoch {
		since = knows.Seq
	}
	if since == 0 && began.Before(rem.answered) {
		return // it was asked again before it had the answer
	}
	slice, ok := r.shared.Slice(since)
	if !ok {
		return
	}
	h := header{Kind: kindSlice, Room: r.name, Epoch: r.epoch, Replaces: r.replaces, Whole: slice.Whole, Word: n.word}
	for owner, rem := range r.remotes {
		if owner != p.owner && !rem.peer.silent {
			h.Others = append(h.Others, owner)
		}
	}
	pages := paged(slice, n.bus.maxPayload()*3/4-maxHeader)
	h.Pages = len(pages)
	for i, page := range pages {
		h.Page = i
		n.send(n.subjects.inbox(p.owner, r.name), "", h, event.Encode(page...))
	}
	if now := time.Now(); since == 0 {
		rem.answered = now.Add(now.Sub(began)) // what came meanwhile is read at once
	}
}

// paged returns the events of a slice, divided into pages of a size. The last one ends with
// the state.
func paged(s hub.Slice, size int) (pages [][]event.Event) {
	var page []event.Event
	left := size
	add := func(e event.Event, bytes int) {
		if left < bytes && len(page) > 0 {
			pages, page, left = append(pages, page), nil, size
		}
		page, left = append(page, e), left-bytes
	}
	const overhead = len(`{"event":"disconnect_user","data":{"id":"","name":"","reason":"node_lost"}},`)
	for _, e := range s.Gone {
		add(e, overhead+len(e.ID)+len(e.Name))
	}
	for _, u := range s.Users {
		add(event.NewUser{User: u}, overhead+u.Size())
	}
	return append(pages, append(page, s.State))
}

// heardFrame takes in what has changed in the slice of another server.
func (n *Node) heardFrame(r *room, p *peer, h header, events []event.Event) {
	state, ok := stateOf(events)
	if !ok {
		n.counts.Unreadable.Add(1)
		return
	}
	rem, begins := n.addRemote(r, p)
	rem.heardAt = time.Now()
	if begins {
		n.sendState(r)
	}
	switch {
	case rem.epoch == h.Epoch && rem.known && state.Seq < rem.seq:
		return // it came late
	case rem.epoch == h.Epoch && rem.known:
		n.apply(r, rem, events)
	case state.Count == 0: // nobody has to be asked for nobody
		rem.epoch, rem.pages, rem.later = h.Epoch, incoming{}, nil
		n.apply(r, rem, []event.Event{event.ExistingUsers{}, state})
	default:
		if rem.epoch != h.Epoch {
			rem.forget()
		}
		if len(rem.later) < maxLater {
			rem.later = append(rem.later, laterFrame{h, events})
		}
		if rem.askAgainAt.IsZero() {
			n.ask(r, rem, false)
		}
	}
	n.replace(r, rem, h)
	n.updateAccess(r)
}

// stateOf returns the room event that ends a frame.
func stateOf(events []event.Event) (event.Room, bool) {
	if len(events) == 0 {
		return event.Room{}, false
	}
	state, ok := events[len(events)-1].(event.Room)
	return state, ok
}

// heardSlice takes in a page of the slice of another server.
func (n *Node) heardSlice(r *room, p *peer, h header, events []event.Event) {
	r.answered = true
	rem, begins := n.addRemote(r, p)
	rem.heardAt = time.Now()
	if begins {
		n.sendState(r)
	}
	for _, owner := range h.Others {
		if owner != n.owner && r.remotes[owner] == nil {
			r.expected[owner] = true
		}
	}
	in := &rem.pages
	if h.Page == 0 {
		*in = incoming{epoch: h.Epoch, all: h.Pages, whole: h.Whole}
	}
	if h.Page != in.next || h.Pages != in.all || h.Epoch != in.epoch {
		*in = incoming{} // it is asked for again
		return
	}
	in.next++
	in.events = append(in.events, events...)
	if in.next < in.all {
		if !rem.askAgainAt.IsZero() {
			rem.askAgainAt = time.Now().Add(askAgainAfter)
			n.schedule(r)
		}
		return
	}
	all := in.complete()
	*in = incoming{}
	state, ok := stateOf(all)
	if !ok || rem.known && rem.epoch == h.Epoch && state.Seq < rem.seq || !h.Whole && rem.epoch != h.Epoch {
		return
	}
	rem.epoch = h.Epoch
	later := rem.later
	rem.later = nil
	if n.apply(r, rem, all) {
		for _, frame := range later {
			if late, _ := stateOf(frame.events); frame.header.Epoch == rem.epoch && late.Seq > rem.seq {
				n.apply(r, rem, frame.events)
			}
		}
	}
	n.replace(r, rem, h)
	n.updateAccess(r)
}

// apply applies events to the slice of another server. If the result is proven, the room
// is told. Otherwise the slice is asked for. It reports whether it is proven.
func (n *Node) apply(r *room, rem *remote, events []event.Event) bool {
	var err error
	for _, e := range events {
		var changes []roster.Change
		changes, err = rem.roster.Apply(e)
		rem.note(e, changes)
	}
	if err != nil {
		n.counts.Drifts.Add(1)
		n.log.Debug("the slice of another server is not what it should be", "room", r.name, "server", rem.peer.owner, "err", err)
		wasKnown := rem.known
		rem.forget()
		n.ask(r, rem, wasKnown)
		return false
	}
	rem.known, rem.askAgainAt, rem.asked = true, time.Time{}, 0
	rem.seq = rem.roster.State().Seq
	if u, some := n.takeUpdate(rem); some {
		r.shared.Update(u)
	}
	return true
}

// note notes what has changed and is still to be proven.
func (rem *remote) note(e event.Event, changes []roster.Change) {
	for _, c := range changes {
		switch {
		case c.Kind == roster.Reset:
			rem.whole, rem.dirty = true, nil
		case rem.whole:
		default:
			if rem.dirty == nil {
				rem.dirty = make(map[string]event.Reason)
			}
			reason := event.ReasonLost
			if gone, ok := e.(event.DisconnectUser); ok {
				reason = gone.Reason
			}
			rem.dirty[c.User.ID] = reason
		}
	}
}

// takeUpdate returns what the room has not been told of a slice. It reports false if that
// is nothing.
func (n *Node) takeUpdate(rem *remote) (u hub.Update, some bool) {
	u = hub.Update{Owner: rem.peer.owner, Whole: rem.whole, Known: rem.whole, Silent: rem.peer.silent}
	if rem.whole {
		u.Put = make([]presence.Entry, 0, rem.roster.Len())
		for _, element := range rem.roster.Borrow() {
			n.put(&u, element)
		}
	}
	for id, reason := range rem.dirty {
		element, here := rem.roster.Get(id)
		user, isMark := strings.CutSuffix(id, slice.MarkID(""))
		switch {
		case here:
			n.put(&u, element)
		case isMark:
			u.Ended = append(u.Ended, user)
		default:
			u.Gone = append(u.Gone, event.DisconnectUser{ID: id, Reason: reason})
		}
	}
	some = rem.whole || len(rem.dirty) > 0
	rem.whole, rem.dirty = false, nil
	return u, some
}

// put adds an element of a slice to an update. One that cannot be read is left out.
func (n *Node) put(u *hub.Update, element event.User) {
	e, m, err := slice.Decode(u.Owner, element)
	switch {
	case err != nil:
		n.counts.Unreadable.Add(1)
		n.log.Debug("an element of the slice of another server cannot be read", "server", u.Owner, "err", err)
	case m.ID != "":
		u.Marks = append(u.Marks, m)
	default:
		u.Put = append(u.Put, e)
	}
}

// replace removes what earlier runs of a server have known in a room, if this one has
// taken it up.
func (n *Node) replace(r *room, rem *remote, h header) {
	if !h.Replaces || !rem.known {
		return
	}
	for _, old := range r.remotes {
		if old.peer.name == rem.peer.name && old.peer.run < rem.peer.run && old.peer.silent {
			n.removeRemote(r, old.peer, event.ReasonNodeLost)
		}
	}
}
