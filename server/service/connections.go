package service

import (
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"rollcall/server/limit"
	"rollcall/server/refusal"
)

// connections counts those of plain HTTP, and ends those that are more than
// their address may have: each takes one of the files that this program may
// open, and a WebSocket needs one too. What a proxy has open is for many.
// Before that, those are ended on which nothing is asked: browsers keep several
// for minutes, only in case, and others never ask for anything.
type connections struct {
	addresses *limit.Addresses
	proxies   limit.Proxies
	log       *slog.Logger
	refused   refusal.Observer
	warned    rate.Sometimes

	mu    sync.Mutex             // guards what follows
	quiet map[net.Conn]time.Time // nothing is asked on them, since when
	ended time.Time              // when that was last looked at
}

// soon is how long a connection may be quiet that is ended when there are many.
const soon = time.Second

func newConnections(addresses *limit.Addresses, proxies limit.Proxies, log *slog.Logger, refused refusal.Observer) *connections {
	return &connections{
		addresses: addresses, proxies: proxies, log: log, refused: refused,
		warned: rate.Sometimes{Interval: time.Minute},
		quiet:  make(map[net.Conn]time.Time),
	}
}

// follow is http.Server's ConnState. A connection that becomes a WebSocket is
// counted by package ws from then on.
func (c *connections) follow(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	switch state {
	case http.StateNew, http.StateIdle:
		c.quiet[conn] = time.Now()
	default:
		delete(c.quiet, conn)
	}
	c.mu.Unlock()
	switch state {
	case http.StateNew:
		addr := peer(conn)
		ok, short := c.addresses.Arrive(addr, c.proxies.Has(addr))
		if short && c.endQuiet() {
			ok = true // there is room now, or in a moment
		}
		if !ok {
			c.refused.Observe(refusal.PlainFull)
			c.warned.Do(func() {
				c.log.Warn("connections are refused: all, or all that one address may have, are taken")
			})
			conn.Close()
		}
	case http.StateHijacked, http.StateClosed:
		c.addresses.Depart(peer(conn))
	}
}

// endQuiet reports whether there was any to end.
func (c *connections) endQuiet() bool {
	quiet := c.takeQuiet(time.Now())
	for _, conn := range quiet {
		conn.Close()
		c.refused.Observe(refusal.PlainQuiet)
	}
	return len(quiet) > 0
}

// takeQuiet returns those to end, and forgets them.
func (c *connections) takeQuiet(now time.Time) (quiet []net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now.Sub(c.ended) < soon/10 {
		return nil // to look at all of them for each new one would cost too much
	}
	c.ended = now
	for conn, since := range c.quiet {
		if now.Sub(since) >= soon {
			delete(c.quiet, conn)
			quiet = append(quiet, conn)
		}
	}
	return quiet
}

// maxFields is how many header fields a request may have: several times as many as a
// browser sends. One takes up to twenty times its bytes in memory, and the request is there
// as long as its client reads the answer.
const maxFields = 100

// share answers requests as long as their address has not asked for too much.
func (c *connections) share(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		addr, weight := c.proxies.Client(r), 1
		if strings.HasPrefix(r.URL.Path, "/api/qr/") {
			weight = drawing
		}
		if wait := c.addresses.Request(addr, weight); wait > 0 {
			c.refused.Answer(w, refusal.Error{Reason: refusal.RequestRate, RetryAfter: wait})
			return
		}
		fields := 0
		for _, values := range r.Header {
			fields += len(values)
		}
		if fields > maxFields {
			c.refused.Answer(w, refusal.Error{Reason: refusal.TooManyFields, Detail: maxFields})
			return
		}
		next.ServeHTTP(w, r)
		if r.Method == http.MethodHead {
			return
		}
		if length, err := strconv.Atoi(w.Header().Get("Content-Length")); err == nil { // all that is large says it
			c.addresses.Answered(addr, length)
		}
	})
}

// drawing is how much more work a QR code is than a page.
const drawing = 8

func peer(conn net.Conn) netip.Addr {
	addr, ok := conn.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return netip.Addr{} // they count as one
	}
	return addr.AddrPort().Addr().Unmap()
}

// loud is a listener that says when it cannot take connections, once a minute:
// nobody else would notice that a server stands still for want of files. The
// HTTP server tries again by itself.
type loud struct {
	net.Listener
	log  *slog.Logger
	once *rate.Sometimes
}

func (l loud) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil && !errors.Is(err, net.ErrClosed) {
		l.once.Do(func() {
			l.log.Warn("no connection can be taken; if files have run out, allow more (ulimit -n, LimitNOFILE) or lower -limit-connections", "err", err)
		})
	}
	return conn, err
}
