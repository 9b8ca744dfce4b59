package e2e

import (
	"fmt"
	"net"
	"testing"
	"time"
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
	size := func() int { return eval[int](p, `programMemory.buffer.byteLength`) }
	measure := func() (held heap, program int) {
		p.awaitCount(101)
		time.Sleep(2 * settle)
		return p.heap(), size()
	}
	times := 10_000
	if testing.Short() {
		times = 300
	}
	for grown := true; grown; { // until the program has collected its garbage for the first time
		before := size()
		comeAndGo(t, s, "lobby", 200, time.Millisecond)
		grown = size() > before
	}
	before, program := measure()
	comeAndGo(t, s, "lobby", times, time.Millisecond)
	after, grown := measure()
	t.Logf("before %d have come and gone it held %d bytes, then %d: %s", times, before.total(), after.total(), after.since(before))
	// What the program has used and not yet collected counts, its messages too.
	if after.total()-before.total() > 600_000 {
		t.Errorf("it has grown by %d bytes: %s", after.total()-before.total(), after.since(before))
	}
	t.Logf("the program had %d bytes, then %d", program, grown)
	if grown-program > 1<<20 {
		t.Errorf("the program has grown by %d bytes", grown-program)
	}
}
