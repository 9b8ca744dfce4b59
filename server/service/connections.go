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
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"rollcall/server/limit"
	"rollcall/server/refusal"
)

// connections counts connections of plain HTTP, and closes those that are more than their
// address may have: each takes one of the files that this program may open, and a
// WebSocket needs one too. A proxy may have more, since many clients are behind it. When
// there are many connections, idle ones are closed first: browsers keep several for
// minutes without a request.
type connections struct {
	addresses *limit.Addresses
	proxies   limit.Proxies
	log       *slog.Logger
	refused   refusal.Observer
	warned    rate.Sometimes
	open      atomic.Int64

	mu       sync.Mutex             // guards what follows
	idle     map[net.Conn]time.Time // since when a connection has no request
	lastScan time.Time              // when idle was scanned last
}

// minIdle is how long a connection must be idle before it is closed because there are
// many.
const minIdle = time.Second

func newConnections(addresses *limit.Addresses, proxies limit.Proxies, log *slog.Logger, refused refusal.Observer) *connections {
	return &connections{
		addresses: addresses, proxies: proxies, log: log, refused: refused,
		warned: rate.Sometimes{Interval: time.Minute},
		idle:   make(map[net.Conn]time.Time),
	}
}

// connState is http.Server's ConnState. A connection that becomes a WebSocket is
// counted by package ws from then on.
func (c *connections) connState(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	switch state {
	case http.StateNew, http.StateIdle:
		c.idle[conn] = time.Now()
	default:
		delete(c.idle, conn)
	}
	c.mu.Unlock()
	switch state {
	case http.StateNew:
		c.open.Add(1)
		addr := peer(conn)
		ok, short := c.addresses.OpenPlain(addr, c.proxies.Has(addr))
		if short && c.closeIdle() {
			ok = true // there is space in a moment
		}
		if !ok {
			c.refused.Observe(refusal.PlainFull)
			c.warned.Do(func() {
				c.log.Warn("connections are refused: all, or all that one address may have, are taken")
			})
			conn.Close()
		}
	case http.StateHijacked, http.StateClosed:
		c.open.Add(-1)
		c.addresses.ClosePlain(peer(conn))
	}
}

// count returns how many connections are open.
func (c *connections) count() int { return int(c.open.Load()) }

// closeIdle closes idle connections. It reports whether there was one.
func (c *connections) closeIdle() bool {
	idle := c.takeIdle(time.Now())
	for _, conn := range idle {
		conn.Close()
		c.refused.Observe(refusal.PlainQuiet)
	}
	return len(idle) > 0
}

// takeIdle returns the connections to close, and removes them from idle.
func (c *connections) takeIdle(now time.Time) (idle []net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now.Sub(c.lastScan) < minIdle/10 {
		return nil // to look at all of them for every new one would cost too much
	}
	c.lastScan = now
	for conn, since := range c.idle {
		if now.Sub(since) >= minIdle {
			delete(c.idle, conn)
			idle = append(idle, conn)
		}
	}
	return idle
}

// maxFields is how many header fields a request may have: several times what a browser
// sends. A field can take twenty times its bytes in memory, as long as the client reads
// the answer.
const maxFields = 100

// limitRequests refuses requests whose address has asked for too much, and passes on the
// others.
func (c *connections) limitRequests(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		addr, weight := c.proxies.Client(r), 1
		if strings.HasPrefix(r.URL.Path, "/api/qr/") {
			weight = qrWeight
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
		if length, err := strconv.Atoi(w.Header().Get("Content-Length")); err == nil { // every large answer has it
			c.addresses.ChargeResponse(addr, length)
		}
	})
}

// qrWeight is as how many requests a QR code counts.
const qrWeight = 8

func peer(conn net.Conn) netip.Addr {
	addr, ok := conn.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return netip.Addr{} // all such connections count as one address
	}
	return addr.AddrPort().Addr().Unmap()
}

// loggingListener is a listener that logs, at most once a minute, that it cannot accept
// connections: otherwise nobody would notice that the server has no files left. The HTTP
// server tries again by itself.
type loggingListener struct {
	net.Listener
	log  *slog.Logger
	once *rate.Sometimes
}

func (l loggingListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil && !errors.Is(err, net.ErrClosed) {
		l.once.Do(func() {
			l.log.Warn("no connection can be taken; if files have run out, allow more (ulimit -n, LimitNOFILE) or lower -limit-connections", "err", err)
		})
	}
	return conn, err
}
