package client

import (
	"context"
	"errors"
	"io"
	"reflect"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/shared/event"
	"rollcall/shared/roster"
)

// script is a server for one client: each dial takes the next act, which
// speaks through the pipe until it returns.
type script struct {
	mu    sync.Mutex // guards dials
	dials []time.Time
	acts  []func(*pipe)
}

// pipe is the network between a client and an act.
type pipe struct {
	toClient, toServer chan []byte
	closed             chan struct{}
	once               sync.Once
	clean              bool      // how the client closed
	hello              event.Ref // what the first snapshot answers
}

func (s *script) dial(ctx context.Context, _ string) (Socket, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dials = append(s.dials, time.Now())
	n := len(s.dials) - 1
	if n >= len(s.acts) || s.acts[n] == nil {
		return nil, errors.New("nobody is there")
	}
	p := &pipe{toClient: make(chan []byte, 16), toServer: make(chan []byte, 16), closed: make(chan struct{})}
	go func() {
		s.acts[n](p)
		close(p.toClient)
	}()
	return p, nil
}

func (s *script) dialed() []time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]time.Time(nil), s.dials...)
}

func (p *pipe) Read(ctx context.Context) ([]byte, error) {
	select {
	case b, ok := <-p.toClient:
		if !ok {
			return nil, io.EOF
		}
		return b, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-p.closed:
		return nil, io.ErrClosedPipe
	}
}

func (p *pipe) Write(ctx context.Context, b []byte) error {
	select {
	case p.toServer <- b:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-p.closed:
		return io.ErrClosedPipe
	}
}

func (p *pipe) Close(clean bool) {
	p.once.Do(func() {
		p.clean = clean
		close(p.closed)
	})
}

// hear returns the next event of the client's, nil when it has gone.
func (p *pipe) hear(t *testing.T) event.Event {
	select {
	case frame := <-p.toServer:
		events, err := event.DecodeClient(frame)
		if err != nil || len(events) != 1 {
			t.Errorf("the client sent %s", frame)
			return nil
		}
		if hello, ok := events[0].(event.GotANewUser); ok {
			p.hello = hello.Ref
		}
		return events[0]
	case <-p.closed:
		return nil
	}
}

// withoutRef is an event as it was before the client gave it a ref.
func withoutRef(e event.Event) event.Event {
	switch e := e.(type) {
	case event.ChangeUser:
		e.Ref = 0
		return e
	case event.View:
		e.Ref = 0
		return e
	case event.Active:
		e.Ref = 0
		return e
	}
	return e
}

// say sends a frame. A snapshot answers the hello, if none has.
func (p *pipe) say(events ...event.Event) {
	for i, e := range events {
		if existing, ok := e.(event.ExistingUsers); ok {
			existing.Ref, p.hello = p.hello, 0
			events[i] = existing
		}
	}
	p.toClient <- event.Encode(events...)
}

// done says that what the client said is done, and what has come of it.
func (p *pipe) done(e event.Event, events ...event.Event) {
	p.say(append([]event.Event{event.Done{Ref: event.RefOf(e)}}, events...)...)
}

func (p *pipe) untilClosed() { <-p.closed }

var (
	ana = event.User{ID: "a", Name: "Ana", Since: 1}.Encoded()
	ben = event.User{ID: "b", Name: "Ben", Since: 2}.Encoded()
	cyd = event.User{ID: "c", Name: "Cyd", Since: 3}.Encoded()
)

// snapshot is what a server of these users, the first one the client, says.
func snapshot(users ...event.User) []event.Event {
	existing := event.ExistingUsers{Self: users[0].ID, Now: time.Now().UnixMilli(), Room: "lobby", Epoch: "e", Users: users}
	return append([]event.Event{existing}, state(1, users...))
}

func state(seq uint64, users ...event.User) event.Room {
	var r roster.Roster
	r.Apply(event.ExistingUsers{Users: users})
	s := r.State()
	s.Seq = seq
	return s
}

// play runs a test with a client and its server's acts.
func play(t *testing.T, acts []func(*testing.T, *pipe), test func(t *testing.T, c *Client, s *script)) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{}
		for _, act := range acts {
			if act == nil {
				s.acts = append(s.acts, nil)
				continue
			}
			s.acts = append(s.acts, func(p *pipe) { act(t, p) })
		}
		c := Start("ws://test/ws", Options{Name: "Ana", Dial: s.dial})
		defer c.Close()
		test(t, c, s)
	})
}

// joined is a server that takes the client and then does nothing.
func joined(t *testing.T, p *pipe) {
	p.hear(t)
	p.say(snapshot(ana)...)
	p.untilClosed()
}

// tooLong is when a test gives up waiting, by the clock of its bubble.
const tooLong = 24 * time.Hour

// until calls Next until the status is as wanted.
func until(t *testing.T, c *Client, want func(Status) bool) Status {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), tooLong)
	defer cancel()
	for {
		update, err := c.Next(ctx)
		if err != nil {
			t.Fatalf("ended with %v at %+v", err, update)
		}
		if want(update.Status) {
			return update.Status
		}
	}
}

// errorsUntil calls Next until something is so, and returns what was refused.
func errorsUntil(t *testing.T, c *Client, so func() bool) (refused []event.Error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), tooLong)
	defer cancel()
	for !so() {
		u, err := c.Next(ctx)
		if err != nil {
			t.Fatal(err)
		}
		refused = append(refused, u.Errors...)
	}
	// Some may have come after the last Next.
	c.mu.Lock()
	defer c.mu.Unlock()
	refused, c.errors = append(refused, c.errors...), nil
	return refused
}

func end(t *testing.T, c *Client) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), tooLong)
	defer cancel()
	for {
		if _, err := c.Next(ctx); err != nil {
			return err
		}
	}
}

func connected(s Status) bool { return s.Link == Connected }

func TestAClientJoinsAndFollowsTheRoom(t *testing.T) {
	more := make(chan struct{})
	play(t, []func(*testing.T, *pipe){func(t *testing.T, p *pipe) {
		hello, _ := p.hear(t).(event.GotANewUser)
		if len(hello.Tab) < 16 || len(hello.Tab) > event.MaxTab {
			t.Errorf("the tab is %q", hello.Tab)
		}
		want := event.GotANewUser{Ref: 1, Tab: hello.Tab, Patch: event.Named("Ana"), Wanted: new(event.Named("Ana")), Room: event.Lobby}
		if !reflect.DeepEqual(hello, want) {
			t.Errorf("the hello is %+v", hello)
		}
		p.say(snapshot(ana)...)
		<-more
		p.say(event.NewUser{User: ben}, state(2, ana, ben))
		p.untilClosed()
	}}, func(t *testing.T, c *Client, _ *script) {
		until(t, c, connected)
		if me, ok := c.Roster().Me(); !ok || me != ana || c.Roster().Count() != 1 {
			t.Errorf("I am %v among %v", me, c.Roster().Users())
		}
		close(more)
		until(t, c, func(Status) bool { return len(c.Roster().Users()) == 2 })
	})
}

func TestASessionThatIsGivenIsSaidAgain(t *testing.T) {
	given := func(session, said string) func(*testing.T, *pipe) {
		return func(t *testing.T, p *pipe) {
			if hello, ok := p.hear(t).(event.GotANewUser); !ok || hello.Session != said {
				t.Errorf("the hello is %+v, want the session %q", hello, said)
			}
			s := snapshot(ana)
			existing := s[0].(event.ExistingUsers)
			existing.Session = session
			p.say(existing, s[1])
		}
	}
	play(t, []func(*testing.T, *pipe){given("first", ""), given("", "first"), given("second", "first"), func(t *testing.T, p *pipe) {
		given("", "second")(t, p)
		p.untilClosed()
	}}, func(t *testing.T, c *Client, s *script) {
		until(t, c, func(status Status) bool { return connected(status) && len(s.dialed()) == 4 })
		if got := c.Session(); got != "second" {
			t.Errorf("for a later client there is %q", got)
		}
	})
	s := &script{acts: []func(*pipe){func(p *pipe) {
		given("", "earlier")(t, p)
		p.untilClosed()
	}}}
	later := Start("ws://test/ws", Options{Name: "Ana", Session: "earlier", Dial: s.dial})
	defer later.Close()
	until(t, later, connected)
	if got := later.Session(); got != "earlier" {
		t.Errorf("an earlier client's became %q", got)
	}
}

func TestTheRosterStaysWhileTheConnectionIsAway(t *testing.T) {
	cut := make(chan struct{})
	play(t, []func(*testing.T, *pipe){func(t *testing.T, p *pipe) {
		p.hear(t)
		p.say(snapshot(ana, ben)...)
		<-cut
	}, nil, nil, joined}, func(t *testing.T, c *Client, s *script) {
		until(t, c, connected)
		close(cut)
		if status := until(t, c, func(s Status) bool { return s.Link == Connecting }); !status.Joined {
			t.Error("a lost connection counts as not joined")
		}
		until(t, c, func(s Status) bool { return s.Link == Offline })
		if len(c.Roster().Users()) != 2 {
			t.Errorf("the roster is %v", c.Roster().Users())
		}
		until(t, c, connected)
		if len(c.Roster().Users()) != 1 || len(s.dialed()) != 4 {
			t.Errorf("the roster is %v after %d attempts", c.Roster().Users(), len(s.dialed()))
		}
	})
}

func TestAttemptsComeLessAndLessOften(t *testing.T) {
	play(t, nil, func(t *testing.T, c *Client, s *script) {
		time.Sleep(10 * time.Minute)
		dials := s.dialed()
		for i := 1; i < len(dials); i++ {
			limit := min(firstBackoff<<min(i-1, 16), 15*time.Second)
			if wait := dials[i].Sub(dials[i-1]); wait > limit {
				t.Errorf("waited %v before attempt %d, at most %v is due", wait, i, limit)
			}
		}
		// With full jitter the mean is half of 15 s.
		if n := len(dials); n < 40 || n > 160 {
			t.Errorf("%d attempts in 10 minutes", n)
		}
	})
}

func TestAServerThatRestartsIsAwaited(t *testing.T) {
	restarting := func(t *testing.T, p *pipe) {
		p.hear(t)
		p.say(snapshot(ana)...)
		p.say(event.Error{Code: event.CodeRestarting, RetryAfter: 500})
	}
	lost := func(t *testing.T, p *pipe) {
		p.hear(t)
		p.say(snapshot(ana)...)
		time.Sleep(time.Second)
	}
	acts := append([]func(*testing.T, *pipe){restarting}, make([]func(*testing.T, *pipe), 100)...)
	play(t, append(acts, lost), func(t *testing.T, c *Client, s *script) {
		time.Sleep(2 * time.Hour)
		var most [2]time.Duration // until it is back, and after it is lost again
		dials := s.dialed()
		for i := 1; i < len(dials); i++ {
			later := 0
			if i > len(acts) {
				later = 1
			}
			most[later] = max(most[later], dials[i].Sub(dials[i-1]))
		}
		if most[0] > restartBackoff || most[1] <= restartBackoff {
			t.Errorf("waited up to %v, and later %v", most[0], most[1])
		}
	})
}

func TestHurryEndsTheWait(t *testing.T) {
	play(t, nil, func(t *testing.T, c *Client, s *script) {
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		before := len(s.dialed())
		c.Hurry()
		synctest.Wait()
		if got := len(s.dialed()); got != before+1 {
			t.Errorf("%d attempts instead of %d", got, before+1)
		}
	})
}

func TestHurryWhileConnectedDoesNotCount(t *testing.T) {
	cut := make(chan struct{})
	play(t, []func(*testing.T, *pipe){func(t *testing.T, p *pipe) {
		p.hear(t)
		p.say(snapshot(ana)...)
		<-cut
		p.say(event.Error{Code: event.CodeRestarting, RetryAfter: 60_000})
	}, joined}, func(t *testing.T, c *Client, s *script) {
		until(t, c, connected)
		c.Hurry()
		close(cut)
		until(t, c, func(s Status) bool { return s.Link == Connecting })
		until(t, c, connected)
		if dials := s.dialed(); dials[1].Sub(dials[0]) < time.Minute {
			t.Errorf("came back after %v", dials[1].Sub(dials[0]))
		}
	})
}

func TestTheServersWishToWaitIsHeeded(t *testing.T) {
	play(t, []func(*testing.T, *pipe){func(t *testing.T, p *pipe) {
		p.hear(t)
		p.say(event.Error{Code: event.CodeRestarting, Message: "soon", RetryAfter: 60_000})
	}, joined}, func(t *testing.T, c *Client, s *script) {
		status := until(t, c, func(s Status) bool { return s.Err != nil })
		if said := (event.Error{}); !errors.As(status.Err, &said) || said.Message != "soon" || time.Until(status.Retry) < time.Minute {
			t.Errorf("told %+v", status)
		}
		until(t, c, connected)
		if dials := s.dialed(); dials[1].Sub(dials[0]) < time.Minute {
			t.Errorf("came back after %v", dials[1].Sub(dials[0]))
		}
	})
}

func TestWhyAConnectionEndsIsNoRefusal(t *testing.T) {
	goOn := make(chan struct{})
	play(t, []func(*testing.T, *pipe){func(t *testing.T, p *pipe) {
		p.hear(t)
		p.say(snapshot(ana)...)
		<-goOn
		p.say(event.Error{Code: event.CodeRestarting, Message: "soon"})
	}, func(t *testing.T, p *pipe) {
		p.hear(t)
		p.say(snapshot(ana)...)
		p.say(event.Error{Code: "of_a_later_version", Message: "what?"})
		p.say(event.NewUser{User: ben}, state(2, ana, ben))
		p.untilClosed()
	}}, func(t *testing.T, c *Client, s *script) {
		until(t, c, connected)
		close(goOn)
		var why error
		refused := errorsUntil(t, c, func() bool {
			if err := c.Status().Err; err != nil {
				why = err
			}
			return len(c.Roster().Users()) == 2
		})
		if said := (event.Error{}); !errors.As(why, &said) || said.Message != "soon" {
			t.Errorf("it ended with %v", why)
		}
		// Of the other it shows only afterwards that the connection goes on.
		ctx, cancel := context.WithTimeout(t.Context(), tooLong)
		defer cancel()
		for len(refused) == 0 {
			u, err := c.Next(ctx)
			if err != nil {
				t.Fatal(err)
			}
			refused = u.Errors
		}
		if len(refused) != 1 || refused[0].Message != "what?" {
			t.Errorf("refused: %+v", refused)
		}
	})
}

func TestNoOptionOrWishOfAServerMakesAClientHammerOrHang(t *testing.T) {
	for _, wish := range []int64{-1 << 62, -1, 1 << 62} {
		synctest.Test(t, func(t *testing.T) {
			s := &script{}
			for range 3 {
				s.acts = append(s.acts, func(p *pipe) {
					p.hear(t)
					p.say(event.Error{Code: event.CodeServerFull, RetryAfter: wish})
				})
			}
			s.acts = append(s.acts, func(p *pipe) { joined(t, p) })
			c := Start("ws://test/ws", Options{Name: "Ana", Dial: s.dial, MaxBackoff: -time.Second})
			defer c.Close()
			began := time.Now()
			until(t, c, connected)
			if took := time.Since(began); took == 0 || took > time.Hour {
				t.Errorf("a wish of %d: back after %v", wish, took)
			}
		})
	}
}

func TestFinalRefusalsEndTheClient(t *testing.T) {
	for _, code := range []event.Code{event.CodeBadName, event.CodeBadRoom, event.CodeRemoved, event.CodeTooOld} {
		play(t, []func(*testing.T, *pipe){func(t *testing.T, p *pipe) {
			p.hear(t)
			p.say(event.Error{Code: code, Message: "no"})
		}}, func(t *testing.T, c *Client, s *script) {
			refusal := event.Error{}
			if err := end(t, c); !errors.As(err, &refusal) || refusal.Code != code {
				t.Errorf("%s: ended with %v", code, err)
			}
			time.Sleep(time.Hour)
			if n := len(s.dialed()); n != 1 {
				t.Errorf("%s: tried %d times", code, n)
			}
			if err := end(t, c); err == nil {
				t.Error("the end is told once only")
			}
		})
	}
}

func TestAnErrorThatIsNotFollowedByACloseChangesNothing(t *testing.T) {
	play(t, []func(*testing.T, *pipe){func(t *testing.T, p *pipe) {
		p.hear(t)
		p.say(snapshot(ana)...)
		p.say(event.Error{Code: event.CodeBadEvent, Message: "what?"})
		p.say(event.NewUser{User: ben}, state(2, ana, ben))
		p.untilClosed()
	}}, func(t *testing.T, c *Client, s *script) {
		until(t, c, func(s Status) bool { return s.Link == Connected && len(c.Roster().Users()) == 2 })
	})
}

func TestLeavingIsSaidAndEndsTheClient(t *testing.T) {
	play(t, []func(*testing.T, *pipe){func(t *testing.T, p *pipe) {
		p.hear(t)
		p.say(snapshot(ana, ben)...)
		if e := p.hear(t); e != (event.Leave{}) {
			t.Errorf("the client said %v", e)
		}
		p.say(event.DisconnectUser{ID: "a", Name: "Ana", Reason: event.ReasonLeft}, state(2, ben))
		p.untilClosed()
	}}, func(t *testing.T, c *Client, _ *script) {
		until(t, c, connected)
		c.Leave()
		if err := end(t, c); !errors.Is(err, ErrLeft) {
			t.Errorf("ended with %v", err)
		}
	})
}

func TestLeavingInAnotherTabEndsThisOne(t *testing.T) {
	play(t, []func(*testing.T, *pipe){func(t *testing.T, p *pipe) {
		p.hear(t)
		p.say(snapshot(ana)...)
		p.say(event.DisconnectUser{ID: "a", Name: "Ana", Reason: event.ReasonLeft}, state(2))
	}}, func(t *testing.T, c *Client, s *script) {
		if err := end(t, c); !errors.Is(err, ErrLeft) {
			t.Errorf("ended with %v", err)
		}
		if n := len(s.dialed()); n != 1 {
			t.Errorf("dialed %d times", n)
		}
	})
}

func TestLeavingDoesNotWaitForAnAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := Start("ws://test/ws", Options{Name: "Ana", Dial: func(ctx context.Context, _ string) (Socket, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}})
		defer c.Close()
		synctest.Wait()
		began := time.Now()
		c.Leave()
		if err := end(t, c); !errors.Is(err, ErrLeft) || time.Since(began) > 0 {
			t.Errorf("ended with %v after %v", err, time.Since(began))
		}
	})
}

func TestAClientThatWasCutOffMeanwhileDoesNotComeBack(t *testing.T) {
	play(t, []func(*testing.T, *pipe){func(t *testing.T, p *pipe) {
		p.hear(t)
		p.say(snapshot(ana, ben)...)
	}, func(t *testing.T, p *pipe) {
		p.hear(t)
		left := event.DisconnectUser{ID: "a", Name: "Ana", Reason: event.ReasonLeft}
		p.say(event.ExistingUsers{Self: "a", Room: "lobby", Epoch: "e", Users: []event.User{ben}}, left, state(2, ben))
	}}, func(t *testing.T, c *Client, s *script) {
		if err := end(t, c); !errors.Is(err, ErrLeft) || len(s.dialed()) != 2 {
			t.Errorf("ended with %v after %d attempts", err, len(s.dialed()))
		}
	})
}

func TestLeavingDoesNotNeedAServer(t *testing.T) {
	silent := func(t *testing.T, p *pipe) {
		p.hear(t)
		p.say(snapshot(ana)...)
		p.untilClosed()
	}
	for name, acts := range map[string][]func(*testing.T, *pipe){"dead": {silent}, "away": nil} {
		play(t, acts, func(t *testing.T, c *Client, _ *script) {
			if len(acts) > 0 {
				until(t, c, connected)
			}
			c.Leave()
			if err := end(t, c); !errors.Is(err, ErrLeft) {
				t.Errorf("%s: ended with %v", name, err)
			}
		})
	}
}

func TestARosterThatDriftedIsMendedByASnapshot(t *testing.T) {
	play(t, []func(*testing.T, *pipe){func(t *testing.T, p *pipe) {
		p.hear(t)
		p.say(snapshot(ana)...)
		p.say(state(7, ana, ben)) // ben's arrival was lost
		if e := withoutRef(p.hear(t)); e != (event.View{}) {
			t.Errorf("the client said %v", e)
		}
		p.say(event.NewUser{User: cyd}, state(8, ana, ben, cyd)) // was on its way
		p.say(snapshot(ana, ben, cyd)...)
		p.untilClosed()
	}}, func(t *testing.T, c *Client, s *script) {
		until(t, c, func(s Status) bool { return len(c.Roster().Users()) == 3 })
		time.Sleep(silenceTimeout - time.Second)
		if n := len(s.dialed()); n != 1 {
			t.Errorf("dialed %d times", n)
		}
	})
}

// As with a server of a later version, which counts in what is not known here.
func TestAServerThatIsNotAgreedWithIsLivedWith(t *testing.T) {
	play(t, []func(*testing.T, *pipe){func(t *testing.T, p *pipe) {
		p.hear(t)
		p.say(snapshot(ana)[0], state(1, ana, ben))
		p.say(event.NewUser{User: cyd}, state(2, ana, ben, cyd))
		time.Sleep(silenceTimeout - time.Second)
		select {
		case frame := <-p.toServer:
			t.Errorf("the client says %s", frame)
		default:
		}
	}, func(t *testing.T, p *pipe) {
		if hello := p.hear(t).(event.GotANewUser); hello.Resume != nil {
			t.Errorf("it goes on from what it may not know: %+v", hello.Resume)
		}
		p.say(snapshot(ana)[0], state(1, ana, ben))
		time.Sleep(time.Second)
		p.say(event.NewUser{User: ben}, state(2, ana, ben))
		p.untilClosed()
	}}, func(t *testing.T, c *Client, s *script) {
		drifts := func(s Status) bool { return s.Link == Connected && errors.Is(s.Drift, roster.ErrDrift) }
		until(t, c, func(s Status) bool { return drifts(s) && len(c.Roster().Users()) == 2 })
		began := time.Now()
		until(t, c, func(s Status) bool { return s.Link != Connected })
		if lasted := time.Since(began); lasted != silenceTimeout-time.Second {
			t.Errorf("the connection ended after %v", lasted)
		}
		until(t, c, drifts)
		until(t, c, func(s Status) bool { return connected(s) && s.Drift == nil })
		if n := len(s.dialed()); n != 2 {
			t.Errorf("dialed %d times", n)
		}
	})
}

// A server that is frozen takes no more when the network between is full.
func TestAWriteThatIsStuckHoldsUpNothing(t *testing.T) {
	stuck := make(chan *pipe, 1)
	full := func(t *testing.T, p *pipe) {
		p.hear(t)
		p.say(snapshot(ana)...)
		for range cap(p.toServer) {
			p.toServer <- nil
		}
		stuck <- p
		p.untilClosed()
	}
	for name, how := range map[string]struct {
		act    func(*Client)
		within time.Duration
		want   error
	}{
		"closed": {(*Client).Close, 0, context.Canceled},
		"left":   {(*Client).Leave, writeTimeout, ErrLeft},
	} {
		play(t, []func(*testing.T, *pipe){full}, func(t *testing.T, c *Client, _ *script) {
			until(t, c, connected)
			<-stuck
			c.Update(event.Patch{Note: new("x")})
			synctest.Wait()
			began := time.Now()
			how.act(c)
			if err := end(t, c); !errors.Is(err, how.want) || time.Since(began) > how.within {
				t.Errorf("%s: ended with %v after %v", name, err, time.Since(began))
			}
		})
	}
	play(t, []func(*testing.T, *pipe){full, joined}, func(t *testing.T, c *Client, _ *script) {
		until(t, c, connected)
		p := <-stuck
		began := time.Now()
		c.Update(event.Patch{Note: new("x")})
		until(t, c, func(s Status) bool { return s.Err != nil })
		if took := time.Since(began); took != writeTimeout || p.clean {
			t.Errorf("given up after %v, clean %v", took, p.clean)
		}
		until(t, c, connected)
	})
}

func TestWhatChangedIsNotLaterThanTheStatus(t *testing.T) {
	const connections = 40
	s := &script{}
	for n := range connections {
		s.acts = append(s.acts, func(p *pipe) {
			p.hear(t)
			p.say(snapshot(event.User{ID: "a", Name: "Ana", Since: int64(n)})...)
			p.say(event.Error{Code: event.CodeRestarting, RetryAfter: 1, Message: strconv.Itoa(n)})
		})
	}
	c := Start("ws://test/ws", Options{Name: "Ana", Dial: s.dial, MaxBackoff: 1})
	defer c.Close()
	// Others who ask make it wait for the lock as often as it takes it.
	var asking sync.WaitGroup
	defer asking.Wait()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for range 2 {
		asking.Go(func() {
			for ctx.Err() == nil {
				c.Status()
			}
		})
	}
	seen := 0
	for len(s.dialed()) <= connections {
		u, err := c.Next(ctx)
		if err != nil {
			t.Fatal(err)
		}
		seen += len(u.Changes) // a Reset from each connection
		said := event.Error{}
		if !errors.As(u.Err, &said) {
			continue // connected, or the last has ended
		}
		if ended, _ := strconv.Atoi(said.Message); seen > ended+1 {
			t.Fatalf("connection %d has ended, and there are changes of %d", ended, seen-1)
		}
	}
	if seen == 0 {
		t.Error("nothing has changed")
	}
}

func TestASnapshotThatWasAskedForAndDoesNotComeEndsTheConnection(t *testing.T) {
	play(t, []func(*testing.T, *pipe){func(t *testing.T, p *pipe) {
		p.hear(t)
		p.say(snapshot(ana)...)
		for deadline := time.Now().Add(tooLong); time.Now().Before(deadline); {
			p.say(state(7, ana, ben))
			select {
			case <-p.closed:
				return
			case <-time.After(time.Second):
			}
		}
		t.Error("the connection does not end")
	}, joined}, func(t *testing.T, c *Client, s *script) {
		until(t, c, func(s Status) bool { return s.Err != nil })
		if dials := s.dialed(); time.Since(dials[0]) > snapshotTimeout+time.Second {
			t.Errorf("given up after %v", time.Since(dials[0]))
		}
		until(t, c, connected)
	})
}

func TestWhoComesBackSaysWhatTheyKnow(t *testing.T) {
	first := snapshot(ana, ben)
	since := first[0].(event.ExistingUsers).Now
	play(t, []func(*testing.T, *pipe){func(t *testing.T, p *pipe) {
		if hello := p.hear(t).(event.GotANewUser); hello.Resume != nil {
			t.Errorf("the first hello is %+v", hello)
		}
		p.say(first...)
	}, func(t *testing.T, p *pipe) {
		hello := p.hear(t).(event.GotANewUser)
		if want := (event.Resume{Epoch: "e", Seq: 1, Since: since}); hello.Resume == nil || *hello.Resume != want {
			t.Errorf("the second hello is %+v", hello)
		}
		p.say(event.ExistingUsers{Self: "a", Room: "lobby", Epoch: "e", Resumed: true, Users: []event.User{cyd}, Gone: []string{"b"}}, state(3, ana, cyd))
		p.untilClosed()
	}}, func(t *testing.T, c *Client, s *script) {
		var changes []roster.Change
		ctx, cancel := context.WithTimeout(t.Context(), tooLong)
		defer cancel()
		for len(s.dialed()) < 2 || c.Status().Link != Connected {
			u, err := c.Next(ctx)
			if err != nil {
				t.Fatal(err)
			}
			changes = append(changes, u.Changes...)
		}
		u, _ := c.Next(ctx)
		changes = append(changes, u.Changes...)
		want := []roster.Change{{Kind: roster.Reset}, {Kind: roster.Gone, User: ben}, {Kind: roster.Arrived, User: cyd}}
		if !slices.Equal(changes, want) {
			t.Errorf("changes are %+v", changes)
		}
	})
}

func TestViewAndActivityAreSaidAgainToANewConnection(t *testing.T) {
	both := func(t *testing.T, p *pipe) {
		p.hear(t)
		p.say(event.ExistingUsers{Self: "a", Me: &ana, Total: new(600), Room: "lobby", Epoch: "e", Users: []event.User{ben}}, event.Room{Seq: 1, Count: 600, Hash: state(1, ben).Hash})
		for _, want := range []event.Event{event.View{Query: "b"}, event.Active{}} {
			if e := withoutRef(p.hear(t)); e != want {
				t.Errorf("the client said %+v", e)
			}
		}
	}
	play(t, []func(*testing.T, *pipe){both, func(t *testing.T, p *pipe) {
		both(t, p)
		p.untilClosed()
	}}, func(t *testing.T, c *Client, s *script) {
		c.View(event.View{Query: "b"})
		c.Active(false)
		until(t, c, func(st Status) bool { return st.Link == Connected && len(s.dialed()) == 2 })
		synctest.Wait() // the second act hears it too
		if _, total, large := c.Roster().View(); !large || total != 600 || c.Roster().Count() != 600 {
			t.Errorf("%d of %d, large %v", total, c.Roster().Count(), large)
		}
		if u, ok := c.Roster().Get("b"); !ok || u != ben {
			t.Errorf("b is %v", u)
		}
		if me, ok := c.Roster().Me(); !ok || me != ana {
			t.Errorf("I am %v", me)
		}
	})
}

func TestOneWhoIsBackSaysSoAfterAReconnect(t *testing.T) {
	play(t, []func(*testing.T, *pipe){func(t *testing.T, p *pipe) {
		p.hear(t)
		p.say(snapshot(ana)...)
		if e := withoutRef(p.hear(t)); e != (event.Active{}) {
			t.Errorf("the client said %+v", e)
		}
	}, nil, func(t *testing.T, p *pipe) {
		p.hear(t)
		p.say(snapshot(ana)...)
		if e := withoutRef(p.hear(t)); e != (event.Active{Active: true}) {
			t.Errorf("the client said %+v", e)
		}
		p.untilClosed()
	}}, func(t *testing.T, c *Client, s *script) {
		until(t, c, connected)
		c.Active(false)
		until(t, c, func(s Status) bool { return s.Link == Offline })
		c.Active(true)
		until(t, c, connected)
		synctest.Wait()
	})
}

func TestADeviceThatWakesUpDoubtsItsConnection(t *testing.T) {
	play(t, []func(*testing.T, *pipe){joined, joined}, func(t *testing.T, c *Client, s *script) {
		until(t, c, connected)
		time.Sleep(event.Silence)
		c.Hurry()
		synctest.Wait()
		if n := len(s.dialed()); n != 1 {
			t.Errorf("dialed %d times while nothing is overdue", n)
		}
		time.Sleep(2 * silenceMargin)
		c.Hurry()
		synctest.Wait()
		if n := len(s.dialed()); n != 2 {
			t.Errorf("dialed %d times", n)
		}
	})
}

func TestAConnectionThatIsDoubtedIsHeardFromOrReplaced(t *testing.T) {
	answers := func(t *testing.T, p *pipe) {
		p.hear(t)
		p.say(snapshot(ana)...)
		if view := withoutRef(p.hear(t)); view != (event.View{}) {
			t.Errorf("the client says %+v", view)
		}
		time.Sleep(time.Second)
		p.say(snapshot(ana)...)
		p.untilClosed()
	}
	for name, c := range map[string]struct {
		first func(*testing.T, *pipe)
		after time.Duration
		dials int
	}{
		"alive": {answers, time.Second, 1},
		"dead":  {joined, hurryTimeout, 2},
	} {
		play(t, []func(*testing.T, *pipe){c.first, joined}, func(t *testing.T, client *Client, s *script) {
			until(t, client, connected)
			began := time.Now()
			client.Doubt()
			if status := client.Status(); !status.Doubtful || status.Link != Connected {
				t.Errorf("%s: at once it is %+v", name, status)
			}
			time.Sleep(hurryTimeout / 6)
			client.Doubt() // the same doubt
			until(t, client, func(s Status) bool { return !s.Doubtful && s.Link == Connected })
			if took := time.Since(began); took != c.after {
				t.Errorf("%s: known after %v, want %v", name, took, c.after)
			}
			if n := len(s.dialed()); n != c.dials {
				t.Errorf("%s: dialed %d times", name, n)
			}
		})
	}
}

func TestADoubtBeforeThereIsAConnectionIsNone(t *testing.T) {
	play(t, nil, func(t *testing.T, c *Client, s *script) {
		synctest.Wait()
		c.Doubt()
		synctest.Wait()
		if n := len(s.dialed()); n != 2 || c.Status().Doubtful {
			t.Errorf("dialed %d times, %+v", n, c.Status())
		}
	})
}

func TestAnAttemptThatHangsIsCutShortByHurry(t *testing.T) {
	for name, c := range map[string]struct{ after, wait time.Duration }{
		"a young one gets its time": {time.Second, hurryTimeout - time.Second},
		"an old one does not":       {hurryTimeout + time.Second, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			var dials []time.Time
			client := Start("ws://test/ws", Options{Name: "Ana", Dial: func(ctx context.Context, _ string) (Socket, error) {
				dials = append(dials, time.Now())
				<-ctx.Done()
				return nil, ctx.Err()
			}})
			defer client.Close()
			time.Sleep(c.after)
			client.Hurry()
			client.Hurry() // the same moment
			time.Sleep(c.wait)
			synctest.Wait()
			if len(dials) != 2 || dials[1].Sub(dials[0]) != c.after+c.wait {
				t.Errorf("%s: dialed at %v", name, dials)
			}
		})
	}
}

func TestAHelloWithoutAnAnswerIsCutShortByHurry(t *testing.T) {
	silent := func(t *testing.T, p *pipe) { p.hear(t); p.untilClosed() }
	play(t, []func(*testing.T, *pipe){silent, joined}, func(t *testing.T, c *Client, s *script) {
		time.Sleep(hurryTimeout + time.Second)
		c.Hurry()
		began := time.Now()
		until(t, c, connected)
		if took := time.Since(began); took > 0 {
			t.Errorf("connected after %v", took)
		}
	})
}

func TestWhatHappenedIsKeptWhenNextRunsOutOfTime(t *testing.T) {
	play(t, []func(*testing.T, *pipe){joined}, func(t *testing.T, c *Client, s *script) {
		synctest.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		for range 20 { // which of the two is ready first is chance
			if u, err := c.Next(ctx); err == nil && len(u.Changes) == 1 {
				return
			}
		}
		if u, err := c.Next(t.Context()); err != nil || len(u.Changes) != 1 {
			t.Errorf("%+v, %v", u, err)
		}
	})
}

func TestASignOfLifeWakesNobody(t *testing.T) {
	play(t, []func(*testing.T, *pipe){func(t *testing.T, p *pipe) {
		p.hear(t)
		p.say(snapshot(ana)...)
		time.Sleep(event.Silence)
		p.say(state(1, ana))
		time.Sleep(event.Silence)
		p.say(event.NewUser{User: ben}, state(2, ana, ben))
		p.untilClosed()
	}}, func(t *testing.T, c *Client, s *script) {
		until(t, c, connected)
		began := time.Now()
		if u, err := c.Next(t.Context()); err != nil || len(u.Changes) != 1 || time.Since(began) != 2*event.Silence {
			t.Errorf("after %v it wakes with %+v, %v", time.Since(began), u, err)
		}
	})
}

func TestChangesAreNotKeptForEverForAProgramThatDoesNotAsk(t *testing.T) {
	play(t, []func(*testing.T, *pipe){func(t *testing.T, p *pipe) {
		p.hear(t)
		p.say(snapshot(ana)...)
		for i := range maxChanges {
			u := ana
			u.Note = string(rune('a' + i%2))
			p.say(event.UpdateUser{User: u.Encoded()})
		}
		p.untilClosed()
	}}, func(t *testing.T, c *Client, s *script) {
		time.Sleep(time.Second)
		synctest.Wait()
		u, err := c.Next(t.Context())
		if err != nil || len(u.Changes) > 1 || len(u.Changes) == 1 && u.Changes[0].Kind != roster.Reset {
			t.Errorf("%d changes, %v", len(u.Changes), err)
		}
	})
}

func TestDialReturnsWhenTheRosterIsThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{acts: []func(*pipe){func(p *pipe) { joined(t, p) }}}
		c, err := Dial(t.Context(), "ws://test/ws", Options{Name: "Ana", Patch: event.Patch{Status: new(event.StatusBusy), Note: new("hi")}, Dial: s.dial})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if len(c.Roster().Users()) != 1 {
			t.Error("the roster is not there")
		}
		if u, err := c.Next(t.Context()); err != nil || len(u.Changes) != 1 || u.Changes[0].Kind != roster.Reset {
			t.Errorf("the first update is %+v, %v", u, err)
		}
	})
}

func TestWatchSaysWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{acts: []func(*pipe){func(p *pipe) {
			if hello := p.hear(t); !reflect.DeepEqual(hello, event.Watch{Room: "hall"}) {
				t.Errorf("the hello is %+v", hello)
			}
			p.say(event.ExistingUsers{Room: "hall", Epoch: "e", Users: []event.User{ana}}, state(1, ana))
			p.untilClosed()
		}}}
		c, err := Dial(t.Context(), "ws://test/ws", Options{Watch: true, Room: "hall", Dial: s.dial})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, ok := c.Roster().Me(); ok {
			t.Error("who watches is somebody")
		}
	})
}

func TestDialTriesOnceAndSaysWhyNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nobody := &script{}
		if _, err := Dial(t.Context(), "ws://test/ws", Options{Name: "Ana", Dial: nobody.dial}); err == nil || err.Error() != "nobody is there" {
			t.Errorf("error is %v", err)
		}
		for _, code := range []event.Code{event.CodeBadName, event.CodeRoomFull} {
			s := &script{acts: []func(*pipe){func(p *pipe) {
				p.hear(t)
				p.say(event.Error{Code: code, Message: "no"})
			}}}
			said := event.Error{}
			if _, err := Dial(t.Context(), "ws://test/ws", Options{Name: "Ana", Dial: s.dial}); !errors.As(err, &said) || said.Code != code {
				t.Errorf("error is %v", err)
			}
			if len(s.dialed()) != 1 {
				t.Errorf("%s: dialed %d times", code, len(s.dialed()))
			}
		}
		// Nor does it join with less than it was to join with.
		s := &script{acts: []func(*pipe){func(p *pipe) {
			p.hear(t)
			p.say(event.Error{Code: event.CodeBadEvent, Message: "shorter", Event: event.NameGotANewUser, Field: "note"})
		}}}
		said := event.Error{}
		if _, err := Dial(t.Context(), "ws://test/ws", Options{Name: "Ana", Patch: event.Patch{Note: new("long")}, Dial: s.dial}); !errors.As(err, &said) || said.Field != "note" || len(s.dialed()) != 1 {
			t.Errorf("%v after %d attempts", err, len(s.dialed()))
		}
		silent := &script{acts: []func(*pipe){func(p *pipe) { p.untilClosed() }}}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := Dial(ctx, "ws://test/ws", Options{Name: "Ana", Dial: silent.dial}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error is %v", err)
		}
	})
}

func TestWhatAServerMeansByAnHTTPStatus(t *testing.T) {
	plain := errors.New("bad handshake")
	const text, page = "text/plain; charset=utf-8", "text/html"
	for _, c := range []struct {
		answer answer
		want   event.Error
	}{
		{answer{429, text, "30", "m"}, event.Error{Code: event.CodeRateLimited, Message: "m", RetryAfter: 30_000}},
		{answer{429, page, "30", "<h1>"}, event.Error{Code: event.CodeRateLimited, Message: "There are too many attempts from here; try again later.", RetryAfter: 30_000}},
		{answer{503, text, "", "m"}, event.Error{Code: event.CodeServerFull, Message: "m"}},
		{answer{503, text, "soon", "m"}, event.Error{Code: event.CodeServerFull, Message: "m"}},
		{answer{403, text, "", "m"}, event.Error{Message: "m"}},
		{answer{421, text, "", "m"}, event.Error{Message: "m"}},
		{answer{426, text, "", "m"}, event.Error{Message: "m"}},
	} {
		if got := refusal(plain, c.answer); got != c.want || c.want.Code == "" && got.Error() != "m" {
			t.Errorf("%+v: %+v", c.answer, got)
		}
	}
	for _, a := range []answer{{}, {302, "", "", ""}, {200, page, "", "<form>"}, {200, text, "", "ok"}, {401, text, "", "sign in"}, {403, page, "", "<h1>"}, {407, "", "", ""}} {
		if got := refusal(plain, a); !errors.Is(got, ErrIntercepted) || !errors.Is(got, plain) {
			t.Errorf("%+v: %v", a, got)
		}
	}
	for _, a := range []answer{{502, page, "", "<h1>"}, {503, page, "9", "<h1>"}, {404, text, "", "404 page not found"}, {503, text, "", ""}} {
		var said event.Error
		if got := refusal(plain, a); !errors.Is(got, plain) || errors.Is(got, ErrIntercepted) || errors.As(got, &said) {
			t.Errorf("%+v: %v", a, got)
		}
	}
}

func TestASilentConnectionIsGivenUp(t *testing.T) {
	given := make(chan *pipe, 1)
	play(t, []func(*testing.T, *pipe){func(t *testing.T, p *pipe) {
		p.hear(t)
		p.say(snapshot(ana)...)
		given <- p
		p.untilClosed()
	}, joined}, func(t *testing.T, c *Client, s *script) {
		until(t, c, connected)
		p := <-given
		time.Sleep(silenceTimeout - time.Second)
		synctest.Wait()
		if len(s.dialed()) != 1 {
			t.Error("given up too early")
		}
		<-p.closed
		if p.clean {
			t.Error("a dead connection was closed with a handshake")
		}
		until(t, c, connected)
	})
}

func TestNowIsTheServersTime(t *testing.T) {
	play(t, []func(*testing.T, *pipe){func(t *testing.T, p *pipe) {
		p.hear(t)
		events := snapshot(ana)
		existing := events[0].(event.ExistingUsers)
		existing.Now += 3_600_000
		p.say(existing, events[1])
		p.untilClosed()
	}}, func(t *testing.T, c *Client, _ *script) {
		until(t, c, connected)
		if ahead := time.Until(c.Now()).Round(time.Second); ahead != time.Hour {
			t.Errorf("%v ahead", ahead)
		}
	})
}

func TestClosingWaitsForNothing(t *testing.T) {
	play(t, []func(*testing.T, *pipe){joined}, func(t *testing.T, c *Client, _ *script) {
		until(t, c, connected)
		start := time.Now()
		c.Close()
		if took := time.Since(start); took != 0 {
			t.Errorf("took %v", took)
		}
		if err := end(t, c); !errors.Is(err, context.Canceled) {
			t.Errorf("ended with %v", err)
		}
	})
}
