package ws

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
	"golang.org/x/time/rate"

	"rollcall/server/hub"
	"rollcall/server/limit"
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
	// maxRest is the longest that a connection is not read from at a time: well
	// below what the answer to a ping may take.
	maxRest = 2 * time.Second
	// maxHeld is how long a client may have to be held back before it is ended.
	maxHeld = 30 * time.Second
	// tooLong is how long the events may be too many before the connection
	// is ended, and calm how long they must not be for that to be over.
	tooLong = 5 * time.Second
	calm    = time.Second
)

// conn is one client's connection. The goroutine of serve reads; frames are
// written by whoever has them.
type conn struct {
	// What the sweep looks at first, which of thousands is nothing in most:
	// in one place, since fetching it from memory is what a look costs.
	spoke          atomic.Bool // a frame was written since the last look
	said           atomic.Bool // a hello came in time
	known          bool        // a cookie said which session it is
	waiting        bool        // something was expected of the client at the last look
	asked          bool        // it has yet to answer a ping
	late           bool        // it is being told that its hello has not come
	tooOld         bool        // it speaks other versions only; among these, since it fits in between
	index          int         // in Server.conns, whose lock guards it
	due            time.Time   // when it has to be looked at
	pinged, spoken time.Time   // when last

	server  *Server
	socket  *websocket.Conn
	out     *outbox
	session session.ID
	share   *limit.Share // of its address
	born    time.Time
	answers *rate.Limiter // bytes that are sent because they were asked for; nil without a limit
	ready   func()        // tells the hub that it may send again; made by the first Send

	// Of the reader.
	bytes   *rate.Limiter // that are read; nil without a limit
	held    time.Time     // since when it is held back; zero if it is not
	events  *rate.Limiter
	excess  time.Time                // when the events became too many last
	dropped time.Time                // when the last one was dropped
	rebuked time.Time                // when that was last told
	message io.Reader                // the last one
	place   atomic.Pointer[hub.Conn] // where it is present; set by the reader
}

// refusal ends a connection with an error event and a close code.
type refusal struct {
	reason event.Error
	code   event.CloseCode
}

func (r refusal) Error() string { return r.reason.Error() }

func refuse(code event.CloseCode, reason event.Error) error { return refusal{reason, code} }

// serve runs the connection to its end and waits for all it has started.
func (c *conn) serve() {
	err := c.read()
	if place := c.place.Load(); place != nil {
		place.Close(closedProperly(err))
	}
	if r := (refusal{}); errors.As(err, &r) {
		c.server.options.Log.Debug("connection refused", "code", r.reason.Code, "event", r.reason.Event)
		c.refuse(r.reason, r.code)
		c.ignore()
	}
	c.server.remove(c)
	c.cut()
	c.socket.CloseNow()
	c.out.wait()
	c.server.release(c.share)
}

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
		return refuse(event.CloseTooOld, event.Error{
			Code:    event.CodeTooOld,
			Message: "This server speaks " + event.Subprotocol + "; reload the page or update the client.",
		})
	}
	for {
		if err := c.out.await(); err != nil {
			return err
		}
		if err := aside(c.hear); err != nil {
			return err
		}
	}
}

// aside runs f on a stack of its own, because what reading and decoding a
// frame needs would stay with the connection, which otherwise waits on the
// smallest stack that there is.
func aside(f func() error) error {
	done := make(chan error, 1)
	go func() { done <- f() }()
	return <-done
}

// hear takes in messages until all that has come is read.
func (c *conn) hear() error {
	for {
		// A context would arm a timer for every frame; the pings find out
		// about dead peers.
		kind, message, err := c.socket.Reader(context.Background())
		if err != nil {
			return err
		}
		c.message = message
		// One byte more, so that what is too long is known to be.
		frame, err := io.ReadAll(io.LimitReader(message, event.MaxFrame+1))
		if err != nil {
			return err
		}
		if err := c.take(frame, kind == websocket.MessageText); err != nil {
			return err
		}
		if c.out.silent() {
			return nil
		}
	}
}

// ignore reads on until the client has closed, or is cut: it would not get to
// read why it was refused if anything of its own were left unread.
func (c *conn) ignore() {
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

// take does what a frame asks for. An error ends the connection.
func (c *conn) take(frame []byte, isText bool) error {
	events, err := decode(frame, isText)
	if err != nil {
		return err
	}
	if len(events) == 0 { // all unknown, but it was work
		_, err := c.tooMany(event.Invalid{})
		return err
	}
	for _, e := range events {
		if err := c.handle(e); err != nil {
			return err
		}
	}
	return nil
}

func decode(frame []byte, isText bool) ([]event.Event, error) {
	if len(frame) > event.MaxFrame {
		return nil, refuse(event.CloseTooLarge, event.Error{
			Code:    event.CodeBadFrame,
			Message: fmt.Sprintf("A frame may have at most %d bytes.", event.MaxFrame),
		})
	}
	if !isText {
		return nil, refuse(event.CloseBadFrame, event.Error{
			Code:    event.CodeBadFrame,
			Message: "Frames must be text, not binary.",
		})
	}
	events, err := event.DecodeClient(frame)
	if err != nil {
		return nil, refuse(event.CloseBadFrame, event.Error{
			Code:    event.CodeBadFrame,
			Message: `A frame must be a JSON array of events, [{"event": "…", "data": {…}}, …], in UTF-8.`,
		})
	}
	return events, nil
}

// handle does what one event asks for. An error ends the connection.
func (c *conn) handle(e event.Event) error {
	place := c.place.Load()
	if _, leaves := e.(event.Leave); !leaves || place == nil { // else it ends it all anyway
		if drop, err := c.tooMany(e); drop || err != nil {
			return err
		}
	}
	switch e := e.(type) {
	case event.Invalid:
		c.send(event.Error{
			Code:    event.CodeBadEvent,
			Message: fmt.Sprintf("The data of %s has the wrong shape.", e.Name),
			Event:   e.Name,
			Field:   e.Field,
		})
		return nil
	case event.GotANewUser:
		return c.join(e)
	case event.Watch:
		return c.watch(e)
	}
	if place == nil {
		c.send(event.Error{
			Code:    event.CodeNotJoined,
			Message: fmt.Sprintf("Say %s first.", event.NameGotANewUser),
			Event:   e.EventName(),
		})
		return nil
	}
	switch e := e.(type) {
	case event.View:
		if !c.owes(e) {
			c.view(place, e)
		}
	case event.Leave:
		place.Leave()
	case event.ChangeUser:
		if !c.owes(e) {
			c.change(place, e)
		}
	case event.Active:
		place.Active(e.Active)
	}
	return nil
}

// owes reports whether an event is dropped because what was asked for before,
// here or by others of the address, has cost too much; then it says so.
func (c *conn) owes(e event.Event) bool {
	wait := c.share.Debt()
	if c.answers != nil {
		wait = max(wait, limit.Debt(c.answers))
	}
	if wait == 0 {
		return false
	}
	c.rebuke(event.Error{
		Code:       event.CodeRateLimited,
		Message:    "You, or others at your address, have asked for too much; this was dropped. Try again in a moment.",
		Event:      e.EventName(),
		RetryAfter: wait.Milliseconds() + 1,
	})
	return true
}

// rebuke says that something was too much, once in a while: answers to a flood
// must not be one.
func (c *conn) rebuke(reason event.Error) {
	if now := time.Now(); now.Sub(c.rebuked) >= calm {
		c.rebuked = now
		c.send(reason)
	}
}

// charge counts what the client's asking has cost, in bytes sent.
func (c *conn) charge(bytes int) {
	c.share.Charge(bytes)
	if c.answers != nil {
		limit.Spend(c.answers, bytes)
	}
}

// received counts what was read, and returns how long to wait before more is: a
// client that sends too fast is held back by its line being full, and ended if
// it goes on.
func (c *conn) received(bytes int) time.Duration {
	c.share.Charge(bytes * readCost)
	limit.Spend(c.bytes, bytes)
	if c.bytes.Tokens() >= bytesBurst/2 {
		c.held = time.Time{}
		return 0 // it sends little, whatever others of its address do
	}
	own := limit.Debt(c.bytes)
	switch {
	case own == 0:
		c.held = time.Time{} // it waits for others at most
	case c.held.IsZero():
		c.held = time.Now()
	case time.Since(c.held) >= maxHeld:
		c.held = time.Now() // it has as long to answer
		c.share.Bar(c.session, tooLong)
		c.refuse(event.Error{
			Code:       event.CodeRateLimited,
			Message:    "This connection has sent too much for too long.",
			RetryAfter: tooLong.Milliseconds(),
		}, event.CloseRateLimited)
	}
	return min(maxRest, max(own, c.share.Debt()))
}

// answersPing reports whether a ping of the client's is to be answered. Pings count
// like events, or a flood of them would cost nothing but the server's time.
func (c *conn) answersPing() bool {
	drop, err := c.tooMany(event.Invalid{})
	if r := (refusal{}); errors.As(err, &r) {
		c.refuse(r.reason, r.code)
	}
	return !drop
}

// tooMany reports whether an event is one too many and to be dropped. The
// error says that it has been so for too long.
func (c *conn) tooMany(e event.Event) (drop bool, err error) {
	perSecond := c.server.options.EventsPerSecond
	if perSecond <= 0 {
		return false, nil
	}
	if c.events == nil {
		c.events = rate.NewLimiter(rate.Limit(perSecond), eventBurst)
	}
	if c.events.Allow() {
		return false, nil
	}
	now := time.Now()
	if now.Sub(c.dropped) > calm {
		c.excess = now
	}
	c.dropped = now
	reason := event.Error{
		Code:       event.CodeRateLimited,
		Message:    fmt.Sprintf("A connection may send %g events a second; this one was dropped. Send fewer.", perSecond),
		Event:      e.EventName(),
		RetryAfter: int64(1000/perSecond) + 1,
	}
	if now.Sub(c.excess) >= tooLong {
		reason.Message = fmt.Sprintf("A connection may send %g events a second; this one has sent more for too long.", perSecond)
		reason.RetryAfter = tooLong.Milliseconds()
		reason.Event = "" // it is about the connection
		c.share.Bar(c.session, tooLong)
		return true, refuse(event.CloseRateLimited, reason)
	}
	c.rebuke(reason)
	return true, nil
}

// Send is the hub's: it writes what happens in the room. It does not block.
func (c *conn) Send(place *hub.Conn, f hub.Frame) (ready bool) {
	c.spoke.Store(true)
	if f.Asked {
		c.charge(len(f.Head) + len(f.Body))
	}
	if c.ready == nil { // made once, or each frame would leave one to collect
		c.ready = place.Ready
	}
	ready = c.out.send(f.Head, f.Body, c.ready)
	if f.Last {
		c.out.hangUp(nil, event.CloseNormal, "left")
	}
	return ready
}

// send writes events to the client, from any goroutine.
func (c *conn) send(events ...event.Event) {
	c.spoke.Store(true)
	c.out.say(event.Encode(events...))
}

// refuse says why and hangs up, from any goroutine. The client has closeWithin
// to answer.
func (c *conn) refuse(reason event.Error, code event.CloseCode) {
	c.spoke.Store(true)
	c.out.hangUp(event.Encode(reason), code, string(reason.Code))
}

// cut ends the connection without ceremony, from any goroutine; the reader
// notices and does the rest.
func (c *conn) cut() { c.out.Close() }
