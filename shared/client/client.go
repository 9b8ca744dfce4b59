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

// ErrLeft is why a client ends after Leave, here or in another tab of the
// same session.
var ErrLeft = errors.New("left the room")

// Options are what a client joins with.
type Options struct {
	// Room is the room to join; empty means event.Lobby.
	Room string
	// Name is the name to be seen by. The server may refuse it.
	Name string
	// Patch is what else to change when the client joins. What is nil or empty
	// stays as the server has it from an earlier visit. A Name in it does not
	// count.
	Patch event.Patch
	// Watch makes the client see the room without being in it. Then Name and
	// Patch do not count.
	Watch bool
	// Session is the Session of an earlier client, to be the same user where
	// no cookie says so; empty for a new user.
	Session string
	// MaxBackoff is the longest wait between two attempts to connect, beside
	// what a server asks for; 0 and less mean 15 s.
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

// Socket is a WebSocket connection as a client needs it. When a context that it
// was given ends during a call, the whole connection may end.
type Socket interface {
	// Read waits for the next text message. One goroutine reads, until there
	// is an error.
	Read(ctx context.Context) ([]byte, error)
	// Write sends a text message. One goroutine writes.
	Write(ctx context.Context, message []byte) error
	// Close ends the connection and a Read that waits. Clean is to say
	// goodbye, and to wait for the other end's for a second at most; otherwise
	// the other end is thought to be dead, and nothing is waited for.
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
	// Err is why the last connection or attempt ended, an event.Error if
	// the server said why; nil while connected.
	Err error
	// Retry is when the next attempt begins; zero while connected or one is
	// under way.
	Retry time.Time
	// Answered is how many calls of Update are over, done or refused, in the
	// order of their numbers.
	Answered int
	// Doubtful is whether, since Doubt, nothing has shown that the connection
	// is still there; only while connected.
	Doubtful bool
	// Drift is a roster.ErrDrift when the roster is not the server's though
	// a whole snapshot of it has come, as with a server of a later version;
	// nil while it is. The client goes on as well as it can.
	Drift error
}

// Update is what has happened to a client since it was last asked.
type Update struct {
	Status
	// Changes are what happened to the roster, in order. If they were not
	// asked for in a long time there is only a roster.Reset: the roster is
	// to be read anew.
	Changes []roster.Change
	// Errors are what the server refused on a connection that goes on. Why
	// one ends is in Status.Err.
	Errors []event.Error
}

// How many changes and errors are kept for a program that does not ask.
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
	since        int64     // the server's time of the first snapshot, Unix milliseconds
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

// Start is Dial for programs that show how it goes, such as a page: it returns
// at once, and the client tries until it joins or is refused for good.
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

// Session returns the secret by which the server knows the client again where
// cookies are blocked, empty if there was none to be given. A later client that
// has it in its Options, in the same room or another, is the same user.
func (c *Client) Session() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.session
}

// Now returns the time by the server's clock, which the roster's times are of.
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

// Heard returns when the server was last heard, by its own clock: of what came
// after that nothing is known. It is zero before the first snapshot.
func (c *Client) Heard() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.heard
}

// Update changes how the client is seen: what is nil or empty stays. It does not
// wait. It returns the number of the call, counted from 1: Status.Answered tells
// when the server has done or refused it, and Errors of the same Update tell what
// was refused. While the connection is away, the change waits for it.
//
// One change is on its way at a time, and is done once even if the connection is
// lost with it. What follows waits for the answer, and then goes as one. If the
// server refuses that for a field, the last Update with that field is dropped whole
// and the others go on.
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

// View says what part of a large room to see. In any room a snapshot follows.
func (c *Client) View(view event.View) {
	c.withWants(func(w *wants) { w.view.set(view) })
	notify(c.sending)
}

// Active says whether the user is looking. Users whose clients all say that
// they are not become away by themselves.
func (c *Client) Active(active bool) {
	c.withWants(func(w *wants) { w.active.set(active) })
	notify(c.sending)
}

// Hurry ends a wait between two attempts, and an attempt that hangs: something
// happened that makes success likely, such as the visitor's coming back.
func (c *Client) Hurry() { notify(c.hurry) }

// Doubt is Hurry for when the network has gone, or has come back: nobody knows
// whether the connection has outlived that. The server is asked for a snapshot,
// and a connection without any answer within 3 s is replaced. Until then the
// Status is Doubtful.
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

// Leave ends the user's presence at once, in all tabs of the session, and
// then the client. It does not wait; Next reports ErrLeft when it is done.
func (c *Client) Leave() { notify(c.leaving) }

// Close ends the client and waits for its goroutine. That takes a second at most,
// in which the server may answer the goodbye. The server keeps the user for its
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

// updateIf is update for what may have changed nothing: then nobody is woken.
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

// next is what is to be sent now, nil for nothing.
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
	return &event.Resume{Epoch: c.roster.Epoch(), Seq: c.roster.State().Seq, Since: c.since}
}
