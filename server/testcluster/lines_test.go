package testcluster

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
)

// soon is how long a test waits for what should come at once.
const soon = 5 * time.Second

// connect connects to NATS, until the test ends.
func connect(t *testing.T, url string) *nats.Conn {
	t.Helper()
	c, err := nats.Connect(url, nats.ReconnectWait(20*time.Millisecond), nats.MaxReconnects(-1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// subscribe subscribes to a subject, and returns when NATS knows.
func subscribe(t *testing.T, c *nats.Conn, subject string) *nats.Subscription {
	t.Helper()
	s, err := c.SubscribeSync(subject)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Flush(); err != nil {
		t.Fatal(err)
	}
	return s
}

func expect(t *testing.T, s *nats.Subscription, want string) {
	t.Helper()
	m, err := s.NextMsg(soon)
	if err != nil {
		t.Fatalf("waiting for %q: %v", want, err)
	}
	if string(m.Data) != want {
		t.Fatalf("got %q in place of %q", m.Data, want)
	}
}

func startNATSFor(t *testing.T) *NATS {
	t.Helper()
	n, err := StartNATS(0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Stop() })
	return n
}

func TestNATSComesBackAtTheSameAddress(t *testing.T) {
	n := startNATSFor(t)
	c := connect(t, n.URL())
	s := subscribe(t, c, "a")
	was := n.URL()
	if err := n.Stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := net.Dial("tcp", n.Addr()); err == nil {
		t.Error("it is still there")
	}
	eventually(t, soon, "the client notices", func() bool { return !c.IsConnected() })
	if err := n.Start(); err != nil {
		t.Fatal(err)
	}
	if n.URL() != was {
		t.Errorf("it is at %s, and was at %s", n.URL(), was)
	}
	eventually(t, soon, "the client comes back", c.IsConnected)
	if err := c.Publish("a", []byte("again")); err != nil {
		t.Fatal(err)
	}
	expect(t, s, "again")
}

func TestTwoNATSServersAreOne(t *testing.T) {
	pair, err := StartNATSPair()
	if err != nil {
		t.Fatal(err)
	}
	defer pair[0].Stop()
	defer pair[1].Stop()
	a, b := connect(t, pair[0].URL()), connect(t, pair[1].URL())
	s := subscribe(t, a, "a")
	// The other server hears of the subscription a moment later.
	for deadline := time.Now().Add(soon); ; {
		if err := b.Publish("a", []byte("over")); err != nil {
			t.Fatal(err)
		}
		if _, err := s.NextMsg(50 * time.Millisecond); err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("nothing comes over")
		}
	}
	if known := a.DiscoveredServers(); len(known) > 0 {
		t.Errorf("a client is told of %q, which is past its link", known)
	}
}

func TestALinkHasTheFaultThatItIsGiven(t *testing.T) {
	n := startNATSFor(t)
	link, err := NewLink(n.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer link.Close()
	direct, over := connect(t, n.URL()), connect(t, link.URL())
	from, to := subscribe(t, over, "from"), subscribe(t, direct, "to")
	say := func(c *nats.Conn, subject, what string) {
		t.Helper()
		if err := c.Publish(subject, []byte(what)); err != nil {
			t.Fatal(err)
		}
		c.FlushTimeout(50 * time.Millisecond) // which cannot succeed where nothing comes back
	}
	silent := func(s *nats.Subscription) {
		t.Helper()
		if m, err := s.NextMsg(100 * time.Millisecond); err == nil {
			t.Fatalf("%q comes through", m.Data)
		}
	}
	both := func(what string) {
		t.Helper()
		say(direct, "from", what)
		say(over, "to", what)
	}

	both("1")
	expect(t, from, "1")
	expect(t, to, "1")

	link.Set(Stalled)
	both("2")
	silent(from)
	silent(to)
	if !over.IsConnected() {
		t.Error("a line that hangs has closed")
	}
	link.Set(Fault{HoldFrom: true})
	expect(t, to, "2")
	both("3")
	expect(t, to, "3")
	silent(from)
	link.Set(Fault{HoldTo: true})
	expect(t, from, "2")
	expect(t, from, "3")
	both("4")
	expect(t, from, "4")
	silent(to)
	link.Heal()
	expect(t, to, "4")

	link.Set(Fault{Delay: 200 * time.Millisecond})
	began := time.Now()
	say(direct, "from", "5")
	expect(t, from, "5")
	if took := time.Since(began); took < 200*time.Millisecond {
		t.Errorf("a slow line takes %v", took)
	}

	link.Set(Fault{Cut: true})
	eventually(t, soon, "the cut ends the connection", func() bool { return !over.IsConnected() })
	if c, err := nats.Connect(link.URL()); err == nil {
		c.Close()
		t.Error("a new connection comes about")
	}
	link.Heal()
	eventually(t, soon, "the client comes back", over.IsConnected)
	if err := over.Flush(); err != nil {
		t.Fatal(err)
	}
	both("6")
	expect(t, from, "6")
	expect(t, to, "6")
}

// fakeServer answers with its name, and can be asked whether it is ready.
type fakeServer struct {
	*httptest.Server
	unready atomic.Bool
}

func startFake(t *testing.T, name string) *fakeServer {
	f := &fakeServer{}
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/readyz" && f.unready.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		io.WriteString(w, name)
	}))
	t.Cleanup(f.Close)
	return f
}

func TestABalancerGivesEachConnectionToTheNextServerThatIsReady(t *testing.T) {
	servers := []*fakeServer{startFake(t, "a"), startFake(t, "b"), startFake(t, "c")}
	var addrs []string
	for _, s := range servers {
		addrs = append(addrs, s.Listener.Addr().String())
	}
	b, err := NewBalancer("127.0.0.1:0", addrs)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	asking := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	ask := func() string {
		t.Helper()
		answer, err := asking.Get("http://" + b.Addr())
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		name, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(name)
	}
	some := func(n int) (names []string) {
		for range n {
			names = append(names, ask())
		}
		return names
	}
	until := func(want ...string) {
		t.Helper()
		var got []string
		for deadline := time.Now().Add(soon); time.Now().Before(deadline); {
			got = some(2 * len(servers))
			slices.Sort(got)
			if got = slices.Compact(got); slices.Equal(got, want) {
				return
			}
		}
		t.Fatalf("the servers are %q in place of %q", got, want)
	}
	if got := some(6); !slices.Equal(got, []string{"a", "b", "c", "a", "b", "c"}) {
		t.Errorf("the servers are %q", got)
	}
	b.LeaveOut(1, true)
	if got := some(4); !slices.Equal(got, []string{"a", "c", "a", "c"}) {
		t.Errorf("without b they are %q", got)
	}
	b.LeaveOut(1, false)
	servers[0].unready.Store(true)
	until("b", "c")
	servers[2].Close() // which no probe has seen yet, perhaps
	if got := some(4); !slices.Equal(got, []string{"b", "b", "b", "b"}) {
		t.Errorf("with b alone they are %q", got)
	}
	servers[0].unready.Store(false)
	until("a", "b")
	b.LeaveOut(0, true)
	b.LeaveOut(1, true)
	if answer, err := asking.Get("http://" + b.Addr()); err == nil {
		answer.Body.Close()
		t.Error("a connection comes about without any server")
	}
}

// What one end says last is heard by the other, which has still to say something.
func TestAProxyPassesHalfAGoodbye(t *testing.T) {
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	result := make(chan error, 1)
	go func() {
		c, err := other.Accept()
		if err != nil {
			result <- err
			return
		}
		defer c.Close()
		heard, err := io.ReadAll(c) // to the end
		if err == nil {
			_, err = fmt.Fprintf(c, "%s too\n", heard)
		}
		result <- err
	}()
	link, err := NewLink(other.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer link.Close()
	c, err := net.Dial("tcp", strings.TrimPrefix(link.URL(), "nats://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, "bye"); err != nil {
		t.Fatal(err)
	}
	c.(*net.TCPConn).CloseWrite()
	line, err := bufio.NewReader(c).ReadString('\n')
	if line != "bye too\n" || errors.Join(err, <-result) != nil {
		t.Errorf("heard %q, %v", line, err)
	}
}
