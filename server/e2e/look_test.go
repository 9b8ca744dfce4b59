package e2e

import (
	"fmt"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"rollcall/shared/client"
)

// crowd joins people who have no browser, until the test ends.
func crowd(t testing.TB, s *server, room string, names ...string) {
	t.Helper()
	for _, name := range names {
		c, err := client.Dial(t.Context(), s.ws(), client.Options{Name: name, Room: room})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		t.Cleanup(c.Close)
	}
}

var dozen = []string{
	"Jonas Weber", "Priya Nair", "山田 太郎", "Léa Dubois", "ليلى حداد", "Sam O’Neil",
	"Ana María", "Tobias Lind", "Chidi Okafor", "Maximiliane von Hohenstein", "👩🏽‍🚀 Wei",
}

// TestLookOfEveryState leaves a picture of each state, size and scheme in
// .artifacts/look, and checks what a program can: nothing is cut off, runs out
// of the window or keeps people with a disability out.
func TestLookOfEveryState(t *testing.T) {
	s := start(t, "-linger", "0s", "-grace", "0s")
	crowd(t, s, "twelve", dozen...)
	hundreds := make([]string, 300)
	for i := range hundreds {
		hundreds[i] = fmt.Sprintf("%s %d", dozen[i%len(dozen)], i)
	}
	crowd(t, s, "hundreds", hundreds...)

	states := []struct {
		name, path string
		reach      func(p *person)
	}{
		{"first-visit", "/r/design-week", (*person).awaitAlive},
		{"bad-name", "/", func(p *person) {
			p.join(" ")
			p.await(`document.querySelector("#name-problem").textContent`)
		}},
		{"alone", "/r/alone", func(p *person) { p.join("Ana María"); p.sees("Ana María") }},
		{"twelve", "/r/twelve", func(p *person) {
			p.join("Ana María")
			p.await(`document.querySelectorAll(".box").length === 12`)
		}},
		{"hundreds", "/r/hundreds", func(p *person) {
			p.join("Ana María")
			p.await(`document.querySelectorAll(".box").length === 301`)
		}},
		{"not-found", "/r/no_such_room", func(p *person) { p.forgive("404") }},
	}
	for _, state := range states {
		t.Run(state.name, func(t *testing.T) {
			p := visit(t, "Ana", s.url+state.path)
			state.reach(p)
			p.lookAt(state.name)
		})
	}
	t.Run("offline", func(t *testing.T) {
		p := visit(t, "Ana", s.url+"/r/twelve")
		p.join("Ana María")
		p.await(`document.querySelectorAll(".box").length === 12`)
		late := visit(t, "Late", s.url+"/r/twelve")
		late.awaitAlive()
		s.stop()
		p.await(`document.querySelector(".offline")`)
		late.join("Late")
		late.await(`document.querySelector(".word").textContent`)
		p.do(chromedp.Sleep(stale))
		p.lookAt("offline")
		late.lookAt("unreachable")
		p.forgive("WebSocket", "ERR_CONNECTION_REFUSED")
		late.forgive("WebSocket", "ERR_CONNECTION_REFUSED")
	})
}

var sizes = []struct{ width, height int64 }{{360, 740}, {820, 1180}, {1440, 900}}

func (p *person) lookAt(state string) {
	p.t.Helper()
	for _, scheme := range []string{"light", "dark"} {
		call(p, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
		})
		for _, size := range sizes {
			p.do(chromedp.EmulateViewport(size.width, size.height), chromedp.Sleep(settle))
			p.screenshot(fmt.Sprintf("look/%s-%d-%s.png", state, size.width, scheme))
			if eval[bool](p, `document.documentElement.scrollWidth > innerWidth`) {
				p.t.Errorf("%s at %d: runs out of the window", state, size.width)
			}
			for _, cut := range eval[[]string](p, cutOffJS) {
				p.t.Errorf("%s at %d: cut off: %s", state, size.width, cut)
			}
		}
		p.audit(state + " in " + scheme)
	}
}

// cutOffJS finds text that does not fit where it stands and has no ellipsis.
const cutOffJS = `[...document.querySelectorAll("body *")].filter(e =>
	e.checkVisibility() && e.innerText && getComputedStyle(e).overflow === "hidden" && getComputedStyle(e).textOverflow !== "ellipsis" &&
	!getComputedStyle(e).clipPath.startsWith("inset") && (e.scrollWidth > e.clientWidth + 1 || e.scrollHeight > e.clientHeight + 1)).map(e => e.outerHTML.slice(0, 80))`
