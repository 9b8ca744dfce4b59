package client

import (
	"context"
	"errors"
	"io"
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
	clean              bool // how the client closed
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

func (p *pipe) Read() ([]byte, error) {
	select {
	case b, ok := <-p.toClient:
		if !ok {
			return nil, io.EOF
		}
		return b, nil
	case <-p.closed:
		return nil, io.ErrClosedPipe
	}
}

func (p *pipe) Write(b []byte) error {
	select {
	case p.toServer <- b:
		return nil
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
		return events[0]
	case <-p.closed:
		return nil
	}
}

func (p *pipe) say(events ...event.Event) { p.toClient <- event.Encode(events...) }

func (p *pipe) untilClosed() { <-p.closed }

var ana, ben = event.User{ID: "a", Name: "Ana", Since: 1}, event.User{ID: "b", Name: "Ben", Since: 2}

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
		c := Start(Options{URL: "ws://test/ws", Name: "Ana", Dial: s.dial})
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

// until calls Next until the status is as wanted.
func until(t *testing.T, c *Client, want func(Status) bool) Status {
	t.Helper()
	for {
		status, err := c.Next(t.Context())
		if err != nil {
			t.Fatalf("ended with %v at %+v", err, status)
		}
		if want(status) {
			return status
		}
	}
}

func end(t *testing.T, c *Client) error {
	t.Helper()
	for {
		if _, err := c.Next(t.Context()); err != nil {
			return err
		}
	}
}

func connected(s Status) bool { return s.Link == Connected }

func TestAClientJoinsAndFollowsTheRoom(t *testing.T) {
	more := make(chan struct{})
	play(t, []func(*testing.T, *pipe){func(t *testing.T, p *pipe) {
		if hello := p.hear(t); hello != (event.GotANewUser{Name: "Ana", Room: event.Lobby}) {
			t.Errorf("the hello is %+v", hello)
		}
		p.say(snapshot(ana)...)
		<-more
		p.say(event.NewUser{User: ben}, state(2, ana, ben))
		p.untilClosed()
	}}, func(t *testing.T, c *Client, _ *script) {
		until(t, c, connected)
		if users := c.Users(); len(users) != 1 || c.Self() != "a" {
			t.Errorf("self %q among %v", c.Self(), users)
		}
		close(more)
		until(t, c, func(Status) bool { return len(c.Users()) == 2 })
	})
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
		if len(c.Users()) != 2 {
			t.Errorf("the roster is %v", c.Users())
		}
		until(t, c, connected)
		if len(c.Users()) != 1 || len(s.dialed()) != 4 {
			t.Errorf("the roster is %v after %d attempts", c.Users(), len(s.dialed()))
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
		if status := until(t, c, func(s Status) bool { return s.Refusal.Code != "" }); status.Refusal.Message != "soon" {
			t.Errorf("told %+v", status.Refusal)
		}
		until(t, c, connected)
		if dials := s.dialed(); dials[1].Sub(dials[0]) < time.Minute {
			t.Errorf("came back after %v", dials[1].Sub(dials[0]))
		}
	})
}

func TestFinalRefusalsEndTheClient(t *testing.T) {
	for _, code := range []event.Code{event.CodeBadName, event.CodeBadRoom, event.CodeTooOld} {
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
		until(t, c, func(s Status) bool { return s.Link == Connected && len(c.Users()) == 2 })
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

func TestARosterThatDriftedIsFetchedAnew(t *testing.T) {
	play(t, []func(*testing.T, *pipe){func(t *testing.T, p *pipe) {
		p.hear(t)
		p.say(snapshot(ana)...)
		p.say(state(7, ana, ben)) // ben's arrival was lost
		p.untilClosed()
	}, func(t *testing.T, p *pipe) {
		p.hear(t)
		p.say(snapshot(ana, ben)...)
		p.untilClosed()
	}}, func(t *testing.T, c *Client, _ *script) {
		until(t, c, func(s Status) bool { return s.Link == Connected && len(c.Users()) == 2 })
	})
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
		time.Sleep(doubt - time.Second)
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
