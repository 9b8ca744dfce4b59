package cluster

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"rollcall/server/hub"
	"rollcall/shared/event"
)

// NATS is a cluster that falls apart for longer than a server may be silent, and each server
// reaches its part of NATS all the time. Both have forgotten each other when it heals.
func TestServersThatHaveLostEachOtherShowTheSameFiveSecondsAfterHealing(t *testing.T) {
	bubble(t, func(t *testing.T, f *fakeNATS) {
		a, b := f.serve(t, "a"), f.serve(t, "b")
		eyeA, eyeB := a.watch(), b.watch()
		a.join("Ana")
		pass(time.Millisecond)
		b.join("Ben")
		pass(40 * time.Second)
		f.lose(all)
		pass(20 * time.Second)
		f.lose(nil)
		pass(5 * time.Second)
		eyeA.has("Ana", "Ben")
		eyeB.has("Ana", "Ben")
	})
}

// The same in one direction: b hears nothing of a, and reaches NATS.
func TestAServerThatHasLostAnotherShowsItsUsersFiveSecondsAfterHealing(t *testing.T) {
	for _, offset := range []time.Duration{0, 10, 20} {
		t.Run(fmt.Sprint(offset), func(t *testing.T) {
			bubble(t, func(t *testing.T, f *fakeNATS) {
				a, b := f.serve(t, "a"), f.serve(t, "b")
				eye := b.watch()
				a.join("Ana")
				pass(40*time.Second + offset*time.Second)
				a.bus.set(func() { f.unseen[[2]*fakeBus{a.bus, b.bus}] = true })
				pass(20 * time.Second)
				eye.has()
				a.bus.set(func() { clear(f.unseen) })
				pass(5 * time.Second)
				eye.has("Ana")
			})
		})
	}
}

// NATS tells a server that nobody else has a room, which is not so. When it asks again, the
// answer is lost, and its room ends before it asks once more.
func TestWhoAsksForARoomAndEndsItIsForgotten(t *testing.T) {
	bubble(t, func(t *testing.T, f *fakeNATS) {
		a, b := f.serve(t, "a"), f.serve(t, "b")
		a.join("Ana")
		eye := a.watch()
		pass(40 * time.Second)
		b.bus.set(func() { f.unseen[[2]*fakeBus{b.bus, a.bus}] = true })
		short := b.watch()
		pass(10 * time.Millisecond)
		b.bus.set(func() { clear(f.unseen) })
		pass(890 * time.Millisecond)
		f.lose(func(m message) bool { return strings.Contains(m.subject, ".to.") })
		pass(200 * time.Millisecond)
		f.lose(nil)
		short.conn.Close(true)
		pass(5 * time.Minute)
		if eye.state().Partial {
			t.Error("it is still said that somebody may be missing")
		}
		if _, shared := a.node.rooms["a"].shared.SliceState(); shared {
			t.Error("a still tells its slice to nobody")
		}
	})
}

// Somebody has tabs on two servers, which do not hear each other for longer than a server
// may be silent. They leave on one of them meanwhile.
func TestALeaveWhileServersHaveLostEachOtherIsForAllServers(t *testing.T) {
	bubble(t, func(t *testing.T, f *fakeNATS) {
		a, b := f.serve(t, "a"), f.serve(t, "b")
		eye, eyeB := a.watch(), b.watch()
		one := a.join("Ana")
		b.join("Ana")
		pass(10 * time.Second)
		f.lose(all)
		pass(18 * time.Second)
		one.conn.Leave(0)
		pass(2 * time.Second)
		f.lose(nil)
		pass(time.Minute)
		eye.has()
		eyeB.has()
	})
}

// Somebody has tabs on two servers, one of which does not reach NATS for some minutes. They
// leave there.
func TestALeaveOutOfReachOfNATSIsForAllServers(t *testing.T) {
	for _, out := range []time.Duration{30 * time.Second, 3 * time.Minute} {
		t.Run(out.String(), func(t *testing.T) {
			bubble(t, func(t *testing.T, f *fakeNATS) {
				a, b := f.serve(t, "a"), f.serve(t, "b")
				eye, eyeB := a.watch(), b.watch()
				one := a.join("Ana")
				b.join("Ana")
				pass(10 * time.Second)
				a.bus.cut()
				pass(time.Second)
				one.conn.Leave(0)
				pass(out)
				a.bus.mend()
				pass(time.Minute)
				eye.has()
				eyeB.has()
			})
		})
	}
}

// NATS is out of reach for some minutes. Nothing can be asked meanwhile.
func TestAServerThatIsOutOfReachAsksNobody(t *testing.T) {
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
		a.bus.cut()
		pass(10 * time.Second)
		before := a.node.counts.Asks.Load()
		pass(5 * time.Minute)
		if n := a.node.counts.Asks.Load() - before; n > rooms {
			t.Errorf("it asks %d times about %d rooms", n, rooms)
		}
	})
}

// The end of a room is not heard, and no other message is lost.
func TestNobodyIsShownOnlineTwentySecondsAfterTheEndOfARoomThatIsNotHeard(t *testing.T) {
	bubble(t, func(t *testing.T, f *fakeNATS) {
		a, b := f.serve(t, "a"), f.serve(t, "b")
		eye := b.watch()
		one := a.join("Ana")
		pass(10 * time.Second)
		f.lose(ofRooms)
		one.conn.Leave(0)
		pass(300 * time.Millisecond)
		f.lose(nil)
		one.conn.Close(true)
		pass(20 * time.Second)
		eye.has()
	})
}

// A server comes back to NATS, and another one loses NATS for some seconds, before it has
// said its next word. A room of that one ends meanwhile.
func TestTheEndOfARoomIsNotMissedRightAfterNATSIsBack(t *testing.T) {
	bubble(t, func(t *testing.T, f *fakeNATS) {
		a, b := f.serve(t, "a"), f.serve(t, "b")
		eye := a.watch()
		one := b.join("Ana")
		pass(10*time.Second + 50*time.Millisecond) // b has just said a word
		a.bus.cut()
		pass(500 * time.Millisecond)
		a.bus.mend()
		pass(100 * time.Millisecond)
		eye.has("Ana")
		b.bus.cut()
		one.conn.Leave(0)
		pass(100 * time.Millisecond)
		one.conn.Close(true)
		pass(2 * time.Second)
		b.bus.mend()
		pass(5 * time.Second)
		eye.has()
	})
}

// A room is opened on a server while it is not heard by the others, and does not hear them.
func TestARoomThatIsOpenedInAPartitionHasAllFiveSecondsAfterHealing(t *testing.T) {
	for _, broken := range []time.Duration{10 * time.Second, 20 * time.Second} {
		t.Run(broken.String(), func(t *testing.T) {
			bubble(t, func(t *testing.T, f *fakeNATS) {
				a, b := f.serve(t, "a"), f.serve(t, "b")
				a.join("Ana")
				pass(40 * time.Second)
				f.lose(all)
				pass(time.Second)
				b.join("Ben")
				pass(broken)
				eye, eyeA := b.watch(), a.watch()
				f.lose(nil)
				pass(5 * time.Second)
				eye.has("Ana", "Ben")
				eyeA.has("Ana", "Ben")
			})
		})
	}
}

// NATS has refused a subscription, and takes all after it has started again.
func TestWhatNATSHasRefusedOnceIsNotSaidForEver(t *testing.T) {
	bubble(t, func(t *testing.T, f *fakeNATS) {
		a := f.serve(t, "a")
		eye := a.watch()
		pass(time.Second)
		a.bus.ev <- busEvent{refused: true}
		pass(time.Second)
		a.bus.cut()
		pass(time.Second)
		a.bus.mend()
		pass(time.Minute)
		if eye.state().Partial {
			t.Error("it is still said that somebody may be missing")
		}
	})
}

// A server has ended. Nobody answers in its place.
func TestAServerThatHasEndedIsNotAsked(t *testing.T) {
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
		b.node.End()
		pass(time.Millisecond)
		b.kill()
		before := a.node.counts.Asks.Load()
		pass(2 * time.Minute)
		if n := a.node.counts.Asks.Load() - before; n > 0 {
			t.Errorf("it is asked %d times about %d rooms", n, rooms)
		}
	})
}

// Nothing happens in a room of two servers.
func TestAQuietRoomCostsTwoMessagesInHalfAMinute(t *testing.T) {
	bubble(t, func(t *testing.T, f *fakeNATS) {
		a, b := f.serve(t, "a"), f.serve(t, "b")
		a.join("Ana")
		pass(time.Minute)
		b.watch()
		pass(time.Minute)
		before, asks := f.messages(), a.node.counts.Asks.Load()+b.node.counts.Asks.Load()
		pass(10 * time.Minute)
		n, words := f.messages()-before, 2*600
		if n > words+2*20+2 {
			t.Errorf("%d messages more than words", n-words)
		}
		if asks := a.node.counts.Asks.Load() + b.node.counts.Asks.Load() - asks; asks > 0 {
			t.Errorf("a slice is asked for %d times", asks)
		}
	})
}

// A server opens a room while one of the two that have it does not hear it, and is not heard
// by it. Nothing changes in the room after that.
func TestAServerThatWasNotHeardWhenARoomWasOpenedIsHeardAfterHealing(t *testing.T) {
	bubble(t, func(t *testing.T, f *fakeNATS) {
		a, b, c := f.serve(t, "a"), f.serve(t, "b"), f.serve(t, "c")
		a.join("Ana")
		pass(40 * time.Second)
		b.join("Ben")
		pass(40 * time.Second)
		a.bus.set(func() { f.unseen[[2]*fakeBus{a.bus, c.bus}], f.unseen[[2]*fakeBus{c.bus, a.bus}] = true, true })
		pass(4 * time.Second)
		eye := c.watch()
		pass(8 * time.Second)
		a.bus.set(func() { clear(f.unseen) })
		pass(5 * time.Second)
		eye.has("Ana", "Ben")
		pass(10 * time.Minute)
		eye.has("Ana", "Ben")
	})
}

// What one server says does not reach the other one, which it hears. So nobody answers its
// questions about a room that it opens meanwhile.
func TestAServerThatIsHeardAgainHasAllFiveSecondsAfterHealing(t *testing.T) {
	for broken := 10 * time.Second; broken <= 14*time.Second; broken += time.Second {
		t.Run(broken.String(), func(t *testing.T) {
			bubble(t, func(t *testing.T, f *fakeNATS) {
				a, b := f.serve(t, "a"), f.serve(t, "b")
				ana := a.join("Ana")
				a.watch()
				pass(40 * time.Second)
				b.bus.set(func() { f.unseen[[2]*fakeBus{b.bus, a.bus}] = true })
				b.join("Ben")
				eye := b.watch()
				pass(time.Second)
				c := f.serve(t, "c") // so that a says something in the room
				c.watch()
				if err := ana.conn.Update(0, event.Patch{Note: new("new")}); err != nil {
					t.Fatal(err)
				}
				pass(broken)
				b.bus.set(func() { clear(f.unseen) })
				pass(5 * time.Second)
				eye.has("Ana", "Ben")
				sameEverywhere(t, a, b)
			})
		})
	}
}

// A server has died. A room that it had is opened on another one.
func TestARoomThatIsOpenedWaitsNoLongerForAServerThatIsSilent(t *testing.T) {
	bubble(t, func(t *testing.T, f *fakeNATS) {
		a, b, c := f.serve(t, "a"), f.serve(t, "b"), f.serve(t, "c")
		a.join("Ana")
		b.join("Ben")
		pass(40 * time.Second)
		b.kill()
		pass(time.Second)
		began := time.Now()
		c.watch()
		if waited := time.Since(began); waited > silentAfter {
			t.Errorf("it waits for %v", waited)
		}
	})
}

// The last people of a room on two servers go in the same moment, in many rooms.
func TestARoomThatEndsOnTwoServersAtOnceEndsOnBoth(t *testing.T) {
	bubble(t, func(t *testing.T, f *fakeNATS) {
		a, b := f.serve(t, "a"), f.serve(t, "b")
		const rooms = 100
		var conns []*hub.Conn
		for i := range rooms {
			for _, s := range []*server{a, b} {
				p := hub.Person{ID: s.name, Profile: event.Named(s.name)}
				c, err := s.hub.Join(fmt.Sprint("room", i), p, deaf{})
				if err != nil {
					t.Fatal(err)
				}
				conns = append(conns, c)
			}
		}
		pass(time.Minute)
		f.mu.Lock() // as it is between machines
		f.fault = func(message) (int, time.Duration) { return 1, time.Millisecond }
		f.mu.Unlock()
		for _, c := range conns {
			c.Close(true)
		}
		pass(10 * time.Minute)
		for _, s := range []*server{a, b} {
			if n := s.hub.OpenRooms(); n > 0 {
				t.Errorf("%s still has %d of %d rooms, without anybody", s.name, n, rooms)
			}
		}
	})
}
