package presence

import (
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"rollcall/shared/event"
)

// model is a room as simply as it can be said: what is due is found by looking at
// everybody, and nothing is kept that follows from something else.
type model struct {
	away  time.Duration
	users map[string]*modelUser
}

type modelUser struct {
	as     event.User // with the status by hand, and without a link
	conns  map[int]*modelConn
	tabs   map[string]event.Ref
	left   time.Time // when the last connection was gone
	stay   time.Duration
	reason event.Reason
	unused time.Time // since when no tab is used; zero if one is, or none is there
	idle   int64     // since when they are away by themselves; 0 if they are not
}

type modelConn struct {
	tab    string
	used   bool
	joined time.Time
	woke   int64 // what idle was when it joined, if that ended it and it has said nothing
}

func (u *modelUser) shown() event.User {
	s := u.as
	if s.Status == event.StatusHere && u.idle != 0 {
		s.Status, s.StatusSince = event.StatusAway, u.idle
	}
	if len(u.conns) == 0 && u.stay != Forever {
		s.Link = event.LinkReconnecting
	}
	return s
}

// tidy is called when the tabs of a user have changed.
func (u *modelUser) tidy(now Instant) {
	used := false
	for _, c := range u.conns {
		used = used || c.used
	}
	switch {
	case len(u.conns) == 0:
		u.unused = time.Time{}
	case used:
		u.unused, u.idle = time.Time{}, 0
	case u.unused.IsZero():
		u.unused = now.Steady
	}
}

// deadline is when something happens to a user by the steady clock.
func (m *model) deadline(u *modelUser) (time.Time, bool) {
	switch {
	case len(u.conns) == 0:
		return u.left.Add(u.stay), u.stay != Forever
	case m.away > 0 && !u.unused.IsZero() && u.idle == 0:
		return u.unused.Add(m.away), true
	}
	return time.Time{}, false
}

// next is when something happens to anybody.
func (m *model) next(now Instant) (next time.Time, ok bool) {
	for _, u := range m.users {
		if at, due := m.deadline(u); due && (!ok || at.Before(next)) {
			next, ok = at, true
		}
		if until := u.as.Until; until != 0 {
			if at := now.Steady.Add(time.Duration(until-now.Unix) * time.Millisecond); !ok || at.Before(next) {
				next, ok = at, true
			}
		}
	}
	return next, ok
}

func (m *model) due(now Instant) {
	for id, u := range m.users {
		if at, due := m.deadline(u); due && !at.After(now.Steady) {
			if len(u.conns) == 0 {
				delete(m.users, id)
				continue
			}
			u.idle = now.Unix
		}
		u.end(now)
	}
}

// end is what happens to a user by the Unix clock.
func (u *modelUser) end(now Instant) {
	if u.as.Until != 0 && u.as.Until <= now.Unix {
		u.change(now, event.Patch{Status: new(event.StatusHere), Note: new(""), Until: new(int64)})
	}
}

func (u *modelUser) change(now Instant, c event.Patch) {
	before := u.shown()
	u.as = c.Apply(u.as)
	since := before.StatusSince
	if u.shown().Status != before.Status {
		since = now.Unix
	}
	switch {
	case u.as.Status != event.StatusHere:
		u.as.StatusSince = since
	case u.idle != 0:
		u.as.StatusSince, u.idle = 0, since
	default:
		u.as.StatusSince = 0
	}
}

// say is a change that is done only once, and is no change if it does not fit. It
// reports whether it fits.
func (u *modelUser) say(now Instant, tab string, ref event.Ref, c event.Patch) bool {
	switch {
	case tab != "" && ref != 0 && ref <= u.tabs[tab]:
		return true
	case c.Data != "" && len(c.Apply(u.as).Data) > event.MaxData:
		return false
	}
	if tab != "" {
		u.tabs[tab] = max(ref, u.tabs[tab])
	}
	u.end(now)
	u.change(now, c)
	return true
}

func (m *model) join(now Instant, conn int, h Hello) bool {
	u := m.users[h.ID]
	if u == nil {
		u = &modelUser{as: event.User{ID: h.ID, Since: now.Unix}, conns: map[int]*modelConn{}, tabs: map[string]event.Ref{}}
		u.change(now, h.Profile)
	}
	if !h.Change.IsZero() && !u.say(now, h.Tab, h.Ref, h.Change) {
		return false
	}
	u.end(now)
	m.users[h.ID] = u
	c := &modelConn{tab: h.Tab, used: !h.Resumed || u.idle == 0, joined: now.Steady}
	if c.used {
		c.woke = u.idle
	}
	u.conns[conn] = c
	u.tidy(now)
	return true
}

func (m *model) active(now Instant, u *modelUser, c *modelConn, active bool) {
	c.used = active
	if u.tidy(now); !u.unused.IsZero() && u.idle == 0 && c.woke != 0 && now.Steady.Sub(c.joined) < resumeWindow && m.away > 0 {
		u.idle = c.woke
	}
	c.woke = 0
}

func (m *model) disconnect(now Instant, u *modelUser, conn int, reason event.Reason, stay time.Duration) {
	delete(u.conns, conn)
	u.tidy(now)
	if len(u.conns) > 0 {
		return
	}
	u.left, u.stay, u.reason = now.Steady, stay, reason
	if stay <= 0 {
		delete(m.users, u.as.ID)
	}
}

// compare finds what differs between the room and the model.
func (m *model) compare(t *rapid.T, w *world) {
	shown, absent := make(map[string]event.User), 0
	for id, u := range m.users {
		shown[id] = u.shown()
		if len(u.conns) == 0 {
			absent++
		}
		why, ok := w.Why(id)
		if !ok || why.User != shown[id] || why.Connections != len(u.conns) || why.ByHand != u.as.Status || why.Idle != (u.idle != 0) {
			t.Fatalf("%s is here for %+v, want %+v of %+v", id, why, *u, shown[id])
		}
		if goes := len(u.conns) == 0 && u.stay != Forever; why.RemoveAt.IsZero() == goes || goes && why.Reason != u.reason {
			t.Fatalf("%s goes at %v for %q, want %v", id, why.RemoveAt, why.Reason, u)
		}
	}
	if w.Absent() != absent {
		t.Fatalf("%d are absent, want %d", w.Absent(), absent)
	}
	if !maps.Equal(shown, w.users) {
		t.Fatalf("people see %+v, want %+v", w.users, shown)
	}
	next, ok := w.Next()
	if want, wanted := m.next(w.now); ok != wanted || !next.Equal(want) {
		t.Fatalf("next is %v, %v, want %v, %v", next, ok, want, wanted)
	}
}

// TestARoomIsAsItsModel compares a room with its model after each of many steps,
// among them what is due, done at its moment, late or again.
func TestARoomIsAsItsModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		away := time.Duration(rapid.IntRange(0, 3).Draw(rt, "away")) * 2 * time.Second
		w, m := newWorld(t, away), &model{away: away, users: make(map[string]*modelUser)}
		last := 0 // no two connections have one name
		for range rapid.IntRange(1, 60).Draw(rt, "steps") {
			id := rapid.SampledFrom([]string{"Ana", "Ben"}).Draw(rt, "user")
			tab := rapid.SampledFrom([]string{"", "s", "t"}).Draw(rt, "tab")
			ref := event.Ref(rapid.IntRange(0, 4).Draw(rt, "ref"))
			u, conn := m.users[id], 0
			var c *modelConn
			if u != nil && len(u.conns) > 0 {
				conn = rapid.SampledFrom(slices.Sorted(maps.Keys(u.conns))).Draw(rt, "connection")
				c = u.conns[conn]
			}
			switch what := rapid.IntRange(0, 11).Draw(rt, "what"); {
			case what == 0:
				w.see(w.Due(w.now))
				m.due(w.now)
			case what == 1:
				if next, ok := w.Next(); ok {
					w.pass(max(0, next.Sub(w.now.Steady)-1))
					early := w.Due(w.now)
					m.due(w.now)
					w.see(early)
					m.compare(rt, w)
					w.pass(1)
					w.see(w.Due(w.now))
					m.due(w.now)
				}
			case what == 2:
				w.pass(time.Duration(rapid.Int64Range(0, int64(10*time.Second)).Draw(rt, "d")))
				w.see(w.Due(w.now))
				m.due(w.now)
			case what == 3 && rapid.IntRange(0, 3).Draw(rt, "jumps") == 0:
				w.now.Unix += rapid.Int64Range(-10_000, 10_000).Draw(rt, "by")
				w.see(w.Due(w.now))
				m.due(w.now)
			case what <= 5:
				h := Hello{ID: id, Profile: event.Named(id).Then(drawChange(rt, w.now)), Change: drawChange(rt, w.now), Tab: tab, Ref: ref, Resumed: rapid.Bool().Draw(rt, "resumed")}
				last++
				events, err := w.Join(w.now, last, h)
				w.see(events)
				if m.join(w.now, last, h) != (err == nil) {
					rt.Fatalf("error is %v", err)
				}
			case c == nil:
			case what == 6:
				change := drawChange(rt, w.now)
				events, err := w.Change(w.now, id, conn, ref, change)
				w.see(events)
				if u.say(w.now, c.tab, ref, change) != (err == nil) {
					rt.Fatalf("error is %v", err)
				}
				u.end(w.now)
			case what <= 8:
				active := rapid.IntRange(0, 2).Draw(rt, "active") == 0
				w.active(id, conn, active)
				m.active(w.now, u, c, active)
				u.end(w.now)
			case what <= 10:
				stay := rapid.SampledFrom([]time.Duration{0, -1, time.Second, 3 * time.Second, Forever}).Draw(rt, "stay")
				reason := rapid.SampledFrom([]event.Reason{event.ReasonClosed, event.ReasonLost}).Draw(rt, "reason")
				w.see(w.Disconnect(w.now, id, conn, reason, stay))
				m.disconnect(w.now, u, conn, reason, stay)
				u.end(w.now)
			default:
				conns := w.leave(id)
				if slices.Sort(conns); !slices.Equal(conns, slices.Sorted(maps.Keys(u.conns))) {
					rt.Fatalf("connections were %v", conns)
				}
				delete(m.users, id)
			}
			m.compare(rt, w)
		}
		// Whatever was to come, comes.
		for next, ok := w.Next(); ok; next, ok = w.Next() {
			w.pass(max(0, next.Sub(w.now.Steady)))
			w.see(w.Due(w.now))
			m.due(w.now)
			m.compare(rt, w)
		}
	})
}
