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

// crowds are two servers over a real NATS. The first one has n people in a room.
func crowds(b *testing.B, n int) (has, opens *hub.Hub) {
	b.Helper()
	nats := runNATS(b, &natsd.Options{Host: "127.0.0.1", Port: -1, NoLog: true, NoSigs: true})
	var hubs [2]*hub.Hub
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
	return hubs[0], hubs[1]
}

// stuck is a connection that takes nothing after the first frame.
type stuck struct{}

func (stuck) Send(*hub.Conn, hub.Frame) bool { return false }

// open has somebody join the room, and returns when the server has everybody.
func open(b *testing.B, h *hub.Hub, n int) *hub.Conn {
	b.Helper()
	c, err := h.Join("crowd", hub.Person{ID: "Ana", Profile: event.Named("Ana")}, stuck{})
	if err != nil {
		b.Fatal(err)
	}
	if r, _ := h.Room("crowd"); r.Count != n+1 {
		b.Fatalf("there are %d", r.Count)
	}
	return c
}

// BenchmarkOpening opens a room in which many are on another server, and says what memory
// each of them takes.
func BenchmarkOpening(b *testing.B) {
	for _, n := range []int{10_000, 100_000} {
		b.Run(fmt.Sprint("of ", n), func(b *testing.B) {
			_, opens := crowds(b, n)
			var taken int64
			opened := 0
			before := live()
			for b.Loop() {
				c := open(b, opens, n)
				b.StopTimer()
				taken += live() - before
				opened++
				c.Close(true)
				for {
					if _, there := opens.Room("crowd"); !there {
						break
					}
					time.Sleep(time.Millisecond) // it has still to tell the other server
				}
				before = live()
				b.StartTimer()
			}
			b.ReportMetric(float64(taken)/float64(opened*n), "B/person")
		})
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
