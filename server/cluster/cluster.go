// Package cluster makes one Rollcall of several servers: over NATS it tells the others
// what this server knows of its own users in each room, and tells the rooms what the
// others know.
//
// A server is a client of the slices of the others (see package slice): it applies their
// changes with the reducer of every client, proves by count and hash that it has what they
// have, and asks for what it has missed. So nothing has to be stored or acknowledged, and
// NATS may lose everything at any time.
package cluster

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"rollcall/server/hub"
	"rollcall/server/presence"
)

// How servers know of each other.
const (
	// wordEvery is how often a server says that it lives.
	wordEvery = time.Second
	// silentAfter is after how long without a word the users of a server are reconnecting.
	silentAfter = 3500 * time.Millisecond
	// lostAfter is after how long without a word they are gone, and heldFor is that of a
	// server that has said that it ends: its clients come back to it or to others.
	lostAfter = 15 * time.Second
	heldFor   = hub.HoldAfterRestart
	// tickEvery is how often all that is looked at.
	tickEvery = 250 * time.Millisecond
	// stoppedAfter is after how long without a tick this process has been stopped.
	stoppedAfter = 2 * time.Second
	// startTimeout is how long a starting server waits for the words of others before it
	// goes on. If they are late, it ends for what they say up to startCheck.
	startTimeout = 300 * time.Millisecond
	startCheck   = 5 * time.Second
	// lostEvery is how often all is asked for again at most, if messages are lost.
	lostEvery = 2 * time.Second
	// maxClockOffset is how much clocks may differ without a warning.
	maxClockOffset = 5 * time.Second
)

// Options are the settings of a node.
type Options struct {
	NATS   NATSOptions
	Prefix string // of all subjects
	Name   string // of this server; no other living server has it
	// Run numbers the runs of this server: higher than those before.
	Run int64
	// Secret is what all servers share.
	Secret []byte
	Log    *slog.Logger
}

// Node is this server among the others. Safe for concurrent use.
type Node struct {
	options  Options
	owner    presence.Owner
	name     string
	seal     seal
	subjects subjects
	bus      bus
	log      *slog.Logger
	counts   Counts

	commands commands
	stop     chan struct{}
	running  sync.WaitGroup

	failed     chan error // has one place
	startedAt  time.Time
	reach      atomic.Int64  // how many other servers are heard; -1 if NATS is out of reach
	tickedAt   atomic.Int64  // the last tick of heartbeat, in nanoseconds since startedAt
	generation atomic.Uint64 // see Generation

	// Only the goroutine of run uses what follows.
	peers         map[presence.Owner]*peer
	rooms         map[string]*room
	agenda        agenda
	pauses        []pause // connections that may send again, in the order of the time
	queries       map[string]*query
	reachable     bool      // NATS is
	answeredAt    time.Time // when the latest ping was sent that was answered
	pingedAt      time.Time // when there was a ping last; zero if it is answered
	word          uint64    // of this server, the last one
	wordAt        time.Time
	strangerAt    time.Time // when a server with another secret was answered last
	mutedUntil    time.Time // nothing is said before; see woken
	ended         bool      // this server has said that it ends
	warned        map[string]time.Time
	reached       bool                      // NATS was reachable once
	reachedAt     time.Time                 // when it became so last
	closed        []closed                  // rooms, in their order
	askAllAt      time.Time                 // when all is to be asked for; zero for never
	askedAllAt    time.Time                 // when it was
	deferred      []func()                  // what is said when this server speaks again; see woken
	deferredBytes int                       // of frames in it
	gone          map[presence.Owner]window // of servers that are gone
	refused       bool                      // NATS does not take a subscription
}

// Start joins the other servers. The error says what to do: NATS does not take this
// server, another living server has its name, or servers with another secret are there.
// It takes some hundred milliseconds. If NATS cannot be reached, the node goes on trying.
// The caller calls Close in the end.
func Start(ctx context.Context, o Options) (*Node, error) {
	b, err := dialNATS(o.NATS, o.Name, o.Log)
	if err != nil {
		return nil, err
	}
	return start(ctx, o, b)
}

func start(ctx context.Context, o Options, b bus) (*Node, error) {
	sealing, err := newSeal(o.Secret)
	if err != nil {
		b.close()
		return nil, err
	}
	n := &Node{
		options: o, owner: NewOwner(o.Name, o.Run), name: o.Name, seal: sealing, subjects: subjects{o.Prefix}, bus: b, log: o.Log,
		startedAt: time.Now(), commands: commands{wake: make(chan struct{}, 1)}, stop: make(chan struct{}),
		failed: make(chan error, 1), gone: make(map[presence.Owner]window),
		peers: make(map[presence.Owner]*peer), rooms: make(map[string]*room), queries: make(map[string]*query),
		warned: make(map[string]time.Time),
	}
	n.bus.subscribe(n.subjects.life())
	n.bus.subscribe(n.subjects.inbox(n.owner, allInboxes))
	n.running.Go(n.heartbeat)
	n.running.Go(n.run)
	select {
	case err = <-n.failed:
	case <-ctx.Done():
		err = ctx.Err()
	case <-time.After(startTimeout):
	}
	if err != nil {
		n.Close()
		return nil, err
	}
	return n, nil
}

// Failed returns what keeps a server from going on that has just started: it could not know
// when Start returned. The caller ends the server.
func (n *Node) Failed() <-chan error { return n.failed }

// fail has a server end that has just started.
func (n *Node) fail(text string) {
	if time.Since(n.startedAt) < startCheck {
		select {
		case n.failed <- errors.New(text):
		default: // it ends already
		}
	}
}

// Owner names this run of this server.
func (n *Node) Owner() presence.Owner { return n.owner }

// Opened implements hub.Cluster.
func (n *Node) Opened(s *hub.Shared) { n.commands.add(func() { n.open(s) }) }

// Ended implements hub.Cluster.
func (n *Node) Ended(s *hub.Shared) {
	n.commands.add(func() {
		if r := n.rooms[s.Name()]; r != nil && r.shared == s {
			n.closeRoom(r)
		}
	})
}

// End says to the others that this server ends on purpose. They hold its users, who come
// back.
func (n *Node) End() {
	n.commands.add(func() {
		n.ended = true
		n.sendLife()
	})
}

// Close ends the node. It takes a second at most if NATS can be reached, and two else.
func (n *Node) Close() {
	close(n.stop)
	n.running.Wait()
	n.bus.close()
}

// run does all that the node does.
func (n *Node) run() {
	n.agenda.init()
	timer := time.NewTimer(0)
	defer timer.Stop()
	tick := time.Now()
	for {
		var began time.Time
		select {
		case <-n.stop:
			for _, do := range n.commands.take() {
				do() // such as End
			}
			return
		case <-n.commands.wake:
			began = time.Now()
			for _, do := range n.commands.take() {
				do()
			}
		case m := <-n.bus.messages():
			began = time.Now()
			n.receive(m)
		case e := <-n.bus.events():
			began = time.Now()
			n.happened(e)
		case <-timer.C:
			began = time.Now()
		}
		now := time.Now()
		n.excuse(now.Sub(began))
		if !now.Before(tick) {
			n.tick(now)
			tick = now.Add(tickEvery)
		}
		n.doDue(now)
		n.endPauses(now)
		timer.Reset(time.Until(n.nextTime(tick)))
	}
}

// excuse is called when this server was busy for a while: the words of others have waited
// meanwhile, and are no silence.
func (n *Node) excuse(busy time.Duration) {
	if busy < tickEvery {
		return
	}
	for _, p := range n.peers {
		p.heardAt = p.heardAt.Add(busy)
	}
}

// nextTime returns when there is something to do.
func (n *Node) nextTime(tick time.Time) time.Time {
	if at, ok := n.agenda.next(); ok && at.Before(tick) {
		tick = at
	}
	if len(n.pauses) > 0 && n.pauses[0].until.Before(tick) {
		tick = n.pauses[0].until
	}
	return tick
}

// tick does what is done all the time.
func (n *Node) tick(now time.Time) {
	if len(n.deferred) > 0 && !now.Before(n.mutedUntil) {
		deferred := n.deferred
		n.deferred, n.deferredBytes = nil, 0
		for _, say := range deferred {
			say()
		}
	}
	n.sayClosedAgain(now)
	if is(n.askAllAt, now) && !now.Before(n.mutedUntil) {
		n.askAll(now)
	}
	if now.Sub(n.answeredAt) >= 2*wordEvery {
		n.ping()
	}
	if !n.pingedAt.IsZero() && now.Sub(n.pingedAt) > 2*pingTimeout {
		n.pingedAt = time.Time{} // it was lost with its connection
	}
	if now.Sub(n.wordAt) >= wordEvery && !now.Before(n.mutedUntil) && !n.ended {
		n.sendLife()
	}
	heard := int64(-1)
	if n.reachable {
		heard = 0
	}
	for _, p := range n.peers {
		n.watch(p, now)
		if n.reachable && !p.silent {
			heard++
		}
	}
	n.reach.Store(heard)
}

// Reach returns whether NATS can be reached, and how many other servers are heard. It is up
// to a quarter of a second old.
func (n *Node) Reach() (reachable bool, servers int) {
	heard := n.reach.Load()
	return heard >= 0, int(max(0, heard))
}

// ping asks NATS whether it is there, unless it is asked already.
func (n *Node) ping() {
	if n.pingedAt.IsZero() {
		n.pingedAt = time.Now()
		n.bus.ping()
	}
}

// happened takes in what has happened to the bus.
func (n *Node) happened(e busEvent) {
	now := time.Now()
	switch {
	case e.connected:
		n.refused = false // it is said again
		n.pingedAt = now
		n.bus.ping() // it is reachable when that is answered
	case e.disconnected:
		n.pingedAt = time.Time{}
		n.setReachable(now, false)
	case e.lost:
		n.counts.Lost.Add(1)
		n.warn("lost", "messages of other servers were lost, since they came faster than they could be read; all is asked for again")
		n.askAllSoon(now)
	case e.refused:
		n.refused = true
		for _, r := range n.rooms {
			n.updateAccess(r)
		}
	case !e.pingSent.IsZero():
		n.answeredAt, n.pingedAt = e.pingSent, time.Time{}
		n.setReachable(now, true)
	}
}

// setReachable notes whether NATS can be reached. While it cannot, nobody is removed.
func (n *Node) setReachable(now time.Time, reachable bool) {
	if n.reachable == reachable {
		return
	}
	n.reachable = reachable
	for _, p := range n.peers {
		p.heardAt = now // the time to come back begins anew
		p.word = 0      // and all is asked for anyway
		if !reachable && !p.silent {
			p.unreached = true
			n.setSilent(p, true)
		}
	}
	for _, r := range n.rooms {
		r.shared.SetReachable(reachable)
		n.updateAccess(r)
	}
	if !reachable {
		n.log.Warn("NATS is out of reach: people on other servers are shown as reconnecting")
		return
	}
	n.log.Info("NATS is reached")
	n.sendWord(!n.reached)
	n.reached, n.reachedAt = true, now
	n.askAll(now)
}

// askAllSoon has everything asked for, at most every lostEvery.
func (n *Node) askAllSoon(now time.Time) {
	if n.askAllAt.IsZero() {
		n.askAllAt = now
		if next := n.askedAllAt.Add(lostEvery); next.After(now) {
			n.askAllAt = next
		}
	}
}

// askAll asks for everything, since messages were lost.
func (n *Node) askAll(now time.Time) {
	n.askAllAt, n.askedAllAt = time.Time{}, now
	for _, r := range n.rooms {
		n.askRoom(r)
	}
}

// sendLife says to all that this server lives, or ends.
func (n *Node) sendLife() { n.sendWord(false) }

// sendWord is sendLife, or says that this server has just started.
func (n *Node) sendWord(starts bool) {
	n.word++
	n.wordAt = time.Now()
	n.send(n.subjects.life(), "", header{Kind: kindLife, Word: n.word, Now: n.wordAt.UnixMilli(), Starts: starts, Ends: n.ended}, nil)
}

// send sends a message to other servers.
func (n *Node) send(subject, reply string, h header, frame []byte) {
	if !h.Ends && (len(n.deferred) > 0 || time.Now().Before(n.mutedUntil)) { // in their order
		if n.deferredBytes += len(frame); n.deferredBytes < maxDeferred {
			n.deferred = append(n.deferred, func() { n.send(subject, reply, h, frame) })
		}
		return
	}
	h.From, h.number = n.owner, n.counts.Sent.Add(1)
	if !n.bus.publish(subject, reply, n.seal.seal(subject, h, frame)) {
		n.word++ // others miss a word, and ask
	}
}
