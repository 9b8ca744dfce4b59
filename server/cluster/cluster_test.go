package cluster

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/server/hub"
	"rollcall/shared/event"
)

func TestARoomSpansServers(t *testing.T) {
	bubble(t, func(t *testing.T, f *fakeNATS) {
		a, b, c := f.serve(t, "a"), f.serve(t, "b"), f.serve(t, "c")
		ana := a.join("Ana")
		synctest.Wait()
		ben := b.join("Ben")
		eye := c.watch()
		ben.has("Ana", "Ben")
		eye.has("Ana", "Ben")
		ana.expect("+Ben")
		cyd := c.join("Cyd")
		ana.expect("+Cyd")
		ben.expect("+Cyd")
		if err := cyd.conn.Update(0, event.Patch{Note: new("hi")}); err != nil {
			t.Fatal(err)
		}
		pass(time.Second)
		ana.expect("~Cyd hi")
		ben.conn.Leave(0)
		pass(time.Second)
		ana.expect("-Ben left")
		cyd.conn.Close(true)
		pass(time.Second)
		ana.expect("~Cyd reconnecting hi")
		pass(2 * time.Second)
		ana.expect("-Cyd closed")
		eye.has("Ana")
		sameEverywhere(t, a, c)
	})
}

func TestARoomThatOneServerHasWaitsForNothing(t *testing.T) {
	bubble(t, func(t *testing.T, f *fakeNATS) {
		a := f.serve(t, "a")
		f.serve(t, "b")
		began := time.Now()
		a.join("Ana")
		if waited := time.Since(began); waited > 0 {
			t.Errorf("waited %v", waited)
		}
		pass(10 * time.Second)
		before := f.messages()
		a.join("Ben")
		pass(19 * time.Second)
		if words := 2 * 19; f.messages()-before > words {
			t.Errorf("%d messages more than the words of life", f.messages()-before-words)
		}
	})
}

func TestARoomIsOpenedWhileManyAreInItElsewhere(t *testing.T) {
	bubble(t, func(t *testing.T, f *fakeNATS) {
		f.payload = 64 << 10 // less than the slice
		a, b := f.serve(t, "a"), f.serve(t, "b")
		for i := range 3000 {
			name := fmt.Sprint("user ", i)
			if _, err := a.hub.Join("a", hub.Person{ID: name, Profile: event.Named(name)}, deaf{}); err != nil {
				t.Fatal(err)
			}
		}
		eye := b.watch()
		synctest.Wait()
		if n := len(eye.names()); n != 3000 {
			t.Errorf("the first frame has %d", n)
		}
		if eye.shots != 1 {
			t.Errorf("%d snapshots", eye.shots)
		}
		eye.expect()
		sameEverywhere(t, a, b)
	})
}

func TestTwoServersThatOpenARoomAtOnceFindEachOther(t *testing.T) {
	for name, unseen := range map[string]bool{"and hear each other": false, "and are both told that nobody has it": true} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, f *fakeNATS) {
				a, b := f.serve(t, "a"), f.serve(t, "b")
				a.bus.set(func() {
					f.unseen[[2]*fakeBus{a.bus, b.bus}], f.unseen[[2]*fakeBus{b.bus, a.bus}] = unseen, unseen
				})
				done := make(chan *client, 2)
				go func() { done <- a.join("Ana") }()
				go func() { done <- b.join("Ben") }()
				one, two := <-done, <-done
				pass(100 * time.Millisecond)
				a.bus.set(func() { clear(f.unseen) })
				pass(2 * time.Second)
				one.has("Ana", "Ben")
				two.has("Ana", "Ben")
				if unseen { // nobody is seen to arrive who was here
					one.expect()
					two.expect()
				}
				sameEverywhere(t, a, b)
			})
		})
	}
}

func TestTheFirstAnswerIsWaitedForALittleWhile(t *testing.T) {
	for name, c := range map[string]struct {
		delay  time.Duration
		deaf   bool // NATS says nothing at all
		waited time.Duration
		names  []string
	}{
		"soon":              {100 * time.Millisecond, false, 200 * time.Millisecond, []string{"Ana", "Ben"}},
		"from a slow one":   {400 * time.Millisecond, false, 800 * time.Millisecond, []string{"Ana", "Ben"}},
		"from too slow one": {3 * time.Second, false, silentAfter - 300*time.Millisecond, []string{"Ben"}}, // which is silent then
		"from nobody":       {0, true, openTimeout, []string{"Ben"}},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, f *fakeNATS) {
				a, b := f.serve(t, "a"), f.serve(t, "b")
				a.join("Ana")
				a.bus.set(func() {
					f.fault = func(message) (int, time.Duration) { return 1, c.delay }
					b.bus.deaf = c.deaf
				})
				began := time.Now()
				ben := b.join("Ben")
				if waited := time.Since(began); waited != c.waited && (!c.deaf || waited > c.waited) { // NATS may count as out of reach before
					t.Errorf("waited %v, want %v", waited, c.waited)
				}
				ben.has(c.names...)
				b.bus.set(func() { b.bus.deaf = false })
				pass(10 * time.Second)
				ben.has("Ana", "Ben")
				if !c.deaf {
					ben.expect() // told by a snapshot
				}
			})
		})
	}
}

func TestAClientThatMovesIsNotSeenToComeOrGo(t *testing.T) {
	bubble(t, func(t *testing.T, f *fakeNATS) {
		a, b, c := f.serve(t, "a"), f.serve(t, "b"), f.serve(t, "c")
		ana := a.join("Ana")
		pass(time.Second)
		a.join("Ben")
		eyes := []*client{a.watch(), b.watch(), c.watch()}
		synctest.Wait()
		since := a.users()[0].Since
		if err := ana.conn.Update(0, event.Patch{Note: new("hi"), Status: new(event.StatusBusy)}); err != nil {
			t.Fatal(err)
		}
		pass(time.Second)
		for _, eye := range eyes {
			eye.expect("~Ana busy hi")
		}
		ana.conn.Close(false)
		pass(time.Second)
		for _, eye := range eyes {
			eye.expect("~Ana reconnecting busy hi")
		}
		b.joinAs("Ana", hub.Person{Visitor: hub.Visitor{Resume: &event.Resume{Epoch: "other", Seq: 7}}})
		pass(time.Second)
		for _, eye := range eyes {
			eye.expect("~Ana busy hi")
		}
		pass(20 * time.Second)
		for _, eye := range eyes {
			eye.expect()
			eye.has("Ana", "Ben")
		}
		if now := b.users()[0].Since; now != since {
			t.Errorf("since %d, was %d", now, since)
		}
		sameEverywhere(t, a, b, c)
	})
}

func TestWhoHasMovedIsGoneAsSoonAsTheirTabIsClosed(t *testing.T) {
	bubble(t, func(t *testing.T, f *fakeNATS) {
		a, b := f.serve(t, "a"), f.serve(t, "b")
		eye := a.watch()
		synctest.Wait()
		ana := a.join("Ana")
		synctest.Wait()
		ana.conn.Close(false)
		pass(time.Second)
		again := b.join("Ana")
		pass(time.Second)
		again.conn.Close(true)
		pass(3 * time.Second)
		eye.expect("+Ana", "~Ana reconnecting", "~Ana", "~Ana reconnecting", "-Ana closed")
	})
}

func TestTabsOnTwoServersThatAreLostTogetherHaveTheirGrace(t *testing.T) {
	bubble(t, func(t *testing.T, f *fakeNATS) {
		a, b := f.serve(t, "a"), f.serve(t, "b")
		eye := a.watch()
		synctest.Wait()
		one, two := a.join("Ana"), b.join("Ana")
		pass(time.Second)
		one.conn.Close(false)
		pass(10 * time.Millisecond)
		two.conn.Close(false)
		pass(14 * time.Second)
		eye.expect("+Ana", "~Ana reconnecting")
		pass(2 * time.Second)
		eye.expect("-Ana lost")
	})
}

func TestTwoFieldsThatAreChangedOnTwoServersBothHold(t *testing.T) {
	bubble(t, func(t *testing.T, f *fakeNATS) {
		a, b, c := f.serve(t, "a"), f.serve(t, "b"), f.serve(t, "c")
		one, two := a.join("Ana"), b.join("Ana")
		c.join("Ana")
		pass(time.Second)
		a.bus.set(func() { f.fault = func(message) (int, time.Duration) { return 1, 100 * time.Millisecond } })
		if err := one.conn.Update(0, event.Patch{Note: new("hi")}); err != nil {
			t.Fatal(err)
		}
		if err := two.conn.Update(0, event.Patch{Status: new(event.StatusBusy)}); err != nil {
			t.Fatal(err)
		}
		pass(time.Second)
		sameEverywhere(t, a, b, c)
		if u := c.users()[0]; u.Note != "hi" || u.Status != event.StatusBusy {
			t.Errorf("she is %+v", u)
		}
	})
}

func TestWhoLeavesIsGoneFromAllServersOnceTheyHearOfIt(t *testing.T) {
	bubble(t, func(t *testing.T, f *fakeNATS) {
		a, b, c := f.serve(t, "a"), f.serve(t, "b"), f.serve(t, "c")
		one, two, three := a.join("Ana"), b.join("Ana"), c.join("Ana")
		eye := b.watch()
		pass(time.Second)
		b.bus.cut()
		pass(5 * time.Second)
		one.conn.Leave(0)
		pass(time.Second)
		three.expect("-Ana left")
		if !three.last || two.last {
			t.Errorf("the tab at c is told: %v; that at b: %v", three.last, two.last)
		}
		eye.has("Ana")
		pass(30 * time.Second)
		b.bus.mend()
		pass(3 * time.Second)
		eye.has()
		if !two.last {
			t.Error("the tab at b is not told")
		}
		two.conn.Close(true)
		pass(2 * time.Minute)
		b.join("Ana") // who has come back
		pass(time.Second)
		eye.has("Ana")
		if a.hub.OpenRooms()+c.hub.OpenRooms() != 0 {
			t.Error("the mark is kept")
		}
	})
}

func TestWhoResumesElsewhereAfterTheyHaveLeftIsToldSo(t *testing.T) {
	bubble(t, func(t *testing.T, f *fakeNATS) {
		a, b := f.serve(t, "a"), f.serve(t, "b")
		a.watch()
		b.watch()
		one, two := a.join("Ana"), b.join("Ana")
		pass(time.Second)
		two.conn.Close(false)
		one.conn.Leave(0)
		again := b.joinAs("Ana", hub.Person{Visitor: hub.Visitor{Resume: &event.Resume{Epoch: "of a", Seq: 1}}})
		pass(time.Second)
		again.expect("-Ana left")
		if !again.last {
			t.Error("she is in the room again")
		}
	})
}

func TestWhatAClientSaysAgainToAnotherServerIsDoneOnce(t *testing.T) {
	bubble(t, func(t *testing.T, f *fakeNATS) {
		a, b := f.serve(t, "a"), f.serve(t, "b")
		p := hub.Person{Tab: "tab"}
		one := a.joinAs("Ana", p)
		other := b.join("Ana")
		if err := one.conn.Update(3, event.Patch{Note: new("mine")}); err != nil {
			t.Fatal(err)
		}
		pass(time.Second)
		if err := other.conn.Update(0, event.Patch{Note: new("newer")}); err != nil {
			t.Fatal(err)
		}
		pass(time.Second)
		one.conn.Close(false)
		other.conn.Close(false)
		pass(time.Second)
		c := f.serve(t, "c")
		p.Visitor.Ref, p.Change = 3, event.Patch{Note: new("mine")}
		c.joinAs("Ana", p)
		pass(time.Second)
		if note := c.users()[0].Note; note != "newer" {
			t.Errorf("the note is %q", note)
		}
	})
}

func TestTheLimitOfMembersCountsThoseOfAllServers(t *testing.T) {
	bubble(t, func(t *testing.T, f *fakeNATS) {
		limit := func(_ *Options, o *hub.Options) { o.MaxMembers = 2 }
		a, b := f.serve(t, "a", limit), f.serve(t, "b", limit)
		a.join("Ana")
		b.join("Ben")
		synctest.Wait()
		if _, err := a.hub.Join("a", hub.Person{ID: "Cyd", Profile: event.Named("Cyd")}, &client{t: t}); err != hub.ErrRoomFull {
			t.Errorf("the third is told %v", err)
		}
		a.join("Ben") // who is in the room
	})
}

// deaf is a client that reads nothing of what it gets.
type deaf struct{}

func (deaf) Send(*hub.Conn, hub.Frame) bool { return true }

func TestALargeRoomIsSeenAndSearchedAcrossServers(t *testing.T) {
	bubble(t, func(t *testing.T, f *fakeNATS) {
		large := func(_ *Options, o *hub.Options) { o.Window = 10 }
		a, b := f.serve(t, "a", large), f.serve(t, "b", large)
		for i := range 30 {
			[]*server{a, b}[i%2].join(fmt.Sprintf("Person %02d", i))
			pass(10 * time.Millisecond)
		}
		eye := b.watch()
		pass(time.Second)
		if _, total, ok := eye.view(); !ok || total != 30 {
			t.Errorf("of %d, %v", total, ok)
		}
		for query, want := range map[string][]string{"person 2": {"Person 02", "Person 12", "Person 20", "Person 21"}} {
			if err := eye.conn.SetView(event.View{Count: 4, Query: query}); err != nil {
				t.Fatal(err)
			}
			pass(time.Second)
			eye.has(want...)
		}
		if err := eye.conn.SetView(event.View{From: 28}); err != nil {
			t.Fatal(err)
		}
		a.join("Person 30")
		pass(time.Second)
		eye.has("Person 28", "Person 29", "Person 30")
	})
}
