package e2e

import (
	"cmp"
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"rollcall/shared/client"
	"rollcall/shared/event"
)

// crowd joins people who have no browser, until the test ends.
func crowd(t testing.TB, s *server, room string, names ...string) (all []*client.Client) {
	t.Helper()
	for _, name := range names {
		c, err := client.Dial(t.Context(), s.ws(), client.Options{Name: name, Room: room})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		t.Cleanup(c.Close)
		all = append(all, c)
	}
	return all
}

var dozen = []string{
	"Jonas Weber", "Priya Nair", "山田 太郎", "Léa Dubois", "ليلى حداد", "Sam O’Neil",
	"Ana María", "Tobias Lind", "Chidi Okafor", "Maximiliane von Hohenstein", "👩🏽‍🚀 Wei",
}

// lively joins eleven people who are as people are: away, busy, with a note, until
// a time or not.
func lively(t testing.TB, s *server, room string) {
	t.Helper()
	all := crowd(t, s, room, dozen...)
	in := func(d time.Duration) *int64 { return new(time.Now().Add(d).UnixMilli()) }
	for i, change := range map[int]event.Patch{
		1:  {Note: new("In the kitchen")},
		2:  {Status: new(event.StatusAway)},
		3:  {Status: new(event.StatusBusy), Note: new("Presenting"), Until: in(2 * time.Hour)},
		4:  {Status: new(event.StatusAway), Until: in(30 * time.Hour)},
		5:  {Status: new(event.StatusBusy), Until: in(90 * time.Minute)},
		6:  {Note: new("At the front desk"), Until: in(3 * time.Hour)},
		7:  {Status: new(event.StatusAway), Note: new("Lunch")},
		8:  {Note: new("Grid, Flexbox & tea")},
		9:  {Status: new(event.StatusBusy), Until: in(200 * 24 * time.Hour)},
		10: {Status: new(event.StatusBusy), Note: new("חוזר עוד מעט"), Until: in(time.Hour)},
	} {
		all[i].Update(change)
	}
}

// joined comes into a room in which there are n people then.
func joined(n int) func(*person) {
	return func(p *person) {
		p.join("Ana María")
		p.awaitCount(n)
	}
}

// opened comes into a lively room and opens a dialog there.
func opened(selector string) func(*person) {
	return func(p *person) {
		joined(12)(p)
		p.click(selector)
		p.await(`document.querySelector("dialog.modal[open]")`)
	}
}

func several(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("%s %d", dozen[i%len(dozen)], i+1)
	}
	return names
}

// TestLookOfEveryState leaves a picture of each state, size and scheme in
// .artifacts/look, and checks what a program can: nothing is cut off or runs
// out of the window, and nothing keeps people out.
func TestLookOfEveryState(t *testing.T) {
	t.Parallel()
	s := start(t, "-window", "400")

	empty := func(testing.TB, string) {}
	twelve := func(t testing.TB, room string) { lively(t, s, room) } // with the one who looks
	large := func(t testing.TB, room string) { crowd(t, s, room, several(450)...) }
	for _, state := range []struct {
		name  string
		room  func(t testing.TB, room string) // who is there before
		query string
		reach func(*person)
	}{
		{"first-visit", empty, "", (*person).awaitAlive},
		{"bad-name", empty, "", func(p *person) {
			p.join(" ")
			p.await(`document.querySelector("#name-problem").textContent`)
		}},
		{"alone", empty, "", joined(1)},
		{"twelve", twelve, "", joined(12)},
		{"list", twelve, "", func(p *person) {
			joined(12)(p)
			p.click(`[aria-label="List"]`)
			p.await(`document.querySelector(".list")`)
		}},
		{"found", twelve, "", func(p *person) {
			joined(12)(p)
			p.search("an")
			p.await(`document.querySelector(".count").innerText.includes("found")`)
		}},
		{"nobody-found", twelve, "", func(p *person) {
			joined(12)(p)
			p.search("nobody")
			p.await(`document.querySelector(".nobody")`)
		}},
		{"editor", twelve, "", opened(".self .face")},
		{"person", twelve, "", opened(".box:nth-child(5) .face")},
		{"invite", twelve, "", opened(".bar .primary")},
		{"rooms", twelve, "", func(p *person) {
			opened("#more")(p)
			p.click(".more .button:nth-child(2)")
			p.await(`document.querySelector(".room-links")`)
		}},
		{"more", twelve, "", opened("#more")},
		{"hundreds", func(t testing.TB, room string) { crowd(t, s, room, several(300)...) }, "", joined(301)},
		{"large", large, "", func(p *person) {
			joined(451)(p)
			p.await(`(scrollTo(0, 3000), document.querySelector('[aria-posinset="120"]') && !document.querySelector(".unknown"))`)
		}},
		{"wall", twelve, "?view=wall", func(p *person) { p.await(`document.querySelectorAll(".box").length >= 11`) }},
		{"wall-empty", empty, "?view=wall", func(p *person) { p.await(`document.querySelector(".word")`) }},
		{"wall-large", large, "?view=wall", func(p *person) {
			p.await(`document.querySelector(".others") && document.querySelectorAll(".box").length > 100`)
		}},
	} {
		t.Run(state.name, func(t *testing.T) {
			t.Parallel()
			state.room(t, state.name)
			p := visit(t, "Ana", s.url+"/r/"+state.name+state.query)
			state.reach(p)
			p.lookAt(state.name)
		})
	}
	for _, state := range []struct {
		name, before string
		reach        func(*person)
	}{
		{"later", later, joined(12)},
		{"person-later", later, opened(".box:nth-child(4) .face")},
		{"connecting", stuckSocket, func(p *person) {
			p.join("Ana María")
			p.await(`document.querySelector(".join .button").getAttribute("aria-disabled") === "true"`)
		}},
		{"wall-connecting", stuckSocket, func(p *person) {
			p.do(chromedp.Navigate(s.url + "/r/wall-connecting?view=wall"))
			p.await(`document.querySelector(".connecting")`)
		}},
		{"partial", partialRooms, func(p *person) {
			joined(12)(p)
			p.await(`document.querySelector(".notices").innerText === "You may not see everybody."`)
		}},
		{"partial-alone", partialRooms, func(p *person) {
			p.do(chromedp.Navigate(s.url + "/r/partial-nobody"))
			joined(1)(p)
			p.await(`document.querySelector(".alone h2").textContent === "Share this link."`)
		}},
		{"wall-partial", partialRooms, func(p *person) {
			p.do(chromedp.Navigate(s.url + "/r/wall-partial?view=wall"))
			p.await(`document.querySelectorAll(".box").length >= 11 && document.querySelector(".wall-partial")`)
		}},
		{"wall-partial-empty", partialRooms, func(p *person) {
			p.do(chromedp.Navigate(s.url + "/r/partial-empty?view=wall"))
			p.await(`document.querySelector(".word").textContent === "You may not see everybody."`)
		}},
		{"removed", heldSockets, func(p *person) {
			joined(12)(p)
			p.await(`sockets.at(-1).put("removed", "You were removed from this room.")`)
			p.await(`document.querySelector(".word")?.textContent.includes("removed")`)
		}},
		{"no-webassembly", `delete window.WebAssembly`, func(p *person) { p.await(`!document.querySelector("#notice").hidden`) }},
	} {
		t.Run(state.name, func(t *testing.T) {
			t.Parallel()
			twelve(t, state.name)
			p := visit(t, "Ana", "about:blank")
			p.before(state.before)
			p.do(chromedp.Navigate(s.url + "/r/" + state.name))
			state.reach(p)
			p.lookAt(state.name)
			if state.name == "no-webassembly" {
				p.forgive("preloaded using link preload but not used") // which the browser says after some seconds
			}
		})
	}
	t.Run("not-found", func(t *testing.T) {
		t.Parallel()
		p := visit(t, "Ana", s.url+"/r/no_such_room")
		p.forgive("404")
		p.lookAt("not-found")
	})
	t.Run("no-javascript", func(t *testing.T) {
		t.Parallel()
		p := visit(t, "Ana", "about:blank")
		scripts := func(on bool) {
			call(p, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !on})
		}
		scripts(false)
		p.do(chromedp.Navigate(s.url+"/r/twelve"), chromedp.WaitVisible(chromedp.CSS("noscript .notice")))
		for _, scheme := range []string{"dark", "light"} {
			p.pictures("no-javascript", scheme)
			scripts(true) // for the audit; the page's own do not run any more
			p.audit("no-javascript in " + scheme)
			scripts(false)
		}
		p.forgive("preloaded using link preload but not used") // which the browser says after some seconds
	})
	for state, room := range map[string]func(testing.TB, string){"plain-http-first-visit": nil, "plain-http-alone": empty, "plain-http": twelve} {
		t.Run(state, func(t *testing.T) {
			t.Parallel()
			p := visit(t, "Ana", s.lan()+"/r/"+state)
			p.awaitAlive()
			if room != nil {
				room(t, state)
				p.join("Ana María")
				p.await(`document.querySelector(".self")`)
			}
			p.await(`document.querySelector(".footnote").innerText.includes("plain HTTP")`)
			p.lookAt(state)
		})
	}
}

// TestLookOfLimits is TestLookOfEveryState for what a server refuses.
func TestLookOfLimits(t *testing.T) {
	t.Parallel()
	for state, c := range map[string]struct {
		args        []string
		crowd, path string
		want        []string
	}{
		"rate-limited": {[]string{"-limit-joins", "1"}, "", "/", []string{"Too many people", "Trying again in"}},
		"room-full":    {[]string{"-limit-members", "1"}, "", "/", []string{"The room is full", "Trying again"}},
		"server-full":  {[]string{"-limit-rooms", "1"}, "some", "/r/other", []string{"room", "Trying again"}}, // the lobby does not count
	} {
		t.Run(state, func(t *testing.T) {
			t.Parallel()
			s := start(t, c.args...)
			crowd(t, s, cmp.Or(c.crowd, "lobby"), "Ben")
			p := visit(t, "Ana", s.url+c.path)
			p.join("Ana María")
			for _, want := range c.want {
				p.await(fmt.Sprintf("document.querySelector('.word').textContent.includes(%q)", want))
			}
			p.lookAt(state)
			p.forgive("WebSocket")
		})
	}
}

// TestLookOfAbsence is TestLookOfEveryState without a server, and with the next
// one.
func TestLookOfAbsence(t *testing.T) {
	t.Parallel()
	s := start(t, "-grace", "1m")
	lively(t, s, "twelve")
	p := visitAndKeep(t, s.url+"/r/twelve")
	p.join("Ana María")
	p.awaitCount(12)
	wall := visit(t, "The wall", s.url+"/r/twelve?view=wall")
	wall.awaitCount(12)
	late := visit(t, "Late", s.url+"/r/other")
	late.awaitAlive()
	s.stop()
	p.await(`document.querySelector(".notices").innerText.includes("lost")`)
	p.lookAt("reconnecting")
	p.opens(".box:nth-child(3) .face", "Priya Nair")
	p.lookAt("person-offline")
	p.press(kb.Escape)
	wall.await(`document.querySelector(".offline")`)
	wall.lookAt("wall-offline")
	late.join("Late")
	late.await(`document.querySelector(".word").textContent.includes("Trying again")`)
	late.lookAt("unreachable")
	p.do(chromedp.Reload())
	p.await(`document.querySelector(".count")?.innerText.includes("people here at ")`)
	p.lookAt("offline-start")

	s.binary = nextVersion(t)
	s.restart()
	p.await(`document.querySelector(".connected")`)
	p.await(`(rollcall.checkUpdate(), document.querySelector(".notices").innerText.includes("new version"))`)
	p.lookAt("new-version")
	for _, p := range []*person{p, late, wall} {
		p.forgiveRestart("fetching the script", "without a network")
	}
}

// heardAs has a page hear what the server says as a function makes it.
func heardAs(function string) string {
	return `{
		const heard = ` + function + `, { get } = Object.getOwnPropertyDescriptor(MessageEvent.prototype, "data");
		Object.defineProperty(MessageEvent.prototype, "data", { get() {
			const data = get.call(this);
			return typeof data === "string" ? heard(data) : data;
		} });
	}`
}

// later has all be so for 45 minutes, and partialRooms is of a server that cannot reach
// the others.
var (
	later        = heardAs(`data => data.replace(/"now":(\d+)/, (_, now) => '"now":' + (Number(now) + 45 * 60000))`)
	partialRooms = heardAs(`data => data.replace(/("event":"room","data":{[^}]*)}/, '$1,"partial":true}')`)
)

// stuckSocket is a WebSocket that never opens, and heldSockets are those that a test can
// put a refusal into.
const (
	stuckSocket = `window.WebSocket = class extends EventTarget { readyState = 0; close() {} send() {} }`
	heldSockets = `window.sockets = []; window.WebSocket = class extends WebSocket {
		constructor(...args) { super(...args); sockets.push(this) }
		put(code, message) {
			this.dispatchEvent(new MessageEvent("message", {data: JSON.stringify([{event: "error", data: {code, message}}])}));
			this.close();
			return true;
		}
	}`
)

// before runs a script in each page before its own.
func (p *person) before(script string) {
	p.t.Helper()
	call(p, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: script})
}

type size struct{ width, height int64 }

var sizes = []size{{360, 740}, {820, 1180}, {1440, 900}}

// lookAt takes pictures of a state and audits it: as on a phone in the one
// scheme, and as on a computer in the other. In short those are all the
// pictures; make shots takes them in each size and scheme.
func (p *person) lookAt(state string) {
	p.t.Helper()
	for _, scheme := range []string{"dark", "light"} {
		p.pictures(state, scheme)
		p.audit(fmt.Sprintf("%s in %s", state, scheme))
	}
}

func (p *person) pictures(state, scheme string) {
	p.t.Helper()
	call(p, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	})
	shown := sizes // the last is audited
	switch {
	case scheme == "dark" && testing.Short():
		shown = sizes[:1]
	case scheme == "dark":
		shown = []size{sizes[2], sizes[1], sizes[0]}
	case testing.Short():
		shown = sizes[2:]
	}
	for _, size := range shown {
		p.do(chromedp.EmulateViewport(size.width, size.height), chromedp.Sleep(settle))
		p.screenshot(fmt.Sprintf("look/%s-%d-%s.png", state, size.width, scheme))
		if eval[bool](p, `document.documentElement.scrollWidth > innerWidth`) {
			p.t.Errorf("%s at %d: runs out of the window", state, size.width)
		}
		for _, cut := range eval[[]string](p, cutOffJS) {
			p.t.Errorf("%s at %d: cut off: %s", state, size.width, cut)
		}
	}
}

// cutOffJS finds text that does not fit where it stands and has no ellipsis.
const cutOffJS = `[...document.querySelectorAll("body *")].filter(e =>
	e.checkVisibility() && e.innerText && getComputedStyle(e).overflow === "hidden" && getComputedStyle(e).textOverflow !== "ellipsis" &&
	!getComputedStyle(e).clipPath.startsWith("inset") && (e.scrollWidth > e.clientWidth + 1 || e.scrollHeight > e.clientHeight + 1)).map(e => e.outerHTML.slice(0, 80))`
