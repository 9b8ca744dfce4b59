package hub

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/text/unicode/norm"

	"rollcall/shared/event"
	"rollcall/shared/search"
)

func TestAViewIsAnsweredByASnapshotInAnyRoom(t *testing.T) {
	bubble(t, Options{Window: 500}, func(t *testing.T, h *Hub) {
		ana := join(t, h, "lobby", person("Ana")).drain()
		for _, want := range []event.View{{}, {From: 5, Count: 1, Query: "x"}} {
			shots := ana.shots
			if err := ana.conn.SetView(want); err != nil {
				t.Error(err)
			}
			if ana.holds("Ana"); ana.shots != shots+1 {
				t.Errorf("%+v: %d snapshots", want, ana.shots-shots)
			}
		}
	})
}

// crowd fills a room with people who do not listen, one each millisecond.
func crowd(t reporter, h *Hub, from, to int) []*Conn {
	t.Helper()
	var conns []*Conn
	for i := from; i < to; i++ {
		time.Sleep(time.Millisecond)
		conns = append(conns, join(t, h, "lobby", person(fmt.Sprintf("P%02d", i))).conn)
	}
	return conns
}

func TestALargeRoomIsSeenInParts(t *testing.T) {
	bubble(t, Options{Window: 10}, func(t *testing.T, h *Hub) {
		ana := join(t, h, "lobby", person("Ana"))
		people := crowd(t, h, 0, 9)
		ana.drain()
		if _, _, large := ana.roster.View(); large {
			t.Error("a room at its window is not large")
		}
		people = append(people, crowd(t, h, 9, 19)...)
		ana.drain()
		if from, total, large := ana.roster.View(); !large || from != 0 || total != 20 || ana.roster.Count() != 20 {
			t.Errorf("view from %d of %d, large %v, count %d", from, total, large, ana.roster.Count())
		}
		ana.conn.SetView(event.View{From: 2, Count: 3})
		ana.holds("P01", "P02", "P03")
		if me, ok := ana.roster.Me(); !ok || me.Name != "Ana" {
			t.Errorf("outside the view I am %v", me)
		}

		ana.seen = nil
		people[2].Close(true) // moves everybody after up by one
		ana.expect()
		ana.holds("P01", "P03", "P04")
		people[2] = crowd(t, h, 2, 3)[0]
		ana.holds("P01", "P03", "P04")
		people[18].Close(true) // out of sight, but counted
		ana.drain()
		if _, total, _ := ana.roster.View(); total != 19 || ana.roster.Count() != 19 {
			t.Errorf("total %d, count %d", total, ana.roster.Count())
		}

		ana.conn.SetView(event.View{From: 2, Count: 3})
		ana.drain().conn.Heartbeat()
		ana.drain().conn.Update(0, event.Patch{Note: new("out of sight")})
		ana.expect()
		ana.conn.Heartbeat() // with the seq that she knows of
		ana.drain()
		ana.conn.SetView(event.View{From: 2, Count: 3})
		ana.holds("P01", "P03", "P04")
		if me, _ := ana.roster.Me(); me.Note != "out of sight" {
			t.Errorf("I am %v", me)
		}
		ana.conn.SetView(event.View{From: 99})
		ana.holds()
		ana.conn.SetView(event.View{From: -5, Count: 100_000})
		if ana.drain(); ana.roster.Len() != 19 {
			t.Errorf("sees %d", ana.roster.Len())
		}

		for i := range 9 {
			people[i].Close(true)
		}
		ana.drain()
		if _, _, large := ana.roster.View(); !large {
			t.Error("the room has shrunk above 90 % of its window")
		}
		people[9].Close(true)
		ana.drain()
		if _, _, large := ana.roster.View(); large || ana.roster.Len() != 9 {
			t.Errorf("large %v with %d", large, ana.roster.Len())
		}
		ana.seen = nil
		join(t, h, "lobby", person("Zoe"))
		ana.expect("+Zoe")
	})
}

func TestAViewThatWasChosenWhileTheRoomWasSmallCounts(t *testing.T) {
	bubble(t, Options{Window: 3}, func(t *testing.T, h *Hub) {
		people := crowd(t, h, 0, 4)
		wall := watch(t, h, "lobby")
		wall.pause() // with the first page of a large room
		people[0].Close(true)
		people[1].Close(true)
		wall.conn.SetView(event.View{Query: "ana"})
		join(t, h, "lobby", person("Ana"))
		crowd(t, h, 4, 6)
		wall.read().holds("Ana")
	})
}

func TestLeavingWithAViewOfARoomThatHasShrunk(t *testing.T) {
	bubble(t, Options{Window: 3}, func(t *testing.T, h *Hub) {
		people := crowd(t, h, 0, 4)
		ana := join(t, h, "lobby", person("Ana"))
		ana.conn.SetView(event.View{Count: 1})
		ana.pause()
		for _, c := range people[:3] {
			c.Close(true)
		}
		ana.conn.SetView(event.View{})
		ana.conn.Leave(0)
		ana.read().expect("-Ana left")
		ana.holds("P03")
	})
}

func TestAViewCanBeSearched(t *testing.T) {
	bubble(t, Options{Window: 3}, func(t *testing.T, h *Hub) {
		wall := watch(t, h, "lobby")
		var anas []*Conn
		for _, name := range []string{"Ana", "Ben", "HANA", "Cyd", "Diana"} {
			time.Sleep(time.Millisecond)
			anas = append(anas, join(t, h, "lobby", person(name)).conn)
		}
		wall.conn.SetView(event.View{Query: "aNa", Count: 2})
		wall.holds("Ana", "HANA")
		if _, total, _ := wall.roster.View(); total != 3 || wall.roster.Count() != 5 {
			t.Errorf("%d of %d", total, wall.roster.Count())
		}
		anas[0].Update(0, event.Patch{Name: new("Anton")})
		wall.holds("HANA", "Diana")
		anas[1].Update(0, event.Patch{Name: new("Banana")})
		wall.holds("Banana", "HANA")
		anas[2].Close(true)
		wall.holds("Banana", "Diana")
		wall.conn.SetView(event.View{Query: "nobody"})
		wall.holds()
		wall.conn.SetView(event.View{Query: "ana", From: 1})
		wall.holds("Diana")
	})
}

func TestConnectionsOfOneViewShareItsLog(t *testing.T) {
	bubble(t, Options{Window: 3}, func(t *testing.T, h *Hub) {
		crowd(t, h, 0, 5)
		a, b := watch(t, h, "lobby").drain(), watch(t, h, "lobby").drain()
		a.conn.SetView(event.View{Count: 4})
		b.conn.SetView(event.View{Count: 4})
		a.drain()
		b.drain()
		crowd(t, h, 5, 6)
		if a.shared() != b.shared() {
			t.Error("the change was encoded twice")
		}
		if n := len(a.conn.room.views); n != 2 { // theirs and the crowd's
			t.Errorf("%d views", n)
		}
		a.conn.Close(true)
		b.conn.SetView(event.View{})
		if n := len(b.conn.room.views); n != 1 {
			t.Errorf("%d views after nobody looks at one", n)
		}
	})
}

func TestNobodySeesMoreThanAViewHolds(t *testing.T) {
	bubble(t, Options{Window: 10}, func(t *testing.T, h *Hub) {
		crowd(t, h, 0, event.MaxView+20)
		wall := watch(t, h, "lobby").drain()
		for ask, want := range map[event.View]int{
			{Count: 10 * event.MaxView}:          event.MaxView,
			{Count: -1}:                          event.DefaultView,
			{From: event.MaxView, Count: 50}:     20,
			{From: -5, Count: event.MaxView - 1}: event.MaxView - 1,
			{From: 10 * event.MaxView, Count: 9}: 0,
		} {
			if err := wall.conn.SetView(ask); err != nil {
				t.Fatal(err)
			}
			if wall.drain(); wall.roster.Len() != want {
				t.Errorf("%+v: %d people are seen, not %d", ask, wall.roster.Len(), want)
			}
		}
	})
}

func TestViewsAreCapped(t *testing.T) {
	bubble(t, Options{Window: 1}, func(t *testing.T, h *Hub) {
		crowd(t, h, 0, 2)
		wall := watch(t, h, "lobby").drain()
		var watcher *client
		for i := range maxViews {
			last := watcher
			watcher = watch(t, h, "lobby").drain()
			err := watcher.conn.SetView(event.View{From: i + 1})
			if i < maxViews-1 && err != nil || i == maxViews-1 && !errors.Is(err, ErrTooManyViews) {
				t.Fatalf("view %d: %v", i, err)
			}
			if watcher.conn.view == nil || err != nil {
				watcher = last
			}
		}
		// Who gives one up can have another for it.
		if err := watcher.conn.SetView(event.View{From: 7, Query: "0"}); err != nil {
			t.Errorf("error is %v", err)
		}
		if err := wall.conn.SetView(event.View{Query: "p"}); !errors.Is(err, ErrTooManyViews) {
			t.Errorf("error is %v", err)
		}
		wall.holds("P00", "P01") // as before
	})
}

func TestAFewSourcesLeaveViewsForOthers(t *testing.T) {
	bubble(t, Options{Window: 1}, func(t *testing.T, h *Hub) {
		crowd(t, h, 0, 2)
		all := func(source string) (views int) {
			for views <= maxViews {
				c := nothing{new(int)}
				conn, err := h.Watch("lobby", Visitor{Source: source}, c)
				if err != nil {
					t.Fatal(err)
				}
				if err := conn.SetView(event.View{From: 1 + views, Query: source}); err != nil {
					return views
				}
				views++
			}
			return views
		}
		if got := all("one"); got != maxViews/2 {
			t.Errorf("one source has %d of %d views", got, maxViews)
		}
		for _, source := range []string{"two", "three", "four", "five"} {
			all(source)
		}
		ana := person("Ana")
		ana.Source = "six"
		c := join(t, h, "lobby", ana)
		if err := c.conn.SetView(event.View{Query: "p01"}); err != nil {
			t.Errorf("nobody else can search: %v", err)
		}
		c.holds("P01")
	})
}

func TestAViewIsCountedForOneOfThoseWhoLookAtIt(t *testing.T) {
	bubble(t, Options{Window: 1}, func(t *testing.T, h *Hub) {
		crowd(t, h, 0, 2)
		watcher := func(source string) *Conn {
			conn, err := h.Watch("lobby", Visitor{Source: source}, nothing{new(int)})
			if err != nil {
				t.Fatal(err)
			}
			return conn
		}
		ana := watcher("ana")
		for i := range maxViews {
			if err := ana.SetView(event.View{From: 1 + i}); err != nil {
				t.Fatalf("view %d: %v; those before are kept by others", i, err)
			}
			if i < maxViews/2 {
				watcher("eve").SetView(event.View{From: 1 + i})
			}
			synctest.Wait()
		}
		ana.SetView(event.View{From: 3}) // and the same again
		ana.SetView(event.View{From: 3})
	})
}

func TestASearchMakesNoNameComparableAnew(t *testing.T) {
	folded := 0
	fold := func(s string) string { folded++; return strings.ToLower(s) }
	bubble(t, Options{Window: 3, Fold: fold}, func(t *testing.T, h *Hub) {
		people := crowd(t, h, 0, 20)
		wall := watch(t, h, "lobby").drain()
		before := folded
		for i := range 10 {
			if err := wall.conn.SetView(event.View{Query: fmt.Sprint("P1", i)}); err != nil {
				t.Error(err)
			}
		}
		if queries := folded - before; queries != 10 {
			t.Errorf("%d texts were folded for 10 queries", queries)
		}
		people[0].Update(0, event.Patch{Name: new("Peter P19")})
		people[1].Update(0, event.Patch{Note: new("P19")})
		wall.holds("Peter P19", "P19")
		people[0].Leave(0)
		wall.holds("P19")
	})
}

func TestAClientThatComesBackToALargeRoomGetsAView(t *testing.T) {
	bubble(t, Options{Window: 3, Grace: time.Minute}, func(t *testing.T, h *Hub) {
		ana := join(t, h, "lobby", person("Ana")).drain()
		crowd(t, h, 0, 5)
		back := ana.comeBack(h, person("Ana"))
		back.drain()
		if _, total, large := back.roster.View(); !large || total != 6 {
			t.Errorf("total %d, large %v", total, large)
		}
	})
}

func TestLeavingALargeRoom(t *testing.T) {
	bubble(t, Options{Window: 3}, func(t *testing.T, h *Hub) {
		ana := join(t, h, "lobby", person("Ana")).drain()
		crowd(t, h, 0, 5)
		ana.drain()
		ana.seen = nil
		ana.conn.Leave(0)
		ana.expect("-Ana left")
		if me, here := ana.roster.Me(); !ana.left || here {
			t.Errorf("over %v, I am %v", ana.left, me)
		}
	})
}

func TestASearchFindsEverybodyWhoCameInTheSameMoment(t *testing.T) {
	still := func() time.Time { return time.UnixMilli(1) }
	bubble(t, Options{Window: 1, Now: still}, func(t *testing.T, h *Hub) {
		crowd(t, h, 0, 3)
		wall := watch(t, h, "lobby")
		if err := wall.conn.SetView(event.View{Query: "p"}); err != nil {
			t.Fatal(err)
		}
		wall.holds("P00", "P01", "P02")
		crowd(t, h, 3, 4)
		wall.holds("P00", "P01", "P02", "P03")
	})
}

func TestWhoCameBackToAViewByAClockThatWasSetBackIsInIt(t *testing.T) {
	var clock atomic.Int64
	clock.Store(1000)
	bubble(t, Options{Window: 2, Now: func() time.Time { return time.UnixMilli(clock.Load()) }}, func(t *testing.T, h *Hub) {
		people := crowd(t, h, 0, 4)
		wall := watch(t, h, "lobby")
		wall.pause()
		people[2].Leave(0)
		clock.Store(900)
		crowd(t, h, 2, 3)
		wall.read().holds("P02", "P00", "P01", "P03")
	})
}

// BenchmarkASearchOfALargeRoom is what the room is locked for by somebody who
// searches it, each time for something else.
func BenchmarkASearchOfALargeRoom(b *testing.B) {
	h := New(Options{Window: 500, Fold: func(s string) string { return search.Fold(norm.NFKD.String(s)) }})
	defer h.Close()
	c := fill(b, h, 10_000, new(int))
	n := 0
	for b.Loop() {
		n++
		if err := c.SetView(event.View{Query: fmt.Sprint(n % 1000)}); err != nil {
			b.Fatal(err)
		}
	}
}
