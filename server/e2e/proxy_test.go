package e2e

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// front is a reverse proxy before a server, with faults that can be changed.
type front struct {
	url   string
	fault atomic.Pointer[fault]
}

// fault is what a proxy does wrong. The zero fault is none.
type fault struct {
	drop     []string // headers of requests
	hostGone bool     // the server is asked for by its own name
	login    string   // paths that begin so need the cookie of its login page
	down     bool     // the server behind it is out of reach
	hangs    chan struct{}
}

const loginCookie = "login"

// proxied starts a proxy without faults, until the test ends.
func proxied(t *testing.T, s *server) *front {
	t.Helper()
	target, err := url.Parse(s.url)
	if err != nil {
		t.Fatal(err)
	}
	f := &front{}
	f.fault.Store(&fault{})
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			fault := f.fault.Load()
			if !fault.hostGone {
				r.Out.Host = r.In.Host
			}
			for _, name := range fault.drop {
				r.Out.Header.Del(name)
			}
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) {
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(http.StatusBadGateway)
			io.WriteString(w, "<h1>Bad gateway</h1>")
		},
	}
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fault := f.fault.Load()
		switch {
		case r.URL.Path == "/login":
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprintf(w, `<title>Login</title><link rel="icon" href="data:,"><h1>Who are you?</h1><a href="/welcome?to=%s">It’s me</a>`, url.QueryEscape(r.FormValue("to")))
		case r.URL.Path == "/welcome":
			http.SetCookie(w, &http.Cookie{Name: loginCookie, Value: "yes", Path: "/"})
			http.Redirect(w, r, r.FormValue("to"), http.StatusFound)
		case fault.login != "" && strings.HasPrefix(r.URL.Path, fault.login) && !slices.ContainsFunc(r.Cookies(), func(c *http.Cookie) bool { return c.Name == loginCookie }):
			http.Redirect(w, r, "/login?to="+url.QueryEscape(r.URL.RequestURI()), http.StatusFound)
		case fault.down:
			proxy.ErrorHandler(w, r, nil)
		case fault.hangs != nil:
			<-fault.hangs
		default:
			proxy.ServeHTTP(w, r)
		}
	})
	listening := httptest.NewServer(handler)
	t.Cleanup(listening.Close)
	u, err := url.Parse(listening.URL)
	if err != nil {
		t.Fatal(err)
	}
	f.url = "http://localhost:" + u.Port()
	return f
}

func TestAProxyThatRefusesWebSocketsIsSaidAndWhatToDo(t *testing.T) {
	t.Parallel()
	s := start(t)
	for name, c := range map[string]struct {
		fault fault
		words string // %s is the address
	}{
		"the host is rewritten":  {fault{hostGone: true}, "If this is your own address, start the server with -public-url %s."},
		"the upgrade is dropped": {fault{drop: []string{"Upgrade", "Connection"}}, "the proxy before this server has to pass on the headers Upgrade and Connection."},
	} {
		t.Run(name, func(t *testing.T) {
			f := proxied(t, s)
			f.fault.Store(&c.fault)
			p := visit(t, "Ana", f.url)
			p.join("Ana")
			words := c.words
			if strings.Contains(words, "%s") {
				words = fmt.Sprintf(words, f.url)
			}
			p.await(fmt.Sprintf(`document.querySelector(".word").textContent.includes(%q)`, words))
			p.screenshot("look/proxy-" + strings.ReplaceAll(name, " ", "-") + ".png")
			f.fault.Store(&fault{}) // somebody has done so
			p.sees("Ana")
			p.forgive("WebSocket", "403", "426")
		})
	}
}

func TestAProxyThatDropsTheSubprotocolDoesNotMatter(t *testing.T) {
	t.Parallel()
	s := start(t, quick...)
	f := proxied(t, s)
	f.fault.Store(&fault{drop: []string{"Sec-WebSocket-Protocol"}})
	p := visit(t, "Ana", f.url)
	p.join("Ana")
	p.sees("Ana")
	s.stop()
	s.restart() // and back again
	crowd(t, s, "lobby", "Ben")
	p.await(`document.querySelector(".connected")`)
	p.sees("Ana", "Ben")
	p.forgive("WebSocket", "426", "502")
}

func TestTheLoginOfAProxyIsReached(t *testing.T) {
	t.Parallel()
	s := start(t, "-grace", "1m")
	f := proxied(t, s)
	p := visitAndKeep(t, f.url+"/r/team")
	p.do(chromedp.Reload()) // from now on through the worker
	p.join("Ana")
	p.sees("Ana")
	other := p.anotherTab(f.url + "/r/other")
	other.awaitAlive()

	s.stop()
	f.fault.Store(&fault{login: "/"}) // its cookie has ended
	s.restart()
	p.await(`document.querySelector(".notices").innerText.includes("It may want you to sign in.")`)
	p.await(`document.querySelector(".offline")`)
	p.lookAt("intercepted")
	p.click(".notice .button")
	p.await(`document.title === "Login"`)
	p.do(chromedp.Click(chromedp.CSS("a")))
	p.await(`location.href === "` + f.url + `/r/team"`)
	p.sees("Ana")
	p.await(`document.querySelector(".notices").hidden`)

	// Who has none is led there by going anywhere.
	call(p, network.DeleteCookies, network.DeleteCookiesParams{Name: loginCookie, URL: f.url})
	other.do(chromedp.Reload())
	other.await(`document.title === "Login"`)
	for _, p := range []*person{p, other} {
		p.forgive("WebSocket", "502", "fetching the script", "without a network", "manifest", "redirect", "ERR_FAILED", "ERR_ABORTED")
	}
}

func TestAPageThatOnlyAsksIsToldOfALoginToo(t *testing.T) {
	t.Parallel()
	s := start(t)
	f := proxied(t, s)
	p := visit(t, "Ana", f.url)
	p.join("Ana")
	p.sees("Ana")
	f.fault.Store(&fault{login: "/api/version"})
	late := p.anotherTab(f.url)
	late.await(`document.querySelector(".notices").innerText.includes("It may want you to sign in.")`)
}

func TestAPageOpensAsItWasKeptWhereTheNetworkIsOfNoUse(t *testing.T) {
	t.Parallel()
	s := start(t)
	f := proxied(t, s)
	p := visitAndKeep(t, f.url)
	p.do(chromedp.Reload())
	p.awaitAlive()
	none, hangs := fault{}, make(chan struct{})
	defer close(hangs)
	for name, fault := range map[string]*fault{"nothing behind the proxy": {down: true}, "no answer": {hangs: hangs}} {
		f.fault.Store(fault)
		began := time.Now()
		p.do(chromedp.Navigate(f.url + "/r/elsewhere"))
		p.await(`document.querySelector("dialog strong").textContent === "elsewhere"`)
		p.awaitAlive()
		t.Logf("%s: there after %v", name, time.Since(began).Round(time.Millisecond))
		f.fault.Store(&none)
	}
	p.forgive("502", "fetching the script", "without a network")
}

func TestAPageThatTheNetworkHasBroughtIsNotToldOfItsOwnVersion(t *testing.T) {
	t.Parallel()
	s := start(t)
	p := visitAndKeep(t, s.url)
	p.do(chromedp.Reload())
	p.awaitAlive()
	old := p.anotherTab(s.url + "/r/old")
	old.awaitAlive()
	was, _ := built(t, s)
	s.stop()
	s.binary = nextVersion(t)
	s.restart()
	version, _ := built(t, s)
	style, _ := assets(t, s)
	p.do(chromedp.Reload())
	p.await(`document.querySelector("link[rel=stylesheet]").getAttribute("href") === "` + style + `"`)
	p.awaitAlive()
	p.await(`getComputedStyle(document.querySelector(".card")).display !== "inline"`)
	// Its worker has taken over, without a word.
	if names := resolve[[]string](p, `navigator.serviceWorker.ready.then(r => r.update()).then(() => new Promise(done => {
		const look = async () => {
			const r = await navigator.serviceWorker.ready, names = await caches.keys();
			if (!r.waiting && !r.installing && r.active.state === "activated" && names.includes("rollcall-`+version+`")) done(names);
			else setTimeout(look, 20);
		};
		look();
	}))`); !slices.Equal(names, []string{"rollcall-" + was, "rollcall-" + version}) {
		t.Errorf("caches are %q", names)
	}
	if eval[bool](p, `rollcall.updateReady`) {
		t.Error("the page is told of its own version")
	}
	old.await(`rollcall.updateReady`)
	old.await(`(window.before = true, rollcall.applyUpdate(), true)`)
	old.await(`!window.before && document.documentElement.classList.contains("alive") && !rollcall.updateReady`)
	for _, p := range []*person{p, old} {
		p.forgiveRestart("fetching the script")
	}
}
