package limit

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

var (
	here  = netip.MustParseAddr("192.0.2.1")
	there = netip.MustParseAddr("192.0.2.2")
)

func TestSocketsOfOneAddressAreCounted(t *testing.T) {
	a := New(Options{Sockets: 2})
	for i, want := range []bool{true, true, false, false} {
		if got := a.Open(here); got != want {
			t.Errorf("socket %d: %v", i+1, got)
		}
	}
	if !a.Open(there) {
		t.Error("another address has to suffer for it")
	}
	a.Close(here)
	if !a.Open(here) || a.Open(here) {
		t.Error("a socket that was closed still counts, or twice not")
	}
}

func TestJoinsComeBackWithTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := New(Options{JoinsPerMinute: 60})
		for i := range 60 {
			if wait := a.Join(here); wait != 0 {
				t.Fatalf("join %d has to wait %v", i+1, wait)
			}
		}
		for range 3 { // those that are refused do not count
			if wait := a.Join(here); wait != time.Second {
				t.Errorf("told to wait %v", wait)
			}
		}
		if a.Join(there) != 0 {
			t.Error("another address has to suffer for it")
		}
		time.Sleep(time.Second)
		if a.Join(here) != 0 || a.Join(here) == 0 {
			t.Error("a second brings one join, not none and not two")
		}
	})
}

func TestNoughtMeansNoLimit(t *testing.T) {
	a := New(Options{})
	for range 10_000 {
		if !a.Open(here) || a.Join(here) != 0 {
			t.Fatal("refused")
		}
	}
	a.Close(here)
	a.Forget()
	if len(a.use) != 0 {
		t.Errorf("%d addresses are kept for nothing", len(a.use))
	}
}

func TestWhatIsOneAddress(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"192.0.2.1", "192.0.2.1", true},
		{"192.0.2.1", "192.0.2.2", false},
		{"192.0.2.1", "::ffff:192.0.2.1", true},
		{"2001:db8::1", "2001:db8::ffff:ffff", true},
		{"2001:db8::1", "2001:db8:0:1::1", false},
		{"fe80::1%eth0", "fe80::1", true},
	} {
		a := New(Options{Sockets: 1})
		a.Open(netip.MustParseAddr(c.a))
		if refused := !a.Open(netip.MustParseAddr(c.b)); refused != c.same {
			t.Errorf("%s and %s are one: %v", c.a, c.b, refused)
		}
	}
	a := New(Options{Sockets: 1})
	if !a.Open(netip.Addr{}) || a.Open(netip.Addr{}) {
		t.Error("those without an address do not count as one")
	}
}

func TestAddressesAreForgottenWhenNothingDependsOnThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := New(Options{Sockets: 5, JoinsPerMinute: 60})
		a.Open(here)
		a.Open(there)
		a.Join(there)
		a.Close(there)
		if a.Forget(); len(a.use) != 2 {
			t.Errorf("%d addresses, one is connected and one has joined just now", len(a.use))
		}
		time.Sleep(time.Second)
		if a.Forget(); len(a.use) != 1 {
			t.Errorf("%d addresses, one is connected", len(a.use))
		}
		a.Close(here)
		if a.Forget(); len(a.use) != 0 {
			t.Errorf("%d addresses are kept for nothing", len(a.use))
		}
	})
}

func TestWhoAsks(t *testing.T) {
	proxies, err := ParseProxies(" 127.0.0.1, 10.0.0.0/8,, 2001:db8::/32, fe80::1%eth0, ::ffff:172.16.0.0/108 ")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		remote    string
		forwarded []string
		want      string
	}{
		{"192.0.2.1:5000", nil, "192.0.2.1"},
		{"[2001:db9::1]:5000", nil, "2001:db9::1"},
		{"192.0.2.1:5000", []string{"198.51.100.7"}, "192.0.2.1"}, // no proxy of ours
		{"127.0.0.1:5000", nil, "127.0.0.1"},
		{"127.0.0.1:5000", []string{"198.51.100.7"}, "198.51.100.7"},
		{"127.0.0.1:5000", []string{"203.0.113.9, 198.51.100.7"}, "198.51.100.7"}, // the first is anybody's word
		{"127.0.0.1:5000", []string{"203.0.113.9", "198.51.100.7,10.1.2.3"}, "198.51.100.7"},
		{"127.0.0.1:5000", []string{"10.1.2.3, 10.1.2.4"}, "10.1.2.3"},
		{"127.0.0.1:5000", []string{"198.51.100.7:1234"}, "198.51.100.7"},
		{"127.0.0.1:5000", []string{"[2001:db9::1]"}, "2001:db9::1"},
		{"127.0.0.1:5000", []string{"2001:db9::1, 2001:db8::9"}, "2001:db9::1"},
		{"127.0.0.1:5000", []string{"198.51.100.7, unknown"}, "127.0.0.1"},
		{"[::ffff:127.0.0.1]:5000", []string{"198.51.100.7"}, "198.51.100.7"},
		{"[fe80::1%eth0]:5000", []string{"198.51.100.7"}, "198.51.100.7"},
		{"[fe80::2%eth0]:5000", []string{"198.51.100.7"}, "fe80::2%eth0"},
		{"172.16.1.1:5000", []string{"198.51.100.7"}, "198.51.100.7"},
		{"pipe", []string{"198.51.100.7"}, "invalid IP"},
	} {
		r := httptest.NewRequest("GET", "/ws", nil)
		r.RemoteAddr = c.remote
		r.Header["X-Forwarded-For"] = c.forwarded
		if got := proxies.Client(r); got.String() != c.want {
			t.Errorf("from %s for %q: %v, want %s", c.remote, c.forwarded, got, c.want)
		}
	}
	if _, err := ParseProxies("10.0.0.0/8,proxy.example"); err == nil || !strings.Contains(err.Error(), "proxy.example") {
		t.Errorf("error is %v", err)
	}
}

func FuzzForwarded(f *testing.F) {
	proxies, err := ParseProxies("127.0.0.1,10.0.0.0/8")
	if err != nil {
		f.Fatal(err)
	}
	f.Add("127.0.0.1:1", "198.51.100.7, 10.0.0.1")
	f.Add("[::1]:1", "[2001:db8::1]:80")
	f.Add("10.1.1.1:9", ",,fe80::1%x")
	f.Fuzz(func(t *testing.T, remote, forwarded string) {
		r := &http.Request{RemoteAddr: remote, Header: http.Header{"X-Forwarded-For": {forwarded}}}
		got := proxies.Client(r)
		direct, ok := parseAddr(remote)
		switch {
		case !ok && got.IsValid():
			t.Errorf("%v out of nothing", got)
		case ok && !proxies.has(direct) && got != direct:
			t.Errorf("%v was believed by the word of %v", got, direct)
		case ok && got != direct && !strings.Contains(fmt.Sprint(forwarded), ":") && !strings.Contains(forwarded, got.String()):
			t.Errorf("%v does not stand in %q", got, forwarded)
		}
	})
}
