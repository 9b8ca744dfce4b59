package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"rollcall/shared/event"
)

// translateJS does to the page what Chrome's translation does: it puts
// <font><font>…</font></font> in the place of every text that may be
// translated, then and whenever a text comes or changes. The translation of a
// text is the text with a tilde before it. What must not be translated it
// leaves alone, or with everything, as not all translators do, it does not.
const translateJS = `(everything => {
	const translated = new WeakSet();
	const font = text => {
		const outer = document.createElement("font"), inner = document.createElement("font");
		inner.textContent = text.replace(/\S/, "~$&");
		translated.add(inner.firstChild);
		outer.append(inner);
		return outer;
	};
	const walk = root => {
		const texts = document.createTreeWalker(root, NodeFilter.SHOW_TEXT), found = [];
		while (texts.nextNode()) found.push(texts.currentNode);
		for (const text of found) {
			if (!text.data.trim() || translated.has(text)) continue;
			if (everything || !text.parentElement.closest("[translate=no]")) text.replaceWith(font(text.data));
		}
	};
	const observe = () => observer.observe(document.body, {childList: true, characterData: true, subtree: true});
	const observer = new MutationObserver(() => { observer.disconnect(); walk(document.body); observe(); });
	walk(document.body);
	observe();
	return true;
})`

func TestATranslatedPageGoesOn(t *testing.T) {
	t.Parallel()
	s := start(t, quick...)
	for _, everything := range []bool{false, true} {
		room := fmt.Sprintf("everything-%t", everything)
		p := visit(t, room, s.url+"/r/"+room)
		p.awaitAlive()
		p.await(fmt.Sprintf("%s(%t)", translateJS, everything))
		// What a reader sees, and what is to be seen.
		shows := func(selector, want string) {
			t.Helper()
			p.await(fmt.Sprintf(`document.querySelector(%q).textContent === %q`, selector, want))
		}
		name := func(s string) string {
			if everything {
				return "~" + s
			}
			return s
		}
		p.join("")
		shows("#name-problem", "~Please type a name.")
		p.join("Ana")
		shows(".count strong", name("1"))
		shows(".count span", " ~person here")
		all := crowd(t, s, room, "Ben", "Cyd")
		shows(".count strong", name("3"))
		shows(".count span", " ~people here")
		shows(".box:nth-child(2) .name", name("Ben"))
		shows(".box:nth-child(2) .detail", "~just now")

		// All that may stand under a name, one after the other.
		for _, change := range []event.Patch{
			{Note: new("In the kitchen")}, {Status: new(event.StatusBusy)}, {Note: new("")},
			{Status: new(event.StatusAway), Note: new("Lunch"), Name: new("Benedict")}, {Status: new(event.StatusHere)},
		} {
			all[0].Update(change)
		}
		shows(".box:nth-child(2) .name", name("Benedict"))
		shows(".box:nth-child(2) .detail", name("Lunch"))

		p.click(".box:nth-child(2) .face")
		shows("#modal-title", name("Benedict"))
		shows(".person .how", "~Here")
		all[0].Update(event.Patch{Status: new(event.StatusBusy)})
		shows(".person .how", "~Busy")
		shows(".person .said", name("Lunch"))
		p.do(chromedp.KeyEvent(kb.Escape))
		p.await(`!document.querySelector("#modal")`)
		all[0].Close()
		all[1].Close()
		shows(".count strong", name("1"))
		shows(".count span", " ~person here")
		p.click(".self .face")
		p.await(`document.querySelector("#modal[open]")`)
		p.fill("#edit-note", "Here again"+kb.Enter)
		shows(".self .detail", name("Here again"))
		p.click(".self .face")
		p.click(".modal .danger")
		shows(".word", "~You have left the room.")
	}
}

// TestNothingThatOthersDoToThePageEndsIt turns the page upside down, for the
// program to go on: the title, which is not in it, follows who comes.
func TestNothingThatOthersDoToThePageEndsIt(t *testing.T) {
	t.Parallel()
	s := start(t, quick...)
	p := visit(t, "Ana", s.url)
	p.join("Ana")
	p.awaitCount(1)
	all := crowd(t, s, "lobby", "Ben")
	for i, harm := range []string{
		// The children of every element in the opposite order, in elements of others.
		`for (const e of document.querySelectorAll(".page, .page *:not(svg *)")) for (const child of [...e.childNodes].reverse()) {
			const wrap = document.createElement("div"); e.append(wrap); wrap.append(child);
		}`,
		`for (const e of [...document.querySelectorAll(".page *")].filter((_, i) => i % 3 == 0)) e.remove()`,
		`for (const e of document.querySelectorAll("main")) e.innerHTML = ""`,
		`document.body.innerHTML = '<a href="javascript:void 0">theirs</a><a href="tel:+1">theirs</a>'; for (const a of document.links) a.click()`,
	} {
		p.await(`(() => {` + harm + `; return true })()`)
		all[0].Update(event.Patch{Status: new(event.StatusBusy), Note: new(fmt.Sprint("note ", i))})
		crowd(t, s, "lobby", fmt.Sprint("Guest ", i))
		p.await(fmt.Sprintf(`document.title === "%d here · lobby · Rollcall"`, i+3))
	}
	if stopped := eval[bool](p, `document.documentElement.classList.contains("stopped")`); stopped {
		t.Error("the program has ended")
	}
	all[0].Close()
	p.await(`document.title === "5 here · lobby · Rollcall"`)
	p.forgive("the browser refused")
}

// endJS ends the program as a fault of its own would, at its next step.
const endJS = `(window.rollcall = null, window.dispatchEvent(new Event("resize")), true)`

func TestAProgramThatEndsStartsAgainAndNobodySeesIt(t *testing.T) {
	t.Parallel()
	s := start(t, "-linger", "10s")
	ben := visit(t, "Ben", s.url)
	ben.join("Ben")
	ben.sees("Ben")
	p := visit(t, "Ana", "about:blank")
	p.before(cutJS)
	p.do(chromedp.Navigate(s.url))
	p.join("Ana")
	p.sees("Ana", "Ben")
	ben.sees("Ben", "Ana")
	ben.await(`(window.box = document.querySelector(".box:nth-child(2)")).dataset.user`)
	for _, end := range []string{endJS, `(window.cut = true)`} {
		p.await(`(window.old = true)`)
		p.await(end)
		p.await(`!window.old && document.documentElement.classList.contains("alive")`)
		p.sees("Ana", "Ben")
		// So does the user who reloads, and a page that has run for a while.
		p.do(chromedp.Reload())
		p.sees("Ana", "Ben")
	}
	ben.sees("Ben", "Ana")
	ben.await(`box === document.querySelector(".box:nth-child(2)")`)
	p.forgive("the program has ended")
}

// cutJS has the browser cut off the program at its next step, once the page
// asks for that: what happens when it has no memory left, say.
const cutJS = `{
	const instantiate = WebAssembly.instantiateStreaming;
	WebAssembly.instantiateStreaming = (source, imports) => {
		const clock = imports.gojs["runtime.nanotime1"];
		imports.gojs["runtime.nanotime1"] = sp => {
			if (window.cut) throw new Error("cut");
			clock(sp);
		};
		return instantiate.call(WebAssembly, source, imports);
	};
}`

func TestAProgramThatCannotStartAgainSaysSoAndIsNobodysPresence(t *testing.T) {
	t.Parallel()
	s := start(t, quick...)
	ben := visit(t, "Ben", s.url)
	ben.join("Ben")
	ben.sees("Ben")
	p := visit(t, "Ana", s.url)
	p.join("Ana")
	ben.sees("Ben", "Ana")
	p.click(".self .face")
	p.await(`document.querySelector("#modal[open]")`)
	p.await(`(window.fetch = () => Promise.reject(new Error("no network")))`)
	p.await(endJS)
	p.await(`document.querySelector("#notice").innerText.includes("Rollcall has stopped unexpectedly.")`)
	ben.sees("Ben")
	p.screenshot("look/stopped-1024-light.png")
	p.click("#notice .button")
	p.sees("Ana", "Ben")
	p.forgive("the program has ended", "not starting again")
}

func TestAPageThatEndsAtEveryStartDoesNotGoRound(t *testing.T) {
	t.Parallel()
	s := start(t)
	p := visit(t, "Ana", "about:blank")
	p.before(`
		if (location.host) sessionStorage.setItem("starts", Number(sessionStorage.getItem("starts")) + 1);
		Object.defineProperty(window, "rollcall", {get: () => null, set() {}});`)
	p.do(chromedp.Navigate(s.url))
	starts := `sessionStorage.getItem("starts")`
	stopped := `document.querySelector("#notice").innerText.includes("Rollcall has stopped unexpectedly.")`
	p.await(starts + ` === "2" && ` + stopped)
	p.do(chromedp.Sleep(settle))
	p.await(starts + ` === "2" && ` + stopped)
	p.forgive("the program has ended", "the browser refused")
}

// walkThrough uses all that a page has, with somebody called Ben in the room.
func (p *person) walkThrough() {
	p.t.Helper()
	p.join("Ana")
	p.sees("Ana", "Ben")
	open := func(selector string) {
		p.t.Helper()
		p.click(selector)
		p.await(`document.querySelector("#modal[open]").getBoundingClientRect().height > 100`)
	}
	closed := func() {
		p.t.Helper()
		p.await(`!document.querySelector("#modal")`)
	}
	open(".self .face")
	p.fill("#edit-note", "At my desk"+kb.Enter)
	closed()
	p.await(`document.querySelector(".self .detail").textContent === "At my desk"`)
	open(".box:nth-child(2) .face")
	p.do(chromedp.KeyEvent(kb.Escape))
	closed()
	for _, button := range []string{".bar .primary", ".rooms-button", "#more"} {
		open(button)
		p.click(`#modal [aria-label="Close"]`)
		closed()
	}
	p.search("ben")
	p.await(`JSON.stringify(` + namesJS + `) === '["Ben"]'`)
	p.search(kb.Backspace)
	p.sees("Ana", "Ben")
	for _, look := range []string{"List", "Boxes"} {
		p.click(`[aria-label="` + look + `"]`)
		p.await(`document.querySelector("[aria-label=` + look + `]").getAttribute("aria-pressed") === "true"`)
	}
	open(".self .face")
	p.click(".modal .danger")
	p.await(`document.querySelector(".word").textContent === "You have left the room."`)
}

// lacking are browsers that have not all that others have.
var lacking = map[string]string{
	"nothing":         ``,
	"storage is null": `for (const name of ["localStorage", "sessionStorage"]) Object.defineProperty(window, name, {value: null})`,
	"storage is blocked": `for (const name of ["localStorage", "sessionStorage", "indexedDB", "caches"])
		Object.defineProperty(window, name, {get() { throw new DOMException("blocked", "SecurityError") }})
		for (const name of ["BroadcastChannel"]) window[name] = class { constructor() { throw new DOMException("blocked", "SecurityError") } }`,
	"storage is full": `Storage.prototype.setItem = () => { throw new DOMException("full", "QuotaExceededError") }`,
	"dialogs":         `for (const name of ["showModal", "close", "show", "open", "requestClose"]) delete HTMLDialogElement.prototype[name]`,
	"what elements tell": `for (const [of, names] of [[Element, ["checkVisibility", "replaceChildren", "ariaLabel", "inert"]], [HTMLElement, ["inert", "popover", "showPopover"]]])
		for (const name of names) delete of.prototype[name]`,
	"observers and what is later": `for (const name of ["ResizeObserver", "MutationObserver", "IntersectionObserver", "PerformanceObserver",
			"requestIdleCallback", "MessageChannel", "queueMicrotask", "structuredClone", "scheduler", "BroadcastChannel", "WeakRef",
			"FinalizationRegistry", "AbortController", "AbortSignal", "reportError", "CSS", "visualViewport"]) delete window[name]`,
	"what devices have": `for (const name of ["serviceWorker", "wakeLock", "clipboard", "share", "canShare", "setAppBadge", "clearAppBadge",
			"permissions", "connection", "onLine", "userAgentData", "storage", "locks", "userActivation", "standalone"]) delete Navigator.prototype[name];
		for (const name of ["Notification", "ServiceWorkerContainer", "matchMedia", "caches", "indexedDB"]) delete window[name]`,
	"what is new in the language": `for (const [of, names] of [[Array, ["at", "findLast", "findLastIndex", "toSorted", "toReversed", "with"]],
			[String, ["at", "replaceAll", "isWellFormed", "toWellFormed"]]]) for (const name of names) delete of.prototype[name];
		delete Object.hasOwn; delete Promise.withResolvers; delete Promise.any; delete Object.groupBy`,
	"what elements that are not ours do": `document.addEventListener("DOMContentLoaded", () => {
			document.body.prepend(document.createElement("div"));
			setInterval(() => { const e = document.createElement("aside"); document.body.prepend(e); setTimeout(() => e.remove(), 30) }, 50);
		})`,
}

// TestAPageNeedsNothingThatNotAllBrowsersHave takes away one thing after the
// other.
func TestAPageNeedsNothingThatNotAllBrowsersHave(t *testing.T) {
	t.Parallel()
	s := start(t, quick...)
	for lacks, script := range lacking {
		t.Run(lacks, func(t *testing.T) {
			t.Parallel()
			room := strings.ReplaceAll(lacks, " ", "-")
			crowd(t, s, room, "Ben")
			p := visit(t, "Ana", "about:blank")
			p.before("{" + script + "}")
			p.do(chromedp.Navigate(s.url + "/r/" + room))
			p.walkThrough()
		})
	}
}

// go-app looks through localStorage once a minute, and at the start, for states
// of its own that have expired.
func TestWhatOthersKeepOnTheSameOriginStays(t *testing.T) {
	t.Parallel()
	s := start(t)
	p := visit(t, "Ana", "about:blank")
	p.before(`if (location.host) localStorage.setItem("theirs", '{"Value": "MQ==", "value": 1, "ExpiresAt": "2001-02-03T04:05:06Z"}')`)
	p.do(chromedp.Navigate(s.url))
	p.join("Ana")
	p.sees("Ana")
	p.await(`localStorage.getItem("theirs") && localStorage.getItem("rollcall.name") === "Ana"`)
}

// Of a page whose address holds a name and a password, browsers refuse all that
// is asked for relative to it; and Go's net/url takes no "%" that stands alone.
func TestEveryAddressThatABrowserOpensWorks(t *testing.T) {
	t.Parallel()
	s := start(t, quick...)
	crowd(t, s, "lobby", "Ben")
	named := strings.Replace(s.url, "://", "://ana:secret@", 1)
	wall := visitWithWorker(t, "wall", named+"/?view=wall")
	wall.await(`document.querySelector(".wall .count strong").textContent === "1"`)
	if kept := resolve[bool](wall, `navigator.serviceWorker.getRegistrations().then(all => all.length === 1)`); !kept {
		t.Error("a page with a name in its address is not kept")
	}
	p := visit(t, "Ana", named+"/r/a?x=%zz#100%")
	p.join("Ana")
	p.sees("Ana")
	p.await(`(location.hash = "%zz", true)`)
	p.click(".rooms-button")
	p.click(`.room-link[href="/"]`)
	p.sees("Ana", "Ben")
	p.await(`location.pathname === "/"`)
	p.do(chromedp.NavigateBack())
	p.sees("Ana")
}
