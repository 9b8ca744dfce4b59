package e2e

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"rollcall/app/board"
)

// TestARoomOfTenThousandFillsScrollsAndSearches reports, from the browser's
// own trace, how long the page's thread was busy at most with each of them. It
// checks what does not depend on the machine: what is drawn is right, and no
// more than a board's limit ever is.
func TestARoomOfTenThousandFillsScrollsAndSearches(t *testing.T) {
	const n = 10_000
	s := start(t, endless...)
	multitude(t, s, "lobby", n)
	p := open(t, anotherChromium(t), "Ana", s.url)
	p.awaitAlive()
	giveWay(t, s.cmd.Process.Pid)
	giveWay(t, os.Getpid())
	p.await(`(() => {
		window.most = 0;
		const count = () => { most = Math.max(most, document.querySelectorAll(".boxes > li").length); requestAnimationFrame(count) };
		return count(), true;
	})()`)
	report := func(what string, f func()) {
		t.Logf("%s: %v", what, p.trace(f))
	}

	p.do(chromedp.KeyEvent("Ana"))
	p.await(`!document.querySelector(".boxes")`)
	p.do(chromedp.Sleep(time.Second)) // as people pause before they press Enter
	report("filling", func() {
		p.do(chromedp.KeyEvent(kb.Enter))
		p.awaitCount(n + 1)
		p.await(`document.querySelectorAll(".box").length > 20 && !document.querySelector(".unknown")`)
	})
	report("scrolling by wheel", func() {
		for range 60 {
			call(p, input.DispatchMouseEvent, input.DispatchMouseEventParams{Type: input.DispatchMouseEventTypeMouseWheel, X: 500, Y: 500, DeltaX: 1, DeltaY: 240})
		}
		p.await(`scrollY > 8000 && !document.querySelector(".unknown")`)
	})
	report("scrolling to the end", func() {
		p.await(`(scrollTo(0, document.documentElement.scrollHeight), document.querySelector('[aria-posinset="` + fmt.Sprint(n+1) + `"]'))`)
		p.await(`!document.querySelector(".unknown")`)
	})
	report("scrolling back", func() {
		for place := 9; place >= 0; place-- {
			p.await(fmt.Sprintf(`(scrollTo(0, document.documentElement.scrollHeight * %d / 10), true)`, place))
			p.do(chromedp.Sleep(30 * time.Millisecond)) // as fast as a hand drags
		}
		p.await(`document.querySelector(".box .name").textContent === "Ana" && !document.querySelector(".unknown")`)
	})
	report("searching", func() {
		p.search("wei 99")
		p.await(`document.querySelector(".count").innerText.includes("found") && document.querySelector(".boxes").innerText.includes("Wei 99")`)
		p.await(`[...document.querySelectorAll(".box .name")].every(e => /wei/i.test(e.textContent) && e.textContent.includes("99"))`)
	})
	report("searching no more", func() {
		p.await(`(e => { e.value = ""; e.dispatchEvent(new Event("input")); return true })(document.querySelector("#search"))`)
		p.await(`document.querySelector(".box .name").textContent === "Ana" && !document.querySelector(".unknown")`)
	})

	if size := eval[string](p, `document.querySelector(".box").getAttribute("aria-setsize")`); size != fmt.Sprint(n+1) {
		t.Errorf("a box says there are %s", size)
	}
	if !eval[bool](p, `[...document.querySelectorAll(".box:not(.departing)")].every((box, i) => box.getAttribute("aria-posinset") == i + 1)`) {
		t.Error("the boxes at the beginning are not those from the first on")
	}
	if most := eval[int](p, `most`); most > 200 {
		t.Errorf("%d elements were mounted at once, of at most %d boxes", most, board.MaxBoxes)
	}
	p.screenshot("look/ten-thousand.png")
}

// heldViews keeps back what a page asks to see, while hold is set.
const heldViews = `window.hold = false; {
	let held = [];
	window.WebSocket = class extends WebSocket {
		send(data) { hold && data.includes('"view"') ? held.push(() => super.send(data)) : super.send(data) }
	};
	window.letGo = () => { hold = false; held.forEach(send => send()); held = []; return true };
}`

// amongMany joins n people in a page whose views can be held back.
func amongMany(t *testing.T, s *server, n int) *person {
	t.Helper()
	multitude(t, s, "lobby", n)
	p := visitRecorded(t, "Ana", s.url, heldViews)
	p.join("Ana")
	p.awaitCount(n + 1)
	return p
}

func TestPlacesThatAreNotKnownYetShowNobody(t *testing.T) {
	t.Parallel()
	p := amongMany(t, start(t, append([]string{"-window", "50"}, endless...)...), 400)
	for _, look := range []string{"List", "Boxes"} {
		p.click(`[aria-label="` + look + `"]`)
		p.await(`!document.querySelector(".unknown")`)
		// A little at a time, so that boxes are used again.
		p.await(`(hold = true, scrollBy(0, 300), document.querySelector(".unknown .face"))`)
		p.await(`[...document.querySelectorAll(".unknown .face")].every(face => !face.checkVisibility())`)
		p.await(`(scrollTo(0, 0), letGo())`)
	}
}

func TestTheFocusIsNotTakenFromTheSearchByWhatIsLoaded(t *testing.T) {
	t.Parallel()
	s := start(t, append([]string{"-window", "120"}, endless...)...)
	p := amongMany(t, s, 115)
	p.await(`(scrollTo(0, 1e6), document.querySelector('[aria-posinset="110"] .face'))`)
	p.await(`(hold = true, e => e.focus({preventScroll: true}) ?? true)(document.querySelector('[aria-posinset="110"] .face'))`)
	multitude(t, s, "lobby", 15)
	p.awaitCount(131)
	p.await(`document.querySelector('.unknown[aria-posinset="110"]') && document.activeElement.id === "boxes"`)
	p.await(`(e => { e.focus({preventScroll: true}); return letGo() })(document.querySelector("#search"))`)
	p.await(`!document.querySelector(".unknown")`)
	p.do(chromedp.Sleep(settle)) // in which it could be taken
	if has := eval[string](p, `document.activeElement.id`); has != "search" {
		t.Errorf("%q has the focus", has)
	}
}
