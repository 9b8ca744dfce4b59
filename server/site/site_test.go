package site

import (
	"bytes"
	"compress/gzip"
	"errors"
	"image"
	"image/png"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/andybalholm/brotli"
	"golang.org/x/net/html"

	"rollcall/server/origin"
	"rollcall/server/refusal"
	"rollcall/server/session"
	"rollcall/web"
)

// build returns a site whose assets are made up.
func build(t testing.TB) *Site {
	t.Helper()
	assets, files := madeUp(t)
	return buildFrom(t, assets, files)
}

func buildFrom(t testing.TB, assets map[string]web.Asset, files fstest.MapFS) *Site {
	t.Helper()
	s, err := try(t, assets, files)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func try(t testing.TB, assets map[string]web.Asset, files fs.FS) (*Site, error) {
	t.Helper()
	keeper, err := session.New(bytes.Repeat([]byte{1}, 32), false)
	if err != nil {
		t.Fatal(err)
	}
	policy, err := origin.New("", "")
	if err != nil {
		t.Fatal(err)
	}
	return New(Options{Assets: assets, Files: files, Sessions: keeper, Base: policy.Base, AllowOrigin: policy.AllowOrigin})
}

// kinds are the compressed assets that a site needs, and their media types.
var kinds = map[string]string{
	"app.wasm": "application/wasm", "app.js": "text/javascript; charset=utf-8", "sw.js": "text/javascript; charset=utf-8",
	"rollcall.css": "text/css; charset=utf-8", "icon.svg": "image/svg+xml",
}

// pictures are the PNGs that a site needs, and their sizes.
var pictures = map[string]image.Point{
	"icon-192.png": {X: 192, Y: 192}, "icon-512.png": {X: 512, Y: 512},
	"maskable-192.png": {X: 192, Y: 192}, "maskable-512.png": {X: 512, Y: 512},
	"apple-touch-icon.png": {X: 180, Y: 180}, "badge-96.png": {X: 96, Y: 96},
	"screenshot-wide.png": {X: 640, Y: 400}, "screenshot-narrow.png": {X: 360, Y: 740},
}

// madeUp returns assets to change at will; what they hold is made once.
func madeUp(t testing.TB) (map[string]web.Asset, fstest.MapFS) {
	t.Helper()
	making.Do(func() {
		for name, kind := range kinds {
			file := "hash." + name
			made.assets[name] = web.Asset{Path: "/web/" + file, Type: kind, File: file}
			made.files[file+".br"] = &fstest.MapFile{Data: squeeze(t, "br", "content of "+name)}
			made.files[file+".gz"] = &fstest.MapFile{Data: squeeze(t, "gzip", "content of "+name)}
		}
		for name, size := range pictures {
			file := "hash." + name
			made.assets[name] = web.Asset{Path: "/web/" + file, Type: "image/png", File: file, Plain: true}
			var b bytes.Buffer
			if err := png.Encode(&b, image.NewAlpha(image.Rectangle{Max: size})); err != nil {
				t.Fatal(err)
			}
			made.files[file] = &fstest.MapFile{Data: b.Bytes()}
		}
	})
	return maps.Clone(made.assets), maps.Clone(made.files)
}

var (
	making sync.Once
	made   = struct {
		assets map[string]web.Asset
		files  fstest.MapFS
	}{make(map[string]web.Asset), make(fstest.MapFS)}
)

func squeeze(t testing.TB, encoding, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	var w io.WriteCloser = brotli.NewWriter(&b)
	if encoding == "gzip" {
		w = gzip.NewWriter(&b)
	}
	_, err := io.WriteString(w, text)
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func ask(s http.Handler, method, path string, header ...string) *http.Response {
	r := httptest.NewRequest(method, path, nil)
	r.Host = "localhost"
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w.Result()
}

// text returns the decoded body.
func text(t testing.TB, resp *http.Response) string {
	t.Helper()
	var body io.Reader = resp.Body
	switch resp.Header.Get("Content-Encoding") {
	case "br":
		body = brotli.NewReader(resp.Body)
	case "gzip":
		zr, err := gzip.NewReader(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		body = zr
	}
	b, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func parse(t testing.TB, page string) *html.Node {
	t.Helper()
	// Without scripts, what is in a noscript is part of the page.
	root, err := html.ParseWithOptions(strings.NewReader(page), html.ParseOptionEnableScripting(false))
	if err != nil {
		t.Fatal(err)
	}
	return root
}

func elements(root *html.Node, tag string) []*html.Node {
	var found []*html.Node
	for n := range root.Descendants() {
		if n.Type == html.ElementNode && n.Data == tag {
			found = append(found, n)
		}
	}
	return found
}

func attr(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

func has(n *html.Node, key string) bool {
	return slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == key })
}

func all(root *html.Node) []*html.Node { return slices.Collect(root.Descendants()) }

// shown is the text of an element.
func shown(root *html.Node) string {
	var b strings.Builder
	for n := range root.Descendants() {
		if n.Type == html.TextNode {
			b.WriteString(n.Data)
		}
	}
	return strings.TrimSpace(b.String())
}

func TestPathsAndMethods(t *testing.T) {
	s := build(t)
	for _, c := range []struct {
		method, path string
		status       int
	}{
		{"GET", "/", 200}, {"GET", "/?name=Ana", 200}, {"GET", "/r/a", 200}, {"GET", "/r/lobby", 200},
		{"GET", "/r/" + strings.Repeat("a", 64), 200},
		{"GET", "/r/Design-Week", 308}, {"HEAD", "/r/Design-Week", 308}, {"GET", "/r/Design-Week?view=wall", 308},
		{"GET", "/r/", 404}, {"GET", "/r", 404}, {"GET", "/r/a_b", 404}, {"GET", "/r/" + strings.Repeat("a", 65), 404},
		{"GET", "/r/a//b", 307}, {"GET", "/r/a/b", 404}, {"GET", "/r/a/b/", 404}, {"GET", "/r/a./b", 404}, {"POST", "/r/a/", 405}, {"GET", "/r/a%2Fb", 404}, {"GET", "/r/%2e%2e", 404}, {"GET", "/r/a%00", 404},
		{"GET", "/r/%3Cb%3E", 404}, {"GET", "/r/%E2%84%AA", 404}, {"GET", "/r/%7Broom%7D", 404},
		{"GET", "/nope", 404}, {"HEAD", "/nope", 404}, {"GET", "/web/", 404}, {"GET", "/web/nope", 404}, {"GET", "/web/app.wasm", 404},
		{"GET", "/favicon.ico", 302}, {"POST", "/favicon.ico", 405}, {"GET", "/sitemap.xml", 404}, {"GET", "/ads.txt", 404},
		{"POST", "/", 405}, {"POST", "/nope", 405}, {"POST", "/r/a", 405}, {"DELETE", "/r/a", 405}, {"PUT", "/web/hash.app.js", 405}, {"OPTIONS", "/robots.txt", 405},
		{"GET", "/robots.txt", 200}, {"GET", "/web/hash.app.wasm", 200}, {"GET", "/web/hash.icon-192.png", 200}, {"HEAD", "/web/hash.icon-192.png", 200},
		{"GET", "/manifest.webmanifest", 200}, {"HEAD", "/manifest.webmanifest", 200}, {"POST", "/manifest.webmanifest", 405},
		{"GET", "/sw.js", 200}, {"HEAD", "/sw.js", 200}, {"POST", "/sw.js", 405}, {"GET", "/web/hash.sw.js", 404},
		{"GET", "/api/version", 200}, {"HEAD", "/api/version", 200}, {"POST", "/api/version", 405}, {"GET", "/api/version/", 404}, {"GET", "/api", 404},
		{"GET", "/api/qr/lobby", 200}, {"GET", "/api/qr/design-week", 200}, {"GET", "/api/qr/Design-Week", 200}, {"HEAD", "/api/qr/lobby", 200}, {"POST", "/api/qr/lobby", 405},
		{"GET", "/api/qr/", 404}, {"GET", "/api/qr/a_b", 404}, {"GET", "/api/qr/a/b", 404}, {"GET", "/api/qr/" + strings.Repeat("a", 65), 404}, {"GET", "/api/qr/%3Cb%3E", 404},
	} {
		resp := ask(s, c.method, c.path)
		if resp.StatusCode != c.status {
			t.Errorf("%s %s: %d, want %d", c.method, c.path, resp.StatusCode, c.status)
		}
		if allow := resp.Header.Get("Allow"); c.status == 405 && allow != "GET, HEAD" {
			t.Errorf("%s %s: Allow is %q", c.method, c.path, allow)
		}
		if to := resp.Header.Get("Location"); c.status == 308 && to != strings.ToLower(c.path) {
			t.Errorf("%s %s moves to %q", c.method, c.path, to)
		}
	}
}

func TestALinkWithSomethingBehindItLeadsToTheRoom(t *testing.T) {
	s := build(t)
	for path, want := range map[string]string{
		"/r/team/": "/r/team", "/r/team.": "/r/team", "/r/team)": "/r/team", "/r/Team).": "/r/team", "/r/team/?view=wall": "/r/team?view=wall",
		"/r/team%E2%80%9D": "/r/team", "/r/team%3E": "/r/team", "/r/team%E3%80%82": "/r/team", "/r/team%2F": "/r/team", "/r/team!?view=wall&x=1": "/r/team?view=wall&x=1",
		"/r/lobby/": "/r/lobby",
	} {
		for _, method := range []string{"GET", "HEAD"} {
			resp := ask(s, method, path)
			if to := resp.Header.Get("Location"); resp.StatusCode != http.StatusPermanentRedirect || to != want {
				t.Errorf("%s %s: %d, %q, want %q", method, path, resp.StatusCode, to, want)
			}
		}
	}
}

func TestWhatIsNotFoundIsAPageWithAWayBack(t *testing.T) {
	s := build(t)
	for _, path := range []string{"/r/", "/r/a_b", "/nope", "/web/nope", "/sitemap.xml"} {
		resp := ask(s, "GET", path)
		if kind := resp.Header.Get("Content-Type"); kind != "text/html; charset=utf-8" {
			t.Errorf("%s is %s", path, kind)
		}
		// An ETag or a session would be of no use to anybody.
		if resp.Header.Get("Cache-Control") != "no-cache" || resp.Header.Get("ETag") != "" || len(resp.Cookies()) > 0 {
			t.Errorf("%s: headers are %v", path, resp.Header)
		}
		root := parse(t, text(t, resp))
		if len(elements(root, "h1")) != 1 || len(elements(root, "script")) != 0 {
			t.Errorf("%s is no plain page", path)
		}
		back := elements(root, "a")
		if len(back) != 1 || attr(back[0], "href") != "/" || shown(back[0]) == "" {
			t.Errorf("%s has no way back", path)
		}
	}
}

func TestEveryAnswerCarriesThePolicy(t *testing.T) {
	s := build(t)
	etag := ask(s, "GET", "/").Header.Get("ETag")
	for _, c := range []struct {
		method, path string
		header       []string
		status       int
	}{
		{"GET", "/", nil, 200}, {"HEAD", "/r/a", nil, 200}, {"GET", "/robots.txt", nil, 200}, {"GET", "/web/hash.app.js", nil, 200},
		{"GET", "/manifest.webmanifest", nil, 200}, {"GET", "/api/version", nil, 200}, {"GET", "/api/qr/lobby", nil, 200}, {"GET", "/api/qr/a_b", nil, 404},
		{"GET", "/", []string{"Range", "bytes=0-9"}, 206},
		{"GET", "/", []string{"If-None-Match", etag}, 304},
		{"GET", "/r/..", nil, 307}, {"GET", "/r/A", nil, 308},
		{"GET", "/nope", nil, 404}, {"POST", "/", nil, 405},
		{"GET", "/", []string{"Range", "bytes=99999-"}, 416},
	} {
		resp := ask(s, c.method, c.path, c.header...)
		if resp.StatusCode != c.status {
			t.Errorf("%s %s: %d, want %d", c.method, c.path, resp.StatusCode, c.status)
		}
		for name, want := range map[string]string{
			// Written out once more, so that nobody loosens it by the way.
			"Content-Security-Policy": "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; " +
				"img-src 'self' data:; connect-src 'self'; manifest-src 'self'; worker-src 'self'; " +
				"base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
			"Cross-Origin-Opener-Policy":   "same-origin",
			"Cross-Origin-Resource-Policy": "same-origin",
			"Permissions-Policy":           "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
			"Referrer-Policy":              "same-origin",
			"X-Content-Type-Options":       "nosniff",
		} {
			if got := resp.Header.Values(name); len(got) != 1 || got[0] != want {
				t.Errorf("%s %s (%d): %s is %q", c.method, c.path, resp.StatusCode, name, got)
			}
		}
	}
}

func TestOnlyATrustedPageIsKeptFromItsOpeners(t *testing.T) {
	s := build(t)
	for host, want := range map[string]string{
		"localhost:8080": "same-origin", "127.0.0.1:8080": "same-origin", "[::1]:8080": "same-origin", "x.localhost": "same-origin",
		"board.local": "", "192.0.2.1:8080": "", "localhost.local": "",
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Host = host
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if got := w.Header().Get("Cross-Origin-Opener-Policy"); got != want {
			t.Errorf("%s: %q, want %q", host, got, want)
		}
	}
	if !trustworthy("https://here.example.org") || trustworthy("http://here.example.org") || trustworthy("%") {
		t.Error("TLS does not count")
	}
}

// A recorder would let a body pass, so this one is over a connection.
func TestHEADIsGETWithoutTheBody(t *testing.T) {
	server := httptest.NewServer(build(t))
	defer server.Close()
	for _, path := range []string{"/", "/r/design-week", "/nope", "/robots.txt", "/web/hash.app.wasm", "/web/hash.icon-512.png", "/manifest.webmanifest", "/sw.js", "/api/version", "/api/qr/lobby"} {
		for _, accept := range []string{"identity", "gzip", "br"} {
			get, head := over(t, server, "GET", path, accept), over(t, server, "HEAD", path, accept)
			if body, err := io.ReadAll(head.Body); err != nil || len(body) > 0 {
				t.Errorf("HEAD %s for %s has a body, %v", path, accept, err)
			}
			for _, name := range []string{"Cache-Control", "Content-Encoding", "Content-Type", "ETag", "Vary"} {
				if get.Header.Get(name) != head.Header.Get(name) {
					t.Errorf("HEAD %s for %s: %s is %q, GET has %q", path, accept, name, head.Header.Get(name), get.Header.Get(name))
				}
			}
			if head.StatusCode != get.StatusCode || head.ContentLength >= 0 && head.ContentLength != get.ContentLength {
				t.Errorf("HEAD %s for %s: %d with %d bytes, GET has %d with %d", path, accept, head.StatusCode, head.ContentLength, get.StatusCode, get.ContentLength)
			}
		}
	}
}

// over asks a running server.
func over(t *testing.T, server *httptest.Server, method, path, accept string) *http.Response {
	t.Helper()
	r, err := http.NewRequest(method, server.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept-Encoding", accept)
	resp, err := server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	return resp
}

// go-app's own handler would fetch the file from the host that is asked for.
func TestRobotsAreAnsweredByUsWhateverTheHost(t *testing.T) {
	s := build(t)
	asked := 0
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked++ }))
	defer other.Close()
	for _, host := range []string{"localhost", "evil.example", other.Listener.Addr().String()} {
		r := httptest.NewRequest("GET", "/robots.txt", nil)
		r.Host = host
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if kind := w.Header().Get("Content-Type"); kind != "text/plain; charset=utf-8" || w.Body.String() != "User-agent: *\nDisallow: /r/\n" {
			t.Errorf("as %s: %s, %q", host, kind, w.Body)
		}
	}
	if asked > 0 {
		t.Error("the host was asked")
	}
}

func TestAPageGivesASessionAndKeepsIt(t *testing.T) {
	s := build(t)
	stranger, err := session.New(bytes.Repeat([]byte{2}, 32), false)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/", "/r/design-week"} {
		first := visit(t, s, path)
		if again := visit(t, s, path, first.Value); again.Value != first.Value {
			t.Errorf("%s: the session was replaced: %v", path, again)
		}
		foreign := stranger.Text(session.NewID())
		for _, bad := range []string{"", "forged", first.Value[1:], foreign} {
			if got := visit(t, s, path, bad); got.Value == bad || got.Value == first.Value {
				t.Errorf("%s: %q became %q", path, bad, got.Value)
			}
		}
		// One of several cookies of the name may be ours; an old one with
		// another path comes first.
		if got := visit(t, s, path, "old", first.Value); got.Value != first.Value {
			t.Errorf("%s: the session was lost behind another cookie", path)
		}
	}
}

// visit asks for a page with cookies and returns the one that it sets.
func visit(t *testing.T, s *Site, path string, values ...string) *http.Cookie {
	t.Helper()
	var sent []string
	for _, value := range values {
		sent = append(sent, s.sessions.CookieName()+"="+value)
	}
	resp := ask(s, "GET", path, "Cookie", strings.Join(sent, "; "))
	if resp.StatusCode != 200 || resp.Header.Get("Cache-Control") != "private, no-cache" || len(resp.Cookies()) != 1 {
		t.Fatalf("%s: %d, %v", path, resp.StatusCode, resp.Header)
	}
	c := resp.Cookies()[0]
	if c.Name != s.sessions.CookieName() || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" || c.MaxAge != int(session.MaxAge.Seconds()) {
		t.Fatalf("%s: the cookie is %v", path, c)
	}
	return c
}

func TestABrowserIsForgottenForItsOwnPagesAlone(t *testing.T) {
	s := build(t)
	var observed []refusal.Reason
	s.refused = func(reason refusal.Reason) { observed = append(observed, reason) }
	own := visit(t, s, "/")
	cookie := own.Name + "=" + own.Value
	for _, c := range []struct {
		method, origin string
		status         int
	}{
		{"POST", "http://localhost", 204},
		{"POST", "https://evil.example", 403},
		{"POST", "http://localhost:81", 403},
		{"POST", "null", 403},
		{"GET", "http://localhost", 404},
	} {
		resp := ask(s, c.method, "/api/forget", "Origin", c.origin, "Cookie", cookie)
		expired := len(resp.Cookies()) == 1 && resp.Cookies()[0].Name == own.Name && resp.Cookies()[0].MaxAge < 0
		if resp.StatusCode != c.status || expired != (c.status == 204) {
			t.Errorf("%s from %s: %d, %v", c.method, c.origin, resp.StatusCode, resp.Header)
		}
	}
	if want := slices.Repeat([]refusal.Reason{refusal.ForeignForget}, 3); !slices.Equal(observed, want) {
		t.Errorf("observed %v", observed)
	}
}

// A 304 updates what the browser has kept, and the session with it.
func TestAPageThatHasNotChangedRefreshesTheSession(t *testing.T) {
	s := build(t)
	first := visit(t, s, "/")
	resp := ask(s, "GET", "/", "Cookie", first.Name+"="+first.Value, "If-None-Match", ask(s, "GET", "/").Header.Get("ETag"))
	if resp.StatusCode != 304 || len(resp.Cookies()) != 1 || resp.Cookies()[0].Value != first.Value || resp.Header.Get("Cache-Control") != "private, no-cache" {
		t.Errorf("%d, %v", resp.StatusCode, resp.Header)
	}
}

func TestOnlyPagesOfARoomGiveASession(t *testing.T) {
	s := build(t)
	for _, path := range []string{"/nope", "/r/a_b", "/r/Design-Week", "/robots.txt", "/web/hash.app.js", "/manifest.webmanifest", "/sw.js", "/api/version", "/api/qr/lobby"} {
		if cookies := ask(s, "GET", path).Cookies(); len(cookies) > 0 {
			t.Errorf("%s sets %v", path, cookies)
		}
	}
}

func TestASiteWithoutAnAssetSaysHowToBuildIt(t *testing.T) {
	all, _ := madeUp(t)
	for name := range all {
		assets, files := madeUp(t)
		delete(assets, name)
		_, err := try(t, assets, files)
		if !errors.Is(err, web.ErrNotBuilt) || !strings.Contains(err.Error(), name) {
			t.Errorf("without %s: %v", name, err)
		}
	}
}

func TestASiteNamesTheFileThatIsMissingOrDamaged(t *testing.T) {
	for _, file := range []string{"hash.app.js.br", "hash.icon.svg.gz", "hash.badge-96.png"} {
		assets, files := madeUp(t)
		delete(files, file)
		_, err := try(t, assets, files)
		if err == nil || errors.Is(err, web.ErrNotBuilt) || !strings.Contains(err.Error(), file) {
			t.Errorf("without %s: %v", file, err)
		}
	}
	for file, named := range map[string]string{"hash.sw.js.gz": "sw.js", "hash.screenshot-wide.png": "screenshot-wide.png"} {
		assets, files := madeUp(t)
		files[file] = &fstest.MapFile{Data: []byte("damaged")}
		if _, err := try(t, assets, files); err == nil || !strings.Contains(err.Error(), named) {
			t.Errorf("with a damaged %s: %v", file, err)
		}
	}
}
