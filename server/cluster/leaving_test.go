package cluster

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/server/hub"
	"rollcall/shared/event"
)

// Somebody has tabs on two servers. The servers do not hear each other for a while, in which
// they open another tab. All comes back; then the tabs on one server are closed.
func TestASilentServersUserIsThereAgainWhenItIsHeardAgain(t *testing.T) {
	bubble(t, func(t *testing.T, f *fakeNATS) {
		a, b := f.serve(t, "a"), f.serve(t, "b")
		eye, eyeB := a.watch(), b.watch()
		one := a.join("Ana")
		b.join("Ana")
		pass(time.Second)
		f.lose(all)
		pass(5 * time.Second)
		again := a.join("Ana")
		pass(time.Second)
		f.lose(nil)
		pass(10 * time.Second)
		one.conn.Close(true)
		again.conn.Close(true)
		pass(2 * time.Minute)
		eyeB.has("Ana")
		eye.has("Ana")
	})
}

// The same, and they leave on one server while the other one is not heard.
func TestALeaveEndsWhatASilentServerHasOnceItIsHeardAgain(t *testing.T) {
	bubble(t, func(t *testing.T, f *fakeNATS) {
		a, b := f.serve(t, "a"), f.serve(t, "b")
		eye, eyeB := a.watch(), b.watch()
		a.join("Ana")
		two := b.join("Ana")
		pass(time.Second)
		f.lose(all)
		pass(5 * time.Second)
		again := a.join("Ana")
		pass(time.Second)
		again.conn.Leave(0)
		pass(time.Second)
		f.lose(nil)
		pass(2 * time.Minute)
		eye.has()
		eyeB.has()
		if !two.last {
			t.Error("the tab at b is not told")
		}
	})
}

// The last messages about a room are lost, and no other.
func TestNobodyStaysWhenTheEndOfARoomIsNotHeard(t *testing.T) {
	for _, told := range []bool{false, true} {
		t.Run(fmt.Sprint("told ", told), func(t *testing.T) {
			bubble(t, func(t *testing.T, f *fakeNATS) {
				a, b := f.serve(t, "a"), f.serve(t, "b")
				eye := b.watch()
				one := a.join("Ana")
				pass(10 * time.Second)
				eye.has("Ana")
				f.lose(ofRooms)
				one.conn.Leave(0)
				synctest.Wait()
				one.conn.Close(true)
				pass(300 * time.Millisecond)
				f.lose(nil)
				if told { // NATS says that messages were lost
					b.bus.ev <- busEvent{lost: true}
				}
				pass(10 * time.Minute)
				if a.hub.OpenRooms() != 0 {
					t.Error("a has the room")
				}
				eye.has()
			})
		})
	}
}

// Somebody has a tab on each of two servers; what one of them has said is said again to the
// other server, where they are already.
func TestWhatIsSaidAgainWhereTheUserHasAnotherTabIsDoneOnce(t *testing.T) {
	bubble(t, func(t *testing.T, f *fakeNATS) {
		a, b := f.serve(t, "a"), f.serve(t, "b")
		other := a.join("Ana")
		p := hub.Person{Tab: "tab"}
		one := b.joinAs("Ana", p)
		pass(time.Second)
		if err := one.conn.Update(3, event.Patch{Note: new("mine")}); err != nil {
			t.Fatal(err)
		}
		pass(time.Second)
		if err := other.conn.Update(0, event.Patch{Note: new("newer")}); err != nil {
			t.Fatal(err)
		}
		pass(time.Second)
		one.conn.Close(false) // before it has heard that 3 is done
		p.Visitor.Ref, p.Change = 3, event.Patch{Note: new("mine")}
		p.Visitor.Resume = &event.Resume{Epoch: "of b", Seq: 1}
		a.joinAs("Ana", p)
		pass(time.Second)
		if note := a.users()[0].Note; note != "newer" {
			t.Errorf("the note is %q", note)
		}
	})
}

// Two tabs on one server; one is cut off, the other one leaves, the first comes back to
// another server.
func TestATabThatWasCutOffBringsNobodyBackOnAnotherServer(t *testing.T) {
	for _, elsewhere := range []bool{false, true} {
		t.Run(fmt.Sprint("elsewhere ", elsewhere), func(t *testing.T) {
			bubble(t, func(t *testing.T, f *fakeNATS) {
				a, b, c := f.serve(t, "a"), f.serve(t, "b"), f.serve(t, "c")
				a.watch()
				b.watch()
				eye := c.watch()
				one, two := a.join("Ana"), a.join("Ana")
				if elsewhere {
					b.join("Ana")
				}
				pass(time.Second)
				two.conn.Close(false)
				one.conn.Leave(0)
				pass(time.Second)
				eye.has()
				again := b.joinAs("Ana", hub.Person{Visitor: hub.Visitor{Resume: &event.Resume{Epoch: "of a", Seq: 1}}})
				pass(time.Second)
				eye.has()
				if !again.last {
					t.Error("she is in the room again")
				}
			})
		})
	}
}

// The servers hear each other again; only later they leave.
func TestALeaveAfterAPartitionIsForAllServers(t *testing.T) {
	bubble(t, func(t *testing.T, f *fakeNATS) {
		a, b := f.serve(t, "a"), f.serve(t, "b")
		eye, eyeB := a.watch(), b.watch()
		one := a.join("Ana")
		two := b.join("Ana")
		pass(time.Second)
		a.bus.cut()
		b.bus.cut()
		pass(5 * time.Second)
		one.conn.Close(true) // a reload
		again := a.join("Ana")
		pass(5 * time.Second)
		a.bus.mend()
		b.bus.mend()
		pass(time.Minute)
		again.conn.Leave(0)
		pass(time.Minute)
		eye.has()
		eyeB.has()
		if !two.last {
			t.Error("the tab at b is not told")
		}
	})
}

// A room ends while its server says nothing, since it has stood still, and not for so long
// that others take it for silent.
func TestARoomThatEndsWhileItsServerIsMutedIsGoneForAll(t *testing.T) {
	for _, offset := range []time.Duration{0, 250, 500, 750} {
		t.Run(fmt.Sprint(offset), func(t *testing.T) {
			bubble(t, func(t *testing.T, f *fakeNATS) {
				a, b := f.serve(t, "a"), f.serve(t, "b")
				eye := b.watch()
				one := a.join("Ana")
				pass(10*time.Second + offset*time.Millisecond)
				one.conn.Close(true) // a closed tab: she stays for 2 s
				pass(100 * time.Millisecond)
				a.node.commands.add(func() {
					time.Sleep(2200 * time.Millisecond)
					a.node.woken(silentAfter) // as its heart says
				})
				pass(10 * time.Minute)
				if !strings.Contains(a.logged(), "stood still") {
					t.Error("it does not know that it stood still")
				}
				if a.hub.OpenRooms() != 0 {
					t.Error("a has the room")
				}
				eye.has()
			})
		})
	}
}

// A mark reaches one server and not the other, and its server dies.
func TestServersShowTheSameAfterTheServerOfAMarkIsGone(t *testing.T) {
	bubble(t, func(t *testing.T, f *fakeNATS) {
		a, b, c := f.serve(t, "a"), f.serve(t, "b"), f.serve(t, "c")
		eyeB, eyeC := b.watch(), c.watch()
		one := a.join("Ana")
		b.join("Ana")
		pass(10 * time.Second)
		a.bus.set(func() { f.unseen[[2]*fakeBus{a.bus, b.bus}] = true })
		one.conn.Leave(0)
		pass(100 * time.Millisecond)
		eyeC.has()
		eyeB.has("Ana")
		a.kill()
		pass(10 * time.Minute)
		t.Log("b:", eyeB.names(), "c:", eyeC.names())
		sameEverywhere(t, b, c)
	})
}

// A tab is cut off and comes back to the same server, which has let the user go meanwhile,
// since they are on another one too.
func TestWhatIsSaidAgainAfterAServerHasLetTheUserGoIsDoneOnce(t *testing.T) {
	bubble(t, func(t *testing.T, f *fakeNATS) {
		a, b := f.serve(t, "a"), f.serve(t, "b")
		b.watch()
		p := hub.Person{Tab: "tab"}
		one, other := a.joinAs("Ana", p), b.join("Ana")
		pass(time.Second)
		if err := one.conn.Update(3, event.Patch{Note: new("mine")}); err != nil {
			t.Fatal(err)
		}
		pass(time.Second)
		one.conn.Close(false) // before it has heard that 3 is done
		if err := other.conn.Update(0, event.Patch{Note: new("newer")}); err != nil {
			t.Fatal(err)
		}
		pass(time.Second)
		p.Visitor.Ref, p.Change = 3, event.Patch{Note: new("mine")}
		p.Visitor.Resume = &event.Resume{Epoch: "of a", Seq: 1}
		a.joinAs("Ana", p)
		pass(time.Second)
		if note := a.users()[0].Note; note != "newer" {
			t.Errorf("the note is %q", note)
		}
	})
}

// A server is down for a moment; who was there goes to another one, and closes their tab
// there. Then the first one starts again with what it had saved.
func TestWhoHasGoneElsewhereIsNotTakenUpAgain(t *testing.T) {
	bubble(t, func(t *testing.T, f *fakeNATS) {
		a, b := f.serve(t, "a"), f.serve(t, "b")
		ana := a.join("Ana")
		b.watch().conn.Close(true)
		eye := b.watch()
		pass(time.Second)
		a.hub.Suspend()
		ana.conn.Close(false)
		saved := a.hub.Save()
		a.node.End()
		a.end()
		pass(time.Second)
		again := b.join("Ana")
		pass(time.Second)
		again.conn.Close(true)
		eye.conn.Close(true)
		pass(10 * time.Second)
		a = f.serve(t, "a")
		saved.Keep(a.node.Held(t.Context(), []string{"a"}, false))
		a.hub.Restore(saved)
		pass(10 * time.Second)
		b.watch().has()
	})
}

// Somebody leaves, and comes again to a server that the others cannot hear. Then their tab
// moves.
func TestWhoHasComeAgainSinceTheyLeftIsNotToldThatTheyHaveLeft(t *testing.T) {
	bubble(t, func(t *testing.T, f *fakeNATS) {
		a, b := f.serve(t, "a"), f.serve(t, "b")
		eye := a.watch()
		b.watch()
		old := time.Now().UnixMilli()
		one := a.join("Ana")
		pass(time.Second)
		one.conn.Leave(0)
		pass(time.Second)
		b.bus.set(func() { b.bus.mute = true })
		two, since := b.join("Ana"), time.Now().UnixMilli()
		pass(time.Second)
		two.conn.Close(false)
		resume := func(since int64) *client {
			return a.joinAs("Ana", hub.Person{Visitor: hub.Visitor{Resume: &event.Resume{Epoch: "of b", Seq: 1, Since: since}}})
		}
		tab := resume(old)
		pass(time.Second)
		if !tab.last {
			t.Error("a tab of before is there again")
		}
		resume(since)
		pass(time.Second)
		eye.has("Ana")
		b.bus.set(func() { b.bus.mute = false })
		pass(time.Minute)
		eye.has("Ana")
	})
}
