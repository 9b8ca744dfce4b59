// Package ws is the WebSocket endpoint: it accepts connections, gives the events of
// clients to the hub, and writes the frames of the hub to clients.
package ws

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"
	"golang.org/x/net/http/httpguts"
	"golang.org/x/time/rate"

	"rollcall/server/hub"
	"rollcall/server/limit"
	"rollcall/server/refusal"
	"rollcall/server/session"
	"rollcall/shared/event"
)

// Options are what a Server works with. A limit of 0 is no limit.
type Options struct {
	Hub      *hub.Hub
	Sessions *session.Keeper
	// AllowOrigin reports whether the page that sends the request may connect.
	AllowOrigin func(*http.Request) bool
	// Refused observes everything that is refused, dropped or cut.
	Refused refusal.Observer
	// Addresses limits what one address may use, and connections in all. Proxies may
	// say for which address they ask.
	Addresses *limit.Addresses
	Proxies   limit.Proxies
	// EventsPerSecond is how many events a connection may send, after a
	// burst of 20.
	EventsPerSecond float64
}

// Server is the http.Handler of the endpoint. Safe for concurrent use.
type Server struct {
	options Options
	running sync.WaitGroup // one for each connection, from its request on, and one for the sweep
	done    chan struct{}  // closed by Close
	backlog *backlog
	readers readers

	mu       sync.Mutex // guards what follows
	conns    []*conn    // in no order; each knows its index
	accepted int        // how many connections there have been
	closing  bool       // clients are told that the server restarts
	cut      bool       // the time to close properly is over
}

// New returns a server without connections. Close ends it.
func New(options Options) *Server {
	if options.Addresses == nil {
		options.Addresses = limit.New(limit.Options{})
	}
	s := &Server{options: options, done: make(chan struct{}), backlog: newBacklog(maxBacklog)}
	s.running.Go(s.sweep)
	return s
}

// ServeHTTP upgrades the request, and returns. The connection goes on, and net/http frees
// the memory of the request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c, err := s.accept(w, r)
	if refused, ok := errors.AsType[refusal.Error](err); ok {
		s.options.Refused.Answer(w, refused)
		return
	}
	s.add(c)
	go c.serve()
}

// accept makes a connection of the request. The error is a refusal.Error that the client
// has not been told yet.
func (s *Server) accept(w http.ResponseWriter, r *http.Request) (*conn, error) {
	if !s.options.AllowOrigin(r) {
		return nil, refusal.Error{Reason: refusal.ForeignOrigin, Detail: publicURL(r)}
	}
	share, err := s.open(r)
	if err != nil {
		return nil, err
	}
	c, err := s.upgrade(w, r, share)
	if err != nil {
		s.release(share)
		return nil, err
	}
	return c, nil
}

// publicURL returns what -public-url would have to be for the page of the request to
// connect, as the end of a sentence; empty if the Origin header does not say.
func publicURL(r *http.Request) string {
	if u, err := url.Parse(r.Header.Get("Origin")); err == nil && u.Host != "" {
		return " " + u.Scheme + "://" + u.Host
	}
	return ""
}

// upgrade answers the request, unless it returns an error.
func (s *Server) upgrade(w http.ResponseWriter, r *http.Request, share *limit.Share) (*conn, error) {
	if !asksToUpgrade(r) {
		return nil, refusal.Error{Reason: refusal.NoUpgrade}
	}
	id, known := s.options.Sessions.FromRequest(r)
	if !known {
		id = session.NewID()
	}
	if wait := share.Barred(id, known); wait > 0 {
		return nil, refusal.Error{Reason: refusal.SessionBarred, RetryAfter: wait}
	}
	// Also for a known session: a page from the browser's cache sends no other request
	// that could prolong it.
	s.options.Sessions.SetCookie(w, id)
	protocol, tooOld := negotiate(r)
	// The library keeps this string, and with it the whole line that it is part of.
	protocol = strings.Clone(protocol)
	r.Header.Set("Sec-WebSocket-Protocol", protocol)
	// Before the answer, so that a client that comes back after it has a later time.
	now := time.Now()
	h := &hijacked{ResponseWriter: w, backlog: s.backlog}
	c := &conn{server: s, share: share, session: id, hasCookie: known, acceptedAt: now, lastWrite: now, lastPing: now}
	if perSecond := s.options.EventsPerSecond; perSecond > 0 {
		c.readLimit = rate.NewLimiter(rate.Limit(perSecond*bytesPerEvent), bytesBurst)
		c.answerLimit = rate.NewLimiter(rate.Limit(perSecond*answerPerEvent), answerBurst)
		h.throttle = c.countRead
	}
	socket, err := websocket.Accept(h, r, &websocket.AcceptOptions{
		Subprotocols: []string{protocol},
		// AllowOrigin, which is stricter, has checked the origin.
		InsecureSkipVerify: true,
		OnPingReceived:     func(context.Context, []byte) bool { return c.allowPing() },
	})
	if err != nil {
		return nil, refusal.Error{Reason: refusal.BadHandshake, Detail: errors.Unwrap(err)}
	}
	// readMessage limits the size, so that the client is told what is wrong before the
	// connection ends.
	socket.SetReadLimit(-1)
	c.socket, c.out, c.tooOld = socket, h.out, tooOld
	return c, nil
}

func asksToUpgrade(r *http.Request) bool {
	return httpguts.HeaderValuesContainsToken(r.Header.Values("Upgrade"), "websocket")
}

// open counts a new connection, or returns why there may be none. A request without an
// upgrade, by which a client asks why it was refused, gets the same answer and is not
// counted as an attempt.
func (s *Server) open(r *http.Request) (*limit.Share, error) {
	s.mu.Lock()
	closing := s.closing
	if !closing {
		s.running.Add(1)
	}
	s.mu.Unlock()
	if closing {
		return nil, refusal.Error{Reason: refusal.RestartingHTTP}
	}
	share, err := s.options.Addresses.Open(s.options.Proxies.Client(r))
	if err != nil {
		s.running.Done()
		if errors.Is(err, limit.ErrFull) {
			return nil, refusal.Error{Reason: refusal.ConnectionsFull}
		}
		return nil, refusal.Error{Reason: refusal.AddressConnections}
	}
	wait := share.MayUpgrade()
	if asksToUpgrade(r) {
		wait = share.Upgrade()
	}
	if wait > 0 {
		s.release(share)
		return nil, refusal.Error{Reason: refusal.AddressAttempts, RetryAfter: wait}
	}
	return share, nil
}

func (s *Server) release(share *limit.Share) {
	share.Close()
	s.running.Done()
}

// negotiate returns the subprotocol to accept, as the client writes it; empty if it
// offers none of ours. TooOld is whether the client offers other versions only. Then one
// of these is accepted all the same, since a browser would end the connection before the
// page is told why.
func negotiate(r *http.Request) (protocol string, tooOld bool) {
	for _, line := range r.Header.Values("Sec-WebSocket-Protocol") {
		for p := range strings.SplitSeq(line, ",") {
			p = strings.TrimSpace(p)
			switch {
			case strings.EqualFold(p, event.Subprotocol):
				return p, false
			case protocol == "" && strings.HasPrefix(strings.ToLower(p), "rollcall."):
				protocol = p
			}
		}
	}
	return protocol, protocol != ""
}

func (s *Server) add(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.index = len(s.conns)
	s.conns = append(s.conns, c)
	s.accepted++
	switch { // if Close was called while it was being upgraded
	case s.cut:
		c.refuse(refusal.Error{Reason: refusal.RestartCut})
	case s.closing:
		c.out.spawn(func() { c.refuse(refusal.Error{Reason: refusal.Restarting}) })
	}
}

// Connections returns how many there are.
func (s *Server) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}

func (s *Server) remove(c *conn) {
	s.mu.Lock()
	last := s.conns[len(s.conns)-1]
	s.conns[c.index], last.index = last, c.index
	s.conns[len(s.conns)-1] = nil
	s.conns = s.conns[:len(s.conns)-1]
	s.mu.Unlock()
}

// Close tells every client that the server restarts, ends the connections and waits for
// them. A connection whose client has not answered within 5 s, or when ctx ends, is cut.
func (s *Server) Close(ctx context.Context) {
	s.mu.Lock()
	if !s.closing {
		s.closing = true
		close(s.done)
	}
	for _, c := range s.conns {
		c.out.spawn(func() { c.refuse(refusal.Error{Reason: refusal.Restarting}) })
	}
	s.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, closeTimeout)
	defer cancel()
	stop := context.AfterFunc(ctx, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.cut = true
		for _, c := range s.conns {
			c.refuse(refusal.Error{Reason: refusal.RestartCut})
		}
	})
	defer stop()
	s.running.Wait()
	s.readers.end()
}
