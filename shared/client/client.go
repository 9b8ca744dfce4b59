// Package client is Rollcall's client for Go programs, natively and in the
// browser: it joins or watches a room, keeps a live roster of it, and comes
// back by itself when the connection is lost, with what it missed.
package client

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"time"

	"rollcall/shared/event"
	"rollcall/shared/roster"
)

// ErrLeft is the error with which a client ends after Leave, which may have been
// called in another tab of the same session.
var ErrLeft = errors.New("left the room")

// Options are what a client joins with.
type Options struct {
	// Room is the room to join; empty means event.Lobby.
	Room string
	// Name is the name that others see. The server may refuse it.
	Name string
	// Patch is what else to change when the client joins. What is nil or empty
	// stays as the server has it from an earlier visit. A Name in it does not
	// count.
	Patch event.Patch
	// Watch makes the client see the room without being in it. Then Name and
	// Patch do not count.
	Watch bool
	// Session is the Session of an earlier client. With it, a client without a
	// cookie is the same user. Empty means a new user.
	Session string
	// MaxBackoff is the longest wait between two attempts to connect, unless the
	// server asks for a longer one; 0 and less mean 15 s.
	MaxBackoff time.Duration
	// HTTPClient makes the requests that become connections, with its cookie
	// jar, proxy, TLS settings and timeout. A program that stores the cookies of
	// the jar is the same user after a restart. Nil means a client with a jar in
	// memory. In a browser it does not count: the browser makes the requests,
	// with its own cookies.
	HTTPClient *http.Client
	// Dial opens connections; nil means Network(HTTPClient).
	Dial func(ctx context.Context, url string) (Socket, error)
}

// Socket is a WebSocket connection as a client needs it. If the context of a call
// ends during the call, the whole connection may end.
type Socket interface {
	// Read waits for the next text message. One goroutine reads, until there
	// is an error.
	Read(ctx context.Context) ([]byte, error)
	// Write sends a text message. One goroutine writes.
	Write(ctx context.Context, message []byte) error
	// Close ends the connection, and a Read that waits. If clean is set, it sends
	// a close frame and waits for the one of the other end, for a second at most.
	// Otherwise it does not wait.
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

// Status is the state of a client, apart from its roster.
type Status struct {
	Link Link
	// Joined says that there was a snapshot. From the first one on the client
	// keeps the roster, even while it has no connection.
	Joined bool
	// Err is why the last connection or attempt ended: an event.Error if the
	// server said why. It is nil while the client is connected.
	Err error
	// Retry is when the next attempt begins. It is zero while the client is
	// connected, and during an attempt.
	Retry time.Time
	// Answered is the number of the last call of Update that the server has done
	// or refused; it has answered all calls before it, too.
	Answered int
	// Doubtful says that no frame has come since Doubt, so that the connection may
	// be dead. It is false while the client is not connected.
	Doubtful bool
	// Drift is a roster.ErrDrift if the roster differs from the server's even
	// after a whole snapshot, which can happen with a later version of the server.
	// The client goes on as well as it can.
	Drift error
}

// Update is what has happened to a client between two calls of Next.
type Update struct {
	Status
	// Changes are the changes of the roster, in order. If there were too many
	// since the last call, there is only a roster.Reset: the program has to read
	// the roster anew.
	Changes []roster.Change
	// Errors are what the server refused on a connection that goes on. An error
	// that ends the connection is in Status.Err.
	Errors []event.Error
}

// How many changes and errors a client keeps until the next call of Next.
const (
	maxChanges = 4096
	maxErrors  = 128
)

// Client is one client in one room. Safe for concurrent use.
type Client struct {
	url     string
	options Options
	tab     string // names the client over all its connections
	cancel  context.CancelFunc
	stopped chan struct{} // closed when run has ended
	hurry   chan struct{} // one slot: do not wait any longer
	leaving chan struct{} // one slot: say leave
	sending chan struct{} // one slot: there may be something to send
	changed chan struct{} // one slot: Next has something to return

	mu           sync.Mutex // guards what follows
	status       Status
	changes      []roster.Change
	errors       []event.Error
	roster       roster.Roster
	wants        wants
	resyncing    bool      // the roster has drifted and a snapshot was asked for
	tryOnce      bool      // the first failure ends it, unless it has joined
	heard        time.Time // the last frame, by the server's clock
	serverTime   time.Time // the server's clock, as last heard
	serverTimeAt time.Time // when that was heard, by our monotonic clock: a device's clock may be set
	end          error     // why run has ended
	session      string    // by which the server knows it without a cookie
}

// Dial joins or watches a room of the server at url, as in
// wss://here.example.org/ws, and returns when the roster is there. It tries
// once, which can take 25 s: 10 s to connect and 15 s for the answer. The error
// is an event.Error if the server refused, and ctx's if ctx ended first.
// Afterwards the client comes back by itself whenever the connection is lost.
// The caller must Close it.
func Dial(ctx context.Context, url string, options Options) (*Client, error) {
	c := start(url, options, true)
	for {
		if err := c.wait(ctx); err != nil {
			c.Close()
			return nil, err
		}
		c.mu.Lock()
		joined, err := c.status.Joined, c.end
		c.mu.Unlock()
		switch {
		case err != nil:
			c.Close()
			return nil, err
		case joined:
			notify(c.changed) // the first Next returns at once, with the snapshot
			return c, nil
		}
	}
}

// Start is Dial for programs that show the state of the connection, such as a page:
// it returns at once, and the client tries until it joins or is refused for good.
// The caller must Close it.
func Start(url string, options Options) *Client { return start(url, options, false) }

func start(url string, options Options, once bool) *Client {
	if options.Room == "" {
		options.Room = event.Lobby
	}
	if options.MaxBackoff <= 0 {
		options.MaxBackoff = 15 * time.Second
	}
	if options.Dial == nil {
		options.Dial = Network(options.HTTPClient)
	}
	ctx, cancel := context.WithCancel(context.Background())
	c := &Client{
		url:     url,
		options: options,
		tab:     randomTab(),
		cancel:  cancel,
		stopped: make(chan struct{}),
		hurry:   make(chan struct{}, 1),
		leaving: make(chan struct{}, 1),
		sending: make(chan struct{}, 1),
		changed: make(chan struct{}, 1),
		tryOnce: once,
		session: options.Session,
	}
	var err error
	if !options.Watch {
		options.Patch.Name = &options.Name
		err = c.wants.join(options.Patch.Clone())
	}
	go func() {
		defer close(c.stopped)
		if err == nil {
			err = c.run(ctx)
		}
		c.update(func() {
			c.end = err
			c.status.Link, c.status.Err, c.status.Retry = Offline, err, time.Time{}
		})
	}()
	return c
}

// randomTab is a name that no other client of the same user has.
func randomTab() string {
	return strconv.FormatUint(rand.Uint64(), 32) + strconv.FormatUint(rand.Uint64(), 32)
}

// Next waits until something has changed since the last call, however long that
// takes, and returns it. One goroutine calls it. An error that is not ctx's says
// that nothing will follow: ErrLeft, an event.Error when the server refuses for
// good, context.Canceled after Close, or another one if the Name and the Patch do
// not fit into a hello.
func (c *Client) Next(ctx context.Context) (Update, error) {
	if err := c.wait(ctx); err != nil {
		return Update{Status: c.Status()}, err // what has changed is for the next call
	}
	// In one go, so that the changes are those that led to the status.
	c.mu.Lock()
	defer c.mu.Unlock()
	u := Update{Status: c.status, Changes: c.changes, Errors: c.errors}
	c.changes, c.errors = nil, nil
	if c.end != nil {
		notify(c.changed) // for further calls
	}
	return u, c.end
}

func (c *Client) wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-c.changed:
		return nil
	}
}

// Status returns the state of the connection.
func (c *Client) Status() Status {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.status
}

// Session returns the secret by which the server knows the client again if cookies
// are blocked; it is empty if the server gave none. A later client with it in its
// Options, in this room or another, is the same user.
func (c *Client) Session() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.session
}

// Now returns the time by the server's clock, as the times of users are.
func (c *Client) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now()
}

func (c *Client) now() time.Time {
	if c.serverTimeAt.IsZero() {
		return time.Now()
	}
	return c.serverTime.Add(time.Since(c.serverTimeAt))
}

// Heard returns when the last frame came, by the server's clock: the roster is as of
// then. It is zero before the first snapshot.
func (c *Client) Heard() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.heard
}

// Update changes the client's own user: what is nil or empty stays. It does not wait.
// It returns the number of the call, counted from 1: Status.Answered says when the
// server has done or refused the change, and Errors in the same Update of Next say why
// it refused it. While there is no connection, the change waits for the next one.
//
// The client sends one change at a time. The server does it once, even if the
// connection is lost before the answer comes. Later changes wait for the answer, and
// are then sent as one. If the server refuses that one because of a field, the client
// drops the last call of Update that has the field and sends the others again.
func (c *Client) Update(change event.Patch) (number int) {
	c.updateIf(func() (news bool) {
		var refusal *event.Error
		if number, refusal = c.wants.update(change.Clone()); refusal != nil {
			c.addError(*refusal)
		}
		return refusal != nil
	})
	notify(c.sending)
	return number
}

// View asks for a part of a large room. The answer is a snapshot, in a small room,
// too. View does not wait for it.
func (c *Client) View(view event.View) {
	c.withWants(func(w *wants) { w.view.set(view) })
	notify(c.sending)
}

// Active says whether somebody uses this client. A user all of whose clients are
// inactive becomes away. It does not wait.
func (c *Client) Active(active bool) {
	c.withWants(func(w *wants) { w.active.set(active) })
	notify(c.sending)
}

// Hurry ends a wait between two attempts, and an attempt that takes longer than 3 s.
// It is for when something makes success likely: the visitor comes back, for example.
// It does not wait.
func (c *Client) Hurry() { notify(c.hurry) }

// Doubt is Hurry for when the network went away or came back, so that the connection
// may be dead. The client asks the server for a snapshot, and replaces a connection
// on which no frame comes within 3 s. Until then the Status is Doubtful. It does not
// wait.
func (c *Client) Doubt() {
	c.updateIf(func() (news bool) {
		if c.status.Link != Connected {
			return false
		}
		news = !c.status.Doubtful
		c.status.Doubtful = true
		c.wants.requestSnapshot()
		return news
	})
	notify(c.sending)
	c.Hurry()
}

// Leave ends the user's presence at once, in all tabs of the session, and then the
// client. Leave itself does not wait. The client waits up to 2 s for the server's
// answer; then Next returns ErrLeft.
func (c *Client) Leave() { notify(c.leaving) }

// Close ends the client and waits for its goroutine. That takes a second at most,
// in which the server may answer the close frame. The server keeps the user for its
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

// update changes what mu guards, and wakes Next.
func (c *Client) update(change func()) {
	c.updateIf(func() bool { change(); return true })
}

// updateIf is update for a change that may turn out to be none: then it does not wake
// Next.
func (c *Client) updateIf(change func() (news bool)) {
	c.mu.Lock()
	news := change()
	if n := c.wants.answered(); n != c.status.Answered {
		c.status.Answered, news = n, true
	}
	c.mu.Unlock()
	if news {
		notify(c.changed)
	}
}

func (c *Client) withWants(f func(*wants)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f(&c.wants)
}

// next is the event to send now; nil for none.
func (c *Client) next() (e event.Event) {
	c.withWants(func(w *wants) { e = w.next() })
	return e
}

// hello is the first event of a connection.
func (c *Client) hello() event.Event {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.resyncing = false
	if c.options.Watch {
		return event.Watch{Room: c.options.Room, Resume: c.resume()}
	}
	change, ref := c.wants.hello()
	return event.GotANewUser{
		Ref:     ref,
		Tab:     c.tab,
		Patch:   c.wants.identity(),
		Wanted:  change,
		Room:    c.options.Room,
		Resume:  c.resume(),
		Session: c.session,
	}
}

// resume says from where the server can go on; nil means with a snapshot. Only a
// whole roster that is right can be brought up to date by changes.
func (c *Client) resume() *event.Resume {
	if _, _, large := c.roster.View(); !c.status.Joined || large || c.status.Drift != nil {
		return nil
	}
	return &event.Resume{Epoch: c.roster.Epoch(), Seq: c.roster.State().Seq}
}
