package ws

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"rollcall/server/hub"
	"rollcall/server/origin"
	"rollcall/server/session"
	"rollcall/shared/event"
	"rollcall/shared/roster"
)

// network is a server that is reached through pipes, so that time in a test
// is synctest's.
type network struct {
	t      testing.TB
	conns  chan net.Conn
	closed chan struct{}
	server *Server
	hub    *hub.Hub
}

func (n *network) Accept() (net.Conn, error) {
	select {
	case c := <-n.conns:
		return c, nil
	case <-n.closed:
		return nil, net.ErrClosed
	}
}
func (n *network) Close() error   { return nil }
func (n *network) Addr() net.Addr { return &net.TCPAddr{} }

// dial is the client's side. A pipe has no buffer: a client that does not
// read blocks the server's writes at once.
func (n *network) dial(context.Context, string, string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case n.conns <- server:
		return client, nil
	case <-n.closed:
		return nil, net.ErrClosed
	}
}

// serve runs a test against a server, in a bubble of its own, and checks that
// nothing is left running.
func serve(t *testing.T, rooms hub.Options, test func(t *testing.T, n *network)) {
	t.Helper()
	limited(t, rooms, Options{}, test)
}

// limited is serve with limits.
func limited(t *testing.T, rooms hub.Options, options Options, test func(t *testing.T, n *network)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		keeper, err := session.New(bytes.Repeat([]byte{1}, 32), false)
		if err != nil {
			t.Fatal(err)
		}
		policy, err := origin.New("", "")
		if err != nil {
			t.Fatal(err)
		}
		n := &network{t: t, conns: make(chan net.Conn), closed: make(chan struct{}), hub: hub.New(rooms)}
		options.Hub, options.Sessions, options.AllowOrigin = n.hub, keeper, policy.AllowOrigin
		n.server = New(options)
		web := &http.Server{Handler: n.server, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0)}
		go web.Serve(n)
		test(t, n)
		ctx, cancel := context.WithTimeout(context.Background(), 8*time.Second)
		defer cancel()
		n.server.Close(ctx)
		n.hub.Close()
		close(n.closed)
		web.Close()
	})
}

// peer is a client that speaks in frames.
type peer struct {
	t      testing.TB
	conn   *websocket.Conn
	roster roster.Roster
}

// connect dials with a browser, which keeps cookies; nil is a new one.
func (n *network) connect(browser *http.Client, header http.Header, protocols ...string) (*peer, *http.Response) {
	n.t.Helper()
	if browser == nil {
		browser = n.browser()
	}
	conn, resp, err := websocket.Dial(n.t.Context(), "ws://localhost/ws", &websocket.DialOptions{
		HTTPClient: browser, HTTPHeader: header, Subprotocols: protocols,
	})
	if err != nil {
		return nil, resp
	}
	conn.SetReadLimit(-1)
	p := &peer{t: n.t, conn: conn}
	return p, resp
}

func (n *network) browser() *http.Client {
	jar, err := cookiejar.New(nil)
	if err != nil {
		n.t.Fatal(err)
	}
	return &http.Client{Jar: jar, Transport: &http.Transport{DialContext: n.dial, DisableKeepAlives: true}}
}

func (n *network) join(browser *http.Client, name, room string) *peer {
	n.t.Helper()
	p, resp := n.connect(browser, nil, event.Subprotocol)
	if p == nil {
		n.t.Fatalf("no connection: %v", resp)
	}
	p.say(event.GotANewUser{Patch: event.Named(name), Room: room})
	p.hear(event.NameExistingUsers)
	return p
}

func (p *peer) say(events ...event.Event) { p.write(websocket.MessageText, event.Encode(events...)) }

func (p *peer) write(kind websocket.MessageType, frame []byte) {
	p.t.Helper()
	if err := p.conn.Write(context.Background(), kind, frame); err != nil {
		p.t.Fatal(err)
	}
}

// next reads a frame. The error has the close code, when it is over.
func (p *peer) next() ([]event.Event, error) {
	p.t.Helper()
	_, frame, err := p.conn.Read(context.Background())
	if err != nil {
		return nil, err
	}
	events, err := event.DecodeServer(frame)
	if err != nil {
		p.t.Fatalf("%v: %s", err, frame)
	}
	for _, e := range events {
		if _, err := p.roster.Apply(e); err != nil {
			p.t.Error(err)
		}
	}
	return events, nil
}

// tooLong is when a test gives up waiting, by the clock of its bubble.
const tooLong = 24 * time.Hour

// hear reads frames until one has the event, and returns it.
func (p *peer) hear(name string) event.Event {
	p.t.Helper()
	for deadline := time.Now().Add(tooLong); ; {
		if time.Now().After(deadline) {
			p.t.Fatalf("waiting for %s in vain", name)
		}
		events, err := p.next()
		if err != nil {
			p.t.Fatalf("waiting for %s: %v", name, err)
		}
		for _, e := range events {
			if e.EventName() == name {
				return e
			}
		}
	}
}

// ends reads to the end and returns the last error event and the close code.
func (p *peer) ends() (event.Error, event.CloseCode) {
	p.t.Helper()
	var last event.Error
	for deadline := time.Now().Add(tooLong); ; {
		if time.Now().After(deadline) {
			p.t.Fatal("waiting for the end in vain")
		}
		events, err := p.next()
		if err != nil {
			return last, event.CloseCode(websocket.CloseStatus(err))
		}
		for _, e := range events {
			if e, ok := e.(event.Error); ok {
				last = e
			}
		}
	}
}

func (p *peer) close() { p.conn.Close(websocket.StatusNormalClosure, "") }

func TestTheSevenStepsOnTheWire(t *testing.T) {
	serve(t, hub.Options{}, func(t *testing.T, n *network) {
		ana := n.join(nil, "Ana", "")
		time.Sleep(time.Millisecond) // or both come at one time, and their ids decide
		ben := n.join(nil, " Ben  B. ", "lobby")
		if users := ben.roster.Users(); len(users) != 2 || users[0].Name != "Ana" || users[1].Name != "Ben B." {
			t.Errorf("existing users are %v", users)
		}
		arrived := ana.hear(event.NameNewUser).(event.NewUser)
		if arrived.ID != ben.roster.Self() || arrived.Name != "Ben B." {
			t.Errorf("arrived: %v", arrived)
		}
		ben.close()
		gone := ana.hear(event.NameDisconnectUser).(event.DisconnectUser)
		if gone.ID != arrived.ID || gone.Reason != event.ReasonClosed {
			t.Errorf("gone: %v", gone)
		}
		ana.conn.CloseNow()
	})
}

func TestACutConnectionIsLost(t *testing.T) {
	serve(t, hub.Options{}, func(t *testing.T, n *network) {
		ana, ben := n.join(nil, "Ana", ""), n.join(nil, "Ben", "")
		ben.conn.CloseNow()
		if gone := ana.hear(event.NameDisconnectUser).(event.DisconnectUser); gone.Reason != event.ReasonLost {
			t.Errorf("gone: %v", gone)
		}
		ana.close()
	})
}

func TestTheCloseCodeTellsClosedFromLost(t *testing.T) {
	for code, want := range map[websocket.StatusCode]event.Reason{
		1000: event.ReasonClosed, 1001: event.ReasonClosed, websocket.StatusNoStatusRcvd: event.ReasonClosed,
		1002: event.ReasonLost, 1011: event.ReasonLost, 3000: event.ReasonLost, 4999: event.ReasonLost,
	} {
		serve(t, hub.Options{}, func(t *testing.T, n *network) {
			ana, ben := n.join(nil, "Ana", ""), n.join(nil, "Ben", "")
			ana.hear(event.NameNewUser)
			ben.conn.Close(code, "")
			if gone := ana.hear(event.NameDisconnectUser).(event.DisconnectUser); gone.Reason != want {
				t.Errorf("%d is %s, want %s", code, gone.Reason, want)
			}
			ana.close()
		})
	}
}

func TestABrowsersTabsAreOneUserAndItsCookieIsItsSession(t *testing.T) {
	serve(t, hub.Options{}, func(t *testing.T, n *network) {
		browser := n.browser()
		tab1 := n.join(browser, "Ana", "")
		tab2 := n.join(browser, "Ana", "")
		if tab1.roster.Self() != tab2.roster.Self() || tab2.roster.Len() != 1 {
			t.Errorf("two users: %v", tab2.roster.Users())
		}
		elsewhere := n.join(browser, "Ana", "other")
		if elsewhere.roster.Self() == tab1.roster.Self() {
			t.Error("the id is the same in another room")
		}
		for _, p := range []*peer{tab1, tab2, elsewhere} {
			p.close()
		}
	})
}

// blocked is a browser that keeps no cookies.
func (n *network) blocked() *http.Client {
	return &http.Client{Transport: &http.Transport{DialContext: n.dial, DisableKeepAlives: true}}
}

// hail says hello over a connection of its own and returns the answer.
func (n *network) hail(browser *http.Client, hello event.Event) (*peer, event.ExistingUsers) {
	n.t.Helper()
	p, resp := n.connect(browser, nil, event.Subprotocol)
	if p == nil {
		n.t.Fatalf("no connection: %v", resp)
	}
	p.say(hello)
	return p, p.hear(event.NameExistingUsers).(event.ExistingUsers)
}

func TestWhoHasNoCookieIsKnownByTheSessionTheyWereGiven(t *testing.T) {
	serve(t, hub.Options{Grace: time.Minute}, func(t *testing.T, n *network) {
		ben := n.join(nil, "Ben", "")
		browser := n.blocked()
		ana, first := n.hail(browser, event.GotANewUser{Patch: event.Named("Ana")})
		if first.Session == "" {
			t.Fatal("none was given")
		}
		ben.hear(event.NameNewUser)
		ana.say(event.View{}) // another snapshot, which has no need of it
		if again := ana.hear(event.NameExistingUsers).(event.ExistingUsers); again.Session != "" {
			t.Error("it was given twice")
		}
		ana.conn.CloseNow()
		ben.hear(event.NameUpdateUser) // reconnecting
		ana, again := n.hail(browser, event.GotANewUser{Patch: event.Named("Ana"), Session: first.Session})
		if again.Self != first.Self || len(again.Users) != 2 || again.Session != "" {
			t.Errorf("came back as %+v, was %s", again, first.Self)
		}
		if back := ben.hear(event.NameUpdateUser).(event.UpdateUser); back.ID != first.Self || back.Link != event.LinkOnline {
			t.Errorf("Ben saw %+v", back)
		}
		elsewhere, other := n.hail(browser, event.GotANewUser{Patch: event.Named("Ana"), Room: "other", Session: first.Session})
		if other.Session != "" || other.Self == first.Self {
			t.Errorf("in another room: %+v", other)
		}
		for _, p := range []*peer{ana, ben, elsewhere} {
			p.close()
		}
	})
}

func TestASessionThatIsNotOursIsIgnored(t *testing.T) {
	serve(t, hub.Options{}, func(t *testing.T, n *network) {
		ana, first := n.hail(n.blocked(), event.GotANewUser{Patch: event.Named("Ana")})
		for _, said := range []string{"", "forged", first.Session[1:], first.Session + "A", "A" + first.Session[1:], first.Self} {
			if said == first.Session {
				continue
			}
			p, got := n.hail(n.blocked(), event.GotANewUser{Patch: event.Named("Eve"), Session: said})
			if got.Self == first.Self || got.Session == "" || got.Session == first.Session {
				t.Errorf("%q is %+v", said, got)
			}
			p.close()
		}
		ana.close()
	})
}

func TestWhoHasACookieIsGivenNoSession(t *testing.T) {
	serve(t, hub.Options{}, func(t *testing.T, n *network) {
		stranger, ofStranger := n.hail(n.blocked(), event.GotANewUser{Patch: event.Named("Eve")})
		browser := n.browser()
		ana, first := n.hail(browser, event.GotANewUser{Patch: event.Named("Ana")}) // before there was a cookie
		tab, second := n.hail(browser, event.GotANewUser{Patch: event.Named("Ana")})
		other, third := n.hail(browser, event.GotANewUser{Patch: event.Named("Ana"), Session: ofStranger.Session})
		if first.Session == "" || second.Session != "" || third.Session != "" {
			t.Errorf("given %q, then with a cookie %q and %q", first.Session, second.Session, third.Session)
		}
		if second.Self != first.Self || third.Self != first.Self {
			t.Errorf("one is %s, with the cookie %s, and %s with another's session too", first.Self, second.Self, third.Self)
		}
		for _, b := range []*http.Client{browser, n.blocked()} {
			watcher, sees := n.hail(b, event.Watch{})
			if sees.Session != "" {
				t.Error("who watches is nobody")
			}
			watcher.close()
		}
		for _, p := range []*peer{stranger, ana, tab, other} {
			p.close()
		}
	})
}

func TestLeavingEndsTheConnectionNormally(t *testing.T) {
	serve(t, hub.Options{Linger: time.Hour}, func(t *testing.T, n *network) {
		browser := n.browser()
		ana, ben, tab := n.join(nil, "Ana", ""), n.join(browser, "Ben", ""), n.join(browser, "Ben", "")
		ana.hear(event.NameNewUser) // else who came and went before she could be told is nobody
		ben.say(event.Leave{})
		for _, p := range []*peer{ben, tab} {
			if _, code := p.ends(); code != event.CloseNormal {
				t.Errorf("closed with %d", code)
			}
			if p.roster.Len() != 1 {
				t.Errorf("left behind: %v", p.roster.Users())
			}
		}
		if gone := ana.hear(event.NameDisconnectUser).(event.DisconnectUser); gone.Reason != event.ReasonLeft {
			t.Errorf("gone: %v", gone)
		}
		ana.close()
	})
}

func TestBadInputIsRefusedWithAReasonAndDisturbsNobody(t *testing.T) {
	text, binary := websocket.MessageText, websocket.MessageBinary
	hello := string(event.Encode(event.GotANewUser{Patch: event.Named("Eve")}))
	for _, c := range []struct {
		name  string
		kind  websocket.MessageType
		frame string
		code  event.Code
		close event.CloseCode
		field string
	}{
		{"no JSON", text, `hello`, event.CodeBadFrame, event.CloseBadFrame, ""},
		{"no array", text, `{"event":"leave"}`, event.CodeBadFrame, event.CloseBadFrame, ""},
		{"an empty array", text, `[]`, event.CodeBadFrame, event.CloseBadFrame, ""},
		{"no event name", text, `[{"data":{}}]`, event.CodeBadFrame, event.CloseBadFrame, ""},
		{"one bad event among good ones", text, hello[:len(hello)-1] + `,{}]`, event.CodeBadFrame, event.CloseBadFrame, ""},
		{"binary", binary, hello, event.CodeBadFrame, event.CloseBadFrame, ""},
		{"not UTF-8", text, "[{\"event\":\"got_a_new_user\",\"data\":{\"name\":\"\xff\"}}]", event.CodeBadFrame, event.CloseBadFrame, ""},
		{"too large", text, `[{"event":"x","data":"` + strings.Repeat("a", event.MaxFrame) + `"}]`, event.CodeBadFrame, event.CloseTooLarge, ""},
		{"no name", text, string(event.Encode(event.GotANewUser{})), event.CodeBadName, event.CloseRefused, "name"},
		{"a long name", text, string(event.Encode(event.GotANewUser{Patch: event.Named(strings.Repeat("a", 33))})), event.CodeBadName, event.CloseRefused, "name"},
		{"a name that reorders text", text, string(event.Encode(event.GotANewUser{Patch: event.Named("a\u202eb")})), event.CodeBadName, event.CloseRefused, "name"},
		{"a bad room", text, string(event.Encode(event.GotANewUser{Patch: event.Named("Eve"), Room: "a b"})), event.CodeBadRoom, event.CloseRefused, "room"},
		{"a long room", text, string(event.Encode(event.GotANewUser{Patch: event.Named("Eve"), Room: strings.Repeat("a", 65)})), event.CodeBadRoom, event.CloseRefused, "room"},
	} {
		t.Run(c.name, func(t *testing.T) {
			serve(t, hub.Options{}, func(t *testing.T, n *network) {
				ana := n.join(nil, "Ana", "")
				eve, _ := n.connect(nil, nil)
				// The server may hang up before it has read all of it.
				go eve.conn.Write(context.Background(), c.kind, []byte(c.frame))
				reason, code := eve.ends()
				if reason.Code != c.code || code != c.close || reason.Field != c.field || reason.Message == "" {
					t.Errorf("refused with %+v and %d", reason, code)
				}
				ben := n.join(nil, "Ben", "")
				if ana.hear(event.NameNewUser).(event.NewUser).Name != "Ben" || ana.roster.Len() != 2 {
					t.Errorf("the others see %v", ana.roster.Users())
				}
				ana.close()
				ben.close()
			})
		})
	}
}

func TestMistakesThatAConnectionSurvives(t *testing.T) {
	serve(t, hub.Options{}, func(t *testing.T, n *network) {
		p, _ := n.connect(nil, nil)
		expect := func(code event.Code, name, field string) {
			t.Helper()
			e := p.hear(event.NameError).(event.Error)
			if e.Code != code || e.Event != name || e.Field != field || e.Message == "" {
				t.Errorf("told %+v", e)
			}
		}
		p.say(event.Leave{})
		expect(event.CodeNotJoined, event.NameLeave, "")
		p.write(websocket.MessageText, []byte(`[{"event":"got_a_new_user","data":{"name":5}}]`))
		expect(event.CodeBadEvent, event.NameGotANewUser, "name")
		p.write(websocket.MessageText, []byte(`[{"event":"from_the_future","data":{}},{"event":"got_a_new_user","data":{"name":"Ana","more":1}}]`))
		p.hear(event.NameExistingUsers)
		p.say(event.GotANewUser{Patch: event.Named("Other"), Room: "other"})
		expect(event.CodeAlreadyJoined, event.NameGotANewUser, "")
		if n.hub.OpenRooms() != 1 {
			t.Error("the second hello did something")
		}
		p.close()
	})
}

func TestNoHelloInTime(t *testing.T) {
	serve(t, hub.Options{}, func(t *testing.T, n *network) {
		start := time.Now()
		p, _ := n.connect(nil, nil)
		p.say(event.Leave{}) // does not count
		reason, code := p.ends()
		if took := time.Since(start); reason.Code != event.CodeNoHello || code != event.CloseNoHello || took < event.HelloTimeout || took > event.HelloTimeout+sweepEvery {
			t.Errorf("%+v and %d after %v", reason, code, took)
		}
	})
}

func TestAQuietRoomIsHeardOfAndKeptAlive(t *testing.T) {
	serve(t, hub.Options{}, func(t *testing.T, n *network) {
		p := n.join(nil, "Ana", "")
		for range 3 {
			start := time.Now()
			if state := p.hear(event.NameRoom).(event.Room); state.Count != 1 {
				t.Errorf("told %+v", state)
			}
			if took := time.Since(start); took > event.Silence || took < event.Silence-3*sweepEvery {
				t.Errorf("a beat took %v", took)
			}
		}
		p.close()
	})
}

func TestAPeerThatDoesNotAnswerPingsIsLost(t *testing.T) {
	serve(t, hub.Options{}, func(t *testing.T, n *network) {
		ana, ben := n.join(nil, "Ana", ""), n.join(nil, "Ben", "")
		// Ben reads no more, so nothing answers the server's pings.
		start := time.Now()
		if gone := ana.hear(event.NameDisconnectUser).(event.DisconnectUser); gone.ID != ben.roster.Self() || gone.Reason != event.ReasonLost {
			t.Errorf("gone: %v", gone)
		}
		if took := time.Since(start); took > pingEvery+pongTimeout {
			t.Errorf("noticed after %v", took)
		}
		ana.close()
	})
}

func TestASlowClientDelaysNobody(t *testing.T) {
	serve(t, hub.Options{}, func(t *testing.T, n *network) {
		ana, slow := n.join(nil, "Ana", ""), n.join(nil, "Slow", "")
		ana.hear(event.NameNewUser) // Slow
		start := time.Now()
		for i := range 50 {
			guest := n.join(nil, fmt.Sprint("Guest ", i), "")
			if ana.hear(event.NameNewUser); time.Since(start) != 0 {
				t.Fatalf("guest %d was seen after %v", i, time.Since(start))
			}
			guest.close()
			ana.hear(event.NameDisconnectUser)
		}
		slow.conn.CloseNow()
		ana.close()
	})
}

func TestAStuckClientIsCutOff(t *testing.T) {
	serve(t, hub.Options{}, func(t *testing.T, n *network) {
		ana, stuck := n.join(nil, "Ana", ""), n.join(nil, "Stuck", "")
		ana.hear(event.NameNewUser)
		start := time.Now()
		ana.say(event.ChangeUser{Patch: event.Patch{Note: new("for Stuck, who reads no more")}})
		if gone := ana.hear(event.NameDisconnectUser).(event.DisconnectUser); gone.ID != stuck.roster.Self() || gone.Reason != event.ReasonLost {
			t.Errorf("gone: %v", gone)
		}
		if took := time.Since(start); took < writeTimeout || took > writeTimeout+sweepEvery {
			t.Errorf("cut off after %v", took)
		}
		ana.close()
	})
}

func TestChangingOneselfOnTheWire(t *testing.T) {
	serve(t, hub.Options{}, func(t *testing.T, n *network) {
		ana, ben := n.join(nil, "Ana", ""), n.join(nil, "Ben", "")
		ben.write(websocket.MessageText, []byte(`[{"event":"update_user","data":{"status":"busy","note":"  back   at 2 "}}]`))
		for _, p := range []*peer{ana, ben} {
			if u := p.hear(event.NameUpdateUser).(event.UpdateUser); u.Name != "Ben" || u.Status != event.StatusBusy || u.Note != "back at 2" {
				t.Errorf("told %+v", u)
			}
		}
		for frame, want := range map[string]event.Error{
			`{"name":""}`: {Code: event.CodeBadName, Field: "name"},
			`{"note":"` + strings.Repeat("a", 81) + `"}`: {Code: event.CodeBadEvent, Field: "note"},
			`{"status":"asleep"}`:                        {Code: event.CodeBadEvent, Field: "status"},
			`{"status":5}`:                               {Code: event.CodeBadEvent, Field: "status"},
		} {
			ben.write(websocket.MessageText, []byte(`[{"event":"update_user","data":`+frame+`}]`))
			e := ben.hear(event.NameError).(event.Error)
			if e.Code != want.Code || e.Field != want.Field || e.Event != event.NameUpdateUser || e.Message == "" {
				t.Errorf("%s: told %+v", frame, e)
			}
		}
		ben.say(event.ChangeUser{Patch: event.Patch{Note: new("")}}) // and the connection has stayed
		if u := ana.hear(event.NameUpdateUser).(event.UpdateUser); u.Note != "" {
			t.Errorf("told %+v", u)
		}
		ana.close()
		ben.close()
	})
}

func TestAHelloMayBringStatusAndNote(t *testing.T) {
	serve(t, hub.Options{}, func(t *testing.T, n *network) {
		p, _ := n.connect(nil, nil)
		p.say(event.GotANewUser{Patch: event.Patch{Name: new("Ana"), Status: new(event.StatusBusy), Note: new("hi")}})
		p.hear(event.NameExistingUsers)
		if me, _ := p.roster.Me(); me.Status != event.StatusBusy || me.Note != "hi" {
			t.Errorf("I am %+v", me)
		}
		p.close()
		p, _ = n.connect(nil, nil)
		p.say(event.GotANewUser{Patch: event.Patch{Name: new("Ana"), Status: new(event.Status("asleep"))}})
		if reason, code := p.ends(); reason.Code != event.CodeBadEvent || reason.Field != "status" || code != event.CloseRefused {
			t.Errorf("refused with %+v and %d", reason, code)
		}
	})
}

func TestWatchingOnTheWire(t *testing.T) {
	serve(t, hub.Options{}, func(t *testing.T, n *network) {
		ana := n.join(nil, "Ana", "hall")
		wall, _ := n.connect(nil, nil)
		wall.say(event.Watch{Room: "Hall"})
		wall.hear(event.NameExistingUsers)
		if wall.roster.Len() != 1 || wall.roster.Self() != "" || ana.roster.Len() != 1 {
			t.Errorf("sees %v as %q", wall.roster.Users(), wall.roster.Self())
		}
		wall.say(event.ChangeUser{Patch: event.Patch{Note: new("x")}})
		if e := wall.hear(event.NameError).(event.Error); e.Code != event.CodeNotJoined || e.Event != event.NameUpdateUser {
			t.Errorf("told %+v", e)
		}
		wall.say(event.GotANewUser{Patch: event.Named("Wall")})
		if e := wall.hear(event.NameError).(event.Error); e.Code != event.CodeAlreadyJoined {
			t.Errorf("told %+v", e)
		}
		wall.say(event.Leave{})
		if _, code := wall.ends(); code != event.CloseNormal {
			t.Errorf("closed with %d", code)
		}
		bad, _ := n.connect(nil, nil)
		bad.say(event.Watch{Room: "no room"})
		if reason, code := bad.ends(); reason.Code != event.CodeBadRoom || reason.Event != event.NameWatch || code != event.CloseRefused {
			t.Errorf("refused with %+v and %d", reason, code)
		}
		ana.close()
	})
}

func TestViewsOnTheWire(t *testing.T) {
	serve(t, hub.Options{Window: 2}, func(t *testing.T, n *network) {
		ana, ben, cyd := n.join(nil, "Ana", ""), n.join(nil, "Ben", ""), n.join(nil, "Cyd", "")
		cyd.say(event.View{Query: "AN", Count: 10})
		for deadline := time.Now().Add(tooLong); ; {
			if time.Now().After(deadline) {
				t.Fatal("waiting for the view in vain")
			}
			e := cyd.hear(event.NameExistingUsers).(event.ExistingUsers)
			if !e.Resumed && e.Total != nil && *e.Total == 1 && e.Users[0].Name == "Ana" && e.Me != nil && e.Me.Name == "Cyd" {
				break
			}
		}
		cyd.say(event.View{Query: strings.Repeat("a", event.MaxQuery+1)})
		if e := cyd.hear(event.NameError).(event.Error); e.Code != event.CodeBadEvent || e.Event != event.NameView || e.Field != "query" {
			t.Errorf("told %+v", e)
		}
		for _, p := range []*peer{ana, ben, cyd} {
			p.conn.CloseNow()
		}
	})
}

func TestComingBackOnTheWire(t *testing.T) {
	serve(t, hub.Options{Grace: time.Minute}, func(t *testing.T, n *network) {
		browser := n.browser()
		ana, ben := n.join(browser, "Ana", ""), n.join(nil, "Ben", "")
		ana.hear(event.NameNewUser)
		ana.conn.CloseNow()
		cyd := n.join(nil, "Cyd", "")
		back, _ := n.connect(browser, nil)
		back.roster = ana.roster
		back.say(event.GotANewUser{Patch: event.Named("Ana"), Resume: &event.Resume{Epoch: ana.roster.Epoch(), Seq: ana.roster.State().Seq}})
		e := back.hear(event.NameExistingUsers).(event.ExistingUsers)
		if !e.Resumed || len(e.Users) != 1 || e.Users[0].Name != "Cyd" || e.Self != ana.roster.Self() || back.roster.Len() != 3 {
			t.Errorf("told %+v", e)
		}
		for _, p := range []*peer{back, ben, cyd} {
			p.conn.CloseNow()
		}
	})
}

func TestATabThatComesBackAfterItsUserHasLeftIsToldSo(t *testing.T) {
	serve(t, hub.Options{Grace: time.Minute}, func(t *testing.T, n *network) {
		browser := n.browser()
		ben, ana, tab := n.join(nil, "Ben", ""), n.join(browser, "Ana", ""), n.join(browser, "Ana", "")
		ben.hear(event.NameNewUser)
		ana.conn.CloseNow()
		tab.say(event.Leave{})
		tab.ends()
		back, _ := n.connect(browser, nil)
		back.say(event.GotANewUser{Patch: event.Named("Ana"), Resume: &event.Resume{Epoch: ana.roster.Epoch(), Seq: ana.roster.State().Seq}})
		told, _ := back.next()
		want := event.DisconnectUser{ID: ana.roster.Self(), Name: "Ana", Reason: event.ReasonLeft}
		if len(told) != 3 || told[0].EventName() != event.NameExistingUsers || told[1] != event.Event(want) {
			t.Errorf("told %+v", told)
		}
		if _, code := back.ends(); code != event.CloseNormal || back.roster.Len() != 1 {
			t.Errorf("closed with %d, and %v are there", code, back.roster.Users())
		}
		ben.conn.CloseNow()
	})
}

func TestInactiveTabsMakeAway(t *testing.T) {
	serve(t, hub.Options{Away: 5 * time.Minute}, func(t *testing.T, n *network) {
		wall, _ := n.connect(nil, nil)
		wall.say(event.Watch{})
		wall.hear(event.NameExistingUsers)
		ana := n.join(nil, "Ana", "")
		go func() { // answers pings
			for {
				if _, err := ana.next(); err != nil {
					return
				}
			}
		}()
		ana.say(event.Active{Active: false})
		start := time.Now()
		if u := wall.hear(event.NameUpdateUser).(event.UpdateUser); u.Status != event.StatusAway || time.Since(start) != 5*time.Minute {
			t.Errorf("told %+v after %v", u, time.Since(start))
		}
		ana.say(event.Active{Active: true})
		if u := wall.hear(event.NameUpdateUser).(event.UpdateUser); u.Status != event.StatusHere {
			t.Errorf("told %+v", u)
		}
		ana.close()
		wall.close()
	})
}

// slowConn is a client's end of a line of 5 kB/s.
type slowConn struct{ net.Conn }

func (c slowConn) Read(p []byte) (int, error) {
	time.Sleep(100 * time.Millisecond)
	return c.Conn.Read(p[:min(len(p), 500)])
}

type deaf struct{}

func (deaf) Send(*hub.Conn, hub.Frame) bool { return true }

func TestASlowLineIsNotTakenForADeadOne(t *testing.T) {
	serve(t, hub.Options{}, func(t *testing.T, n *network) {
		for i := range 2_000 {
			p := hub.Person{ID: fmt.Sprintf("%016d", i), Profile: event.Named(fmt.Sprint("Person ", i))}
			if _, err := n.hub.Join("lobby", p, deaf{}); err != nil {
				t.Fatal(err)
			}
		}
		browser := n.browser()
		browser.Transport = &http.Transport{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			c, err := n.dial(ctx, network, addr)
			return slowConn{c}, err
		}}
		start := time.Now()
		p := n.join(browser, "Slow", "")
		if took := time.Since(start); took < 20*time.Second || p.roster.Len() != 2_001 {
			t.Errorf("%d people after %v", p.roster.Len(), took)
		}
		for range 3 { // pings are answered, and beats heard
			p.hear(event.NameRoom)
		}
		p.close()
	})
}

func TestAClientOfOtherVersionsOnlyIsTold(t *testing.T) {
	serve(t, hub.Options{}, func(t *testing.T, n *network) {
		p, _ := n.connect(nil, nil, "rollcall.v9")
		if reason, code := p.ends(); reason.Code != event.CodeTooOld || code != event.CloseTooOld {
			t.Errorf("%+v and %d", reason, code)
		}
		p, _ = n.connect(nil, nil, "rollcall.v9", event.Subprotocol)
		if got := p.conn.Subprotocol(); got != event.Subprotocol {
			t.Errorf("negotiated %q", got)
		}
		p.close()
	})
}

func TestHTTPThatIsNoUpgrade(t *testing.T) {
	serve(t, hub.Options{}, func(t *testing.T, n *network) {
		r := httptest.NewRequest("GET", "/ws", nil)
		w := httptest.NewRecorder()
		n.server.ServeHTTP(w, r)
		if w.Code != http.StatusUpgradeRequired || w.Header().Get("Upgrade") != "websocket" {
			t.Errorf("%d, Upgrade %q", w.Code, w.Header().Get("Upgrade"))
		}
		r.Header.Set("Upgrade", "h2c, websocket") // and nothing else that belongs to it
		w = httptest.NewRecorder()
		n.server.ServeHTTP(w, r)
		if w.Code == http.StatusSwitchingProtocols || !strings.Contains(w.Body.String(), "Connection") {
			t.Errorf("%d, %s", w.Code, w.Body)
		}
	})
}

func TestAPageOfAnotherSiteIsForbidden(t *testing.T) {
	serve(t, hub.Options{}, func(t *testing.T, n *network) {
		if p, resp := n.connect(nil, http.Header{"Origin": {"http://evil.example"}}); p != nil || resp.StatusCode != http.StatusForbidden {
			t.Errorf("got %v", resp)
		}
		p, resp := n.connect(nil, http.Header{"Origin": {"http://localhost"}})
		if p == nil {
			t.Fatalf("our own page was refused: %v", resp)
		}
		p.close()
	})
}

func TestAConnectionGetsASessionAndKeepsIt(t *testing.T) {
	serve(t, hub.Options{}, func(t *testing.T, n *network) {
		browser := n.browser()
		p, resp := n.connect(browser, nil)
		first := resp.Header.Get("Set-Cookie")
		if !strings.HasPrefix(first, n.server.options.Sessions.CookieName()+"=") || !strings.Contains(first, fmt.Sprintf("Max-Age=%d;", int(session.MaxAge.Seconds()))) {
			t.Errorf("Set-Cookie is %q", first)
		}
		p.close()
		p, resp = n.connect(browser, nil)
		if got := resp.Header.Values("Set-Cookie"); !slices.Equal(got, []string{first}) {
			t.Errorf("%q is renewed as %q", first, got)
		}
		p.close()
	})
}

func TestClosingTellsEverybodyToComeBack(t *testing.T) {
	serve(t, hub.Options{}, func(t *testing.T, n *network) {
		joined := n.join(nil, "Ana", "")
		waiting, _ := n.connect(nil, nil)
		done := make(chan struct{})
		go func() {
			defer close(done)
			n.server.Close(context.Background())
		}()
		for _, p := range []*peer{joined, waiting} {
			reason, code := p.ends()
			if reason.Code != event.CodeRestarting || code != event.CloseRestarting || reason.RetryAfter == 0 {
				t.Errorf("%+v and %d", reason, code)
			}
		}
		<-done
		n.refused(http.StatusServiceUnavailable)
	})
}

func TestClosingDoesNotWaitForTheDead(t *testing.T) {
	serve(t, hub.Options{}, func(t *testing.T, n *network) {
		dead := n.join(nil, "Ana", "")
		defer dead.conn.CloseNow()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		start := time.Now()
		n.server.Close(ctx)
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("took %v", took)
		}
	})
}
