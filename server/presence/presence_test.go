package presence

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"rollcall/shared/event"
)

// world is a room with a clock, and what somebody sees who looks on.
type world struct {
	*Room[int]
	t    *testing.T
	now  Instant
	seen []string
	// What the events add up to.
	users map[string]event.User
}

const start = 1_800_000_000_000 // in Unix milliseconds

func newWorld(t *testing.T, away time.Duration) *world {
	return &world{
		Room:  New[int](Options{Owner: "here", Away: away}),
		t:     t,
		now:   Instant{time.UnixMilli(start), start},
		users: make(map[string]event.User),
	}
}

// see takes in what has changed.
func (w *world) see(events []event.Event) {
	w.t.Helper()
	for _, e := range events {
		var text string
		switch e := e.(type) {
		case event.NewUser:
			if _, known := w.users[e.ID]; known {
				w.t.Errorf("%s is new and was here", e.ID)
			}
			w.users[e.ID] = e.User
			text = "+" + describe(e.User)
		case event.UpdateUser:
			if before, known := w.users[e.ID]; !known || before == e.User {
				w.t.Errorf("%+v is no change", e.User)
			}
			w.users[e.ID] = e.User
			text = "~" + describe(e.User)
		case event.DisconnectUser:
			if before, known := w.users[e.ID]; !known || before.Name != e.Name {
				w.t.Errorf("%+v was not here by that name", e)
			}
			delete(w.users, e.ID)
			text = "-" + e.Name + " " + string(e.Reason)
		}
		w.seen = append(w.seen, text)
	}
	if w.Len() != len(w.users) {
		w.t.Errorf("there are %d users, and %d by what was told", w.Len(), len(w.users))
	}
}

func describe(u event.User) string {
	text := u.Name
	for _, s := range []string{string(u.Status), u.Note, string(u.Link), string(u.Data)} {
		if s != "" {
			text += " " + s
		}
	}
	return text
}

// expect compares what was seen since it was called last.
func (w *world) expect(want ...string) {
	w.t.Helper()
	if got := strings.Join(w.seen, ", "); got != strings.Join(want, ", ") {
		w.t.Errorf("seen: %q, want %q", got, want)
	}
	w.seen = nil
}

func (w *world) join(name string, conn int) {
	w.t.Helper()
	w.hello(conn, Hello{ID: name, Profile: event.Named(name)})
}

func (w *world) hello(conn int, h Hello) {
	w.t.Helper()
	events, err := w.Join(w.now, conn, h)
	if err != nil {
		w.t.Fatal(err)
	}
	w.see(events)
}

func (w *world) change(name string, conn int, c event.Patch) {
	w.t.Helper()
	w.say(name, conn, 0, c)
}

func (w *world) say(name string, conn int, ref event.Ref, c event.Patch) {
	w.t.Helper()
	events, err := w.Change(w.now, name, conn, ref, c)
	if err != nil {
		w.t.Fatal(err)
	}
	w.see(events)
}

func (w *world) active(name string, conn int, active bool) {
	w.t.Helper()
	w.see(w.SetActive(w.now, name, conn, active))
}

// closed and cut are the two ways in which a connection ends.
func (w *world) closed(name string, conn int, linger time.Duration) {
	w.t.Helper()
	w.see(w.Disconnect(w.now, name, conn, event.ReasonClosed, linger))
}

func (w *world) cut(name string, conn int, grace time.Duration) {
	w.t.Helper()
	w.see(w.Disconnect(w.now, name, conn, event.ReasonLost, grace))
}

func (w *world) leave(name string) []int {
	w.t.Helper()
	events, conns := w.Leave(w.now, name)
	w.see(events)
	return conns
}

// wait lets time pass, and has done what is due at its moment.
func (w *world) wait(d time.Duration) {
	w.t.Helper()
	end := w.now.Steady.Add(d)
	for next, ok := w.Next(); ok && !next.After(end); next, ok = w.Next() {
		w.pass(max(0, next.Sub(w.now.Steady)))
		w.see(w.Due(w.now))
		if left, ok := w.Next(); ok && !left.After(w.now.Steady) {
			w.t.Fatalf("what is due at %v is not done", next)
		}
	}
	w.pass(end.Sub(w.now.Steady))
	if late := w.Due(w.now); len(late) > 0 {
		w.t.Errorf("%v was not foreseen", late)
	}
}

// pass only moves the clocks.
func (w *world) pass(d time.Duration) {
	jumped := w.now.Unix - w.now.Steady.UnixMilli()
	w.now.Steady = w.now.Steady.Add(d)
	w.now.Unix = w.now.Steady.UnixMilli() + jumped
}

// holds compares who is there, by name.
func (w *world) holds(want ...string) {
	w.t.Helper()
	ids := w.IDs()
	slices.Sort(ids)
	if !slices.Equal(ids, want) {
		w.t.Errorf("there are %v, want %v", ids, want)
	}
}

func status(s event.Status) event.Patch { return event.Patch{Status: &s} }
func note(s string) event.Patch         { return event.Patch{Note: &s} }

func TestUsersComeAndGo(t *testing.T) {
	w := newWorld(t, 0)
	w.join("Ana", 1)
	w.join("Ben", 2)
	w.expect("+Ana", "+Ben")
	w.holds("Ana", "Ben")
	w.closed("Ben", 2, 0)
	w.cut("Ana", 1, -1)
	w.expect("-Ben closed", "-Ana lost")
	if w.Has("Ana") || w.Len() != 0 {
		t.Error("somebody is left")
	}
	if next, ok := w.Next(); ok {
		t.Errorf("something is due at %v in an empty room", next)
	}
}

func TestWhoArrivesIsWhoTheyAreAndAsTheyWantToBe(t *testing.T) {
	w := newWorld(t, 0)
	w.hello(1, Hello{
		ID:      "id",
		Profile: event.Patch{Name: new("Ana"), Note: new("at work"), Data: `{"a":1,"b":null}`},
		Change:  event.Patch{Name: new("Anna"), Status: new(event.StatusBusy), Until: new(int64(start + 1)), Data: `{"c":2}`},
	})
	want := event.User{ID: "id", Name: "Anna", Status: event.StatusBusy, Note: "at work",
		Since: start, StatusSince: start, Until: start + 1, Data: `{"a":1,"c":2}`}
	if got := w.users["id"]; got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestTheTabsOfAUserAreOneUser(t *testing.T) {
	w := newWorld(t, 0)
	w.join("Ana", 1)
	w.join("Ana", 2)
	w.expect("+Ana")
	if conns := slices.Collect(w.Connections("Ana")); !slices.Equal(conns, []int{1, 2}) {
		t.Errorf("connections are %v", conns)
	}
	w.closed("Ana", 1, 0)
	w.closed("Ana", 1, 0) // again
	w.expect()
	w.closed("Ana", 2, 0)
	w.expect("-Ana closed")
	for range w.Connections("Ana") {
		t.Error("a connection is left")
	}
}

func TestWhoIsThereIsNotAskedAgainWhoTheyAre(t *testing.T) {
	w := newWorld(t, 0)
	w.hello(1, Hello{ID: "id", Profile: event.Patch{Name: new("Ana"), Note: new("at work")}})
	w.hello(2, Hello{ID: "id", Profile: event.Patch{Name: new("Anna"), Note: new("at home")}})
	w.expect("+Ana at work")
	w.hello(3, Hello{ID: "id", Profile: event.Named("Anna"), Change: event.Named("Annika")})
	w.expect("~Annika at work")
}

func TestAChangeChangesOnlyWhatItNames(t *testing.T) {
	w := newWorld(t, 0)
	w.join("id", 1)
	w.change("id", 1, event.Patch{Status: new(event.StatusBusy), Note: new("back at 2"), Data: `{"a":1,"b":2}`})
	w.change("id", 1, event.Named("Ana"))
	w.change("id", 1, event.Patch{Note: new(""), Data: `{"a":null}`})
	w.change("id", 1, note("")) // is none
	w.change("id", 1, event.Patch{})
	w.expect("+id", `~id busy back at 2 {"a":1,"b":2}`, `~Ana busy back at 2 {"a":1,"b":2}`, `~Ana busy {"b":2}`)
}

func TestAConnectionThatIsGoneDoesNothing(t *testing.T) {
	w := newWorld(t, time.Minute)
	w.join("Ana", 1)
	w.join("Ana", 2)
	w.closed("Ana", 1, time.Hour)
	w.join("Ben", 3)
	w.leave("Ben")
	w.expect("+Ana", "+Ben", "-Ben left")
	for name, conn := range map[string]int{"Ana": 1, "Ben": 3, "nobody": 4} {
		w.say(name, conn, 1, note("late"))
		w.active(name, conn, false)
		w.closed(name, conn, time.Second)
	}
	w.leave("Ben")
	w.wait(time.Hour)
	w.expect()
	w.holds("Ana")
}

func TestUsersStayForALittleWhile(t *testing.T) {
	w := newWorld(t, 0)
	w.join("Ana", 1)
	w.join("Ben", 2)
	w.closed("Ana", 1, 2*time.Second)
	w.cut("Ben", 2, 15*time.Second)
	w.expect("+Ana", "+Ben", "~Ana reconnecting", "~Ben reconnecting")
	w.wait(2*time.Second - 1)
	w.expect()
	w.wait(1)
	w.expect("-Ana closed")
	w.wait(13*time.Second - 1)
	w.expect()
	w.wait(1)
	w.expect("-Ben lost")
}

func TestWhoIsBackInTimeHasNotLeft(t *testing.T) {
	w := newWorld(t, 0)
	w.join("Ana", 1)
	w.closed("Ana", 1, 2*time.Second)
	w.wait(time.Second)
	w.join("Ana", 2)
	w.expect("+Ana", "~Ana reconnecting", "~Ana")
	w.wait(time.Hour)
	w.expect()
	if u := w.users["Ana"]; u.Since != start {
		t.Errorf("has been here since %d", u.Since)
	}
	w.closed("Ana", 2, time.Second)
	w.expect("~Ana reconnecting")
}

func TestTheLastTabDecidesHowLong(t *testing.T) {
	w := newWorld(t, 0)
	w.join("Ana", 1)
	w.join("Ana", 2)
	w.cut("Ana", 1, time.Minute)
	w.closed("Ana", 2, time.Second)
	w.wait(time.Second)
	w.expect("+Ana", "~Ana reconnecting", "-Ana closed")
}

func TestLeavingEndsAllTabsAtOnce(t *testing.T) {
	w := newWorld(t, time.Minute)
	w.join("Ana", 1)
	w.join("Ana", 2)
	w.active("Ana", 1, false)
	w.active("Ana", 2, false)
	if conns := w.leave("Ana"); !slices.Equal(conns, []int{1, 2}) {
		t.Errorf("connections were %v", conns)
	}
	w.closed("Ana", 1, time.Minute)
	w.expect("+Ana", "-Ana left")
	w.wait(time.Hour)
	w.join("Ana", 3)
	w.expect("+Ana")
	w.cut("Ana", 3, time.Minute)
	if conns := w.leave("Ana"); len(conns) != 0 {
		t.Errorf("connections were %v", conns)
	}
	w.expect("~Ana reconnecting", "-Ana left")
	w.wait(time.Hour)
}

func TestWhoseConnectionTheServerEndsStaysAsTheyAre(t *testing.T) {
	w := newWorld(t, time.Minute)
	w.join("Ana", 1)
	w.active("Ana", 1, false)
	w.cut("Ana", 1, Forever)
	w.expect("+Ana")
	w.wait(time.Hour)
	w.join("Ana", 2)
	w.expect()
}

func TestAwayIsDecidedOverAllTabs(t *testing.T) {
	w := newWorld(t, 5*time.Minute)
	w.join("Ana", 1)
	w.join("Ana", 2)
	w.active("Ana", 1, false)
	w.wait(time.Hour)
	w.expect("+Ana") // the other tab is used
	w.active("Ana", 2, false)
	w.wait(4 * time.Minute)
	w.active("Ana", 1, false) // again does not start anew
	w.wait(time.Minute - 1)
	w.expect()
	w.wait(1)
	w.expect("~Ana away")
	w.active("Ana", 2, true)
	w.expect("~Ana")
	w.closed("Ana", 2, 0) // the one that is used
	w.wait(5*time.Minute - 1)
	w.expect()
	w.wait(1)
	w.expect("~Ana away")
	w.join("Ana", 3)
	w.expect("~Ana")
	w.wait(time.Minute)
	w.active("Ana", 3, false)
	w.wait(time.Minute)
	w.active("Ana", 3, true)
	w.wait(time.Hour)
	w.expect()
}

func TestNobodyIsAwayByThemselvesIfThatIsOff(t *testing.T) {
	w := newWorld(t, 0)
	w.join("Ana", 1)
	w.active("Ana", 1, false)
	w.wait(time.Hour)
	w.expect("+Ana")
}

func TestAStatusSetByHandAlwaysWins(t *testing.T) {
	w := newWorld(t, time.Minute)
	w.join("Ana", 1)
	w.change("Ana", 1, status(event.StatusBusy))
	w.expect("+Ana", "~Ana busy")
	w.active("Ana", 1, false)
	if next, ok := w.Next(); !ok || !next.Equal(w.now.Steady.Add(time.Minute)) {
		t.Errorf("next is %v, %v", next, ok)
	}
	w.wait(time.Minute)
	w.expect()
	if why, _ := w.Why("Ana"); !why.Idle || why.ByHand != event.StatusBusy {
		t.Errorf("got %+v", why)
	}
	w.change("Ana", 1, status(event.StatusHere)) // leaves it to activity
	w.expect("~Ana away")
	w.active("Ana", 1, true)
	w.expect("~Ana")
	w.change("Ana", 1, status(event.StatusAway))
	w.active("Ana", 1, false)
	w.active("Ana", 1, true)
	w.expect("~Ana away")
}

func TestWhoComesBackIsAsAwayAsBefore(t *testing.T) {
	w := newWorld(t, time.Minute)
	w.join("Ana", 1)
	w.active("Ana", 1, false)
	w.wait(2 * time.Minute)
	w.cut("Ana", 1, time.Minute)
	w.hello(2, Hello{ID: "Ana", Resumed: true})
	w.active("Ana", 2, false) // as it says again
	w.hello(3, Hello{ID: "Ana", Resumed: true})
	w.closed("Ana", 3, 0)
	w.expect("+Ana", "~Ana away", "~Ana away reconnecting", "~Ana away")
	if next, ok := w.Next(); ok {
		t.Errorf("something is to happen at %v", next)
	}
	w.active("Ana", 2, true)
	w.expect("~Ana")
}

func TestWhoComesBackAndCannotSaySoIsAwayAgainAtOnce(t *testing.T) {
	w := newWorld(t, time.Minute)
	w.join("Ana", 1)
	w.active("Ana", 1, false)
	w.wait(2 * time.Minute)
	w.cut("Ana", 1, time.Minute)
	w.hello(2, Hello{ID: "Ana"})
	w.expect("+Ana", "~Ana away", "~Ana away reconnecting", "~Ana")
	w.wait(resumeWindow - 1)
	w.active("Ana", 2, false)
	w.expect("~Ana away")
	if since := w.users["Ana"].StatusSince; since != start+time.Minute.Milliseconds() {
		t.Errorf("away since %d: they have been away all the time", since)
	}
	w.active("Ana", 2, true)
	w.active("Ana", 2, false) // a glance that counts
	w.expect("~Ana")
	w.wait(time.Minute)
	w.expect("~Ana away")
	w.hello(3, Hello{ID: "Ana"})
	w.wait(resumeWindow)
	w.active("Ana", 3, false) // a new tab that was looked at
	w.expect("~Ana")
	w.wait(time.Minute)
	w.expect("~Ana away")
}

func TestSinceWhenAStatusIsSoChangesWithTheStatusThatIsShown(t *testing.T) {
	const minute = int64(time.Minute / time.Millisecond)
	w := newWorld(t, 10*time.Minute)
	w.join("Ana", 1)
	for i, step := range []struct {
		does  func()
		since int64 // in minutes, -1 is none
	}{
		{func() {}, -1},
		{func() { w.change("Ana", 1, status(event.StatusBusy)) }, 1},
		{func() { w.change("Ana", 1, event.Named("Anna")) }, 1},
		{func() { w.change("Ana", 1, status(event.StatusBusy)) }, 1},
		{func() { w.change("Ana", 1, status(event.StatusAway)) }, 4},
		{func() { w.cut("Ana", 1, time.Hour); w.join("Ana", 1) }, 4},
		{func() { w.change("Ana", 1, status(event.StatusHere)) }, -1},
		{func() { w.active("Ana", 1, false); w.wait(10 * time.Minute) }, 17}, // at 7
		{func() { w.change("Ana", 1, status(event.StatusAway)) }, 17},
		{func() { w.change("Ana", 1, status(event.StatusBusy)) }, 19},
		{func() { w.change("Ana", 1, status(event.StatusAway)) }, 20},
		{func() { w.change("Ana", 1, status(event.StatusHere)) }, 20},
		{func() { w.active("Ana", 1, true) }, -1},
	} {
		step.does()
		want := int64(0)
		if step.since >= 0 {
			want = start + step.since*minute
		}
		if got := w.users["Ana"].StatusSince; got != want {
			t.Errorf("step %d: since minute %d, want %d", i, (got-start)/minute, step.since)
		}
		w.wait(time.Minute)
	}
}

func TestAStatusAndItsNoteEndByThemselves(t *testing.T) {
	w := newWorld(t, 0)
	w.join("Ana", 1)
	w.change("Ana", 1, event.Patch{Status: new(event.StatusBusy), Note: new("back at 2"), Until: new(int64(start + 3000)), Data: `{"a":1}`})
	w.wait(time.Second)
	w.change("Ana", 1, note("back at 3")) // which does not change when
	w.expect("+Ana", `~Ana busy back at 2 {"a":1}`, `~Ana busy back at 3 {"a":1}`)
	w.wait(2*time.Second - time.Millisecond)
	w.expect()
	w.wait(time.Millisecond)
	w.expect(`~Ana {"a":1}`)
	if u := w.users["Ana"]; u.Until != 0 || u.StatusSince != 0 {
		t.Errorf("she is %+v", u)
	}
	w.wait(time.Hour)
}

func TestTheEndOfAStatusCanBeMovedAndTakenBack(t *testing.T) {
	w := newWorld(t, 0)
	w.hello(1, Hello{ID: "Ana", Profile: event.Patch{Name: new("Ana"), Note: new("out"), Until: new(int64(start + 1000))}})
	w.change("Ana", 1, event.Patch{Until: new(int64(start + 5000))})
	w.wait(4 * time.Second)
	w.expect("+Ana out", "~Ana out")
	w.change("Ana", 1, event.Patch{Until: new(int64)})
	w.wait(time.Hour)
	w.expect("~Ana out")
	w.change("Ana", 1, event.Patch{Until: new(w.now.Unix + 1000)})
	w.cut("Ana", 1, time.Minute) // it ends all the same
	w.wait(time.Second)
	w.expect("~Ana out", "~Ana out reconnecting", "~Ana reconnecting")
}

func TestWhatWhoArrivesWantsDoesNotEndWithWhatTheyWere(t *testing.T) {
	w := newWorld(t, 0)
	was := event.Patch{Name: new("Ana"), Status: new(event.StatusBusy), Note: new("out"), Until: new(int64(start - 1))}
	w.hello(1, Hello{ID: "Ana", Profile: was, Change: note("at lunch"), Tab: "tab", Ref: 2})
	w.wait(time.Hour)
	w.expect("+Ana at lunch")
}

func TestAnEndThatNeverComesIsWaitedFor(t *testing.T) {
	w := newWorld(t, 0)
	w.join("Ana", 1)
	for _, until := range []int64{math.MaxInt64, start + math.MaxInt64/1_000_000} { // as another server may say
		w.change("Ana", 1, event.Patch{Until: &until})
		next, ok := w.Next()
		if left := next.Sub(w.now.Steady); !ok || left != event.MaxUntil {
			t.Errorf("until %d: to be looked at in %v", until, left)
		}
		w.pass(next.Sub(w.now.Steady))
		w.see(w.Due(w.now))
	}
	w.expect("+Ana", "~Ana", "~Ana")
}

func TestWhatIsSaidAfterTheEndOfAStatusStays(t *testing.T) {
	for name, say := range map[string]func(*world){
		"by the same tab":  func(w *world) { w.change("Ana", 1, note("in")) },
		"by one that came": func(w *world) { w.hello(2, Hello{ID: "Ana", Change: note("in")}) },
	} {
		w := newWorld(t, 0)
		w.hello(1, Hello{ID: "Ana", Profile: event.Patch{Name: new("Ana"), Note: new("out"), Until: new(int64(start + 1000))}})
		w.pass(time.Second) // and nobody has called Due yet
		say(w)
		w.wait(time.Hour)
		w.expect("+Ana out", "~Ana in")
		if t.Failed() {
			t.Fatal(name)
		}
	}
}

func TestWhoseStatusEndsWhileTheyAreAwayIsAwayByThemselves(t *testing.T) {
	w := newWorld(t, time.Second)
	w.join("Ana", 1)
	w.active("Ana", 1, false)
	w.change("Ana", 1, event.Patch{Status: new(event.StatusBusy), Until: new(int64(start + 3000))})
	w.wait(3 * time.Second)
	w.expect("+Ana", "~Ana busy", "~Ana away")
	if since := w.users["Ana"].StatusSince; since != start+3000 {
		t.Errorf("since %d ms", since-start)
	}
}

func TestAStatusEndsByTheClockThatPeopleSee(t *testing.T) {
	busy := func(t *testing.T) *world {
		w := newWorld(t, 0)
		w.join("Ana", 1)
		w.change("Ana", 1, event.Patch{Status: new(event.StatusBusy), Until: new(int64(start + 60_000))})
		w.expect("+Ana", "~Ana busy")
		return w
	}
	t.Run("put back", func(t *testing.T) {
		w := busy(t)
		w.pass(30 * time.Second)
		w.now.Unix -= 20_000
		next, _ := w.Next() // foreseen before the clock was put back
		w.pass(next.Sub(w.now.Steady))
		w.see(w.Due(w.now))
		w.expect()
		if next, _ = w.Next(); next.Sub(w.now.Steady) != 20*time.Second {
			t.Errorf("then in %v", next.Sub(w.now.Steady))
		}
		w.wait(20*time.Second - time.Millisecond)
		w.expect()
		w.wait(time.Millisecond)
		w.expect("~Ana")
	})
	t.Run("put forward", func(t *testing.T) {
		w := busy(t)
		w.now.Unix += 50_000
		w.join("Ben", 2) // whatever happens next tells the room
		if next, _ := w.Next(); next.Sub(w.now.Steady) != 10*time.Second {
			t.Errorf("then in %v", next.Sub(w.now.Steady))
		}
		w.wait(10 * time.Second)
		w.expect("+Ben", "~Ana")
	})
	t.Run("not ahead", func(t *testing.T) {
		w := busy(t)
		w.now.Steady = w.now.Steady.Add(time.Hour) // while the other clock stood still
		w.see(w.Due(w.now))
		w.expect()
	})
}

func TestTooMuchDataIsRefusedWithAllThatWasSaidWithIt(t *testing.T) {
	long := func(key string, n int) event.Data {
		return event.Data(`{"` + key + `":"` + strings.Repeat("x", n) + `"}`)
	}
	w := newWorld(t, 0)
	w.hello(1, Hello{ID: "Ana", Profile: event.Patch{Name: new("Ana"), Data: long("a", 600)}, Tab: "tab"})
	before := w.users["Ana"]
	_, err := w.Change(w.now, "Ana", 1, 7, event.Patch{Note: new("so"), Data: long("b", 600)})
	if !errors.Is(err, event.ErrDataTooLong) {
		t.Errorf("error is %v", err)
	}
	_, err = w.Join(w.now, 2, Hello{ID: "Ana", Tab: "tab", Ref: 8, Change: event.Patch{Note: new("so"), Data: long("b", 600)}})
	if !errors.Is(err, event.ErrDataTooLong) {
		t.Errorf("error is %v", err)
	}
	_, err = w.Join(w.now, 3, Hello{ID: "Ben", Profile: event.Patch{Name: new("Ben"), Data: long("a", 600)}, Change: event.Patch{Data: long("b", 600)}})
	if !errors.Is(err, event.ErrDataTooLong) {
		t.Errorf("error is %v", err)
	}
	if why, _ := w.Why("Ana"); why.User != before || why.Connections != 1 {
		t.Errorf("she is %+v", why)
	}
	w.holds("Ana")
	w.say("Ana", 1, 7, event.Patch{Note: new("so"), Data: long("a", 700)}) // what was refused is not done
	if u := w.users["Ana"]; u.Note != "so" || u.Data != long("a", 700) {
		t.Errorf("she is %+v", u)
	}
	w.say("Ana", 1, 8, event.Patch{Data: long("b", event.MaxData-len(long("a", 700))-len(long("b", 0))+1)})
	if u := w.users["Ana"]; len(u.Data) != event.MaxData {
		t.Errorf("as much as may be is %d bytes", len(u.Data))
	}
}

func TestWhyOneIsThere(t *testing.T) {
	w := newWorld(t, time.Minute)
	w.join("Ana", 1)
	w.join("Ana", 2)
	w.change("Ana", 1, status(event.StatusBusy))
	check := func(want Why) {
		t.Helper()
		want.Owners = []Owner{"here"}
		got, ok := w.Why("Ana")
		if want.User = w.users["Ana"]; !ok || got.User != want.User || got.Connections != want.Connections || got.ByHand != want.ByHand ||
			got.Idle != want.Idle || !got.RemoveAt.Equal(want.RemoveAt) || got.Reason != want.Reason || !slices.Equal(got.Owners, want.Owners) {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
	check(Why{Connections: 2, ByHand: event.StatusBusy})
	w.closed("Ana", 1, time.Second)
	w.active("Ana", 2, false)
	check(Why{Connections: 1, ByHand: event.StatusBusy})
	w.cut("Ana", 2, time.Second)
	check(Why{ByHand: event.StatusBusy, RemoveAt: w.now.Steady.Add(time.Second), Reason: event.ReasonLost})
	if why, ok := w.Why("Ben"); ok {
		t.Errorf("somebody else is here: %+v", why)
	}
}
