package e2e

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"rollcall/shared/client"
	"rollcall/shared/roster"
)

// sightings is what a client that watches a room has seen happen to one person
// there, from the start until it sees somebody else come.
func sightings(t *testing.T, s *server, watcher *client.Client, room, name string) (all []roster.Change) {
	t.Helper()
	last := crowd(t, s, room, "Last")[0]
	defer last.Leave()
	me, _ := last.Roster().Me()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		u, err := watcher.Next(ctx)
		if err != nil {
			t.Fatalf("waiting for %s to be seen: %v", me.Name, err)
		}
		for _, change := range u.Changes {
			switch change.User.Name {
			case name:
				all = append(all, change)
			case me.Name:
				return all
			}
		}
	}
}

// cameOnce checks that somebody has been seen to arrive, and never again, nor
// to leave.
func cameOnce(t *testing.T, s *server, watcher *client.Client, room, name string) {
	t.Helper()
	arrived := 0
	for _, change := range sightings(t, s, watcher, room, name) {
		switch change.Kind {
		case roster.Arrived:
			arrived++
		case roster.Gone:
			t.Errorf("%s was seen to leave", name)
		}
	}
	if arrived != 1 {
		t.Errorf("%s was seen to arrive %d times", name, arrived)
	}
}

// selfJS is one's own id.
const selfJS = `document.querySelector(".self").dataset.user`

// A browser sends the cookies of a host to all its ports.
func TestServersOfOneHostAreOutOfEachOthersWay(t *testing.T) {
	t.Parallel()
	one, other := start(t), start(t)
	watchOne, watchOther := watch(t, one, "lobby"), watch(t, other, "lobby")
	p := visit(t, "Ana", one.url)
	p.join("Ana")
	p.sees("Ana")
	tab := p.anotherTab(other.url)
	tab.join("Ana")
	tab.sees("Ana")
	for _, q := range []*person{p, tab} {
		before := eval[string](q, selfJS)
		q.do(chromedp.Reload())
		q.sees("Ana")
		if after := eval[string](q, selfJS); after != before {
			t.Errorf("%s was %s and is %s", q.who, before, after)
		}
	}
	cameOnce(t, one, watchOne, "lobby", "Ana")
	cameOnce(t, other, watchOther, "lobby", "Ana")
}

// All that a browser may hold of one host: 180 cookies, and those of a name
// with and without a path of its own.
func TestOtherCookiesOfTheHostDoNotHurt(t *testing.T) {
	t.Parallel()
	s := start(t)
	resp, err := http.Get(s.url)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	own := resp.Cookies()[0]
	stray := []string{"rollcall=" + strings.Repeat("A", 64), own.Name + "=old"}
	for i := len(stray); i < 180; i++ {
		stray = append(stray, fmt.Sprintf("rollcall-%08x=%s", i, strings.Repeat("A", 64)))
	}
	r, err := http.NewRequest("GET", s.url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Cookie", strings.Join(append(stray, own.Name+"="+own.Value), "; "))
	if resp, err = http.DefaultClient.Do(r); err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if set := resp.Cookies(); resp.StatusCode != 200 || len(set) != 1 || set[0].Name != own.Name || set[0].Value != own.Value {
		t.Errorf("%d, %v", resp.StatusCode, set)
	}
}

// stripped is a way to a server on which every cookie is lost, as in a browser
// that blocks them. Cut ends all WebSockets, and leaves what else is loading.
func stripped(t *testing.T, s *server) (address string, cut func()) {
	t.Helper()
	to, err := url.Parse(s.url)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httptest.NewUnstartedServer(&httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(to)
			r.Out.Host = r.In.Host
			r.Out.Header.Del("Cookie")
		},
		ModifyResponse: func(r *http.Response) error {
			r.Header.Del("Set-Cookie")
			return nil
		},
	})
	var sockets struct {
		sync.Mutex
		open []net.Conn // the mutex guards it
	}
	proxy.Config.ConnState = func(c net.Conn, state http.ConnState) {
		if state == http.StateHijacked { // by an upgrade
			sockets.Lock()
			defer sockets.Unlock()
			sockets.open = append(sockets.open, c)
		}
	}
	cut = func() {
		sockets.Lock()
		defer sockets.Unlock()
		for _, c := range sockets.open {
			c.Close()
		}
		sockets.open = nil
	}
	proxy.Start()
	t.Cleanup(func() {
		cut()
		proxy.Close()
	})
	return proxy.URL, cut
}

func TestWhoseCookiesAreBlockedComesBackAsOne(t *testing.T) {
	t.Parallel()
	s := start(t, "-linger", "1m")
	address, cut := stripped(t, s)
	watcher := watch(t, s, "lobby")
	p := visitRecorded(t, "Ana", address, `window.sockets = []; window.WebSocket = class extends WebSocket {
		constructor(...args) { super(...args); sockets.push(this) }
	}`)
	p.join("Ana")
	p.sees("Ana")
	id := eval[string](p, selfJS)
	for n := 2; n < 4; n++ {
		cut()
		// The page says that it is connected while a loss is short, too.
		p.await(fmt.Sprintf(`sockets.length >= %d && sockets.at(-1).readyState === WebSocket.OPEN`, n))
		p.sees("Ana")
		if after := eval[string](p, selfJS); after != id {
			t.Fatalf("was %s and is %s", id, after)
		}
	}
	// So it is for the rooms that one page shows.
	for _, room := range []string{"elsewhere", "lobby"} {
		p.opens(".rooms-button", "Rooms")
		p.fill("#room", room+kb.Enter)
		p.await(fmt.Sprintf(`document.querySelector(".room")?.textContent === %q`, room))
		p.sees("Ana")
	}
	if after := eval[string](p, selfJS); after != id {
		t.Errorf("was %s and is %s after another room", id, after)
	}
	cameOnce(t, s, watcher, "lobby", "Ana")
	p.forgive("WebSocket", "request failed")
	if cookies := eval[string](p, `document.cookie`); cookies != "" {
		t.Errorf("there are cookies: %s", cookies)
	}
}
