package cluster

import (
	"context"
	"time"

	"rollcall/server/presence"
)

// query asks whom the other servers that have a room hold of earlier runs of this one.
type query struct {
	answered bool            // by at least one of them
	knew     bool            // one of them has known an earlier run
	held     map[string]bool // by public id
	gone     map[string]bool // users who have gone from other servers
	pages    map[presence.Owner]int
	all      *int // how many queries are not answered
	done     chan struct{}
}

// answer takes in a whole answer.
func (q *query) answer(ids []string, knew bool) {
	q.knew = q.knew || knew
	for _, id := range ids {
		q.held[id] = true
	}
	if q.answered {
		return
	}
	q.answered = true
	if *q.all--; *q.all == 0 {
		close(q.done)
	}
}

// How long a starting server waits for the answers of all rooms, and for those of further
// servers after the first one.
const (
	heldTimeout  = time.Second
	furtherDelay = 100 * time.Millisecond
)

// idSize is how many bytes a user takes in an answer.
const idSize = len(`"abcdefghijklm",`)

// Held asks the other servers whom they hold of earlier runs of this one, in rooms of this
// server's last run. The result reports whether to take up a user: not if other servers
// have known that run and hold the user no more, as after a leave, or if the user has gone
// from one of them since. It takes a second at most.
//
// Crashed is whether that run has ended without a word. Then others have shown its users as
// gone after a while, and they are not taken up again where somebody has the room and knows
// nothing of that run any more.
func (n *Node) Held(ctx context.Context, rooms []string, crashed bool) func(room, id string) bool {
	if len(rooms) == 0 {
		return func(string, string) bool { return true }
	}
	done, all := make(chan struct{}), len(rooms)
	n.commands.add(func() {
		for _, name := range rooms {
			about := heldWord + name
			n.queries[about] = &query{held: make(map[string]bool), gone: make(map[string]bool), pages: make(map[presence.Owner]int), all: &all, done: done}
			n.send(n.subjects.room(name), n.subjects.inbox(n.owner, about), header{Kind: kindHeld, Room: name}, nil)
		}
	})
	wait(ctx, done, heldTimeout)
	wait(ctx, nil, furtherDelay)
	taken := make(chan map[string]*query, 1)
	n.commands.add(func() {
		taken <- n.queries
		n.queries = make(map[string]*query)
	})
	var queries map[string]*query
	select {
	case queries = <-taken:
	case <-ctx.Done():
	case <-time.After(heldTimeout):
	}
	return func(room, id string) bool {
		q := queries[heldWord+room]
		switch {
		case q == nil:
			return true
		case q.knew:
			return q.held[id]
		case crashed:
			return len(q.pages) == 0
		}
		return !q.gone[id]
	}
}

// wait waits until something is done or the time is over.
func wait(ctx context.Context, done <-chan struct{}, timeout time.Duration) {
	select {
	case <-done:
	case <-ctx.Done():
	case <-time.After(timeout):
	}
}

// answerHeld answers a server that has started again.
func (n *Node) answerHeld(r *room, h header) {
	name, run := nameOf(h.From)
	earlier := func(o presence.Owner) bool {
		of, number := nameOf(o)
		return of == name && number < run
	}
	answer := header{Kind: kindHolds, Room: r.name}
	for owner, rem := range r.remotes {
		answer.Knew = answer.Knew || earlier(owner) && rem.known
	}
	ids := r.shared.Holds(earlier)
	if !answer.Knew { // the room may have been opened here since that run ended
		ids, answer.Gone = r.shared.Gone(), true
	}
	each := max(1, (n.bus.maxPayload()-maxHeader)/idSize)
	answer.Pages = max(1, (len(ids)+each-1)/each)
	for answer.Page = range answer.Pages {
		answer.IDs = ids[answer.Page*each : min(len(ids), (answer.Page+1)*each)]
		n.send(n.subjects.inbox(h.From, heldWord+r.name), "", answer, nil)
	}
}

// heardHolds takes in a page of such an answer.
func (n *Node) heardHolds(h header) {
	q := n.queries[heldWord+h.Room]
	if q == nil {
		return
	}
	for _, id := range h.IDs {
		if h.Gone {
			q.gone[id] = true
		} else {
			q.held[id] = true
		}
	}
	if q.pages[h.From]++; q.pages[h.From] == h.Pages {
		q.answer(nil, h.Knew)
	}
}
