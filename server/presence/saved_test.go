package presence

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"rollcall/shared/event"
)

const held = 90 * time.Second

// reborn is the world after the server has ended and another has begun with what
// was saved. It is seen by who still knows the users as they were.
func (w *world) reborn() *world {
	w.t.Helper()
	text, err := json.Marshal(w.Save(w.now))
	if err != nil {
		w.t.Fatal(err)
	}
	var saved []Saved
	if err := json.Unmarshal(text, &saved); err != nil {
		w.t.Fatal(err)
	}
	next := newWorld(w.t, w.options.Away)
	next.now, next.users = w.now, w.users
	next.see(next.Restore(next.now, saved, held))
	return next
}

func TestAfterACleanEndNobodyIsSeenToLeave(t *testing.T) {
	w := newWorld(t, 0)
	w.join("Ana", 1)
	w.join("Ben", 2)
	w.change("Ana", 1, event.Patch{Status: new(event.StatusBusy), Note: new("back at 2"), Data: `{"a":1}`})
	w.wait(time.Minute)
	before := w.users["Ana"]
	w.cut("Ana", 1, Forever)
	w.cut("Ben", 2, Forever)
	w.expect("+Ana", "+Ben", `~Ana busy back at 2 {"a":1}`)

	w = w.reborn()
	w.join("Ana", 1)
	if after := w.users["Ana"]; after != before {
		t.Errorf("Ana is %+v, was %+v", after, before)
	}
	w.seen = nil
	w.wait(held - 1)
	w.expect()
	w.wait(1)
	w.expect("-Ben lost")
	w.wait(time.Hour)
	w.holds("Ana")
}

func TestWhoHadGoneBeforeTheEndIsNotWaitedForAnew(t *testing.T) {
	w := newWorld(t, 0)
	w.join("Ana", 1)
	w.join("Ben", 2)
	w.join("Cyd", 3)
	w.closed("Ana", 1, 2*time.Second)
	w.cut("Ben", 2, 15*time.Second)
	w.cut("Cyd", 3, 500*time.Millisecond)
	w.pass(time.Second)
	w.seen = nil

	w = w.reborn()
	w.expect()
	w.wait(0)
	w.expect("-Cyd lost") // which was due already
	w.wait(time.Second - 1)
	w.expect()
	w.wait(1)
	w.expect("-Ana closed")
	w.wait(13*time.Second - 1)
	w.expect()
	w.wait(1)
	w.expect("-Ben lost")
}

func TestASecondEndTakesNothingFromWhoAreStillHeld(t *testing.T) {
	w := newWorld(t, 0)
	w.join("Ana", 1)
	w.cut("Ana", 1, Forever)
	for range 3 {
		w = w.reborn()
		w.wait(held - 1)
		w.holds("Ana")
	}
	w.wait(1)
	w.holds()
}

func TestWhoWasHeldAndCameBackIsWaitedForAsEver(t *testing.T) {
	w := newWorld(t, 0)
	w.join("Ana", 1)
	w = w.reborn()
	w.join("Ana", 1)
	w.cut("Ana", 1, time.Second)
	w = w.reborn()
	w.seen = nil
	w.wait(time.Second)
	w.expect("-Ana lost")
}

func TestBeingAwayGoesOnAfterTheEnd(t *testing.T) {
	w := newWorld(t, time.Minute)
	w.join("Ana", 1)
	w.join("Ben", 2)
	w.active("Ana", 1, false)
	w.active("Ben", 2, false)
	w.change("Ben", 2, status(event.StatusBusy))
	w.wait(time.Minute)
	since := w.now.Unix
	w.wait(time.Minute)
	w.cut("Ana", 1, Forever)
	w.cut("Ben", 2, Forever)
	w = w.reborn()
	slices.Sort(w.seen) // they come in any order
	w.expect("~Ana away reconnecting", "~Ben busy reconnecting")
	w.hello(1, Hello{ID: "Ana", Resumed: true})
	w.expect("~Ana away")
	if got := w.users["Ana"].StatusSince; got != since {
		t.Errorf("away since %d, want %d", got, since)
	}
	w.hello(2, Hello{ID: "Ben", Resumed: true, Change: status(event.StatusHere)})
	w.expect("~Ben away")
	w.active("Ana", 1, true)
	w.expect("~Ana")
}

func TestAStatusEndsWhileTheServerIsDown(t *testing.T) {
	w := newWorld(t, 0)
	w.join("Ana", 1)
	w.join("Ben", 2)
	w.change("Ana", 1, event.Patch{Note: new("out"), Until: new(int64(start + 1000))})
	w.change("Ben", 2, event.Patch{Note: new("out"), Until: new(int64(start + 3000))})
	w.cut("Ana", 1, Forever)
	w.cut("Ben", 2, Forever)
	w.pass(2 * time.Second)
	w.seen = nil
	w = w.reborn()
	slices.Sort(w.seen) // they come in any order
	w.expect("~Ana reconnecting", "~Ben out reconnecting")
	w.wait(time.Second)
	w.expect("~Ben reconnecting")
}

func TestWhatIsDoneIsNotDoneAgainAfterTheEnd(t *testing.T) {
	w := newWorld(t, 0)
	w.hello(1, Hello{ID: "Ana", Tab: "tab", Ref: 1, Profile: event.Named("Ana"), Change: note("one")})
	w.say("Ana", 1, 2, note("two"))
	w.cut("Ana", 1, Forever)
	w.expect("+Ana one", "~Ana two")
	w = w.reborn()
	w.hello(1, Hello{ID: "Ana", Tab: "tab", Ref: 2, Change: note("two, again")})
	w.say("Ana", 1, 3, note("three"))
	w.expect("~Ana two reconnecting", "~Ana two", "~Ana three")
}

func TestWhenThingsWereSaidIsKept(t *testing.T) {
	w := newWorld(t, time.Second)
	w.join("Ana", 1)
	w.active("Ana", 1, false)
	w.wait(time.Second)
	w.change("Ana", 1, note("out"))
	before, _ := w.Own("Ana")
	w = w.reborn()
	after, _ := w.Own("Ana")
	before.User.Link = event.LinkReconnecting
	if !same(before, after) {
		t.Errorf("before %+v, after %+v", before, after)
	}
}

func TestAUserOfAnotherServerIsNotSaved(t *testing.T) {
	w := newWorld(t, 0)
	w.put("there", Entry{User: event.User{ID: "Ana", Name: "Ana"}})
	w.join("Ben", 1)
	if saved := w.Save(w.now); len(saved) != 1 || saved[0].User.ID != "Ben" {
		t.Errorf("saved is %+v", saved)
	}
}
