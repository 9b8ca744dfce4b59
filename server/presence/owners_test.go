package presence

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"rollcall/shared/event"
)

// put has another owner know something.
func (w *world) put(owner Owner, e Entry) {
	w.t.Helper()
	w.see(w.Put(w.now, owner, e, true))
}

func (w *world) drop(owner Owner, name string) {
	w.t.Helper()
	w.see(w.Drop(w.now, owner, name, event.ReasonNodeLost))
}

// own is what this server knows of a user.
func (w *world) own(name string) Entry {
	w.t.Helper()
	e, ok := w.Own(name)
	if !ok {
		w.t.Fatalf("%s is not here", name)
	}
	return e
}

// servers returns rooms of one name on several servers at the same time.
func servers(t *testing.T, away time.Duration, owners ...Owner) []*world {
	var all []*world
	for _, owner := range owners {
		w := newWorld(t, away)
		w.options.Owner = owner
		number := uint64(0)
		w.options.NextNumber = func() uint64 { number++; return number }
		all = append(all, w)
	}
	return all
}

func same(e, f Entry) bool {
	return e.User == f.User && e.Stamp == f.Stamp && slices.Equal(e.Stamps, f.Stamps) && e.Idle == f.Idle
}

func TestAUserOfSeveralServersIsOneBox(t *testing.T) {
	two := servers(t, 0, "a", "b")
	a, b := two[0], two[1]
	a.join("Ana", 1)
	b.put("a", a.own("Ana"))
	b.put("a", a.own("Ana")) // again
	b.expect("+Ana")
	b.join("Ana", 2)
	b.expect()
	if why, _ := b.Why("Ana"); !slices.Equal(why.Owners, []Owner{"a", "b"}) || why.Connections != 1 {
		t.Errorf("got %+v", why)
	}
	a.cut("Ana", 1, time.Minute)
	b.put("a", a.own("Ana"))
	b.expect() // online if she is anywhere
	b.cut("Ana", 2, time.Second)
	b.expect("~Ana reconnecting")
	b.wait(time.Second)
	b.expect()
	b.drop("a", "Ana")
	b.drop("a", "Ana") // again
	b.drop("c", "Ana")
	b.drop("c", "Ben")
	b.expect("-Ana node_lost")
}

func TestWhoGoesHereStaysIfTheyAreElsewhere(t *testing.T) {
	for name, go_ := range map[string]func(*world){
		"at once":   func(w *world) { w.closed("Ana", 1, 0) },
		"in a time": func(w *world) { w.closed("Ana", 1, time.Second); w.wait(time.Minute) },
	} {
		two := servers(t, time.Minute, "a", "b")
		a, b := two[0], two[1]
		b.join("Ana", 1)
		a.join("Ana", 1)
		a.put("b", b.own("Ana"))
		a.active("Ana", 1, false)
		go_(a)
		a.expect("+Ana")
		if _, here := a.Own("Ana"); here {
			t.Errorf("%s: this server still has her", name)
		}
		if next, ok := a.Next(); ok {
			t.Errorf("%s: something is due at %v", name, next)
		}
		a.wait(time.Hour)
	}
}

func TestLeavingIsForAllServers(t *testing.T) {
	two := servers(t, 0, "a", "b")
	a, b := two[0], two[1]
	a.join("Ana", 1)
	b.join("Ana", 1)
	b.put("a", a.own("Ana"))
	if conns := b.leave("Ana"); !slices.Equal(conns, []int{1}) {
		t.Errorf("connections were %v", conns)
	}
	b.expect("+Ana", "-Ana left")
}

func TestEachFieldIsAsItWasSaidLast(t *testing.T) {
	two := servers(t, 0, "a", "b")
	a, b := two[0], two[1]
	a.join("Ana", 1)
	b.put("a", a.own("Ana"))
	b.join("Ana", 1)
	a.wait(time.Second)
	a.change("Ana", 1, event.Patch{Name: new("Anna"), Note: new("one"), Data: `{"x":1,"y":1}`})
	b.wait(2 * time.Second)
	b.change("Ana", 1, event.Patch{Note: new("two"), Status: new(event.StatusBusy), Data: `{"y":2,"z":2}`})
	b.change("Ana", 1, event.Patch{Data: `{"z":null}`})
	const want = `~Anna busy two {"x":1,"y":2}`
	fromA, fromB := a.own("Ana"), b.own("Ana")
	a.seen, b.seen = nil, nil
	a.put("b", fromB)
	b.put("a", fromA)
	a.expect(want)
	b.expect(want)
	if a.users["Ana"] != b.users["Ana"] {
		t.Errorf("she is %+v and %+v", a.users["Ana"], b.users["Ana"])
	}
}

func TestWhatWasSaidStaysWhenTheServerThatHeardItHasTheUserNoMore(t *testing.T) {
	two := servers(t, 0, "a", "b")
	a, b := two[0], two[1]
	a.join("Ana", 1)
	a.wait(time.Second)
	b.wait(2 * time.Second)
	b.join("Ana", 1) // who does not know of a
	b.change("Ana", 1, event.Patch{Note: new("out"), Status: new(event.StatusBusy)})
	a.put("b", b.own("Ana"))
	a.drop("b", "Ana")
	a.expect("+Ana", "~Ana busy out")
	if since := a.users["Ana"].StatusSince; since != start+2000 {
		t.Errorf("busy since %d", since-start)
	}
	b.put("a", a.own("Ana"))
	b.drop("a", "Ana")
	if since := b.users["Ana"].Since; since != start {
		t.Errorf("has been here since %d", since-start)
	}
}

func TestAServerWhereSomebodyIsNewTakesOverWhatTheOthersKnow(t *testing.T) {
	two := servers(t, time.Minute, "a", "b")
	a, b := two[0], two[1]
	a.join("Ana", 1)
	a.wait(time.Second)
	a.change("Ana", 1, event.Patch{Note: new("out"), Data: `{"x":1}`})
	b.put("a", a.own("Ana"))
	b.wait(time.Hour)
	b.hello(1, Hello{ID: "Ana", Profile: event.Patch{Name: new("other"), Note: new("other")}, Change: event.Patch{Data: `{"y":2}`}})
	b.drop("a", "Ana")
	b.expect(`+Ana out {"x":1}`, `~Ana out {"x":1,"y":2}`)
	if since := b.users["Ana"].Since; since != start {
		t.Errorf("has been here since %d", since-start)
	}
	// What is said here is the last word, whatever the clocks.
	b.now.Unix = start - 1000
	b.change("Ana", 1, note("in"))
	a.put("b", b.own("Ana"))
	if u := a.users["Ana"]; u.Note != "in" {
		t.Errorf("on the other server she is %+v", u)
	}
}

func TestAwayIsDecidedOverAllServers(t *testing.T) {
	two := servers(t, time.Minute, "a", "b")
	a, b := two[0], two[1]
	for _, w := range two {
		w.join("Ana", 1)
	}
	a.put("b", b.own("Ana"))
	a.active("Ana", 1, false)
	a.wait(time.Minute)
	a.expect("+Ana") // she is here on b
	b.wait(time.Hour)
	b.active("Ana", 1, false)
	b.wait(time.Minute)
	a.put("b", b.own("Ana"))
	a.expect("~Ana away")
	if since := a.users["Ana"].StatusSince; since != b.now.Unix {
		t.Errorf("away since %d ms, want %d", since-start, b.now.Unix-start)
	}
	a.active("Ana", 1, true)
	a.expect("~Ana")
	a.cut("Ana", 1, time.Hour) // who is not online there does not count
	a.expect("~Ana away")
	b.cut("Ana", 1, time.Hour)
	a.put("b", b.own("Ana"))
	a.expect("~Ana reconnecting") // of those who are nowhere online all count
}

func TestWhoMovesToAnotherServerIsAsAwayAsBefore(t *testing.T) {
	two := servers(t, time.Minute, "a", "b")
	a, b := two[0], two[1]
	a.join("Ana", 1)
	a.active("Ana", 1, false)
	a.wait(time.Minute)
	since := a.now.Unix
	a.cut("Ana", 1, time.Minute)
	b.put("a", a.own("Ana"))
	b.hello(1, Hello{ID: "Ana", Resumed: true})
	b.drop("a", "Ana")
	b.expect("+Ana away reconnecting", "~Ana away")
	if got := b.users["Ana"].StatusSince; got != since {
		t.Errorf("away since %d, want %d", got, since)
	}
}

func TestAStatusThatWasSetElsewhereEndsHereToo(t *testing.T) {
	three := servers(t, 0, "a", "b", "c")
	a, b, c := three[0], three[1], three[2]
	a.join("Ana", 1)
	b.join("Ana", 1)
	a.change("Ana", 1, event.Patch{Status: new(event.StatusBusy), Note: new("out"), Until: new(int64(start + 5000))})
	said := a.own("Ana")
	b.put("a", said)
	c.put("a", said)
	for _, w := range []*world{b, c} {
		w.seen = nil
		w.wait(5*time.Second - time.Millisecond)
		w.expect()
		w.wait(time.Millisecond)
		w.expect("~Ana")
		w.put("a", said) // which is late
		w.wait(time.Hour)
		w.expect()
	}
	if why, _ := c.Why("Ana"); why.ByHand != event.StatusHere || why.User != c.users["Ana"] {
		t.Errorf("got %+v", why)
	}
	c.put("b", b.own("Ana")) // which has ended it in its own words
	c.expect()
	if u := c.users["Ana"]; u.Note != "" || u.Until != 0 {
		t.Errorf("she is %+v", u)
	}
	c.drop("a", "Ana")
	c.expect()
}

func TestWhoComesWhenAStatusThatWasSetElsewhereHasEndedSaysSomethingNew(t *testing.T) {
	two := servers(t, 0, "a", "b")
	a, b := two[0], two[1]
	a.hello(1, Hello{ID: "Ana", Profile: event.Patch{Name: new("Ana"), Note: new("out"), Until: new(int64(start + 1000))}})
	b.put("a", a.own("Ana"))
	b.pass(time.Second)
	b.hello(1, Hello{ID: "Ana", Change: note("in")})
	b.wait(time.Hour)
	b.expect("+Ana out", "~Ana in")
}

func TestDataOfSeveralServersMayBeLongerAndBecomeShorter(t *testing.T) {
	two := servers(t, 0, "a", "b")
	a, b := two[0], two[1]
	for w, key := range map[*world]string{a: "x", b: "y"} {
		w.join("Ana", 1)
		w.wait(time.Second)
		w.change("Ana", 1, event.Patch{Data: event.Data(`{"` + key + `":"` + strings.Repeat("x", 1000) + `"}`)})
	}
	a.put("b", b.own("Ana"))
	if n := len(a.users["Ana"].Data); n <= event.MaxData {
		t.Fatalf("merged, the data have %d bytes", n)
	}
	if _, err := a.Change(a.now, "Ana", 1, 0, event.Patch{Data: `{"z":1}`}); !errors.Is(err, event.ErrDataTooLong) {
		t.Errorf("they may become longer: %v", err)
	}
	a.change("Ana", 1, event.Patch{Data: event.Data(`{"x":"` + strings.Repeat("x", 500) + `"}`)})
	if n := len(a.users["Ana"].Data); n < 1500 || n > 1600 {
		t.Errorf("the data have %d bytes", n)
	}
}

func TestWhoIsDroppedAndComesBackAtOnceSaysSomethingNew(t *testing.T) {
	two := servers(t, 0, "a", "b")
	a, b := two[0], two[1]
	b.join("Ana", 1)
	a.hello(1, Hello{ID: "Ana", Profile: event.Named("Anna")})
	b.put("a", a.own("Ana"))
	a.closed("Ana", 1, 0)
	a.now.Unix -= 1000 // even if the clock is put back meanwhile
	a.hello(2, Hello{ID: "Ana", Profile: event.Named("Annika")})
	b.put("a", a.own("Ana"))
	b.expect("+Ana", "~Annika")
}

func TestAnEntryIsNotChangedOnceItIsHandedOn(t *testing.T) {
	two := servers(t, 0, "a", "b")
	a, b := two[0], two[1]
	a.join("Ana", 1)
	a.change("Ana", 1, note("one"))
	e := a.own("Ana")
	e.User = e.User.Encoded() // as it comes in a frame
	stamps := slices.Clone(e.Stamps)
	b.put("a", e)
	if u := b.users["Ana"]; u != a.users["Ana"] {
		t.Errorf("she is %+v, and where she came from %+v", u, a.users["Ana"])
	}
	b.join("Ana", 1)
	for _, w := range two {
		w.change("Ana", 1, note("two"))
	}
	if !slices.Equal(e.Stamps, stamps) {
		t.Errorf("its stamps are %v, and were %v", e.Stamps, stamps)
	}
}

func TestKeysThatWereRemovedAreNotRememberedWithoutEnd(t *testing.T) {
	two := servers(t, 0, "a", "b")
	a, b := two[0], two[1]
	a.join("Ana", 1)
	b.wait(time.Second)
	b.join("Ana", 1) // who does not know of a
	a.wait(2 * time.Second)
	a.change("Ana", 1, note("out"))
	for i := range 1000 {
		key := fmt.Sprint("k", i)
		if i >= 500 {
			key += strings.Repeat("x", event.MaxData-20) // as long as a key can be
		}
		a.change("Ana", 1, event.Patch{Data: event.Data(fmt.Sprintf(`{"%s":1}`, key))})
		a.change("Ana", 1, event.Patch{Data: event.Data(fmt.Sprintf(`{"%s":null}`, key))})
		if n := a.own("Ana").stampsSize(); n > maxStamps {
			t.Fatalf("%d bytes of stamps", n)
		}
	}
	b.put("a", a.own("Ana"))
	if a.users["Ana"] != b.users["Ana"] {
		t.Errorf("she is %+v and %+v", a.users["Ana"], b.users["Ana"])
	}
}

func TestOnlyOwnEntriesCountAsChanged(t *testing.T) {
	two := servers(t, 0, "a", "b")
	a, b := two[0], two[1]
	a.options.NextNumber = func() uint64 { return 7 }
	a.join("Ana", 1)
	b.Track(true)
	changed := func(want ...string) {
		t.Helper()
		got := map[string]bool{}
		for _, c := range b.Changed() {
			got[c.ID] = true
		}
		if len(got) != len(want) || len(want) > 0 && !got[want[0]] {
			t.Errorf("changed is %v, want %q", got, want)
		}
	}
	b.put("a", a.own("Ana"))
	b.see(b.SetSilent(b.now, "a", true))
	b.put("a", a.own("Ana"))
	changed()
	b.join("Ben", 2)
	changed("Ben")
	b.join("Ana", 3)
	changed("Ana")
	b.put("a", a.own("Ana")) // which may have later fields
	changed("Ana")
	b.leave("Ana")
	changed("Ana")
	b.put("a", a.own("Ana")) // ended by the mark
	changed()
	b.drop("a", "Ana") // and so is the mark
	changed("Ana")
}
