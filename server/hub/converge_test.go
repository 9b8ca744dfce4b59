package hub

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"rollcall/shared/event"
)

// TestEveryClientComesToTheTruth plays random people against a hub and checks
// that each client, from its frames alone, has the room's roster, or its part
// of it, in the end. The clients check every frame on the way.
//
//	go test ./server/hub -run Truth -rapid.checks=10000
func TestEveryClientComesToTheTruth(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		// What rapid panics with, it wants back in its own goroutine.
		var caught any
		defer func() {
			if caught != nil {
				panic(caught)
			}
		}()
		synctest.Test(t, func(*testing.T) {
			defer func() { caught = recover() }()
			var skew atomic.Int64 // of the clock by which people arrive
			h := New(Options{
				Linger: 2 * time.Second, Grace: 15 * time.Second, Away: 20 * time.Second,
				Tick:   100 * time.Millisecond,
				Window: rapid.SampledFrom([]int{0, 3, 10}).Draw(rt, "window"),
				Now:    func() time.Time { return time.Now().Add(time.Duration(skew.Load())) },
			})
			h.logEntries = 8
			defer h.Close()
			p := &play{t: rt, hub: h, skew: &skew}
			for range rapid.IntRange(1, 60).Draw(rt, "steps") {
				p.step()
			}
			p.end()
		})
	})
}

// play is one run.
type play struct {
	t    *rapid.T
	hub  *Hub
	skew *atomic.Int64
	open []*client
	cut  []*client // may come back
}

func (p *play) step() {
	if len(p.open) == 0 {
		p.join(nil)
		return
	}
	c := p.open[rapid.IntRange(0, len(p.open)-1).Draw(p.t, "who")]
	switch rapid.IntRange(0, 14).Draw(p.t, "step") {
	case 0, 1, 2:
		p.join(nil)
	case 3:
		c.conn.Close(rapid.Bool().Draw(p.t, "clean"))
		p.drop(c)
	case 4: // cut, perhaps in the middle of something, to come back later
		c.drain().conn.Close(false)
		p.drop(c)
		p.cut = append(p.cut, c)
	case 5:
		if len(p.cut) > 0 {
			i := rapid.IntRange(0, len(p.cut)-1).Draw(p.t, "which")
			p.join(p.cut[i])
			p.cut = slices.Delete(p.cut, i, i+1)
		}
	case 6:
		c.conn.Leave(0)
	case 7:
		time.Sleep(time.Duration(rapid.IntRange(1, 25_000).Draw(p.t, "ms")) * time.Millisecond)
		synctest.Wait()
	case 8:
		if c.id != "" {
			c.said++ // who watches is not answered, but refused before
		}
		if err := c.conn.Update(c.said, p.change()); err != nil {
			p.t.Errorf("%v", err)
		}
	case 9:
		c.said++
		c.conn.SetActive(c.said, rapid.Bool().Draw(p.t, "active"))
	case 10:
		c.mu.Lock()
		c.slow = true // from the next frame on
		c.mu.Unlock()
	case 11:
		c.read()
	case 12:
		c.said++
		want := event.View{
			Ref:   c.said,
			From:  rapid.IntRange(-1, 12).Draw(p.t, "from"),
			Count: rapid.IntRange(0, 5).Draw(p.t, "count"),
			Query: rapid.SampledFrom([]string{"", "P", "a", "p1"}).Draw(p.t, "query"),
		}
		if err := c.conn.SetView(want); err != nil {
			p.t.Errorf("%+v: %v", want, err)
		}
	case 13:
		p.skew.Add(int64(time.Duration(rapid.IntRange(-60_000, 60_000).Draw(p.t, "skew")) * time.Millisecond))
	case 14:
		c.conn.Heartbeat()
	}
	for _, c := range slices.Clone(p.open) {
		// Those who have left end, as the socket ends them.
		if c.drain().left {
			c.conn.Close(true)
			p.drop(c)
		}
	}
}

func (p *play) join(known *client) {
	c := &client{t: p.t, slow: rapid.Bool().Draw(p.t, "slow")}
	var resume *event.Resume
	if known != nil {
		if _, _, large := known.roster.View(); !large && known.frames > 0 {
			c.roster = known.roster
			resume = &event.Resume{Epoch: known.roster.Epoch(), Seq: known.roster.State().Seq}
		}
	}
	if known == nil && rapid.IntRange(0, 5).Draw(p.t, "watches") == 0 || known != nil && known.id == "" {
		conn, err := p.hub.Watch("lobby", Visitor{Resume: resume}, c)
		if err != nil {
			p.t.Fatalf("%v", err)
		}
		c.conn = conn
	} else {
		who := person(fmt.Sprint("P", rapid.IntRange(0, 15).Draw(p.t, "person")))
		if known != nil {
			who = person(strings.TrimPrefix(known.id, "id-"))
		}
		change := p.change()
		if change.Name != nil {
			who.Change.Name = change.Name
		}
		who.Change.Status, who.Change.Note, who.Resume = change.Status, change.Note, resume
		c.id = who.ID
		conn, err := p.hub.Join("lobby", who, c)
		if err != nil {
			p.t.Fatalf("%v", err)
		}
		c.conn = conn
	}
	p.open = append(p.open, c)
}

func (p *play) change() event.Patch {
	var change event.Patch
	if rapid.Bool().Draw(p.t, "renames") {
		change.Name = new(rapid.SampledFrom([]string{"Ana", "Pan", "P10"}).Draw(p.t, "name"))
	}
	if rapid.Bool().Draw(p.t, "restates") {
		change.Status = new(rapid.SampledFrom([]event.Status{event.StatusHere, event.StatusAway, event.StatusBusy}).Draw(p.t, "status"))
	}
	if rapid.Bool().Draw(p.t, "notes") {
		change.Note = new(rapid.SampledFrom([]string{"", "x"}).Draw(p.t, "note"))
	}
	if rapid.Bool().Draw(p.t, "ends") {
		change.Until = new(time.Now().UnixMilli() + rapid.Int64Range(0, 30_000).Draw(p.t, "until"))
	}
	if rapid.Bool().Draw(p.t, "carries") {
		change.Data = rapid.SampledFrom([]event.Data{`{"a":1}`, `{"a":2,"b":"x"}`, `{"a":null}`}).Draw(p.t, "data")
	}
	return change
}

func (p *play) drop(c *client) {
	p.open = slices.DeleteFunc(p.open, func(o *client) bool { return o == c })
}

func (p *play) end() {
	for _, c := range p.open {
		c.read()
	}
	time.Sleep(time.Second) // the longest rest, many times
	for _, c := range p.open {
		if c.drain(); !c.left {
			c.agree()
		}
	}
	for _, c := range p.open {
		c.conn.Close(true)
	}
	time.Sleep(time.Minute)
	synctest.Wait()
	if n := p.hub.OpenRooms(); n != 0 {
		p.t.Errorf("%d rooms are left over", n)
	}
}

// agree compares what a client has with the room.
func (c *client) agree() {
	c.t.Helper()
	r := c.conn.room
	r.mu.Lock()
	defer r.mu.Unlock()
	truth := r.log.roster.Users()
	if r.presence.Len() != len(truth) {
		c.t.Errorf("%d are here, %d on the roster", r.presence.Len(), len(truth))
	}
	if c.done != c.said {
		c.t.Errorf("%s has said %d, and %d is done", c.id, c.said, c.done)
	}
	if me, here := r.log.roster.Get(c.id); here {
		if mine, _ := c.roster.Me(); mine != me {
			c.t.Errorf("%s believes to be %+v, and is %+v", c.id, mine, me)
		}
	}
	total := len(truth)
	_, gotTotal, large := c.roster.View()
	if large != r.large {
		c.t.Errorf("%s thinks large is %v", c.id, large)
	}
	if large {
		want := r.normalized(c.conn.wantedView)
		truth = slices.DeleteFunc(truth, func(u event.User) bool { return !strings.Contains(strings.ToLower(u.Name), want.Query) })
		if gotTotal != len(truth) {
			c.t.Errorf("%s can see %d of %d", c.id, gotTotal, len(truth))
		}
		truth = truth[min(want.From, len(truth)):]
		truth = truth[:min(want.Count, len(truth))]
	}
	if mine := c.roster.Users(); !slices.Equal(mine, truth) {
		c.t.Errorf("%s sees %v, the truth is %v", c.id, mine, truth)
	}
	if c.roster.Count() != total {
		c.t.Errorf("%s counts %d of %d", c.id, c.roster.Count(), total)
	}
}

// reader takes every frame in at once, from whatever goroutine sends it.
type reader struct {
	mu sync.Mutex // guards what follows
	*client
}

func (r *reader) Send(_ *Conn, f Frame) bool {
	frame := slices.Concat(f.Head, f.Body)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.take(frame, f.Last)
	return true
}

// TestManyAtOnce is for the race detector: joins, updates, leaves and reads
// from many goroutines, in rooms that come and go.
func TestManyAtOnce(t *testing.T) {
	h := New(Options{Linger: time.Millisecond, Window: 12, Tick: time.Millisecond, Away: time.Millisecond})
	var group sync.WaitGroup
	for i := range 32 {
		group.Go(func() {
			for n := range 50 {
				p := person(fmt.Sprint("P", i%20))
				sink := &reader{client: &client{t: t, id: p.ID}}
				conn, err := h.Join(fmt.Sprint("room-", n%3), p, sink)
				if err != nil {
					t.Error(err)
					return
				}
				conn.Update(0, event.Patch{Note: new(fmt.Sprint(n))})
				conn.SetActive(0, n%5 == 0)
				if n%4 == 0 {
					conn.SetView(event.View{From: n % 3})
				}
				if n%7 == 0 {
					conn.Leave(0)
				}
				conn.Ready()
				conn.Close(n%2 == 0)
			}
		})
	}
	group.Wait()
	h.Close()
}

// nothing is a sink that counts.
type nothing struct{ frames *int }

func (n nothing) Send(*Conn, Frame) bool { *n.frames++; return true }

// settled waits until a room has told all it has to tell.
func (r *room) settled() {
	for range 100_000_000 { // and not until a time: that stands still in a bubble
		r.mu.Lock()
		flushing := r.flushing
		r.mu.Unlock()
		if !flushing {
			return
		}
		runtime.Gosched()
	}
	panic("a flush does not end")
}

// fill has n people join who count the frames they are sent, and returns one
// of them when all are told of all.
func fill(t testing.TB, h *Hub, n int, frames *int) *Conn {
	t.Helper()
	var c *Conn
	for i := range n {
		var err error
		if c, err = h.Join("lobby", person(fmt.Sprint(i)), nothing{frames}); err != nil {
			t.Fatal(err)
		}
	}
	c.room.settled()
	return c
}

func TestADeliveryAllocatesNothing(t *testing.T) {
	perChange := func(n int) float64 {
		h := New(Options{})
		defer h.Close()
		c := fill(t, h, n, new(int))
		i := 0
		return testing.AllocsPerRun(50, func() {
			i++
			c.Update(0, event.Patch{Note: new(fmt.Sprint(i))})
			c.room.settled()
		})
	}
	if few, many := perChange(10), perChange(1_000); many > few+10 {
		t.Errorf("a change costs %v allocations with 10 connections and %v with 1,000", few, many)
	}
}

// BenchmarkOneChangeSeenByMany is the cost of a change that n connections are
// told of, each with its cursor at the same place. It is to grow with n and no
// faster, with nothing allocated per delivery.
func BenchmarkOneChangeSeenByMany(b *testing.B) {
	for _, n := range []int{1_000, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			h, frames := New(Options{}), 0
			defer h.Close()
			c := fill(b, h, n, &frames)
			notes := []string{"in", "out"}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			for i := 0; b.Loop(); i++ {
				c.Update(0, event.Patch{Note: &notes[i%2]})
				c.room.settled()
			}
			runtime.ReadMemStats(&after)
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/delivery")
			b.ReportMetric(float64(after.TotalAlloc-before.TotalAlloc)/float64(b.N*n), "garbage-B/delivery")
		})
	}
}

// BenchmarkOneJoinSeenByMany is the cost of a join and a departure, each seen
// by n connections; most of it is the snapshot for the one who joins.
func BenchmarkOneJoinSeenByMany(b *testing.B) {
	for _, n := range []int{1_000, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			h, frames := New(Options{}), 0
			defer h.Close()
			r := fill(b, h, n, &frames).room
			frames = 0
			b.ReportAllocs()
			for b.Loop() {
				c, err := h.Join("lobby", person("guest"), nothing{new(int)})
				if err != nil {
					b.Fatal(err)
				}
				r.settled()
				c.Close(true)
				r.settled()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(frames), "ns/delivery")
		})
	}
}

// BenchmarkStorm is the cost of n joins as fast as they come, until everybody
// knows everybody: what matters is that it is far from n² frames.
func BenchmarkStorm(b *testing.B) {
	for _, n := range []int{1_000, 3_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			frames := 0
			for b.Loop() {
				h := New(Options{Tick: 100 * time.Millisecond})
				fill(b, h, n, &frames)
				h.Close()
			}
			b.ReportMetric(float64(frames)/float64(b.N), "frames/op")
		})
	}
}

// BenchmarkManyRooms is joins and departures in rooms of ten, each room looked
// after by a worker of its own; with -cpu 1,2 it shows that rooms do not wait for
// each other.
func BenchmarkManyRooms(b *testing.B) {
	h := New(Options{})
	defer h.Close()
	var next atomic.Int64
	b.SetParallelism(16) // so that no processor waits while a room settles
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		name := fmt.Sprint("room-", next.Add(1))
		for i := range 10 {
			resident, err := h.Join(name, person(fmt.Sprint(i)), nothing{new(int)})
			if err != nil {
				b.Error(err)
				return
			}
			defer resident.Close(true)
		}
		for pb.Next() {
			c, err := h.Join(name, person("guest"), nothing{new(int)})
			if err != nil {
				b.Error(err)
				return
			}
			c.room.settled()
			c.Close(true)
		}
	})
}
