package e2e

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"
)

// recordedSockets keeps what a page's connections have said, and lets a test
// cut them, or keep new ones from the server.
const recordedSockets = `window.sockets = []; window.cut = false; window.WebSocket = class extends WebSocket {
	said = [];
	heard = [];
	constructor(url, ...rest) {
		super(cut ? url.replace("/ws", "/robots.txt") : url, ...rest);
		sockets.push(this);
		this.addEventListener("message", ({data}) => this.heard.push(...JSON.parse(data)));
	}
	send(data) { this.said.push(...JSON.parse(data)); super.send(data) }
};`

// visitRecorded opens address in a new profile, with a script before the
// page's own.
func visitRecorded(t *testing.T, who, address, script string) *person {
	t.Helper()
	p := visitWithWorker(t, who, "about:blank")
	p.before(script)
	p.do(chromedp.Navigate(address))
	return p
}

// hide lets the page think that its tab is out of sight, or no more.
func (p *person) hide(hidden bool) {
	p.t.Helper()
	p.await(fmt.Sprintf(`(() => {
		for (const [name, value] of [["hidden", %[1]t], ["visibilityState", %[1]t ? "hidden" : "visible"]])
			Object.defineProperty(document, name, {configurable: true, value});
		document.dispatchEvent(new Event("visibilitychange"));
		return true;
	})()`, hidden))
}

// saysActive waits until the page's last connection has said so of its tab.
func (p *person) saysActive(want string) {
	p.t.Helper()
	p.await(fmt.Sprintf(`JSON.stringify(sockets.at(-1).said.filter(e => e.event === "active").map(e => e.data.active)) === %q`, want))
}

func TestATabThatIsHiddenSaysSo(t *testing.T) {
	t.Parallel()
	s := start(t, "-grace", "1m")
	p := visitRecorded(t, "Ana", s.url, recordedSockets)
	p.join("Ana")
	p.sees("Ana")
	tab := p.anotherTab("about:blank")
	tab.before(recordedSockets)
	tab.do(chromedp.Navigate(s.url))
	tab.join("Ana")
	tab.sees("Ana")
	p.saysActive("[true]")
	tab.saysActive("[true]")

	p.hide(true)
	p.saysActive("[true,false]")
	tab.saysActive("[true]") // each for itself
	tab.hide(true)
	tab.saysActive("[true,false]")
	p.hide(false)
	p.saysActive("[true,false,true]")
	tab.saysActive("[true,false]")

	// What was said is said again on the next connection.
	for q, want := range map[*person]string{p: "[true]", tab: "[false]"} {
		q.await(`(sockets.at(-1).close(), true)`)
		q.await(`sockets.length === 2`)
		q.saysActive(want)
	}
	tab.hide(false)
	tab.saysActive("[false,true]")
}
