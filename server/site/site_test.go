package site

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/andybalholm/brotli"
	"golang.org/x/net/html"

	"rollcall/server/session"
	"rollcall/web"
)

// build returns a site whose assets are made up.
func build(t testing.TB) *Site {
	t.Helper()
	assets, files := map[string]web.Asset{}, fstest.MapFS{}
	for name, kind := range map[string]string{
		"app.wasm": "application/wasm", "app.js": "text/javascript; charset=utf-8",
		"rollcall.css": "text/css; charset=utf-8", "icon.svg": "image/svg+xml",
	} {
		file := "hash." + name
		assets[name] = web.Asset{Path: "/web/" + file, Type: kind, File: file}
		files[file+".br"] = &fstest.MapFile{Data: squeeze(t, "br", "content of "+name)}
		files[file+".gz"] = &fstest.MapFile{Data: squeeze(t, "gzip", "content of "+name)}
	}
	keeper, err := session.New(bytes.Repeat([]byte{1}, 32), false)
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(Options{Assets: assets, Files: files, Sessions: keeper})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

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
	root, err := html.Parse(strings.NewReader(page))
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

func TestThePageAsksForANameBeforeAnyScriptRuns(t *testing.T) {
	page := text(t, ask(build(t), "GET", "/"))
	root := parse(t, page)
	for tag, want := range map[string]int{"dialog": 1, "form": 1, "input": 1, "button": 1, "h1": 1, "noscript": 1, "script": 1, "style": 0} {
		if got := len(elements(root, tag)); got != want {
			t.Errorf("%d %s, want %d", got, tag, want)
		}
	}
	if label := elements(root, "label"); len(label) != 1 || attr(label[0], "for") != attr(elements(root, "input")[0], "id") {
		t.Error("the field has no label")
	}
	first := elements(root, "body")[0].FirstChild
	for first.Type != html.ElementNode {
		first = first.NextSibling
	}
	if first.Data != "div" || len(elements(first, "dialog")) != 1 {
		t.Errorf("go-app would replace a %s", first.Data)
	}
	if !strings.Contains(page, "enter <strong>lobby</strong>. Everyone") {
		t.Error("the sentence that names the room is not as the program draws it")
	}
}

func TestThePageObeysItsOwnPolicy(t *testing.T) {
	for _, path := range []string{"/", "/nope"} {
		root := parse(t, text(t, ask(build(t), "GET", path)))
		for n := range root.Descendants() {
			for _, a := range n.Attr {
				if a.Key == "style" || strings.HasPrefix(a.Key, "on") {
					t.Errorf("%s: %s has %s", path, n.Data, a.Key)
				}
				if (a.Key == "src" || a.Key == "href") && (!strings.HasPrefix(a.Val, "/") || strings.HasPrefix(a.Val, "//")) {
					t.Errorf("%s: %s loads %s", path, n.Data, a.Val)
				}
			}
		}
		for _, s := range elements(root, "script") {
			if s.FirstChild != nil || attr(s, "src") == "" {
				t.Errorf("%s: an inline script", path)
			}
		}
		if page := text(t, ask(build(t), "GET", path)); strings.Contains(page, "user-scalable") || strings.Contains(page, "maximum-scale") {
			t.Errorf("%s cannot be enlarged", path)
		}
	}
}

func TestARoomsPageNamesItInTextOnly(t *testing.T) {
	s := build(t)
	page := text(t, ask(s, "GET", "/r/design-week"))
	if !strings.Contains(page, "<strong>design-week</strong>") || strings.Contains(page, "lobby") {
		t.Errorf("the page is not the room's: %s", page)
	}
	if want := strings.ReplaceAll(page, "design-week", "lobby"); want != text(t, ask(s, "GET", "/")) {
		t.Error("it is not the same shell")
	}
	for n := range parse(t, page).Descendants() {
		for _, a := range n.Attr {
			if strings.Contains(a.Val, "design-week") {
				t.Errorf("the room stands in %s of %s", a.Key, n.Data)
			}
		}
	}
}

func TestTheSamePageHasTheSameETagOnEveryServer(t *testing.T) {
	etag := ask(build(t), "GET", "/").Header.Get("ETag")
	for range 20 { // go-app writes attributes in random order
		if got := ask(build(t), "GET", "/").Header.Get("ETag"); got != etag || etag == "" {
			t.Fatalf("%s and %s", etag, got)
		}
	}
}

func TestPathsAndMethods(t *testing.T) {
	s := build(t)
	for _, c := range []struct {
		method, path string
		status       int
	}{
		{"GET", "/", 200}, {"HEAD", "/", 200}, {"GET", "/r/a", 200}, {"GET", "/r/lobby", 200},
		{"GET", "/r/" + strings.Repeat("a", 64), 200},
		{"GET", "/r/Design-Week", 308},
		{"GET", "/r/", 404}, {"GET", "/r", 404}, {"GET", "/r/a_b", 404}, {"GET", "/r/" + strings.Repeat("a", 65), 404},
		{"GET", "/r/a/b", 404}, {"GET", "/r/%3Cb%3E", 404}, {"GET", "/r/%E2%84%AA", 404}, {"GET", "/nope", 404}, {"GET", "/web/nope", 404},
		{"GET", "/favicon.ico", 404}, {"GET", "/sitemap.xml", 404}, {"GET", "/ads.txt", 404},
		{"POST", "/", 405}, {"POST", "/nope", 405}, {"DELETE", "/r/a", 405},
		{"GET", "/robots.txt", 200}, {"GET", "/web/hash.app.wasm", 200},
	} {
		resp := ask(s, c.method, c.path)
		if resp.StatusCode != c.status {
			t.Errorf("%s %s: %d, want %d", c.method, c.path, resp.StatusCode, c.status)
		}
		if c.status == 405 && !strings.Contains(resp.Header.Get("Allow"), "GET") {
			t.Errorf("%s %s: Allow is %q", c.method, c.path, resp.Header.Get("Allow"))
		}
		if c.status == 404 && !strings.Contains(text(t, resp), `href="/"`) {
			t.Errorf("%s has no way back", c.path)
		}
		if c.method == "HEAD" && text(t, resp) != "" {
			t.Errorf("HEAD %s has a body", c.path)
		}
		for _, name := range []string{
			"Content-Security-Policy", "Cross-Origin-Opener-Policy", "Cross-Origin-Resource-Policy",
			"Permissions-Policy", "Referrer-Policy", "X-Content-Type-Options",
		} {
			if resp.Header.Get(name) == "" {
				t.Errorf("%s %s has no %s", c.method, c.path, name)
			}
		}
	}
	if got := ask(s, "GET", "/r/Design-Week").Header.Get("Location"); got != "/r/design-week" {
		t.Errorf("moved to %s", got)
	}
}

func TestRobotsAreAnsweredByUsWhateverTheHost(t *testing.T) {
	r := httptest.NewRequest("GET", "/robots.txt", nil)
	r.Host = "evil.example"
	w := httptest.NewRecorder()
	build(t).ServeHTTP(w, r)
	if !strings.HasPrefix(w.Body.String(), "User-agent: *\n") {
		t.Error(w.Body.String())
	}
}

func TestAPageGivesASessionAndKeepsIt(t *testing.T) {
	s := build(t)
	for _, path := range []string{"/", "/r/design-week"} {
		resp := ask(s, "GET", path)
		first := resp.Cookies()[0]
		if !first.HttpOnly || first.SameSite != http.SameSiteLaxMode || resp.Header.Get("Cache-Control") != "private, no-cache" {
			t.Errorf("%s: cookie %v, Cache-Control %q", path, first, resp.Header.Get("Cache-Control"))
		}
		again := ask(s, "GET", path, "Cookie", first.Name+"="+first.Value).Cookies()[0]
		if again.Value != first.Value || again.MaxAge == 0 {
			t.Errorf("%s: the session was replaced: %v", path, again)
		}
		forged := ask(s, "GET", path, "Cookie", first.Name+"=forged").Cookies()[0]
		if forged.Value == "forged" {
			t.Errorf("%s: a forged session was kept", path)
		}
	}
	if cookies := ask(s, "GET", "/nope").Cookies(); len(cookies) > 0 {
		t.Errorf("a missing page sets %v", cookies)
	}
}

func TestEncodingsAreNegotiated(t *testing.T) {
	s := build(t)
	for accept, want := range map[string]string{
		"": "", "identity": "", "*": "", "gzip": "gzip", "br": "br", "gzip, deflate, br, zstd": "br", "BR": "br",
		"br;q=0, gzip": "gzip", "br;q=0.0,gzip;q=0": "", "gzip;q=0.5": "gzip", "br ; q=0.1": "br", "br;q=x": "",
		"brotli": "", "x-br": "",
	} {
		for path, plain := range map[string]string{
			"/": text(t, ask(s, "GET", "/")), "/r/a": text(t, ask(s, "GET", "/r/a")), "/nope": text(t, ask(s, "GET", "/nope")),
			"/web/hash.app.wasm": "content of app.wasm",
		} {
			resp := ask(s, "GET", path, "Accept-Encoding", accept)
			if got := resp.Header.Get("Content-Encoding"); got != want {
				t.Errorf("%s for %q is %q, want %q", path, accept, got, want)
			}
			if resp.Header.Get("Vary") != "Accept-Encoding" {
				t.Errorf("%s varies by %q", path, resp.Header.Get("Vary"))
			}
			if got := text(t, resp); got != plain {
				t.Errorf("%s for %q decodes to %q", path, accept, got)
			}
		}
	}
}

func TestWhatHasNotChangedIsNotSentAgain(t *testing.T) {
	s := build(t)
	for _, path := range []string{"/", "/r/a", "/web/hash.app.js"} {
		var etags []string
		for _, accept := range []string{"", "gzip", "br"} {
			etag := ask(s, "GET", path, "Accept-Encoding", accept).Header.Get("ETag")
			if slices.Contains(etags, etag) || etag == "" || strings.HasPrefix(etag, "W/") {
				t.Errorf("%s for %q: ETag %q", path, accept, etag)
			}
			etags = append(etags, etag)
			if resp := ask(s, "GET", path, "Accept-Encoding", accept, "If-None-Match", etag); resp.StatusCode != 304 && !(accept == "" && strings.HasPrefix(path, "/web/")) { // unpacked as it is sent
				t.Errorf("%s for %q: %d", path, accept, resp.StatusCode)
			}
			if resp := ask(s, "GET", path, "Accept-Encoding", accept, "If-None-Match", `"other"`); resp.StatusCode != 200 {
				t.Errorf("%s for %q: %d although it changed", path, accept, resp.StatusCode)
			}
		}
	}
}

func TestAssetsAreKeptForEver(t *testing.T) {
	resp := ask(build(t), "GET", "/web/hash.app.wasm", "Accept-Encoding", "br")
	if resp.Header.Get("Content-Type") != "application/wasm" || !strings.Contains(resp.Header.Get("Cache-Control"), "immutable") {
		t.Errorf("headers are %v", resp.Header)
	}
}

func TestASiteWithoutItsAssetsSaysHowToBuildThem(t *testing.T) {
	keeper, err := session.New(make([]byte, 32), false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := New(Options{Assets: map[string]web.Asset{}, Files: fstest.MapFS{}, Sessions: keeper}); !errors.Is(err, web.ErrNotBuilt) {
		t.Errorf("error is %v", err)
	}
}

// FuzzRoomPath checks that nothing of the address changes the page's shape.
func FuzzRoomPath(f *testing.F) {
	s := build(f)
	shape := func(t testing.TB, page string) string {
		var b strings.Builder
		for n := range parse(t, page).Descendants() {
			if n.Type == html.ElementNode {
				b.WriteString(n.Data + " ")
				for _, a := range n.Attr {
					b.WriteString(a.Key + "=" + a.Val + " ")
				}
			}
		}
		return b.String()
	}
	room, missing := shape(f, text(f, ask(s, "GET", "/"))), shape(f, text(f, ask(s, "GET", "/nope")))
	for _, seed := range []string{"design-week", "Design", `"><script>`, "..", "a b", "é", "%", "\u212a"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, segment string) {
		r := httptest.NewRequest("GET", "/", nil)
		r.URL.Path = "/r/" + segment
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		switch resp := w.Result(); resp.StatusCode {
		case 200:
			if got := shape(t, text(t, resp)); got != room {
				t.Errorf("%q changes the page to %s", segment, got)
			}
		case 404:
			if got := shape(t, text(t, resp)); got != missing {
				t.Errorf("%q changes the missing page to %s", segment, got)
			}
		case 301, 307, 308: // the mux cleans paths, we lower names
			if to := resp.Header.Get("Location"); !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") {
				t.Errorf("%q leads to %s", segment, to)
			}
		default:
			t.Errorf("%q: %d", segment, resp.StatusCode)
		}
	})
}
