package cluster

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/server/hub"
	"rollcall/shared/event"
)

func TestThePeopleOfASilentServerAreReconnectingAndThenGone(t *testing.T) {
	bubble(t, func(t *testing.T, f *fakeNATS) {
		a, b := f.serve(t, "a"), f.serve(t, "b")
		eye := a.watch()
		for _, name := range []string{"Ana", "Ben", "Cyd"} {
			b.join(name)
			pass(time.Second)
		}
		a.join("Dan")
		a.join("Cyd")
		pass(time.Second)
		eye.expect("+Ana", "+Ben", "+Cyd", "+Dan")
		b.kill()
		pass(3 * time.Second)
		eye.expect()
		pass(2 * time.Second)
		eye.has("Ana?", "Ben?", "Cyd", "Dan")
		eye.expect("~Ana reconnecting", "~Ben reconnecting")
		pass(9 * time.Second)
		eye.expect()
		pass(2 * time.Second)
		slices.Sort(eye.seen) // they go in one frame
		eye.expect("-Ana node_lost", "-Ben node_lost")
	})
}

func TestWhoComesBackAfterTheirServerDiedIsNotSeenToGo(t *testing.T) {
	bubble(t, func(t *testing.T, f *fakeNATS) {
		a, b := f.serve(t, "a"), f.serve(t, "b")
		eye := a.watch()
		pass(time.Second)
		b.join("Ana")
		pass(time.Second)
		since := a.users()[0].Since
		b.kill()
		pass(5 * time.Second)
		again := a.join("Ana")
		pass(30 * time.Second)
		eye.expect("+Ana", "~Ana reconnecting", "~Ana")
		if now := a.users()[0].Since; now != since {
			t.Errorf("since %d, was %d", now, since)
		}
		again.conn.Close(true)
		pass(3 * time.Second)
		eye.expect("~Ana reconnecting", "-Ana closed")
	})
}

func TestAServerThatStartsAgainAfterItDiedTakesNothingFromOthers(t *testing.T) {
	for _, down := range []time.Duration{5 * time.Second, 20 * time.Second, time.Minute} {
		t.Run(down.String(), func(t *testing.T) {
			bubble(t, func(t *testing.T, f *fakeNATS) {
				a, b := f.serve(t, "a"), f.serve(t, "b")
				eye := a.watch()
				pass(time.Second)
				b.join("Ana")
				b.join("Ben")
				pass(time.Second)
				b.kill()
				pass(down)
				eye.seen = nil
				b = f.serve(t, "b")
				b.join("Ana")
				pass(20 * time.Second)
				if down < lostAfter {
					eye.expect("~Ana", "-Ben node_lost")
				} else {
					eye.expect("+Ana")
				}
				sameEverywhere(t, a, b)
			})
		})
	}
}

// A server that has crashed starts again with what its journal has. Others have removed its
// people by then, or have not.
func TestAServerThatStartsAfterACrashBringsNobodyBackWhoIsGone(t *testing.T) {
	for _, down := range []time.Duration{5 * time.Second, 20 * time.Second, time.Minute} {
		t.Run(down.String(), func(t *testing.T) {
			bubble(t, func(t *testing.T, f *fakeNATS) {
				a, b := f.serve(t, "a"), f.serve(t, "b")
				eye := b.watch()
				a.join("Ana")
				a.join("Ben")
				pass(10 * time.Second)
				state := a.hub.Save()
				for i := range state.Rooms {
					state.Rooms[i].Epoch = "" // as after a crash
				}
				a.kill()
				pass(time.Second)
				b.join("Ana")
				pass(down - time.Second)
				eye.seen = nil
				a = f.serve(t, "a")
				state.Keep(a.node.Held(t.Context(), []string{"a"}, true))
				a.hub.Restore(state)
				pass(5 * time.Second)
				if down < lostAfter {
					eye.has("Ana", "Ben?") // who has as long as after any restart
				} else {
					eye.has("Ana")
				}
				pass(2 * time.Minute)
				eye.has("Ana")
			})
		})
	}
}

func TestARollingRestartIsSeenByNobody(t *testing.T) {
	bubble(t, func(t *testing.T, f *fakeNATS) {
		servers := map[string]*server{}
		clients := map[string]*client{}
		for _, name := range []string{"a", "b", "c"} {
			servers[name] = f.serve(t, name)
		}
		for i := range 30 {
			at := []string{"a", "b", "c"}[i%3]
			name := fmt.Sprintf("user %02d", i)
			clients[name] = servers[at].join(name)
			pass(10 * time.Millisecond)
		}
		pass(time.Second)
		before := servers["a"].users()
		for _, name := range []string{"a", "b", "c"} {
			s := servers[name]
			eyes := []*client{}
			for _, other := range servers {
				if other != s {
					eyes = append(eyes, other.watch())
				}
			}
			synctest.Wait()
			s.hub.Suspend()
			state := s.hub.Save()
			s.node.End()
			pass(10 * time.Millisecond)
			s.end()
			pass(2 * time.Second)
			moved := 0
			for id, c := range clients {
				if c.at == s && moved < 5 { // the others come back to where they were
					moved++
					for _, other := range servers {
						if other != s {
							clients[id] = other.join(id)
							break
						}
					}
				}
			}
			next := f.serve(t, name)
			var rooms []string
			for _, r := range state.Rooms {
				rooms = append(rooms, r.Name)
			}
			state.Keep(next.node.Held(t.Context(), rooms, false))
			next.hub.Restore(state)
			servers[name] = next
			pass(3 * time.Second)
			for id, c := range clients {
				if c.at == s {
					clients[id] = next.join(id)
				}
			}
			pass(2 * time.Minute)
			for _, eye := range eyes {
				eye.mu.Lock()
				for _, seen := range eye.seen {
					if !strings.HasPrefix(seen, "~") {
						t.Errorf("at %s, while %s starts again: %s", eye.at.name, name, seen)
					}
				}
				eye.mu.Unlock()
				eye.conn.Close(true)
			}
		}
		sameEverywhere(t, servers["a"], servers["b"], servers["c"])
		if after := servers["b"].users(); !slices.Equal(before, after) {
			t.Errorf("before: %v\nafter: %v", before, after)
		}
	})
}

func TestWhoHasLeftIsNotTakenUpAgainByAServerThatStartsAgain(t *testing.T) {
	bubble(t, func(t *testing.T, f *fakeNATS) {
		a, b := f.serve(t, "a"), f.serve(t, "b")
		eye := a.watch()
		b.join("Ana")
		b.join("Ben")
		pass(time.Second)
		b.hub.Suspend()
		state := b.hub.Save()
		b.node.End()
		pass(time.Second)
		b.end()
		a.join("Ana").conn.Leave(0)
		pass(time.Second)
		b = f.serve(t, "b")
		state.Keep(b.node.Held(t.Context(), []string{"a"}, false))
		b.hub.Restore(state)
		pass(5 * time.Second)
		eye.has("Ben?")
		ben := b.join("Ben")
		pass(time.Second)
		ben.conn.Close(true)
		pass(3 * time.Second)
		eye.has()
	})
}

func TestWithoutNATSNobodyIsRemovedAndItIsSaidThatSomebodyMayBeMissing(t *testing.T) {
	bubble(t, func(t *testing.T, f *fakeNATS) {
		a, b := f.serve(t, "a"), f.serve(t, "b")
		ana, ben := a.join("Ana"), b.join("Ben")
		pass(time.Second)
		a.bus.cut()
		b.bus.cut()
		pass(time.Minute)
		ana.has("Ana", "Ben?")
		ben.has("Ana?", "Ben")
		if !ana.state().Partial || !ben.state().Partial {
			t.Error("nothing says that somebody may be missing")
		}
		cyd := b.join("Cyd")
		f.serve(t, "c")
		pass(time.Second)
		a.bus.mend()
		pass(time.Second)
		ana.has("Ana", "Ben?")
		b.bus.mend()
		pass(2 * time.Second)
		ana.has("Ana", "Ben", "Cyd")
		ben.has("Ana", "Ben", "Cyd")
		if ana.state().Partial || cyd.state().Partial {
			t.Error("it still says that somebody may be missing")
		}
		pass(time.Minute)
		ana.has("Ana", "Ben", "Cyd")
		sameEverywhere(t, a, b)
	})
}

func TestAPartitionThatLetsOneDirectionThroughHeals(t *testing.T) {
	for name, break_ := range map[string]func(b *fakeBus, broken bool){
		"nothing gets out": func(b *fakeBus, broken bool) { b.set(func() { b.mute = broken }) },
		"nothing gets in":  func(b *fakeBus, broken bool) { b.set(func() { b.deaf = broken }) },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, f *fakeNATS) {
				a, b := f.serve(t, "a"), f.serve(t, "b")
				ana, ben := a.join("Ana"), b.join("Ben")
				pass(time.Second)
				break_(b.bus, true)
				pass(time.Minute)
				if !ben.state().Partial {
					t.Error("nobody is told")
				}
				ben.has("Ana?", "Ben")
				b.join("Cyd")
				a.join("Dan")
				pass(time.Second)
				break_(b.bus, false)
				b.bus.ev <- busEvent{connected: true} // the library connects anew
				pass(5 * time.Second)
				ana.has("Ana", "Ben", "Cyd", "Dan")
				ben.has("Ana", "Ben", "Cyd", "Dan")
				sameEverywhere(t, a, b)
			})
		})
	}
}

func TestAServerThatStoodStillFindsItsWayBack(t *testing.T) {
	bubble(t, func(t *testing.T, f *fakeNATS) {
		a, b := f.serve(t, "a"), f.serve(t, "b")
		ana, ben := a.join("Ana"), b.join("Ben")
		pass(time.Second)
		// The process does nothing: what comes waits, and it says nothing.
		thaw := make(chan struct{})
		b.node.commands.add(func() { <-thaw })
		pass(time.Minute - tickEvery/2)
		ana.has("Ana")
		cyd := a.join("Cyd")
		pass(time.Second)
		b.node.tickedAt.Add(-int64(time.Minute)) // its heart stood still as well
		if !ben.conn.Outdated() {
			t.Error("a connection counts before the server has looked around")
		}
		if _, err := b.hub.Join("a", hub.Person{ID: "Eve", Profile: event.Named("Eve")}, deaf{}); err != hub.ErrStoodStill {
			t.Errorf("who comes at that moment is told %v", err)
		}
		close(thaw)
		pass(5 * time.Second)
		ana.has("Ana", "Ben", "Cyd")
		ben.has("Ana", "Ben", "Cyd")
		cyd.has("Ana", "Ben", "Cyd")
		// What Ben's client had said meanwhile may be undone elsewhere since.
		if !ben.conn.Outdated() || ana.conn.Outdated() || b.join("Dan").conn.Outdated() {
			t.Error("the wrong connections count still")
		}
		if !strings.Contains(b.logged(), "stood still") {
			t.Error("nothing is logged")
		}
		sameEverywhere(t, a, b)
	})
}

func TestAServerThatIsBusyDoesNotTakeOthersForSilent(t *testing.T) {
	bubble(t, func(t *testing.T, f *fakeNATS) {
		a, b := f.serve(t, "a"), f.serve(t, "b")
		eye := a.watch()
		pass(time.Second)
		b.join("Ana")
		pass(time.Second)
		left := 30
		var work func()
		work = func() {
			time.Sleep(1900 * time.Millisecond)
			if left--; left > 0 {
				a.node.commands.add(work) // which is there as soon as a word of b
			}
		}
		a.node.commands.add(work)
		pass(time.Minute)
		eye.expect("+Ana")
		b.kill()
		pass(20 * time.Second)
		eye.has()
	})
}

func TestALivingServersNameCannotBeTaken(t *testing.T) {
	bubble(t, func(t *testing.T, f *fakeNATS) {
		a := f.serve(t, "a")
		if _, err := f.tryServe(t, "a"); err == nil || !strings.Contains(err.Error(), "-node-name") {
			t.Errorf("the second is told %v", err)
		}
		a.kill()
		f.serve(t, "a")
	})
}

func TestTwoServersOfOneNameBothKeepTheirPeople(t *testing.T) {
	bubble(t, func(t *testing.T, f *fakeNATS) {
		c, one := f.serve(t, "c"), f.serve(t, "a")
		eye := c.watch()
		one.join("Ana")
		pass(time.Second)
		one.bus.cut()
		two := f.serve(t, "a")
		two.join("Ben")
		pass(5 * time.Second)
		one.bus.mend()
		pass(30 * time.Second)
		eye.has("Ana", "Ben")
		for _, s := range []*server{c, one, two} {
			if !strings.Contains(s.logged(), "-node-name") {
				t.Errorf("%s says nothing", s.name)
			}
		}
		sameEverywhere(t, c, one, two)
	})
}

func TestAClockThatIsWrongHoldsNothingUp(t *testing.T) {
	for _, by := range []time.Duration{time.Hour, -time.Hour} {
		bubble(t, func(t *testing.T, f *fakeNATS) {
			a := f.serve(t, "a")
			b := f.serve(t, "b", func(_ *Options, o *hub.Options) { o.Now = func() time.Time { return time.Now().Add(by) } })
			eye := a.watch()
			synctest.Wait()
			ana := a.join("Ana")
			ben := b.join("Ben")
			two := b.join("Ana")
			pass(time.Second)
			for i, c := range []*client{two, ana, two, ana} {
				if err := c.conn.Update(0, event.Patch{Note: new(fmt.Sprint(i))}); err != nil {
					t.Fatal(err)
				}
				pass(time.Second)
			}
			if u, _ := eye.roster.Get("Ana"); u.Note != "3" {
				t.Errorf("%v: the note is %q, and not what was said last", by, u.Note)
			}
			ben.conn.Close(true)
			two.conn.Close(true)
			ana.conn.Close(false)
			pass(5 * time.Second)
			eye.has("Ana?")
			pass(15 * time.Second)
			eye.has()
			sameEverywhere(t, a, b)
		})
	}
}
