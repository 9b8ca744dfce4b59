package cluster

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	natsd "github.com/nats-io/nats-server/v2/server"
	natsc "github.com/nats-io/nats.go"

	"rollcall/server/hub"
	"rollcall/shared/event"
)

// startNATS starts a real NATS server, on a free port unless it is given one. Routes are
// the addresses of other servers of its cluster.
func startNATS(t testing.TB, port int, routes ...string) *natsd.Server {
	t.Helper()
	o := &natsd.Options{Host: "127.0.0.1", Port: port, NoLog: true, NoSigs: true, MaxPayload: 64 << 10}
	if port == 0 {
		o.Port = -1
	}
	o.Cluster = natsd.ClusterOpts{Name: "test", Host: "127.0.0.1", Port: -1}
	if len(routes) > 0 {
		o.Routes = natsd.RoutesFromStr(strings.Join(routes, ","))
	}
	return runNATS(t, o)
}

func runNATS(t testing.TB, o *natsd.Options) *natsd.Server {
	t.Helper()
	s, err := natsd.NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	if !s.ReadyForConnections(10 * time.Second) {
		t.Fatal("NATS does not start")
	}
	t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	return s
}

// overNATS starts a server without sockets, over a real NATS. It ends with the test.
func overNATS(t testing.TB, url, name string, run int64) (*hub.Hub, *Node) {
	t.Helper()
	h, node, end := startOverNATS(t, url, name, run)
	t.Cleanup(end)
	return h, node
}

// startOverNATS is overNATS, and returns how to end it.
func startOverNATS(t testing.TB, url, name string, run int64) (h *hub.Hub, node *Node, end func()) {
	t.Helper()
	node, err := Start(t.Context(), Options{
		NATS: NATSOptions{URLs: url}, Prefix: "test", Name: name, Run: run,
		Secret: []byte(testSecret), Log: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	if err != nil {
		t.Fatal(err)
	}
	h = hub.New(hub.Options{Linger: 2 * time.Second, Grace: 15 * time.Second, Tick: 100 * time.Millisecond, Cluster: node, Owner: node.Owner()})
	return h, node, func() {
		h.Close()
		node.Close()
	}
}

func enter(t *testing.T, h *hub.Hub, room, name string) {
	t.Helper()
	if _, err := h.Join(room, hub.Person{ID: name, Profile: event.Named(name)}, deaf{}); err != nil {
		t.Fatal(err)
	}
}

// eventually waits until a room is so on all servers.
func eventually(t *testing.T, room string, want []string, hubs ...*hub.Hub) {
	t.Helper()
	var got []string
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) { // polls
		same := true
		for _, h := range hubs {
			r, _ := h.Room(room)
			got = nil
			for _, u := range r.Users {
				got = append(got, u.Name)
				same = same && u.Link == event.LinkOnline
			}
			same = same && slices.Equal(got, want)
		}
		if same {
			return
		}
	}
	t.Fatalf("the room has %q, want %q", got, want)
}

func TestServersShareARoomOverNATS(t *testing.T) {
	nats := startNATS(t, 0)
	one, _ := overNATS(t, nats.ClientURL(), "one", 1)
	two, _ := overNATS(t, nats.ClientURL(), "two", 2)
	began := time.Now()
	enter(t, one, "a", "Ana")
	if waited := time.Since(began); waited > openTimeout/2 {
		t.Errorf("waited %v, though nobody else has the room", waited)
	}
	enter(t, two, "a", "Ben")
	eventually(t, "a", []string{"Ana", "Ben"}, one, two)
}

func TestTwoServersOverANATSClusterThatOpenARoomAtOnceFindEachOther(t *testing.T) {
	first := startNATS(t, 0)
	second := startNATS(t, 0, "nats-route://"+first.ClusterAddr().String())
	one, _ := overNATS(t, first.ClientURL(), "one", 1)
	two, _ := overNATS(t, second.ClientURL(), "two", 2)
	for i := range 5 {
		room := fmt.Sprint("room-", i)
		done := make(chan bool)
		go func() {
			enter(t, one, room, "Ana")
			done <- true
		}()
		enter(t, two, room, "Ben")
		<-done
	}
	for i := range 5 {
		room := fmt.Sprint("room-", i)
		var names []string
		for deadline := time.Now().Add(10 * time.Second); len(names) < 2 && time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) { // polls
			names = nil
			r, _ := one.Room(room)
			for _, u := range r.Users {
				names = append(names, u.Name)
			}
		}
		eventually(t, room, names, one, two)
		if len(names) != 2 {
			t.Errorf("%s has %q", room, names)
		}
	}
}

func TestASliceThatIsLargerThanAMessageOfNATSTravelsInPages(t *testing.T) {
	nats := startNATS(t, 0)
	one, _ := overNATS(t, nats.ClientURL(), "one", 1)
	two, _ := overNATS(t, nats.ClientURL(), "two", 2)
	const n = 2_000
	for i := range n {
		enter(t, one, "a", fmt.Sprint("user ", i))
	}
	enter(t, two, "a", "Ben")
	var r, s hub.Snapshot
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) { // polls
		r, _ = one.Room("a")
		if s, _ = two.Room("a"); r.Count == n+1 && r.Hash == s.Hash {
			return
		}
	}
	t.Errorf("the servers have %d and %d users", r.Count, s.Count)
}

func TestNATSStartsAgainAndHasLostEverything(t *testing.T) {
	nats := startNATS(t, 0)
	port := nats.Addr().(*net.TCPAddr).Port
	one, _ := overNATS(t, nats.ClientURL(), "one", 1)
	two, _ := overNATS(t, nats.ClientURL(), "two", 2)
	enter(t, one, "a", "Ana")
	enter(t, two, "a", "Ben")
	eventually(t, "a", []string{"Ana", "Ben"}, one, two)
	nats.Shutdown()
	nats.WaitForShutdown()
	enter(t, two, "a", "Cyd")
	enter(t, one, "b", "Dan")
	startNATS(t, port)
	eventually(t, "a", []string{"Ana", "Ben", "Cyd"}, one, two)
	enter(t, two, "b", "Eve")
	eventually(t, "b", []string{"Dan", "Eve"}, one, two)
}

func TestAServerGoesOnUntilNATSCanBeReached(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	url := fmt.Sprint("nats://127.0.0.1:", port)
	one, _ := overNATS(t, url, "one", 1)
	two, _ := overNATS(t, url, "two", 2)
	enter(t, one, "a", "Ana")
	enter(t, two, "a", "Ben")
	startNATS(t, port)
	eventually(t, "a", []string{"Ana", "Ben"}, one, two)
}

func TestASettingThatNATSDoesNotTakeIsAnError(t *testing.T) {
	o := &natsd.Options{Host: "127.0.0.1", Port: -1, NoLog: true, NoSigs: true, Authorization: "token"}
	nats, err := natsd.NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	nats.Start()
	defer nats.Shutdown()
	if !nats.ReadyForConnections(10 * time.Second) {
		t.Fatal("NATS does not start")
	}
	for name, options := range map[string]NATSOptions{
		"no token":       {URLs: nats.ClientURL()},
		"no address":     {URLs: "nats://[::"},
		"no credentials": {URLs: nats.ClientURL(), Credentials: "/does/not/exist"},
		"no certificate": {URLs: nats.ClientURL(), CA: "/does/not/exist"},
	} {
		_, err := Start(context.Background(), Options{NATS: options, Name: "x", Secret: []byte(testSecret), Log: slog.New(slog.DiscardHandler)})
		if err == nil || !strings.Contains(err.Error(), "-nats") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAServerThatIsTooSlowForNATSAsksAgain(t *testing.T) {
	nats := startNATS(t, 0)
	one, _ := overNATS(t, nats.ClientURL(), "one", 1)
	two, node := overNATS(t, nats.ClientURL(), "two", 2)
	enter(t, one, "a", "Ana")
	enter(t, two, "a", "Ben")
	eventually(t, "a", []string{"Ana", "Ben"}, one, two)
	goOn := make(chan struct{})
	node.commands.add(func() { <-goOn })
	flood, err := natsc.Connect(nats.ClientURL())
	if err != nil {
		t.Fatal(err)
	}
	defer flood.Close()
	enter(t, one, "a", "Cyd") // which is not read before
	for range 2 * queueSize {
		flood.Publish("test.room.a", []byte("x"))
	}
	enter(t, one, "a", "Dan") // which is lost
	flood.Flush()
	for deadline := time.Now().Add(10 * time.Second); len(node.bus.(*natsBus).in) < queueSize && time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) { // polls
	}
	close(goOn)
	eventually(t, "a", []string{"Ana", "Ben", "Cyd", "Dan"}, one, two)
	for deadline := time.Now().Add(10 * time.Second); node.Counts().Lost.Load() == 0; time.Sleep(5 * time.Millisecond) { // the library tells it in its time
		if time.Now().After(deadline) {
			t.Fatal("that messages were lost is not counted")
		}
	}
}

func TestARoomThatEndsIsNotHeardOfAnyMore(t *testing.T) {
	nats := startNATS(t, 0)
	one, _ := overNATS(t, nats.ClientURL(), "one", 1)
	conn, err := one.Watch("a", hub.Visitor{}, deaf{})
	if err != nil {
		t.Fatal(err)
	}
	wait := func(want uint32) {
		t.Helper()
		for deadline := time.Now().Add(10 * time.Second); nats.NumSubscriptions() != want; time.Sleep(5 * time.Millisecond) { // polls
			if time.Now().After(deadline) {
				t.Fatalf("there are %d subscriptions, want %d", nats.NumSubscriptions(), want)
			}
		}
	}
	before := nats.NumSubscriptions()
	conn.Close(true)
	wait(before - 1)
}

// A server is asked once more before it has come to answer.
func TestASliceThatIsAskedForTwiceIsToldOnce(t *testing.T) {
	nats := startNATS(t, 0)
	one, node := overNATS(t, nats.ClientURL(), "one", 1)
	two, asking := overNATS(t, nats.ClientURL(), "two", 2)
	const people = 2000
	for i := range people {
		enter(t, one, "a", fmt.Sprint("user ", i))
	}
	var pages atomic.Int32
	reads, err := natsc.Connect(nats.ClientURL())
	if err != nil {
		t.Fatal(err)
	}
	defer reads.Close()
	if _, err := reads.Subscribe(asking.subjects.inbox(asking.owner, "a"), func(*natsc.Msg) { pages.Add(1) }); err != nil {
		t.Fatal(err)
	}
	if err := reads.Flush(); err != nil {
		t.Fatal(err)
	}
	goOn := make(chan struct{})
	node.commands.add(func() { <-goOn })
	time.AfterFunc(2*pollAfter, func() { close(goOn) }) // until it is asked by itself
	enter(t, two, "a", "Ana")
	if r, _ := two.Room("a"); r.Count != people+1 {
		t.Errorf("there are %d", r.Count)
	}
	time.Sleep(pollAfter) // for what would come then
	slice := paged(wholeSlice(node, "a"), node.bus.maxPayload()*3/4-maxHeader)
	if n := int(pages.Load()); n > len(slice)+1 {
		t.Errorf("%d messages came, and the slice has %d pages", n, len(slice))
	}
}

// wholeSlice returns what a server tells of a room.
func wholeSlice(n *Node, room string) hub.Slice {
	told := make(chan hub.Slice)
	n.commands.add(func() {
		s, _ := n.rooms[room].shared.Slice(0)
		told <- s
	})
	return <-told
}
