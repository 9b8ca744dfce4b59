package ws

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/coder/websocket"

	"rollcall/server/hub"
	"rollcall/server/session"
	"rollcall/shared/event"
)

// sentFrame is a client's frame, masked with nothing.
func sentFrame(first byte, payload string) []byte {
	head := []byte{first, maskedFrame | byte(len(payload)), 0, 0, 0, 0}
	if len(payload) > 125 {
		panic("a short one")
	}
	return append(head, payload...)
}

func TestOnlyWhatIsToBeReadEndsTheWait(t *testing.T) {
	server, client := socketPair(t)
	o := newOutbox(server, nil)
	if o.socket == nil {
		t.Skip("the library waits on this system")
	}
	news := make(chan error)
	go func() { news <- o.awaitInput() }()
	pong := sentFrame(pongFrame, "")
	client.Write(pong)
	for deadline := time.Now().Add(10 * time.Second); !o.received.Load(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the pong does not come")
		}
	}
	select {
	case err := <-news:
		t.Fatalf("a pong is news: %v", err)
	default:
	}
	// One that comes with something is the library's.
	said := slices.Concat(sentFrame(textFrame, "hello"), pong)
	client.Write(said)
	select {
	case err := <-news:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("the wait does not end for something to read")
	}
	got := make([]byte, len(said))
	if _, err := io.ReadFull(o, got); err != nil || !bytes.Equal(got, said) {
		t.Errorf("%q, %v", got, err)
	}
	client.Close()
	if err := o.awaitInput(); !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %v", err)
	}
	o.Close()
	if err := o.awaitInput(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("when closed: %v", err)
	}
}

// bare is a connection of real sockets, of which each byte is seen.
type bare struct {
	net.Conn
	t   *testing.T
	got []byte
}

// upgraded is one to a server with options.
func upgraded(t *testing.T, options Options) *bare {
	t.Helper()
	return upgrade(t, listening(t, options), "")
}

// listening returns the address of a server with options.
func listening(t *testing.T, options Options) string {
	t.Helper()
	keeper, err := session.New(bytes.Repeat([]byte{1}, 32), false)
	if err != nil {
		t.Fatal(err)
	}
	options.Hub, options.Sessions = hub.New(hub.Options{}), keeper
	options.AllowOrigin = func(*http.Request) bool { return true }
	sockets := New(options)
	web := httptest.NewServer(sockets)
	t.Cleanup(func() {
		sockets.Close(context.Background())
		options.Hub.Close()
		web.Close()
	})
	return web.Listener.Addr().String()
}

// upgrade connects, with more headers.
func upgrade(t *testing.T, addr, headers string) *bare {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	fmt.Fprint(conn, "GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"+headers+"\r\n")
	b := &bare{Conn: conn, t: t}
	b.expect("\r\n\r\n")
	return b
}

// expect reads until a text has come.
func (b *bare) expect(text string) {
	b.t.Helper()
	for !bytes.Contains(b.got, []byte(text)) {
		chunk := make([]byte, 4096)
		n, err := b.Read(chunk)
		if err != nil {
			b.t.Fatalf("waiting for %s: %v; got %q", text, err, b.got)
		}
		b.got = append(b.got, chunk[:n]...)
	}
}

func TestAFloodOfPingsIsNotAnsweredAndToldOf(t *testing.T) {
	conn := upgraded(t, Options{EventsPerSecond: 1})
	conn.Write(bytes.Repeat(sentFrame(pingFrame, "x"), 2*eventBurst))
	conn.expect(string(event.CodeRateLimited))
	// One more each second that it took.
	if pongs := bytes.Count(conn.got, []byte{pongFrame, 1, 'x'}); pongs < eventBurst || pongs > eventBurst+5 {
		t.Errorf("%d pings are answered", pongs)
	}
}

func TestLeavingBeforeTheHelloCounts(t *testing.T) {
	conn := upgraded(t, Options{EventsPerSecond: 1})
	conn.Write(bytes.Repeat(sentFrame(textFrame, string(event.Encode(event.Leave{}))), 2*eventBurst))
	conn.expect(string(event.CodeRateLimited))
	if told := bytes.Count(conn.got, []byte(event.CodeNotJoined)); told < eventBurst || told > eventBurst+5 {
		t.Errorf("%d are told to join first", told)
	}
}

// TestSeveralMessagesAtOnceAreAllHeard is of real sockets: the library keeps
// the second message in its buffer, where nothing that comes would show it.
func TestSeveralMessagesAtOnceAreAllHeard(t *testing.T) {
	conn := upgraded(t, Options{})
	hello := event.Encode(event.GotANewUser{Patch: event.Named("Ana")})
	note := event.Encode(event.ChangeUser{Patch: event.Patch{Note: new("back soon")}})
	conn.Write(slices.Concat(
		sentFrame(textFrame, string(hello)), sentFrame(pongFrame, ""), sentFrame(textFrame, string(note)),
	))
	conn.expect("back soon")
	// In two pieces, of which the first is as long as an empty pong.
	busy := event.StatusBusy
	change := sentFrame(textFrame, string(event.Encode(event.ChangeUser{Patch: event.Patch{Status: &busy}})))
	conn.Write(change[:emptyFrameSize])
	time.Sleep(10 * time.Millisecond)
	conn.Write(change[emptyFrameSize:])
	conn.expect("busy")
}

func TestWhoDoesNotAnswerTheLastFrameIsCut(t *testing.T) {
	serve(t, hub.Options{}, func(t *testing.T, n *network) {
		p, _ := n.connect(nil, nil)
		start := time.Now()
		p.write(websocket.MessageText, []byte("no frame")) // and then reads nothing
		for open := 1; open > 0; {
			n.server.mu.Lock()
			open = len(n.server.conns)
			n.server.mu.Unlock()
			time.Sleep(sweepEvery / 10)
		}
		if took := time.Since(start); took < closeTimeout || took > closeTimeout+2*sweepEvery {
			t.Errorf("cut after %v", took)
		}
		p.conn.CloseNow()
	})
}

func TestWhoReadsButDoesNotAnswerPingsIsLost(t *testing.T) {
	serve(t, hub.Options{}, func(t *testing.T, n *network) {
		conn, _, err := websocket.Dial(t.Context(), "ws://localhost/ws", &websocket.DialOptions{
			HTTPClient:     n.browser(),
			OnPingReceived: func(context.Context, []byte) bool { return false },
		})
		if err != nil {
			t.Fatal(err)
		}
		p := &peer{t: t, conn: conn}
		start := time.Now()
		p.say(event.GotANewUser{Patch: event.Named("Ana")})
		if _, code := p.ends(); code != -1 {
			t.Errorf("ended with %d", code)
		}
		if took := time.Since(start); took < pongTimeout || took > pingEvery+pongTimeout {
			t.Errorf("noticed after %v", took)
		}
	})
}
