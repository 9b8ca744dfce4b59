package e2e

import (
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// noteStart has a page note when it asks to join, and what moves that has been
// drawn.
const noteStart = `{
	const send = WebSocket.prototype.send;
	WebSocket.prototype.send = function (data) {
		window.helloAt ??= performance.now();
		return send.call(this, data);
	};
	window.moved = [];
	new PerformanceObserver(list => {
		for (const shift of list.getEntries())
			for (const { node, previousRect: from, currentRect: to } of shift.sources)
				moved.push([node?.nodeName, node?.className, "by", to.x - from.x, to.y - from.y, "at", shift.startTime].join(" "));
	}).observe({ type: "layout-shift", buffered: true });
}`

// TestALaterVisitStartsFromCompiledCode is about what the browser keeps of a
// program: the second start must compile hardly anything, whether the bytes
// come from the network's cache or from the worker. It reports how soon a tab
// that was in the room asks to join again.
func TestALaterVisitStartsFromCompiledCode(t *testing.T) {
	for name, worker := range map[string]bool{"from the cache": false, "by the worker": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // with the other: it mostly waits
			s := start(t)
			p := open(t, anotherChromium(t), "Ana", "about:blank")
			p.unkept = !worker
			p.before(noteStart)
			first := p.trace(func() {
				p.start(s.url)
				p.awaitAlive()
			})
			if first.events["wasm.CompileLazy"] == 0 {
				t.Fatal("the first start compiles nothing: this test looks for the wrong event")
			}
			if worker {
				resolve[bool](p, `navigator.serviceWorker.ready.then(() => true)`)
				p.do(chromedp.Reload())
				p.await(`navigator.serviceWorker.controller`)
			}
			p.join("Ana")
			p.sees("Ana")
			// The browser keeps the code when it has optimised enough of it and
			// then has had a moment of calm.
			var later trace
			for deadline := time.Now().Add(2 * patience); ; {
				p.do(chromedp.Sleep(2 * time.Second))
				later = p.trace(func() {
					p.do(chromedp.Reload())
					p.sees("Ana")
				})
				if later.events["wasm.GetNativeModuleFromCache"] > 0 && later.events["wasm.CompileLazy"] < first.events["wasm.CompileLazy"]/10 {
					break
				}
				if time.Now().After(deadline) {
					t.Fatalf("%d functions were compiled at the first start and %d at a later one", first.events["wasm.CompileLazy"], later.events["wasm.CompileLazy"])
				}
			}
			t.Logf("functions compiled: %d at first, then %d", first.events["wasm.CompileLazy"], later.events["wasm.CompileLazy"])
			var hellos []time.Duration
			for range 5 {
				p.do(chromedp.Reload())
				p.sees("Ana")
				hellos = append(hellos, time.Duration(eval[float64](p, `helloAt`)*float64(time.Millisecond)).Round(time.Millisecond))
			}
			t.Logf("hello written after navigation: %v", hellos)
		})
	}
}

// TestNothingMovesWhenTheProgramTakesOver is CLS 0: what the server has drawn
// and what the program draws in its place are the same to the pixel.
func TestNothingMovesWhenTheProgramTakesOver(t *testing.T) {
	t.Parallel()
	s := start(t)
	for name, size := range map[string][2]int64{"phone": {360, 740}, "tablet": {820, 1180}, "desk": {1440, 900}} {
		p := visit(t, name, "about:blank")
		p.do(chromedp.EmulateViewport(size[0], size[1]))
		p.before(noteStart)
		p.do(chromedp.Navigate(s.url + "/r/design-week"))
		p.awaitAlive()
		p.do(chromedp.Sleep(settle))
		if moved := eval[[]string](p, `moved`); len(moved) > 0 {
			t.Errorf("on a %s: %q", name, moved)
		}
		p.close()
	}
}

// TestThePageIsThereBeforeItsProgram: all that it takes to be drawn and to be
// typed into comes with the page and its stylesheet.
func TestThePageIsThereBeforeItsProgram(t *testing.T) {
	t.Parallel()
	s := start(t)
	p := visit(t, "Ana", "about:blank")
	release := p.hold("*.wasm")
	p.do(chromedp.Navigate(s.url))
	p.await(`performance.getEntriesByName("first-contentful-paint").length && document.activeElement.id === "name"`)
	p.do(chromedp.KeyEvent("Ana"))
	p.await(`document.querySelector("#name").value === "Ana" && !document.documentElement.classList.contains("alive")`)
	if blocking := eval[[]string](p, `performance.getEntriesByType("resource").filter(e => e.renderBlockingStatus === "blocking").map(e => e.name)`); len(blocking) != 1 {
		t.Errorf("the first picture waits for %q, of which only the stylesheet is needed", blocking)
	}
	release()
	p.awaitAlive()
	p.do(chromedp.KeyEvent(kb.Enter))
	p.sees("Ana")
}
