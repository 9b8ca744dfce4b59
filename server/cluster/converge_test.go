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

var seeds = flag.Int("seeds", 24, "how often the random test of the cluster is run")

// weather is what a random test does to the network.
type weather struct {
	name    string
	fault   func(luck *rand.Rand, m message) (copies int, delay time.Duration) // nil for none
	trouble func(random *rand.Rand, s *server)                                 // now and then; nil for none
	healed  time.Duration                                                      // after how long all have the truth
}

// Connections that break, and ways that let one direction through, are noticed and asked
// about at once. If NATS takes a connection for good and loses single messages, which it
// does not, the last one about a room is found missing when the room was silent for long.
var weathers = []weather{
	{name: "messages are lost, doubled and late", fault: func(luck *rand.Rand, _ message) (int, time.Duration) {
		switch luck.IntN(10) {
		case 0:
			return 0, 0
		case 1:
			return 2, time.Duration(luck.IntN(3000)) * time.Millisecond
		}
		return 1, time.Duration(luck.IntN(50)) * time.Millisecond
	}, trouble: cutForAWhile, healed: staleAfter + 5*time.Second},
	{name: "messages of rooms are lost", fault: func(luck *rand.Rand, m message) (int, time.Duration) {
		if ofRooms(m) && luck.IntN(3) == 0 {
			return 0, 0
		}
		return 1, 0
	}, healed: staleAfter + 5*time.Second},
	{name: "connections break", trouble: cutForAWhile, healed: 5 * time.Second},
	{name: "one direction is cut", trouble: func(luck *rand.Rand, s *server) {
		b, inward := s.bus, luck.IntN(2) == 0
		set := func(broken bool) {
			b.set(func() {
				if inward {
					b.deaf = broken
				} else {
					b.mute = broken
				}
			})
		}
		set(true)
		time.AfterFunc(time.Duration(luck.IntN(8000))*time.Millisecond, func() { set(false) })
	}, healed: 5*time.Second + 2*pingTimeout}, // the ping that NATS answers comes that late
}

func cutForAWhile(luck *rand.Rand, s *server) {
	s.bus.cut()
	time.AfterFunc(time.Duration(luck.IntN(8000))*time.Millisecond, s.bus.mend)
}

// Whatever NATS does with messages, in the end all servers show the same: the truth.
func TestServersConvergeOverABadNetwork(t *testing.T) {
	for seed := range uint64(*seeds) {
		w := weathers[seed%uint64(len(weathers))]
		t.Run(fmt.Sprint(w.name, " ", seed), func(t *testing.T) {
			bubble(t, func(t *testing.T, f *fakeNATS) { converges(t, f, w, seed) })
		})
	}
}

func converges(t *testing.T, f *fakeNATS, w weather, seed uint64) {
	random, luck := rand.New(rand.NewPCG(seed, 0)), rand.New(rand.NewPCG(seed, 1))
	servers := []*server{f.serve(t, "a"), f.serve(t, "b"), f.serve(t, "c")}
	if w.fault != nil {
		f.do(func(m message) (int, time.Duration) { return w.fault(luck, m) })
	}
	p := &people{random: random, servers: servers, rare: random.IntN(2) == 0, tabs: make(map[string][]*client), left: make(map[string]bool)}
	for range 60 {
		p.change(t)
		if w.trouble != nil && random.IntN(20) == 0 {
			w.trouble(random, servers[random.IntN(3)])
		}
		pass(time.Duration(random.IntN(1000)) * time.Millisecond)
	}
	pass(8 * time.Second) // until the last trouble has ended
	f.do(nil)
	pass(w.healed)
	p.checkTabs(t)
	pass(20 * time.Second)
	p.checkAll(t)
	p.close()
	pass(2 * time.Minute)
	for _, s := range servers {
		if s.hub.OpenRooms() != 0 {
			t.Errorf("%s has the room still, with %v", s.name, s.users())
		}
		s.end()
	}
}

// people come and go at random.
type people struct {
	random  *rand.Rand
	servers []*server
	rare    bool                 // the last server has the room only now and then
	tabs    map[string][]*client // of everybody who has any
	left    map[string]bool      // who has left, and is not back
}

// change has one of them do something.
func (p *people) change(t *testing.T) {
	id := fmt.Sprint("user ", p.random.IntN(6))
	at := p.servers[p.random.IntN(3)]
	if at == p.servers[2] && p.rare && p.random.IntN(8) != 0 {
		at = p.servers[0]
	}
	tabs := p.tabs[id]
	switch does := p.random.IntN(12); {
	case len(tabs) == 0 || does < 4:
		p.tabs[id] = append(tabs, at.join(id))
		delete(p.left, id)
	case does < 6:
		p.drop(id, p.random.IntN(2) == 0)
	case does < 8: // a tab is loaded again, perhaps at another server
		p.drop(id, true)
		pass(time.Duration(p.random.IntN(300)) * time.Millisecond)
		p.tabs[id] = append(p.tabs[id], at.join(id))
	case does < 9:
		tabs[0].conn.Leave(0)
		for len(p.tabs[id]) > 0 {
			p.drop(id, true)
		}
		p.left[id] = true
	default:
		if err := tabs[0].conn.Update(0, event.Patch{Note: new(fmt.Sprint(p.random.IntN(100)))}); err != nil {
			t.Error(err)
		}
	}
}

// drop closes the first tab of somebody: by a word of it, or as a line that is lost.
func (p *people) drop(id string, byIt bool) {
	p.tabs[id][0].conn.Close(byIt)
	p.tabs[id] = p.tabs[id][1:]
}

// checkTabs says that everybody who has a tab is online for all others, and that nobody is
// there who has left.
func (p *people) checkTabs(t *testing.T) {
	t.Helper()
	for _, eye := range p.all() {
		names := eye.names()
		for id, tabs := range p.tabs {
			if len(tabs) > 0 && !slices.Contains(names, id) {
				t.Errorf("at %s: %s is not online in %q", eye.at.name, id, names)
			}
		}
		for id := range p.left {
			if slices.Contains(names, id) || slices.Contains(names, id+"?") {
				t.Errorf("at %s: %s has left, and is in %q", eye.at.name, id, names)
			}
		}
	}
}

// checkAll says that all have the same, which is the truth.
func (p *people) checkAll(t *testing.T) {
	t.Helper()
	var want []string
	for id, tabs := range p.tabs {
		if len(tabs) > 0 {
			want = append(want, id)
		}
	}
	slices.Sort(want)
	var in []*server
	for _, eye := range p.all() {
		if eye.drift != nil {
			t.Errorf("at %s: %v", eye.at.name, eye.drift)
		}
		if got := slices.Sorted(slices.Values(eye.names())); !slices.Equal(got, want) {
			t.Errorf("at %s: %q, want %q", eye.at.name, got, want)
		}
		if !slices.Contains(in, eye.at) {
			in = append(in, eye.at)
		}
	}
	if len(in) > 0 {
		sameEverywhere(t, in...)
	}
}

// all returns all open tabs.
func (p *people) all() (all []*client) {
	for _, tabs := range p.tabs {
		all = append(all, tabs...)
	}
	return all
}

func (p *people) close() {
	for _, c := range p.all() {
		c.conn.Close(true)
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
