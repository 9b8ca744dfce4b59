package e2e

import (
	"net"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"
)

// wire is a network between a browser and a server that can go dead.
type wire struct {
	url      string
	listener net.Listener
	running  sync.WaitGroup

	mu    sync.Mutex // guards what follows
	conns []*net.TCPConn
	dead  map[*net.TCPConn]bool
}

func newWire(t *testing.T, s *server) *wire {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{url: "http://" + listener.Addr().String(), listener: listener, dead: make(map[*net.TCPConn]bool)}
	w.running.Go(func() { w.accept(net.JoinHostPort("127.0.0.1", s.port())) })
	t.Cleanup(func() {
		listener.Close()
		w.mu.Lock()
		for _, c := range w.conns {
			c.Close()
		}
		w.mu.Unlock()
		w.running.Wait()
	})
	return w
}

func (w *wire) accept(target string) {
	for {
		near, err := w.listener.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", target)
		if err != nil {
			near.Close()
			continue
		}
		a, b := near.(*net.TCPConn), far.(*net.TCPConn)
		w.mu.Lock()
		w.conns = append(w.conns, a, b)
		w.mu.Unlock()
		w.running.Go(func() { w.copy(a, b) })
		w.running.Go(func() { w.copy(b, a) })
	}
}

// copy carries one direction, until it is dead: then nobody hears of its end.
func (w *wire) copy(from, to *net.TCPConn) {
	chunk := make([]byte, 32<<10)
	for {
		n, err := from.Read(chunk)
		w.mu.Lock()
		dead := w.dead[from]
		w.mu.Unlock()
		switch {
		case dead && err == nil:
			continue
		case dead:
			return
		case err == nil:
			_, err = to.Write(chunk[:n])
		}
		if err != nil {
			from.Close()
			to.Close()
			return
		}
	}
}

// die lets nothing through any more of what is connected by now.
func (w *wire) die() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.conns {
		w.dead[c] = true
	}
}

// reset has what is dead end with an error at both ends.
func (w *wire) reset() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.dead {
		c.SetLinger(0)
		c.Close()
	}
}

// A browser that has closed a connection waits for the other end to say so.
// When the network comes back it may find that there is none.
func TestAConnectionThatFailsWhileItEndsDoesNotEndThePage(t *testing.T) {
	t.Parallel()
	s := start(t, quick...)
	network := newWire(t, s)
	p := visitRecorded(t, "Ana", network.url, `window.sockets = []; window.WebSocket = class extends WebSocket {
		constructor(...args) { super(...args); sockets.push(this) }
	}`)
	p.join("Ana")
	p.sees("Ana")
	network.die()
	p.opens(".rooms-button", "Rooms")
	p.fill("#room", "elsewhere"+kb.Enter)
	p.await(`location.pathname === "/r/elsewhere" && document.querySelector(".room").textContent === "elsewhere"`)
	p.sees("Ana")
	p.await(`sockets[0].readyState === WebSocket.CLOSING`)
	p.await(`(sockets[0].dispatchEvent(new Event("error")), true)`) // as Firefox does
	network.reset()
	time.Sleep(settle) // until the browser has noticed
	p.opens("#more", "More")
	p.forgive("WebSocket")
}

func TestABrowserThatOpensNoSocketsIsToldSo(t *testing.T) {
	t.Parallel()
	s := start(t)
	p := visitRecorded(t, "Ana", s.url, `window.allowed = window.WebSocket; window.WebSocket = function () { throw new DOMException("blocked", "SecurityError") }`)
	p.join("Ana")
	p.await(`document.querySelector(".word").textContent.includes("Can’t reach the server. Trying again")`)
	p.await(`(window.WebSocket = allowed, true)`)
	p.sees("Ana")
}
