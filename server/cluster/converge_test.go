package cluster

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"rollcall/server/hub"
	"rollcall/shared/event"
)

var seeds = flag.Int("seeds", 12, "how often the random test of the cluster is run")

// Whatever NATS does with messages, in the end all servers show the same: the truth.
func TestServersConvergeOverABadNetwork(t *testing.T) {
	for seed := range uint64(*seeds) {
		bubble(t, func(t *testing.T, f *fakeNATS) {
			random, luck := rand.New(rand.NewPCG(seed, 0)), rand.New(rand.NewPCG(seed, 1))
			var servers []*server
			for _, name := range []string{"a", "b", "c"} {
				servers = append(servers, f.serve(t, name))
			}
			f.mu.Lock()
			f.fault = func(message) (int, time.Duration) {
				switch luck.IntN(10) {
				case 0:
					return 0, 0
				case 1:
					return 2, time.Duration(luck.IntN(3000)) * time.Millisecond
				}
				return 1, time.Duration(luck.IntN(50)) * time.Millisecond
			}
			f.mu.Unlock()
			here := map[string][]*client{}
			for range 60 {
				id := fmt.Sprint("user ", random.IntN(6))
				s := servers[random.IntN(3)]
				switch tabs := here[id]; {
				case len(tabs) == 0 || random.IntN(3) == 0:
					here[id] = append(tabs, s.join(id))
				case random.IntN(3) == 0:
					tabs[0].conn.Close(random.IntN(2) == 0)
					here[id] = tabs[1:]
				case random.IntN(6) == 0:
					tabs[0].conn.Leave(0)
					for _, c := range tabs {
						c.conn.Close(true)
					}
					here[id] = nil
				default:
					if err := tabs[0].conn.Update(0, event.Patch{Note: new(fmt.Sprint(random.IntN(100)))}); err != nil {
						t.Error(err)
					}
				}
				if random.IntN(20) == 0 {
					b := servers[random.IntN(3)].bus
					b.cut()
					time.AfterFunc(time.Duration(random.IntN(8000))*time.Millisecond, b.mend)
				}
				pass(time.Duration(random.IntN(1000)) * time.Millisecond)
			}
			pass(8 * time.Second)
			f.mu.Lock()
			f.fault = nil
			f.mu.Unlock()
			eyes := []*client{servers[0].watch(), servers[1].watch(), servers[2].watch()}
			pass(2 * time.Minute)
			var want []string
			for id, tabs := range here {
				if len(tabs) > 0 {
					want = append(want, id)
				}
			}
			slices.Sort(want)
			for _, eye := range eyes {
				got := eye.names()
				slices.Sort(got)
				if !slices.Equal(got, want) {
					t.Errorf("seed %d, at %s: %q, want %q", seed, eye.at.name, got, want)
				}
			}
			sameEverywhere(t, servers...)
			for _, s := range servers {
				s.end()
			}
		})
	}
}

// What a client brings along to a server that does not know its user is what it has last
// heard. Another tab may have said something since.
func TestWhoMovesWhileServersAreApartUndoesNothing(t *testing.T) {
	bubble(t, func(t *testing.T, f *fakeNATS) {
		a, b := f.serve(t, "a"), f.serve(t, "b")
		one := a.join("Ana")
		pass(time.Second)
		b.bus.cut()
		if err := one.conn.Update(0, event.Patch{Note: new("new")}); err != nil {
			t.Fatal(err)
		}
		pass(time.Second)
		p := hub.Person{Visitor: hub.Visitor{Resume: &event.Resume{Epoch: "of a", Seq: 1}}}
		p.Profile = event.Patch{Name: new("Ana"), Note: new("old")}
		p.Change = event.Patch{Status: new(event.StatusBusy)}
		b.joinAs("Ana", p)
		pass(time.Second)
		b.bus.mend()
		pass(3 * time.Second)
		if u := b.users()[0]; u.Note != "new" || u.Status != event.StatusBusy {
			t.Errorf("she is %+v", u)
		}
		sameEverywhere(t, a, b)
	})
}
