package testcluster

import (
	"strings"
	"testing"
	"time"

	"rollcall/shared/event"
	"rollcall/shared/roster"
)

// What is written down of the times in the server: others are silent after 3.5 s, of
// which a second may have passed already, and gone after 15 s.
const (
	silentEarliest = 2300 * time.Millisecond
	silentLatest   = 5 * time.Second
	lostEarliest   = 13500 * time.Millisecond
	lostLatest     = 18 * time.Second
	healing        = 5 * time.Second
)

// start starts a cluster, until the test ends.
func start(t *testing.T, options Options) *Cluster {
	t.Helper()
	options.Binary = binary
	options.Args = append(append([]string{"-window", "0", "-log-level", "debug"}, Unlimited...), options.Args...)
	c, err := Start(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(c.Logs())
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// join has one more person come to one server, and waits until all see them.
func join(t *testing.T, all *Crowd, at *Server, name string) *Person {
	t.Helper()
	p, err := all.Join(t.Context(), at.WebSocket(), name)
	if err != nil {
		t.Fatal(err)
	}
	converged(t, all, soon)
	return p
}

// of says whether something is about a person and of a kind, or of any if there is none.
func of(p *Person, kinds ...func(Seen) bool) func(Seen) bool {
	return func(s Seen) bool {
		if s.User.ID != p.ID() {
			return false
		}
		for _, kind := range kinds {
			if !kind(s) {
				return false
			}
		}
		return true
	}
}

func dimmed(s Seen) bool {
	return s.Kind == roster.Updated && s.User.Link == event.LinkReconnecting && s.Before.Link != s.User.Link
}

func gone(s Seen) bool { return s.Kind == roster.Gone }

// awaitSeen waits until a watcher has seen something since a time, and returns after how long
// that was, and what.
func awaitSeen(t *testing.T, w *Watcher, since time.Time, within time.Duration, which func(Seen) bool) (time.Duration, Seen) {
	t.Helper()
	var found Seen
	eventually(t, within, "server "+w.Server.Name()+" shows it", func() bool {
		for _, s := range w.Seen(since) {
			if which(s) {
				found = s
				return true
			}
		}
		return false
	})
	return found.At.Sub(since), found
}

// between fails the test unless something took as long as it should.
func between(t *testing.T, words string, took, earliest, latest time.Duration) {
	t.Helper()
	if took < earliest || took > latest {
		t.Errorf("%s after %v; it should be between %v and %v", words, took, earliest, latest)
	}
}

// seenNothing fails the test if anything of a kind has been seen anywhere since a time.
func seenNothing(t *testing.T, all *Crowd, since time.Time, which func(Seen) bool) {
	t.Helper()
	if seen := all.Seen(since, which); len(seen) > 0 {
		t.Errorf("%d things are seen, such as\n%s", len(seen), strings.Join(seen[:min(len(seen), 10)], "\n"))
	}
}

func TestAServerThatIsKilledTakesAlongOnlyThoseWhoDoNotComeBack(t *testing.T) {
	t.Parallel()
	c := start(t, Options{})
	all := crowd(t, c, "team", 9)
	lost := join(t, all, c.Servers[2], "Zoë") // whose device knows no other server
	began := time.Now()
	c.Servers[2].Kill()
	all.Watchers[2].Close()
	all.Watchers = all.Watchers[:2]
	for _, w := range all.Watchers {
		took, _ := awaitSeen(t, w, began, silentLatest, of(lost, dimmed))
		between(t, "reconnecting", took, silentEarliest, silentLatest)
	}
	lost.Line.TakeDown()
	converged(t, all, healing)
	for _, w := range all.Watchers {
		took, seen := awaitSeen(t, w, began, lostLatest, of(lost, gone))
		between(t, "gone", took, lostEarliest, lostLatest)
		if seen.Reason != event.ReasonNodeLost {
			t.Errorf("why: %s", seen)
		}
	}
	if _, err := all.NobodyOnlineWithoutConnection(0); err != nil {
		t.Error(err)
	}
	seenNothing(t, all, began, func(s Seen) bool { return s.User.ID != lost.ID() && comings(s) })
	// A new run of the server has them all, and nobody sees anything of that.
	began = time.Now()
	if err := c.Servers[2].Start(); err != nil {
		t.Fatal(err)
	}
	w, err := NewWatcher(t.Context(), c.Servers[2], "team")
	if err != nil {
		t.Fatal(err)
	}
	all.Watchers = append(all.Watchers, w)
	converged(t, all, healing)
	seenNothing(t, all, began, comings)
}

func TestAServerThatStartsAgainSoonAfterAKillHasTheTruth(t *testing.T) {
	t.Parallel()
	c := start(t, Options{})
	all := crowd(t, c, "team", 9)
	join(t, all, c.Servers[2], "Zoë") // who comes back to this one only
	began := time.Now()
	c.Servers[2].Kill()
	time.Sleep(5 * time.Second)
	if err := c.Servers[2].Start(); err != nil {
		t.Fatal(err)
	}
	t.Logf("true after %v", converged(t, all, healing))
	if _, err := all.NobodyOnlineWithoutConnection(20 * time.Second); err != nil {
		t.Error(err)
	}
	seenNothing(t, all, began, func(s Seen) bool { return s.User.Name != "Zoë" && comings(s) })
}

func TestAServerThatIsFrozenPastItsLeaseIsTakenUpAgain(t *testing.T) {
	t.Parallel()
	c := start(t, Options{})
	all := crowd(t, c, "team", 6)
	there, early := join(t, all, c.Servers[2], "Zoë"), join(t, all, c.Servers[1], "Yann")
	began := time.Now()
	if err := c.Servers[2].Freeze(); err != nil {
		t.Fatal(err)
	}
	for _, w := range all.Watchers[:2] {
		took, _ := awaitSeen(t, w, began, silentLatest, of(there, dimmed))
		between(t, "reconnecting", took, silentEarliest, silentLatest)
	}
	for _, w := range all.Watchers[:2] {
		took, seen := awaitSeen(t, w, began, lostLatest, of(there, gone))
		between(t, "gone", took, lostEarliest, lostLatest)
		if seen.Reason != event.ReasonNodeLost {
			t.Errorf("why: %s", seen)
		}
	}
	// Somebody comes and somebody goes while it does not look.
	late, err := all.Join(t.Context(), c.Servers[0].WebSocket(), "Xaver")
	if err != nil {
		t.Fatal(err)
	}
	leave(t, early)
	thawed := time.Now()
	if err := c.Servers[2].Thaw(); err != nil {
		t.Fatal(err)
	}
	t.Logf("true after %v", converged(t, all, healing))
	// Those who were there all the time were not silent: it was.
	for _, s := range all.Watchers[2].Seen(thawed) {
		if comings(s) && s.User.ID != late.ID() && s.User.ID != early.ID() {
			t.Errorf("the one that was frozen sees: %s", s)
		}
	}
}

// A fault that is over before the lease is, makes nobody leave or arrive.
func TestAShortFaultOfTheLineMakesNobodyLeave(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]Fault{
		"cut":           {Cut: true},
		"stalled":       Stalled,
		"cannot speak":  {HoldTo: true},
		"cannot hear":   {HoldFrom: true},
		"slow":          {Delay: 700 * time.Millisecond},
		"slower than 3": {Delay: 4 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := start(t, Options{})
			all := crowd(t, c, "team", 6)
			there := join(t, all, c.Servers[2], "Zoë")
			other := join(t, all, c.Servers[0], "Yann")
			began := time.Now()
			c.Links[2].Set(fault)
			if fault.Delay == 0 && !fault.HoldFrom { // it is not heard
				awaitSeen(t, all.Watchers[0], began, silentLatest, of(there, dimmed))
			}
			if fault.Cut || fault.HoldFrom { // it hears nobody
				awaitSeen(t, all.Watchers[2], began, silentLatest+3*time.Second, of(other, dimmed))
				eventually(t, soon, "it says that it may not know everybody", func() bool { return all.Watchers[2].State().Partial })
			}
			there.Rename("Zoe")
			other.Rename("Jan")
			time.Sleep(time.Until(began.Add(9 * time.Second)))
			c.Links[2].Heal()
			t.Logf("true after %v", converged(t, all, healing))
			seenNothing(t, all, began, comings)
		})
	}
}

func TestAPartitionLongerThanTheLeaseIsMended(t *testing.T) {
	t.Parallel()
	c := start(t, Options{})
	all := crowd(t, c, "team", 6)
	there := join(t, all, c.Servers[2], "Zoë")
	began := time.Now()
	c.Links[2].Set(Stalled)
	for _, w := range all.Watchers[:2] {
		took, _ := awaitSeen(t, w, began, lostLatest, of(there, gone))
		between(t, "gone", took, lostEarliest, lostLatest)
	}
	time.Sleep(time.Until(began.Add(20 * time.Second)))
	// Who cannot reach NATS does not say that anybody has gone.
	for _, s := range all.Watchers[2].Seen(began) {
		if comings(s) {
			t.Errorf("the one behind the partition sees: %s", s)
		}
	}
	c.Links[2].Heal()
	t.Logf("true after %v", converged(t, all, healing))
	for _, s := range all.Watchers[2].Seen(began) {
		if comings(s) {
			t.Errorf("the one behind the partition sees: %s", s)
		}
	}
}

func TestNATSThatStartsAgainMakesNobodyLeave(t *testing.T) {
	t.Parallel()
	for name, down := range map[string]time.Duration{"at once": 0, "after 8 s": 8 * time.Second, "after 20 s": 20 * time.Second} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := start(t, Options{})
			all := crowd(t, c, "team", 6)
			other := join(t, all, c.Servers[0], "Yann")
			began := time.Now()
			if err := c.NATS[0].Stop(); err != nil {
				t.Fatal(err)
			}
			if down > 0 {
				awaitSeen(t, all.Watchers[2], began, silentLatest, of(other, dimmed))
				eventually(t, soon, "it says that it may not know everybody", func() bool { return all.Watchers[2].State().Partial })
				other.Rename("Jan")
				time.Sleep(time.Until(began.Add(down)))
			}
			if err := c.NATS[0].Start(); err != nil {
				t.Fatal(err)
			}
			t.Logf("true after %v", converged(t, all, healing))
			seenNothing(t, all, began, comings)
		})
	}
}
