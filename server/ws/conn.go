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

// Limits of what a connection sends and asks for.
const (
	eventBurst = 20
	// bytesPerEvent is how many bytes a connection may send for each event that it may
	// send, after bytesBurst. What comes faster is read later, even empty fragments and
	// pongs.
	bytesPerEvent = 1600
	bytesBurst    = 32 << 10
	// readCost is how many bytes sent a byte read counts as.
	readCost = 4
	// answerPerEvent is how many bytes of answers a connection may get for each event
	// that it may send: a view of 200 people. The burst is for a first snapshot of
	// 20,000 people, or for scrolling through as many.
	answerPerEvent = 26 << 10
	answerBurst    = 4 << 20
	// maxReadPause is the longest time without reading from a connection: well below
	// the time that the answer to a ping may take.
	maxReadPause = 2 * time.Second
	// maxThrottled is how long reading may be delayed before the connection is ended.
	maxThrottled = 30 * time.Second
	// maxFlood is for how long there may be too many events before the connection is
	// ended. A floodGap without too many ends that.
	maxFlood = 5 * time.Second
	floodGap = time.Second
)

// conn is one client's connection. The goroutine of serve reads; frames are
// written by whoever has them.
type conn struct {
	// What the sweep reads first comes first: with thousands of connections, the time
	// goes into loading it from memory, and most have nothing to be done.
	written             atomic.Bool // a frame was written since the last check
	helloSeen           atomic.Bool // a hello came in time
	hasCookie           bool        // the session is from a cookie
	clientPending       bool        // at the last check, the client had still to take or to answer something
	pongPending         bool        // the client has not answered a ping yet
	helloOverdue        bool        // the client is told that its hello has not come
	tooOld              bool        // the client offers other versions only; here, since it needs no memory here
	index               int         // in Server.conns, whose lock guards it
	checkAt             time.Time   // when it has to be checked
	lastPing, lastWrite time.Time   // when there was one last

	server      *Server
	socket      *websocket.Conn
	out         *outbox
	session     session.ID
	share       *limit.Share // of its address
	acceptedAt  time.Time
	answerLimit *rate.Limiter            // of bytes of answers; nil without a limit
	ready       func()                   // tells the hub that it may send again; made by the first Send
	member      atomic.Pointer[hub.Conn] // in a room; nil before the hello. Only the reader sets it

	// Only the reader uses what follows.
	readLimit      *rate.Limiter // of bytes read; nil without a limit
	throttledSince time.Time     // since when reading is delayed; zero if it is not
	eventLimit     *rate.Limiter
	floodSince     time.Time // when there began to be too many events
	lastDropped    time.Time // when an event was dropped last
	lastDropNotice time.Time // when the client was told that last
	message        io.Reader // the last message
}

// serve runs the connection to its end, and waits for everything that it has started.
func (c *conn) serve() {
	err := c.read()
	if member := c.member.Load(); member != nil {
		member.Close(closedProperly(err))
	}
	if refused, ok := errors.AsType[refusal.Error](err); ok {
		c.refuse(refused)
		c.discard()
	} else if code, _ := c.out.closeState(); code == event.CloseCode(websocket.StatusProtocolError) && websocket.CloseStatus(err) == -1 {
		c.observe(refusal.BrokenWebSocket) // the library has ended it, not in answer to a close
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

// refuse carries out a refusal. It may be called by any goroutine; only the reader may
// call it for a dropped event. If the connection ends, the client has closeTimeout to
// answer.
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
		return       // serve observes it: the server's lock may be held here
	}
	c.observe(e.Reason)
}

func (c *conn) observe(reason refusal.Reason) { c.server.options.Refused.Observe(reason) }

// closedProperly reports by the close code whether a tab was closed. Otherwise the
// connection was lost.
func closedProperly(err error) bool {
	switch event.CloseCode(websocket.CloseStatus(err)) {
	case event.CloseNormal, event.CloseGoingAway, event.CloseNoStatus:
		return true
	}
	return false
}

// read reads and handles messages until it cannot go on.
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

// readMessages reads and handles the messages that have come.
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
	// A context with a deadline would set a timer for every frame. Pings find dead
	// peers.
	kind, message, err := c.socket.Reader(context.Background())
	if err != nil {
		return nil, false, err
	}
	c.message = message
	// One byte more shows that a message is too long.
	frame, err = io.ReadAll(io.LimitReader(message, event.MaxFrame+1))
	return frame, kind == websocket.MessageText, err
}

// discard reads on until the client has closed or is cut. If unread bytes were left, the
// system would reset the connection, and the client could not read why it was refused.
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
	if len(events) == 0 { // it has only unknown events without a ref, which count as well
		return c.refuseEvent(event.Invalid{}, c.countEvent(refusal.EventRate))
	}
	for _, e := range events {
		if err := c.refuseEvent(e, c.handleEvent(e)); err != nil {
			return err
		}
	}
	return nil
}

// refuseEvent refuses an event if there is an error. It returns an error if that ends
// the connection.
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

// handleEvent does what an event asks for, or returns why not.
func (c *conn) handleEvent(e event.Event) error {
	member := c.member.Load()
	if _, leaves := e.(event.Leave); !leaves || member == nil { // a leave ends the connection
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
	if member == nil {
		return refusal.Error{Reason: refusal.NotJoined}
	}
	if member.Outdated() {
		return refusal.Error{Reason: refusal.Restarting}
	}
	switch e := e.(type) {
	case event.View:
		if err := c.checkDebt(); err != nil {
			return err
		}
		return view(member, e)
	case event.Leave:
		member.Leave(e.Ref)
	case event.ChangeUser:
		if err := c.checkDebt(); err != nil {
			return err
		}
		return change(member, e)
	case event.Active:
		member.SetActive(e.Ref, e.Active)
	default: // it is decoded, and there is no case for it here
		return refusal.Error{Reason: refusal.UnknownEvent, Detail: e.EventName()}
	}
	return nil
}

// checkDebt returns why an event is dropped if earlier events, of this connection or of
// others of the address, have cost too much.
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

// charge counts bytes of answers to the client.
func (c *conn) charge(bytes int) {
	c.share.Charge(bytes)
	if c.answerLimit != nil {
		limit.Spend(c.answerLimit, bytes)
	}
}

// countRead counts bytes that were read, and returns how long to wait before reading on.
// So the line of a client that sends too fast fills up. If that goes on, the connection
// is ended.
func (c *conn) countRead(bytes int) time.Duration {
	c.share.Charge(bytes * readCost)
	limit.Spend(c.readLimit, bytes)
	if c.readLimit.Tokens() >= bytesBurst/2 {
		c.throttledSince = time.Time{}
		return 0 // this one sends little, whatever others of the address do
	}
	own := limit.Debt(c.readLimit)
	switch {
	case own == 0:
		c.throttledSince = time.Time{} // only others of the address send too much
	case c.throttledSince.IsZero():
		c.throttledSince = time.Now()
	case time.Since(c.throttledSince) >= maxThrottled:
		c.throttledSince = time.Now() // the client gets time to answer
		c.share.Bar(c.session, maxFlood)
		c.refuse(refusal.Error{Reason: refusal.ByteFlood, RetryAfter: maxFlood})
	}
	return min(maxReadPause, max(own, c.share.Debt()))
}

// allowPing reports whether to answer a ping of the client. Pings count as events.
func (c *conn) allowPing() bool {
	err := c.countEvent(refusal.PingRate)
	if refused, ok := errors.AsType[refusal.Error](err); ok {
		c.refuse(refused)
	}
	return err == nil
}

// countEvent counts an event. It returns a refusal that drops the event if there are too
// many, and one that ends the connection if there have been too many for too long.
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

// Send implements hub.Sink: it writes a frame. It does not block.
func (c *conn) Send(member *hub.Conn, f hub.Frame) (ready bool) {
	c.written.Store(true)
	if f.Requested {
		c.charge(len(f.Head) + len(f.Body))
	}
	if c.ready == nil { // made once, or every frame would allocate one
		c.ready = member.Ready
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
