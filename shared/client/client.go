// Package client is Rollcall's client for Go programs, natively and in the
// browser: it joins a room, keeps a live roster of it, and comes back by
// itself when the connection is lost.
package client

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"rollcall/shared/event"
	"rollcall/shared/roster"
)

// ErrLeft is why a client ends after Leave, here or in another tab of the
// same session.
var ErrLeft = errors.New("left the room")

// Options are what a client joins with.
type Options struct {
	// URL is the server's WebSocket address, as in wss://here.example.org/ws.
	URL string
	// Name is the name to be seen by. The server may refuse it.
	Name string
	// Room is the room to join; empty means event.Lobby.
	Room string
	// MaxBackoff is the longest wait between two attempts to connect;
	// 0 means 15 s.
	MaxBackoff time.Duration
	// Dial opens connections; nil means over the network, with cookies, so
	// that the client is the same user when it comes back.
	Dial func(ctx context.Context, url string) (Socket, error)
}

// Socket is a WebSocket connection as a client needs it.
type Socket interface {
	// Read waits for the next text message. One goroutine reads.
	Read() ([]byte, error)
	// Write sends a text message. One goroutine writes.
	Write([]byte) error
	// Close ends the connection and a Read that waits. Clean is to say
	// goodbye; otherwise the other end is thought to be dead.
	Close(clean bool)
}

// Link is the state of a client's connection.
type Link int

// The states of a connection.
const (
	Connecting Link = iota // the first attempt after the start or a loss is under way
	Connected              // the roster is live
	Offline                // an attempt has failed; more follow
)

// Status is what there is to know of a client beside its roster.
type Status struct {
	Link Link
	// Joined is whether there has been a snapshot: from the first one on
	// the roster stays, even while the connection is away.
	Joined bool
	// Refusal is the last error event of the server's on a connection that
	// did not last; the zero Error when connected.
	Refusal event.Error
}

// Client is one client in one room. Safe for concurrent use.
type Client struct {
	options Options
	cancel  context.CancelFunc
	stopped chan struct{} // closed when run has ended
	hurry   chan struct{} // one slot: do not wait any longer
	leaving chan struct{} // one slot: say leave
	changed chan struct{} // one slot: Next has something to return

	mu     sync.Mutex // guards what follows
	status Status
	roster roster.Roster
	ahead  time.Duration // the server's clock less ours
	end    error         // why run has ended
}

// Start returns a client that joins as soon as it can. Close ends it.
func Start(options Options) *Client {
	if options.Room == "" {
		options.Room = event.Lobby
	}
	if options.MaxBackoff == 0 {
		options.MaxBackoff = 15 * time.Second
	}
	if options.Dial == nil {
		options.Dial = newDialer()
	}
	ctx, cancel := context.WithCancel(context.Background())
	c := &Client{
		options: options,
		cancel:  cancel,
		stopped: make(chan struct{}),
		hurry:   make(chan struct{}, 1),
		leaving: make(chan struct{}, 1),
		changed: make(chan struct{}, 1),
	}
	go func() {
		defer close(c.stopped)
		err := c.run(ctx)
		c.update(func() { c.end = err })
	}()
	return c
}

// Next waits until something has changed since the last call, roster or
// status, and returns the status. One goroutine calls it. The error says that
// nothing will follow: ErrLeft, an event.Error when the server refuses for
// good, or the context's.
func (c *Client) Next(ctx context.Context) (Status, error) {
	select {
	case <-ctx.Done():
		return c.Status(), ctx.Err()
	case <-c.changed:
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.end != nil {
		notify(c.changed) // for further calls
	}
	return c.status, c.end
}

// Status returns the state of the connection.
func (c *Client) Status() Status {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.status
}

// Users returns everybody in the room as last known, in order of arrival.
func (c *Client) Users() []event.User {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.roster.Users()
}

// Self returns the id of the client's own user, empty before the first
// snapshot.
func (c *Client) Self() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.roster.Self()
}

// Now returns the time by the server's clock, which the roster's times are of.
func (c *Client) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.ahead)
}

// Hurry ends a wait between two attempts: something happened that makes
// success likely, such as the network's coming back.
func (c *Client) Hurry() { notify(c.hurry) }

// Leave ends the user's presence at once, in all tabs of the session, and
// then the client. It does not wait; Next reports ErrLeft when it is done.
func (c *Client) Leave() { notify(c.leaving) }

// Close ends the client and waits for it. The server keeps the user for its
// linger time, since this might be a reload.
func (c *Client) Close() {
	c.cancel()
	<-c.stopped
}

func notify(slot chan struct{}) {
	select {
	case slot <- struct{}{}:
	default:
	}
}

func (c *Client) update(change func()) {
	c.mu.Lock()
	change()
	c.mu.Unlock()
	notify(c.changed)
}

// run connects again and again until there is a reason not to.
func (c *Client) run(ctx context.Context) error {
	for attempt := 0; ; attempt++ {
		lasted, err := c.connect(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if refusal := (event.Error{}); errors.Is(err, ErrLeft) || errors.As(err, &refusal) && refusal.Code.Final() {
			return err
		}
		c.update(func() {
			if c.status.Link == Connected {
				c.status.Link = Connecting
			} else {
				c.status.Link = Offline
			}
		})
		if lasted > stable {
			attempt = 0
		}
		select {
		case <-c.hurry: // from before this loss; a server that comes back must not get everybody at once
		default:
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-c.leaving:
			return ErrLeft
		case <-c.hurry:
		case <-time.After(c.pause(attempt, err)):
		}
	}
}

const (
	firstBackoff = 500 * time.Millisecond
	// stable is how long a connection must have lasted for the next loss to
	// count as the first: a server that accepts and dies is not hammered.
	stable = 10 * time.Second
	// helloAnswered is how long the snapshot may take.
	helloAnswered = 15 * time.Second
	// doubt is how long a connection may be silent; the server says
	// something every event.Silence.
	doubt = 45 * time.Second
	// leaveAnswered is how long the server's answer to leave is waited for.
	leaveAnswered = 2 * time.Second
)

// pause is the wait before the next attempt: exponential with full jitter, so
// that the clients of a server that comes back do not come as one, and never
// less than the server asked for.
// https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
func (c *Client) pause(attempt int, err error) time.Duration {
	limit := c.options.MaxBackoff
	if d := firstBackoff << min(attempt, 16); d < limit {
		limit = d
	}
	wait := rand.N(limit)
	if refusal := (event.Error{}); errors.As(err, &refusal) {
		wait += time.Duration(refusal.RetryAfter) * time.Millisecond
	}
	return wait
}

// connect runs one connection to its end and returns how long it was joined
// and why it ended. An event.Error is the last one that the server sent.
func (c *Client) connect(ctx context.Context) (lasted time.Duration, err error) {
	dialing, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	socket, err := c.options.Dial(dialing, c.options.URL)
	if err != nil {
		return 0, err
	}
	frames, stop := readAll(socket)
	clean := true
	defer func() { stop(clean) }()
	if err := socket.Write(event.Encode(event.GotANewUser{Name: c.options.Name, Room: c.options.Room})); err != nil {
		return 0, err
	}

	var joined time.Time
	deadline := time.NewTimer(helloAnswered)
	defer deadline.Stop()
	left := false
	var refusal error
	for {
		if !joined.IsZero() {
			lasted = time.Since(joined)
		}
		select {
		case <-ctx.Done():
			return lasted, ctx.Err()
		case <-c.leaving:
			if err := socket.Write(event.Encode(event.Leave{})); err != nil {
				return lasted, ErrLeft
			}
			left = true
			deadline.Reset(leaveAnswered)
		case <-deadline.C:
			clean = false
			if left {
				return lasted, ErrLeft
			}
			return lasted, errors.New("the connection is silent")
		case frame, ok := <-frames:
			if !ok && left {
				return lasted, ErrLeft
			}
			if !ok && refusal != nil {
				return lasted, refusal
			}
			if !ok {
				return lasted, errors.New("the connection was lost")
			}
			snapshot, err := c.take(frame)
			if said := (event.Error{}); errors.As(err, &said) {
				refusal = said // the server hangs up, if it means it
			} else if err != nil {
				return lasted, err
			}
			if snapshot && joined.IsZero() {
				joined = time.Now()
			}
			if !left {
				deadline.Reset(doubt)
			}
		}
	}
}

// take applies one frame. The error is ErrLeft, a drift, or an event.Error
// that was in the frame.
func (c *Client) take(frame []byte) (snapshot bool, err error) {
	events, err := event.DecodeServer(frame)
	if err != nil {
		return false, err
	}
	c.update(func() {
		for _, e := range events {
			switch e := e.(type) {
			case event.Invalid:
				err = fmt.Errorf("the server sent a %s that cannot be read", e.Name)
			case event.Error:
				err = e
				c.status.Refusal = e
			case event.DisconnectUser:
				if e.ID == c.roster.Self() && e.Reason == event.ReasonLeft {
					err = ErrLeft
				}
			case event.ExistingUsers:
				snapshot = true
				c.ahead = time.Until(time.UnixMilli(e.Now))
				c.status = Status{Link: Connected, Joined: true}
			}
			if _, drift := c.roster.Apply(e); drift != nil && err == nil {
				err = drift
			}
		}
	})
	return snapshot, err
}

// readAll reads a socket in a goroutine of its own. The channel closes when
// the socket ends; stop ends it and waits for the goroutine.
func readAll(socket Socket) (frames <-chan []byte, stop func(clean bool)) {
	out := make(chan []byte)
	quit := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer close(out)
		for {
			frame, err := socket.Read()
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
		<-done
	}
}
