package hub

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/server/presence"
	"rollcall/shared/event"
)

func TestEverybodySeesEverybodyComeAndGo(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, h *Hub) {
		ana := join(t, h, "lobby", person("Ana"))
		ana.expect()
		ben := join(t, h, "lobby", person("Ben"))
		ben.expect()
		ben.holds("Ana", "Ben")
		ana.expect("+Ben")
		ben.conn.Close(true)
		ana.expect("-Ben closed")
		ana.conn.Close(false)
		synctest.Wait()
		if n := h.OpenRooms(); n != 0 {
			t.Errorf("%d rooms are left", n)
		}
	})
}

func TestTwoPeopleOfOneNameAreTwo(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, h *Hub) {
		ana := join(t, h, "lobby", person("Ana")).drain()
		second := join(t, h, "lobby", person("twin").named("Ana"))
		ana.expect("+Ana")
		second.conn.Close(true)
		ana.expect("-Ana closed")
		if users := ana.roster.Users(); len(users) != 1 || users[0].ID != "id-Ana" {
			t.Errorf("left are %v", users)
		}
	})
}

func TestTabsOfOneSessionAreOneUser(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, h *Hub) {
		ana := join(t, h, "lobby", person("Ana")).drain()
		tab1 := join(t, h, "lobby", person("Ben"))
		tab2 := join(t, h, "lobby", person("Ben"))
		ana.expect("+Ben")
		tab2.holds("Ana", "Ben")
		tab1.conn.Close(true)
		tab1.conn.Close(false) // again
		ana.expect()
		tab2.conn.Close(true)
		ana.expect("-Ben closed")
	})
}

func TestRoomsDoNotMeet(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, h *Hub) {
		ana := join(t, h, "one", person("Ana")).drain()
		join(t, h, "two", person("Ben"))
		ana.expect()
		if h.OpenRooms() != 2 {
			t.Errorf("%d rooms", h.OpenRooms())
		}
	})
}

func TestASecondHelloOfASessionRenamesAndKeepsWhatIsAbsent(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, h *Hub) {
		ana := join(t, h, "lobby", person("Ana")).drain()
		ben := person("Ben")
		ben.Change.Status, ben.Change.Note = new(event.StatusBusy), new("at work")
		tab1 := join(t, h, "lobby", ben).drain()
		ana.expect("+Ben")
		join(t, h, "lobby", person("Ben").named("Benedict"))
		ana.expect("~Benedict busy at work")
		tab1.expect("~Benedict busy at work")
		back := person("Ben")
		back.Change.Status, back.Change.Note = new(event.StatusHere), new("")
		join(t, h, "lobby", back)
		ana.expect("~Ben")
	})
}

// returning is somebody who comes back: they say who they are, and want nothing
// to be different.
func (p Person) returning(c *client) Person {
	p.Profile, p.Change = p.Change, event.Patch{}
	p.Resume = &event.Resume{Epoch: c.roster.Epoch(), Seq: c.roster.State().Seq}
	return p
}

func TestWhatIsSaidAgainOrComesLateIsDoneOnce(t *testing.T) {
	bubble(t, Options{Grace: time.Minute}, func(t *testing.T, h *Hub) {
		ana := join(t, h, "lobby", person("Ana")).drain()
		ben := person("Ben")
		ben.Tab, ben.Ref = "tab", 1
		cut := join(t, h, "lobby", ben).drain()
		cut.conn.Update(2, event.Patch{Note: new("at work")})
		ana.expect("+Ben", "~Ben at work")
		back := ben
		back.Profile, back.Change, back.Ref = ben.Change, event.Patch{Note: new("on the train")}, 3
		again := join(t, h, "lobby", back).drain()
		ana.expect("~Ben on the train")
		cut.conn.Update(2, event.Patch{Note: new("at work")}) // it was under way
		join(t, h, "lobby", ben)                              // and so was this
		again.conn.Update(3, event.Patch{Note: new("on the train, again")})
		ana.expect()
		other := join(t, h, "lobby", person("Ben").named("Benedict")) // a tab that counts for itself
		other.conn.Update(1, event.Patch{Note: new("at home")})
		ana.expect("~Benedict at home")
	})
}

func TestWhoComesBackChangesNothingThatAnotherTabHasSinceChanged(t *testing.T) {
	bubble(t, Options{Grace: time.Minute}, func(t *testing.T, h *Hub) {
		ana := join(t, h, "lobby", person("Ana")).drain()
		ben := person("Ben")
		ben.Change.Status, ben.Change.Note = new(event.StatusBusy), new("at work")
		cut := join(t, h, "lobby", ben).drain()
		tab := join(t, h, "lobby", ben)
		ana.expect("+Ben")
		cut.conn.Close(false)
		tab.conn.Update(0, event.Patch{Name: new("Benedict"), Note: new("in a call")})
		ana.expect("~Benedict busy in a call")
		back := ben.returning(cut)
		join(t, h, "lobby", back)
		ana.expect()
		back.Change.Note = new("on the train")
		join(t, h, "lobby", back)
		ana.expect("~Benedict busy on the train")
	})
}

func TestWhoComesBackAfterTheyWereGivenUpIsAsTheySay(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, h *Hub) {
		ana := join(t, h, "lobby", person("Ana")).drain()
		ben := person("Ben")
		ben.Change.Status, ben.Change.Note, ben.Change.Data = new(event.StatusBusy), new("at work"), `{"seat":4}`
		cut := join(t, h, "lobby", ben).drain()
		ana.expect("+Ben")
		cut.conn.Close(false)
		ana.expect("-Ben lost")
		join(t, h, "lobby", ben.returning(cut))
		ana.expect("+Ben")
		if u := ana.roster.Users()[1]; u.Name != "Ben" || u.Note != "at work" || u.Status != event.StatusBusy || u.Data != `{"seat":4}` {
			t.Errorf("they are back as %+v", u)
		}
	})
}

func TestWhatIsDoneIsToldInTheFrameThatShowsIt(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, h *Hub) {
		ana := join(t, h, "lobby", person("Ana")).drain()
		hello := person("Ben")
		hello.Tab, hello.Ref = "tab", 7
		ben := join(t, h, "lobby", hello).drain()
		if ben.hello != 7 || ben.frames != 1 {
			t.Errorf("the hello is answered as %d, in %d frames", ben.hello, ben.frames)
		}
		ben.conn.Update(8, event.Patch{Note: new("hi")})
		if ben.drain(); ben.done != 8 || ben.frames != 2 {
			t.Errorf("%d is done, after %d frames", ben.done, ben.frames)
		}
		ben.expect("~Ben hi")
		ben.conn.Update(9, event.Patch{Note: new("hi")}) // nothing to show
		if ben.drain(); ben.done != 9 || ben.frames != 3 {
			t.Errorf("%d is done, after %d frames", ben.done, ben.frames)
		}
		ben.conn.SetView(event.View{Ref: 10})
		if ben.drain(); ben.done != 10 || ben.frames != 4 || ben.shots != 2 {
			t.Errorf("%d is done, after %d frames and %d snapshots", ben.done, ben.frames, ben.shots)
		}
		ben.conn.SetActive(11, true)
		if ben.drain(); ben.done != 11 || ben.frames != 5 {
			t.Errorf("%d is done, after %d frames", ben.done, ben.frames)
		}
		ben.conn.Leave(12)
		ben.conn.Leave(13)
		if ben.drain(); ben.done != 13 || ben.frames != 6 || !ben.left {
			t.Errorf("%d is done, after %d frames", ben.done, ben.frames)
		}
		if ana.drain(); ana.done != 0 {
			t.Errorf("somebody else is told that %d is done", ana.done)
		}
	})
}

func TestDataAreCarriedKeyByKeyUpToAKilobyte(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, h *Hub) {
		ana := join(t, h, "lobby", person("Ana")).drain()
		ben := join(t, h, "lobby", person("Ben"))
		ben.conn.Update(0, event.Patch{Data: `{"a":1,"b":{"c":"d"}}`})
		ben.conn.Update(0, event.Patch{Data: `{"a":null,"e":[]}`})
		if u, _ := ana.drain().roster.Get("id-Ben"); u.Data != `{"b":{"c":"d"},"e":[]}` {
			t.Errorf("the data are %s", u.Data)
		}
		long := event.Data(`{"long":"` + strings.Repeat("x", 1000) + `"}`)
		if err := ben.conn.Update(0, event.Patch{Name: new("Benedict"), Data: long}); err != event.ErrDataTooLong {
			t.Errorf("too much data: %v", err)
		}
		if u, _ := ana.drain().roster.Get("id-Ben"); u.Name != "Ben" || u.Data != `{"b":{"c":"d"},"e":[]}` {
			t.Errorf("what was refused has left %+v", u)
		}
	})
}

func TestAStatusEndsByItselfAtItsTime(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, h *Hub) {
		ana := join(t, h, "lobby", person("Ana")).drain()
		ben := join(t, h, "lobby", person("Ben")).drain()
		began := time.Now().UnixMilli()
		ben.conn.Update(0, event.Patch{Status: new(event.StatusBusy), Note: new("back soon"), Until: new(began + 60_000)})
		ana.expect("+Ben", "~Ben busy back soon")
		if u, _ := ana.roster.Get("id-Ben"); u.Until != began+60_000 || u.StatusSince != began {
			t.Errorf("busy from %d until %d", u.StatusSince, u.Until)
		}
		time.Sleep(time.Minute - 1)
		ana.expect()
		time.Sleep(time.Nanosecond)
		ana.expect("~Ben")
		if u, _ := ana.roster.Get("id-Ben"); u.Until != 0 || u.StatusSince != 0 {
			t.Errorf("here since %d until %d", u.StatusSince, u.Until)
		}
		ben.conn.Update(0, event.Patch{Status: new(event.StatusBusy), Until: new(time.Now().UnixMilli() + 60_000)})
		synctest.Wait()
		ben.conn.Update(0, event.Patch{Until: new(int64(0))})
		time.Sleep(time.Hour)
		ana.expect("~Ben busy", "~Ben busy")
	})
}

func TestWhatCancelsOutIsNotTold(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, h *Hub) {
		ana := join(t, h, "lobby", person("Ana"))
		ana.pause()
		before := ana.roster.State()
		join(t, h, "lobby", person("Ben")).conn.Close(true)
		ana.read().expect()
		if after := ana.roster.State(); after.Seq != before.Seq+2 {
			t.Errorf("the seq is %d after %d; its change must still be told", after.Seq, before.Seq)
		}
	})
}

func TestManyUpdatesAreTheLastOne(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, h *Hub) {
		ana, ben := join(t, h, "lobby", person("Ana")), join(t, h, "lobby", person("Ben"))
		ana.pause()
		ana.seen = nil
		for _, note := range []string{"one", "two", "three"} {
			ben.conn.Update(0, event.Patch{Note: new(note)})
		}
		ana.read().expect("~Ben three")
	})
}

func TestWhoLeftAndCameBackBetweenTwoFramesIsUpdated(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, h *Hub) {
		ana := join(t, h, "lobby", person("Ana"))
		ben := join(t, h, "lobby", person("Ben"))
		join(t, h, "lobby", person("Cyd"))
		ana.pause()
		ana.seen = nil
		ben.conn.Close(true)
		time.Sleep(time.Millisecond)
		join(t, h, "lobby", person("Ben"))
		ana.read().expect("~Ben")
		ana.holds("Ana", "Cyd", "Ben")
	})
}

func TestAnUpdateChangesOnlyWhatItNames(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, h *Hub) {
		ana, ben := join(t, h, "lobby", person("Ana")).drain(), join(t, h, "lobby", person("Ben"))
		ana.expect("+Ben")
		ben.conn.Update(0, event.Patch{Status: new(event.StatusBusy), Note: new("back at 2")})
		ana.expect("~Ben busy back at 2")
		ben.expect("~Ben busy back at 2") // the sender too
		ben.conn.Update(0, event.Patch{Name: new("Benedict")})
		ana.expect("~Benedict busy back at 2")
		ben.conn.Update(0, event.Patch{Note: new("")})
		ana.expect("~Benedict busy")
		ben.conn.Update(0, event.Patch{Note: new("")})
		ana.expect()
		ben.conn.Leave(0)
		ben.conn.Update(0, event.Patch{Note: new("too late")})
		ana.expect("-Benedict left")
	})
}

func TestLeavingEndsAllTabsAtOnce(t *testing.T) {
	bubble(t, Options{Linger: time.Hour, Grace: time.Hour}, func(t *testing.T, h *Hub) {
		ana := join(t, h, "lobby", person("Ana")).drain()
		tab1 := join(t, h, "lobby", person("Ben")).drain()
		tab2 := join(t, h, "lobby", person("Ben"))
		ana.expect("+Ben")
		tab1.conn.Leave(0)
		tab2.conn.Leave(0) // again
		tab1.expect("-Ben left")
		tab2.expect("-Ben left")
		for i, tab := range []*client{tab1, tab2} {
			if _, here := tab.roster.Get("id-Ben"); here || !tab.left {
				t.Errorf("tab %d: still has the user %v, is told that it is over %v", i+1, here, tab.left)
			}
			tab.conn.Close(true)
		}
		ana.expect("-Ben left")
		ana.holds("Ana")
	})
}

func TestATabThatWasCutOffBringsNobodyBackWhoHasLeft(t *testing.T) {
	bubble(t, Options{Grace: time.Minute, MaxMembers: 2}, func(t *testing.T, h *Hub) {
		ana := join(t, h, "lobby", person("Ana")).drain()
		ben := person("Ben")
		cut := join(t, h, "lobby", ben).drain()
		tab := join(t, h, "lobby", ben).drain()
		ana.expect("+Ben")
		cut.conn.Close(false)
		tab.conn.Leave(0)
		ana.expect("-Ben left")
		resumes := ben
		resumes.Resume = &event.Resume{Epoch: cut.roster.Epoch(), Seq: cut.roster.State().Seq}
		back := join(t, h, "lobby", resumes)
		back.expect("-Ben left")
		if !back.left || back.roster.Len() != 1 {
			t.Errorf("it is over: %v; the room has %v", back.left, back.roster.Users())
		}
		back.conn.Update(0, event.Patch{Name: new("Benedict")})
		back.conn.Close(true)
		ana.expect()
		if people, _ := count(h, "lobby"); people != 1 {
			t.Errorf("%d people are there", people)
		}

		// Whoever comes anew is let in, and then their tabs are too.
		anew := join(t, h, "lobby", ben)
		ana.expect("+Ben")
		join(t, h, "lobby", resumes)
		ana.expect()
		anew.conn.Close(false)
		ana.holds("Ana", "Ben")
	})
}

func TestATabThatNeverReadLearnsThatItsUserHasLeft(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, h *Hub) {
		tab := join(t, h, "lobby", person("Ben"))
		tab.conn.Leave(0)
		tab.expect("-Ben left")
		if !tab.left {
			t.Error("it is not over")
		}
		tab.conn.Close(true)
		synctest.Wait()
		if n := h.OpenRooms(); n != 0 {
			t.Errorf("%d rooms are left", n)
		}
	})
}

func TestUsersStayForALittleWhile(t *testing.T) {
	for _, c := range []struct {
		clean  bool
		stay   time.Duration
		reason string
	}{
		{true, 2 * time.Second, "-Ben closed"},
		{false, 15 * time.Second, "-Ben lost"},
	} {
		bubble(t, Options{Linger: 2 * time.Second, Grace: 15 * time.Second}, func(t *testing.T, h *Hub) {
			ana := join(t, h, "lobby", person("Ana")).drain()
			ben := join(t, h, "lobby", person("Ben"))
			ana.expect("+Ben")
			ben.conn.Close(c.clean)
			ana.expect("~Ben reconnecting")
			time.Sleep(c.stay - time.Millisecond)
			ana.expect()
			time.Sleep(2 * time.Millisecond)
			ana.expect(c.reason)
		})
	}
}

func TestWhoIsBackInTimeHasNotLeft(t *testing.T) {
	bubble(t, Options{Linger: 2 * time.Second}, func(t *testing.T, h *Hub) {
		ana := join(t, h, "lobby", person("Ana")).drain()
		ben := join(t, h, "lobby", person("Ben"))
		ana.expect("+Ben")
		ben.conn.Close(true)
		ana.expect("~Ben reconnecting")
		time.Sleep(time.Second)
		back := join(t, h, "lobby", person("Ben"))
		ana.expect("~Ben")
		time.Sleep(time.Hour)
		ana.expect()
		back.conn.Close(true)
		ana.expect("~Ben reconnecting")
	})
}

func TestTheLastTabDecidesHowLong(t *testing.T) {
	bubble(t, Options{Linger: time.Second, Grace: time.Minute}, func(t *testing.T, h *Hub) {
		ana := join(t, h, "lobby", person("Ana")).drain()
		tab1 := join(t, h, "lobby", person("Ben"))
		tab2 := join(t, h, "lobby", person("Ben"))
		tab1.conn.Close(false)
		tab2.conn.Close(true)
		ana.drain()
		ana.seen = nil
		time.Sleep(time.Second + time.Millisecond)
		ana.expect("-Ben closed")
	})
}

func TestARoomEndsWhenTheLastHasGone(t *testing.T) {
	bubble(t, Options{Grace: time.Second}, func(t *testing.T, h *Hub) {
		first := join(t, h, "lobby", person("Ana")).drain()
		epoch := first.roster.Epoch()
		watcher := watch(t, h, "lobby").drain()
		first.conn.Close(false)
		if h.OpenRooms() != 1 {
			t.Error("the room is gone while somebody may come back")
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if people, watching := count(h, "lobby"); people != 0 || watching != 1 {
			t.Errorf("%d people and %d who watch", people, watching)
		}
		watcher.drain().conn.Close(true)
		synctest.Wait()
		if h.OpenRooms() != 0 {
			t.Error("the room is still there")
		}
		second := join(t, h, "lobby", person("Ana")).drain()
		if second.roster.Epoch() == epoch {
			t.Error("the new room has the old one's epoch")
		}
		second.conn.Close(true)
	})
}

func TestAClientFarBehindGetsASnapshot(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, h *Hub) {
		h.logEntries = 100
		ana := join(t, h, "lobby", person("Ana"))
		ana.pause()
		for i := range 3 * h.logEntries {
			join(t, h, "lobby", person(fmt.Sprint(i))).conn.Close(true)
		}
		join(t, h, "lobby", person("Ben"))
		ana.read().expect() // no new_user: the snapshot has them
		ana.holds("Ana", "Ben")
		if ana.shots != 2 {
			t.Errorf("%d snapshots", ana.shots)
		}
	})
}

// As when thousands come at once, and a client reads more slowly than they come.
func TestAClientThatFellBehindACrowdIsToldOnlyOfWhomItDoesNotKnow(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, h *Hub) {
		ana := join(t, h, "lobby", person("Ana"))
		ana.pause()
		const crowd = 3000
		for i := range crowd {
			if _, err := h.Join("lobby", person(fmt.Sprint(i)), nothing{new(int)}); err != nil {
				t.Fatal(err)
			}
		}
		ana.read()
		if ana.shots != 1 || len(ana.seen) != crowd || ana.roster.Len() != crowd+1 {
			t.Errorf("%d snapshots, told of %d, %d in sight", ana.shots, len(ana.seen), ana.roster.Len())
		}
	})
}

func TestClientsAtOnePointShareTheirBytes(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, h *Hub) {
		a, b := join(t, h, "lobby", person("A")).drain(), join(t, h, "lobby", person("B")).drain()
		a.drain()
		join(t, h, "lobby", person("C"))
		if a.shared() != b.shared() {
			t.Error("the frame was encoded twice")
		}
		a.drain()
		b.drain()
		a.conn.SetView(event.View{}) // which is answered by a snapshot
		b.conn.SetView(event.View{})
		if a.shared() != b.shared() {
			t.Error("the snapshot was encoded twice")
		}
	})
}

func TestASlowClientHoldsUpNobodyAndLosesNothing(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, h *Hub) {
		ana, slow := join(t, h, "lobby", person("Ana")).drain(), join(t, h, "lobby", person("Slow"))
		slow.pause()
		ana.expect("+Slow")
		for i := range 5 {
			join(t, h, "lobby", person(fmt.Sprint("P", i)))
			ana.expect(fmt.Sprint("+P", i))
		}
		frames := slow.frames
		slow.read().expect("+P0", "+P1", "+P2", "+P3", "+P4")
		if slow.frames != frames+1 {
			t.Errorf("in %d frames", slow.frames-frames)
		}
	})
}

func TestBeatSaysSomethingInAQuietRoom(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, h *Hub) {
		ana := join(t, h, "lobby", person("Ana")).drain()
		ana.conn.Heartbeat()
		want := event.Encode(event.Room{Seq: 1, Count: 1, Hash: ana.roster.State().Hash})
		if got := ana.pending(); len(got) != 1 || string(got[0]) != string(want) {
			t.Errorf("got %s, want %s", got, want)
		}
	})
}

func TestAConnectionThatIsClosedDoesNothing(t *testing.T) {
	bubble(t, Options{Grace: time.Minute, Away: time.Second}, func(t *testing.T, h *Hub) {
		ben, wall := join(t, h, "lobby", person("Ben")).drain(), watch(t, h, "lobby").drain()
		tab, other := join(t, h, "lobby", person("Ana")).drain(), join(t, h, "lobby", person("Ana")).drain()
		gone := join(t, h, "lobby", person("Cyd")).drain() // is expected back
		for _, c := range []*client{tab, gone, wall} {
			c.conn.Close(false)
		}
		ben.drain().seen = nil
		for _, c := range []*client{tab, gone, wall} {
			frames := c.drain().frames
			c.conn.Update(0, event.Patch{Name: new("X"), Note: new("x"), Status: new(event.StatusBusy)})
			c.conn.SetActive(0, false)
			if err := c.conn.SetView(event.View{}); err != nil {
				t.Error(err)
			}
			c.conn.Heartbeat()
			c.conn.Leave(0)
			c.conn.Close(true)
			if c.drain().frames != frames {
				t.Error("it is sent a frame")
			}
		}
		other.conn.SetActive(0, true)
		time.Sleep(10 * time.Second)
		ben.expect()
		ben.holds("Ana", "Ben", "Cyd")
		for _, c := range []*client{ben, other} {
			c.conn.Leave(0)
			c.conn.Close(true)
		}
		time.Sleep(time.Minute)
	})
}

func TestAClosedHubTakesNobody(t *testing.T) {
	bubble(t, Options{Linger: time.Hour}, func(t *testing.T, h *Hub) {
		ana := join(t, h, "lobby", person("Ana"))
		ana.conn.Close(true)
		h.Close() // returns, although a removal was due
		if _, err := h.Join("lobby", person("Ben"), ana); !errors.Is(err, ErrClosed) {
			t.Errorf("error is %v", err)
		}
		if _, err := h.Watch("other", Visitor{}, ana); !errors.Is(err, ErrClosed) {
			t.Errorf("error is %v", err)
		}
	})
}

func TestARoomRestsAsLongAsItsFlushTookButNoLongerThanATick(t *testing.T) {
	for _, c := range []struct{ cost, rest time.Duration }{
		{30 * time.Millisecond, 30 * time.Millisecond},
		{300 * time.Millisecond, 100 * time.Millisecond},
	} {
		bubble(t, Options{Tick: 100 * time.Millisecond}, func(t *testing.T, h *Hub) {
			ana := join(t, h, "lobby", person("Ana")).drain()
			time.Sleep(time.Minute)
			ana.mu.Lock()
			ana.cost = c.cost
			ana.mu.Unlock()
			start := time.Now()
			ana.conn.Heartbeat() // at once, whatever it costs
			time.Sleep(c.cost)
			if len(ana.pending()) != 1 {
				t.Fatalf("%d frames after %v", len(ana.pending()), time.Since(start))
			}
			for range 5 {
				ana.conn.Heartbeat()
			}
			time.Sleep(c.rest + c.cost - time.Millisecond)
			if len(ana.pending()) != 1 {
				t.Errorf("no rest after a flush of %v", c.cost)
			}
			time.Sleep(2 * time.Millisecond)
			if len(ana.pending()) != 2 {
				t.Errorf("%d frames instead of 2 after %v", len(ana.pending()), time.Since(start))
			}
			time.Sleep(time.Second)
			ana.conn.Close(true)
		})
	}
}

func TestWhoWatchesIsPresentInNoRoster(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, h *Hub) {
		ana := join(t, h, "lobby", person("Ana")).drain()
		wall := watch(t, h, "lobby")
		wall.holds("Ana")
		ana.expect()
		join(t, h, "lobby", person("Ben"))
		wall.expect("+Ben")
		if people, watching := count(h, "lobby"); people != 2 || watching != 1 {
			t.Errorf("%d people and %d who watch", people, watching)
		}
		if !wall.conn.Watches() || wall.conn.ID() != "" || ana.conn.Watches() {
			t.Error("who watches is somebody")
		}
		wall.conn.Update(0, event.Patch{Name: new("Wall")})
		wall.conn.SetActive(0, false)
		wall.expect()
		wall.conn.Leave(0)
		if wall.drain(); !wall.left {
			t.Error("the end is not told")
		}
		wall.conn.Close(true)
		ana.expect("+Ben")
		if _, watching := count(h, "lobby"); watching != 0 {
			t.Errorf("%d still watch", watching)
		}
		if people, watching := count(h, "nowhere"); people != 0 || watching != 0 {
			t.Error("somebody is nowhere")
		}
	})
}

func TestHowManyWatchIsToldWithTheNextFrameAndIsNoReasonForOne(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, h *Hub) {
		ana := join(t, h, "lobby", person("Ana")).drain()
		frames := ana.frames
		watching := func(want int) {
			t.Helper()
			if got := ana.drain().roster.Watching(); got != want {
				t.Errorf("%d watch, want %d", got, want)
			}
		}
		first, second := watch(t, h, "lobby"), watch(t, h, "lobby")
		if watching(0); ana.frames != frames {
			t.Error("a frame for those who watch")
		}
		ana.conn.Heartbeat()
		watching(2)
		first.conn.Close(true)
		ana.conn.Heartbeat() // at the same seq
		watching(1)
		join(t, h, "lobby", person("Ben"))
		watching(1)
		if second.drain().roster.Watching() != 1 {
			t.Error("who watches does not hear of it")
		}
	})
}

func TestAwayIsDecidedOverAllTabs(t *testing.T) {
	bubble(t, Options{Away: 5 * time.Minute, Linger: time.Minute}, func(t *testing.T, h *Hub) {
		ana := join(t, h, "lobby", person("Ana")).drain()
		tab1, tab2 := join(t, h, "lobby", person("Ben")), join(t, h, "lobby", person("Ben"))
		ana.expect("+Ben")
		tab1.conn.SetActive(0, false)
		time.Sleep(time.Hour)
		ana.expect() // the other tab is used
		tab2.conn.SetActive(0, false)
		time.Sleep(4 * time.Minute)
		tab1.conn.SetActive(0, false) // again does not start anew
		time.Sleep(time.Minute - time.Second)
		ana.expect()
		time.Sleep(2 * time.Second)
		ana.expect("~Ben away")
		tab2.conn.SetActive(0, true)
		ana.expect("~Ben")
		tab2.conn.Close(true) // the one that is used
		time.Sleep(6 * time.Minute)
		ana.expect("~Ben away")
		tab3 := join(t, h, "lobby", person("Ben"))
		ana.expect("~Ben")
		time.Sleep(time.Minute)
		tab3.conn.SetActive(0, false)
		time.Sleep(time.Minute)
		tab3.conn.SetActive(0, true)
		time.Sleep(time.Hour)
		ana.expect()
	})
}

func TestAStatusSetByHandAlwaysWins(t *testing.T) {
	bubble(t, Options{Away: time.Minute}, func(t *testing.T, h *Hub) {
		ana, ben := join(t, h, "lobby", person("Ana")).drain(), join(t, h, "lobby", person("Ben"))
		ben.conn.Update(0, event.Patch{Status: new(event.StatusBusy)})
		ana.drain()
		ana.seen = nil
		ben.conn.SetActive(0, false)
		time.Sleep(time.Hour)
		ana.expect()
		ben.conn.Update(0, event.Patch{Status: new(event.StatusHere)}) // leaves it to activity
		ana.expect("~Ben away")
		ben.conn.SetActive(0, true)
		ana.expect("~Ben")
		ben.conn.Update(0, event.Patch{Status: new(event.StatusAway)})
		ana.expect("~Ben away")
		ben.conn.SetActive(0, false)
		ben.conn.SetActive(0, true)
		ana.expect()
	})
}

func TestWhoComesBackIsAsAwayAsBefore(t *testing.T) {
	bubble(t, Options{Away: time.Minute, Grace: time.Minute}, func(t *testing.T, h *Hub) {
		ana, ben := join(t, h, "lobby", person("Ana")).drain(), join(t, h, "lobby", person("Ben")).drain()
		ben.conn.SetActive(0, false)
		time.Sleep(2 * time.Minute)
		ana.expect("+Ben", "~Ben away")
		ben.conn.Close(false)
		back := person("Ben")
		back.Resume = &event.Resume{Epoch: ben.roster.Epoch(), Seq: ben.roster.State().Seq}
		again := join(t, h, "lobby", back)
		ana.drain()
		if u, _ := ana.roster.Get("id-Ben"); u.Status != event.StatusAway {
			t.Errorf("Ben is %v", u.Status)
		}
		again.conn.SetActive(0, true)
		ana.drain()
		if u, _ := ana.roster.Get("id-Ben"); u.Status != event.StatusHere {
			t.Errorf("Ben is %v", u.Status)
		}
	})
}

func TestWhoComesBackToALargeRoomIsAwayAgainAtOnce(t *testing.T) {
	bubble(t, Options{Away: time.Minute, Grace: time.Minute, Window: 1}, func(t *testing.T, h *Hub) {
		ana, ben := join(t, h, "lobby", person("Ana")).drain(), join(t, h, "lobby", person("Ben")).drain()
		away := func() bool {
			ana.drain()
			u, _ := ana.roster.Get("id-Ben")
			return u.Status == event.StatusAway
		}
		ben.conn.SetActive(0, false)
		time.Sleep(2 * time.Minute)
		ben.conn.Close(false)
		back := join(t, h, "lobby", person("Ben"))
		back.conn.SetActive(0, false) // as it says after a hello that cannot resume
		if !away() {
			t.Error("being back has made Ben look")
		}
		back.conn.SetActive(0, true)
		back.conn.SetActive(0, false)
		if away() {
			t.Error("a glance has not counted")
		}
		time.Sleep(2 * time.Minute)
		if !away() {
			t.Error("Ben is not away any more")
		}
	})
}

// comeBack joins with what a client that was cut off knows.
func (c *client) comeBack(h *Hub, p Person) *client {
	c.t.Helper()
	c.drain().conn.Close(false)
	return c.comeBackTo(h, p)
}

func TestWhoComesBackIsToldWhatHasChanged(t *testing.T) {
	bubble(t, Options{Grace: time.Minute}, func(t *testing.T, h *Hub) {
		ana, ben := join(t, h, "lobby", person("Ana")), join(t, h, "lobby", person("Ben"))
		join(t, h, "lobby", person("Cyd"))
		ana.drain()
		ana.conn.Close(false)
		ben.conn.Leave(0)
		join(t, h, "lobby", person("Dan"))
		back := ana.comeBack(h, person("Ana"))
		back.holds("Ana", "Cyd", "Dan")
		if back.shots != 0 {
			t.Error("a whole snapshot was sent")
		}
		if me, ok := back.roster.Me(); !ok || me.Name != "Ana" || me.Link != event.LinkOnline {
			t.Errorf("I am %v", me)
		}
	})
}

func TestAViewRightAfterComingBackIsASnapshotToo(t *testing.T) {
	bubble(t, Options{Grace: time.Minute}, func(t *testing.T, h *Hub) {
		ana := join(t, h, "lobby", person("Ana")).drain()
		ana.conn.Close(false)
		back := &client{t: t, id: "id-Ana"}
		p := person("Ana")
		p.Resume = &event.Resume{Epoch: ana.roster.Epoch(), Seq: ana.roster.State().Seq}
		back.slow = true
		var err error
		if back.conn, err = h.Join("lobby", p, back); err != nil {
			t.Fatal(err)
		}
		back.conn.SetView(event.View{})
		back.roster = ana.roster
		if back.read(); back.shots != 1 {
			t.Errorf("%d snapshots", back.shots)
		}
	})
}

func TestAFrameThatIsSentAgainLaterTellsTheTimeAnew(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, h *Hub) {
		watch(t, h, "lobby").drain()
		time.Sleep(3 * time.Hour)
		late := watch(t, h, "lobby")
		events, err := event.DecodeServer(late.pending()[0])
		if err != nil {
			t.Fatal(err)
		}
		if e := events[0].(event.ExistingUsers); e.Now != time.Now().UnixMilli() {
			t.Errorf("told %v, now is %v", time.UnixMilli(e.Now), time.Now())
		}
	})
}

func TestACursorThatTheRoomDoesNotKnowGetsASnapshot(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, h *Hub) {
		first := join(t, h, "lobby", person("Ana")).drain()
		for name, resume := range map[string]event.Resume{
			"ahead of the head": {Epoch: first.roster.Epoch(), Seq: 1_000_000},
			"of another epoch":  {Epoch: "other", Seq: 1},
			"of nothing":        {},
		} {
			p := person("Ben")
			p.Resume = &resume
			ben := join(t, h, "lobby", p)
			if ben.holds("Ana", "Ben"); ben.shots != 1 {
				t.Errorf("%s: %d snapshots", name, ben.shots)
			}
			ben.conn.Close(true)
		}
	})
}

func TestWhoWatchesCanComeBackToo(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, h *Hub) {
		join(t, h, "lobby", person("Ana"))
		wall := watch(t, h, "lobby").drain()
		join(t, h, "lobby", person("Ben"))
		again := &client{t: t, roster: wall.roster}
		conn, err := h.Watch("lobby", Visitor{Resume: &event.Resume{Epoch: wall.roster.Epoch(), Seq: wall.roster.State().Seq}}, again)
		if err != nil {
			t.Fatal(err)
		}
		again.conn = conn
		if again.holds("Ana", "Ben"); again.shots != 0 {
			t.Error("a whole snapshot was sent")
		}
	})
}

func TestAFullRoomKeepsThoseItHas(t *testing.T) {
	bubble(t, Options{MaxMembers: 2, Grace: time.Minute}, func(t *testing.T, h *Hub) {
		ana := join(t, h, "lobby", person("Ana"))
		join(t, h, "lobby", person("Ben"))
		if _, err := h.Join("lobby", person("Cyd"), ana); !errors.Is(err, ErrRoomFull) {
			t.Errorf("error is %v", err)
		}
		join(t, h, "lobby", person("Ben")) // another tab
		ana.conn.Close(false)
		join(t, h, "lobby", person("Ana"))
		watch(t, h, "lobby") // is nobody
	})
}

func TestRoomsAreLimited(t *testing.T) {
	bubble(t, Options{MaxRooms: 2}, func(t *testing.T, h *Hub) {
		ana := join(t, h, "a", person("Ana"))
		join(t, h, "b", person("Ana"))
		if _, err := h.Join("c", person("Ana"), ana); !errors.Is(err, ErrTooManyRooms) {
			t.Errorf("error is %v", err)
		}
		join(t, h, "a", person("Ben"))
		ana.conn.Close(true)
		if h.OpenRooms() != 2 {
			t.Errorf("%d rooms", h.OpenRooms())
		}
	})
	bubble(t, Options{MaxRooms: 1}, func(t *testing.T, h *Hub) {
		join(t, h, "a", person("Ana")).conn.Close(true)
		synctest.Wait()
		join(t, h, "b", person("Ana"))
	})
}

func TestTheLobbyAndRoomsThatAreOnlyWatchedTakeNoSlot(t *testing.T) {
	bubble(t, Options{MaxRooms: 1}, func(t *testing.T, h *Hub) {
		for i := range 10 {
			watch(t, h, fmt.Sprint("watched-", i))
		}
		join(t, h, "a", person("Ana"))
		join(t, h, event.Lobby, person("Ana"))
		wall := watch(t, h, "b")
		ben, err := h.Join("b", person("Ben"), &client{t: t})
		if !errors.Is(err, ErrTooManyRooms) {
			t.Errorf("a room that is watched is opened: %v, %v", ben, err)
		}
		wall.holds() // and goes on
	})
}

func TestASlotIsHeldByWhoIsInTheRoomAndByNobodyWhoWasRefused(t *testing.T) {
	bubble(t, Options{MaxRooms: 1}, func(t *testing.T, h *Hub) {
		no := errors.New("not today")
		p := person("Ana")
		p.Admit = func(bool) error { return no }
		if _, err := h.Join("a", p, &client{t: t}); !errors.Is(err, no) {
			t.Fatalf("error is %v", err)
		}
		watch(t, h, "b") // which goes on when nobody is in it
		join(t, h, "b", person("Ben")).conn.Leave(0)
		join(t, h, "c", person("Cyd"))
	})
}

func TestUsersOfAnotherServerAloneTakeAndGiveBackNoSlot(t *testing.T) {
	bubble(t, Options{MaxRooms: 1}, func(t *testing.T, h *Hub) {
		r := watch(t, h, "a").conn.room
		r.mu.Lock()
		var other presence.Owner
		r.applyAll(r.presence.Put(r.now(), other, presence.Entry{User: event.User{ID: "x", Name: "Xi"}}, true), nil)
		r.applyAll(r.presence.Drop(r.now(), other, "x", event.ReasonLeft), nil)
		r.mu.Unlock()
		join(t, h, "b", person("Ben"))
		if _, err := h.Join("c", person("Cyd"), &client{t: t}); !errors.Is(err, ErrTooManyRooms) {
			t.Errorf("the error of a second room is %v", err)
		}
	})
}

func TestARoomThatAllLeaveAtOneTimeGivesBackOneSlot(t *testing.T) {
	bubble(t, Options{Linger: time.Second, MaxRooms: 1}, func(t *testing.T, h *Hub) {
		ana, ben := join(t, h, "a", person("Ana")), join(t, h, "a", person("Ben"))
		ana.conn.Close(true)
		ben.conn.Close(true)
		time.Sleep(time.Second)
		synctest.Wait()
		join(t, h, "b", person("Ana"))
		if _, err := h.Join("c", person("Ben"), &client{t: t}); !errors.Is(err, ErrTooManyRooms) {
			t.Errorf("the error of a second room is %v", err)
		}
	})
}

func TestOneSourceGetsATenthOfTheRoomsAndAFewLeaveSome(t *testing.T) {
	open := func(h *Hub, source string, room int) error {
		p := person("Ana")
		p.Source = source
		_, err := h.Join(fmt.Sprint(source, "-", room), p, nothing{new(int)})
		return err
	}
	all := func(h *Hub, source string) (opened int) {
		for opened <= h.options.MaxRooms && open(h, source, opened) == nil {
			opened++
		}
		return opened
	}
	bubble(t, Options{MaxRooms: 1000}, func(t *testing.T, h *Hub) {
		if got := all(h, "one"); got != 100 {
			t.Errorf("one source has %d of 1,000 rooms", got)
		}
		for i := range 4 {
			all(h, fmt.Sprint("another", i))
		}
		if err := open(h, "somebody", 0); err != nil {
			t.Errorf("who needs one room is refused: %v", err)
		}
	})
	bubble(t, Options{MaxRooms: 3}, func(t *testing.T, h *Hub) {
		if err := errors.Join(open(h, "one", 0), open(h, "two", 0), open(h, "three", 0)); err != nil {
			t.Errorf("where there are few, one each is not to be had: %v", err)
		}
	})
}

func TestAClockThatWasWrongForAMomentIsWrongForNobodyWhoComesLater(t *testing.T) {
	var clock atomic.Int64 // a flush may ask for the time as well
	bubble(t, Options{Now: func() time.Time { return time.UnixMilli(clock.Load()) }}, func(t *testing.T, h *Hub) {
		wall := watch(t, h, "lobby")
		hour := time.Hour.Milliseconds()
		for i, at := range []int64{2 * hour, hour, hour, hour + 1} {
			clock.Store(at)
			join(t, h, "lobby", person(fmt.Sprint("P", i)))
			wall.drain()
			if u, _ := wall.roster.Get(fmt.Sprint("id-P", i)); u.Since != at {
				t.Errorf("P%d came at %d, by a roster that says %d", i, at, u.Since)
			}
		}
		wall.holds("P1", "P2", "P3", "P0") // of the same moment, by id
	})
}

func TestOnlySoManyAreExpectedBack(t *testing.T) {
	bubble(t, Options{Linger: 2 * time.Second, Grace: 15 * time.Second, MaxAbsent: 3}, func(t *testing.T, h *Hub) {
		ana := join(t, h, "lobby", person("Ana")).drain()
		var others []*client
		for i := range 5 {
			others = append(others, join(t, h, fmt.Sprint("room", i%2), person(fmt.Sprint(i))))
		}
		for _, c := range others[:3] {
			c.conn.Close(false)
		}
		ben := join(t, h, "lobby", person("Ben"))
		ana.expect("+Ben")
		ben.conn.Close(true)
		ana.expect("-Ben closed")
		others[3].conn.Close(false)
		if people, _ := count(h, "room1"); people != 1 {
			t.Errorf("%d people are in a room that one is expected back to", people)
		}
		join(t, h, "room0", person("0")) // is back
		ben = join(t, h, "lobby", person("Ben"))
		ana.expect("+Ben")
		ben.conn.Close(true)
		ana.expect("~Ben reconnecting")
		time.Sleep(15 * time.Second)
		ana.expect("-Ben closed")
		if absent := h.absent.Load(); absent != 0 {
			t.Errorf("%d are expected back", absent)
		}
		h.Suspend() // and now nobody is to be seen to leave
		for i := range 5 {
			join(t, h, "lobby", person(fmt.Sprint(i))).conn.Close(false)
		}
		if people, _ := count(h, "lobby"); people != 6 {
			t.Errorf("%d people are saved", people)
		}
	})
}
