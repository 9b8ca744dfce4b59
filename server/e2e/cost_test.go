package e2e

import (
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/heapprofiler"
	"github.com/chromedp/cdproto/performance"
	"github.com/chromedp/chromedp"
)

// inARoomOf opens a page as its users have it, in a room with others.
func inARoomOf(t *testing.T, others int, before ...string) (*server, *person) {
	t.Helper()
	s := start(t, endless...)
	multitude(t, s, "lobby", others)
	p := open(t, anotherChromium(t), "Ana", "about:blank")
	p.unkept = true
	for _, js := range before {
		p.before(js)
	}
	p.start(s.url)
	p.join("Ana")
	p.awaitCount(others + 1)
	return s, p
}

// comeAndGo has somebody join and leave, n times.
func comeAndGo(t *testing.T, s *server, room string, n int, pause time.Duration) {
	t.Helper()
	for i := range n {
		b := &bystander{name: fmt.Sprintf("Visitor %d", i), room: room, joined: make(chan error, 1), done: make(chan struct{})}
		if err := b.join(net.JoinHostPort("127.0.0.1", s.port())); err != nil {
			t.Fatal(err)
		}
		if err := <-b.joined; err != nil {
			t.Fatal(err)
		}
		time.Sleep(pause)
		b.leave()
		time.Sleep(pause)
	}
}

// TestArrivalsCostAPageLittle reports what an arrival or a departure takes of
// the main thread, and how many pictures a second a page could draw while more
// than twenty frames a second come.
func TestArrivalsCostAPageLittle(t *testing.T) {
	const others, times = 499, 40
	s, p := inARoomOf(t, others)
	comeAndGo(t, s, "lobby", times, 25*time.Millisecond) // until the program has been optimised
	p.await(`(() => {
		window.pictures = 0, window.gap = 0, window.began = performance.now();
		let last = began;
		requestAnimationFrame(function count(now) {
			pictures++, gap = Math.max(gap, now - last), last = now;
			requestAnimationFrame(count);
		});
		return true;
	})()`)
	comeAndGo(t, s, "lobby", times, 20*time.Millisecond)
	t.Logf("%s pictures a second", eval[string](p, `(1000 * pictures / (performance.now() - began)).toFixed(1) + " (the longest without one: " + gap.toFixed() + " ms)"`))

	began := time.Now()
	tr := p.trace(func() { comeAndGo(t, s, "lobby", times, 25*time.Millisecond) })
	took := time.Since(began)
	t.Logf("%v of the main thread for each of %d arrivals and departures in %v", (tr.ran / (2 * times)).Round(10*time.Microsecond), 2*times, took.Round(time.Millisecond))
	t.Logf("%d pictures drawn and %d dropped: %v", tr.drawn, tr.dropped, tr)
	p.awaitCount(others + 1)
}

// TestAnIdlePageRests counts how often a page wakes up that is hidden, and to
// which nothing happens but the server's signs of life.
func TestAnIdlePageRests(t *testing.T) {
	t.Parallel() // it mostly waits
	_, p := inARoomOf(t, 3, `{
		window.woken = [];
		const set = window.setTimeout;
		window.setTimeout = (f, ms, ...rest) => set((...args) => (woken.push(performance.now()), f(...args)), ms, ...rest);
		const frame = window.requestAnimationFrame;
		window.requestAnimationFrame = f => frame(now => (woken.push(now), f(now)));
	}`)
	p.hide(true)
	// go-app looks whether there is something to draw ever more seldom: after
	// twenty seconds, every eight and then every seventeen.
	time.Sleep(20 * time.Second)
	before := eval[int](p, `woken.length`)
	rest, most := 15*time.Second, 3 // in which a tab that is looked at would become unused
	if !testing.Short() {
		rest, most = time.Minute, 8 // and the times on its board would move
	}
	time.Sleep(rest)
	if n := eval[int](p, `woken.length`) - before; n > most {
		t.Errorf("it wakes up %d times in %v", n, rest)
	}
}

// TestAPageStaysAsLargeAsItIs compares its memory before and after thousands
// have come and gone: what scripts hold after a collection, the elements, and
// the program's own memory, which can only grow.
func TestAPageStaysAsLargeAsItIs(t *testing.T) {
	s, p := inARoomOf(t, 100, `{
		const instantiate = WebAssembly.instantiateStreaming;
		WebAssembly.instantiateStreaming = async (...args) => {
			const program = await instantiate.apply(WebAssembly, args);
			window.programMemory = program.instance.exports.mem;
			return program;
		};
	}`)
	call(p, performance.Enable, performance.EnableParams{})
	type size struct{ scripts, elements, program float64 }
	measure := func() size {
		p.awaitCount(101)
		p.do(chromedp.Sleep(2 * settle))
		call(p, heapprofiler.CollectGarbage, cdp.Empty{})
		var now size
		for _, m := range call(p, performance.GetMetrics, cdp.Empty{}).Metrics {
			switch m.Name {
			case "JSHeapUsedSize":
				now.scripts = m.Value
			case "Nodes":
				now.elements = m.Value
			}
		}
		now.program = eval[float64](p, `programMemory.buffer.byteLength`)
		return now
	}
	times := 5000
	if testing.Short() {
		times = 300
	}
	comeAndGo(t, s, "lobby", 200, time.Millisecond)
	before := measure()
	comeAndGo(t, s, "lobby", times, time.Millisecond)
	after := measure()
	t.Logf("before %d have come and gone %.0f, after that %.0f", times, before, after)
	for what, grown := range map[string][3]float64{
		"what scripts hold": {before.scripts, after.scripts, 300_000},
		"the elements":      {before.elements, after.elements, 500},
		"the program":       {before.program, after.program, 1 << 20},
	} {
		if grown[1]-grown[0] > grown[2] {
			t.Errorf("%s grew from %.0f to %.0f", what, grown[0], grown[1])
		}
	}
}
