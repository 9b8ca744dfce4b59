// Package ws is the WebSocket endpoint: it accepts connections, reads what
// clients say into the hub and writes them the frames that the hub has for
// them.
package ws

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/coder/websocket"

	"rollcall/server/hub"
	"rollcall/server/session"
	"rollcall/shared/event"
)

// Options are what a Server works with; all are needed.
type Options struct {
	Hub      *hub.Hub
	Sessions *session.Keeper
	// AllowOrigin reports whether the page that sends the request may
	// connect.
	AllowOrigin func(*http.Request) bool
	Log         *slog.Logger
}

// Server is the http.Handler of the endpoint. Safe for concurrent use.
type Server struct {
	options Options
	running sync.WaitGroup // one for each connection

	mu      sync.Mutex // guards what follows
	conns   map[*conn]struct{}
	closing bool
}

// New returns a server without connections. Close ends it.
func New(options Options) *Server {
	return &Server{options: options, conns: make(map[*conn]struct{})}
}

// ServeHTTP upgrades the request and serves the connection to its end.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
		w.Header().Set("Upgrade", "websocket")
		w.Header().Set("Connection", "Upgrade")
		http.Error(w, "This address speaks WebSocket only.", http.StatusUpgradeRequired)
		return
	}
	if !s.options.AllowOrigin(r) {
		http.Error(w, "Pages of another site may not connect here. If this is your own address, start the server with -public-url.", http.StatusForbidden)
		return
	}
	id, known := s.options.Sessions.FromRequest(r)
	if !known {
		id = session.NewID()
		http.SetCookie(w, s.options.Sessions.Cookie(id))
	}
	protocols, tooOld := negotiate(r)
	socket, err := websocket.Accept(w, r, &websocket.AcceptOptions{
		Subprotocols: protocols,
		// The origin has passed AllowOrigin, which is the stricter check.
		InsecureSkipVerify: true,
	})
	if err != nil {
		s.options.Log.Debug("upgrade failed", "err", err)
		return // Accept has answered
	}
	// Frames are measured by readFrame, which can say what is wrong before
	// it hangs up.
	socket.SetReadLimit(-1)

	c := &conn{server: s, socket: socket, session: id, tooOld: tooOld, done: make(chan struct{})}
	if !s.add(c) {
		c.refuse(restarting, event.CloseRestarting)
		return
	}
	defer s.remove(c)
	c.serve()
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

func (s *Server) add(c *conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return false
	}
	s.conns[c] = struct{}{}
	s.running.Add(1)
	return true
}

func (s *Server) remove(c *conn) {
	s.mu.Lock()
	delete(s.conns, c)
	s.mu.Unlock()
	s.running.Done()
}

// Close tells every client that the server restarts, ends the connections and
// waits for them: until ctx ends properly, after that by cutting them.
func (s *Server) Close(ctx context.Context) {
	s.mu.Lock()
	s.closing = true
	var goodbyes sync.WaitGroup
	for c := range s.conns {
		goodbyes.Go(func() { c.refuse(restarting, event.CloseRestarting) })
	}
	s.mu.Unlock()

	stop := context.AfterFunc(ctx, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		for c := range s.conns {
			// Cutting waits for whoever uses the connection.
			goodbyes.Go(c.cut)
		}
	})
	s.running.Wait()
	stop()
	goodbyes.Wait()
}

var restarting = event.Error{
	Code:       event.CodeRestarting,
	Message:    "The server is restarting; try again in a moment.",
	RetryAfter: 500,
}

// readMessage reads the next message of a connection, up to limit bytes and one
// more, and reports whether it was text.
func readMessage(socket *websocket.Conn, limit int64) (message []byte, isText bool, err error) {
	// A context would arm a timer for every frame; the pings find out about
	// dead peers.
	kind, body, err := socket.Reader(context.Background())
	if err != nil {
		return nil, false, err
	}
	message, err = io.ReadAll(io.LimitReader(body, limit+1))
	return message, kind == websocket.MessageText, err
}
