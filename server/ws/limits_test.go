package ws

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"rollcall/server/hub"
	"rollcall/server/limit"
	"rollcall/shared/event"
)

// refused connects and expects an HTTP answer that says when to try again.
func (n *network) refused(status int) {
	n.t.Helper()
	p, resp := n.connect(nil, nil)
	if p != nil || resp == nil || resp.StatusCode != status || resp.Header.Get("Retry-After") == "" {
		n.t.Errorf("got %v, want %d", resp, status)
	}
}

func TestSocketsOfOneAddressAreLimited(t *testing.T) {
	options := Options{Addresses: limit.New(limit.Options{Sockets: 2})}
	limited(t, hub.Options{}, options, func(t *testing.T, n *network) {
		ana, ben := n.join(nil, "Ana", ""), n.join(nil, "Ben", "")
		n.refused(http.StatusTooManyRequests)
		ben.close()
		ana.hear(event.NameDisconnectUser)
		time.Sleep(time.Second)
		n.join(nil, "Cyd", "").close()
		ana.close()
	})
}

func TestConnectionsAreLimited(t *testing.T) {
	options := Options{Addresses: limit.New(limit.Options{Connections: 1})}
	limited(t, hub.Options{}, options, func(t *testing.T, n *network) {
		ana := n.join(nil, "Ana", "")
		n.refused(http.StatusServiceUnavailable)
		// What asks without upgrading is told the same: a page cannot see
		// how its own attempt was answered.
		w := httptest.NewRecorder()
		n.server.ServeHTTP(w, httptest.NewRequest("GET", "/ws", nil))
		if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
			t.Errorf("%d, %v", w.Code, w.Header())
		}
		ana.close()
		time.Sleep(time.Second)
		for range 3 { // what was refused or not upgraded does not count
			n.server.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/ws", nil))
		}
		n.join(nil, "Ben", "").close()
	})
}

func TestJoinsOfOneAddressAreLimitedButNotThoseOfWhomTheRoomHolds(t *testing.T) {
	options := Options{Addresses: limit.New(limit.Options{JoinsPerMinute: 6})}
	limited(t, hub.Options{Grace: time.Minute}, options, func(t *testing.T, n *network) {
		browser := n.browser()
		ana := n.join(browser, "Ana", "")
		for range 5 {
			n.join(nil, "Ben", "").close()
		}
		p, _ := n.connect(nil, nil)
		p.say(event.GotANewUser{Patch: event.Named("Cyd")})
		reason, code := p.ends()
		if reason.Code != event.CodeRateLimited || code != event.CloseRateLimited || reason.RetryAfter < 9_000 || reason.RetryAfter > 11_000 {
			t.Errorf("refused with %+v and %d", reason, code)
		}
		ana.conn.CloseNow()
		time.Sleep(time.Second)
		for range 5 {
			n.join(browser, "Ana", "").conn.CloseNow()
		}
		time.Sleep(time.Duration(reason.RetryAfter) * time.Millisecond)
		n.join(nil, "Cyd", "").close()
	})
}

func TestAFullRoomAndAFullServerSaySo(t *testing.T) {
	// What is refused is no join of the address, or it would run out of them.
	options := Options{Addresses: limit.New(limit.Options{JoinsPerMinute: 2})}
	limited(t, hub.Options{MaxMembers: 1, MaxRooms: 1}, options, func(t *testing.T, n *network) {
		ana := n.join(nil, "Ana", "full")
		for _, c := range []struct {
			room  string
			code  event.Code
			close event.CloseCode
		}{
			{"full", event.CodeRoomFull, event.CloseRoomFull},
			{"other", event.CodeServerFull, event.CloseServerFull},
		} {
			p, _ := n.connect(nil, nil)
			p.say(event.GotANewUser{Patch: event.Named("Ben"), Room: c.room})
			reason, code := p.ends()
			if reason.Code != c.code || code != c.close || reason.RetryAfter == 0 || reason.Message == "" || reason.Event != event.NameGotANewUser {
				t.Errorf("%s: refused with %+v and %d", c.room, reason, code)
			}
		}
		ana.close()
		time.Sleep(time.Second)
		n.join(nil, "Cyd", "other").close()
	})
}

func TestEventsOfAConnectionAreLimited(t *testing.T) {
	limited(t, hub.Options{}, Options{EventsPerSecond: 10}, func(t *testing.T, n *network) {
		p := n.join(nil, "Ana", "")
		flood := func(events int) {
			for i := range events {
				p.say(event.ChangeUser{Patch: event.Patch{Note: new(fmt.Sprint(i))}})
			}
		}
		noted := func(note string) {
			t.Helper()
			for p.hear(event.NameUpdateUser).(event.UpdateUser).Note != note {
			}
		}
		go flood(19) // with the hello, the burst
		noted("18")
		go flood(50)
		said := p.hear(event.NameError).(event.Error)
		if said.Code != event.CodeRateLimited || said.Event != event.NameUpdateUser || said.RetryAfter != 101 {
			t.Errorf("told %+v", said)
		}
		time.Sleep(10 * time.Second)
		p.say(event.ChangeUser{Patch: event.Patch{Note: new("calm again")}})
		noted("calm again")
		p.close()
	})
}

func TestLeavingIsHeardHoweverMuchWasSaid(t *testing.T) {
	limited(t, hub.Options{}, Options{EventsPerSecond: 10}, func(t *testing.T, n *network) {
		p := n.join(nil, "Ana", "")
		go func() {
			for i := range 30 {
				p.say(event.ChangeUser{Patch: event.Patch{Note: new(fmt.Sprint(i))}})
			}
			p.say(event.Leave{})
		}()
		if _, code := p.ends(); code != event.CloseNormal {
			t.Errorf("closed with %d", code)
		}
	})
}

func TestEventsThatNobodyKnowsCountToo(t *testing.T) {
	limited(t, hub.Options{}, Options{EventsPerSecond: 10}, func(t *testing.T, n *network) {
		p := n.join(nil, "Ana", "")
		go func() {
			for range 30 {
				p.conn.Write(t.Context(), websocket.MessageText, []byte(`[{"event":"from_the_future"}]`))
			}
		}()
		if e := p.hear(event.NameError).(event.Error); e.Code != event.CodeRateLimited {
			t.Errorf("told %+v", e)
		}
		p.conn.CloseNow()
	})
}

func TestAFloodEndsTheConnectionAfterFiveSeconds(t *testing.T) {
	limited(t, hub.Options{}, Options{EventsPerSecond: 10}, func(t *testing.T, n *network) {
		p := n.join(nil, "Ana", "")
		start := time.Now()
		var flood sync.WaitGroup
		defer flood.Wait()
		flood.Go(func() { p.flood(event.Encode(event.Active{Active: true}), 20*time.Millisecond) })
		defer p.conn.CloseNow()
		errors := 0
		for time.Since(start) < tooLong {
			events, err := p.next()
			if err != nil {
				if code := websocket.CloseStatus(err); int(code) != int(event.CloseRateLimited) {
					t.Errorf("closed with %d", code)
				}
				break
			}
			for _, e := range events {
				if e.EventName() == event.NameError {
					errors++
				}
			}
		}
		// The burst of 20 lasts for half a second.
		if took := time.Since(start); took < maxFlood || took > maxFlood+2*time.Second {
			t.Errorf("after %v", took)
		}
		if errors < 5 || errors > 8 {
			t.Errorf("%d answers to a flood of 5 s", errors)
		}
	})
}

func TestTheAddressIsTheProxysWord(t *testing.T) {
	// The pipes of these tests have no address, so nobody is a proxy here;
	// that the header is read at all is seen from the request.
	proxies, err := limit.ParseProxies("192.0.2.0/24")
	if err != nil {
		t.Fatal(err)
	}
	addresses := limit.New(limit.Options{Sockets: 1})
	s := New(Options{AllowOrigin: func(*http.Request) bool { return true }, Addresses: addresses, Proxies: proxies})
	defer s.Close(t.Context())
	ask := func(forwarded string) int {
		r := httptest.NewRequest("GET", "/ws", nil) // from 192.0.2.1
		r.Header.Set("X-Forwarded-For", forwarded)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		return w.Code
	}
	addresses.Open(proxies.Client(&http.Request{RemoteAddr: "198.51.100.7:1"}))
	if got := ask("198.51.100.7"); got != http.StatusTooManyRequests {
		t.Errorf("an address with as many sockets as it may have: %d", got)
	}
	if got := ask("198.51.100.8"); got != http.StatusUpgradeRequired {
		t.Errorf("another address: %d", got)
	}
}
