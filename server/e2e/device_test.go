package e2e

import (
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"rollcall/shared/event"
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

	// So it is in every room, and what is taken back stays so.
	tab.edit("Ana María", event.StatusHere, kb.Delete)
	tab.close()
	awaitNames(t, watcher)
	other := home.anotherTab(s.url + "/r/other")
	other.awaitAlive()
	other.press(kb.Enter)
	other.sees("Ana María")
	other.await(`document.querySelector(".self .detail").textContent === "just now"`)
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
	crowd(t, s, "lobby", "Ben")
	p.sees("Ana", "Ben")
	tab.sees("Ana", "Ben")
	const forget = ".about .danger"
	p.opens("#more", "More")
	p.click(forget)
	p.await(`document.querySelector("` + forget + `").textContent.includes("forget everything")`)
	awaitNames(t, watcher, "Ana", "Ben") // not yet
	p.click(forget)
	awaitNames(t, watcher, "Ben")
	p.await(`document.querySelector(".word").textContent === "All is forgotten, and you have left the room."`)
	tab.await(`document.querySelector(".word").textContent === "You have left the room."`)
	for _, q := range []*person{p, tab} {
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
