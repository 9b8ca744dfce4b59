package cluster

import (
	"bytes"
	"crypto/rand"
	"slices"
	"time"

	"rollcall/server/hub"
	"rollcall/server/presence"
	"rollcall/shared/event"
)

// How a room is shared.
const (
	// openTimeout is how long the first client of a room waits for the other servers that
	// have it. NATS says at once if there are none. To wait is better than to show a room
	// without those who are in it.
	openTimeout = 5 * time.Second
	// pollAfter is after how long all servers are asked one by one whether they have the
	// room: NATS does not say that none has it if somebody else listens.
	pollAfter = 250 * time.Millisecond
	// staleAfter is after how long without a word of a slice its owner is asked: it says
	// something every idleEvery, and may have ended the room unheard.
	staleAfter = idleEvery + 10*time.Second
	// Over several NATS servers, two who open a room at one time can both be told that
	// nobody else has it. So a server asks again, at last every idleEvery.
	idleEvery = 30 * time.Second
	// repeatAfter is how long after a frame the state is told once more: the frame may
	// have been lost.
	repeatAfter = 2 * time.Second
	// askAgainAfter is how long an answer may take.
	askAgainAfter = 500 * time.Millisecond
)

// askDelays are after how long a server that has opened a room asks again.
var askDelays = []time.Duration{time.Second, 4 * time.Second}

// room is a room of this server.
type room struct {
	shared  *hub.Shared
	name    string
	remotes map[presence.Owner]*remote // the slices of the other servers that have it

	epoch    string // of the slice of this server; empty while nobody else has the room
	replaces bool   // the slice has everybody whom earlier runs had

	openedAt time.Time
	ready    bool                    // clients are let in
	alone    bool                    // it was said that no other server has the room
	answered bool                    // another server has answered
	expected map[presence.Owner]bool // servers that must still answer
	polled   bool                    // all servers were asked one by one
	partial  bool
	kept     bool // see hub.Shared.Keep

	asks    int       // how often all were asked
	askAt   time.Time // when they are asked again; zero for never
	stateAt time.Time // when the state of the slice is told; zero for never
	dueAt   time.Time // in the agenda; zero if it is not there
	index   int       // there
}

// open begins to share a room.
func (n *Node) open(s *hub.Shared) {
	if old := n.rooms[s.Name()]; old != nil {
		n.closeRoom(old)
	}
	r := &room{
		shared: s, name: s.Name(), replaces: s.Restored(), openedAt: time.Now(),
		remotes: make(map[presence.Owner]*remote), expected: make(map[presence.Owner]bool),
	}
	n.rooms[r.name] = r
	s.SetReachable(n.reachable)
	n.bus.subscribe(n.subjects.room(r.name))
	n.askRoom(r)
	n.updateAccess(r)
}

// closeRoom ends sharing a room that this server has no more.
func (n *Node) closeRoom(r *room) {
	n.bus.unsubscribe(n.subjects.room(r.name))
	if len(r.remotes) > 0 {
		n.sendClosed(r.name)
		n.closed = append(n.closed, closed{r.name, time.Now().Add(repeatAfter)})
	}
	for owner := range r.remotes {
		if p := n.peers[owner]; p != nil {
			delete(p.rooms, r.name)
		}
	}
	n.agenda.set(r, time.Time{})
	delete(n.rooms, r.name)
}

// closed is a room that this server has no more.
type closed struct {
	room    string
	againAt time.Time // when that is said again: it may have been lost
}

func (n *Node) sendClosed(room string) {
	n.send(n.subjects.room(room), "", header{Kind: kindClosed, Room: room}, nil)
}

// sayClosedAgain says once more which rooms have ended.
func (n *Node) sayClosedAgain(now time.Time) {
	for len(n.closed) > 0 && !n.closed[0].againAt.After(now) {
		if room := n.closed[0].room; n.rooms[room] == nil {
			n.sendClosed(room)
		}
		n.closed = n.closed[1:]
	}
}

// askRoom asks all servers that have the room for their slices.
func (n *Node) askRoom(r *room) {
	now, knows := time.Now(), make(map[presence.Owner]position)
	for owner, rem := range r.remotes {
		if rem.known {
			knows[owner] = position{rem.epoch, rem.seq}
		}
		rem.askSoon() // who has the room no more does not hear what follows
	}
	n.send(n.subjects.room(r.name), n.subjects.inbox(n.owner, r.name), header{Kind: kindOpen, Room: r.name, Epoch: r.epoch, Knows: knows}, nil)
	wait := idleEvery
	if r.asks < len(askDelays) {
		wait = askDelays[r.asks]
	}
	r.asks++
	r.askAt = now.Add(wait)
	n.schedule(r)
}

// pollAt is when to ask all servers whether they have a room; zero for never.
func (n *Node) pollAt(r *room) time.Time {
	if !n.reachable || r.ready || r.answered || r.alone || r.polled {
		return time.Time{}
	}
	at := r.openedAt.Add(pollAfter)
	if known := n.reachedAt.Add(2 * wordEvery); known.After(at) {
		return known // all have said a word by then
	}
	return at
}

// poll asks all servers whether they have a room. Those who have not say that they have
// closed it.
func (n *Node) poll(r *room) {
	r.polled = true
	for _, p := range n.peers {
		if !p.silent {
			r.expected[p.owner] = true
			n.send(n.subjects.inbox(p.owner, r.name), "", header{Kind: kindAsk, Room: r.name}, nil)
		}
	}
}

// noResponders takes in that no other server has a room.
func (n *Node) noResponders(subject string) {
	about, ok := n.subjects.about(n.owner, subject)
	if !ok {
		return
	}
	if q := n.queries[about]; q != nil {
		q.answer(nil, false)
		return
	}
	if r := n.rooms[about]; r != nil {
		r.alone = true
		n.updateAccess(r)
	}
}

// heardOpen answers a server that has opened a room.
func (n *Node) heardOpen(r *room, p *peer, h header) {
	rem, _ := n.addRemote(r, p)
	n.answer(r, p, h.Knows[n.owner])
	if h.Epoch != "" && (!rem.known || rem.epoch != h.Epoch) {
		n.ask(r, rem, false)
	}
}

// heardClosed takes in that a server has the room no more.
func (n *Node) heardClosed(r *room, p *peer) {
	delete(r.expected, p.owner)
	n.removeRemote(r, p, event.ReasonClosed)
	n.updateAccess(r)
}

// addRemote returns the slice of another server, of which nothing may be known yet. With
// the first one, this server begins to tell others of its own: then they have to hear how
// that is at the beginning.
func (n *Node) addRemote(r *room, p *peer) (rem *remote, begins bool) {
	if rem := r.remotes[p.owner]; rem != nil {
		return rem, false
	}
	rem = &remote{peer: p, unknownSince: time.Now(), heardAt: time.Now()}
	r.remotes[p.owner], p.rooms[r.name] = rem, r
	rem.askSoon() // unless it tells its slice by itself
	if begins = r.epoch == ""; begins {
		r.epoch, r.stateAt = rand.Text()[:12], time.Now().Add(idleEvery)
		r.shared.Share(publisher{n, r, r.epoch})
	}
	n.schedule(r)
	return rem, begins
}

// removeRemote removes the slice of another server. Without any, this server ceases to
// tell of its own.
func (n *Node) removeRemote(r *room, p *peer, reason event.Reason) {
	if r.remotes[p.owner] == nil {
		return
	}
	delete(r.remotes, p.owner)
	delete(p.rooms, r.name)
	r.shared.DropOwner(p.owner, reason)
	if len(r.remotes) == 0 {
		r.shared.Unshare()
		r.epoch, r.stateAt, r.askAt = "", time.Time{}, time.Now().Add(idleEvery)
	}
	n.updateAccess(r)
}

// publisher gives the frames of a slice to the node.
type publisher struct {
	node  *Node
	room  *room
	epoch string
}

// Send implements hub.Sink.
func (p publisher) Send(c *hub.Conn, f hub.Frame) (ready bool) {
	frame := f.Body
	if len(f.Head) > 0 {
		frame = slices.Concat(f.Head, f.Body)
	}
	p.node.commands.add(func() { p.node.sendFrame(p, c, frame) })
	return false
}

// stateOnly begins a frame that has only the state of a slice.
var stateOnly = []byte(`[{"event":"` + event.NameRoom + `"`)

// maxHeader is how much of a message is not its frame.
const maxHeader = 4 << 10

// sendFrame tells others what has changed in the slice of this server.
func (n *Node) sendFrame(p publisher, c *hub.Conn, frame []byte) {
	now := time.Now()
	n.pauses = append(n.pauses, pause{c, now.Add(pauseAfterFrame)})
	r := p.room
	if n.rooms[r.name] != r || r.epoch != p.epoch {
		return
	}
	if len(frame) > n.bus.maxPayload()-maxHeader {
		n.sendState(r) // they ask for it, and get it in pages
		return
	}
	n.send(n.subjects.room(r.name), "", header{Kind: kindFrame, Room: r.name, Epoch: r.epoch, Replaces: r.replaces}, frame)
	if r.stateAt = now.Add(repeatAfter); bytes.HasPrefix(frame, stateOnly) { // nothing has changed
		r.stateAt = now.Add(idleEvery)
	}
	n.schedule(r)
}

// sendState tells others what the slice of this server is, without its users.
func (n *Node) sendState(r *room) {
	state, ok := r.shared.SliceState()
	if !ok {
		return
	}
	h := header{Kind: kindFrame, Room: r.name, Epoch: r.epoch, Replaces: r.replaces}
	n.send(n.subjects.room(r.name), "", h, event.Encode(state))
	r.stateAt = time.Now().Add(idleEvery)
	n.schedule(r)
}

// updateAccess decides whether clients are let into a room, and whether they are told that
// somebody may be missing. It is called whenever something has changed.
func (n *Node) updateAccess(r *room) {
	if n.rooms[r.name] != r {
		return
	}
	now := time.Now()
	missing, partial, waited := 0, !n.reachable || n.refused, now.Sub(r.openedAt)
	if at := n.pollAt(r); is(at, now) {
		n.poll(r)
	}
	keep := false
	if r.ready || waited >= openTimeout {
		clear(r.expected) // it may be that they are there no more
	}
	for owner, rem := range r.remotes {
		keep = keep || rem.peer.ended
		if rem.known {
			delete(r.expected, owner)
		} else if !rem.peer.silent {
			missing++
			partial = partial || now.Sub(rem.unknownSince) >= openTimeout
		}
	}
	for owner := range r.expected {
		if p := n.peers[owner]; p != nil && p.silent {
			delete(r.expected, owner)
		} else if r.remotes[owner] == nil {
			missing++
		}
	}
	if partial != r.partial {
		r.partial = partial
		r.shared.SetPartial(partial)
	}
	if !r.ready && (!n.reachable || r.alone || waited >= openTimeout || (r.answered || r.polled) && missing == 0) {
		r.ready = true
		n.log.Debug("clients are let into a room", "room", r.name, "after", waited, "answered", r.answered, "alone", r.alone, "missing", missing, "servers", len(r.remotes))
		r.shared.Ready()
	}
	if keep != r.kept {
		r.kept = keep
		r.shared.Keep(keep)
	}
	n.schedule(r)
}

// schedule notes in the agenda when the next thing is to be done in a room.
func (n *Node) schedule(r *room) {
	if n.rooms[r.name] != r {
		return
	}
	due := r.askAt
	sooner := func(at time.Time) {
		if !at.IsZero() && (due.IsZero() || at.Before(due)) {
			due = at
		}
	}
	sooner(r.stateAt)
	if !r.ready {
		sooner(r.openedAt.Add(openTimeout))
		sooner(n.pollAt(r))
	}
	for _, rem := range r.remotes {
		if !n.canAsk(rem) {
			continue
		}
		sooner(rem.askAgainAt)
		if rem.known {
			sooner(rem.heardAt.Add(staleAfter))
		}
	}
	n.agenda.set(r, due)
}

// canAsk reports whether there is somebody to ask for a slice. If not, it is asked for when
// its owner is heard again.
func (n *Node) canAsk(rem *remote) bool { return n.reachable && !rem.peer.silent }

// doDue does what is due in rooms.
func (n *Node) doDue(now time.Time) {
	for {
		at, ok := n.agenda.next()
		if !ok || at.After(now) {
			return
		}
		r := n.agenda.rooms[0]
		if is(r.askAt, now) {
			r.askAt = time.Time{}
			if !n.reachable {
				// All is asked for when NATS is back.
			} else if len(r.remotes) == 0 || r.asks < len(askDelays)+1 || now.Before(n.mutedUntil.Add(wordEvery)) {
				n.askRoom(r)
			}
		}
		if is(r.stateAt, now) {
			r.stateAt = now.Add(idleEvery)
			r.shared.TellSlice()
		}
		for _, rem := range r.remotes {
			if !n.canAsk(rem) {
				continue
			}
			if is(rem.askAgainAt, now) || rem.known && now.Sub(rem.heardAt) >= staleAfter {
				rem.heardAt = now
				n.ask(r, rem, rem.known)
			}
		}
		n.updateAccess(r)
	}
}

// is reports whether it is time.
func is(at, now time.Time) bool { return !at.IsZero() && !at.After(now) }
