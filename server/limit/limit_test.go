package limit

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

var (
	here  = netip.MustParseAddr("192.0.2.1")
	there = netip.MustParseAddr("192.0.2.2")
)

// open opens so many sockets, and returns those that it got.
func (a *Addresses) open(addr netip.Addr, n int) (shares []*Share) {
	for range n {
		share, err := a.Open(addr)
		if err != nil {
			break
		}
		shares = append(shares, share)
	}
	return shares
}

func address(i int) netip.Addr { return netip.AddrFrom4([4]byte{198, 51, 100, byte(i)}) }

func TestSocketsOfOneAddressAreCounted(t *testing.T) {
	a := New(Options{Sockets: 2})
	held := a.open(here, 5)
	if _, err := a.Open(here); len(held) != 2 || !errors.Is(err, ErrShare) {
		t.Errorf("got %d, and then %v", len(held), err)
	}
	if _, err := a.Open(there); err != nil {
		t.Error("another address has to suffer for it")
	}
	held[0].Close()
	if got := a.open(here, 5); len(got) != 1 {
		t.Errorf("got %d for one that was closed", len(got))
	}
}

func TestOneAddressGetsHalfOfTheConnectionsAndHoweverManyTakeSomeAreLeft(t *testing.T) {
	a := New(Options{Connections: 1000})
	if got := len(a.open(here, 1000)); got != 500 {
		t.Errorf("one address has %d of 1,000", got)
	}
	for i := range 5 {
		a.open(address(i), 1000)
	}
	if got := len(a.open(there, 1000)); got != 15 {
		t.Errorf("another one gets %d, not a 64th", got)
	}
	for i := range 200 { // until all are taken, each can have one
		a.open(address(i), 1)
	}
	if _, err := a.Open(netip.MustParseAddr("203.0.113.1")); !errors.Is(err, ErrFull) {
		t.Errorf("of a server without any left: %v", err)
	}
}

func TestAllOfASiteAreNotManyWhoHoldLittle(t *testing.T) {
	a := New(Options{Connections: 1000})
	for i := range 256 { // what a site of IPv6 can make up
		a.open(netip.MustParseAddr(fmt.Sprintf("2001:db8:0:%02x00::1", i)), 1000)
	}
	if got := len(a.open(here, 1000)); got != 15 {
		t.Errorf("another one gets %d, not a 64th", got)
	}
	for range 2 {
		a.open(netip.MustParseAddr("2001:db8:1::1"), 1)
	}
	a.Forget()
	if len(a.sites) != 2 {
		t.Errorf("%d sites are known", len(a.sites))
	}
}

// plain has so many connections of plain HTTP arrive, and counts those that may.
func (a *Addresses) plainly(addr netip.Addr, many bool, n int) (ok int) {
	for range n {
		if may, _ := a.OpenPlain(addr, many); may {
			ok++
		} else {
			a.ClosePlain(addr)
		}
	}
	return ok
}

func TestPlainConnectionsAreSharedToo(t *testing.T) {
	const all = 200
	a := New(Options{Connections: all})
	if got := a.plainly(here, false, 1000); got != (all+Spare)/2 {
		t.Errorf("one address has %d of %d", got, all)
	}
	if got := len(a.open(here, 5)); got != 5 {
		t.Errorf("it gets %d sockets of 5", got)
	}
	if got := a.plainly(there, false, 5); got != 5 {
		t.Errorf("another one gets %d of 5", got)
	}
	left := all + Spare - (all+Spare)/2 - 2*5
	if got := a.plainly(address(1), true, 1000); got != left {
		t.Errorf("a proxy, behind which many stand, gets %d of the %d that are left", got, left)
	}
}

func TestConnectionsBecomeScarceBeforeTheyAreRefused(t *testing.T) {
	a := New(Options{Connections: 200})
	for i := range 1000 {
		ok, short := a.OpenPlain(address(i%50), false)
		if short && i < 66 {
			t.Fatalf("after %d", i)
		}
		if short {
			return
		}
		if !ok {
			t.Fatalf("connection %d is refused", i)
		}
	}
}

func TestSomePlainConnectionsCanBeMadeWhenAllSocketsAreTaken(t *testing.T) {
	a := New(Options{Connections: 2})
	a.open(here, 1)
	a.open(there, 1)
	if _, err := a.Open(address(1)); !errors.Is(err, ErrFull) {
		t.Errorf("got %v", err)
	}
	if got := a.plainly(address(1), false, 10); got != 10 {
		t.Errorf("%d could be told that the server is full", got)
	}
}

func TestRequestsCountByWhatTheyCost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := New(Options{JoinsPerMinute: 60})
		const burst = 60 * requestsPerJoin
		for range burst {
			if wait := a.Request(here, 1); wait != 0 {
				t.Fatalf("told to wait %v", wait)
			}
		}
		a.ChargeResponse(here, 30*requestBytes)
		if wait := a.Request(here, 1); wait < time.Second || wait > 30*time.Second {
			t.Errorf("told to wait %v", wait)
		}
		if a.Request(there, 1) != 0 {
			t.Error("another address has to suffer for it")
		}
		time.Sleep(a.Request(here, 1))
		if wait := a.Request(here, 1); wait != 0 {
			t.Errorf("still %v", wait)
		}
	})
}

func TestJoinsComeBackWithTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := New(Options{JoinsPerMinute: 60})
		share, other := a.open(here, 1)[0], a.open(there, 1)[0]
		for i := range 60 {
			if wait := share.Join(); wait != 0 {
				t.Fatalf("join %d has to wait %v", i+1, wait)
			}
		}
		for range 3 { // those that are refused do not count
			if wait := share.Join(); wait != time.Second {
				t.Errorf("told to wait %v", wait)
			}
		}
		if other.Join() != 0 {
			t.Error("another address has to suffer for it")
		}
		time.Sleep(time.Second)
		if share.Join() != 0 || share.Join() == 0 {
			t.Error("a second brings one join, not none and not two")
		}
	})
}

func TestAnAddressConnectsTwiceAsOftenAsItJoins(t *testing.T) {
	a := New(Options{JoinsPerMinute: 60})
	share := a.open(here, 1)[0]
	for i := range 120 {
		if wait := share.Upgrade(); wait != 0 {
			t.Fatalf("attempt %d has to wait %v", i+1, wait)
		}
	}
	for range 3 {
		if look, wait := share.MayUpgrade(), share.Upgrade(); wait == 0 || look <= 0 || look > time.Second {
			t.Errorf("has to wait %v, and is told %v", wait, look)
		}
	}
}

func TestWhatCostsTooMuchIsOwed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := New(Options{BytesPerSecond: 1000})
		share, other := a.open(here, 1)[0], a.open(there, 1)[0]
		share.Charge(1000 * burstSeconds)
		if wait := share.Debt(); wait != 0 {
			t.Errorf("after a burst that may be, %v", wait)
		}
		share.Charge(5000)
		if wait := share.Debt().Round(time.Millisecond); wait != 5*time.Second {
			t.Errorf("told to wait %v", wait)
		}
		if other.Debt() != 0 {
			t.Error("another address has to suffer for it")
		}
		time.Sleep(5*time.Second + time.Millisecond)
		if wait := share.Debt(); wait != 0 {
			t.Errorf("still %v", wait)
		}
		for range 100 {
			share.Charge(1 << 30)
		}
		if wait := share.Debt(); wait > 2*burstSeconds*time.Second {
			t.Errorf("whatever it was, nobody should wait %v", wait)
		}
	})
}

func TestWhoSentTooMuchWaitsAndOthersOfTheAddressDoNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := New(Options{})
		share := a.open(here, 1)[0]
		bad, good, none := [16]byte{1}, [16]byte{2}, [16]byte{}
		share.Bar(bad, 5*time.Second)
		if share.Barred(bad, true) != 5*time.Second || share.Barred(none, false) != 5*time.Second || share.Barred(good, true) != 0 {
			t.Errorf("%v, without a session %v, others %v", share.Barred(bad, true), share.Barred(none, false), share.Barred(good, true))
		}
		share.Close()
		if a.Forget(); len(a.shares) != 1 {
			t.Error("it is forgotten that somebody has to wait")
		}
		time.Sleep(5 * time.Second)
		if share.Barred(bad, true) != 0 || share.Barred(none, false) != 0 {
			t.Error("for ever")
		}
		share.Bar(good, time.Second)
		if len(share.barred) != 1 {
			t.Errorf("%d are remembered, one has to wait", len(share.barred))
		}
	})
}

func TestAnyNumberOfAddressesLeavesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := New(Options{Connections: 100, JoinsPerMinute: 3000, BytesPerSecond: 4 << 20})
		held := a.open(here, 1)
		bad := [16]byte{1}
		held[0].Bar(bad, time.Hour)
		most := 0
		for i := range 20_000 {
			time.Sleep(100 * time.Microsecond)
			addr := netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, byte(i >> 16), byte(i >> 8), byte(i)})
			if wait := a.Request(addr, 1); wait > 0 {
				t.Fatalf("address %d has to wait %v", i, wait)
			}
			if ok, _ := a.OpenPlain(addr, false); ok {
				a.ClosePlain(addr)
			}
			most = max(most, len(a.shares), len(a.sites))
		}
		if most > minForgetAt {
			t.Errorf("%d addresses are known", most)
		}
		if held[0].Close(); a.sockets != 0 || a.shares[network(here, addressBits)] != held[0] || held[0].Barred(bad, true) == 0 {
			t.Error("what one holds, or has to wait for, is forgotten")
		}
	})
}

func TestNoughtMeansNoLimit(t *testing.T) {
	a := New(Options{})
	var shares []*Share
	for range 10_000 {
		share, err := a.Open(here)
		if err != nil || share.Join() != 0 || share.Upgrade() != 0 || share.MayUpgrade() != 0 || a.Request(here, 1) != 0 || a.plainly(here, false, 1) != 1 {
			t.Fatal("refused")
		}
		if share.Charge(1 << 30); share.Debt() != 0 {
			t.Fatal("in debt")
		}
		shares = append(shares, share)
	}
	for _, share := range shares {
		share.Close()
		a.ClosePlain(here)
	}
	a.Forget()
	if len(a.shares) != 0 {
		t.Errorf("%d addresses are kept for nothing", len(a.shares))
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
		{"2001:db8::1", "2001:db8:0:1::1", true},
		{"2001:db8::1", "2001:db8:0:100::1", false},
		{"fe80::1%eth0", "fe80::1", true},
	} {
		a := New(Options{})
		first, second := a.open(netip.MustParseAddr(c.a), 1)[0], a.open(netip.MustParseAddr(c.b), 1)[0]
		if same := first == second; same != c.same || same != (first.Source() == second.Source()) {
			t.Errorf("%s and %s are one: %v, by name %q and %q", c.a, c.b, same, first.Source(), second.Source())
		}
	}
	a := New(Options{Sockets: 1})
	if got := len(a.open(netip.Addr{}, 2)); got != 1 {
		t.Errorf("those without an address count as %d", got)
	}
}

func TestAddressesAreForgottenWhenNothingDependsOnThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := New(Options{Sockets: 5, JoinsPerMinute: 60, BytesPerSecond: 100})
		kept := a.open(here, 1)[0]
		joined := a.open(there, 1)[0]
		joined.Join()
		joined.Close()
		cost := a.open(address(1), 1)[0]
		cost.Charge(200)
		cost.Close()
		a.OpenPlain(address(2), false)
		remembers := func(want int) {
			t.Helper()
			if a.Forget(); len(a.shares) != want {
				t.Errorf("%d addresses, want %d", len(a.shares), want)
			}
		}
		remembers(4)
		time.Sleep(time.Second)
		remembers(3)
		time.Sleep(time.Second)
		remembers(2)
		kept.Close()
		a.ClosePlain(address(2))
		remembers(0)
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
		case ok && !proxies.Has(direct) && got != direct:
			t.Errorf("%v was believed by the word of %v", got, direct)
		case ok && got != direct && !strings.Contains(fmt.Sprint(forwarded), ":") && !strings.Contains(forwarded, got.String()):
			t.Errorf("%v does not stand in %q", got, forwarded)
		}
	})
}

func TestAnAddressTakesNoMoreThanItsBound(t *testing.T) {
	const n = 5000
	heap := func() int {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int(m.HeapAlloc)
	}
	a := New(Options{JoinsPerMinute: 1, BytesPerSecond: 1})
	before := heap()
	for i := range 2*n - 1 { // the first half hold a connection, the others are in debt only
		addr := netip.AddrFrom16([16]byte{0x20, 1, byte(i >> 16), byte(i >> 8), byte(i)})
		share, err := a.Open(addr)
		if err != nil {
			t.Fatal(err)
		}
		share.Charge(100)
		for who := range 2 {
			share.Bar([16]byte{byte(who)}, time.Minute)
		}
		if i >= n {
			share.Close()
		}
	}
	took, most := (heap()-before)/n, AddressSize()
	t.Logf("an address takes %d of %d", took, most)
	if took > most || took < most/2 {
		t.Errorf("an address takes %d bytes; the most are %d", took, most)
	}
	runtime.KeepAlive(a)
}
