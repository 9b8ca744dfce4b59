package hub

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/shared/event"
)

// stuck is a client that reads nothing after its first frame until it is free, and
// then throws away what it gets.
type stuck struct {
	conn *Conn
	free bool
	got  int // bytes
}

func (s *stuck) Send(_ *Conn, f Frame) bool {
	s.got += len(f.Head) + len(f.Body)
	return s.free
}

// writers fills the lobby with people who write a note of so many bytes each.
func writers(t *testing.T, h *Hub, people, text int) []*Conn {
	t.Helper()
	var conns []*Conn
	for i := range people {
		p := person(fmt.Sprint(i))
		p.Change.Note = new(strings.Repeat("x", text))
		c, err := h.Join("lobby", p, nothing{new(int)})
		if err != nil {
			t.Fatal(err)
		}
		conns = append(conns, c)
	}
	synctest.Wait()
	return conns
}

// rewrite has everybody write another note, in another letter.
func rewrite(conns []*Conn, letter rune, text int) {
	for _, c := range conns {
		c.Update(0, event.Patch{Note: new(strings.Repeat(string(letter), text))})
	}
	synctest.Wait()
}

// TestViewsTakeLittle is about a large room of people who write as much as they
// may: what hundreds of views show is the same.
func TestViewsTakeLittle(t *testing.T) {
	const people, views, text = 220, 20, 2000
	bubble(t, Options{Window: 10}, func(t *testing.T, h *Hub) {
		conns := writers(t, h, people, text)
		before := heap()
		for i := range views {
			if err := conns[i].SetView(event.View{From: i, Count: event.MaxView}); err != nil {
				t.Fatal(err)
			}
		}
		for _, letter := range "abc" {
			rewrite(conns, letter, text)
		}
		// Each has the users in order, by their id, and a little history.
		if each := (heap() - before) / views; each > 128<<10 {
			t.Errorf("a view of %d people takes %d KiB", event.MaxView, each>>10)
		}
	})
}

// TestWhatIsSentIsNotKept is about clients that were slow and stopped at as many
// places: each gets a frame of its own, of most of the room.
func TestWhatIsSentIsNotKept(t *testing.T) {
	const people, slow, text = 100, 80, 2000
	bubble(t, Options{}, func(t *testing.T, h *Hub) {
		conns := writers(t, h, people, text)
		var all []*stuck
		for i := range slow {
			s := &stuck{}
			c, err := h.Watch("lobby", Visitor{}, s)
			if err != nil {
				t.Fatal(err)
			}
			s.conn = c
			all = append(all, s)
			rewrite(conns[i:i+1], 'a', text/2)
		}
		rewrite(conns, 'b', text)
		before, first := heap(), all[0].got
		for _, s := range all {
			s.free = true
			s.conn.Ready()
		}
		synctest.Wait()
		if got := all[0].got - first; got < people*text {
			t.Fatalf("a slow client is sent %d bytes, and no frame of its own", got)
		}
		if kept := heap() - before; kept > people*text {
			t.Errorf("%d KiB are kept of what was sent to %d clients", kept>>10, slow)
		}
	})
}

// TestFramesAreNotAllMadeAtOnce is about hundreds of clients each of which needs a
// frame of its own: they are told one after the other, and who needs none does not
// wait for them.
func TestFramesAreNotAllMadeAtOnce(t *testing.T) {
	const people, text, all = 100, 2000, 100
	for name, needs := range map[string]func(c *Conn, seq uint64){
		"who were slow": func(c *Conn, seq uint64) { c.started, c.cursor = true, seq },
		"who leave":     func(c *Conn, _ uint64) { c.leaving = true },
		"who come back": func(c *Conn, seq uint64) { c.resume = &event.Resume{Epoch: c.room.epoch, Seq: seq} },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, Options{}, func(t *testing.T, h *Hub) {
				conns := writers(t, h, people, text)
				r := conns[0].room
				rewrite(conns, 'a', text)
				rewrite(conns, 'b', text)
				r.mu.Lock()
				defer r.mu.Unlock()
				for i := range all {
					c := &Conn{room: r, sink: nothing{new(int)}}
					r.watching++
					r.addConn(c)
					needs(c, r.log.head-uint64(i)-1)
				}
				r.log.apply(event.NewUser{User: event.User{ID: "new", Name: "New"}}, r.log.head+1)
				for rounds := 1; ; rounds++ {
					r.dirty = false
					sizes, told := make(map[*sharedFrame]int), 0
					for _, d := range r.collect(nil) {
						_, body := d.encode(nil, 0)
						sizes[d.frame] = len(body)
						told++
					}
					size := 0
					for _, n := range sizes {
						size += n
					}
					if size > maxFlushSize+people*text*3/2 {
						t.Errorf("%d KiB of frames are made at once", size>>10)
					}
					if rounds == 1 && told < people {
						t.Errorf("only %d are told, of %d that were up to date", told, people)
					}
					if !r.dirty {
						if rounds < all*people*text/(4*maxFlushSize) {
							t.Errorf("all are told in %d flushes", rounds)
						}
						return
					}
				}
			})
		})
	}
}

// TestWhoHasToWaitTakesTurns is about a room that never rests, in which each view
// needs a large frame after each change.
func TestWhoHasToWaitTakesTurns(t *testing.T) {
	const people, text, views = 120, 4000, 10
	bubble(t, Options{Window: 10}, func(t *testing.T, h *Hub) {
		conns := writers(t, h, people, text)
		r := conns[0].room
		r.mu.Lock()
		defer r.mu.Unlock()
		told := make(map[*Conn]int)
		for i := range views {
			c := &Conn{room: r, sink: nothing{new(int)}, wantedView: event.View{From: i, Count: event.MaxView}}
			r.watching++
			r.addConn(c)
			told[c] = 0
		}
		const rounds = 3 * views
		for round := range rounds {
			for _, u := range r.log.roster.Users() {
				u.Note = strings.Repeat(string('a'+rune(round%26)), text)
				r.apply(event.UpdateUser{User: event.Patch{}.Apply(u)})
			}
			for _, d := range r.collect(nil) {
				if _, looks := told[d.conn]; looks {
					told[d.conn]++
				}
			}
		}
		most, least := 0, rounds
		for _, n := range told {
			most, least = max(most, n), min(least, n)
		}
		if least < most-2 || most == rounds {
			t.Errorf("one is told %d times while another is told %d times", least, most)
		}
	})
}

// TestTheMemoryOfACrowdIsGivenBack is about a lobby, which may last for years.
func TestTheMemoryOfACrowdIsGivenBack(t *testing.T) {
	const crowd = 1200
	for name, c := range map[string]struct {
		window, stay int
		view         func(i int) event.View
	}{
		"of a small room":         {0, 0, func(int) event.View { return event.View{} }},
		"of one with many views":  {100, 0, func(i int) event.View { return event.View{From: i % 100} }},
		"of one that stays large": {10, 20, func(i int) event.View { return event.View{Query: fmt.Sprint(i % 10)} }},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, Options{Window: c.window}, func(t *testing.T, h *Hub) {
				join(t, h, "lobby", person("Ana")).pause()
				before := heap()
				conns := writers(t, h, crowd, 10)
				for i, conn := range conns {
					if err := conn.SetView(c.view(i)); err != nil {
						t.Fatal(err)
					}
				}
				synctest.Wait()
				for _, conn := range conns[c.stay:] {
					conn.Close(true)
				}
				synctest.Wait()
				r := conns[0].room
				clear(conns)
				if kept := heap() - before; kept > (1+len(r.views))*64<<10 { // a view has a history
					t.Errorf("%d KiB are kept", kept>>10)
				}
				if cap(r.conns) > crowd/10 || cap(r.searchIndex) > crowd/10 || c.stay == 0 && r.views != nil {
					t.Errorf("there is place for %d connections, %d to search and views %v", cap(r.conns), cap(r.searchIndex), r.views)
				}
			})
		})
	}
}

// TestNothingTakesMoreThanItsBound fills rooms with what they may have, and compares
// what that takes with what MostMemory says, which is not to be much more.
func TestNothingTakesMoreThanItsBound(t *testing.T) {
	of := Texts{
		Longest: event.Patch{Name: new(strings.Repeat("x", 512)), Note: new(strings.Repeat("x", 1280))},
		Key:     512, Query: 10,
	}
	most := MaxMemory(of)
	// full is somebody with the longest texts, all in one letter.
	full := func(name string, letter rune) Person {
		text := func(n int) string { return strings.Repeat(string(letter), n) }
		data, err := event.ParseData(fmt.Sprintf(`{"%s":"%s"}`, text(500), text(event.MaxData-507)))
		if err != nil {
			t.Fatal(err)
		}
		p := Person{ID: fmt.Sprintf("%13s", name)}
		p.Change = event.Patch{Name: new(name + " " + text(511-len(name))), Note: new(text(1280)), Status: new(event.StatusAway), Until: new(int64(4e12)), Data: data}
		return p
	}
	// settle has each person say something else in each of as many tabs as are
	// remembered, and keep the last.
	settle := func(t *testing.T, h *Hub, room string, people int) (conns []*Conn) {
		for i := range people {
			var c *Conn
			for tab, letter := range "abcdefghijklmnop" {
				p := full(fmt.Sprint(i), letter)
				p.Tab, p.Ref = strings.Repeat(string(letter), event.MaxTab), event.Ref(tab+1)
				if tab > 0 {
					p.Change.Data = p.Change.Data[:len(p.Change.Data)-1] + event.Data(fmt.Sprintf(`,"%s":null}`, strings.Repeat(string(letter-1), 500)))
				}
				next, err := h.Join(room, p, nothing{new(int)})
				if err != nil {
					t.Fatal(err)
				}
				if c != nil {
					c.Close(true)
				}
				c = next
			}
			conns = append(conns, c)
		}
		synctest.Wait()
		return conns
	}
	history := func(c *Conn) int {
		c.room.mu.Lock()
		defer c.room.mu.Unlock()
		if c.view != nil {
			return c.view.entriesSize
		}
		return c.room.log.entriesSize
	}
	within := func(t *testing.T, what string, took, most int) {
		t.Helper()
		t.Logf("%s takes %d of %d", what, took, most)
		if took > most || took < most/2 {
			t.Errorf("%s takes %d bytes; the most are %d", what, took, most)
		}
	}
	options := Options{Window: 250, Linger: time.Second}
	bubble(t, options, func(t *testing.T, h *Hub) {
		const people = 50
		before := heap()
		conns := settle(t, h, "lobby", people)
		for n := 0; history(conns[0]) < 2*people*sizeOf(largestUser(of))*8/10; n++ {
			p := full(fmt.Sprint(n%people), 'a'+rune(n/people%26))
			conns[n%people].Update(0, event.Patch{Name: p.Change.Name, Note: p.Change.Note})
		}
		synctest.Wait()
		within(t, "somebody in a small room", (heap()-before)/people, most.User+most.Connection)
	})
	bubble(t, options, func(t *testing.T, h *Hub) {
		const rooms = 20
		before := heap()
		for i := range rooms {
			c := settle(t, h, fmt.Sprint("room", i), 1)[0]
			var guests []*Conn
			for guest := range 3 * spare {
				conn, err := h.Join(c.room.name, person(fmt.Sprint(guest)), nothing{new(int)})
				if err != nil {
					t.Fatal(err)
				}
				guests = append(guests, conn)
			}
			for _, guest := range guests {
				guest.Close(true)
			}
			time.Sleep(time.Minute)                           // until they are gone
			for n := 0; history(c) < 2*minLogSize-4000; n++ { // one change takes less than 4000
				c.Update(0, event.Patch{Name: new("Ana"), Note: new(fmt.Sprint(n)), Data: "null"})
			}
			synctest.Wait()
		}
		within(t, "a room of one", (heap()-before)/rooms, most.Room)
	})
	bubble(t, options, func(t *testing.T, h *Hub) {
		const people, views = 260, 20
		conns := writers(t, h, people, 10)
		before := heap()
		for i := range views {
			if err := conns[i].SetView(event.View{From: i, Count: event.MaxView}); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		seen := conns[views : event.MaxView-views] // by all of them
		for n := 0; history(conns[0]) < 2*minLogSize-1000; n++ {
			rewrite(seen[n%len(seen):][:1], 'a'+rune(n/len(seen)), 10)
		}
		within(t, "a view", (heap()-before)/views, most.View)
	})
}
