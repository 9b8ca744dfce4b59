package e2e

import (
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// As one of before the server learnt to count in what the page does not know.
func TestAPageThatDoesNotAgreeWithTheServerIsTakenAnewOnce(t *testing.T) {
	t.Parallel()
	s := start(t)
	crowd(t, s, "lobby", "Ben")
	p := visit(t, "Ana", s.url)
	p.join("Ana")
	p.sees("Ana", "Ben")
	p.before(`{
		const { get } = Object.getOwnPropertyDescriptor(MessageEvent.prototype, "data");
		Object.defineProperty(MessageEvent.prototype, "data", { get() {
			const data = get.call(this);
			return typeof data === "string" ? data.replace(/"hash":"\w+"/g, '"hash":"0123456789abcdef"') : data;
		} });
		const { WebSocket } = window;
		window.sockets = 0;
		window.WebSocket = class extends WebSocket { constructor(...a) { super(...a); window.sockets++; } };
		sessionStorage.loads = 1 + Number(sessionStorage.loads || 0);
	}`)
	p.do(chromedp.Reload())
	for again, deadline := false, time.Now().Add(patience); !again; time.Sleep(20 * time.Millisecond) { // polls another process
		if time.Now().After(deadline) {
			t.Fatal("the page is not taken anew")
		}
		// What is asked while the page goes is not answered.
		again, _ = chromedp.Run(p.ctx, chromedp.Evaluate[bool](`sessionStorage.loads === "2" && Boolean(document.querySelector(".connected"))`))
	}
	p.sees("Ana", "Ben")
	crowd(t, s, "lobby", "Cyd")
	p.sees("Ana", "Ben", "Cyd")
	p.await(`sessionStorage.loads === "2" && window.sockets === 1 && document.querySelector(".connected")`)
}

func TestAnUpdateWaitsForTheOneWhoReads(t *testing.T) {
	t.Parallel()
	s := start(t, "-grace", "1m")
	style, _ := assets(t, s)
	p := visitAndKeep(t, s.url)
	p.do(chromedp.Reload()) // from now on through the worker
	p.join("Ana")
	p.sees("Ana")
	tab := p.anotherTab(s.url)
	tab.join("Ana")
	s.stop()
	s.binary = nextVersion(t)
	s.restart()
	nextStyle, _ := assets(t, s)

	const sheet = `document.querySelector("link[rel=stylesheet]").getAttribute("href")`
	for _, q := range []*person{p, tab} {
		q.await(`(dispatchEvent(new Event("online")), document.querySelector(".connected"))`)
		q.await(`(window.before = true)`)
	}
	// As the browser does by itself, though not this soon.
	resolve[bool](p, `navigator.serviceWorker.ready.then(r => r.update()).then(() => true)`)
	for _, q := range []*person{p, tab} {
		q.await(`document.querySelector(".notice p").textContent === "There is a new version of Rollcall." && document.querySelector(".notice .button").textContent === "Reload"`)
	}
	crowd(t, s, "lobby", "Ben")
	for _, q := range []*person{p, tab} {
		q.sees("Ana", "Ben")
		q.await(fmt.Sprintf(`window.before && %s === %q && getComputedStyle(document.querySelector(".boxes")).display === "grid"`, sheet, style))
	}

	p.click(".notice .button")
	p.await(fmt.Sprintf(`!window.before && %s === %q`, sheet, nextStyle))
	p.sees("Ana", "Ben") // nobody was asked for a name
	p.await(`document.querySelector(".notices").hidden`)
	crowd(t, s, "lobby", "Cyd")
	for _, q := range []*person{p, tab} {
		q.sees("Ana", "Ben", "Cyd")
	}
	tab.await(fmt.Sprintf(`window.before && %s === %q`, sheet, style))

	// Put away, the notice stays away; any reload will do.
	tab.click(".notice [aria-label=Dismiss]")
	tab.await(`document.querySelector(".notices").hidden`)
	tab.do(chromedp.Reload())
	tab.await(fmt.Sprintf(`!window.before && %s === %q`, sheet, nextStyle))
	tab.sees("Ana", "Ben", "Cyd")
	for _, q := range []*person{p, tab} {
		q.forgiveRestart("fetching the script", "without a network")
	}
}
