package client

import (
	"context"
	"errors"
	"time"

	"rollcall/shared/event"
)

// connection is one connection of a client, from its hello to its end. One
// goroutine runs it.
type connection struct {
	client *Client
	socket Socket
	frames <-chan []byte // closed when the socket ends

	began  time.Time // when the hello was sent
	joined time.Time // when the first snapshot came; zero before
	heard  time.Time // when the last frame came, by the wall clock

	deadline  *time.Timer // ends the connection
	resend    *time.Timer // ends the wait with what the server dropped as too much
	resendAt  time.Time   // when resend fires
	left      bool        // leave is sent
	hurried   bool        // the deadline is so short because of Hurry
	resyncing bool        // the deadline is for a snapshot that was asked for
	dead      bool        // the other end will not answer a goodbye

	// refusal is an error that is not about something the client sent on the way.
	// If the server hangs up next, the refusal is the reason.
	refusal *event.Error
}

// connect runs one connection to its end and returns how long it was joined
// and why it ended. An event.Error is the last one that the server sent.
func (c *Client) connect(ctx context.Context) (joined time.Duration, err error) {
	dialing, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	socket, err := c.dial(dialing, cancel)
	if err != nil {
		return 0, err
	}
	frames, stop := readAll(socket)
	conn := connection{client: c, socket: socket, frames: frames}
	err = conn.run(ctx)
	if !conn.joined.IsZero() {
		joined = time.Since(conn.joined)
	}
	stop(!conn.dead)
	return joined, err
}

// run says hello, and then sends and receives until the connection ends.
func (c *connection) run(ctx context.Context) error {
	hello := c.client.hello()
	if len(event.Encode(hello)) > event.MaxFrame {
		return errHello
	}
	if err := c.send(ctx, hello); err != nil {
		return err
	}
	c.began, c.heard = time.Now(), wallTime()
	c.deadline = time.NewTimer(snapshotTimeout)
	defer c.deadline.Stop()
	c.resend = time.NewTimer(0)
	c.resend.Stop()
	defer c.resend.Stop()
	for {
		if err := c.sendAll(ctx); err != nil {
			return err
		}
		if err := c.await(ctx); err != nil {
			return err
		}
	}
}

// await waits for the next thing to happen and handles it. An error ends the
// connection.
func (c *connection) await(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-c.client.leaving:
		return c.leave(ctx)
	case <-c.client.sending: // sendAll is next
		return nil
	case <-c.client.hurry:
		return c.hurry()
	case <-c.resend.C:
		c.client.withWants((*wants).release)
		return nil
	case <-c.deadline.C:
		return c.expire()
	case frame, ok := <-c.frames:
		if !ok {
			return c.hungUp()
		}
		return c.receive(frame)
	}
}

// send sends one event.
func (c *connection) send(ctx context.Context, e event.Event) error {
	err := write(ctx, c.socket, event.Encode(e))
	c.dead = c.dead || err != nil
	return err
}

// sendAll sends what the client wants the server to know by now.
func (c *connection) sendAll(ctx context.Context) error {
	for e := c.client.next(); e != nil; e = c.client.next() {
		if err := c.send(ctx, e); err != nil {
			if c.refusal != nil { // the server said why it hangs up
				return *c.refusal
			}
			return err
		}
	}
	return nil
}

// leave tells the server to end the user's presence. Its answer is the end.
func (c *connection) leave(ctx context.Context) error {
	if err := c.send(ctx, event.Leave{}); err != nil {
		return ErrLeft
	}
	c.left = true
	c.deadline.Reset(leaveTimeout)
	return nil
}

// hurry ends a connection that has been silent for too long, and shortens the
// deadline of one that has an answer to give.
func (c *connection) hurry() error {
	if wallTime().Sub(c.heard) > event.Silence+silenceMargin { // the device was asleep
		c.dead = true
		return errDead
	}
	switch {
	case c.left:
	case c.joined.IsZero():
		c.hurried = true
		c.deadline.Reset(hurryTimeout - time.Since(c.began))
	case c.client.Status().Doubtful && !c.hurried:
		c.hurried = true
		c.deadline.Reset(hurryTimeout)
	}
	return nil
}

// expire ends a connection whose deadline has passed.
func (c *connection) expire() error {
	c.dead = true
	switch {
	case c.left:
		return ErrLeft
	case c.hurried:
		return errDead
	}
	return errSilent
}

// hungUp says why the socket has ended.
func (c *connection) hungUp() error {
	switch {
	case c.left:
		return ErrLeft
	case c.refusal != nil:
		return *c.refusal
	}
	return errLost
}

// receive handles one frame.
func (c *connection) receive(frame []byte) error {
	c.heard, c.hurried = wallTime(), false
	r := c.client.receive(frame)
	if err := c.noteRefusal(r.err); err != nil {
		return err
	}
	if at := time.Now().Add(r.resendAfter); r.resendAfter > 0 && at.After(c.resendAt) {
		c.resendAt = at
		c.resend.Reset(r.resendAfter)
	}
	if r.snapshot && c.joined.IsZero() {
		c.joined = time.Now()
	}
	switch {
	case c.left: // the deadline is for the answer to leave
	case !r.resyncing:
		c.deadline.Reset(silenceTimeout)
	case !c.resyncing: // other frames do not make the wait for the snapshot longer
		c.deadline.Reset(snapshotTimeout)
	}
	c.resyncing = r.resyncing
	return nil
}

// noteRefusal keeps the error of a frame if it may be why the server hangs up,
// and returns one that ends the connection now. Without an error the connection
// goes on, and an earlier refusal is one to report.
func (c *connection) noteRefusal(err error) error {
	refusal := event.Error{}
	switch refused := errors.As(err, &refusal); {
	case refused && ofConnection(refusal):
		c.refusal = &refusal
	case refused: // the client has reported it
	case err != nil:
		return err
	case c.refusal != nil:
		c.client.update(func() { c.client.addError(*c.refusal) })
		c.refusal = nil
	}
	return nil
}

// write sends a frame. A socket that does not accept it in time, or before ctx
// ends, is dead.
func write(ctx context.Context, socket Socket, frame []byte) error {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	return socket.Write(ctx, frame)
}

// wallTime is the time by the wall clock. Go's monotonic clock can stand still
// while a device sleeps.
func wallTime() time.Time { return time.Now().Round(0) }

// readAll reads a socket in a goroutine of its own. The channel closes when
// the socket ends; stop ends it and waits for the goroutine.
func readAll(socket Socket) (frames <-chan []byte, stop func(clean bool)) {
	ctx, cancel := context.WithCancel(context.Background())
	out := make(chan []byte)
	quit := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer close(out)
		for {
			frame, err := socket.Read(ctx)
			if err != nil {
				return
			}
			select {
			case out <- frame:
			case <-quit:
				return
			}
		}
	}()
	return out, func(clean bool) {
		close(quit)
		socket.Close(clean)
		cancel()
		<-done
	}
}
