package e2e

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/coder/websocket"

	"rollcall/shared/event"
)

// TestASchoolThatComesAtNineIsNotHeldUp is what the limits are sized for: they
// are those of the program, and all of the school is one address.
func TestASchoolThatComesAtNineIsNotHeldUp(t *testing.T) {
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

func TestFiveAddressesDoNotTakeWhatOthersNeed(t *testing.T) {
	const connections, rooms = 300, 60
	s := start(t, "-limit-connections", fmt.Sprint(connections), "-limit-rooms", fmt.Sprint(rooms))
	taken := 0
	for i := range 5 {
		attacker := from(t, fmt.Sprintf("127.0.0.%d", 11+i))
		for n := 0; ; n++ { // each in a room of its own, or looking into one
			var hello event.Event = event.GotANewUser{Name: "Eve", Room: fmt.Sprintf("taken-%d-%d", i, n)}
			if n%2 == 1 {
				hello = event.Watch{Room: fmt.Sprintf("watched-%d-%d", i, n)}
			}
			if _, err := enter(t, s, attacker, hello); err != nil {
				break
			}
			taken++
		}
	}
	if taken < connections/2 {
		t.Fatalf("only %d connections are taken", taken)
	}
	// And what is left of files, by connections that never ask for anything.
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 11)}, Timeout: time.Second}
	for range 2 * connections {
		conn, err := dialer.Dial("tcp", "127.0.0.1:"+s.port())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
	}

	ana := from(t, "127.0.0.2")
	resp, err := ana.Get(s.url)
	if err != nil {
		t.Fatalf("the page is not to be had: %v", err)
	}
	io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	for _, room := range []string{event.Lobby, "a-room-of-ones-own"} {
		answer, err := enter(t, s, ana, event.GotANewUser{Name: "Ana", Room: room})
		if err != nil || answer.EventName() != event.NameExistingUsers {
			t.Errorf("in %s: %v, %v", room, answer, err)
		}
	}
}
