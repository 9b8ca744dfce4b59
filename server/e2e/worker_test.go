package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
)

// visitAndKeep opens a page for the first time and waits until the worker has
// all that it keeps.
func visitAndKeep(t *testing.T, address string) *person {
	t.Helper()
	p := visitWithWorker(t, "Ana", address)
	p.awaitAlive()
	if state := resolve[string](p, `navigator.serviceWorker.ready.then(r => new Promise(done => {
		const look = () => r.active.state === "activated" && done(r.active.state);
		r.active.addEventListener("statechange", look);
		look();
	}))`); state != "activated" {
		t.Fatalf("the worker is %s", state)
	}
	return p
}

// resolve waits for a promise and returns what it comes to.
func resolve[T any](p *person, promise string) T {
	p.t.Helper()
	eval[bool](p, `(self.resolved = null, `+promise+`.then(v => resolved = {v}, err => resolved = {v: String(err)}), true)`)
	p.await(`resolved`)
	return eval[T](p, `resolved.v`)
}

// built returns what the server's worker says that it keeps.
func built(t *testing.T, s *server) (version string, required []string) {
	t.Helper()
	script, _ := get(t, s.url+"/sw.js")
	first, _, _ := strings.Cut(script, ";\n")
	var b struct {
		Version  string
		Required []string
	}
	if err := json.Unmarshal([]byte(strings.TrimPrefix(first, "const built = ")), &b); err != nil {
		t.Fatalf("%v in %s", err, first)
	}
	return b.Version, b.Required
}

func get(t *testing.T, address string) (body string, h http.Header) {
	t.Helper()
	resp, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b), resp.Header
}

// answers are the responses that a browser has got, by path.
type answers struct {
	mu  sync.Mutex
	got map[string]*network.EventResponseReceived
}

func (p *person) noteAnswers() *answers {
	p.t.Helper()
	a := &answers{got: make(map[string]*network.EventResponseReceived)}
	if err := chromedp.Listen(p.ctx, func(ev any) {
		if ev, ok := ev.(*network.EventResponseReceived); ok {
			if u, err := url.Parse(ev.Response.URL); err == nil {
				a.mu.Lock()
				defer a.mu.Unlock()
				a.got[u.Path] = ev
			}
		}
	}); err != nil {
		p.t.Fatal(err)
	}
	return a
}

func (a *answers) to(t *testing.T, path string) *network.EventResponseReceived {
	t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.got[path] == nil {
		t.Fatalf("nothing answered for %s", path)
	}
	return a.got[path]
}

func TestTheFirstVisitKeepsAllThatThePageNeeds(t *testing.T) {
	t.Parallel()
	s := start(t)
	p := visitAndKeep(t, s.url)
	version, required := built(t, s)
	if len(required) < 5 {
		t.Errorf("only %q are required", required)
	}
	if names := resolve[[]string](p, `caches.keys()`); !slices.Equal(names, []string{"rollcall-" + version}) {
		t.Errorf("caches are %q, the version is %s", names, version)
	}
	kept := resolve[[]string](p, `caches.open("rollcall-`+version+`").then(c => c.keys()).then(keys => keys.map(k => new URL(k.url).pathname))`)
	for _, path := range append(required, "/manifest.webmanifest") {
		if !slices.Contains(kept, path) {
			t.Errorf("%s is not kept", path)
		}
	}
	// Nothing happens under a page that is open.
	if eval[bool](p, `Boolean(navigator.serviceWorker.controller) || rollcall.updateReady`) {
		t.Error("the worker has taken over the page that it came with")
	}
}

func TestThePageOpensWithoutAServer(t *testing.T) {
	t.Parallel()
	s := start(t)
	p := visitAndKeep(t, s.url)
	s.stop()
	for _, c := range []struct{ path, room string }{
		{"/", "lobby"}, {"/?name=Ana", "lobby"}, {"/r/lobby", "lobby"}, {"/r/never-seen", "never-seen"}, {"/r/0-" + strings.Repeat("z", 62), "0-" + strings.Repeat("z", 62)},
	} {
		p.do(chromedp.Navigate(s.url+c.path), chromedp.Reload())
		p.awaitAlive()
		p.await(fmt.Sprintf(`location.pathname + location.search === %q && document.querySelector("dialog strong").textContent === %q`, c.path, c.room))
	}
	p.do(chromedp.KeyEvent("Ana\r"))
	p.await(`document.querySelector(".word").textContent.includes("reach the server")`)
	p.forgiveRestart()
}

// The page of a room is the same whoever makes it, and so is the policy that
// it runs under.
func TestTheWorkersPageIsTheServers(t *testing.T) {
	t.Parallel()
	s := start(t)
	f := proxied(t, s)
	p := visitAndKeep(t, f.url)
	noted := p.noteAnswers()
	f.fault.Store(&fault{down: true})
	for _, path := range []string{"/", "/r/design-week"} {
		p.do(chromedp.Navigate(f.url + path))
		p.awaitAlive()
		answer := noted.to(t, path)
		if !answer.Response.FromServiceWorker {
			t.Errorf("%s came from the network", path)
		}
		want, header := get(t, s.url+path)
		if got := call(p, network.GetResponseBody, network.GetResponseBodyParams{RequestID: answer.RequestID}); string(got.Body) != want {
			t.Errorf("%s is\n%s\nof the server\n%s", path, got.Body, want)
		}
		got := make(http.Header)
		for name, value := range answer.Response.Headers {
			got.Set(name, fmt.Sprint(value))
		}
		for name := range header {
			// Of the session, the moment and the bytes that were sent.
			if !slices.Contains([]string{"Set-Cookie", "Date", "Content-Encoding", "Content-Length", "Etag"}, name) && got.Get(name) != header.Get(name) {
				t.Errorf("%s: %s is %q, of the server %q", path, name, got.Get(name), header.Get(name))
			}
		}
	}
}

func TestTheWorkerAnswersForNothingElse(t *testing.T) {
	t.Parallel()
	s := start(t)
	p := visitAndKeep(t, s.url)
	noted := p.noteAnswers()
	p.do(chromedp.Reload())
	p.awaitAlive()
	_, required := built(t, s)
	ask := func(path string) (byWorker bool) {
		if status := resolve[int](p, fmt.Sprintf(`fetch(%q).then(r => r.status)`, path)); status != 200 {
			t.Errorf("%s: %d", path, status)
		}
		return noted.to(t, path).Response.FromServiceWorker
	}
	for _, path := range required {
		if path != "/" && !ask(path) {
			t.Errorf("%s is kept, and came from the network", path)
		}
	}
	// A page by any other way than going there, too: who asks wants to know
	// the server's.
	for _, path := range []string{"/", "/r/design-week", "/api/version", "/api/qr/lobby", "/robots.txt", "/sw.js"} {
		if ask(path) {
			t.Errorf("the worker has answered for %s", path)
		}
	}
	for _, path := range []string{"/nope", "/r/no_such_room"} {
		p.do(chromedp.Navigate(s.url + path))
		p.await(`document.querySelector("h1").textContent === "There is no page here"`)
		if answer := noted.to(t, path).Response; answer.Status != 404 || answer.FromServiceWorker {
			t.Errorf("%s: %d, by the worker: %t", path, answer.Status, answer.FromServiceWorker)
		}
	}
	p.forgive("404")
	p.do(chromedp.Navigate(s.url))
	p.join("Ana")
	p.sees("Ana") // over the WebSocket
	s.stop()
	for _, path := range []string{"/api/version", "/robots.txt", "/sw.js", "/"} {
		if said := resolve[string](p, fmt.Sprintf(`fetch(%q).then(r => "answered with " + r.status)`, path)); !strings.HasPrefix(said, "TypeError") {
			t.Errorf("%s without a server: %s", path, said)
		}
	}
	p.forgiveRestart()
}

// renamed stands before the server and, once told to, has another version.
func renamed(t *testing.T, s *server) (address string, next *atomic.Bool) {
	t.Helper()
	target, err := url.Parse(s.url)
	if err != nil {
		t.Fatal(err)
	}
	next = &atomic.Bool{}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Host = r.In.Host
			if r.In.URL.Path == "/sw.js" {
				r.Out.Header.Del("Accept-Encoding")
				r.Out.Header.Del("If-None-Match")
			}
		},
		ModifyResponse: func(resp *http.Response) error {
			if resp.Request.URL.Path != "/sw.js" || !next.Load() {
				return nil
			}
			script, err := io.ReadAll(resp.Body)
			script = regexp.MustCompile(`"version":"[0-9a-f]+"`).ReplaceAll(script, []byte(`"version":"next"`))
			resp.Body = io.NopCloser(strings.NewReader(string(script)))
			resp.Header.Set("Content-Length", strconv.Itoa(len(script)))
			resp.Header.Del("ETag")
			return err
		},
	}
	front := httptest.NewServer(proxy)
	t.Cleanup(front.Close)
	return front.URL, next
}

func TestANewVersionWaitsUntilItIsAskedFor(t *testing.T) {
	t.Parallel()
	s := start(t)
	version, _ := built(t, s)
	address, next := renamed(t, s)
	p := visitAndKeep(t, address)
	p.do(chromedp.Reload()) // from now on through the worker
	p.awaitAlive()
	other := p.anotherTab(address)
	other.awaitAlive()
	for _, tab := range []*person{p, other} {
		tab.await(`navigator.serviceWorker.controller`)
		tab.await(`(window.before = true, window.told = 0, addEventListener("rollcall", () => told++), true)`)
		if eval[bool](tab, `rollcall.updateReady`) {
			t.Errorf("%s: there is no new version", tab.who)
		}
	}

	next.Store(true)
	p.await(`(rollcall.checkUpdate(), rollcall.updateReady && told === 1)`)
	other.await(`rollcall.updateReady && told === 1`)
	if names := resolve[[]string](p, `caches.keys()`); !slices.Contains(names, "rollcall-"+version) || !slices.Contains(names, "rollcall-next") {
		t.Errorf("caches are %q", names)
	}
	late := p.anotherTab(address + "/r/late") // still the old one, and told so
	late.awaitAlive()
	late.await(`rollcall.updateReady`)

	p.await(`(rollcall.applyUpdate(), true)`)
	p.await(`!window.before && document.documentElement.classList.contains("alive") && !rollcall.updateReady`)
	// The one before stays: its page in the other tab may still need it.
	if names := resolve[[]string](p, `caches.keys()`); !slices.Equal(names, []string{"rollcall-" + version, "rollcall-next"}) {
		t.Errorf("caches are %q", names)
	}
	// It goes on with what it has, until somebody asks there as well.
	if !eval[bool](other, `window.before && rollcall.updateReady`) {
		t.Error("another tab was reloaded too")
	}
	other.await(`(rollcall.applyUpdate(), true)`)
	other.await(`!window.before && document.documentElement.classList.contains("alive") && !rollcall.updateReady`)
}

// The page of a first visit is not the worker's, but can be as old.
func TestANewVersionIsSeenByThePageOfAFirstVisitToo(t *testing.T) {
	t.Parallel()
	address, next := renamed(t, start(t))
	p := visitAndKeep(t, address)
	p.await(`(window.before = true)`)
	next.Store(true)
	p.await(`(rollcall.checkUpdate(), rollcall.updateReady)`)
	p.await(`(rollcall.applyUpdate(), true)`)
	p.await(`!window.before && document.documentElement.classList.contains("alive") && !rollcall.updateReady`)
}

// It needs a profile that is kept: others cannot install anything.
func TestThePageCanBeInstalled(t *testing.T) {
	t.Parallel()
	s := start(t)
	p := open(t, chromium, "Ana", s.url)
	p.awaitAlive()
	manifest := call(p, page.GetAppManifest, page.GetAppManifestParams{})
	for _, err := range manifest.Errors {
		t.Errorf("the manifest: %s at %d:%d", err.Message, err.Line, err.Column)
	}
	if manifest.URL != s.url+"/manifest.webmanifest" || manifest.Manifest == nil || len(manifest.Manifest.Icons) != 5 || len(manifest.Manifest.Screenshots) != 2 || len(manifest.Manifest.Shortcuts) != 3 {
		t.Errorf("the browser reads %+v from %s", manifest.Manifest, manifest.URL)
	}
	for _, err := range call(p, page.GetInstallabilityErrors, cdp.Empty{}).InstallabilityErrors {
		t.Errorf("it cannot be installed: %s %v", err.ErrorID, err.ErrorArguments)
	}
}

func TestAnOfferToInstallIsKeptForOneQuestion(t *testing.T) {
	t.Parallel()
	s := start(t)
	p := visit(t, "Ana", s.url)
	p.awaitAlive()
	p.await(`(() => {
		window.told = window.asked = 0;
		addEventListener("rollcall", () => told++);
		const offer = new Event("beforeinstallprompt", {cancelable: true});
		offer.prompt = () => { asked++; return Promise.reject(new Error("nothing was pressed")) };
		return !rollcall.canInstall && !dispatchEvent(offer) && rollcall.canInstall && told === 1;
	})()`)
	p.await(`(rollcall.install(), rollcall.install(), asked === 1 && !rollcall.canInstall && told >= 2)`)
}

func TestNotificationsAreShownOnlyWhereTheyAreAllowed(t *testing.T) {
	t.Parallel()
	s := start(t)
	p := visitAndKeep(t, s.url)
	p.await("(() => {" + recordedNotifications + "return true })()")
	shown := func() int {
		return resolve[int](p, `navigator.serviceWorker.ready.then(r => r.getNotifications()).then(all => all.length)`)
	}
	notify := `(rollcall.notify("Ben is here", "in lobby", "room", "/r/design-week"), true)`
	p.await(notify)
	if n := shown(); n != 0 {
		t.Errorf("%d are shown without leave", n)
	}
	p.permit(s, "notifications")
	p.await(notify)
	p.await(`shown.length === 1`)
	got := resolve[map[string]string](p, `new Promise((done, fail) => { const look = () => navigator.serviceWorker.ready.then(r => r.getNotifications()).then(all =>
		all.length ? done(Object.fromEntries(["title", "body", "tag", "data", "icon", "badge"].map(k => [k, all[0][k]]))) : setTimeout(look, 20)); look() })`)
	for key, want := range map[string]string{"title": "Ben is here", "body": "in lobby", "tag": "room", "data": "/r/design-week"} {
		if got[key] != want {
			t.Errorf("%s is %q", key, got[key])
		}
	}
	for _, key := range []string{"icon", "badge"} {
		if _, h := get(t, got[key]); h.Get("Content-Type") != "image/png" {
			t.Errorf("%s is %s", key, h.Get("Content-Type"))
		}
	}
}

// The event is made by hand, since nobody can press what a browser without a
// screen shows; so what only a press may do is noted and not done.
func TestAPressedNotificationLeadsToItsRoom(t *testing.T) {
	t.Parallel()
	s := start(t)
	p := visitAndKeep(t, s.url)
	p.permit(s, "notifications")
	targets, err := chromedp.Targets(p.ctx)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(targets, func(info *target.Info) bool {
		return info.Type == "service_worker" && info.URL == s.url+"/sw.js"
	})
	if i < 0 {
		t.Fatal("there is no worker")
	}
	worker := &person{t: t, who: "the worker"}
	worker.ctx, worker.cancel = chromedp.NewContext(p.ctx, chromedp.WithTargetID(targets[i].TargetID))
	defer worker.cancel()
	if err := chromedp.Do(worker.ctx); err != nil {
		t.Fatal(err)
	}
	press := func(room string) string {
		t.Helper()
		return resolve[string](worker, `(async () => {
			await registration.showNotification("Ben is here", { tag: "room", data: "`+room+`" });
			const [notification] = await registration.getNotifications();
			let went = "nowhere";
			clients.openWindow = async (url) => { went = "opens " + url };
			WindowClient.prototype.focus = async function () { went = "shows " + this.url };
			let done;
			const event = new NotificationEvent("notificationclick", { notification });
			event.waitUntil = (promise) => { done = promise };
			dispatchEvent(event);
			await done;
			return (await registration.getNotifications()).length + " left, " + went;
		})()`)
	}
	for room, want := range map[string]string{
		"/":              "0 left, shows " + s.url + "/",
		"/r/design-week": "0 left, opens " + s.url + "/r/design-week",
	} {
		if got := press(room); got != want {
			t.Errorf("pressing it for %s: %s; want %s", room, got, want)
		}
	}
}

// A tab that goes back by itself shows no dialog; a wall is not somebody.
func TestAWallDoesNotReturnAsSomebody(t *testing.T) {
	t.Parallel()
	s := start(t)
	p := visit(t, "Ana", s.url)
	call(p, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: `
		window.classes = "";
		new MutationObserver(() => classes += document.documentElement.className + " ")
			.observe(document, {subtree: true, attributes: true, attributeFilter: ["class"]});`})
	p.join("Ana")
	p.sees("Ana")
	for path, returning := range map[string]bool{"/": true, "/?view=wall": false, "/?view=other": true, "/r/other": false} {
		p.do(chromedp.Navigate(s.url + path))
		p.await(`document.documentElement.classList.contains("alive")`)
		if got := eval[string](p, `classes`); strings.Contains(got, "returning") != returning {
			t.Errorf("%s has the classes %q", path, got)
		}
	}
}
