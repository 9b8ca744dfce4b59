package cluster

import (
	"fmt"
	"time"

	"rollcall/server/presence"
	"rollcall/shared/event"
)

// peer is one run of another server.
type peer struct {
	owner   presence.Owner
	name    string
	run     int64
	heardAt time.Time // when it said something last
	word    uint64    // the last one
	window  window    // of its messages
	silent  bool      // nothing is heard of it, or it has ended
	// unreached is that it is silent only since NATS cannot be reached.
	unreached bool
	runs      bool // it has said more than that it starts
	ended     bool // it has said that it ends
	later     bool // a later run of it lives
	rooms     map[string]*room
}

// isNew reports whether a message has not come before.
func (n *Node) isNew(h header) bool {
	if p := n.peers[h.From]; p != nil {
		return p.window.take(h.number)
	}
	w, known := n.gone[h.From]
	if !known {
		return true
	}
	defer func() { n.gone[h.From] = w }()
	return w.take(h.number)
}

// heard notes that another server has said something.
func (n *Node) heard(h header) *peer {
	now := time.Now()
	p := n.peers[h.From]
	if p == nil {
		name, run := nameOf(h.From)
		p = &peer{owner: h.From, name: name, run: run, rooms: make(map[string]*room)}
		w, known := n.gone[h.From]
		if known {
			p.window = w
			delete(n.gone, h.From)
		} else {
			p.window.take(h.number)
		}
		n.peers[h.From] = p
		n.log.Info("another server is there", "server", p.owner)
		if known || !h.begins() {
			n.askAllSoon(now) // it may have rooms of this server
		}
	} else if p.later && h.Kind == kindLife && !p.ended {
		// A message that was under way when it ended would come at once.
		if now.Sub(p.heardAt) >= wordEvery/2 {
			p.later = false
			n.warn("twins", "two servers have one name; give each another -node-name", "name", p.name)
		}
	}
	p.heardAt = now
	if p.word == 0 {
		p.word = h.Word // of a slice, too
	}
	if !p.runs && !h.begins() { // one that starts may have a name that it cannot have
		p.runs = true
		for _, other := range n.peers {
			if other.name == p.name && other.run < p.run {
				other.later = true // it has ended, unless it says something again
				n.setSilent(other, true)
			}
		}
	}
	if p.silent && n.reachable && !p.ended && !p.later {
		n.log.Info("another server is heard again", "server", p.owner)
		if !p.unreached { // otherwise all was asked for when NATS was back
			n.askAllSoon(now)
		}
		n.setSilent(p, false)
	}
	return p
}

// begins reports whether a message is of a server that only starts.
func (h header) begins() bool { return h.Kind == kindLife && (h.Starts || h.Ends || h.Word <= 1) }

// heardLife takes in the word of another server. Direct is whether it has come to the inbox
// of this run: then nobody repeats what was said to an earlier one.
func (n *Node) heardLife(p *peer, h header, direct bool) {
	if p.name == n.name && !h.Ends {
		text := fmt.Sprintf("another server is running under the name %q; give this one another -node-name", n.name)
		if n.warn("twin", text); direct {
			n.fail(text)
		}
	}
	if h.Starts {
		answer := header{Kind: kindLife, Now: time.Now().UnixMilli(), Ends: n.ended}
		n.send(n.subjects.inbox(p.owner, "life"), "", answer, nil)
	}
	// Without the words in between, messages may have been lost as well.
	if p.word != 0 && h.Word > p.word+1 {
		n.askAllSoon(time.Now())
	}
	p.word = max(p.word, h.Word)
	if h.Ends && !p.ended {
		n.log.Info("another server ends", "server", p.owner)
		p.ended = true
		n.setSilent(p, true)
	}
	if offset := time.Duration(h.Now-time.Now().UnixMilli()) * time.Millisecond; offset.Abs() > maxClockOffset {
		n.warn("clock", "the clock of another server differs: times will look odd, and who arrives there has another place", "server", p.owner, "by", offset)
	}
}

// watch does what time does to another server.
func (n *Node) watch(p *peer, now time.Time) {
	if !n.reachable {
		return
	}
	silence := now.Sub(p.heardAt)
	if silence >= silentAfter && !p.silent {
		n.log.Warn("another server is silent", "server", p.owner)
		n.setSilent(p, true)
	}
	limit := lostAfter
	if p.ended {
		limit = heldFor
	}
	// Silence counts only if NATS has answered since it began.
	if p.silent && silence >= limit && n.answeredAt.After(p.heardAt) {
		n.lose(p)
	}
}

// maxGone is of how many servers that are gone the messages are known, so that nobody can
// repeat them.
const maxGone = 256

// lose removes a server, and all that it knows.
func (n *Node) lose(p *peer) {
	if !p.ended {
		n.log.Warn("another server is gone", "server", p.owner)
	}
	delete(n.peers, p.owner)
	for owner := range n.gone {
		if len(n.gone) < maxGone {
			break
		}
		delete(n.gone, owner)
	}
	n.gone[p.owner] = p.window
	for _, r := range p.rooms {
		n.removeRemote(r, p, event.ReasonNodeLost)
	}
}

// setSilent sets whether nothing is heard of a server.
func (n *Node) setSilent(p *peer, silent bool) {
	if p.silent == silent {
		return
	}
	p.silent, p.unreached = silent, p.unreached && silent
	for _, r := range p.rooms {
		r.shared.SetSilent(p.owner, silent)
		n.updateAccess(r)
	}
	for _, r := range n.rooms {
		if !r.ready && silent {
			n.updateAccess(r) // it may have waited for this one
		}
	}
}
