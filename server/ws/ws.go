// Package ws is the WebSocket endpoint: it accepts connections, reads what
// clients say into the hub and writes them the frames that the hub has for
// them.
package ws

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"
	"golang.org/x/net/http/httpguts"
	"golang.org/x/time/rate"

	"rollcall/server/hub"
	"rollcall/server/limit"
	"rollcall/server/session"
	"rollcall/shared/event"
)

// Options are what a Server works with. Limits of 0 are none.
type Options struct {
	Hub      *hub.Hub
	Sessions *session.Keeper
	// AllowOrigin reports whether the page that sends the request may
	// connect.
	AllowOrigin func(*http.Request) bool
	Log         *slog.Logger
	// Addresses limits what one address may use, and what there is in all;
	// Proxies are believed when they say for which address they ask.
	Addresses *limit.Addresses
	Proxies   limit.Proxies
	// EventsPerSecond is how many events a connection may send, after a
	// burst of 20.
	EventsPerSecond float64
}

// Server is the http.Handler of the endpoint. Safe for concurrent use.
type Server struct {
	options Options
	running sync.WaitGroup // one for each connection from its request on, and the sweep
	done    chan struct{}  // closed by Close

	mu       sync.Mutex // guards what follows
	conns    []*conn    // in no order; each knows its index
	accepted int        // conns so far
	closing  bool       // everybody is told to come back
	cutting  bool       // and has had the time for it
}

// New returns a server without connections. Close ends it.
func New(options Options) *Server {
	if options.Addresses == nil {
		options.Addresses = limit.New(limit.Options{})
	}
	s := &Server{options: options, done: make(chan struct{})}
	s.running.Go(s.sweep)
	return s
}

// ServeHTTP upgrades the request. The connection outlives it, so that net/http
// can free what the request took.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !s.options.AllowOrigin(r) {
		http.Error(w, foreign(r), http.StatusForbidden)
		return
	}
	share := s.open(w, r)
	if share == nil {
		return
	}
	c := s.upgrade(w, r, share)
	if c == nil {
		s.release(share)
		return
	}
	s.add(c)
	go c.serve()
}

// foreign says what to do about a page that may not connect.
func foreign(r *http.Request) string {
	const why = "Pages of another site may not connect here. If this is your own address, start the server with -public-url"
	if u, err := url.Parse(r.Header.Get("Origin")); err == nil && u.Host != "" {
		return why + " " + u.Scheme + "://" + u.Host + "."
	}
	return why + "."
}

// upgrade answers the request. It returns nil if that is all there is to do.
func (s *Server) upgrade(w http.ResponseWriter, r *http.Request, share *limit.Share) *conn {
	if !asksToUpgrade(r) {
		w.Header().Set("Upgrade", "websocket")
		w.Header().Set("Connection", "Upgrade")
		http.Error(w, "This address speaks WebSocket only. If a page cannot connect, the proxy before this server has to pass on the headers Upgrade and Connection.", http.StatusUpgradeRequired)
		return nil
	}
	id, known := s.options.Sessions.FromRequest(r)
	if !known {
		id = session.NewID()
	}
	if wait := share.Barred(id, known); wait > 0 {
		comeLater(w, wait, "You have sent too much. Try again in a moment.")
		return nil
	}
	// A known one too: a page that the browser had kept asks for nothing
	// else by which its session could last longer.
	http.SetCookie(w, s.options.Sessions.Cookie(id))
	protocols, tooOld := negotiate(r)
	// Before the answer: who comes back after it, comes later.
	now := time.Now()
	h := &hijacked{ResponseWriter: w}
	c := &conn{server: s, share: share, session: id, known: known, born: now, spoken: now, pinged: now}
	if perSecond := s.options.EventsPerSecond; perSecond > 0 {
		c.bytes = rate.NewLimiter(rate.Limit(perSecond*bytesPerEvent), bytesBurst)
		c.answers = rate.NewLimiter(rate.Limit(perSecond*answerPerEvent), answerBurst)
		h.pace = c.received
	}
	socket, err := websocket.Accept(h, r, &websocket.AcceptOptions{
		Subprotocols: protocols,
		// The origin has passed AllowOrigin, which is the stricter check.
		InsecureSkipVerify: true,
		OnPingReceived:     func(context.Context, []byte) bool { return c.answersPing() },
	})
	if err != nil {
		s.options.Log.Debug("upgrade failed", "err", err)
		return nil // Accept has answered
	}
	// Frames are measured by hear, which says what is wrong before it hangs
	// up.
	socket.SetReadLimit(-1)
	c.socket, c.out, c.tooOld = socket, h.out, tooOld
	return c
}

func asksToUpgrade(r *http.Request) bool {
	return httpguts.HeaderValuesContainsToken(r.Header.Values("Upgrade"), "websocket")
}

// open counts a connection that is to be, or says why it may not and returns
// nil. What only asks why one was refused is told the same, and counts nothing.
func (s *Server) open(w http.ResponseWriter, r *http.Request) *limit.Share {
	s.mu.Lock()
	closing := s.closing
	if !closing {
		s.running.Add(1)
	}
	s.mu.Unlock()
	if closing {
		w.Header().Set("Retry-After", "1")
		http.Error(w, restarting.Message, http.StatusServiceUnavailable)
		return nil
	}
	share, err := s.options.Addresses.Open(s.options.Proxies.Client(r))
	switch {
	case errors.Is(err, limit.ErrFull):
		w.Header().Set("Retry-After", "10")
		http.Error(w, "This server has as many connections as it can take. Try again in a moment.", http.StatusServiceUnavailable)
	case err != nil:
		comeLater(w, 30*time.Second, "Your address has as many connections as one may have. Close some, or try again later.")
	default:
		wait := share.MayUpgrade()
		if asksToUpgrade(r) {
			wait = share.Upgrade()
		}
		if wait == 0 {
			return share
		}
		share.Close()
		comeLater(w, wait, "Your address has connected too often in the last minute. Try again in a moment.")
	}
	s.running.Done()
	return nil
}

// comeLater refuses a request of an address that has had too much.
func comeLater(w http.ResponseWriter, wait time.Duration, why string) {
	w.Header().Set("Retry-After", strconv.Itoa(int(wait/time.Second)+1))
	http.Error(w, why, http.StatusTooManyRequests)
}

func (s *Server) release(share *limit.Share) {
	share.Close()
	s.running.Done()
}

// negotiate returns the subprotocols to accept, and whether the client speaks
// other versions of ours only. Such a client gets one of its own confirmed,
// since a browser would drop the connection before it hears why.
func negotiate(r *http.Request) (protocols []string, tooOld bool) {
	var ours []string
	for _, line := range r.Header.Values("Sec-WebSocket-Protocol") {
		for p := range strings.SplitSeq(line, ",") {
			if p = strings.TrimSpace(p); strings.HasPrefix(strings.ToLower(p), "rollcall.") {
				ours = append(ours, p)
			}
		}
	}
	v1 := slices.ContainsFunc(ours, func(p string) bool { return strings.EqualFold(p, event.Subprotocol) })
	if len(ours) == 0 || v1 {
		return []string{event.Subprotocol}, false
	}
	return ours, true
}

func (s *Server) add(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.index = len(s.conns)
	s.conns = append(s.conns, c)
	s.accepted++
	switch { // it was being upgraded when Close looked
	case s.cutting:
		c.cut()
	case s.closing:
		c.out.spawn(func() { c.refuse(restarting, event.CloseRestarting) })
	}
}

func (s *Server) remove(c *conn) {
	s.mu.Lock()
	last := s.conns[len(s.conns)-1]
	s.conns[c.index], last.index = last, c.index
	s.conns[len(s.conns)-1] = nil
	s.conns = s.conns[:len(s.conns)-1]
	s.mu.Unlock()
}

// Close tells every client that the server restarts, ends the connections and
// waits for them. Who has not answered within 5 s, or when ctx ends, is cut.
func (s *Server) Close(ctx context.Context) {
	s.mu.Lock()
	if !s.closing {
		s.closing = true
		close(s.done)
	}
	for _, c := range s.conns {
		c.out.spawn(func() { c.refuse(restarting, event.CloseRestarting) })
	}
	s.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, closeWithin)
	defer cancel()
	stop := context.AfterFunc(ctx, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.cutting = true
		for _, c := range s.conns {
			c.cut()
		}
	})
	defer stop()
	s.running.Wait()
}

var restarting = event.Error{
	Code:       event.CodeRestarting,
	Message:    "The server is restarting; try again in a moment.",
	RetryAfter: 500,
}
