package e2e

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"
)

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
		q.forgive("WebSocket", "ERR_CONNECTION_REFUSED", "fetching the script", "without a network")
	}
}
