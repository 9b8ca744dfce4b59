package ws

import (
	"context"
	"errors"
	"io"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
	"golang.org/x/time/rate"

	"rollcall/server/hub"
	"rollcall/server/limit"
	"rollcall/server/refusal"
	"rollcall/server/session"
	"rollcall/shared/event"
)

// Limits on what a connection says, and asks for.
const (
	eventBurst = 20
	// bytesPerEvent is how much a connection may send for each event that it
	// may, after bytesBurst: what comes faster is read later, whatever it is,
	// and so are empty fragments and answers to no ping.
	bytesPerEvent = 1600
	bytesBurst    = 32 << 10
	// readCost is what a byte that is read counts against one that is sent.
	readCost = 4
	// answerPerEvent is how much a connection may be sent, because it asked for
	// it, for each event that it may send: a view of 200 people. The burst is
	// for a snapshot of 20,000 at first, or for scrolling through as many.
	answerPerEvent = 26 << 10
	answerBurst    = 4 << 20
	// maxReadPause is the longest that a connection is not read from at a time: well
	// below what the answer to a ping may take.
	maxReadPause = 2 * time.Second
	// maxThrottled is how long a client may have to be held back before it is ended.
	maxThrottled = 30 * time.Second
	// maxFlood is how long the events may be too many before the connection
	// is ended, and calm how long they must not be for that to be over.
	maxFlood = 5 * time.Second
	floodGap = time.Second
)

// conn is one client's connection. The goroutine of serve reads; frames are
// written by whoever has them.
type conn struct {
	// What the sweep looks at first, which of thousands is nothing in most:
	// in one place, since fetching it from memory is what a look costs.
	written             atomic.Bool // a frame was written since the last look
	helloSeen           atomic.Bool // a hello came in time
	hasCookie           bool        // a cookie said which session it is
	clientPending       bool        // something was expected of the client at the last look
	pongPending         bool        // it has yet to answer a ping
	helloOverdue        bool        // it is being told that its hello has not come
	tooOld              bool        // it speaks other versions only; among these, since it fits in between
	index               int         // in Server.conns, whose lock guards it
	checkAt             time.Time   // when it has to be looked at
	lastPing, lastWrite time.Time   // when last

	server      *Server
	socket      *websocket.Conn
	out         *outbox
	session     session.ID
	share       *limit.Share // of its address
	acceptedAt  time.Time
	answerLimit *rate.Limiter // bytes that are sent because they were asked for; nil without a limit
	ready       func()        // tells the hub that it may send again; made by the first Send

	// Of the reader.
	readLimit      *rate.Limiter // that are read; nil without a limit
	throttledSince time.Time     // since when it is held back; zero if it is not
	eventLimit     *rate.Limiter
	floodSince     time.Time                // when the events became too many last
	lastDropped    time.Time                // when the last one was dropped
	lastDropNotice time.Time                // when that was last told
	message        io.Reader                // the last one
	member         atomic.Pointer[hub.Conn] // where it is present; set by the reader
}

// serve runs the connection to its end and waits for all it has started.
func (c *conn) serve() {
	err := c.read()
	if place := c.member.Load(); place != nil {
		place.Close(closedProperly(err))
	}
	if refused, ok := errors.AsType[refusal.Error](err); ok {
		c.refuse(refused)
		c.discard()
	} else if code, _ := c.out.closeState(); code == event.CloseCode(websocket.StatusProtocolError) && websocket.CloseStatus(err) == -1 {
		c.observe(refusal.BrokenWebSocket) // the library has hung up, and not in answer to a close
	}
	c.server.remove(c)
	c.out.Close()
	_, why := c.out.closeState()
	if cut, ok := errors.AsType[refusal.Error](why); ok {
		c.observe(cut.Reason)
	}
	c.socket.CloseNow()
	c.out.wait()
	c.server.release(c.share)
}

// refuse does what is to be done about what is refused. It may be called from
// any goroutine, but for what is dropped from the reader's only. Who is told why
// the connection ends has closeWithin to answer.
func (c *conn) refuse(e refusal.Error) {
	switch e.Outcome() {
	case refusal.Told:
		c.send(e.Encoded())
	case refusal.Dropped:
		if now := time.Now(); e.Ref != 0 || now.Sub(c.lastDropNotice) >= floodGap {
			c.lastDropNotice = now
			c.send(e.Encoded())
		}
	case refusal.Ended:
		c.written.Store(true)
		last := e.Encoded()
		if !c.out.sendClose(event.Encode(last), e.CloseCode(), string(last.Code)) {
			return // it has ended for another reason
		}
	case refusal.Cut:
		c.out.cut(e) // the reader notices
		return       // and serve observes, since this may be under the server's lock
	}
	c.observe(e.Reason)
}

func (c *conn) observe(reason refusal.Reason) { c.server.options.Refused.Observe(reason) }

// closedProperly tells a tab that was closed from a connection that was cut,
// by the close code that came.
func closedProperly(err error) bool {
	switch event.CloseCode(websocket.CloseStatus(err)) {
	case event.CloseNormal, event.CloseGoingAway, event.CloseNoStatus:
		return true
	}
	return false
}

// read takes in what the client says until it cannot go on.
func (c *conn) read() error {
	if c.tooOld {
		return refusal.Error{Reason: refusal.TooOld}
	}
	for {
		if err := c.out.awaitInput(); err != nil {
			return err
		}
		if err := c.server.readers.read(c); err != nil {
			return err
		}
	}
}

// readMessages takes in messages until all that has come is read.
func (c *conn) readMessages() error {
	for {
		frame, isText, err := c.readMessage()
		if err != nil {
			return err
		}
		if err := c.handleFrame(frame, isText); err != nil {
			return err
		}
		if c.out.inputEmpty() {
			return nil
		}
	}
}

// readMessage returns the next message.
func (c *conn) readMessage() (frame []byte, isText bool, err error) {
	if text, err := c.out.readText(); text != nil || err != nil {
		return text, true, err
	}
	// A context would arm a timer for every frame; the pings find out about dead
	// peers.
	kind, message, err := c.socket.Reader(context.Background())
	if err != nil {
		return nil, false, err
	}
	c.message = message
	// One byte more, so that what is too long is known to be.
	frame, err = io.ReadAll(io.LimitReader(message, event.MaxFrame+1))
	return frame, kind == websocket.MessageText, err
}

// discard reads on until the client has closed, or is cut: it would not get to
// read why it was refused if anything of its own were left unread.
func (c *conn) discard() {
	var err error
	for err == nil {
		if c.message != nil {
			_, err = io.Copy(io.Discard, c.message)
		}
		if err == nil {
			_, c.message, err = c.socket.Reader(context.Background())
		}
	}
}

// handleFrame does what a frame asks for. An error ends the connection.
func (c *conn) handleFrame(frame []byte, isText bool) error {
	events, err := decode(frame, isText)
	if err != nil {
		return err
	}
	if len(events) == 0 { // all unknown, but it was work
		return c.refuseEvent(event.Invalid{}, c.countEvent(refusal.EventRate))
	}
	for _, e := range events {
		if err := c.refuseEvent(e, c.handleEvent(e)); err != nil {
			return err
		}
	}
	return nil
}

// refuseEvent refuses an event for which there is an error, and returns one only if it
// ends the connection.
func (c *conn) refuseEvent(e event.Event, err error) error {
	if err == nil {
		return nil
	}
	refused, ok := errors.AsType[refusal.Error](err)
	if !ok {
		return err
	}
	if refused = refused.Of(e); refused.Outcome() == refusal.Ended {
		return refused
	}
	c.refuse(refused)
	return nil
}

func decode(frame []byte, isText bool) ([]event.Event, error) {
	if len(frame) > event.MaxFrame {
		return nil, refusal.Error{Reason: refusal.FrameTooLarge}
	}
	if !isText {
		return nil, refusal.Error{Reason: refusal.BinaryFrame}
	}
	events, err := event.DecodeClient(frame)
	if err != nil {
		return nil, refusal.Error{Reason: refusal.BadFrame}
	}
	return events, nil
}

// handleEvent does what one event asks for, or returns why not.
func (c *conn) handleEvent(e event.Event) error {
	place := c.member.Load()
	if _, leaves := e.(event.Leave); !leaves || place == nil { // else it ends it all anyway
		if err := c.countEvent(refusal.EventRate); err != nil {
			return err
		}
	}
	switch e := e.(type) {
	case event.Invalid:
		if e.Unknown {
			return refusal.Error{Reason: refusal.UnknownEvent, Detail: e.Name}
		}
		return refusal.Error{Reason: refusal.WrongShape, Field: e.Field, Detail: e.Name}
	case event.GotANewUser:
		return c.join(e)
	case event.Watch:
		return c.watch(e)
	}
	if place == nil {
		return refusal.Error{Reason: refusal.NotJoined}
	}
	switch e := e.(type) {
	case event.View:
		if err := c.checkDebt(); err != nil {
			return err
		}
		return view(place, e)
	case event.Leave:
		place.Leave(e.Ref)
	case event.ChangeUser:
		if err := c.checkDebt(); err != nil {
			return err
		}
		return change(place, e)
	case event.Active:
		place.SetActive(e.Ref, e.Active)
	default: // it is decoded, and there is no case for it here
		return refusal.Error{Reason: refusal.UnknownEvent, Detail: e.EventName()}
	}
	return nil
}

// checkDebt returns why an event is dropped if what was asked for before, here or by
// others of the address, has cost too much.
func (c *conn) checkDebt() error {
	reason, wait := refusal.AddressDebt, c.share.Debt()
	if c.answerLimit != nil {
		if own := limit.Debt(c.answerLimit); own > wait {
			reason, wait = refusal.ConnectionDebt, own
		}
	}
	if wait == 0 {
		return nil
	}
	return refusal.Error{Reason: reason, RetryAfter: wait}
}

// charge counts what the client's asking has cost, in bytes sent.
func (c *conn) charge(bytes int) {
	c.share.Charge(bytes)
	if c.answerLimit != nil {
		limit.Spend(c.answerLimit, bytes)
	}
}

// countRead counts what was read, and returns how long to wait before more is: a
// client that sends too fast is held back by its line being full, and ended if
// it goes on.
func (c *conn) countRead(bytes int) time.Duration {
	c.share.Charge(bytes * readCost)
	limit.Spend(c.readLimit, bytes)
	if c.readLimit.Tokens() >= bytesBurst/2 {
		c.throttledSince = time.Time{}
		return 0 // it sends little, whatever others of its address do
	}
	own := limit.Debt(c.readLimit)
	switch {
	case own == 0:
		c.throttledSince = time.Time{} // it waits for others at most
	case c.throttledSince.IsZero():
		c.throttledSince = time.Now()
	case time.Since(c.throttledSince) >= maxThrottled:
		c.throttledSince = time.Now() // it has as long to answer
		c.share.Bar(c.session, maxFlood)
		c.refuse(refusal.Error{Reason: refusal.ByteFlood, RetryAfter: maxFlood})
	}
	return min(maxReadPause, max(own, c.share.Debt()))
}

// allowPing reports whether a ping of the client's is to be answered. Pings count
// like events, or a flood of them would cost nothing but the server's time.
func (c *conn) allowPing() bool {
	err := c.countEvent(refusal.PingRate)
	if refused, ok := errors.AsType[refusal.Error](err); ok {
		c.refuse(refused)
	}
	return err == nil
}

// countEvent counts an event, and returns why it is to be dropped if it is one too
// many, or that it has been so for too long.
func (c *conn) countEvent(drop refusal.Reason) error {
	perSecond := c.server.options.EventsPerSecond
	if perSecond <= 0 {
		return nil
	}
	if c.eventLimit == nil {
		c.eventLimit = rate.NewLimiter(rate.Limit(perSecond), eventBurst)
	}
	if c.eventLimit.Allow() {
		return nil
	}
	now := time.Now()
	if now.Sub(c.lastDropped) > floodGap {
		c.floodSince = now
	}
	c.lastDropped = now
	if now.Sub(c.floodSince) >= maxFlood {
		c.share.Bar(c.session, maxFlood)
		return refusal.Error{Reason: refusal.EventFlood, Detail: perSecond, RetryAfter: maxFlood}
	}
	return refusal.Error{Reason: drop, Detail: perSecond, RetryAfter: time.Duration(float64(time.Second) / perSecond)}
}

// Send is the hub's: it writes what happens in the room. It does not block.
func (c *conn) Send(place *hub.Conn, f hub.Frame) (ready bool) {
	c.written.Store(true)
	if f.Requested {
		c.charge(len(f.Head) + len(f.Body))
	}
	if c.ready == nil { // made once, or each frame would leave one to collect
		c.ready = place.Ready
	}
	ready = c.out.send(f.Head, f.Body, c.ready)
	if f.Last {
		c.out.sendClose(nil, event.CloseNormal, "left")
	}
	return ready
}

// send writes events to the client, from any goroutine.
func (c *conn) send(events ...event.Event) {
	c.written.Store(true)
	c.out.sendOwn(event.Encode(events...))
}
