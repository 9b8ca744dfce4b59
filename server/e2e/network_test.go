package e2e

import (
	"syscall"
	"testing"

	"github.com/chromedp/chromedp/kb"
)

// A browser that has closed a connection waits for the other end to say so. If
// that is gone, some say that it failed, though it was to end.
func TestAConnectionThatFailsWhileItEndsDoesNotEndThePage(t *testing.T) {
	t.Parallel()
	s := start(t, quick...)
	p := visitRecorded(t, "Ana", s.url, `window.sockets = []; window.WebSocket = class extends WebSocket {
		constructor(...args) { super(...args); sockets.push(this) }
	}`)
	p.join("Ana")
	p.sees("Ana")
	p.opens(".rooms-button", "Rooms")
	s.cmd.Process.Signal(syscall.SIGSTOP) // a server that answers nothing
	p.fill("#room", "elsewhere"+kb.Enter)
	p.await(`sockets[0].readyState === WebSocket.CLOSING`)
	p.await(`(sockets[0].dispatchEvent(new Event("error")), true)`) // as Firefox does
	s.cmd.Process.Signal(syscall.SIGCONT)
	p.await(`location.pathname === "/r/elsewhere" && document.querySelector(".room")?.textContent === "elsewhere"`)
	p.sees("Ana")
	p.opens("#more", "More")
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
