package e2e

import (
	"testing"

	"github.com/chromedp/chromedp"
)

// A browser puts a page that one goes away from aside, for the way back.
func TestWhoGoesToAnotherPageIsGoneAndComesBack(t *testing.T) {
	t.Parallel()
	s := start(t, quick...)
	watcher := watch(t, s, "lobby")
	p := visit(t, "Ana", s.url)
	p.join("Ana")
	p.sees("Ana")
	for _, path := range []string{"/?view=wall", "/r/other", "/robots.txt"} {
		awaitNames(t, watcher, "Ana")
		p.do(chromedp.Navigate(s.url + path))
		awaitNames(t, watcher)
		p.await(`(history.back(), true)`) // such a page is not loaded, which NavigateBack waits for
		p.sees("Ana")                     // by itself
		p.await(`!document.documentElement.classList.contains("returning") && document.querySelector(".connected")`)
	}
	awaitNames(t, watcher, "Ana")
}

// A tab that was without connection then does not bring one back.
func TestATabWithoutConnectionLearnsThatOneHasLeft(t *testing.T) {
	t.Parallel()
	s := start(t, quick...)
	watcher := watch(t, s, "lobby")
	ben := crowd(t, s, "lobby", "Ben")[0] // else the room would end
	p := visitRecorded(t, "Ana", s.url, recordedSockets)
	p.join("Ana")
	tab := p.anotherTab(s.url)
	tab.join("Ana")
	tab.sees("Ana", "Ben")
	p.await(`(window.cut = true, sockets.at(-1).close(), true)`)
	p.await(`sockets.length > 1 && sockets.at(-1).readyState === WebSocket.CLOSED`)
	tab.opens(".self .face", editorTitle)
	tab.click(".modal .danger")
	awaitNames(t, watcher, "Ben")
	p.await(`(window.cut = false, dispatchEvent(new Event("online")), true)`)
	for _, q := range []*person{p, tab} {
		q.await(`document.querySelector(".word").textContent === "You have left the room."`)
	}
	awaitNames(t, watcher, "Ben")
	if n := ben.Roster().Count(); n != 1 {
		t.Errorf("%d people are there", n)
	}
	p.forgive("WebSocket", "426")
}
