package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"rollcall/shared/event"
	"rollcall/shared/roster"
)

// keptJS is what the page keeps, in both storages.
const keptJS = `[...Object.keys(localStorage), ...Object.keys(sessionStorage)].filter(key => key.startsWith("rollcall."))`

func TestOneComesBackAsOneWas(t *testing.T) {
	t.Parallel()
	s := start(t, quick...)
	watcher := watch(t, s, "lobby")
	home := visit(t, "Ana", "about:blank") // the browser stays open
	first := home.anotherTab(s.url)
	first.join("Ana")
	first.edit("Ana María", event.StatusBusy, "In the kitchen")
	first.close()
	awaitNames(t, watcher)

	tab := home.anotherTab(s.url)
	tab.awaitAlive()
	if offered := eval[string](tab, `document.querySelector("#name").value`); offered != "Ana María" {
		t.Errorf("offered %q", offered)
	}
	tab.press(kb.Enter)
	same := func() {
		t.Helper()
		tab.sees("Ana María")
		tab.await(`document.querySelector(".self .detail").textContent === "busy · In the kitchen"`)
		awaitUsers(t, watcher, func(users []event.User) bool {
			return len(users) == 1 && users[0].Name == "Ana María" && users[0].Status == event.StatusBusy && users[0].Note == "In the kitchen"
		})
	}
	same()
	tab.do(chromedp.Reload())
	same()

	// What is taken back stays so.
	tab.edit("Ana María", event.StatusHere, kb.Delete)
	tab.close()
	awaitNames(t, watcher)
	again := home.anotherTab(s.url)
	again.awaitAlive()
	again.press(kb.Enter)
	again.sees("Ana María")
	again.await(`document.querySelector(".self .detail").textContent === "just now"`)
}

// said is how a client has seen somebody change, but for their link, which a
// reload touches.
func said(changes []roster.Change) (all []event.User) {
	for _, change := range changes {
		if change.Kind == roster.Updated && !event.Diff(change.Before, change.User).IsZero() {
			all = append(all, change.User)
		}
	}
	return all
}

func TestWhatOneSaysInARoomStaysThere(t *testing.T) {
	t.Parallel()
	s := start(t)
	lobby := watch(t, s, "lobby")
	p := visit(t, "Ana", s.url)
	p.join("Ana")
	p.sees("Ana")
	tab := p.anotherTab(s.url + "/r/other")
	tab.join("Bea")
	tab.sees("Bea")
	tab.edit("Bea María", event.StatusBusy, "In the kitchen")

	p.do(chromedp.Reload())
	p.sees("Ana")
	p.await(`document.querySelector(".self .detail").textContent === "just now"`)
	if changes := said(sightings(t, s, lobby, "lobby", "Ana")); len(changes) > 0 {
		t.Errorf("the lobby has been told %+v", changes)
	}
	tab.do(chromedp.Reload())
	tab.sees("Bea María")
	tab.await(`document.querySelector(".self .detail").textContent === "busy · In the kitchen"`)

	// A room that is new is offered the last name, and is told nothing else.
	third := p.anotherTab(s.url + "/r/third")
	third.awaitAlive()
	third.await(`document.querySelector("#name").value === "Bea María"`)
	third.press(kb.Enter)
	third.sees("Bea María")
	third.await(`document.querySelector(".self .detail").textContent === "just now"`)

	// Who goes to another room in place is there as they were.
	third.opens(".rooms-button", "Rooms")
	third.click(`.room-link[href="/"]`)
	third.await(`document.querySelector(".room")?.textContent === "lobby"`)
	third.sees("Ana")
	if changes := said(sightings(t, s, lobby, "lobby", "Ana")); len(changes) > 0 {
		t.Errorf("the lobby has been told %+v", changes)
	}
}

func TestAReloadTakesNothingBackThatAnotherTabSaid(t *testing.T) {
	t.Parallel()
	s := start(t)
	watcher := watch(t, s, "lobby")
	p := visit(t, "Ana", s.url)
	p.join("Ana")
	p.sees("Ana")
	tab := p.anotherTab(s.url)
	tab.join("Ana")
	tab.sees("Ana")
	tab.edit("Bea", event.StatusBusy, "Out")
	for _, q := range []*person{p, tab, p} {
		q.await(`document.querySelector(".self .detail").textContent === "busy · Out"`)
		q.do(chromedp.Reload())
		q.sees("Bea")
		q.await(`document.querySelector(".self .detail").textContent === "busy · Out"`)
	}
	if changes := said(sightings(t, s, watcher, "lobby", "Bea")); len(changes) > 1 {
		t.Errorf("the room has been told %+v", changes)
	}
}

// Once there was one name, status and note for all rooms.
func TestWhatWasKeptForAllRoomsIsKeptForEach(t *testing.T) {
	t.Parallel()
	s := start(t)
	p := visitRecorded(t, "Ana", s.url, `if (!localStorage["rollcall.look"]) Object.assign(localStorage, {"rollcall.name": "Ana", "rollcall.status": "busy", "rollcall.note": "Out",
		"rollcall.rooms": '["lobby","a","b","c","d","e","f","g"]', "rollcall.look": "list", "rollcall.name.a": "Bea"})`)
	for _, c := range []struct{ path, name, detail string }{{"/", "Ana", "busy · Out"}, {"/r/a", "Bea", "just now"}, {"/r/b", "Ana", "busy · Out"}} {
		p.do(chromedp.Navigate(s.url + c.path))
		p.awaitAlive()
		p.press(kb.Enter)
		p.sees(c.name)
		p.await(fmt.Sprintf(`document.querySelector(".self .detail").textContent === %q`, c.detail))
	}
	// One more, and the room used longest ago is forgotten.
	p.await(`localStorage["rollcall.note.g"] === "Out" && localStorage["rollcall.status.g"] === "busy" && localStorage["rollcall.name.g"] === "Ana"`)
	p.do(chromedp.Navigate(s.url + "/r/new"))
	p.awaitAlive()
	p.press(kb.Enter)
	p.sees("Ana")
	p.await(`document.querySelector(".self .detail").textContent === "just now"`)
	if kept := eval[[]string](p, keptJS+`.filter(key => key.endsWith(".g") || key === "rollcall.status" || key === "rollcall.note")`); len(kept) > 0 {
		t.Errorf("kept %q", kept)
	}
}

func TestTheRoomsUsedLastAreListed(t *testing.T) {
	t.Parallel()
	s := start(t)
	p := visit(t, "Ana", s.url+"/r/one")
	p.join("Ana")
	for _, path := range []string{"/r/two", "/r/three", "/r/one"} {
		p.sees("Ana")
		p.do(chromedp.Navigate(s.url + path))
		p.awaitAlive()
		p.press(kb.Enter)
	}
	p.sees("Ana")
	p.opens("#more", "More")
	p.opens(".more .button:nth-child(2)", "Rooms")
	p.await(`JSON.stringify([...document.querySelectorAll(".room-name")].map(e => e.textContent)) === '["one","three","two","lobby"]'`)
	p.await(`[...document.querySelectorAll("[aria-current]")].map(e => e.innerText).join().startsWith("one")`)
	p.press(kb.Escape)
	p.awaitNoDialog()
}

func TestADeviceForgetsAll(t *testing.T) {
	t.Parallel()
	s := start(t)
	watcher := watch(t, s, "lobby")
	p := visit(t, "Ana", s.url)
	p.join("Ana")
	p.edit("Ana", event.StatusAway, "Out")
	tab := p.anotherTab(s.url)
	tab.join("Ana")
	elsewhere, other := p.anotherTab(s.url+"/r/other"), watch(t, s, "other")
	elsewhere.join("Ana")
	elsewhere.sees("Ana")
	crowd(t, s, "lobby", "Ben")
	p.sees("Ana", "Ben")
	tab.sees("Ana", "Ben")
	const forget = ".about .danger"
	before, cookie := eval[string](p, selfJS), p.cookie()
	p.opens("#more", "More")
	p.click(forget)
	p.await(`document.querySelector("` + forget + `").textContent.includes("forget everything")`)
	awaitNames(t, watcher, "Ana", "Ben") // not yet
	p.click(forget)
	awaitNames(t, watcher, "Ben")
	p.await(`document.querySelector(".word").textContent === "All is forgotten, and you have left the room."`)
	tab.await(`document.querySelector(".word").textContent === "You have left the room."`)
	elsewhere.await(`document.querySelector(".word").textContent === "You have left the room."`)
	awaitNames(t, other)
	for _, q := range []*person{p, tab, elsewhere} {
		if kept := eval[[]string](q, keptJS); len(kept) > 0 {
			t.Errorf("%s: kept %q", q.who, kept)
		}
		q.do(chromedp.Reload())
		q.awaitAlive()
		q.await(`document.querySelector("#name").value === "" && !document.querySelector(".board")`)
		if kept := eval[[]string](q, keptJS); len(kept) > 0 {
			t.Errorf("%s: kept %q after a reload", q.who, kept)
		}
	}
	p.join("Bea")
	p.sees("Bea", "Ben")
	if after := eval[string](p, selfJS); after == before || p.cookie() == cookie {
		t.Errorf("who joins next is still %s", before)
	}
}

// cookie is the one by which the server knows the browser, empty if there is none.
func (p *person) cookie() string {
	p.t.Helper()
	for _, c := range call(p, network.GetCookies, network.GetCookiesParams{}).Cookies {
		if strings.HasPrefix(c.Name, "rollcall") {
			return c.Value
		}
	}
	return ""
}

// forgetAll has the device forget everything.
func (p *person) forgetAll() {
	p.t.Helper()
	p.opens("#more", "More")
	p.click(".about .danger")
	p.click(".about .danger")
}

// Who has everything forgotten while the server is away is somebody else when it
// is back, in every tab, whether the page has lived to see it or not.
func TestADeviceForgetsWhileTheServerIsAway(t *testing.T) {
	t.Parallel()
	s := start(t, "-grace", "1m")
	for _, reload := range []bool{false, true} {
		address := fmt.Sprintf("%s/r/reload-%v", s.url, reload)
		p := visitRecorded(t, "Ana", address, recordedSockets)
		p.join("Ana")
		p.sees("Ana")
		tab := p.anotherTab("about:blank")
		tab.before(recordedSockets)
		tab.do(chromedp.Navigate(address))
		tab.join("Ana")
		tab.sees("Ana")
		before, cookie := eval[string](p, selfJS), p.cookie()
		for _, q := range []*person{p, tab} {
			q.await(`(window.cut = true, sockets.at(-1).close(), true)`)
			q.await(`document.querySelector(".notices").innerText.includes("Try now")`)
		}
		call(p, network.SetBlockedURLs, network.SetBlockedURLsParams{URLPatterns: []*network.BlockPattern{{URLPattern: "*://*:*/api/forget", Block: true}}})
		p.forgetAll()
		p.await(`document.querySelector(".word").textContent.includes("The server forgets who you were as soon as")`)
		tab.await(`document.querySelector(".word").textContent === "You have left the room."`)
		if p.cookie() != cookie {
			t.Fatal("the cookie is gone already")
		}
		call(p, network.SetBlockedURLs, network.SetBlockedURLsParams{})
		p.forgive("WebSocket", "426", "request failed", "ERR_BLOCKED_BY_CLIENT")
		tab.forgive("WebSocket", "426")
		if reload {
			p.do(chromedp.Reload())
			p.awaitAlive()
		} else {
			// The browser may block for a moment longer than it says; by itself, the page asks
			// again only after a pause that is as long as the test waits.
			p.await(`(window.cut = false, window.asked = 0, true)`)
			p.await(`(performance.now() > asked + 1000 && (asked = performance.now(), dispatchEvent(new Event("online"))),
				document.querySelector(".word").textContent === "All is forgotten, and you have left the room.")`)
		}
		p.await(`!localStorage["rollcall.end"]`)
		if p.cookie() == cookie {
			t.Error("the cookie is still there")
		}
		p.join("Bea")
		p.await(`document.querySelector(".self .name").textContent === "Bea"`)
		if after := eval[string](p, selfJS); after == before {
			t.Errorf("who joins next is still %s", before)
		}
		p.close()
		tab.close()
	}
}

// A page that the browser has put aside for the way back hears of nothing
// meanwhile.
func TestAPageThatComesBackIsAsTheDeviceKnowsItsUser(t *testing.T) {
	t.Parallel()
	s := start(t, quick...)
	p := visitRecorded(t, "Ana", s.url, `addEventListener("storage", e => e.stopImmediatePropagation(), true)`)
	p.join("Ana")
	p.sees("Ana")
	away := func() { p.await(`(dispatchEvent(new PageTransitionEvent("pagehide", {persisted: true})), true)`) }
	back := func() { p.await(`(dispatchEvent(new PageTransitionEvent("pageshow", {persisted: true})), true)`) }
	away()
	tab := p.anotherTab(s.url)
	tab.join("Ana")
	tab.edit("Bea", event.StatusBusy, "")
	back()
	p.sees("Bea")
	tab.sees("Bea")
	p.await(`document.querySelector(".self .detail").textContent === "busy"`)
	away()
	tab.forgetAll()
	tab.await(`document.querySelector(".word").textContent === "All is forgotten, and you have left the room."`)
	back()
	p.await(`document.querySelector("#name").value === "" && !document.querySelector(".board")`)
}

// A browser that blocks cookies blocks storage, which even to ask for throws.
func TestThePageWorksWhereNothingCanBeKept(t *testing.T) {
	t.Parallel()
	s := start(t)
	p := visitRecorded(t, "Ana", s.url, `window.asked = 0; for (const name of ["localStorage", "sessionStorage"])
		Object.defineProperty(window, name, {configurable: true, get() { asked++; throw new DOMException("Access is denied", "SecurityError") }});`)
	p.join("Ana")
	crowd(t, s, "lobby", "Ben")
	p.sees("Ana", "Ben")
	p.click(`[aria-label="List"]`)
	p.await(`document.querySelector(".list")`)
	p.edit("Bea", event.StatusBusy, "Out")
	p.sees("Bea", "Ben")
	p.opens("#more", "More")
	p.click(".about .danger")
	p.click(".about .danger")
	p.await(`document.querySelector(".word").textContent === "All is forgotten, and you have left the room." && asked > 0`)
}

// What is on its way from the server meanwhile brings nothing back.
func TestADeviceForgetsAllInABusyRoom(t *testing.T) {
	t.Parallel()
	s := start(t)
	p := visitRecorded(t, "Ana", s.url, `window.WebSocket = class extends WebSocket {
		send(data) {
			if (data.includes('"leave"')) {
				const late = [{event: "error", data: {code: "rate_limited", event: "view", message: "Too late."}}];
				this.dispatchEvent(new MessageEvent("message", {data: JSON.stringify(late)}));
				setTimeout(() => super.send(data), 100); // as from far away
				return;
			}
			super.send(data);
		}
	}`)
	p.join("Ana")
	p.sees("Ana")
	p.opens("#more", "More")
	p.click(".about .danger")
	p.click(".about .danger")
	p.await(`document.querySelector(".word").textContent === "All is forgotten, and you have left the room."`)
	if kept := eval[[]string](p, keptJS); len(kept) > 0 {
		t.Errorf("kept %q", kept)
	}
}
