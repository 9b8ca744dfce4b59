package e2e

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"rollcall/shared/event"
)

// TestASchoolThatComesAtNineIsNotHeldUp is what the limits are sized for: they
// are those of the program, and all of the school is one address.
func TestASchoolThatComesAtNineIsNotHeldUp(t *testing.T) {
	t.Parallel()
	const people = 1500
	for name, window := range map[string]string{"one list": "2000", "views": "500"} {
		s := start(t, "-window", window)
		multitude(t, s, "school", people)
		p := visit(t, name, s.url+"/r/school")
		p.join("Ana")
		p.await(fmt.Sprintf(`document.querySelector(".count strong").textContent.replace(/\D/g, "") === "%d"`, people+1))
		p.close()
		s.stop()
	}
}

// from is a client at another address of this machine.
func from(t testing.TB, addr string) *http.Client {
	t.Helper()
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(addr)}}
	transport := &http.Transport{DialContext: dialer.DialContext, DisableKeepAlives: true}
	return &http.Client{Transport: transport}
}

// enter connects and says hello, and returns what it is answered first.
func enter(t testing.TB, s *server, client *http.Client, hello event.Event) (event.Event, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	conn, _, err := websocket.Dial(ctx, s.ws(), &websocket.DialOptions{HTTPClient: client})
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() { conn.CloseNow() })
	if err := conn.Write(ctx, websocket.MessageText, event.Encode(hello)); err != nil {
		return nil, err
	}
	_, frame, err := conn.Read(ctx)
	if err != nil {
		return nil, err
	}
	events, err := event.DecodeServer(frame)
	if err != nil {
		return nil, err
	}
	return events[0], nil
}

func TestAFewAddressesDoNotTakeWhatOthersNeed(t *testing.T) {
	t.Parallel()
	const connections, rooms = 300, 60
	s := start(t, "-limit-connections", fmt.Sprint(connections), "-limit-rooms", fmt.Sprint(rooms))
	taken := 0
	for i := range 10 {
		addr := fmt.Sprintf("127.0.0.%d", 11+i)
		attacker := from(t, addr)
		for n := 0; ; n++ { // each in a room of its own, or looking into one
			var hello event.Event = event.GotANewUser{Patch: event.Named("Eve"), Room: fmt.Sprintf("taken-%d-%d", i, n)}
			if n%2 == 1 {
				hello = event.Watch{Room: fmt.Sprintf("watched-%d-%d", i, n)}
			}
			if _, err := enter(t, s, attacker, hello); err != nil {
				break
			}
			taken++
		}
		// And what is left of files, by connections that never ask for anything.
		dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(addr)}, Timeout: time.Second}
		for range connections {
			conn, err := dialer.Dial("tcp", "127.0.0.1:"+s.port())
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { conn.Close() })
		}
	}
	time.Sleep(2 * time.Second) // connections on which nobody asks for anything are ended for those who do
	if taken < connections/2 {
		t.Fatalf("only %d connections are taken", taken)
	}

	for _, addr := range []string{"127.0.0.2", "127.0.0.3", "127.0.0.4"} {
		ana := from(t, addr)
		resp, err := ana.Get(s.url)
		if err != nil {
			t.Fatalf("the page is not to be had: %v", err)
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		for _, room := range []string{event.Lobby, "a-room-of-" + strings.ReplaceAll(addr, ".", "-")} {
			answer, err := enter(t, s, ana, event.GotANewUser{Patch: event.Named("Ana"), Room: room})
			if err != nil || answer.EventName() != event.NameExistingUsers {
				t.Errorf("in %s: %v, %v", room, answer, err)
			}
		}
	}
}

// TestAHouseOfPagesLeavesItsOwnConnectionsAlone is about what browsers keep open
// only in case: of files that are few, it must not take those that people need.
func TestAHouseOfPagesLeavesItsOwnConnectionsAlone(t *testing.T) {
	t.Parallel()
	const people = 60
	s := start(t, "-limit-connections", "200")
	for i := range people {
		time.Sleep(50 * time.Millisecond) // so many come in three seconds
		for range 3 {                     // of six that a browser may keep
			transport := &http.Transport{DialContext: (&net.Dialer{}).DialContext}
			t.Cleanup(transport.CloseIdleConnections)
			resp, err := (&http.Client{Transport: transport}).Get(s.url)
			if err != nil {
				t.Fatalf("page %d is not to be had: %v", i, err)
			}
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		}
		answer, err := enter(t, s, http.DefaultClient, event.GotANewUser{Patch: event.Named(fmt.Sprint("Person ", i))})
		if err != nil || answer.EventName() != event.NameExistingUsers {
			t.Fatalf("person %d: %v, %v", i, answer, err)
		}
	}
}
