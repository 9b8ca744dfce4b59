package ws

import (
	"runtime/debug"
	"time"

	"rollcall/server/hub"
	"rollcall/server/refusal"
	"rollcall/shared/event"
)

// How long things may take on a connection. One goroutine looks after all of
// them every so often, since timers of their own would cost each connection
// as much as its place in a room.
const (
	sweepEvery   = time.Second
	pingEvery    = 15 * time.Second
	pongTimeout  = 5 * time.Second
	closeTimeout = 5 * time.Second  // the last frame is answered
	writeTimeout = 10 * time.Second // then the client is stuck and is cut off
	forgetEvery  = time.Minute      // of addresses that use nothing any more

	// A rush is so many connections opened, and is over when for so long
	// there was none.
	acceptBurst    = 1000
	acceptBurstGap = 5 * time.Second
)

// sweep pings, says something in quiet rooms and cuts off who is stuck, until
// the server closes.
func (s *Server) sweep() {
	ticker := time.NewTicker(sweepEvery)
	defer ticker.Stop()
	forgotten := time.Now()
	accepted, tidied, quiet := 0, 0, time.Now()
	var due []*conn
	var quietRooms []*hub.Conn
	for {
		select {
		case <-s.done:
			return
		case <-ticker.C:
		}
		// By the clock, since ticks are late and left out under load.
		now := time.Now()
		due, quietRooms = due[:0], quietRooms[:0]
		s.mu.Lock()
		for _, c := range s.conns {
			ping, beat := c.check(now)
			if ping {
				due = append(due, c)
			}
			if beat {
				quietRooms = append(quietRooms, c.member.Load())
			}
		}
		if s.accepted != accepted {
			accepted, quiet = s.accepted, now
		}
		s.mu.Unlock()
		for _, place := range quietRooms {
			place.Heartbeat()
		}
		clear(quietRooms)
		// Upgrading takes several times what a connection keeps, and Go
		// gives that back over minutes, if at all: it is kept for the next
		// rush, which may be tomorrow's.
		if accepted-tidied >= acceptBurst && now.Sub(quiet) >= acceptBurstGap {
			tidied = accepted
			debug.FreeOSMemory()
		}
		if now.Sub(forgotten) >= forgetEvery {
			s.options.Addresses.Forget()
			forgotten = now
		}
		s.ping(due)
		clear(due)
	}
}

// pingsAtOnce is how many pings may go out without a pause.
const pingsAtOnce = 8

// ping spreads pings over most of the time to the next sweep: hundreds at once
// would hold up what happens in the rooms by some ten milliseconds.
func (s *Server) ping(due []*conn) {
	for i, c := range due {
		if i > 0 && i%pingsAtOnce == 0 {
			select {
			case <-s.done:
				return
			case <-time.After(sweepEvery * 3 / 4 * pingsAtOnce / time.Duration(len(due))):
			}
		}
		c.lastPing = time.Now() // which may be later than it was due
		c.out.ping()
	}
}

// check does what is due on a connection, and reports whether a ping is, and
// something to be heard in a quiet room. What is due before the next look but
// one is done now, so that nothing comes late.
func (c *conn) check(now time.Time) (ping, beat bool) {
	if !c.clientPending && now.Before(c.checkAt) && !c.written.Load() {
		return false, false
	}
	waiting, overdue := c.out.checkProgress(now)
	c.clientPending = waiting
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
	// Behind much that waits, a ping would be answered late; but that it
	// gets less shows as well that somebody is there.
	if !waiting && now.Sub(c.lastPing) >= pingEvery-2*sweepEvery {
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
