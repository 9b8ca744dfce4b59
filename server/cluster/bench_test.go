package cluster

import (
	"crypto/rand"
	"fmt"
	"log/slog"
	"runtime"
	"testing"
	"time"

	natsd "github.com/nats-io/nats-server/v2/server"

	"rollcall/server/hub"
	"rollcall/shared/event"
)

// crowds are servers over a real NATS. The first one has n people in a room.
func crowds(b *testing.B, n, servers int) []*hub.Hub {
	b.Helper()
	nats := runNATS(b, &natsd.Options{Host: "127.0.0.1", Port: -1, NoLog: true, NoSigs: true})
	hubs := make([]*hub.Hub, servers)
	for i := range hubs {
		node, err := Start(b.Context(), Options{
			NATS: NATSOptions{URLs: nats.ClientURL()}, Prefix: "test", Name: fmt.Sprint("server ", i), Run: 1,
			Secret: []byte(testSecret), Log: slog.New(slog.DiscardHandler),
		})
		if err != nil {
			b.Fatal(err)
		}
		h := hub.New(hub.Options{Tick: 100 * time.Millisecond, Cluster: node, Owner: node.Owner()})
		b.Cleanup(func() {
			h.Close()
			node.Close()
		})
		hubs[i] = h
	}
	for i := range n {
		person := hub.Person{ID: fmt.Sprintf("%016d", i), Change: event.Named(fmt.Sprint("Person ", i)), Tab: rand.Text(), Visitor: hub.Visitor{Ref: 1}}
		if _, err := hubs[0].Join("crowd", person, stuck{}); err != nil {
			b.Fatal(err)
		}
	}
	return hubs
}

// stuck is a connection that takes nothing after the first frame.
type stuck struct{}

func (stuck) Send(*hub.Conn, hub.Frame) bool { return false }

// open has somebody join the room, who finds n there.
func open(b *testing.B, h *hub.Hub, n int) *hub.Conn {
	b.Helper()
	c, err := h.Join("crowd", hub.Person{ID: fmt.Sprint("Ana ", n), Profile: event.Named("Ana")}, stuck{})
	if err != nil {
		b.Fatal(err)
	}
	if r, _ := h.Room("crowd"); r.Count != n+1 {
		b.Fatalf("there are %d", r.Count)
	}
	return c
}

// BenchmarkOpening opens a room in which 10,000 are on another server.
func BenchmarkOpening(b *testing.B) {
	const n = 10_000
	opens := crowds(b, n, 2)[1]
	for b.Loop() {
		c := open(b, opens, n)
		b.StopTimer()
		c.Close(true)
		for {
			if _, there := opens.Room("crowd"); !there {
				break
			}
			time.Sleep(time.Millisecond) // it has still to tell the other server
		}
		b.StartTimer()
	}
}

// BenchmarkFrame opens the message that somebody has come.
func BenchmarkFrame(b *testing.B) {
	s, err := newSeal([]byte(testSecret))
	if err != nil {
		b.Fatal(err)
	}
	frame := event.Encode(event.NewUser{User: event.User{ID: "0123456789abcdef", Name: "Ana", Since: 1}}, event.Room{Seq: 1, Count: 1})
	m := s.seal("test.room.a", header{Kind: kindFrame, From: "server-0/1795801572313", Room: "room", Epoch: "ABCDEFGHIJKL"}, frame)
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := s.open("test.room.a", m); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkMemory says what a server keeps of each of 100,000 people who are on another
// one, and what that one keeps so that it can tell of them.
func BenchmarkMemory(b *testing.B) {
	const n = 100_000
	for b.Loop() {
		hubs := crowds(b, n, 3)
		alone := live()
		open(b, hubs[1], n)
		first := live()
		open(b, hubs[2], n+1)
		second := live()
		b.ReportMetric(float64(second-first)/n, "B/person")
		b.ReportMetric(float64(first-alone-(second-first))/n, "B/person-to-tell")
	}
}

// live returns how much memory is in use.
func live() int64 {
	var m runtime.MemStats
	for range 2 { // pools keep what they have for one more time
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
