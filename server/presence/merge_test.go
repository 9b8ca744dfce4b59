package presence

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"rollcall/shared/event"
)

// fieldNames are those of the entries that are drawn.
var fieldNames = []string{"data.a", "data.b", "data.c", "name", "note", "status", "until"}

// pick is some value of a field that was said with a stamp: whoever knows of that
// stamp knows the same value.
func pick(field string, s Stamp, n int) int {
	h := fnv.New32a()
	fmt.Fprint(h, field, s)
	return int(h.Sum32()>>8) % n
}

// said is what was said of a field with a stamp.
func said(field string, s Stamp) event.Patch {
	n := pick(field, s, 3)
	switch field {
	case "name":
		return event.Named([]string{"Ana", "Anna", "Annika"}[n])
	case "note":
		return note([]string{"", "out", "in"}[n])
	case "status":
		return status([]event.Status{event.StatusHere, event.StatusAway, event.StatusBusy}[n])
	case "until":
		return event.Patch{Until: new([]int64{0, start - 1, start + 1}[n])}
	}
	return event.Patch{Data: event.Data(fmt.Sprintf(`{"%s":%s}`, field[len("data."):], []string{"null", "1", "2"}[n]))}
}

func drawStamp(t *rapid.T, earliest int64) Stamp {
	return Stamp{
		Time:  rapid.Int64Range(earliest, earliest+4).Draw(t, "time"),
		Owner: Owner(rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "by")),
	}
}

// drawEntry draws what some owner may know of a user.
func drawEntry(t *rapid.T) Entry {
	e := Entry{
		User: event.User{
			ID:    "Ana",
			Since: rapid.Int64Range(1, 3).Draw(t, "since"),
			Link:  rapid.SampledFrom([]event.Link{event.LinkOnline, event.LinkReconnecting}).Draw(t, "link"),
		},
		Stamp: drawStamp(t, 1),
		Idle:  rapid.Int64Range(0, 3).Draw(t, "idle"),
	}
	for _, field := range fieldNames {
		if rapid.Bool().Draw(t, field) {
			if s := drawStamp(t, 1); s.Compare(e.Stamp) > 0 {
				e.setStamp(field, s)
			}
		}
		e.User = said(field, e.stampOf(field)).Apply(e.User)
	}
	if e.User.Status != event.StatusHere {
		e.User.StatusSince = int64(1 + pick("status since", e.stampOf("status"), 100))
	}
	return e
}

func TestTheMergeOfEntriesDependsOnlyOnTheirSet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := drawEntry(t), drawEntry(t), drawEntry(t)
		for what, pair := range map[string][2]Entry{
			"the order":    {Merge(a, b), Merge(b, a)},
			"the grouping": {Merge(Merge(a, b), c), Merge(a, Merge(b, c))},
			"a repetition": {Merge(a, a), a},
			"a part again": {Merge(Merge(a, b), a), Merge(a, b)},
		} {
			if !same(pair[0], pair[1]) {
				t.Errorf("%s makes a difference:\n%+v\n%+v", what, pair[0], pair[1])
			}
		}
	})
}

func TestTheMergeIsFieldByFieldWhatWasSaidLast(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawEntry(t), drawEntry(t)
		want := event.User{ID: "Ana", Since: min(a.User.Since, b.User.Since), Link: event.LinkReconnecting}
		for _, field := range fieldNames {
			want = said(field, later(a.stampOf(field), b.stampOf(field))).Apply(want)
		}
		if a.User.Link == event.LinkOnline || b.User.Link == event.LinkOnline {
			want.Link = event.LinkOnline
		}
		away, since := true, int64(0)
		for _, e := range []Entry{a, b} {
			if e.User.Link == want.Link {
				away, since = away && e.Idle != 0, max(since, e.Idle)
			}
		}
		switch {
		case want.Status != event.StatusHere:
			want.StatusSince = int64(1 + pick("status since", later(a.stampOf("status"), b.stampOf("status")), 100))
		case away:
			want.Status, want.StatusSince = event.StatusAway, since
		}
		m := Merge(a, b)
		if got := m.Shown(); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
		for _, s := range m.Stamps {
			if s.Stamp.Compare(m.Stamp) <= 0 {
				t.Errorf("%v says no more than %v, which all fields have", s, m.Stamp)
			}
		}
	})
}

// TestWhatIsShownDependsOnlyOnTheLatestOfEachOwner has three owners tell of a user
// in any order, some of it twice and some of it never.
func TestWhatIsShownDependsOnlyOnTheLatestOfEachOwner(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w, straight := newWorld(t, 0), newWorld(t, 0)
		latest := make(map[Owner]*Entry)
		for range rapid.IntRange(1, 12).Draw(rt, "words") {
			owner := Owner(rapid.SampledFrom([]string{"a", "b", "c"}).Draw(rt, "owner"))
			latest[owner] = nil
			if rapid.IntRange(0, 3).Draw(rt, "has") > 0 {
				latest[owner] = new(drawEntry(rt))
			}
			for range rapid.IntRange(0, 2).Draw(rt, "times") {
				tell(w, owner, latest[owner])
			}
		}
		for _, owner := range rapid.Permutation([]Owner{"a", "b", "c"}).Draw(rt, "order") {
			tell(w, owner, latest[owner])
		}
		for _, owner := range []Owner{"c", "a", "b"} {
			tell(straight, owner, latest[owner])
		}
		if w.users["Ana"] != straight.users["Ana"] {
			rt.Errorf("she is %+v, and straight %+v", w.users["Ana"], straight.users["Ana"])
		}
	})
}

func tell(w *world, owner Owner, e *Entry) {
	if e == nil {
		w.drop(owner, "Ana")
	} else {
		w.put(owner, *e)
	}
}

// TestServersThatHearOfEachOtherShowTheSame lets users do anything on three
// servers whose clocks differ, and which hear of each other late, twice, or not of
// everything.
func TestServersThatHearOfEachOtherShowTheSame(t *testing.T) {
	owners := []Owner{"a", "b", "c"}
	rapid.Check(t, func(rt *rapid.T) {
		all := servers(t, 3*time.Second, owners...)
		for _, w := range all {
			w.now.Unix += rapid.Int64Range(-5000, 5000).Draw(rt, "clock")
		}
		hear := func(to, from int) {
			for _, name := range []string{"Ana", "Ben"} {
				if e, has := all[from].Own(name); has {
					all[to].put(owners[from], e)
				} else {
					all[to].drop(owners[from], name)
				}
			}
		}
		for range rapid.IntRange(1, 40).Draw(rt, "steps") {
			i := rapid.IntRange(0, 2).Draw(rt, "server")
			w := all[i]
			name := rapid.SampledFrom([]string{"Ana", "Ben"}).Draw(rt, "user")
			conn := rapid.IntRange(1, 2).Draw(rt, "connection")
			connected := slices.Contains(slices.Collect(w.Connections(name)), conn)
			switch rapid.IntRange(0, 6).Draw(rt, "what") {
			case 0:
				if !connected {
					w.hello(conn, Hello{ID: name, Profile: event.Named(name), Change: drawChange(rt, w.now), Resumed: rapid.Bool().Draw(rt, "resumed")})
				}
			case 1, 2:
				w.change(name, conn, drawChange(rt, w.now))
			case 3:
				w.active(name, conn, rapid.Bool().Draw(rt, "active"))
			case 4:
				w.cut(name, conn, time.Duration(rapid.IntRange(0, 4).Draw(rt, "stay"))*time.Second)
			case 5:
				d := time.Duration(rapid.IntRange(0, 4000).Draw(rt, "ms")) * time.Millisecond
				for _, w := range all {
					w.wait(d)
				}
			}
			if to := rapid.IntRange(0, 2).Draw(rt, "to"); to != i {
				hear(to, i)
			}
		}
		// At last all clocks are right, and everybody hears of all.
		latest := slices.MaxFunc(all, func(v, w *world) int { return cmp.Compare(v.now.Unix, w.now.Unix) }).now
		for _, w := range all {
			w.now = latest
			w.see(w.Due(w.now))
		}
		for range 3 {
			for to := range all {
				for from := range all {
					if to != from {
						hear(to, from)
					}
				}
			}
		}
		for i, w := range all[1:] {
			for _, name := range []string{"Ana", "Ben"} {
				if w.users[name] != all[0].users[name] {
					rt.Errorf("%s is %+v on a and %+v on %s", name, all[0].users[name], w.users[name], owners[i+1])
				}
			}
		}
	})
}

// drawChange draws what somebody may want to be different.
func drawChange(t *rapid.T, now Instant) event.Patch {
	var c event.Patch
	for _, field := range fieldNames {
		if rapid.IntRange(0, 3).Draw(t, field) > 0 {
			continue
		}
		n := Stamp{Time: rapid.Int64Range(0, 20).Draw(t, "value")}
		if field == "until" {
			c = c.Then(event.Patch{Until: new(now.Unix + n.Time*200)})
			if n.Time < 5 {
				c.Until = new(int64)
			}
		} else {
			c = c.Then(said(field, n))
		}
	}
	return c
}
