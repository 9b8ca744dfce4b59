package e2e

import (
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/performance"
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

// TestAPageStaysAsLargeAsItIs compares heap snapshots from before and after
// thousands have come and gone, and the program's own memory, which can only
// grow.
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
	program := func() int { return eval[int](p, `programMemory.buffer.byteLength`) }
	type size struct {
		held              heap
		elements, program int
	}
	measure := func() size {
		var least size
		// What the program has done with keeps its messages until it collects
		// them, which one of a few looks finds done.
		for i := range 4 {
			comeAndGo(t, s, "lobby", 75, time.Millisecond)
			p.awaitCount(101)
			time.Sleep(settle) // until the last have faded
			now := size{held: p.heap(), program: program()}
			for _, m := range call(p, performance.GetMetrics, cdp.Empty{}).Metrics {
				if m.Name == "Nodes" {
					now.elements = int(m.Value)
				}
			}
			if i == 0 || now.held.total() < least.held.total() {
				least = now
			}
		}
		return least
	}
	times := 10_000
	if testing.Short() {
		times = 300
	}
	for grown := true; grown; { // until the program has collected its garbage for the first time
		before := program()
		comeAndGo(t, s, "lobby", 200, time.Millisecond)
		grown = program() > before
	}
	before := measure()
	comeAndGo(t, s, "lobby", times, time.Millisecond)
	after := measure()
	t.Logf("%d have come and gone; what grew: %s", times, after.held.since(before.held))
	for what, grown := range map[string][3]int{
		"what the page holds": {before.held.total(), after.held.total(), 300_000},
		"the elements":        {before.elements, after.elements, 500},
		"the program":         {before.program, after.program, 1 << 20},
	} {
		t.Logf("%s: %d, then %d", what, grown[0], grown[1])
		if grown[1]-grown[0] > grown[2] {
			t.Errorf("%s grew from %d to %d", what, grown[0], grown[1])
		}
	}
}
