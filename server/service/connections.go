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

	mu         sync.Mutex             // guards what follows
	idle       map[net.Conn]time.Time // nothing is asked on them, since when
	lastClosed time.Time              // when that was last looked at
}

// minIdle is how long a connection may be quiet that is ended when there are many.
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
		addr := peer(conn)
		ok, short := c.addresses.OpenPlain(addr, c.proxies.Has(addr))
		if short && c.closeIdle() {
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
		c.addresses.ClosePlain(peer(conn))
	}
}

// closeIdle reports whether there was any to end.
func (c *connections) closeIdle() bool {
	quiet := c.takeIdle(time.Now())
	for _, conn := range quiet {
		conn.Close()
		c.refused.Observe(refusal.PlainQuiet)
	}
	return len(quiet) > 0
}

// takeIdle returns those to end, and forgets them.
func (c *connections) takeIdle(now time.Time) (quiet []net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now.Sub(c.lastClosed) < minIdle/10 {
		return nil // to look at all of them for each new one would cost too much
	}
	c.lastClosed = now
	for conn, since := range c.idle {
		if now.Sub(since) >= minIdle {
			delete(c.idle, conn)
			quiet = append(quiet, conn)
		}
	}
	return quiet
}

// maxFields is how many header fields a request may have: several times as many as a
// browser sends. One takes up to twenty times its bytes in memory, and the request is there
// as long as its client reads the answer.
const maxFields = 100

// limitRequests answers requests as long as their address has not asked for too much.
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
		if length, err := strconv.Atoi(w.Header().Get("Content-Length")); err == nil { // all that is large says it
			c.addresses.ChargeResponse(addr, length)
		}
	})
}

// qrWeight is how much more work a QR code is than a page.
const qrWeight = 8

func peer(conn net.Conn) netip.Addr {
	addr, ok := conn.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return netip.Addr{} // they count as one
	}
	return addr.AddrPort().Addr().Unmap()
}

// loggingListener is a listener that says when it cannot take connections, once a minute:
// nobody else would notice that a server stands still for want of files. The
// HTTP server tries again by itself.
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
