package testcluster

import (
	"context"
	"flag"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"rollcall/shared/client"
	"rollcall/shared/event"
	"rollcall/shared/roster"
)

// How large some crowds are; by hand with -rolling.people 1000.
var (
	rollingPeople = flag.Int("rolling.people", 60, "how many are there when all servers restart one after the other")
	stormPeople   = flag.Int("storm.people", 40, "how many connect anew as fast as they can")
	stormEach     = flag.Int("storm.each", 10, "how often each of them does")
)

func TestARollingRestartIsSeenByNobody(t *testing.T) { // alone, since it takes all that the machine has
	c := start(t, Options{})
	all := crowd(t, c, "team", *rollingPeople)
	began := time.Now()
	for _, s := range c.Servers {
		if err := s.Restart(); err != nil {
			t.Fatal(err)
		}
		t.Logf("true %v after server %s is back", converged(t, all, healing), s.Name())
	}
	seenNothing(t, all, began, comings)
}

func TestWhoComesBackAsFastAsTheyCanIsSeenByNobody(t *testing.T) { // alone, as before
	c := start(t, Options{})
	all := crowd(t, c, "team", *stormPeople)
	began := time.Now()
	if err := Each(all.People, func(p *Person) error {
		for range *stormEach {
			if err := p.Reconnect(t.Context()); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d reconnects in %v, true after %v", *stormPeople**stormEach, time.Since(began), converged(t, all, healing))
	seenNothing(t, all, began, comings)
}

func TestAServerThatEndsHasItsPeopleHeld(t *testing.T) {
	t.Parallel()
	c := start(t, Options{})
	all := crowd(t, c, "team", 6)
	held := join(t, all, c.Servers[2], "Zoë")
	began := time.Now()
	if err := c.Servers[2].Stop(); err != nil {
		t.Fatal(err)
	}
	held.Line.TakeDown()
	all.Watchers[2].Close()
	all.Watchers = all.Watchers[:2]
	for _, w := range all.Watchers {
		if took, _ := awaitSeen(t, w, began, soon, of(held, dimmed)); took > 2*time.Second {
			t.Errorf("reconnecting only after %v", took)
		}
	}
	converged(t, all, healing)
	time.Sleep(time.Until(began.Add(20 * time.Second)))
	seenNothing(t, all, began, comings)
}

func TestOneSessionOnTwoServersIsOneUser(t *testing.T) {
	t.Parallel()
	c := start(t, Options{})
	all := crowd(t, c, "team", 3)
	began := time.Now()
	ana := join(t, all, c.Servers[0], "Zoë")
	since := all.Watchers[0].Users()[ana.ID()].Since
	for _, s := range c.Servers[1:] {
		if err := ana.OpenAt(t.Context(), s.WebSocket()); err != nil {
			t.Fatal(err)
		}
	}
	converged(t, all, soon)
	for _, w := range all.Watchers {
		if seen := w.Seen(began); len(seen) != 1 || seen[0].Kind != roster.Arrived {
			t.Errorf("server %s shows %v", w.Server.Name(), seen)
		}
	}

	// Two fields, changed on two servers in the same moment.
	note, status := "in the library", event.StatusBusy
	tabs := ana.Tabs()
	var both sync.WaitGroup
	both.Go(func() { tabs[1].Update(event.Patch{Note: &note}) })
	both.Go(func() { tabs[2].Update(event.Patch{Status: &status}) })
	both.Wait()
	for _, w := range all.Watchers {
		eventually(t, soon, "both changes hold", func() bool { u := w.Users()[ana.ID()]; return u.Note == note && u.Status == status })
	}
	converged(t, all, soon)

	// The tab that came first goes; the place stays.
	tabs[0].close()
	time.Sleep(3 * time.Second) // longer than a closed tab lingers
	for _, w := range all.Watchers {
		if u := w.Users()[ana.ID()]; u.Since != since || u.Link != event.LinkOnline || u.Note != note {
			t.Errorf("server %s shows %+v", w.Server.Name(), u)
		}
	}
	seenNothing(t, all, began, of(ana, gone))

	// The device loses its line, and with it all tabs at once.
	down := time.Now()
	ana.Line.TakeDown()
	for _, w := range all.Watchers {
		took, seen := awaitSeen(t, w, down, lostLatest, of(ana, gone))
		between(t, "gone", took, 14*time.Second, 17*time.Second)
		if seen.Reason != event.ReasonLost {
			t.Errorf("why: %s", seen)
		}
	}
}

// leave has somebody leave, and waits until all their tabs know.
func leave(t *testing.T, p *Person) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), healing)
	defer cancel()
	if err := p.Leave(ctx); err != nil {
		t.Fatalf("%s does not leave in all tabs: %v", p.Name(), err)
	}
}

// awaitTold waits until the servers have told each other of all tabs: who leaves, leaves in
// those of which their server knows. That somebody has another tab is seen by nobody.
func awaitTold() { time.Sleep(time.Second) }

func TestLeavingOnOneServerEndsTheTabsOnAll(t *testing.T) {
	t.Parallel()
	c := start(t, Options{})
	all := crowd(t, c, "team", 3)
	ana := join(t, all, c.Servers[0], "Zoë")
	for _, s := range c.Servers[1:] {
		if err := ana.OpenAt(t.Context(), s.WebSocket()); err != nil {
			t.Fatal(err)
		}
	}
	awaitTold()
	began := time.Now()
	leave(t, ana)
	converged(t, all, soon)
	for _, w := range all.Watchers {
		if seen := w.Seen(began); len(seen) != 1 || !gone(seen[0]) || seen[0].Reason != event.ReasonLeft {
			t.Errorf("server %s shows %v", w.Server.Name(), seen)
		}
	}
}

// The server that does not hear of it shows them until it does; then all their tabs are
// told.
func TestLeavingIsHeardByAServerThatWasAway(t *testing.T) {
	t.Parallel()
	c := start(t, Options{})
	all := crowd(t, c, "team", 3)
	ana := join(t, all, c.Servers[0], "Zoë")
	if err := ana.OpenAt(t.Context(), c.Servers[2].WebSocket()); err != nil {
		t.Fatal(err)
	}
	awaitTold()
	c.Links[2].Set(Fault{Cut: true})
	time.Sleep(time.Second)
	began := time.Now()
	ana.Tabs()[0].Leave()
	awaitSeen(t, all.Watchers[1], began, soon, of(ana, gone))
	time.Sleep(4 * time.Second)
	if u := all.Watchers[2].Users()[ana.ID()]; u.Link != event.LinkOnline {
		t.Errorf("the server that does not know shows %+v", u)
	}
	c.Links[2].Heal()
	leave(t, ana) // which both are told by now
	converged(t, all, healing)
	seenNothing(t, all, began, func(s Seen) bool { return s.Kind == roster.Arrived })
}

func TestWhoMovesToAnotherServerIsSeenByNobody(t *testing.T) {
	t.Parallel()
	c := start(t, Options{})
	all := crowd(t, c, "team", 3)
	ana, ben := all.People[0], all.People[1]
	began := time.Now()
	for i := range 5 {
		// What is on its way when the line is cut is done once.
		name := fmt.Sprintf("Anna %d", i)
		ana.Rename(name)
		if err := ana.Reconnect(t.Context()); err != nil {
			t.Fatal(err)
		}
		converged(t, all, healing)
		if err := ben.Reconnect(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	converged(t, all, healing)
	seenNothing(t, all, began, comings)
	for _, w := range all.Watchers {
		renamed := 0
		for _, s := range w.Seen(began) {
			if s.User.ID == ana.ID() && s.Before.Name != s.User.Name {
				renamed++
			}
		}
		if renamed != 5 {
			t.Errorf("server %s shows %d new names in place of 5", w.Server.Name(), renamed)
		}
	}
}

func TestARoomThatIsOpenedOnTwoServersInTheSameMomentIsOne(t *testing.T) {
	t.Parallel()
	c := start(t, Options{NATSPair: true, Servers: 2})
	var crowds []*Crowd
	for i := range 10 {
		all := &Crowd{Room: fmt.Sprintf("room-%d", i)}
		t.Cleanup(all.Close)
		for _, s := range c.Servers {
			p, err := NewPerson(s.WebSocket(), all.Room, "at "+s.Name())
			if err != nil {
				t.Fatal(err)
			}
			all.People = append(all.People, p)
		}
		if err := Each(all.People, func(p *Person) error { return p.Open(t.Context()) }); err != nil {
			t.Fatal(err)
		}
		crowds = append(crowds, all)
	}
	for _, all := range crowds {
		for _, s := range c.Servers {
			w, err := NewWatcher(t.Context(), s, all.Room)
			if err != nil {
				t.Fatal(err)
			}
			all.Watchers = append(all.Watchers, w)
		}
		if _, err := all.Converged(7 * time.Second); err != nil { // it is asked again after 1 and after 5 s
			t.Errorf("%s: %v", all.Room, err)
		}
	}
}

func TestAServerThatCannotBeOneOfThemEnds(t *testing.T) {
	t.Parallel()
	c := start(t, Options{Servers: 2})
	options := c.Servers[0].options
	options.Data = t.TempDir()
	endsItself(t, options, "-node-name")
	options.Name, options.Secret = "stranger", secretFile(t)
	endsItself(t, options, "-secret-file")
	all := crowd(t, c, "team", 4) // which it does not harm
	if all.People[0].Tabs()[0].Status().Link != client.Connected {
		t.Error("somebody is not there")
	}
}

// endsItself checks that a server ends by itself as it starts, or at the latest when it has
// heard of the others, and says what to do.
func endsItself(t *testing.T, options ServerOptions, what string) {
	t.Helper()
	s := NewServer(options)
	err := s.Start()
	if err == nil {
		defer s.Kill()
		err = s.EndsItself(5 * time.Second)
	}
	if err == nil {
		t.Errorf("server %s goes on; it says\n%s", s.Name(), s.Log())
	} else if !strings.Contains(err.Error(), what) {
		t.Errorf("it does not say what to do: %v", err)
	}
}

// onlyAt has all new connections go to one server.
func onlyAt(c *Cluster, server int) {
	for i := range c.Servers {
		c.Balancer.LeaveOut(i, i != server)
	}
}

// Somebody says something to a server that is frozen, moves, says it again with something
// later; and the server wakes and reads what was said first.
func TestWhatAServerReadsWhenItWakesUndoesNothingLater(t *testing.T) {
	t.Parallel()
	for name, frozen := range map[string]time.Duration{"before it is given up": silentLatest, "after that": lostLatest} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := start(t, Options{})
			onlyAt(c, 2)
			all := crowd(t, c, "team", 30) // it does not go wrong for everybody
			if err := c.Servers[2].Freeze(); err != nil {
				t.Fatal(err)
			}
			onlyAt(c, 0)
			for _, p := range all.People {
				p.Rename("Early " + p.ID())
			}
			time.Sleep(100 * time.Millisecond) // until it is said
			for _, p := range all.People {
				if err := p.Reconnect(t.Context()); err != nil {
					t.Fatal(err)
				}
				p.Rename("Late " + p.ID())
			}
			time.Sleep(frozen)
			if err := c.Servers[2].Thaw(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second) // until it has read everything
			converged(t, all, healing)
		})
	}
}

// Somebody changes their name on a server that cannot reach the others, and comes back on
// another one when the first has given them up.
func TestWhatWasDoneOutOfReachOfTheOthersIsNotLost(t *testing.T) {
	t.Parallel()
	c := start(t, Options{})
	onlyAt(c, 2)
	all := crowd(t, c, "team", 3)
	if err := c.NATS[0].Stop(); err != nil {
		t.Fatal(err)
	}
	ana, began := all.People[0], time.Now()
	ana.Rename("Anna")
	awaitSeen(t, all.Watchers[2], began, soon, func(s Seen) bool { return s.User.Name == "Anna" })
	down := time.Now()
	ana.Line.TakeDown()
	awaitSeen(t, all.Watchers[2], down, lostLatest, of(ana, gone))
	onlyAt(c, 0)
	ana.Line.PutUp()
	eventually(t, healing, "she is back", ana.Connected)
	if err := c.NATS[0].Start(); err != nil {
		t.Fatal(err)
	}
	converged(t, all, healing)
}

// Somebody leaves, which a server that is gone cannot be told, so that it is remembered.
// They come again, lose their line, and come back: they have not left since.
func TestWhoHasLeftOnceAndComeAgainComesBackAsAnybody(t *testing.T) {
	t.Parallel()
	c := start(t, Options{})
	onlyAt(c, 2)
	all := crowd(t, c, "team", 1)
	ana := all.People[0]
	awaitTold()
	if err := c.Servers[2].Freeze(); err != nil {
		t.Fatal(err)
	}
	onlyAt(c, 0)
	if err := ana.Reconnect(t.Context()); err != nil {
		t.Fatal(err)
	}
	leave(t, ana)
	if err := ana.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.Servers[2].Kill()
	all.Watchers[2].Close()
	all.Watchers = all.Watchers[:2]
	converged(t, all, healing)
	down := time.Now()
	ana.Line.TakeDown()
	awaitSeen(t, all.Watchers[0], down, lostLatest, of(ana, gone))
	onlyAt(c, 1)
	ana.Line.PutUp()
	converged(t, all, healing)
}
