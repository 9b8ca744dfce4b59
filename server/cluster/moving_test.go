package cluster

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"rollcall/server/hub"
	"rollcall/shared/event"
)

// Only one server has a room. While it starts again, its clients open the room on another
// server, and one of them leaves there, or closes their tab.
func TestWhoHasLeftWhereTheRoomWasOpenedMeanwhileIsNotTakenUpAgain(t *testing.T) {
	for _, leaves := range []bool{true, false} {
		t.Run(fmt.Sprint("leaves ", leaves), func(t *testing.T) {
			bubble(t, func(t *testing.T, f *fakeNATS) {
				a, b := f.serve(t, "a"), f.serve(t, "b")
				ana, ben := a.join("Ana"), a.join("Ben")
				pass(10 * time.Second)
				a.hub.Suspend()
				ana.conn.Close(false)
				ben.conn.Close(false)
				saved := a.hub.Save()
				a.node.End()
				a.end()
				pass(time.Second)
				resume := hub.Person{Visitor: hub.Visitor{Resume: &event.Resume{Epoch: "of a", Seq: 1}}}
				again, _ := b.joinAs("Ana", resume), b.joinAs("Ben", resume)
				eye := b.watch()
				pass(time.Second)
				if leaves {
					again.conn.Leave(0)
				} else {
					again.conn.Close(true)
				}
				pass(5 * time.Second)
				eye.has("Ben")
				a = f.serve(t, "a")
				saved.Keep(a.node.Held(t.Context(), []string{"a"}, false))
				a.hub.Restore(saved)
				pass(10 * time.Second)
				eye.has("Ben")
			})
		})
	}
}

// A server ends, and its user goes on at another one. A third server does not hear the frame
// that says so, and asks for it. Then the user closes the tab.
func TestWhoHasMovedFromAServerThatEndsIsGoneOnAllServersAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T, f *fakeNATS) {
		a, b, c := f.serve(t, "a"), f.serve(t, "b"), f.serve(t, "c")
		eyeB, eyeC := b.watch(), c.watch()
		ana := a.join("Ana")
		pass(10 * time.Second)
		a.hub.Suspend()
		ana.conn.Close(false)
		a.node.End()
		a.end()
		pass(time.Second)
		b.bus.set(func() { f.unseen[[2]*fakeBus{b.bus, c.bus}] = true })
		again := b.join("Ana")
		pass(100 * time.Millisecond)
		b.bus.set(func() { clear(f.unseen) })
		pass(5 * time.Second)
		eyeB.has("Ana")
		eyeC.has("Ana")
		again.conn.Close(true)
		pass(8 * time.Second)
		eyeB.has()
		eyeC.has()
		sameEverywhere(t, b, c)
	})
}

// A server ends, and all its users come to another one at once: more than fit in a message.
// Then they close their tabs.
func TestACrowdThatHasMovedFromAServerThatEndsIsGoneOnAllServersAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T, f *fakeNATS) {
		f.payload = 16 << 10
		a, b, c := f.serve(t, "a"), f.serve(t, "b"), f.serve(t, "c")
		eyeB, eyeC := b.watch(), c.watch()
		const many = 300
		for i := range many {
			a.join(fmt.Sprint("user ", i))
		}
		pass(10 * time.Second)
		a.hub.Suspend()
		a.node.End()
		pass(time.Millisecond)
		a.end()
		pass(time.Second)
		var crowd []*client
		b.node.commands.add(func() { time.Sleep(100 * time.Millisecond) }) // it is busy
		for i := range many {
			crowd = append(crowd, b.join(fmt.Sprint("user ", i)))
		}
		pass(5 * time.Second)
		for _, one := range crowd {
			one.conn.Close(true)
		}
		pass(8 * time.Second)
		if n, m := len(eyeB.names()), len(eyeC.names()); n != 0 || m != 0 {
			t.Errorf("%d are shown at b, %d at c", n, m)
		}
	})
}

// A server ends on purpose just after it has stood still.
func TestAServerThatEndsAfterAStandstillSaysSo(t *testing.T) {
	bubble(t, func(t *testing.T, f *fakeNATS) {
		a, b := f.serve(t, "a"), f.serve(t, "b")
		eye := b.watch()
		a.join("Ana")
		pass(10 * time.Second)
		a.node.tickedAt.Add(-int64(3 * time.Second)) // its heart stood still
		pass(500 * time.Millisecond)
		a.hub.Suspend()
		a.node.End()
		a.end()
		pass(30 * time.Second)
		eye.has("Ana?")
	})
}

// Somebody has tabs on two servers, one of which ends. That tab comes back to the other one.
// No message is lost. Then both tabs are closed.
func TestWhoHasMovedToTheServerOfTheirOtherTabIsGoneOnAllServersAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T, f *fakeNATS) {
		a, b, c := f.serve(t, "a"), f.serve(t, "b"), f.serve(t, "c")
		eyeB, eyeC := b.watch(), c.watch()
		ana, other := a.join("Ana"), b.join("Ana")
		pass(10 * time.Second)
		a.hub.Suspend()
		ana.conn.Close(false)
		a.node.End()
		pass(time.Millisecond)
		a.end()
		pass(time.Second)
		again := b.joinAs("Ana", hub.Person{Visitor: hub.Visitor{Resume: &event.Resume{Epoch: "of a", Seq: 1}}})
		pass(5 * time.Second)
		again.conn.Close(true)
		other.conn.Close(true)
		pass(8 * time.Second)
		eyeB.has()
		eyeC.has()
		sameEverywhere(t, b, c)
	})
}

// A server closes its connections, and says only then that it ends. Somebody was faster, and
// closes the tab at the other server soon after.
func TestWhoHasMovedBeforeTheirServerSaysThatItEndsDoesNotStay(t *testing.T) {
	bubble(t, func(t *testing.T, f *fakeNATS) {
		a, b := f.serve(t, "a"), f.serve(t, "b")
		eye := b.watch()
		ana := a.join("Ana")
		pass(10 * time.Second)
		a.hub.Suspend()
		ana.conn.Close(false)
		pass(200 * time.Millisecond)
		again := b.joinAs("Ana", hub.Person{Visitor: hub.Visitor{Resume: &event.Resume{Epoch: "of a", Seq: 1}}})
		pass(200 * time.Millisecond) // rooms are saved
		a.node.End()
		pass(time.Millisecond)
		a.end()
		pass(5 * time.Second)
		again.conn.Close(true)
		pass(20 * time.Second)
		eye.has()
	})
}

// A server ends before another one that has just opened the room has its slice.
func TestWhoIsNotKnownYetElsewhereIsTakenUpAgain(t *testing.T) {
	bubble(t, func(t *testing.T, f *fakeNATS) {
		a, b := f.serve(t, "a"), f.serve(t, "b")
		ana := a.join("Ana")
		pass(10 * time.Second)
		f.lose(func(m message) bool { return strings.Contains(m.subject, ".to.") })
		b.watch()
		if err := ana.conn.Update(0, event.Patch{Note: new("new")}); err != nil {
			t.Fatal(err)
		}
		pass(100 * time.Millisecond)
		a.hub.Suspend()
		ana.conn.Close(false)
		saved := a.hub.Save()
		a.node.End()
		pass(time.Millisecond)
		a.end()
		f.lose(nil)
		pass(time.Second)
		a = f.serve(t, "a")
		saved.Keep(a.node.Held(t.Context(), []string{"a"}, false))
		if len(saved.Rooms) != 1 {
			t.Error("she is not taken up, although nobody knows that she has gone")
		}
	})
}

// A server starts again and has asked whom the others still hold. Somebody leaves before it
// has told whom it takes up.
func TestWhoLeavesWhileTheirServerStartsAgainIsNotTakenUp(t *testing.T) {
	bubble(t, func(t *testing.T, f *fakeNATS) {
		a, b := f.serve(t, "a"), f.serve(t, "b")
		eye := b.watch()
		ana, two := a.join("Ana"), b.join("Ana")
		pass(10 * time.Second)
		a.hub.Suspend()
		ana.conn.Close(false)
		saved := a.hub.Save()
		a.node.End()
		pass(time.Millisecond)
		a.end()
		pass(time.Second)
		a = f.serve(t, "a")
		saved.Keep(a.node.Held(t.Context(), []string{"a"}, false))
		two.conn.Leave(0)
		pass(100 * time.Millisecond)
		two.conn.Close(true)
		a.hub.Restore(saved)
		pass(10 * time.Second)
		eye.has()
	})
}

// Somebody leaves, and comes again where another server does not hear it for a moment. Their
// line is lost, and they come back on that server.
func TestWhoHasComeAgainIsNotTurnedAwayForAnEarlierLeave(t *testing.T) {
	bubble(t, func(t *testing.T, f *fakeNATS) {
		a, b := f.serve(t, "a"), f.serve(t, "b")
		eye := b.watch()
		a.watch()
		one := a.join("Ana")
		pass(10 * time.Second)
		one.conn.Leave(0)
		pass(10 * time.Second)
		eye.has()
		f.lose(all)
		pass(100 * time.Millisecond)
		one = a.join("Ana")
		since := time.Now().UnixMilli()
		pass(time.Second)
		one.conn.Close(false)
		pass(time.Second)
		again := b.joinAs("Ana", hub.Person{Visitor: hub.Visitor{Resume: &event.Resume{Epoch: "of a", Seq: 1, Since: since}}})
		f.lose(nil)
		pass(20 * time.Second)
		eye.has("Ana")
		if again.last {
			t.Error("she is told that she has left")
		}
	})
}

// Somebody starts a second server of one name, which ends with a message.
func TestAServerThatIsTurnedAwayChangesNothing(t *testing.T) {
	bubble(t, func(t *testing.T, f *fakeNATS) {
		a, b := f.serve(t, "a"), f.serve(t, "b")
		eye := b.watch()
		a.join("Ana")
		pass(10 * time.Second)
		eye.expect("+Ana")
		if _, err := f.tryServe(t, "a"); err == nil {
			t.Error("it runs")
		}
		pass(time.Minute)
		eye.expect()
	})
}

// Somebody moves from one server to another. A third one hears the new server a little later
// than the old one, as when NATS is a cluster and one of its lines is busy.
func TestAMoveIsNoLeaveWhereTheNewServerIsHeardLater(t *testing.T) {
	bubble(t, func(t *testing.T, f *fakeNATS) {
		a, b, c := f.serve(t, "a"), f.serve(t, "b"), f.serve(t, "c")
		b.watch()
		eye := c.watch()
		ana := a.join("Ana")
		pass(10 * time.Second)
		eye.expect("+Ana")
		copies := 0
		f.mu.Lock()
		f.fault = func(m message) (int, time.Duration) {
			if ofRooms(m) && strings.Contains(string(m.data), `"from":"b/`) {
				if copies++; copies%2 == 0 { // it goes to a, and then to c
					return 1, 50 * time.Millisecond
				}
			}
			return 1, time.Millisecond
		}
		f.mu.Unlock()
		ana.conn.Close(false)
		pass(time.Second)
		b.joinAs("Ana", hub.Person{Visitor: hub.Visitor{Resume: &event.Resume{Epoch: "of a", Seq: 1}}})
		pass(5 * time.Second)
		eye.expect("~Ana reconnecting", "~Ana")
	})
}

// A server stands still for so short a time that others do not take it for silent.
func TestAServerThatStoodStillForTwoSecondsIsNotSilentForOthers(t *testing.T) {
	for offset := range 4 {
		t.Run(fmt.Sprint(offset), func(t *testing.T) {
			bubble(t, func(t *testing.T, f *fakeNATS) {
				a, b := f.serve(t, "a"), f.serve(t, "b")
				eye := b.watch()
				a.join("Ana")
				pass(10*time.Second + time.Duration(offset)*tickEvery)
				eye.expect("+Ana")
				a.node.commands.add(func() {
					time.Sleep(stoppedAfter)
					a.node.woken(stoppedAfter) // which its heart says at once
				})
				pass(10 * time.Second)
				eye.expect()
			})
		})
	}
}
