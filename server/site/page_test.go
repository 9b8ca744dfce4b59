package site

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

func TestThePageAsksForANameBeforeAnyScriptRuns(t *testing.T) {
	root := parse(t, text(t, ask(build(t), "GET", "/")))
	for tag, want := range map[string]int{"dialog": 1, "form": 1, "input": 1, "label": 1, "button": 1, "h1": 1, "noscript": 1, "script": 1} {
		if got := len(elements(root, tag)); got != want {
			t.Fatalf("%d %s, want %d", got, tag, want)
		}
	}
	dialog, form, field := elements(root, "dialog")[0], elements(root, "form")[0], elements(root, "input")[0]
	if !has(dialog, "open") {
		t.Error("the dialog is closed")
	}
	if attr(field, "id") != "name" || attr(field, "name") != "name" || has(field, "disabled") {
		t.Errorf("the field has %v", field.Attr)
	}
	if label := elements(root, "label")[0]; attr(label, "for") != "name" || shown(label) == "" {
		t.Error("the field has no label")
	}
	if button := elements(form, "button"); len(button) != 1 || attr(button[0], "type") != "submit" || shown(button[0]) != "Join" {
		t.Error("the form cannot be sent")
	}
	// The whole sentence: what go-app puts between its parts would show.
	if !strings.Contains(shown(dialog), "You are about to enter lobby. Everyone in the room") {
		t.Errorf("the dialog says %q", shown(dialog))
	}
	if says := shown(elements(root, "noscript")[0]); !strings.Contains(says, "JavaScript") {
		t.Errorf("without scripts it says %q", says)
	}
	for n := range root.Descendants() {
		for _, a := range n.Attr {
			if key := a.Key; key == "aria-labelledby" || key == "aria-describedby" || key == "for" {
				if !slices.ContainsFunc(all(root), func(other *html.Node) bool { return attr(other, "id") == a.Val }) {
					t.Errorf("%s of %s is %q, which nothing is called", key, n.Data, a.Val)
				}
			}
		}
	}
}

// go-app takes the body's first element for what it has drawn and replaces it
// when it draws. What app.js and the stylesheet need must stand behind it.
func TestTheProgramReplacesTheDialogAndNothingElse(t *testing.T) {
	body := elements(parse(t, text(t, ask(build(t), "GET", "/"))), "body")[0]
	var children []*html.Node
	for n := range body.ChildNodes() {
		if n.Type == html.ElementNode {
			children = append(children, n)
		}
	}
	if first := children[0]; first.Data != "div" || len(elements(first, "dialog")) != 1 || len(elements(first, "noscript")) != 0 {
		t.Errorf("go-app would replace a %s", first.Data)
	}
	var ids []string
	for _, n := range children[1:] {
		ids = append(ids, attr(n, "id"))
	}
	if !slices.Contains(ids, "notice") || !slices.Contains(ids, "progress") {
		t.Errorf("behind it stand %q", ids)
	}
}

// The program reads where to start from the page itself.
func TestThePageLoadsWhatWasBuilt(t *testing.T) {
	root := parse(t, text(t, ask(build(t), "GET", "/r/design-week")))
	script := elements(root, "script")[0]
	// Deferred: the page is read before it is brought to life.
	if attr(script, "src") != "/web/hash.app.js" || attr(script, "data-wasm") != "/web/hash.app.wasm" || !has(script, "defer") ||
		attr(script, "data-icon") != "/web/hash.icon-192.png" || attr(script, "data-badge") != "/web/hash.badge-96.png" {
		t.Errorf("the script has %v", script.Attr)
	}
	links := map[string]string{}
	for _, link := range elements(root, "link") {
		links[attr(link, "rel")] = attr(link, "href")
		// Or a proxy that asks people to sign in would answer in its place.
		if with := attr(link, "crossorigin"); attr(link, "rel") == "manifest" && with != "use-credentials" {
			t.Errorf("the manifest is asked for with %q", with)
		}
	}
	for rel, want := range map[string]string{
		"stylesheet": "/web/hash.rollcall.css", "icon": "/web/hash.icon.svg",
		"apple-touch-icon": "/web/hash.apple-touch-icon.png", "manifest": "/manifest.webmanifest",
	} {
		if links[rel] != want {
			t.Errorf("%s is %q", rel, links[rel])
		}
	}
}

func TestEveryPageCanBeEnlargedAndKnowsLightAndDark(t *testing.T) {
	s := build(t)
	for _, path := range []string{"/", "/r/design-week", "/nope"} {
		root := parse(t, text(t, ask(s, "GET", path)))
		if page := elements(root, "html")[0]; attr(page, "lang") != "en" {
			t.Errorf("%s is in no language", path)
		}
		meta, themes := map[string]string{}, map[string]string{}
		for _, m := range elements(root, "meta") {
			if attr(m, "name") == "theme-color" {
				themes[attr(m, "media")] = attr(m, "content")
				continue
			}
			meta[attr(m, "name")] = attr(m, "content")
		}
		// Nothing more: user-scalable and maximum-scale shut people out. The
		// page reaches around the notch of a phone; the stylesheet keeps
		// clear of it.
		if meta["viewport"] != "width=device-width, initial-scale=1, viewport-fit=cover" {
			t.Errorf("%s: viewport is %q", path, meta["viewport"])
		}
		if meta["color-scheme"] != "light dark" {
			t.Errorf("%s: color-scheme is %q", path, meta["color-scheme"])
		}
		if len(themes) != 2 || themes["(prefers-color-scheme: light)"] == "" || themes["(prefers-color-scheme: dark)"] == "" {
			t.Errorf("%s: theme colours are %v", path, themes)
		}
	}
}

func TestEveryPageObeysItsOwnPolicy(t *testing.T) {
	s := build(t)
	loads := []string{"action", "background", "data", "data-badge", "data-icon", "data-wasm", "formaction", "href", "poster", "src", "srcset"}
	for _, path := range []string{"/", "/r/design-week", "/nope"} {
		root := parse(t, text(t, ask(s, "GET", path)))
		for _, n := range all(root) {
			for _, a := range n.Attr {
				if a.Key == "style" || strings.HasPrefix(a.Key, "on") {
					t.Errorf("%s: %s has %s", path, n.Data, a.Key)
				}
				inPage := attr(n, "rel") == "expect" // names an element, and loads nothing
				if slices.Contains(loads, a.Key) && !inPage && (!strings.HasPrefix(a.Val, "/") || strings.HasPrefix(a.Val, "//")) {
					t.Errorf("%s: %s loads %s", path, n.Data, a.Val)
				}
			}
			if n.Data == "style" || n.Data == "base" || n.Data == "iframe" || attr(n, "http-equiv") != "" {
				t.Errorf("%s has a %s", path, n.Data)
			}
			if n.Data == "script" && (n.FirstChild != nil || attr(n, "src") == "") {
				t.Errorf("%s: an inline script", path)
			}
		}
	}
}

func TestARoomsPageNamesItInTextOnly(t *testing.T) {
	s := build(t)
	page := text(t, ask(s, "GET", "/r/design-week"))
	if !strings.Contains(page, `<strong translate="no">design-week</strong>`) || strings.Contains(page, "lobby") {
		t.Errorf("the page is not the room's: %s", page)
	}
	if want := strings.ReplaceAll(page, "design-week", "lobby"); want != text(t, ask(s, "GET", "/")) {
		t.Error("it is not the same shell")
	}
	root := parse(t, page)
	for _, n := range all(root) {
		for _, a := range n.Attr {
			if strings.Contains(a.Val, "design-week") {
				t.Errorf("the room stands in %s of %s", a.Key, n.Data)
			}
		}
	}
	if head := shown(elements(root, "head")[0]); strings.Contains(head, "design-week") {
		t.Errorf("the room stands in the head: %s", head)
	}
}

func TestTheLobbyIsTheSameRoomUnderBothAddresses(t *testing.T) {
	s := build(t)
	if text(t, ask(s, "GET", "/")) != text(t, ask(s, "GET", "/r/lobby")) {
		t.Error("the pages differ")
	}
}

func TestTheSamePageHasTheSameETagOnEveryServer(t *testing.T) {
	first := build(t)
	for range 5 { // go-app writes attributes in random order
		s := build(t)
		for _, path := range []string{"/", "/r/design-week"} {
			for _, accept := range []string{"", "gzip", "br"} {
				want := ask(first, "GET", path, "Accept-Encoding", accept)
				got := ask(s, "GET", path, "Accept-Encoding", accept)
				if got.Header.Get("ETag") != want.Header.Get("ETag") || text(t, got) != text(t, want) {
					t.Fatalf("%s for %q: %s and %s", path, accept, want.Header.Get("ETag"), got.Header.Get("ETag"))
				}
			}
		}
		if text(t, ask(first, "GET", "/nope")) != text(t, ask(s, "GET", "/nope")) {
			t.Fatal("the pages for what is not found differ")
		}
	}
}
