// Package client is Rollcall's client for Go programs, natively and in the
// browser: it joins or watches a room, keeps a live roster of it, and comes
// back by itself when the connection is lost, with what it missed.
package client

import (
	"context"
	"errors"
	"fmt"
	"strings"
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
	// Name is the name to be seen by. The server may refuse it.
	Name string
	// Room is the room to join; empty means event.Lobby.
	Room string
	// Status and Note are what to be seen with; the zero values leave what
	// the server has of an earlier visit.
	Status event.Status
	Note   string
	// Watch is to see the room without being in it; Name, Status and Note
	// do not count then.
	Watch bool
	// Session is the Session of an earlier client, to be the same user where
	// no cookie says so; empty for a new one.
	Session string
	// MaxBackoff is the longest wait between two attempts to connect, beside
	// what a server asks for; 0 and less mean 15 s.
	MaxBackoff time.Duration
	// Dial opens connections; nil means [Network], so that the client is the
	// same user when it comes back.
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

// maxPending is how many changes are told from another tab's while they are on
// their way.
const maxPending = 256

// Client is one client in one room. Safe for concurrent use.
type Client struct {
	url     string
	options Options
	cancel  context.CancelFunc
	stopped chan struct{} // closed when run has ended
	hurry   chan struct{} // one slot: do not wait any longer
	leaving chan struct{} // one slot: say leave
	saying  chan struct{} // one slot: there is something in outgoing
	changed chan struct{} // one slot: Next has something to return

	mu       sync.Mutex // guards what follows
	status   Status
	changes  []roster.Change
	errors   []event.Error
	roster   roster.Roster
	doubtful bool             // the roster has drifted and a snapshot was asked for
	again    time.Duration    // after which to say what the server has dropped; else 0
	once     bool             // the first failure ends it, unless it has joined
	heard    time.Time        // the last frame, by the server's clock
	then     time.Time        // the server's, when it said so last
	since    time.Time        // and ours, by which that is counted on: a device's clock may be set
	told     event.Change // how to be seen, until the roster shows it
	hailed   event.Change // what the last hello said
	meant    event.Change // told, when the hello was said with which it came back
	hand     event.Status     // the status chosen by hand, as far as can be told
	handWas  event.Status     // hand, before what is in told
	view     event.View       // what to see of a large room
	active   *bool            // nil if that was never said
	speaking bool             // the hello is said: what is to be told goes to outgoing
	outgoing []event.Event
	pending  []event.Change // each Update that told has something of
	end      error              // why run has ended
	session  string             // by which the server knows it without a cookie
}

// Dial joins a room of the server at url, as in wss://here.example.org/ws, and
// returns when the roster is there. It tries once; the error is an event.Error
// if the server refused, ctx's if that ended first. Afterwards the client
// comes back by itself whenever the connection is lost. The caller owes it a
// Close.
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

// Watch is Dial for a client that sees the room without being in it.
func Watch(ctx context.Context, url string, options Options) (*Client, error) {
	options.Watch = true
	return Dial(ctx, url, options)
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
		options.Dial = Network()
	}
	ctx, cancel := context.WithCancel(context.Background())
	c := &Client{
		url:     url,
		options: options,
		cancel:  cancel,
		stopped: make(chan struct{}),
		hurry:   make(chan struct{}, 1),
		leaving: make(chan struct{}, 1),
		saying:  make(chan struct{}, 1),
		changed: make(chan struct{}, 1),
		once:    once,
		session: options.Session,
	}
	c.told.Name = &options.Name
	if options.Status != event.StatusHere {
		c.told.Status, c.hand = &options.Status, options.Status
	}
	if options.Note != "" {
		c.told.Note = &options.Note
	}
	go func() {
		defer close(c.stopped)
		err := c.run(ctx)
		c.update(func() {
			c.end = err
			c.status.Link, c.status.Err, c.status.Retry = Offline, err, time.Time{}
		})
	}()
	return c
}

// Next waits until something has changed since the last call and returns it.
// One goroutine calls it. An error that is not ctx's says that nothing will
// follow: ErrLeft, an event.Error when the server refuses for good, another when
// no hello can hold what one is to join with, or, after Close,
// context.Canceled.
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
	if c.since.IsZero() {
		return time.Now()
	}
	return c.then.Add(time.Since(c.since))
}

// Heard returns when the server was last heard, by its own clock: of what came
// after that nothing is known. It is zero before the first snapshot.
func (c *Client) Heard() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.heard
}

// Update changes how the client is seen: what is nil stays. It does not wait:
// the change shows in the roster, a refusal in the Errors of an Update. While
// the connection is away it goes with the next hello.
func (c *Client) Update(change event.Change) {
	change = change.Clone()
	c.mu.Lock()
	defer c.mu.Unlock()
	if change = c.news(change); change == (event.Change{}) {
		return
	}
	// Not only the change: with what is on its way it must fit into a hello.
	if hello, _ := c.greeting(c.told.Then(change)); len(event.Encode(hello)) > event.MaxFrame {
		c.report(event.Error{
			Code:    event.CodeBadEvent,
			Message: fmt.Sprintf("A name and a note may have %d bytes together, less what goes with them; shorten one.", event.MaxFrame),
			Event:   event.NameUpdateUser,
		})
		notify(c.changed)
		return
	}
	if change.Status != nil {
		if c.told.Status == nil {
			c.handWas = c.hand
		}
		c.hand = *change.Status
	}
	c.told = c.told.Then(change)
	c.pending = latest(append(c.pending, change), maxPending)
	c.say(event.ChangeUser{Change: change})
}

// news is what of a change is one: what is so already the server would answer
// with nothing, and it would wait for ever to be heard of.
func (c *Client) news(change event.Change) event.Change {
	me, ok := c.roster.Me()
	if !ok || c.status.Link != Connected {
		return change
	}
	left := unlike(change, me)
	if c.told.Name != nil { // what is on its way may change it yet
		left.Name = change.Name
	}
	if c.told.Note != nil {
		left.Note = change.Note
	}
	if c.told.Status != nil || c.hand != me.Status {
		left.Status = change.Status
	}
	return left
}

// unlike is what of a change is not as a user is seen.
func unlike(change event.Change, u event.User) event.Change {
	if change.Name != nil && same(*change.Name, u.Name) {
		change.Name = nil
	}
	if change.Note != nil && same(*change.Note, u.Note) {
		change.Note = nil
	}
	if change.Status != nil && *change.Status == u.Status {
		change.Status = nil
	}
	return change
}

// same reports whether a text is one as the server keeps it.
func same(said, kept string) bool { return strings.Join(strings.Fields(said), " ") == kept }

// latest is a list without its older half, if there are more than most in it.
func latest[T any](list []T, most int) []T {
	if len(list) <= most {
		return list
	}
	return list[len(list)-most/2:] // the rest is free when append needs more room
}

// View says what part of a large room to see. In any room a snapshot follows.
func (c *Client) View(view event.View) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.view = view
	c.say(view)
}

// Active says whether the user is looking. Users whose clients all say that
// they are not become away by themselves.
func (c *Client) Active(active bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.active = &active
	c.say(event.Active{Active: active})
}

// say has an event sent, if the connection has got as far; otherwise what it
// says is part of what follows a hello. Of several of a kind that wait, one
// is enough.
func (c *Client) say(e event.Event) {
	if !c.speaking {
		return
	}
	for i, waiting := range c.outgoing {
		if waiting.EventName() != e.EventName() {
			continue
		}
		if change, ok := e.(event.ChangeUser); ok {
			e = event.ChangeUser{Change: waiting.(event.ChangeUser).Then(change.Change)}
		}
		c.outgoing = append(c.outgoing[:i], c.outgoing[i+1:]...)
		break
	}
	c.outgoing = append(c.outgoing, e)
	notify(c.saying)
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
		c.say(c.view)
		return news
	})
	c.Hurry()
}

// Leave ends the user's presence at once, in all tabs of the session, and
// then the client. It does not wait; Next reports ErrLeft when it is done.
func (c *Client) Leave() { notify(c.leaving) }

// Close ends the client and waits for it, for a second at most, in which the
// server may answer the goodbye. It keeps the user for its linger time, since
// this might be a reload.
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
	c.updateIf(func() bool { change(); return true })
}

// updateIf is update for what may have changed nothing: then nobody is woken.
func (c *Client) updateIf(change func() (news bool)) {
	c.mu.Lock()
	news := change()
	c.mu.Unlock()
	if news {
		notify(c.changed)
	}
}

// hello is the first event of a connection.
func (c *Client) hello() event.Event {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.speaking, c.outgoing, c.doubtful, c.again = true, nil, false, 0
	if c.options.Watch {
		return event.Watch{Room: c.options.Room, Resume: c.known()}
	}
	hello, as := c.greeting(c.told)
	c.hailed = as
	if c.meant = (event.Change{}); hello.Resume != nil {
		c.meant = c.told
	}
	return hello
}

// known is what the client knows of the room, for the server to go on from.
// Only a whole roster can be told what has changed, and only one that is right.
func (c *Client) known() *event.Resume {
	if _, _, large := c.roster.View(); !c.status.Joined || large || c.status.Drift != nil {
		return nil
	}
	return &event.Resume{Epoch: c.roster.Epoch(), Seq: c.roster.State().Seq}
}

// greeting is a hello, and how it says to be seen. What was told and is not seen
// yet is said again; otherwise one is as the roster has it, where another tab of
// the session may have had the last word.
func (c *Client) greeting(told event.Change) (event.GotANewUser, event.Change) {
	as := event.Change{Name: &c.options.Name}
	if me, ok := c.roster.Me(); ok {
		as.Name, as.Note = &me.Name, &me.Note
	}
	if c.hand != event.StatusHere { // which the server has of itself
		as.Status = new(c.hand)
	}
	as = as.Then(told)
	return event.GotANewUser{Change: as.Clone(), Room: c.options.Room, Resume: c.known(), Session: c.session}, as
}

// silence is what is to be said no more.
func (c *Client) silence() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.speaking, c.outgoing, c.pending = false, nil, nil
}

// words returns what is to be said.
func (c *Client) words() []event.Event {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := c.outgoing
	c.outgoing = nil
	return out
}
