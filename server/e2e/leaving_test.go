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
