package ws

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"rollcall/server/hub"
	"rollcall/server/limit"
	"rollcall/shared/event"
)

// raw is a connection on which a client may write what it likes. What it is
// sent goes nowhere.
func (n *network) raw(hello event.Event) net.Conn {
	n.t.Helper()
	conn, err := n.dial(n.t.Context(), "tcp", "")
	if err != nil {
		n.t.Fatal(err)
	}
	go io.WriteString(conn, "GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	in := bufio.NewReader(conn)
	resp, err := http.ReadResponse(in, nil)
	if err != nil || resp.StatusCode != http.StatusSwitchingProtocols {
		n.t.Fatalf("not upgraded: %v, %v", resp, err)
	}
	go io.Copy(io.Discard, in)
	if _, err := conn.Write(sentFrame(textFrame, string(event.Encode(hello)))); err != nil {
		n.t.Fatal(err)
	}
	return conn
}

// TestWhatIsNoEventIsReadNoFasterThanEventsMayCome is about what a client can
// send without ever saying anything.
func TestWhatIsNoEventIsReadNoFasterThanEventsMayCome(t *testing.T) {
	fragment := sentFrame(textFrame&0x7f, "")
	for name, frames := range map[string][]byte{
		"answers to no ping":           bytes.Repeat(sentFrame(pongFrame, ""), 100),
		"answers with something in it": bytes.Repeat(sentFrame(pongFrame, "hello"), 100),
		"empty fragments":              bytes.Repeat(sentFrame(0, ""), 100), // after the first
	} {
		t.Run(name, func(t *testing.T) {
			limited(t, hub.Options{}, Options{EventsPerSecond: 10}, func(t *testing.T, n *network) {
				conn := n.raw(event.Watch{})
				if name == "empty fragments" {
					conn.Write(fragment)
				}
				start, sent := time.Now(), 0
				for time.Since(start) < 10*time.Second && sent < 2_000_000 {
					written, err := conn.Write(frames)
					if err != nil {
						break // it may be cut as well
					}
					sent += written
				}
				conn.Close()
				if most := bytesBurst + 11*10*bytesPerEvent; sent > most {
					t.Errorf("%d bytes were read in %v, at most %d should be", sent, time.Since(start), most)
				}
			})
		})
	}
}

// TestFloodsHoldUpNoOtherOfTheirAddress neither by its line nor by what the
// address may cost; and they are ended.
func TestFloodsHoldUpNoOtherOfTheirAddress(t *testing.T) {
	// Few events, since each byte that a flood may send for one costs the test time.
	options := Options{EventsPerSecond: 2, Addresses: limit.New(limit.Options{BytesPerSecond: 4 << 20, JoinsPerMinute: 3000})}
	limited(t, hub.Options{}, options, func(t *testing.T, n *network) {
		browser := n.browser()
		n.join(browser, "Cyd", "").close() // has a session
		ana, ben := n.join(nil, "Ana", ""), n.join(nil, "Ben", "")
		var writing sync.WaitGroup
		ended := make(chan time.Duration, 6)
		start := time.Now()
		for range cap(ended) {
			flood := n.raw(event.Watch{})
			writing.Go(func() {
				pongs := bytes.Repeat(sentFrame(pongFrame, ""), 1000)
				var err error
				for err == nil && time.Since(start) < 10*maxThrottled {
					_, err = flood.Write(pongs)
				}
				ended <- time.Since(start)
			})
		}
		for i := range 50 {
			time.Sleep(time.Second)
			note := fmt.Sprint("second ", i)
			before := time.Now()
			ana.say(event.ChangeUser{Patch: event.Patch{Note: &note}})
			for _, p := range []*peer{ana, ben} {
				for p.hear(event.NameUpdateUser).(event.UpdateUser).Note != note {
				}
			}
			if took := time.Since(before); took > 0 {
				t.Errorf("a note took %v", took)
			}
		}
		writing.Wait()
		for range cap(ended) {
			if after := <-ended; after < maxThrottled || after > maxThrottled+3*closeTimeout {
				t.Errorf("a flood was ended after %v", after)
			}
		}
		n.join(browser, "Cyd", "").close()
		ana.close()
		ben.close()
	})
}

// count reads until the connection ends, and how much that is.
func (p *peer) count(total *int) {
	for {
		_, frame, err := p.conn.Read(p.t.Context())
		if err != nil {
			return
		}
		*total += len(frame)
	}
}

func TestAConnectionAsksForNoMoreThanItMay(t *testing.T) {
	long := strings.Repeat("x", 80)
	for name, view := range map[string]func(i int) event.View{
		"views":    func(i int) event.View { return event.View{Count: event.MaxView, From: i % 50} },
		"searches": func(i int) event.View { return event.View{Query: fmt.Sprint("p", i%10)} },
	} {
		t.Run(name, func(t *testing.T) {
			rooms := hub.Options{Window: 50}
			limited(t, rooms, Options{EventsPerSecond: 10}, func(t *testing.T, n *network) {
				for i := range 300 {
					p := hub.Person{ID: fmt.Sprintf("%016d", i), Profile: event.Patch{Name: new(fmt.Sprint("p", i, long)), Note: &long}}
					if _, err := n.hub.Join("lobby", p, deaf{}); err != nil {
						t.Fatal(err)
					}
				}
				p, _ := n.connect(nil, nil)
				got := 0
				var reading sync.WaitGroup
				reading.Go(func() { p.count(&got) })
				p.say(event.Watch{})
				const seconds = 40
				for i := range 10 * seconds {
					p.say(view(i))
					time.Sleep(100 * time.Millisecond)
				}
				p.conn.CloseNow()
				reading.Wait()
				if most := answerBurst + (seconds+1)*10*answerPerEvent; got > most {
					t.Errorf("%d bytes in %d s, at most %d should be", got, seconds, most)
				}
				if got < answerBurst/8 {
					t.Errorf("%d bytes are too few: it is refused what it may have", got)
				}
			})
		})
	}
}

// TestWhatIsToldToManyCostsWhatIsTold whatever it is that changes: all of a user
// is sent for it.
func TestWhatIsToldToManyCostsWhatIsTold(t *testing.T) {
	const perSecond, seconds, listeners = 10_000, 25, 10
	long := strings.Repeat("\U0001F469\u200D\U0001F469\u200D\U0001F467\u200D\U0001F466", 20) // 500 bytes, 20 characters
	for name, act := range map[string]func(t *testing.T, n *network, browser *http.Client, over func() bool){
		"changes of a note": func(t *testing.T, n *network, browser *http.Client, over func() bool) {
			p := n.join(browser, "Ana", "")
			go p.count(new(int))
			for i := 0; !over(); i++ {
				p.say(event.ChangeUser{Patch: event.Patch{Note: new(fmt.Sprint(i, strings.Repeat("x", 70)))}})
				time.Sleep(20 * time.Millisecond)
			}
			p.conn.CloseNow()
		},
		"changes of a status": func(t *testing.T, n *network, browser *http.Client, over func() bool) {
			p := n.join(browser, long, "")
			go p.count(new(int))
			for i := 0; !over(); i++ {
				p.say(event.ChangeUser{Patch: event.Patch{Status: new([]event.Status{event.StatusBusy, event.StatusAway}[i%2])}})
				time.Sleep(20 * time.Millisecond)
			}
			p.conn.CloseNow()
		},
		"coming and leaving": func(t *testing.T, n *network, _ *http.Client, over func() bool) {
			for !over() {
				if p, _ := n.connect(nil, nil); p != nil {
					go p.count(new(int))
					p.say(event.GotANewUser{Patch: event.Patch{Name: new(long), Note: &long}})
					time.Sleep(10 * time.Millisecond)
					p.conn.Write(t.Context(), websocket.MessageText, event.Encode(event.Leave{})) // if it was let in
				}
				time.Sleep(20 * time.Millisecond)
			}
		},
		"saying hello again": func(t *testing.T, n *network, browser *http.Client, over func() bool) {
			for i := 0; !over(); i++ {
				if p, _ := n.connect(browser, nil); p != nil {
					go p.count(new(int))
					p.say(event.GotANewUser{Patch: event.Named(fmt.Sprint(i, long))})
					time.Sleep(10 * time.Millisecond)
					p.conn.CloseNow()
				}
				time.Sleep(10 * time.Millisecond)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			options := Options{Addresses: limit.New(limit.Options{BytesPerSecond: perSecond})}
			limited(t, hub.Options{Linger: time.Minute, Grace: time.Minute}, options, func(t *testing.T, n *network) {
				told := 0
				var reading sync.WaitGroup
				var others []*peer
				for i := range listeners {
					p := n.join(nil, fmt.Sprint("Listener ", i), "")
					others = append(others, p)
					total := new(int)
					if i == 0 {
						total = &told
					}
					reading.Go(func() { p.count(total) })
				}
				start := time.Now()
				act(t, n, n.browser(), func() bool { return time.Since(start) > seconds*time.Second })
				for _, p := range others {
					p.conn.CloseNow()
				}
				reading.Wait()
				// Each of them is told as much as the first.
				if most := perSecond * (2*64 + 2*seconds); listeners*told > most {
					t.Errorf("%d bytes to all in %d s, at most %d should be", listeners*told, seconds, most)
				}
				if listeners*told < perSecond*seconds/4 {
					t.Errorf("%d bytes to all: what may be is refused", listeners*told)
				}
			})
		})
	}
}

func TestWhoOnlyAsksOrIsInDebtUsesUpNoAttempts(t *testing.T) {
	const perSecond = 4000
	addresses := limit.New(limit.Options{JoinsPerMinute: 60, BytesPerSecond: perSecond})
	limited(t, hub.Options{}, Options{Addresses: addresses}, func(t *testing.T, n *network) {
		for range 1000 { // without an upgrade, as a page of another site could
			w := httptest.NewRecorder()
			r := httptest.NewRequest("GET", "/ws", nil)
			r.RemoteAddr = "pipe"
			n.server.ServeHTTP(w, r)
			if w.Code != http.StatusUpgradeRequired {
				t.Fatalf("answered %d", w.Code)
			}
		}
		n.join(nil, "Ana", "").close()

		share, err := addresses.Open(netip.Addr{}) // a pipe has none
		if err != nil {
			t.Fatal(err)
		}
		share.Charge(64 * perSecond)
		share.Charge(5 * perSecond)
		share.Close()
		for range 60 {
			p, _ := n.connect(nil, nil)
			p.say(event.GotANewUser{Patch: event.Named("Ben")})
			if reason, _ := p.ends(); reason.Code != event.CodeRateLimited || reason.RetryAfter <= 0 {
				t.Fatalf("told %+v", reason)
			}
		}
		time.Sleep(10 * time.Second) // in which it gets 10 attempts
		for range 20 {
			n.join(nil, "Ben", "").close()
		}
	})
}

func TestToWatchCountsAsAJoin(t *testing.T) {
	options := Options{Addresses: limit.New(limit.Options{JoinsPerMinute: 60})}
	limited(t, hub.Options{}, options, func(t *testing.T, n *network) {
		tried := 0
		for i := range 1000 {
			p, resp := n.connect(nil, nil)
			if p == nil {
				if resp.StatusCode != http.StatusTooManyRequests || resp.Header.Get("Retry-After") == "" {
					t.Fatalf("answered %v", resp)
				}
				time.Sleep(500 * time.Millisecond)
				continue
			}
			p.say(event.Watch{Room: fmt.Sprint("guess-", i)})
			events, err := p.next()
			if err != nil {
				t.Fatal(err)
			}
			if e, refused := events[0].(event.Error); !refused {
				tried++
			} else if e.Code != event.CodeRateLimited || e.Event != event.NameWatch || e.RetryAfter <= 0 {
				t.Fatalf("told %+v", e)
			}
			p.conn.CloseNow()
			time.Sleep(10 * time.Millisecond)
		}
		// 10 s and some, with a burst of 60 and one a second after it.
		if tried < 60 || tried > 60+8*60 {
			t.Errorf("%d rooms were looked into", tried)
		}
	})
}

func TestWhoFloodedComesBackLaterAndOthersOfTheAddressNow(t *testing.T) {
	limited(t, hub.Options{}, Options{EventsPerSecond: 10}, func(t *testing.T, n *network) {
		bad, good := n.browser(), n.browser()
		n.join(good, "Ana", "").close() // has a cookie from now on
		p := n.join(bad, "Eve", "")
		var flood sync.WaitGroup
		flood.Go(func() { p.flood(event.Encode(event.Active{Active: true}), 20*time.Millisecond) })
		if _, code := p.ends(); code != event.CloseRateLimited {
			t.Errorf("closed with %d", code)
		}
		flood.Wait()
		time.Sleep(time.Second)
		for name, browser := range map[string]*http.Client{"who flooded": bad, "without a cookie": nil} {
			back, resp := n.connect(browser, nil)
			if back != nil || resp.StatusCode != http.StatusTooManyRequests || resp.Header.Get("Retry-After") == "" {
				t.Errorf("%s: %v", name, resp)
			}
		}
		n.join(good, "Ana", "").close()
		time.Sleep(maxFlood)
		n.join(bad, "Eve", "").close()
	})
}
