package ws

import (
	"runtime/debug"
	"time"

	"rollcall/server/hub"
	"rollcall/server/refusal"
	"rollcall/shared/event"
)

// How long things may take on a connection. One goroutine checks all connections every
// second: timers of their own would cost a connection as much memory as its place in a
// room.
const (
	sweepEvery   = time.Second
	pingEvery    = 15 * time.Second
	pongTimeout  = 5 * time.Second
	closeTimeout = 5 * time.Second  // for the answer to the close frame
	writeTimeout = 10 * time.Second // without progress; then the client is cut off
	forgetEvery  = time.Minute      // addresses that use nothing any more are dropped

	// A rush is acceptBurst new connections. It is over when there is no new one for
	// acceptBurstGap.
	acceptBurst    = 1000
	acceptBurstGap = 5 * time.Second
)

// sweep sends pings and heartbeats, and cuts connections that do not answer, until the
// server closes.
func (s *Server) sweep() {
	ticker := time.NewTicker(sweepEvery)
	defer ticker.Stop()
	lastForget := time.Now()
	accepted, acceptedAtFree, lastAccept := 0, 0, time.Now()
	var toPing []*conn
	var toBeat []*hub.Conn
	for {
		select {
		case <-s.done:
			return
		case <-ticker.C:
		}
		// By the clock: under load, ticks are late or missing.
		now := time.Now()
		toPing, toBeat = toPing[:0], toBeat[:0]
		s.mu.Lock()
		for _, c := range s.conns {
			ping, beat := c.check(now)
			if ping {
				toPing = append(toPing, c)
			}
			if beat {
				toBeat = append(toBeat, c.member.Load())
			}
		}
		if s.accepted != accepted {
			accepted, lastAccept = s.accepted, now
		}
		s.mu.Unlock()
		for _, member := range toBeat {
			member.Heartbeat()
		}
		clear(toBeat)
		// An upgrade takes several times the memory that a connection keeps. Go gives
		// it back to the system over minutes, if at all.
		if accepted-acceptedAtFree >= acceptBurst && now.Sub(lastAccept) >= acceptBurstGap {
			acceptedAtFree = accepted
			debug.FreeOSMemory()
		}
		if now.Sub(lastForget) >= forgetEvery {
			s.options.Addresses.Forget()
			lastForget = now
		}
		s.ping(toPing)
		clear(toPing)
	}
}

// pingsAtOnce is how many pings may go out without a pause.
const pingsAtOnce = 8

// ping spreads pings over most of the time to the next sweep. Hundreds at once would
// delay the frames of rooms by some ten milliseconds.
func (s *Server) ping(conns []*conn) {
	for i, c := range conns {
		if i > 0 && i%pingsAtOnce == 0 {
			select {
			case <-s.done:
				return
			case <-time.After(sweepEvery * 3 / 4 * pingsAtOnce / time.Duration(len(conns))):
			}
		}
		c.lastPing = time.Now() // later than check has noted
		c.out.ping()
	}
}

// check does what is due on a connection, and reports whether to send a ping and a
// heartbeat. What is due before the next check but one is done now, so that nothing is
// late.
func (c *conn) check(now time.Time) (ping, beat bool) {
	if !c.clientPending && now.Before(c.checkAt) && !c.written.Load() {
		return false, false
	}
	pending, overdue := c.out.checkProgress(now)
	c.clientPending = pending
	if c.pongPending && now.Sub(c.lastPing) >= pongTimeout {
		c.pongPending = false
		if overdue == 0 && !c.out.received.Load() {
			overdue = refusal.PingUnanswered
		}
	}
	if overdue != 0 {
		c.refuse(refusal.Error{Reason: overdue})
		return false, false
	}
	// Behind much that waits, a ping would be answered late. Progress shows as well that
	// the client is there.
	if !pending && now.Sub(c.lastPing) >= pingEvery-2*sweepEvery {
		c.lastPing, c.pongPending, ping = now, true, true
	}
	c.checkAt = c.lastPing.Add(pingEvery - 2*sweepEvery)
	if c.pongPending {
		c.checkAt = c.lastPing.Add(pongTimeout)
	}
	if c.written.Swap(false) {
		c.lastWrite = now
	}
	if !c.helloSeen.Load() && !c.helloOverdue && now.Sub(c.acceptedAt) >= event.HelloTimeout {
		c.helloOverdue = true
		c.out.spawn(func() { c.refuse(refusal.Error{Reason: refusal.NoHello}) })
	}
	if c.member.Load() != nil && now.Sub(c.lastWrite) >= event.Silence-2*sweepEvery {
		c.lastWrite, beat = now, true
	}
	next := c.lastWrite.Add(event.Silence - 2*sweepEvery)
	if !c.helloSeen.Load() {
		next = c.acceptedAt.Add(event.HelloTimeout)
	}
	if next.Before(c.checkAt) {
		c.checkAt = next
	}
	return ping, beat
}
