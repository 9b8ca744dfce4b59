package service

import (
	"bytes"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/time/rate"

	"rollcall/server/limit"
	"rollcall/server/refusal"
)

// broken is a listener that has run out of files.
type broken struct{ net.Listener }

func (broken) Accept() (net.Conn, error) { return nil, syscall.EMFILE }

func TestThatNoConnectionCanBeTakenIsSaidOnce(t *testing.T) {
	var out bytes.Buffer
	l := loggingListener{broken{}, slog.New(slog.NewTextHandler(&out, nil)), &rate.Sometimes{Interval: time.Minute}}
	for range 100 {
		if _, err := l.Accept(); err == nil {
			t.Fatal("there is no error")
		}
	}
	if said := out.String(); strings.Count(said, "level=WARN") != 1 || !strings.Contains(said, "too many open files") {
		t.Errorf("said %q", said)
	}
}

// fake is a connection from an address.
type fake struct {
	net.Conn
	addr   string
	closed bool
}

func (f *fake) RemoteAddr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(f.addr))
}

func (f *fake) Close() error {
	f.closed = true
	return nil
}

func TestConnectionsBeyondTheShareOfAnAddressAreEndedAndAProxysAreNot(t *testing.T) {
	proxies, err := limit.ParseProxies("192.0.2.9")
	if err != nil {
		t.Fatal(err)
	}
	closed, observed := 0, 0
	observe := func(reason refusal.Reason) {
		if reason == refusal.PlainFull {
			observed++
		}
	}
	c := newConnections(limit.New(limit.Options{Connections: 100}), proxies, slog.New(slog.DiscardHandler), observe)
	arrive := func(addr string, n int) (kept []*fake) {
		for range n {
			conn := &fake{addr: addr}
			c.connState(conn, http.StateNew)
			if conn.closed {
				closed++
				c.connState(conn, http.StateClosed)
			} else {
				kept = append(kept, conn)
			}
		}
		return kept
	}
	one := arrive("192.0.2.1:1", 1000)
	if len(one) != 82 { // half of 100, and of 64 to spare
		t.Errorf("one address keeps %d", len(one))
	}
	if got := len(arrive("192.0.2.9:1", 70)); got != 70 {
		t.Errorf("a proxy keeps %d of 70", got)
	}
	if got := len(arrive("192.0.2.3:1", 70)); got != 2 {
		t.Errorf("of the last few another one keeps %d", got)
	}
	c.connState(one[0], http.StateClosed)
	c.connState(one[1], http.StateHijacked) // is counted as a WebSocket from now on
	if got := len(arrive("192.0.2.2:1", 2)); got != 2 {
		t.Errorf("another address keeps %d of 2", got)
	}
	if observed != closed {
		t.Errorf("of %d that were closed %d were observed", closed, observed)
	}
}

func TestConnectionsOnWhichNothingIsAskedMakeRoom(t *testing.T) {
	for name, states := range map[string][]http.ConnState{
		"that ask no more":        {http.StateActive, http.StateIdle},
		"that never have asked":   nil,
		"that are being answered": {http.StateActive},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var open []*fake
				refused, ended := 0, 0
				c := newConnections(limit.New(limit.Options{Connections: 100}), nil, slog.New(slog.DiscardHandler), func(reason refusal.Reason) {
					if reason == refusal.PlainQuiet {
						ended++
					}
				})
				for i := range 400 { // a school of pages
					time.Sleep(50 * time.Millisecond)
					conn := &fake{addr: fmt.Sprintf("198.51.100.%d:1", i%4)}
					c.connState(conn, http.StateNew)
					if conn.closed {
						refused++
					}
					for _, state := range states {
						c.connState(conn, state)
					}
					open = slices.DeleteFunc(append(open, conn), func(other *fake) bool {
						if other.closed { // as http.Server says of those that were ended
							c.connState(other, http.StateClosed)
						}
						return other.closed
					})
				}
				if busy := name == "that are being answered"; busy != (refused > 0) || busy != (ended == 0) {
					t.Errorf("%d of 400 are refused, and %d others ended", refused, ended)
				}
			})
		})
	}
}

func TestARequestHasOnlySoManyFields(t *testing.T) {
	var observed []refusal.Reason
	c := newConnections(limit.New(limit.Options{}), nil, slog.New(slog.DiscardHandler), func(reason refusal.Reason) { observed = append(observed, reason) })
	page := c.limitRequests(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {}))
	for fields, want := range map[int]int{maxFields: http.StatusOK, maxFields + 1: http.StatusRequestHeaderFieldsTooLarge} {
		r := httptest.NewRequest("GET", "/", nil)
		for i := range fields {
			r.Header.Add(fmt.Sprint("X-", i/2), "x")
		}
		w := httptest.NewRecorder()
		if page.ServeHTTP(w, r); w.Code != want {
			t.Errorf("%d fields are answered %d", fields, w.Code)
		}
	}
	if want := []refusal.Reason{refusal.TooManyFields}; !slices.Equal(observed, want) {
		t.Errorf("observed %v", observed)
	}
}

func TestWhoAsksForTooMuchIsToldToComeLater(t *testing.T) {
	addresses := limit.New(limit.Options{JoinsPerMinute: 4})
	var observed []refusal.Reason
	c := newConnections(addresses, nil, slog.New(slog.DiscardHandler), func(reason refusal.Reason) { observed = append(observed, reason) })
	page := c.limitRequests(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(1<<20))
	}))
	ask := func(from, path string) *httptest.ResponseRecorder {
		r := httptest.NewRequest("GET", path, nil)
		r.RemoteAddr = from
		w := httptest.NewRecorder()
		page.ServeHTTP(w, r)
		return w
	}
	count := func(from, path string) (n int) {
		for n < 1000 && ask(from, path).Code == http.StatusOK {
			n++
		}
		return n
	}
	if got := count("192.0.2.1:1", "/web/app.wasm"); got != 13 { // 60 for four visits, each of these 5
		t.Errorf("%d megabytes", got)
	}
	if got := count("192.0.2.2:1", "/api/qr/lobby"); got != 6 {
		t.Errorf("%d drawings", got)
	}
	if w := ask("192.0.2.1:1", "/"); w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") == "" {
		t.Errorf("answered %d, %v", w.Code, w.Header())
	}
	if w := ask("192.0.2.3:1", "/"); w.Code != http.StatusOK {
		t.Errorf("another address is answered %d", w.Code)
	}
	// Two ran into it, and one asked once more.
	if want := slices.Repeat([]refusal.Reason{refusal.RequestRate}, 3); !slices.Equal(observed, want) {
		t.Errorf("observed %v", observed)
	}
}
