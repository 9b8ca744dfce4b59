package presence

import (
	"slices"
	"testing"
	"time"

	"rollcall/shared/event"
)

// numbered returns servers whose entries have numbers.
func numbered(t *testing.T, owners ...Owner) []*world {
	all := servers(t, 0, owners...)
	number := uint64(0)
	for _, w := range all {
		w.options.NextNumber = func() uint64 { number++; return number }
		w.Track(true)
	}
	return all
}

func (w *world) putMark(owner Owner, m Mark) []int {
	w.t.Helper()
	events, conns := w.PutMark(w.now, owner, m)
	w.see(events)
	return conns
}

// mark is what this server has to tell of somebody who has left.
func (w *world) mark(id string) Mark {
	w.t.Helper()
	m, ok := w.OwnMark(id)
	if !ok {
		w.t.Fatalf("there is no mark for %s", id)
	}
	return m
}

func TestALeaveEndsWhatOtherServersHaveOnceTheyHearOfIt(t *testing.T) {
	three := numbered(t, "a", "b", "c")
	a, b, c := three[0], three[1], three[2]
	a.join("Ana", 1)
	b.join("Ana", 2)
	a.put("b", b.own("Ana"))
	c.put("a", a.own("Ana"))
	c.put("b", b.own("Ana"))
	a.leave("Ana")
	a.expect("+Ana", "-Ana left")
	if a.Local() != 1 {
		t.Error("nobody would ask this server for its mark")
	}
	m := a.mark("Ana")
	c.putMark("a", m)
	c.see(c.Drop(c.now, "a", "Ana", event.ReasonLeft))
	c.expect("+Ana", "-Ana left")
	c.put("b", b.own("Ana")) // which b had still said
	c.expect()
	if !c.Left("Ana", m.At) || c.Left("Ana", m.At+1) {
		t.Error("c does not tell who left from who has come since")
	}
	if conns := b.putMark("a", m); !slices.Equal(conns, []int{2}) {
		t.Errorf("b tells %v", conns)
	}
	b.expect("+Ana", "-Ana left")
	a.drop("b", "Ana")
	if _, kept := a.OwnMark("Ana"); kept || a.Local() != 0 {
		t.Error("the mark is kept when b has let go")
	}
}

func TestWhoComesAfterALeaveStays(t *testing.T) {
	two := numbered(t, "a", "b")
	a, b := two[0], two[1]
	b.join("Ana", 1)
	a.put("b", b.own("Ana"))
	a.leave("Ana")
	m := a.mark("Ana")
	b.closed("Ana", 1, time.Second)
	b.join("Ana", 2) // before b hears of it
	b.seen = nil
	if conns := b.putMark("a", m); len(conns) > 0 {
		t.Errorf("%v are told that she has left", conns)
	}
	b.expect()
	a.seen = nil
	a.put("b", b.own("Ana"))
	a.expect("+Ana")
	if _, kept := a.OwnMark("Ana"); kept {
		t.Error("the mark is kept")
	}
}

func TestAMarkIsNotKeptForEver(t *testing.T) {
	two := numbered(t, "a", "b")
	a, b := two[0], two[1]
	b.join("Ana", 1)
	a.put("b", b.own("Ana"))
	a.leave("Ana")
	a.see(a.DropOwner(a.now, "b", event.ReasonNodeLost)) // it may come back
	a.wait(markStay - time.Millisecond)
	a.mark("Ana")
	a.Changed()
	a.wait(time.Millisecond)
	if _, kept := a.OwnMark("Ana"); kept || a.Local() != 0 {
		t.Error("it is kept")
	}
	if changed := a.Changed(); len(changed) != 1 || changed[0].ID != "Ana" {
		t.Errorf("changed is %v", changed)
	}
}

func TestTheMarksOfAServerGoWithIt(t *testing.T) {
	two := numbered(t, "a", "b")
	a, b := two[0], two[1]
	b.join("Ana", 1)
	a.putMark("c", Mark{ID: "Ana", Ends: []EntryName{{"b", b.own("Ana").Number}}})
	a.put("b", b.own("Ana"))
	a.expect()
	a.see(a.DropOwner(a.now, "c", event.ReasonNodeLost))
	a.put("b", b.own("Ana"))
	a.expect("+Ana")
}

func TestTheUsersOfASilentServerAreOnlineOnlyWhereElseTheyAre(t *testing.T) {
	three := numbered(t, "a", "b", "c")
	a, b, c := three[0], three[1], three[2]
	for _, w := range []*world{b, c} {
		w.join("Ana", 1)
	}
	b.join("Ben", 2)
	a.put("b", b.own("Ana"))
	a.put("c", c.own("Ana"))
	a.put("b", b.own("Ben"))
	a.seen = nil
	a.see(a.SetSilent(a.now, "b", true))
	a.see(a.SetSilent(a.now, "b", true)) // again
	a.expect("~Ben reconnecting")
	a.see(a.SetSilent(a.now, "b", false))
	a.expect("~Ben")
	a.see(a.SetSilent(a.now, "b", true))
	a.join("Ben", 3) // who comes back here
	a.closed("Ben", 3, time.Second)
	a.wait(time.Second)
	a.expect("~Ben reconnecting", "~Ben", "~Ben reconnecting", "-Ben closed")
}

func TestAServerLetsGoWhoHasMoved(t *testing.T) {
	two := numbered(t, "a", "b")
	a, b := two[0], two[1]
	a.join("Ana", 1)
	b.put("a", a.own("Ana"))
	a.cut("Ana", 1, time.Minute)
	b.join("Ana", 2)
	a.put("b", b.own("Ana"))
	if _, has := a.Own("Ana"); !has {
		t.Error("a has let her go, though b has not known that it had lost her")
	}
	b.put("a", a.own("Ana"))
	a.put("b", b.own("Ana"))
	a.wait(movedStay - 1)
	if _, has := a.Own("Ana"); !has {
		t.Error("others may hear that a has let her go before they hear of b")
	}
	a.wait(1)
	if _, has := a.Own("Ana"); has {
		t.Error("a has her still")
	}
	a.expect("+Ana", "~Ana reconnecting", "~Ana")
	if at, ok := a.Next(); ok {
		t.Errorf("something is due at %v", at)
	}
}

func TestTwoServersThatLoseSomebodyTogetherBothWait(t *testing.T) {
	two := numbered(t, "a", "b")
	a, b := two[0], two[1]
	a.join("Ana", 1)
	b.join("Ana", 2)
	a.put("b", b.own("Ana"))
	b.put("a", a.own("Ana"))
	online := []Entry{a.own("Ana"), b.own("Ana")}
	a.cut("Ana", 1, time.Minute)
	b.cut("Ana", 2, time.Minute)
	a.put("b", online[1]) // what they had said before
	b.put("a", online[0])
	for _, w := range two {
		if _, has := w.Own("Ana"); !has {
			t.Errorf("%s has let her go", w.options.Owner)
		}
	}
	// Nor does an old message count for a later loss.
	b.join("Ana", 3)
	b.put("a", a.own("Ana"))
	seen := b.own("Ana")
	a.join("Ana", 4)
	a.cut("Ana", 4, time.Minute)
	a.put("b", seen)
	if _, has := a.Own("Ana"); !has {
		t.Error("a has let her go")
	}
}

func TestWhatAnotherServerHasDoneForATabIsNotDoneAgain(t *testing.T) {
	two := numbered(t, "a", "b")
	a, b := two[0], two[1]
	a.hello(1, Hello{ID: "Ana", Profile: event.Named("Ana"), Tab: "tab"})
	a.say("Ana", 1, 3, event.Patch{Note: new("three")})
	a.change("Ana", 1, event.Patch{Note: new("later")})
	b.put("a", a.own("Ana"))
	b.hello(2, Hello{ID: "Ana", Profile: event.Named("Ana"), Tab: "tab", Ref: 3, Change: event.Patch{Note: new("three")}})
	b.expect("+Ana later")
	b.say("Ana", 2, 4, event.Patch{Note: new("four")})
	b.expect("~Ana four")
}

func TestWhoComesBackKnowsWhatASilentServerCouldNotTell(t *testing.T) {
	three := numbered(t, "a", "b", "c")
	a, b, c := three[0], three[1], three[2]
	a.join("Ana", 1)
	b.put("a", a.own("Ana"))
	c.put("a", a.own("Ana"))
	a.wait(time.Second)
	a.change("Ana", 1, event.Patch{Note: new("one")}) // which nobody hears
	b.see(b.SetSilent(b.now, "a", true))
	b.hello(2, Hello{ID: "Ana", Profile: event.Patch{Name: new("Ana"), Note: new("one")}, Resumed: true})
	b.expect("+Ana", "~Ana reconnecting", "~Ana one")
	a.wait(time.Second)
	a.change("Ana", 1, event.Patch{Note: new("two")})
	c.see(c.SetSilent(c.now, "a", true))
	c.wait(time.Minute)
	c.hello(2, Hello{ID: "Ana", Profile: event.Patch{Name: new("Ana"), Note: new("one")}, Resumed: true})
	c.seen = nil
	c.put("a", a.own("Ana"))
	c.expect("~Ana two")
}

// A server is out of reach. Somebody whom it has too leaves here, and comes again, many times.
func TestAMarkNamesEachEntryOnce(t *testing.T) {
	two := numbered(t, "a", "b")
	a, b := two[0], two[1]
	b.join("Ana", 1)
	a.put("b", b.own("Ana"))
	for i := range 100 {
		a.join("Ana", i+2)
		a.leave("Ana")
	}
	if n := len(a.mark("Ana").Ends); n != 1 {
		t.Errorf("the mark names one entry %d times", n)
	}
	if n := len(a.markEnds); n > 1 {
		t.Errorf("the end of one mark is noted %d times", n)
	}
}
