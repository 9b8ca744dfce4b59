package hub

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// TestEveryClientComesToTheTruth plays random people against a hub and checks
// that each client, from its frames alone, has the room's roster in the end.
// The watchers check every frame on the way.
func TestEveryClientComesToTheTruth(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		synctest.Test(t, func(t *testing.T) {
			h := New(Options{Linger: 2 * time.Second, Grace: 15 * time.Second})
			defer h.Close()
			var open []*watcher
			pick := func() int { return rapid.IntRange(0, len(open)-1).Draw(rt, "who") }
			for range rapid.IntRange(1, 60).Draw(rt, "steps") {
				switch step := rapid.IntRange(0, 6).Draw(rt, "step"); {
				case step <= 2 || len(open) == 0:
					p := person(fmt.Sprint("P", rapid.IntRange(0, 7).Draw(rt, "person")))
					p.Name += fmt.Sprint(rapid.IntRange(0, 1).Draw(rt, "name"))
					open = append(open, join(rt, h, "lobby", p))
				case step == 3:
					i := pick()
					open[i].conn.Close(rapid.Bool().Draw(rt, "clean"))
					open = append(open[:i], open[i+1:]...)
				case step == 4:
					open[pick()].conn.Leave()
				case step == 5:
					time.Sleep(time.Duration(rapid.IntRange(1, 16_000).Draw(rt, "ms")) * time.Millisecond)
					synctest.Wait()
				case step == 6:
					open[pick()].drain()
				}
				// Those who have left end, as the socket's writer ends them.
				kept := open[:0]
				for _, w := range open {
					if w.left {
						w.conn.Close(true)
					} else {
						kept = append(kept, w)
					}
				}
				open = kept
			}
			for _, w := range open {
				if w.drain(); !w.left {
					w.agree()
				}
				w.conn.Close(true)
			}
		})
	})
}

// agree compares a client's roster with the room's.
func (w *watcher) agree() {
	w.t.Helper()
	r := w.conn.room
	r.mu.Lock()
	defer r.mu.Unlock()
	if mine, truth := w.roster.State(), r.state(); mine != truth {
		w.t.Errorf("%s has %+v, the room %+v", w.conn.ID(), mine, truth)
	}
	if len(r.members) != r.roster.Len() {
		w.t.Errorf("%d members, %d on the roster", len(r.members), r.roster.Len())
	}
}

// TestManyAtOnce is for the race detector: joins, leaves and reads from many
// goroutines, in rooms that come and go.
func TestManyAtOnce(t *testing.T) {
	h := New(Options{Linger: time.Millisecond})
	var group sync.WaitGroup
	for i := range 32 {
		group.Go(func() {
			for n := range 50 {
				w := join(t, h, fmt.Sprint("room-", n%3), person(fmt.Sprint("P", i%20)))
				w.drain()
				if n%7 == 0 {
					w.conn.Leave()
				}
				w.drain()
				w.conn.Close(n%2 == 0)
			}
		})
	}
	group.Wait()
	h.Close()
}

func BenchmarkOneJoinSeenByMany(b *testing.B) {
	for _, n := range []int{1_000, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			h := New(Options{})
			conns := make([]*Conn, n)
			for i := range conns {
				c, err := h.Join("lobby", person(fmt.Sprint(i)))
				if err != nil {
					b.Fatal(err)
				}
				conns[i] = c
			}
			for _, c := range conns {
				c.Next()
			}
			b.ReportAllocs()
			for b.Loop() {
				c, err := h.Join("lobby", person("guest"))
				if err != nil {
					b.Fatal(err)
				}
				for _, other := range conns {
					other.Next()
				}
				c.Close(true)
			}
		})
	}
}
