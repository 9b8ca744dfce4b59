package site

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

// readManifest is the manifest as a browser reads it.
func readManifest(t *testing.T, s *Site) map[string]any {
	t.Helper()
	resp := ask(s, "GET", "/manifest.webmanifest")
	h := resp.Header
	if h.Get("Content-Type") != "application/manifest+json" || h.Get("Cache-Control") != "no-cache" || h.Get("ETag") == "" {
		t.Errorf("headers are %v", h)
	}
	var m map[string]any
	if err := json.Unmarshal([]byte(text(t, resp)), &m); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestTheManifestSaysWhatIsInstalled(t *testing.T) {
	m := readManifest(t, build(t))
	for key, want := range map[string]string{
		"id": "/", "name": "Rollcall", "short_name": "Rollcall", "start_url": "/", "scope": "/",
		"display": "standalone", "lang": "en", "dir": "ltr", "theme_color": "#f6f5f1", "background_color": "#f6f5f1",
	} {
		if m[key] != want {
			t.Errorf("%s is %v", key, m[key])
		}
	}
	if dark := m["color_scheme_dark"].(map[string]any); dark["theme_color"] != "#131310" || dark["background_color"] != "#131310" {
		t.Errorf("in the dark it is %v", dark)
	}
	if m["description"] == "" || len(m["categories"].([]any)) == 0 || m["display_override"].([]any)[0] != "standalone" {
		t.Errorf("the manifest is %v", m)
	}
}

func TestTheManifestNamesAnIconForEveryPurpose(t *testing.T) {
	s := build(t)
	var icons []string
	for _, icon := range readManifest(t, s)["icons"].([]any) {
		icon := icon.(map[string]any)
		icons = append(icons, strings.Join([]string{icon["purpose"].(string), icon["sizes"].(string), icon["type"].(string), icon["src"].(string)}, " "))
	}
	want := []string{
		"any 192x192 image/png /web/hash.icon-192.png", "any 512x512 image/png /web/hash.icon-512.png",
		"maskable 192x192 image/png /web/hash.maskable-192.png", "maskable 512x512 image/png /web/hash.maskable-512.png",
		"any any image/svg+xml /web/hash.icon.svg",
	}
	if !slices.Equal(icons, want) {
		t.Errorf("icons are %q", icons)
	}
}

func TestTheManifestHasShortcutsIntoTheSite(t *testing.T) {
	s := build(t)
	urls := []string{}
	for _, shortcut := range readManifest(t, s)["shortcuts"].([]any) {
		shortcut := shortcut.(map[string]any)
		urls = append(urls, shortcut["name"].(string)+" "+shortcut["url"].(string))
		icon := shortcut["icons"].([]any)[0].(map[string]any)
		if status := ask(s, "GET", icon["src"].(string)).StatusCode; status != 200 || icon["sizes"] != "192x192" {
			t.Errorf("%v has the icon %v: %d", shortcut["name"], icon, status)
		}
		if status := ask(s, "GET", shortcut["url"].(string)).StatusCode; status != 200 {
			t.Errorf("%v: %d", shortcut["url"], status)
		}
	}
	if want := []string{"Lobby /", "New room /?room=new", "Wall view /?view=wall"}; !slices.Equal(urls, want) {
		t.Errorf("shortcuts are %q", urls)
	}
}

// The sizes are the pictures' own, so that a new one needs no other change.
func TestTheManifestShowsThePageWideAndNarrow(t *testing.T) {
	var shown []string
	for _, picture := range readManifest(t, build(t))["screenshots"].([]any) {
		picture := picture.(map[string]any)
		shown = append(shown, strings.Join([]string{picture["form_factor"].(string), picture["sizes"].(string), picture["src"].(string), picture["type"].(string)}, " "))
		if picture["label"] == "" || picture["purpose"] != nil {
			t.Errorf("the picture is %v", picture)
		}
	}
	if want := []string{"wide 640x400 /web/hash.screenshot-wide.png image/png", "narrow 360x740 /web/hash.screenshot-narrow.png image/png"}; !slices.Equal(shown, want) {
		t.Errorf("screenshots are %q", shown)
	}
}
