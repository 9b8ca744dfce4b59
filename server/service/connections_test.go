package service

import (
	"bytes"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/time/rate"

	"rollcall/server/limit"
)

// broken is a listener that has run out of files.
type broken struct{ net.Listener }

func (broken) Accept() (net.Conn, error) { return nil, syscall.EMFILE }

func TestThatNoConnectionCanBeTakenIsSaidOnce(t *testing.T) {
	var out bytes.Buffer
	l := loud{broken{}, slog.New(slog.NewTextHandler(&out, nil)), &rate.Sometimes{Interval: time.Minute}}
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
	watch := watchConnections(limit.New(limit.Options{Connections: 100}), proxies, slog.New(slog.DiscardHandler))
	arrive := func(addr string, n int) (kept []*fake) {
		for range n {
			c := &fake{addr: addr}
			watch(c, http.StateNew)
			if c.closed {
				watch(c, http.StateClosed)
			} else {
				kept = append(kept, c)
			}
		}
		return kept
	}
	one := arrive("192.0.2.1:1", 1000)
	if len(one) != 82 { // half of 100, and of 64 to spare
		t.Errorf("one address keeps %d", len(one))
	}
	if got := len(arrive("192.0.2.9:1", 60)); got != 60 {
		t.Errorf("a proxy keeps %d of 60", got)
	}
	watch(one[0], http.StateClosed)
	watch(one[1], http.StateHijacked) // is counted as a WebSocket from now on
	if got := len(arrive("192.0.2.2:1", 5)); got != 5 {
		t.Errorf("another address keeps %d of 5", got)
	}
}
