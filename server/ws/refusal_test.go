package ws

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"rollcall/server/hub"
	"rollcall/server/limit"
	"rollcall/server/refusal"
	"rollcall/shared/event"
)

// tally is an Observer's.
type tally struct {
	mu     sync.Mutex
	counts map[refusal.Reason]int
}

func (c *tally) observe(reason refusal.Reason) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.counts[reason]++
}

// told is how a client, or whoever asks over HTTP, came to know.
type told struct {
	code   event.Code
	event  string
	field  string
	ending int // close code or status of HTTP; 0 if the connection stayed, -1 if it was cut
}

// ended reads to the end.
func (p *peer) ended() told {
	p.t.Helper()
	e, code := p.ends()
	return told{e.Code, e.Event, e.Field, int(code)}
}

// survived reads the next error, and ends the connection in good order.
func (p *peer) survived() told {
	p.t.Helper()
	e := p.hear(event.NameError).(event.Error)
	if e.Message == "" {
		p.t.Error("told nothing a person could read")
	}
	p.close()
	return told{e.Code, e.Event, e.Field, 0}
}

// first says something on a new connection.
func (n *network) first(e event.Event) *peer {
	n.t.Helper()
	p, resp := n.connect(nil, nil)
	if p == nil {
		n.t.Fatalf("no connection: %v", resp)
	}
	p.say(e)
	return p
}

// status is how an attempt to connect is answered, if it is refused.
func (n *network) status(header http.Header) told {
	n.t.Helper()
	p, resp := n.connect(nil, header)
	if p != nil {
		n.t.Fatal("was let in")
	}
	return told{ending: resp.StatusCode}
}

// asked is how a request is answered that comes by no connection.
func (n *network) asked(header http.Header) told {
	r := httptest.NewRequest("GET", "/ws", nil)
	r.Header = header
	w := httptest.NewRecorder()
	n.server.ServeHTTP(w, r)
	return told{ending: w.Code}
}

// tapped is a client that may write what is no WebSocket to its line as well.
func (n *network) tapped() (*peer, net.Conn) {
	n.t.Helper()
	var line net.Conn
	browser := n.browser()
	browser.Transport.(*http.Transport).DialContext = func(ctx context.Context, network, addr string) (conn net.Conn, err error) {
		conn, err = n.dial(ctx, network, addr)
		line = conn
		return conn, err
	}
	return n.join(browser, "Eve", ""), line
}

// provocations are a way to meet each reason, and what that looks like from
// outside. A reason may be there several times.
var provocations = []struct {
	reason  refusal.Reason
	besides refusal.Reason // is met on the way, or after
	rooms   hub.Options
	limits  limit.Options
	events  float64 // of Options
	provoke func(t *testing.T, n *network) told
	want    told
}{
	{reason: refusal.ForeignOrigin, want: told{ending: 403}, provoke: func(t *testing.T, n *network) told {
		return n.status(http.Header{"Origin": {"http://evil.example"}})
	}},
	{reason: refusal.NoUpgrade, want: told{ending: 426}, provoke: func(t *testing.T, n *network) told {
		return n.asked(http.Header{})
	}},
	{reason: refusal.BadHandshake, want: told{ending: 400}, provoke: func(t *testing.T, n *network) told {
		return n.asked(http.Header{"Upgrade": {"websocket"}})
	}},
	{reason: refusal.ConnectionsFull, limits: limit.Options{Connections: 1}, want: told{ending: 503}, provoke: func(t *testing.T, n *network) told {
		defer n.join(nil, "Ana", "").close()
		return n.status(nil)
	}},
	{reason: refusal.AddressConnections, limits: limit.Options{Sockets: 1}, want: told{ending: 429}, provoke: func(t *testing.T, n *network) told {
		defer n.join(nil, "Ana", "").close()
		return n.status(nil)
	}},
	{reason: refusal.AddressAttempts, limits: limit.Options{JoinsPerMinute: 1}, want: told{ending: 429}, provoke: func(t *testing.T, n *network) told {
		for range 2 {
			p, _ := n.connect(nil, nil)
			p.close()
		}
		return n.status(nil)
	}},
	{reason: refusal.SessionBarred, want: told{ending: 429}, provoke: func(t *testing.T, n *network) told {
		n.share(func(s *limit.Share) { s.Bar([16]byte{}, time.Minute) })
		return n.status(nil)
	}},
	{reason: refusal.RestartingHTTP, want: told{ending: 503}, provoke: func(t *testing.T, n *network) told {
		n.server.Close(t.Context())
		return n.status(nil)
	}},

	{reason: refusal.TooOld, want: told{code: event.CodeTooOld, ending: 4007}, provoke: func(t *testing.T, n *network) told {
		p, _ := n.connect(nil, nil, "rollcall.v9")
		return p.ended()
	}},
	{reason: refusal.NoHello, want: told{code: event.CodeNoHello, ending: 4001}, provoke: func(t *testing.T, n *network) told {
		p, _ := n.connect(nil, nil)
		return p.ended()
	}},
	{reason: refusal.NoHello, want: told{code: event.CodeNoHello, ending: 4001}, provoke: func(t *testing.T, n *network) told {
		p, _ := n.connect(nil, nil)
		time.Sleep(event.HelloTimeout) // said in the same moment in which it is too late
		go p.conn.Write(t.Context(), websocket.MessageText, event.Encode(event.Watch{}))
		return p.ended()
	}},
	{reason: refusal.BadRoom, want: told{event.CodeBadRoom, event.NameWatch, "room", 4002}, provoke: func(t *testing.T, n *network) told {
		return n.first(event.Watch{Room: "a b"}).ended()
	}},
	{reason: refusal.BadName, want: told{event.CodeBadName, event.NameGotANewUser, "name", 4002}, provoke: func(t *testing.T, n *network) told {
		return n.first(event.GotANewUser{}).ended()
	}},
	{reason: refusal.BadName, want: told{event.CodeBadName, event.NameUpdateUser, "name", 0}, provoke: func(t *testing.T, n *network) told {
		return n.joined(event.ChangeUser{Patch: event.Patch{Name: new("")}}).survived()
	}},
	{reason: refusal.BadText, want: told{event.CodeBadEvent, event.NameGotANewUser, "note", 4002}, provoke: func(t *testing.T, n *network) told {
		return n.first(event.GotANewUser{Patch: event.Patch{Name: new("Ana"), Note: new(strings.Repeat("a", 81))}}).ended()
	}},
	{reason: refusal.BadText, want: told{event.CodeBadEvent, event.NameUpdateUser, "note", 0}, provoke: func(t *testing.T, n *network) told {
		return n.joined(event.ChangeUser{Patch: event.Patch{Note: new(strings.Repeat("a", 81))}}).survived()
	}},
	{reason: refusal.BadStatus, want: told{event.CodeBadEvent, event.NameGotANewUser, "status", 4002}, provoke: func(t *testing.T, n *network) told {
		return n.first(event.GotANewUser{Patch: event.Patch{Name: new("Ana"), Status: new(event.Status("asleep"))}}).ended()
	}},
	{reason: refusal.BadStatus, want: told{event.CodeBadEvent, event.NameUpdateUser, "status", 0}, provoke: func(t *testing.T, n *network) told {
		return n.joined(event.ChangeUser{Patch: event.Patch{Status: new(event.Status("asleep"))}}).survived()
	}},
	{reason: refusal.BadUntil, want: told{event.CodeBadEvent, event.NameGotANewUser, "change.until", 4002}, provoke: func(t *testing.T, n *network) told {
		return n.first(event.GotANewUser{Patch: event.Named("Ana"), Wanted: &event.Patch{Until: new(time.Now().UnixMilli())}}).ended()
	}},
	{reason: refusal.BadUntil, want: told{event.CodeBadEvent, event.NameGotANewUser, "until", 4002}, provoke: func(t *testing.T, n *network) told {
		return n.first(event.GotANewUser{Patch: event.Patch{Name: new("Ana"), Until: new(int64(1))}}).ended() // no tab: it is a change
	}},
	{reason: refusal.BadUntil, want: told{event.CodeBadEvent, event.NameUpdateUser, "until", 0}, provoke: func(t *testing.T, n *network) told {
		return n.joined(event.ChangeUser{Patch: event.Patch{Until: new(time.Now().Add(event.MaxUntil + time.Minute).UnixMilli())}}).survived()
	}},
	{reason: refusal.BadData, want: told{event.CodeBadEvent, event.NameGotANewUser, "data", 4002}, provoke: func(t *testing.T, n *network) told {
		return n.first(event.GotANewUser{Patch: event.Patch{Name: new("Ana"), Data: `{"1":2}`}}).ended()
	}},
	{reason: refusal.BadData, want: told{event.CodeBadEvent, event.NameGotANewUser, "change.data", 4002}, provoke: func(t *testing.T, n *network) told {
		half := event.Patch{Data: event.Data(fmt.Sprintf(`{"a":"%0700d"}`, 0))}
		other := event.Patch{Data: event.Data(fmt.Sprintf(`{"b":"%0700d"}`, 0))}
		half.Name = new("Ana")
		return n.first(event.GotANewUser{Tab: "t", Ref: 1, Patch: half, Wanted: &other}).ended()
	}},
	{reason: refusal.BadData, want: told{event.CodeBadEvent, event.NameUpdateUser, "data", 0}, provoke: func(t *testing.T, n *network) told {
		p := n.joined(event.ChangeUser{Patch: event.Patch{Data: event.Data(fmt.Sprintf(`{"a":"%0700d"}`, 0))}})
		p.say(event.ChangeUser{Patch: event.Patch{Data: event.Data(fmt.Sprintf(`{"b":"%0700d"}`, 0))}})
		return p.survived()
	}},
	{reason: refusal.BadTab, want: told{event.CodeBadEvent, event.NameGotANewUser, "tab", 4002}, provoke: func(t *testing.T, n *network) told {
		return n.first(event.GotANewUser{Patch: event.Named("Ana"), Tab: strings.Repeat("t", event.MaxTab+1)}).ended()
	}},
	{reason: refusal.JoinRate, limits: limit.Options{JoinsPerMinute: 1}, want: told{event.CodeRateLimited, event.NameGotANewUser, "", 4003}, provoke: func(t *testing.T, n *network) told {
		n.join(nil, "Ana", "").close()
		return n.first(event.GotANewUser{Patch: event.Named("Ben")}).ended()
	}},
	{reason: refusal.JoinDebt, limits: limit.Options{BytesPerSecond: 1000}, want: told{event.CodeRateLimited, event.NameWatch, "", 4003}, provoke: func(t *testing.T, n *network) told {
		n.share(func(s *limit.Share) { s.Charge(64_000); s.Charge(5_000) })
		return n.first(event.Watch{}).ended()
	}},
	{reason: refusal.RoomFull, rooms: hub.Options{MaxMembers: 1}, want: told{event.CodeRoomFull, event.NameGotANewUser, "", 4004}, provoke: func(t *testing.T, n *network) told {
		defer n.join(nil, "Ana", "").close()
		return n.first(event.GotANewUser{Patch: event.Named("Ben")}).ended()
	}},
	{reason: refusal.RoomsFull, rooms: hub.Options{MaxRooms: 1}, want: told{event.CodeServerFull, event.NameGotANewUser, "", 4005}, provoke: func(t *testing.T, n *network) told {
		defer n.join(nil, "Ana", "one").close()
		return n.first(event.GotANewUser{Patch: event.Named("Ben"), Room: "other"}).ended()
	}},
	{reason: refusal.AlreadyJoined, want: told{event.CodeAlreadyJoined, event.NameWatch, "", 0}, provoke: func(t *testing.T, n *network) told {
		return n.joined(event.Watch{}).survived()
	}},

	{reason: refusal.WrongShape, want: told{event.CodeBadEvent, event.NameGotANewUser, "name", 0}, provoke: func(t *testing.T, n *network) told {
		p, _ := n.connect(nil, nil)
		p.write(websocket.MessageText, []byte(`[{"event":"got_a_new_user","data":{"name":5}}]`))
		return p.survived()
	}},
	{reason: refusal.UnknownEvent, want: told{event.CodeBadEvent, "later", "", 0}, provoke: func(t *testing.T, n *network) told {
		p, _ := n.connect(nil, nil)
		p.write(websocket.MessageText, []byte(`[{"event":"later","data":{"ref":5}},{"event":"later"}]`))
		return p.survived()
	}},
	{reason: refusal.NotJoined, want: told{event.CodeNotJoined, event.NameLeave, "", 0}, provoke: func(t *testing.T, n *network) told {
		return n.first(event.Leave{}).survived()
	}},
	{reason: refusal.WatcherChange, want: told{event.CodeNotJoined, event.NameUpdateUser, "", 0}, provoke: func(t *testing.T, n *network) told {
		p := n.first(event.Watch{})
		p.say(event.ChangeUser{Patch: event.Patch{Note: new("x")}})
		return p.survived()
	}},
	{reason: refusal.QueryTooLong, want: told{event.CodeBadEvent, event.NameView, "query", 0}, provoke: func(t *testing.T, n *network) told {
		return n.joined(event.View{Query: strings.Repeat("a", event.MaxQuery+1)}).survived()
	}},
	{reason: refusal.TooManyViews, rooms: hub.Options{Window: 1}, want: told{event.CodeRateLimited, event.NameView, "", 0}, provoke: func(t *testing.T, n *network) told {
		for i := range 2 {
			if _, err := n.hub.Join("lobby", hub.Person{ID: fmt.Sprint(i), Profile: event.Named("Ana")}, deaf{}); err != nil {
				t.Fatal(err)
			}
		}
		for i := 0; ; i++ { // until no other view may be had
			place, err := n.hub.Watch("lobby", hub.Visitor{}, deaf{})
			if err != nil {
				t.Fatal(err)
			}
			if place.SetView(event.View{Query: fmt.Sprint("q", i)}) != nil {
				break
			}
		}
		return n.joined(event.View{Query: "another"}).survived()
	}},
	{reason: refusal.EventRate, events: 10, want: told{event.CodeRateLimited, event.NameActive, "", 0}, provoke: func(t *testing.T, n *network) told {
		p := n.join(nil, "Ana", "")
		for range eventBurst { // the hello was one
			p.say(event.Active{Active: true})
		}
		return p.survived()
	}},
	{reason: refusal.PingRate, events: 10, want: told{event.CodeRateLimited, "", "", 0}, provoke: func(t *testing.T, n *network) told {
		p, line := n.tapped()
		for range eventBurst - 1 {
			p.say(event.Active{Active: true})
		}
		line.Write(sentFrame(pingFrame, ""))
		return p.survived()
	}},
	{reason: refusal.ConnectionDebt, events: 10, want: told{event.CodeRateLimited, event.NameView, "", 0}, provoke: func(t *testing.T, n *network) told {
		p := n.join(nil, "Ana", "")
		n.server.conns[0].charge(answerBurst)
		n.server.conns[0].charge(1 << 20)
		p.say(event.View{})
		return p.survived()
	}},
	{reason: refusal.AddressDebt, limits: limit.Options{BytesPerSecond: 1000}, want: told{event.CodeRateLimited, event.NameUpdateUser, "", 0}, provoke: func(t *testing.T, n *network) told {
		p := n.join(nil, "Ana", "")
		n.share(func(s *limit.Share) { s.Charge(64_000); s.Charge(5_000) })
		p.say(event.ChangeUser{Patch: event.Patch{Note: new("x")}})
		return p.survived()
	}},
	{reason: refusal.EventFlood, besides: refusal.EventRate, events: 10, want: told{event.CodeRateLimited, "", "", 4003}, provoke: func(t *testing.T, n *network) told {
		return n.flooded(event.Encode(event.Active{Active: true}), 20*time.Millisecond)
	}},
	{reason: refusal.ByteFlood, events: 10, want: told{event.CodeRateLimited, "", "", 4003}, provoke: func(t *testing.T, n *network) told {
		return n.flooded([]byte(`[{"event":"from_the_future","data":"`+strings.Repeat("a", 16_000)+`"}]`), 0)
	}},

	{reason: refusal.FrameTooLarge, want: told{event.CodeBadFrame, "", "", 1009}, provoke: func(t *testing.T, n *network) told {
		p := n.join(nil, "Ana", "")
		go p.conn.Write(t.Context(), websocket.MessageText, make([]byte, event.MaxFrame+1))
		return p.ended()
	}},
	{reason: refusal.BinaryFrame, want: told{event.CodeBadFrame, "", "", 4000}, provoke: func(t *testing.T, n *network) told {
		p := n.join(nil, "Ana", "")
		p.write(websocket.MessageBinary, event.Encode(event.Leave{}))
		return p.ended()
	}},
	{reason: refusal.BadFrame, want: told{event.CodeBadFrame, "", "", 4000}, provoke: func(t *testing.T, n *network) told {
		p := n.join(nil, "Ana", "")
		p.write(websocket.MessageText, []byte("{}"))
		return p.ended()
	}},

	{reason: refusal.StuckWrite, want: told{ending: -1}, provoke: func(t *testing.T, n *network) told {
		stuck := n.join(nil, "Stuck", "")
		n.join(nil, "Ana", "").close() // which is news for Stuck
		time.Sleep(writeTimeout + 2*sweepEvery)
		return stuck.ended()
	}},
	{reason: refusal.TooMuchPending, want: told{ending: -1}, provoke: func(t *testing.T, n *network) told {
		p, line := n.tapped()
		for range 10 * maxPending / 125 {
			if _, err := line.Write(sentFrame(pingFrame, strings.Repeat("x", 125))); err != nil {
				return p.ended()
			}
		}
		t.Fatal("all pings are answered")
		return told{}
	}},
	{reason: refusal.BacklogFull, want: told{ending: -1}, provoke: func(t *testing.T, n *network) told {
		n.server.backlog.max = 1000 // the answer to the upgrade is less
		hello := event.GotANewUser{Patch: event.Named("Eve")}
		hello.Data = event.Data(`{"k":"` + strings.Repeat("x", 1000) + `"}`)
		return n.first(hello).ended()
	}},
	{reason: refusal.PingUnanswered, want: told{ending: -1}, provoke: func(t *testing.T, n *network) told {
		conn, _, err := websocket.Dial(t.Context(), "ws://localhost/ws", &websocket.DialOptions{
			HTTPClient:     n.browser(),
			OnPingReceived: func(context.Context, []byte) bool { return false },
		})
		if err != nil {
			t.Fatal(err)
		}
		p := &peer{t: t, conn: conn}
		p.say(event.Watch{})
		return p.ended()
	}},
	{reason: refusal.CloseUnanswered, besides: refusal.BadFrame, want: told{ending: -1}, provoke: func(t *testing.T, n *network) told {
		p := n.join(nil, "Ana", "")
		p.write(websocket.MessageText, []byte("{}"))
		time.Sleep(closeTimeout + 2*sweepEvery) // and reads nothing
		return p.ended()
	}},
	{reason: refusal.Restarting, want: told{event.CodeRestarting, "", "", 1012}, provoke: func(t *testing.T, n *network) told {
		p := n.join(nil, "Ana", "")
		for range 2 { // to be told twice makes it no other
			go n.server.Close(t.Context())
		}
		synctest.Wait()
		return p.ended()
	}},
	{reason: refusal.RestartCut, besides: refusal.Restarting, want: told{ending: -1}, provoke: func(t *testing.T, n *network) told {
		p := n.join(nil, "Ana", "")
		n.server.Close(t.Context()) // while Ana reads nothing
		return p.ended()
	}},
}

// joined says something once it has joined.
func (n *network) joined(e event.Event) *peer {
	n.t.Helper()
	p := n.join(nil, "Eve", "")
	p.say(e)
	return p
}

// flooded joins and sends a frame again and again.
func (n *network) flooded(frame []byte, every time.Duration) told {
	n.t.Helper()
	p := n.join(nil, "Eve", "")
	var flood sync.WaitGroup
	defer flood.Wait()
	flood.Go(func() { p.flood(frame, every) })
	return p.ended()
}

// flood sends a frame again and again until the connection ends.
func (p *peer) flood(frame []byte, every time.Duration) {
	for deadline := time.Now().Add(10 * maxThrottled); p.conn.Write(p.t.Context(), websocket.MessageText, frame) == nil; time.Sleep(every) {
		if time.Now().After(deadline) {
			p.t.Error("a flood does not end the connection")
			return
		}
	}
}

// share does something to what the address of all pipes has: they have none.
func (n *network) share(do func(*limit.Share)) {
	n.t.Helper()
	share, err := n.server.options.Addresses.Open(netip.Addr{})
	if err != nil {
		n.t.Fatal(err)
	}
	do(share)
	share.Close()
}

// TestWhatIsNoWebSocketIsToldSo is of real sockets, since a pipe may lose a last
// frame.
func TestWhatIsNoWebSocketIsToldSo(t *testing.T) {
	seen := make(chan refusal.Reason, 10)
	conn := upgraded(t, Options{Refused: func(reason refusal.Reason) { seen <- reason }})
	conn.Write(sentFrame(0x83, "")) // there is no such frame
	conn.expect("\x03\xea")         // 1002
	select {
	case reason := <-seen:
		if reason != refusal.BrokenWebSocket || len(seen) != 0 {
			t.Errorf("observed %s, and %d more", reason, len(seen))
		}
	case <-time.After(10 * time.Second):
		t.Error("nothing is observed")
	}
}

func TestEveryReasonIsToldAsItShouldBeAndObservedOnce(t *testing.T) {
	// These are met before anything comes to this package, but for the last.
	met := map[refusal.Reason]bool{
		refusal.PlainFull: true, refusal.PlainQuiet: true, refusal.UnknownHost: true,
		refusal.TooManyFields: true, refusal.RequestRate: true, refusal.ForeignForget: true,
		refusal.BrokenWebSocket: true, // above
	}
	for _, c := range provocations {
		met[c.reason] = true
		t.Run(c.reason.String(), func(t *testing.T) {
			seen := &tally{counts: make(map[refusal.Reason]int)}
			options := Options{Addresses: limit.New(c.limits), EventsPerSecond: c.events, Refused: seen.observe}
			limited(t, c.rooms, options, func(t *testing.T, n *network) {
				if got := c.provoke(t, n); got != c.want {
					t.Errorf("told %+v, want %+v", got, c.want)
				}
				time.Sleep(time.Second) // until what was refused is over
				synctest.Wait()
				seen.mu.Lock()
				defer seen.mu.Unlock()
				if seen.counts[c.reason] != 1 {
					t.Errorf("observed %d times", seen.counts[c.reason])
				}
				for reason, times := range seen.counts {
					if reason != c.reason && reason != c.besides {
						t.Errorf("observed %s as well, %d times", reason, times)
					}
				}
				if c.besides != 0 && seen.counts[c.besides] == 0 {
					t.Errorf("%s was not observed", c.besides)
				}
			})
		})
	}
	for reason := refusal.Reason(1); reason < refusal.Count; reason++ {
		if !met[reason] {
			t.Errorf("nothing provokes %s", reason)
		}
	}
}
