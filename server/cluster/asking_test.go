package cluster

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"rollcall/server/hub"
	"rollcall/shared/event"
)

// partials counts how often a client is told that somebody may be missing.
type partials struct {
	mu          sync.Mutex
	frames, yes int
}

func (p *partials) Send(_ *hub.Conn, f hub.Frame) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.frames++
	if strings.Contains(string(slices.Concat(f.Head, f.Body)), `"partial":true`) {
		p.yes++
	}
	return true
}

// One frame is lost, which is found and mended at once.
func TestALostFrameIsNoReasonToSayThatSomebodyMayBeMissing(t *testing.T) {
	bubble(t, func(t *testing.T, f *fakeNATS) {
		a, b := f.serve(t, "a"), f.serve(t, "b")
		a.watch()
		one, two := a.join("Ana"), a.join("Ben")
		eye := &partials{}
		if _, err := b.hub.Watch("a", hub.Visitor{}, eye); err != nil {
			t.Fatal(err)
		}
		pass(20 * time.Second)
		f.lose(ofRooms)
		if err := one.conn.Update(0, event.Patch{Note: new("1")}); err != nil {
			t.Fatal(err)
		}
		pass(100 * time.Millisecond)
		f.mu.Lock() // as it is between machines
		f.fault = func(message) (int, time.Duration) { return 1, time.Millisecond }
		f.mu.Unlock()
		if err := two.conn.Update(0, event.Patch{Note: new("2")}); err != nil {
			t.Fatal(err)
		}
		pass(time.Second)
		if eye.yes != 0 {
			t.Errorf("it is said in %d frames of %d", eye.yes, eye.frames)
		}
	})
}

// NATS starts again with many servers.
func TestNATSStartsAgainWithManyServers(t *testing.T) {
	bubble(t, func(t *testing.T, f *fakeNATS) {
		const many = 30
		var servers []*server
		for i := range many {
			servers = append(servers, f.serve(t, fmt.Sprint("s", i)))
		}
		pass(5 * time.Second)
		for _, s := range servers {
			s.bus.cut()
		}
		pass(time.Second)
		before := f.messages()
		for _, s := range servers {
			s.bus.mend()
		}
		pass(500 * time.Millisecond)
		if n := f.messages() - before; n > 5*many {
			t.Errorf("%d servers say %d messages, of which each gets each: %d are delivered", many, n, n*(many-1))
		}
	})
}

// A third server opens a room that two have had for long.
func TestAServerThatOpensARoomIsNoReasonToSayThatSomebodyMayBeMissing(t *testing.T) {
	bubble(t, func(t *testing.T, f *fakeNATS) {
		a, b := f.serve(t, "a"), f.serve(t, "b")
		ana := a.join("Ana")
		eye := &partials{}
		if _, err := b.hub.Watch("a", hub.Visitor{}, eye); err != nil {
			t.Fatal(err)
		}
		pass(20 * time.Second)
		c := f.serve(t, "c")
		f.mu.Lock() // as it is between machines
		f.fault = func(m message) (int, time.Duration) {
			if strings.Contains(m.subject, ".to.") {
				return 1, 5 * time.Millisecond
			}
			return 1, time.Millisecond
		}
		f.mu.Unlock()
		for i := range 20 { // somebody changes all the time
			time.AfterFunc(time.Duration(10*i)*time.Millisecond, func() { ana.conn.Update(0, event.Patch{Note: new(fmt.Sprint(i))}) })
		}
		time.AfterFunc(100*time.Millisecond, func() { c.watch() })
		pass(2 * time.Second)
		if eye.yes != 0 {
			t.Errorf("it is said in %d frames of %d", eye.yes, eye.frames)
		}
	})
}

// Somebody reads all that is on NATS, with a tool: then NATS says never that nobody has a room.
func TestWhoOnlyListensOnNATSHoldsNobodyUp(t *testing.T) {
	bubble(t, func(t *testing.T, f *fakeNATS) {
		tool := f.connect()
		tool.subscribe("test.>")
		a, _ := f.serve(t, "a"), f.serve(t, "b")
		pass(2 * wordEvery) // until they know each other
		began := time.Now()
		a.join("Ana")
		if waited := time.Since(began); waited > time.Second {
			t.Errorf("the first hello of a room that nobody else has waits for %v", waited)
		}
	})
}

// A server has started a moment ago, and has heard of no other one yet.
func TestAServerThatHasJustStartedWaitsForTheOthers(t *testing.T) {
	bubble(t, func(t *testing.T, f *fakeNATS) {
		a := f.serve(t, "a")
		a.join("Ana")
		f.do(func(message) (int, time.Duration) { return 1, 400 * time.Millisecond }) // all are busy
		c := f.serve(t, "c")
		cyd := c.join("Cyd")
		cyd.has("Ana", "Cyd")
	})
}

// All servers of a room come back to NATS, and nothing has changed.
func TestWhatIsAskedWhenNATSIsBackIsAskedOnce(t *testing.T) {
	bubble(t, func(t *testing.T, f *fakeNATS) {
		const many = 10
		var servers []*server
		for i := range many {
			s := f.serve(t, fmt.Sprint("s", i))
			s.join(fmt.Sprint("user ", i))
			servers = append(servers, s)
		}
		pass(40 * time.Second)
		for _, s := range servers {
			s.bus.cut()
		}
		pass(time.Second)
		kinds := map[string]int{}
		f.mu.Lock()
		f.fault = func(m message) (int, time.Duration) {
			for _, k := range []string{"life", "open", "ask", "slice", "frame", "closed"} {
				if strings.Contains(string(m.data[:min(len(m.data), 80)]), `"kind":"`+k) {
					kinds[k]++
				}
			}
			return 1, 0
		}
		f.mu.Unlock()
		for _, s := range servers {
			s.bus.mend()
		}
		pass(3 * time.Second)
		f.mu.Lock()
		defer f.mu.Unlock()
		t.Log("delivered:", kinds)
		if want := many * (many - 1); kinds["slice"] > want {
			t.Errorf("%d slices are told, of %d that others have", kinds["slice"], want)
		}
	})
}

// A server that is too slow is told so again and again.
func TestAServerThatIsTooSlowDoesNotMakeMoreOfIt(t *testing.T) {
	bubble(t, func(t *testing.T, f *fakeNATS) {
		a, b := f.serve(t, "a"), f.serve(t, "b")
		const rooms = 100
		for i := range rooms {
			for _, s := range []*server{a, b} {
				if _, err := s.hub.Watch(fmt.Sprint("room", i), hub.Visitor{}, deaf{}); err != nil {
					t.Fatal(err)
				}
			}
		}
		pass(40 * time.Second)
		before := f.messages()
		for range 50 { // in one second
			a.bus.ev <- busEvent{lost: true}
			pass(20 * time.Millisecond)
		}
		if n := f.messages() - before; n > 4*rooms {
			t.Errorf("%d messages about %d rooms in a second", n, rooms)
		}
	})
}
