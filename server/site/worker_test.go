package site

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"unicode/utf16"

	"rollcall/web"
)

// readWorker is what the worker's script begins with, and the rest of it.
func readWorker(t *testing.T, s *Site) (workerConfig, string) {
	t.Helper()
	resp := ask(s, "GET", "/sw.js")
	h := resp.Header
	if h.Get("Content-Type") != "text/javascript; charset=utf-8" || h.Get("Cache-Control") != "no-cache" || h.Get("ETag") == "" {
		t.Errorf("headers are %v", h)
	}
	// Its own, since those of the pages do not count for a worker.
	if got := h.Values("Content-Security-Policy"); !slices.Equal(got, []string{"default-src 'none'; connect-src 'self'"}) {
		t.Errorf("the policy is %q", got)
	}
	first, rest, _ := strings.Cut(text(t, resp), "\n")
	first, ok := strings.CutPrefix(first, "const built = ")
	var p workerConfig
	if err := json.Unmarshal([]byte(strings.TrimSuffix(first, ";")), &p); !ok || err != nil {
		t.Fatalf("the script begins with %q, %v", first, err)
	}
	return p, rest
}

func TestTheWorkerKeepsWhatThePageNeeds(t *testing.T) {
	s := build(t)
	p, rest := readWorker(t, s)
	if rest != "content of sw.js" {
		t.Errorf("the script is %q", rest)
	}
	if want := []string{"/", "/web/hash.rollcall.css", "/web/hash.app.js", "/web/hash.app.wasm", "/web/hash.icon.svg"}; !slices.Equal(p.Required, want) {
		t.Errorf("required are %q", p.Required)
	}
	for _, path := range slices.Concat(p.Required, p.Optional) {
		if status := ask(s, "GET", path).StatusCode; status != 200 {
			t.Errorf("%s: %d", path, status)
		}
	}
	// All that a page loads by itself, or a notification shows.
	page := parse(t, text(t, ask(s, "GET", "/")))
	for _, n := range append(elements(page, "link"), elements(page, "script")...) {
		for _, key := range []string{"href", "src", "data-wasm", "data-icon", "data-badge"} {
			if path := attr(n, key); strings.HasPrefix(path, "/") && !slices.Contains(slices.Concat(p.Required, p.Optional), path) {
				t.Errorf("%s is not kept", path)
			}
		}
	}
	// The worker looks for these in the page that it has got.
	for _, path := range p.Required {
		if !strings.Contains(text(t, ask(s, "GET", "/")), path) {
			t.Errorf("the page does not name %s", path)
		}
	}
}

func TestTheWorkerMakesThePageOfARoomAsTheServerDoes(t *testing.T) {
	s := build(t)
	p, _ := readWorker(t, s)
	page := utf16.Encode([]rune(text(t, ask(s, "GET", "/")))) // as JavaScript has it
	for _, room := range []string{"a", "design-week", strings.Repeat("z", 64)} {
		var made strings.Builder
		from := 0
		for _, at := range p.Places {
			made.WriteString(string(utf16.Decode(page[from:at])) + room)
			from = at + len(p.Room)
			if cut := string(utf16.Decode(page[at:from])); cut != "lobby" {
				t.Fatalf("at %d stands %q", at, cut)
			}
		}
		made.WriteString(string(utf16.Decode(page[from:])))
		if want := text(t, ask(s, "GET", "/r/"+room)); made.String() != want {
			t.Errorf("of %s it makes\n%s\nthe server\n%s", room, made.String(), want)
		}
	}
	if len(p.Places) == 0 {
		t.Error("the room stands nowhere")
	}
}

// Letters that JavaScript counts as two, and Go as four bytes.
func TestPlacesAreCountedAsJavaScriptDoes(t *testing.T) {
	shell := [][]byte{[]byte("é👋 <b>"), []byte("</b> 👩‍🚀 "), []byte("!")}
	script, err := newWorker("", nil, map[string]web.Asset{}, shell)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(script), `"places":[7,23]`) {
		t.Errorf("the script is %s", script)
	}
}

func TestAnythingThatIsKeptChangesTheVersion(t *testing.T) {
	version := func(change func(map[string]web.Asset, fstest.MapFS)) string {
		assets, files := madeUp(t)
		change(assets, files)
		s := buildFrom(t, assets, files)
		p, _ := readWorker(t, s)
		var answer map[string]string
		resp := ask(s, "GET", "/api/version")
		if err := json.Unmarshal([]byte(text(t, resp)), &answer); err != nil || len(answer) != 1 || answer["version"] != p.Version {
			t.Errorf("the server says %v and the worker %s, %v", answer, p.Version, err)
		}
		if resp.Header.Get("Cache-Control") != "no-store" || resp.Header.Get("Content-Type") != "application/json" {
			t.Errorf("headers are %v", resp.Header)
		}
		return p.Version
	}
	same := func(map[string]web.Asset, fstest.MapFS) {}
	first := version(same)
	if len(first) != 16 || version(same) != first {
		t.Errorf("the same site has the versions %s and %s", first, version(same))
	}
	seen := map[string]string{first: "nothing"}
	all, _ := madeUp(t)
	for name := range all {
		got := version(func(assets map[string]web.Asset, files fstest.MapFS) {
			a := assets[name]
			a.Path = "/web/other." + name
			assets[name] = a
			if name == workerSource {
				files[a.File+".gz"] = &fstest.MapFile{Data: squeeze(t, "gzip", "another worker")}
			}
		})
		if other, there := seen[got]; there {
			t.Errorf("a change of %s gives the version of %s", name, other)
		}
		seen[got] = name
	}
}
