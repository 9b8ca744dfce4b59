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
func inARoomOf(t testing.TB, others int, before ...string) (*server, *person) {
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
func comeAndGo(t testing.TB, s *server, room string, n int, pause time.Duration) {
	t.Helper()
	for i := range n {
		b := &bystander{name: fmt.Sprintf("Visitor %d", i), room: room, joined: make(chan error, 1), done: make(chan struct{})}
		if err := b.join(net.JoinHostPort("127.0.0.1", s.port())); err != nil {
			t.Fatal(err)
		}
		b.awaitJoined(t)
		time.Sleep(pause)
		b.leave()
		time.Sleep(pause)
	}
}

// BenchmarkAnArrivalOnAPage measures what an arrival or a departure takes of the main
// thread of a page with 500 people, and how many pictures a second the page could draw
// while some twenty changes a second come.
func BenchmarkAnArrivalOnAPage(b *testing.B) {
	const others, pause = 499, 25 * time.Millisecond
	s, p := inARoomOf(b, others)
	comeAndGo(b, s, "lobby", 40, pause) // until the browser has optimised the program
	p.await(`(() => {
		window.pictures = 0, window.began = performance.now();
		requestAnimationFrame(function count() {
			pictures++;
			requestAnimationFrame(count);
		});
		return true;
	})()`)
	comeAndGo(b, s, "lobby", 40, pause)
	pictures := eval[float64](p, `1000 * pictures / (performance.now() - began)`)
	tr := p.trace(func() {
		for b.Loop() {
			comeAndGo(b, s, "lobby", 1, pause)
		}
	})
	b.ReportMetric(float64(tr.ran.Microseconds())/1000/float64(2*b.N), "ms-of-main-thread/change")
	b.ReportMetric(pictures, "pictures/s")
	b.Logf("%v", tr)
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
	// go-app looks ever more seldom whether there is something to draw: after eight
	// seconds about every four, and after twenty about every eight.
	wait, hidden, most := 8*time.Second, 8*time.Second, 4
	if !testing.Short() {
		wait, hidden, most = 20*time.Second, time.Minute, 8 // the times on a visible board would move
	}
	time.Sleep(wait)
	before := eval[int](p, `woken.length`)
	time.Sleep(hidden)
	if n := eval[int](p, `woken.length`) - before; n > most {
		t.Errorf("it wakes up %d times in %v", n, hidden)
	}
}

// TestAPageStaysAsLargeAsItIs compares heap snapshots from before and after
// thousands have come and gone, and the program's own memory, which can only
// grow.
func TestAPageStaysAsLargeAsItIs(t *testing.T) {
	t.Parallel()
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
