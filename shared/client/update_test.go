package client

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/shared/event"
)

// expect is hear, of what is as wanted but for what each hello has.
func (p *pipe) expect(t *testing.T, want string) event.Event {
	t.Helper()
	e := p.hear(t)
	shown := e
	if hello, ok := e.(event.GotANewUser); ok {
		hello.Tab, hello.Room, hello.Resume = "", "", nil
		shown = hello
	}
	got := "nothing"
	if shown != nil {
		got = shown.EventName() + " " + data(shown)
	}
	if got != want {
		t.Errorf("the client said %s, not %s", got, want)
	}
	return e
}

// answeredAll calls Next until so many Updates are over, and returns what was
// refused.
func answeredAll(t *testing.T, c *Client, number int) []event.Error {
	t.Helper()
	return errorsUntil(t, c, func() bool { return c.Status().Answered >= number })
}

// refuse is an error about what the client said.
func refuse(e event.Event, code event.Code, field string) event.Error {
	return event.Error{Code: code, Message: "no", Event: e.EventName(), Field: field, Ref: event.RefOf(e)}
}

func TestAnUpdateIsSentAgainUntilItIsDone(t *testing.T) {
	heard := make(chan struct{})
	play(t, []func(*testing.T, *pipe){func(t *testing.T, p *pipe) {
		p.expect(t, `got_a_new_user {"ref":1,"name":"Ana","change":{"name":"Ana"}}`)
		p.say(snapshot(ana)...)
		p.expect(t, `update_user {"ref":2,"status":"busy","note":"back at 2"}`)
		close(heard)
	}, nil, func(t *testing.T, p *pipe) {
		p.expect(t, `got_a_new_user {"ref":2,"name":"Ana","change":{"status":"busy","note":"back at 2"}}`)
	}, func(t *testing.T, p *pipe) {
		p.expect(t, `got_a_new_user {"ref":2,"name":"Ana","change":{"status":"busy","note":"back at 2"}}`)
		p.say(snapshot(ana)...)
		p.done(p.expect(t, `update_user {"ref":3,"name":"Anna"}`))
	}, func(t *testing.T, p *pipe) {
		p.expect(t, `got_a_new_user {"name":"Ana"}`)
		p.say(snapshot(ana)...)
		p.untilClosed()
	}}, func(t *testing.T, c *Client, s *script) {
		until(t, c, connected)
		if n := c.Update(event.Patch{Note: new("back at 2"), Status: new(event.StatusBusy)}); n != 1 {
			t.Errorf("the first Update has the number %d", n)
		}
		<-heard
		until(t, c, func(s Status) bool { return s.Link == Offline })
		last := c.Update(event.Patch{Name: new("Anna")}) // while nobody is there to hear it
		if n := c.Status().Answered; n != 0 {
			t.Errorf("%d are over while the connection is away", n)
		}
		if refused := answeredAll(t, c, last); len(refused) > 0 {
			t.Errorf("refused: %+v", refused)
		}
		until(t, c, func(st Status) bool { return connected(st) && len(s.dialed()) == 5 })
	})
}

// The answer was lost with the connection, and another tab was the next to speak.
func TestAChangeThatWasDoneBeforeTheLossUndoesNothing(t *testing.T) {
	other := event.User{ID: "a", Name: "Ana", Note: "by another tab", Since: 1}.Encoded()
	play(t, []func(*testing.T, *pipe){func(t *testing.T, p *pipe) {
		p.hear(t)
		p.say(snapshot(ana)...)
		p.expect(t, `update_user {"ref":2,"note":"x"}`)
	}, func(t *testing.T, p *pipe) {
		p.expect(t, `got_a_new_user {"ref":2,"name":"Ana","change":{"note":"x"}}`)
		p.say(snapshot(other)...)
	}, func(t *testing.T, p *pipe) {
		p.expect(t, `got_a_new_user {"name":"Ana","note":"by another tab"}`)
		p.say(snapshot(other)...)
		p.untilClosed()
	}}, func(t *testing.T, c *Client, s *script) {
		until(t, c, connected)
		c.Update(event.Patch{Note: new("x")})
		until(t, c, func(st Status) bool { return connected(st) && len(s.dialed()) == 3 })
	})
}

func TestAnUpdateThatIsRefusedDoesNotSpoilTheNextHello(t *testing.T) {
	play(t, []func(*testing.T, *pipe){func(t *testing.T, p *pipe) {
		p.hear(t)
		p.say(snapshot(ana)...)
		p.say(refuse(p.hear(t), event.CodeBadName, "name"))
		p.expect(t, `active {"ref":3,"active":true}`)
	}, func(t *testing.T, p *pipe) {
		p.expect(t, `got_a_new_user {"name":"Ana"}`)
		p.say(snapshot(ana)...)
		p.untilClosed()
	}}, func(t *testing.T, c *Client, s *script) {
		until(t, c, connected)
		n := c.Update(event.Patch{Name: new("\u202e")})
		if refused := answeredAll(t, c, n); len(refused) != 1 || refused[0].Field != "name" || c.Status().Link != Connected {
			t.Errorf("refused: %+v", refused)
		}
		c.Active(true)
		until(t, c, func(st Status) bool { return connected(st) && len(s.dialed()) == 2 })
	})
}

func TestAnUpdateBeforeTheSnapshotWaitsForIt(t *testing.T) {
	play(t, []func(*testing.T, *pipe){func(t *testing.T, p *pipe) {
		p.hear(t)
		time.Sleep(time.Second)
		select {
		case frame := <-p.toServer:
			t.Errorf("the client said %s", frame)
		default:
		}
		p.say(snapshot(ana)...)
		p.say(refuse(p.expect(t, `update_user {"ref":2,"name":"?"}`), event.CodeBadName, "name"))
	}, func(t *testing.T, p *pipe) {
		p.expect(t, `got_a_new_user {"name":"Ana"}`)
		p.say(snapshot(ana)...)
		p.untilClosed()
	}}, func(t *testing.T, c *Client, s *script) {
		synctest.Wait() // the hello is said
		c.Update(event.Patch{Name: new("?")})
		refused := errorsUntil(t, c, func() bool { return len(s.dialed()) == 2 && c.Status().Link == Connected })
		if len(refused) != 1 || refused[0].Field != "name" {
			t.Errorf("told %+v", refused)
		}
	})
}

func TestNothingOfARefusedChangeIsSaidAgain(t *testing.T) {
	play(t, []func(*testing.T, *pipe){func(t *testing.T, p *pipe) {
		p.hear(t)
		p.say(snapshot(ana)...)
		p.say(refuse(p.hear(t), event.CodeBadName, "name"))
	}, func(t *testing.T, p *pipe) {
		p.expect(t, `got_a_new_user {"name":"Ana"}`)
		p.say(snapshot(ana)...)
		p.untilClosed()
	}}, func(t *testing.T, c *Client, s *script) {
		until(t, c, connected)
		c.Update(event.Patch{Name: new("?"), Note: new("x"), Status: new(event.StatusBusy)})
		until(t, c, func(st Status) bool { return len(s.dialed()) == 2 && st.Link == Connected })
	})
}

func TestWhatWasWantedBesideARefusedChangeIsDone(t *testing.T) {
	play(t, []func(*testing.T, *pipe){func(t *testing.T, p *pipe) {
		p.hear(t)
		p.say(snapshot(ana)...)
		first := p.expect(t, `update_user {"ref":2,"status":"busy"}`)
		time.Sleep(time.Second)
		p.done(first)
		p.say(refuse(p.expect(t, `update_user {"ref":3,"name":"?","note":"x"}`), event.CodeBadName, "name"))
		p.done(p.expect(t, `update_user {"ref":4,"note":"x"}`))
		p.untilClosed()
	}}, func(t *testing.T, c *Client, s *script) {
		until(t, c, connected)
		c.Update(event.Patch{Status: new(event.StatusBusy)})
		synctest.Wait()
		c.Update(event.Patch{Name: new("?")})
		n := c.Update(event.Patch{Note: new("x")})
		if refused := answeredAll(t, c, n); len(refused) != 1 || refused[0].Field != "name" {
			t.Errorf("refused: %+v", refused)
		}
	})
}

// A change that was said before the answer to the hello is not what that answers.
func TestAChangeRightAfterTheHelloOutlivesTheConnection(t *testing.T) {
	play(t, []func(*testing.T, *pipe){func(t *testing.T, p *pipe) {
		p.hear(t)
		time.Sleep(time.Second)
		p.say(snapshot(ana)...)
	}, func(t *testing.T, p *pipe) {
		p.expect(t, `got_a_new_user {"ref":2,"name":"Ana","change":{"name":"Anna"}}`)
		p.say(snapshot(ana)...)
		p.untilClosed()
	}}, func(t *testing.T, c *Client, s *script) {
		synctest.Wait() // the hello is said
		c.Update(event.Patch{Name: new("Anna")})
		until(t, c, func(st Status) bool { return len(s.dialed()) == 2 && st.Link == Connected })
	})
}

func TestWhatTakesBackAChangeOnItsWayIsSaid(t *testing.T) {
	noted := event.User{ID: "a", Name: "Ana", Note: "one", Since: 1}.Encoded()
	play(t, []func(*testing.T, *pipe){func(t *testing.T, p *pipe) {
		p.hear(t)
		p.say(snapshot(ana)...)
		one := p.expect(t, `update_user {"ref":2,"note":"one"}`)
		time.Sleep(time.Second)
		p.done(one, event.UpdateUser{User: noted}, state(2, noted))
		two := p.expect(t, `update_user {"ref":3,"note":"two"}`)
		time.Sleep(time.Second)
		p.done(two)
		p.done(p.expect(t, `update_user {"ref":4,"note":"one"}`))
		p.untilClosed()
	}}, func(t *testing.T, c *Client, s *script) {
		until(t, c, connected)
		for _, note := range []string{"one", "two"} {
			c.Update(event.Patch{Note: new(note)})
			synctest.Wait()
		}
		answeredAll(t, c, 1)
		synctest.Wait()
		answeredAll(t, c, c.Update(event.Patch{Note: new("one")}))
	})
}

func TestAnUpdateThatChangesNothingIsOverWhenItIsAnswered(t *testing.T) {
	play(t, []func(*testing.T, *pipe){func(t *testing.T, p *pipe) {
		p.hear(t)
		p.say(snapshot(ana)...)
		e := p.expect(t, `update_user {"ref":2,"name":"Ana"}`)
		time.Sleep(time.Second)
		p.done(e)
		p.untilClosed()
	}}, func(t *testing.T, c *Client, s *script) {
		until(t, c, connected)
		began := time.Now()
		answeredAll(t, c, c.Update(event.Patch{Name: new("Ana")}))
		if took := time.Since(began); took != time.Second {
			t.Errorf("it is over after %v", took)
		}
	})
}

func TestAReconnectDoesNotUndoWhatAnotherTabDid(t *testing.T) {
	bob := func(status event.Status) event.User {
		return event.User{ID: "a", Name: "Bob", Note: "in a call", Status: status, Data: `{"desk":4}`, Since: 1}.Encoded()
	}
	for _, c := range []struct {
		seen  []event.User
		hello string
	}{
		{[]event.User{bob(event.StatusBusy)}, `"status":"busy",`},
		{[]event.User{bob(event.StatusBusy), bob(event.StatusHere)}, ``},
		{[]event.User{bob(event.StatusHere), bob(event.StatusAway)}, ``}, // by hand or by inactivity: the server knows
	} {
		play(t, []func(*testing.T, *pipe){func(t *testing.T, p *pipe) {
			p.hear(t)
			p.say(snapshot(ana)...)
			for i, u := range c.seen {
				p.say(event.UpdateUser{User: u}, state(uint64(2+i), u))
			}
		}, func(t *testing.T, p *pipe) {
			p.expect(t, `got_a_new_user {"name":"Bob",`+c.hello+`"note":"in a call","data":{"desk":4}}`)
			p.say(snapshot(ana)...)
			p.untilClosed()
		}}, func(t *testing.T, c *Client, s *script) {
			until(t, c, func(st Status) bool { return len(s.dialed()) == 2 && st.Link == Connected })
		})
	}
}

func TestAwayByHandIsSaidToAServerThatHasForgotten(t *testing.T) {
	away := event.User{ID: "a", Name: "Ana", Status: event.StatusAway, Since: 1}.Encoded()
	play(t, []func(*testing.T, *pipe){func(t *testing.T, p *pipe) {
		p.hear(t)
		p.say(snapshot(away)...) // by inactivity
	}, nil, func(t *testing.T, p *pipe) {
		p.expect(t, `got_a_new_user {"ref":2,"name":"Ana","change":{"status":"away"}}`)
		p.say(snapshot(away)...)
	}, func(t *testing.T, p *pipe) {
		p.expect(t, `got_a_new_user {"name":"Ana","status":"away"}`)
		p.say(snapshot(away)...)
		p.untilClosed()
	}}, func(t *testing.T, c *Client, s *script) {
		until(t, c, func(s Status) bool { return s.Joined && s.Link == Offline })
		c.Update(event.Patch{Status: new(event.StatusAway)})
		until(t, c, func(st Status) bool { return connected(st) && len(s.dialed()) == 4 })
	})
}

func TestAHelloThatIsRefusedForANoteIsSaidWithoutIt(t *testing.T) {
	for _, field := range []string{"change.note", "note"} {
		play(t, []func(*testing.T, *pipe){nil, func(t *testing.T, p *pipe) {
			hello := p.expect(t, `got_a_new_user {"ref":1,"name":"Ana","change":{"name":"Ana","note":"too long"}}`)
			p.say(refuse(hello, event.CodeBadEvent, field))
		}, func(t *testing.T, p *pipe) {
			p.expect(t, `got_a_new_user {"ref":2,"name":"Ana","change":{"name":"Ana"}}`)
			p.say(snapshot(ana)...)
			p.untilClosed()
		}}, func(t *testing.T, c *Client, s *script) {
			n := c.Update(event.Patch{Note: new("too long")})
			refused := errorsUntil(t, c, func() bool { return c.Status().Link == Connected && c.Status().Answered == n })
			if len(refused) != 1 || refused[0].Field != "note" {
				t.Errorf("refused: %+v", refused)
			}
			if dials := s.dialed(); len(dials) != 3 || !dials[2].Equal(dials[1]) {
				t.Errorf("tried at %v", dials)
			}
		})
	}
}

func TestAHelloThatCannotGetBetterEndsTheClient(t *testing.T) {
	for _, field := range []string{"", "room", "status", "change.name"} {
		play(t, []func(*testing.T, *pipe){func(t *testing.T, p *pipe) {
			p.say(refuse(p.hear(t), event.CodeBadEvent, field))
		}}, func(t *testing.T, c *Client, s *script) {
			said := event.Error{}
			if err := end(t, c); !errors.As(err, &said) || said.Message != "no" || len(s.dialed()) != 1 {
				t.Errorf("%s: ended with %v", field, err)
			}
			if status := c.Status(); status.Link != Offline || status.Err == nil {
				t.Errorf("the status of one that has ended is %+v", status)
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		s := &script{acts: []func(*pipe){func(p *pipe) { joined(t, p) }}}
		if _, err := Dial(t.Context(), "ws://test/ws", Options{Name: strings.Repeat("a", event.MaxFrame), Dial: s.dial}); !errors.Is(err, errHello) {
			t.Errorf("a name as large as a frame: %v", err)
		}
		said := event.Error{}
		if _, err := Dial(t.Context(), "ws://test/ws", Options{Name: "Ana", Patch: event.Patch{Data: "[]"}, Dial: s.dial}); !errors.As(err, &said) || said.Field != "data" {
			t.Errorf("data that is none: %v", err)
		}
	})
}

func TestWhatIsJoinedWithIsSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{acts: []func(*pipe){func(p *pipe) {
			p.expect(t, `got_a_new_user {"ref":1,"name":"Ana","change":{"name":"Ana","status":"busy","note":"n","until":5,"data":{"k":1}}}`)
			p.say(snapshot(ana)...)
			p.untilClosed()
		}}}
		c, err := Dial(t.Context(), "ws://test/ws", Options{
			Name: "Ana",
			Patch: event.Patch{
				Name: new("Ben"), Status: new(event.StatusBusy), Note: new("n"), Until: new(int64(5)), Data: `{ "k": 1 }`,
			},
			Dial: s.dial,
		})
		if err != nil {
			t.Fatal(err)
		}
		c.Close()
	})
}

func TestAChangeThatCannotBeSaidIsRefusedAtOnce(t *testing.T) {
	play(t, []func(*testing.T, *pipe){joined}, func(t *testing.T, c *Client, s *script) {
		until(t, c, connected)
		for _, change := range []event.Patch{{Note: new(strings.Repeat("a", event.MaxFrame))}, {Data: `{"a b":1}`}} {
			n := c.Update(change)
			if u, err := c.Next(t.Context()); err != nil || len(u.Errors) != 1 || u.Errors[0].Event != event.NameUpdateUser || u.Answered != n {
				t.Errorf("%+v, %v", u, err)
			}
		}
	})
}

func TestChangesThatNoHelloCanHoldTogetherAreSaidOneAfterAnother(t *testing.T) {
	long := strings.Repeat("a", maxChange*2/3)
	play(t, []func(*testing.T, *pipe){func(t *testing.T, p *pipe) {
		p.hear(t)
		p.say(snapshot(ana)...)
	}, nil, func(t *testing.T, p *pipe) {
		p.expect(t, `got_a_new_user {"ref":2,"name":"Ana","change":{"name":"`+long+`"}}`)
		p.say(snapshot(ana)...)
		p.done(p.expect(t, `update_user {"ref":3,"note":"`+long+`"}`))
		p.untilClosed()
	}}, func(t *testing.T, c *Client, s *script) {
		until(t, c, func(s Status) bool { return s.Joined && s.Link == Offline })
		c.Update(event.Patch{Name: &long})
		if refused := answeredAll(t, c, c.Update(event.Patch{Note: &long})); len(refused) > 0 {
			t.Errorf("refused: %+v", refused)
		}
	})
}

func TestWhatTheServerDroppedIsSaidAgain(t *testing.T) {
	for wish, pause := range map[int64]time.Duration{101: minResendDelay, 5000: 5 * time.Second} {
		play(t, []func(*testing.T, *pipe){func(t *testing.T, p *pipe) {
			p.hear(t)
			p.say(snapshot(ana)...)
			tooMuch := refuse(p.expect(t, `update_user {"ref":2,"note":"first"}`), event.CodeRateLimited, "")
			tooMuch.RetryAfter = wish
			p.say(tooMuch)
			began := time.Now()
			again := p.expect(t, `update_user {"ref":3,"status":"busy","note":"last"}`)
			if waited := time.Since(began); waited != pause {
				t.Errorf("said again after %v, not %v", waited, pause)
			}
			p.done(again)
			p.untilClosed()
		}}, func(t *testing.T, c *Client, s *script) {
			until(t, c, connected)
			c.Update(event.Patch{Note: new("first")})
			synctest.Wait()
			n := c.Update(event.Patch{Note: new("last"), Status: new(event.StatusBusy)})
			if refused := answeredAll(t, c, n); len(refused) != 1 || refused[0].Code != event.CodeRateLimited {
				t.Errorf("refused: %+v", refused)
			}
		})
	}
}

func TestOfWhatIsDroppedTheLongerPauseCounts(t *testing.T) {
	play(t, []func(*testing.T, *pipe){func(t *testing.T, p *pipe) {
		p.hear(t)
		p.say(snapshot(ana)...)
		began := time.Now()
		long := refuse(p.expect(t, `view {"ref":2,"from":1}`), event.CodeRateLimited, "")
		long.RetryAfter = 5000
		p.say(long)
		p.say(refuse(p.expect(t, `active {"ref":3,"active":true}`), event.CodeRateLimited, ""))
		p.expect(t, `view {"ref":4,"from":1}`)
		if waited := time.Since(began); waited != 5*time.Second {
			t.Errorf("said again after %v", waited)
		}
		p.expect(t, `active {"ref":5,"active":true}`)
		p.untilClosed()
	}}, func(t *testing.T, c *Client, s *script) {
		c.View(event.View{From: 1})
		c.Active(true)
		until(t, c, connected)
		time.Sleep(6 * time.Second)
	})
}

func TestWhatWaitsToBeSaidIsSaidOnce(t *testing.T) {
	var heard []event.Event
	play(t, []func(*testing.T, *pipe){func(t *testing.T, p *pipe) {
		p.hear(t)
		p.say(snapshot(ana)...)
		for range 3 {
			heard = append(heard, p.hear(t))
		}
		time.Sleep(time.Second)
		for _, e := range heard {
			p.done(e)
		}
		for range 3 {
			heard = append(heard, withoutRef(p.hear(t)))
		}
		p.untilClosed()
	}}, func(t *testing.T, c *Client, s *script) {
		until(t, c, connected)
		c.View(event.View{From: 1})
		c.Update(event.Patch{Note: new("1")})
		c.Active(false)
		synctest.Wait()
		c.Update(event.Patch{Note: new("2")})
		c.View(event.View{From: 2})
		c.Active(true)
		c.View(event.View{From: 3})
		c.Update(event.Patch{Name: new("B")})
		c.Update(event.Patch{Note: new("3")})
		c.Active(false)
		c.Active(true)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if len(heard) != 6 {
			t.Fatalf("%d events: %+v", len(heard), heard)
		}
		for _, e := range heard[3:] {
			if got := e.EventName() + data(e); got != `view{"from":3}` && got != `active{"active":true}` && got != `update_user{"name":"B","note":"3"}` {
				t.Errorf("the client said %s", got)
			}
		}
	})
}

// flaky is a server of one room with one user, whose connections are lost at any
// moment. It keeps the last ref done for each tab, as a server does.
type flaky struct {
	mu     sync.Mutex // guards what follows
	me     event.User
	seq    uint64
	last   map[string]event.Ref
	wanted []event.Patch // that were done, in order
	random *rand.Rand
}

// below is a random number less than n, and not negative.
func (f *flaky) below(n int) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.random.IntN(n)
}

// chance is true once in n times.
func (f *flaky) chance(n int) bool { return f.below(n) == 0 }

// do changes the user, unless a ref was done before.
func (f *flaky) do(tab string, ref event.Ref, change event.Patch) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if ref <= f.last[tab] {
		return
	}
	f.last[tab] = ref
	f.wanted = append(f.wanted, change)
	f.me = change.Apply(f.me)
	f.show()
}

func (f *flaky) show() {
	f.me = f.me.Encoded()
	f.seq++
}

// other is another tab, which says that it is busy, or here again.
func (f *flaky) other() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.me.Status = map[event.Status]event.Status{event.StatusHere: event.StatusBusy}[f.me.Status]
	f.show()
}

func (f *flaky) now() (event.User, uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.me, f.seq
}

// serve is one connection.
func (f *flaky) serve(t *testing.T, p *pipe) {
	tab := ""
	for {
		e := p.hear(t)
		ref, change := event.RefOf(e), event.Patch{}
		switch e := e.(type) {
		case event.GotANewUser:
			tab = e.Tab
			if e.Wanted != nil {
				change = *e.Wanted
			}
		case event.ChangeUser:
			change = e.Patch
		default:
			return
		}
		time.Sleep(time.Duration(f.below(100)) * time.Millisecond)
		switch {
		case f.chance(12): // lost on its way to the server
			return
		case f.chance(12): // it hangs on the old line, and comes when the client is back long since
			time.AfterFunc(time.Minute, func() { f.do(tab, ref, change) })
			return
		case f.chance(8) && e.EventName() == event.NameUpdateUser:
			p.say(refuse(e, event.CodeRateLimited, ""))
			continue
		}
		f.do(tab, ref, change)
		if f.chance(12) { // the answer is lost
			return
		}
		if f.chance(3) {
			f.other()
		}
		me, seq := f.now()
		if e.EventName() == event.NameGotANewUser {
			p.say(event.ExistingUsers{Self: "a", Room: "lobby", Epoch: "e", Users: []event.User{me}}, state(seq, me))
			continue
		}
		p.done(e, event.UpdateUser{User: me}, state(seq, me))
		if f.chance(4) { // an answer that comes twice
			p.done(e)
		}
	}
}

func TestAHundredUpdatesOverALineThatFlapsAreDoneOnceAndInOrder(t *testing.T) {
	const updates = 100
	lost := 0 // connections
	for seed := range uint64(30) {
		synctest.Test(t, func(t *testing.T) {
			f := &flaky{me: ana, last: map[string]event.Ref{}, random: rand.New(rand.NewPCG(seed, 0))}
			s := &script{}
			for range 10 * updates {
				s.acts = append(s.acts, func(p *pipe) { f.serve(t, p) })
			}
			c := Start("ws://test/ws", Options{Name: "Ana", Dial: s.dial, MaxBackoff: time.Second})
			defer c.Close()
			pace := rand.New(rand.NewPCG(seed, 1))
			for i := range updates {
				c.Update(event.Patch{
					Note: new(fmt.Sprint(i)),
					Data: event.Data(fmt.Sprintf(`{"k%d":%d}`, i, i)),
				})
				time.Sleep(time.Duration(pace.IntN(60)) * time.Millisecond)
			}
			for _, e := range answeredAll(t, c, updates) {
				if e.Code != event.CodeRateLimited {
					t.Errorf("refused: %+v", e)
				}
			}
			time.Sleep(2 * time.Minute) // what was late is in
			me, _ := f.now()
			if seen, _ := c.Roster().Me(); seen != me || me.Note != fmt.Sprint(updates-1) {
				t.Errorf("seed %d: seen as %+v, who is %+v", seed, seen, me)
			}
			next := 0
			for _, change := range f.wanted {
				keys := map[string]int{}
				if err := change.Data.Decode(&keys); err != nil {
					t.Fatal(err)
				}
				for range len(keys) {
					if keys[fmt.Sprintf("k%d", next)] != next {
						t.Fatalf("seed %d: in the place of Update %d there is %v", seed, next, keys)
					}
					next++
				}
				if change.Note != nil && *change.Note != fmt.Sprint(next-1) {
					t.Fatalf("seed %d: with Update %d the note is %s", seed, next-1, *change.Note)
				}
			}
			if next != updates {
				t.Errorf("seed %d: %d are done", seed, next)
			}
			lost += len(s.dialed()) - 1
		})
	}
	if lost < 100 {
		t.Errorf("only %d connections were lost", lost)
	}
}

// The frames have events, fields and values that this client does not know.
func TestAClientOfTodayFollowsANewerServer(t *testing.T) {
	files, err := filepath.Glob("../event/testdata/newer/*.json")
	if err != nil || len(files) == 0 {
		t.Fatal("there are no frames of a newer server", err)
	}
	slices.Sort(files)
	play := func(t *testing.T, p *pipe, from, to string) {
		for _, file := range files {
			if name := filepath.Base(file); name < from || name >= to {
				continue
			}
			frame, err := os.ReadFile(file)
			if err != nil {
				t.Error(err)
			}
			p.toClient <- frame
		}
	}
	synctest.Test(t, func(t *testing.T) {
		s := &script{acts: []func(*pipe){func(p *pipe) {
			p.hear(t)
			play(t, p, "1", "3")
			p.expect(t, `update_user {"ref":2,"note":"x"}`)
			play(t, p, "3", "6")
		}, func(p *pipe) {
			if hello, ok := p.hear(t).(event.GotANewUser); !ok || hello.Resume == nil || hello.Resume.Seq != 9 {
				t.Errorf("it comes back with %+v", hello)
			}
			play(t, p, "6", "9")
			p.untilClosed()
		}}}
		c, err := Dial(t.Context(), "ws://test/ws", Options{Name: "Ana", Dial: s.dial})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		n := c.Update(event.Patch{Note: new("x")})
		ctx, cancel := context.WithTimeout(t.Context(), silenceTimeout/2)
		defer cancel()
		for {
			u, err := c.Next(ctx)
			if ctx.Err() != nil {
				break
			}
			if err != nil || u.Drift != nil {
				t.Fatalf("%+v, %v", u.Status, err)
			}
		}
		if status := c.Status(); status.Link != Connected || status.Answered != n || len(s.dialed()) != 2 {
			t.Errorf("after %d connections it is %+v", len(s.dialed()), status)
		}
		_, total, large := c.Roster().View()
		if users := c.Roster().Users(); len(users) != 4 || c.Roster().Count() != 600 || total != 600 || !large {
			t.Errorf("%d of %d are seen: %+v", len(users), total, users)
		}
		if me, ok := c.Roster().Me(); !ok || me.Status != event.StatusAway {
			t.Errorf("I am %+v", me)
		}
	})
}
