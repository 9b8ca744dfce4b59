package ws

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/coder/websocket"

	"rollcall/server/hub"
	"rollcall/server/names"
	"rollcall/server/session"
	"rollcall/shared/event"
)

// How long things may take on a connection.
const (
	pingEvery    = 15 * time.Second
	pongWithin   = 5 * time.Second
	writeTimeout = 10 * time.Second // then the client is stuck and is cut off
)

// conn is one client's connection. The goroutine of serve reads, another
// writes once the client has joined.
type conn struct {
	server  *Server
	socket  *websocket.Conn
	session session.ID
	tooOld  bool

	hello *time.Timer    // fires when the client has not said who it is
	place *hub.Conn      // where it is present; nil until then; set by the reader before the writer starts
	done  chan struct{}  // closed when the reader is through
	group sync.WaitGroup // whatever else runs for this connection
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
	c.group.Add(1)
	c.hello = time.AfterFunc(event.HelloTimeout, func() {
		defer c.group.Done()
		c.refuse(event.Error{
			Code:    event.CodeNoHello,
			Message: fmt.Sprintf("No %s came within %v of connecting.", event.NameGotANewUser, event.HelloTimeout),
		}, event.CloseNoHello)
	})
	err := c.read()
	if c.hello.Stop() {
		c.group.Done()
	}
	close(c.done)
	if c.place != nil {
		c.place.Close(closedProperly(err))
	}
	if r := (refusal{}); errors.As(err, &r) {
		c.server.options.Log.Debug("connection refused", "code", r.reason.Code, "event", r.reason.Event)
		c.refuse(r.reason, r.code)
	}
	c.cut()
	c.group.Wait()
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
		events, err := c.readFrame()
		if err != nil {
			return err
		}
		for _, e := range events {
			if err := c.handle(e); err != nil {
				return err
			}
		}
	}
}

func (c *conn) readFrame() ([]event.Event, error) {
	frame, isText, err := readMessage(c.socket, event.MaxFrame)
	if err != nil {
		return nil, err
	}
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
	}
	if c.place == nil {
		c.send(event.Error{
			Code:    event.CodeNotJoined,
			Message: fmt.Sprintf("Say %s first.", event.NameGotANewUser),
			Event:   e.EventName(),
		})
		return nil
	}
	switch e.(type) {
	case event.Leave:
		c.place.Leave()
	}
	return nil
}

func (c *conn) join(e event.GotANewUser) error {
	if c.place != nil {
		c.send(event.Error{
			Code:    event.CodeAlreadyJoined,
			Message: "This connection has joined a room already; open another for another room.",
			Event:   e.EventName(),
		})
		return nil
	}
	if e.Room == "" {
		e.Room = event.Lobby
	}
	room, ok := event.ParseRoom(e.Room)
	if !ok {
		return refuse(event.CloseRefused, event.Error{
			Code:    event.CodeBadRoom,
			Message: fmt.Sprintf("A room's name has 1 to %d letters a to z, digits and hyphens.", event.MaxRoom),
			Event:   e.EventName(),
			Field:   "room",
		})
	}
	name, err := names.Name(e.Name)
	if err != nil {
		return refuse(event.CloseRefused, event.Error{
			Code:    event.CodeBadName,
			Message: err.Error(),
			Event:   e.EventName(),
			Field:   "name",
		})
	}
	if !c.hello.Stop() {
		return errors.New("the hello came too late") // and its refusal is under way
	}
	c.group.Done()
	place, err := c.server.options.Hub.Join(room, hub.Person{
		Session: c.session,
		ID:      c.server.options.Sessions.PublicID(c.session, room),
		Name:    name,
	})
	if err != nil {
		return refuse(event.CloseRestarting, restarting)
	}
	c.place = place
	c.group.Go(c.write)
	return nil
}

// write tells the client what happens in its room, until the reader is
// through or the client has left.
func (c *conn) write() {
	ping := time.NewTicker(pingEvery)
	defer ping.Stop()
	silence := time.NewTimer(event.Silence)
	defer silence.Stop()
	for {
		var frame []byte
		var last bool
		select {
		case <-c.done:
			return
		case <-ping.C:
			c.group.Go(c.ping)
			continue
		case <-c.place.Wake():
			frame, last = c.place.Next()
		case <-silence.C:
			frame, last = c.place.Beat()
		}
		if frame != nil {
			c.writeFrame(frame)
			silence.Reset(event.Silence)
		}
		if last {
			c.socket.Close(websocket.StatusNormalClosure, "left")
			return
		}
	}
}

func (c *conn) ping() {
	ctx, cancel := context.WithTimeout(context.Background(), pongWithin)
	defer cancel()
	if c.socket.Ping(ctx) != nil {
		c.cut()
	}
}

// send writes events to the client, from any goroutine.
func (c *conn) send(events ...event.Event) { c.writeFrame(event.Encode(events...)) }

// writeFrame writes a frame, from any goroutine. What cannot be written ends
// the connection, which the reader notices.
func (c *conn) writeFrame(frame []byte) {
	// Cheaper than a context with a deadline, and safe against Stop coming
	// late: cutting is what follows anyway.
	watchdog := time.AfterFunc(writeTimeout, c.cut)
	defer watchdog.Stop()
	if c.socket.Write(context.Background(), websocket.MessageText, frame) != nil {
		c.cut()
	}
}

// refuse says why and hangs up, from any goroutine. It waits up to 5 s for the
// client's own close.
func (c *conn) refuse(reason event.Error, code event.CloseCode) {
	c.send(reason)
	c.socket.Close(websocket.StatusCode(code), string(reason.Code))
}

// cut ends the connection without ceremony, from any goroutine.
func (c *conn) cut() { c.socket.CloseNow() }
