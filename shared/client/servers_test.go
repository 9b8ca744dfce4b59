package client

import (
	"context"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"rollcall/shared/event"
	"rollcall/shared/roster"
)

// Nothing else in the frame says it, and nobody has changed.
func TestThatSomebodyMayBeMissingIsNews(t *testing.T) {
	play(t, []func(*testing.T, *pipe){func(t *testing.T, p *pipe) {
		p.hear(t)
		p.say(snapshot(ana)...)
		for range 2 { // the second time, it is known
			time.Sleep(time.Second)
			partial := state(1, ana)
			partial.Partial = true
			p.say(partial)
		}
		time.Sleep(time.Second)
		p.say(state(1, ana))
		p.untilClosed()
	}}, func(t *testing.T, c *Client, _ *script) {
		until(t, c, connected)
		began := time.Now()
		for _, next := range []struct {
			partial bool
			after   time.Duration
		}{{true, time.Second}, {false, 3 * time.Second}} {
			u, err := c.Next(t.Context())
			if err != nil || len(u.Changes) != 0 || time.Since(began) != next.after || c.Roster().Partial() != next.partial {
				t.Errorf("after %v: partial %v, %+v, %v", time.Since(began), c.Roster().Partial(), u, err)
			}
		}
	})
}

// serverOf is a server with a life of its own of the room. It sends each event of a
// client to heard, with the connection, and lets a test answer.
func serverOf(t *testing.T, heard chan<- said) (url string) {
	t.Helper()
	var serving sync.WaitGroup
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		serving.Add(1)
		defer serving.Done()
		conn, err := websocket.Accept(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.CloseNow()
		for {
			_, frame, err := conn.Read(context.Background())
			if err != nil {
				return
			}
			events, err := event.DecodeClient(frame)
			if err != nil || len(events) != 1 {
				t.Errorf("the client said %s", frame)
				return
			}
			heard <- said{conn, events[0]}
		}
	}))
	t.Cleanup(serving.Wait)
	t.Cleanup(s.Close)
	return "ws" + strings.TrimPrefix(s.URL, "http")
}

// said is what a client has said, and where.
type said struct {
	conn *websocket.Conn
	event.Event
}

// answer sends a frame on the connection.
func (s said) answer(t *testing.T, events ...event.Event) {
	t.Helper()
	if err := s.conn.Write(t.Context(), websocket.MessageText, event.Encode(events...)); err != nil {
		t.Error(err)
	}
}

// The second server does not know the epoch of the first. So it cannot say what has
// changed since, and it has not done anything for that tab.
func TestAChangeThatIsUnderWayIsSaidAgainToAnotherServer(t *testing.T) {
	heard := make(chan said, 1)
	servers := []string{serverOf(t, heard), serverOf(t, heard)}
	dials := 0
	c := Start("ws://test/ws", Options{Name: "Ana", Dial: func(ctx context.Context, _ string) (Socket, error) {
		dials++
		return Network(nil)(ctx, servers[min(dials, len(servers))-1])
	}})
	defer c.Close()
	whole := func(epoch string, seq uint64, ref event.Ref, users ...event.User) []event.Event {
		return []event.Event{event.ExistingUsers{Self: "a", Ref: ref, Room: "lobby", Epoch: epoch, Users: users}, state(seq, users...)}
	}
	noted := ana
	noted.Note = "back at 2"
	noted = noted.Encoded()

	atFirst := <-heard
	hello := atFirst.Event.(event.GotANewUser)
	atFirst.answer(t, whole("first", 7, hello.Ref, ana, ben)...)
	number := c.Update(event.Patch{Note: new("back at 2")})
	change := (<-heard).Event.(event.ChangeUser)
	atFirst.conn.CloseNow() // it has heard the change, and answers no more

	atSecond := <-heard
	want := hello
	want.Ref, want.Wanted, want.Resume = change.Ref, &change.Patch, &event.Resume{Epoch: "first", Seq: 7}
	if !reflect.DeepEqual(atSecond.Event, want) {
		t.Errorf("the second server hears %+v, want %+v", atSecond.Event, want)
	}
	if n := c.Status().Answered; n != number-1 {
		t.Errorf("%d changes are over before it has answered", n)
	}
	atSecond.answer(t, whole("second", 2, change.Ref, noted, ben)...)
	atSecond.answer(t, whole("second", 3, 0, noted, ben, cyd)...) // it has come to know one more
	var changes []roster.Change
	for len(c.Roster().Users()) < 3 {
		u, err := c.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		changes = append(changes, u.Changes...)
	}
	c.mu.Lock()
	changes = append(changes, c.changes...) // which came after the last Next
	c.mu.Unlock()
	if n := c.Status().Answered; n != number {
		t.Errorf("%d changes are over", n)
	}
	if users := c.Roster().Users(); !slices.Equal(users, []event.User{noted, ben, cyd}) {
		t.Errorf("there are %+v", users)
	}
	if slices.ContainsFunc(changes, func(c roster.Change) bool { return c.Kind != roster.Reset }) {
		t.Errorf("somebody is seen to come, to go or to change: %+v", changes)
	}
	c.Update(event.Patch{Note: new("")})
	if next := (<-heard).Event.(event.ChangeUser); next.Ref != change.Ref+1 {
		t.Errorf("the next change has the ref %d after %d", next.Ref, change.Ref)
	}
}
