package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// patience is how long the page may take to come to what a test waits for.
const patience = 15 * time.Second

// person is somebody with a browser of their own: one tab of a fresh profile.
type person struct {
	t      testing.TB
	ctx    context.Context
	cancel context.CancelFunc
	who    string // in messages
	unkept bool   // its pages are not kept for later

	mu       sync.Mutex // guards what follows
	troubles []string   // console errors and failed requests
}

// visit opens address in a new profile whose pages are not kept for later: that
// takes as long as all else together.
func visit(t testing.TB, who, address string) *person {
	t.Helper()
	p := open(t, chromium, who, "about:blank", chromedp.WithNewBrowserContext())
	p.unkept = true
	p.start(address)
	return p
}

// visitWithWorker is visit with all that a page does for later.
func visitWithWorker(t testing.TB, who, address string) *person {
	t.Helper()
	return open(t, chromium, who, address, chromedp.WithNewBrowserContext())
}

// start navigates for the first time.
func (p *person) start(address string) {
	p.t.Helper()
	if p.unkept {
		p.before(`if (window.ServiceWorkerContainer) ServiceWorkerContainer.prototype.register = () => new Promise(() => {})`)
	}
	if address != "about:blank" {
		p.do(chromedp.Navigate(address))
	}
}

// anotherTab opens address in another tab of the same profile.
func (p *person) anotherTab(address string) *person {
	p.t.Helper()
	tab := open(p.t, p.ctx, p.who+"’s other tab", "about:blank")
	tab.unkept = p.unkept
	tab.start(address)
	return tab
}

func open(t testing.TB, parent context.Context, who, address string, options ...chromedp.ContextOption) *person {
	t.Helper()
	p := &person{t: t, who: who}
	p.ctx, p.cancel = chromedp.NewContext(parent, append(options, chromedp.WithListener(p.listen))...)
	t.Cleanup(p.leaveTest)
	// The first run is for as long as the tab lives, so it has no deadline.
	if err := chromedp.Do(p.ctx); err != nil {
		t.Fatalf("%s: opening a tab: %v", who, err)
	}
	call(p, network.Enable, network.EnableParams{})
	call(p, log.Enable, cdp.Empty{})
	p.do(chromedp.EmulateViewport(1024, 768), chromedp.Navigate(address))
	return p
}

// listen notes what the browser complains of.
func (p *person) listen(ev any) {
	switch ev := ev.(type) {
	case *runtime.EventExceptionThrown:
		p.trouble("exception: " + ev.ExceptionDetails.Text)
	case *runtime.EventConsoleAPICalled:
		if ev.Type == runtime.ConsoleAPICalledTypeError || ev.Type == runtime.ConsoleAPICalledTypeWarning {
			var words []string
			for _, arg := range ev.Args {
				words = append(words, string(arg.Value)+arg.Description)
			}
			p.trouble(fmt.Sprintf("console.%s: %s", ev.Type, strings.Join(words, " ")))
		}
	case *log.EventEntryAdded:
		if ev.Entry.Level == log.EntryLevelError || ev.Entry.Level == log.EntryLevelWarning {
			p.trouble(fmt.Sprintf("%s: %s %s", ev.Entry.Source, ev.Entry.Text, ev.Entry.URL))
		}
	case *network.EventLoadingFailed:
		if !ev.Canceled {
			p.trouble("request failed: " + ev.ErrorText)
		}
	case *network.EventResponseReceived:
		if ev.Response.Status >= 400 {
			p.trouble(fmt.Sprintf("request failed: %d %s", ev.Response.Status, ev.Response.URL))
		}
	}
}

func (p *person) trouble(s string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.troubles = append(p.troubles, s)
}

// forgiveRestart is forgive for a server that was away: a page may find it away, or
// ask what has answered in its place when it is back already.
func (p *person) forgiveRestart(more ...string) {
	p.forgive(append(more, "WebSocket", "ERR_CONNECTION_REFUSED", "426")...)
}

// forgive forgets the complaints that contain one of the texts: those that a
// test has caused.
func (p *person) forgive(texts ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var rest []string
next:
	for _, trouble := range p.troubles {
		for _, text := range texts {
			if strings.Contains(trouble, text) {
				continue next
			}
		}
		rest = append(rest, trouble)
	}
	p.troubles = rest
}

func (p *person) leaveTest() {
	if p.cancel == nil {
		return
	}
	if p.t.Failed() {
		p.screenshot("failed/" + strings.ReplaceAll(p.t.Name(), "/", "-") + "-" + p.who + ".png")
	}
	p.checkTroubles()
	p.close()
}

func (p *person) checkTroubles() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, trouble := range p.troubles {
		p.t.Errorf("%s’s browser: %s", p.who, trouble)
	}
	p.troubles = nil
}

// close closes the tab, as its user would.
func (p *person) close() {
	if p.cancel != nil {
		chromedp.Cancel(p.ctx)
		p.cancel()
		p.cancel = nil
	}
}

func (p *person) do(steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	run(p, chromedp.Steps(steps...))
}

// run runs an action in the person's tab.
func run[T any](p *person, action chromedp.Action[T]) T {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	v, err := chromedp.Run(ctx, action)
	if err != nil {
		p.t.Fatalf("%s: %v", p.who, err)
	}
	return v
}

// call runs a command of the protocol in the person's tab.
func call[P, R any](p *person, command cdp.Command[P, R], params P) R {
	p.t.Helper()
	return run(p, func(ctx context.Context, t *chromedp.Target) (R, error) { return cdp.Call(ctx, t, command, params) })
}

// eval evaluates JavaScript in the page.
func eval[T any](p *person, js string) T {
	p.t.Helper()
	return run(p, chromedp.Evaluate[T](js))
}

// await waits until a JavaScript expression is true. One that throws is not
// true yet: what it looks at may still be about to be drawn.
func (p *person) await(js string) {
	p.t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) { // polls another process
		if eval[bool](p, "(() => { try { return Boolean("+js+") } catch { return false } })()") {
			return
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("%s: still not so after %v: %s\nthe page says: %s", p.who, patience, js,
				eval[string](p, "document.body.innerText"))
		}
	}
}

// join types a name and presses Enter, once the program is alive.
func (p *person) join(name string) {
	p.t.Helper()
	p.awaitAlive()
	p.await(`(e => { e.focus(); e.select(); return true })(document.querySelector("#name"))`)
	p.do(chromedp.KeyEvent(name + kb.Enter))
}

func (p *person) awaitAlive() {
	p.t.Helper()
	p.await(`document.documentElement?.classList.contains("alive") && document.querySelector("#name")`)
}

// click presses what a selector finds, wherever it is scrolled to.
func (p *person) click(selector string) {
	p.t.Helper()
	p.await(fmt.Sprintf("document.querySelector(%q)", selector))
	p.do(chromedp.Click(chromedp.CSS(selector)))
}

// search types into the field that finds people.
func (p *person) search(query string) {
	p.t.Helper()
	p.await(`(e => { e.focus(); e.select(); return true })(document.querySelector("#search"))`)
	p.do(chromedp.KeyEvent(query))
}

// awaitCount waits until the page counts so many people.
func (p *person) awaitCount(n int) {
	p.t.Helper()
	p.await(fmt.Sprintf(`document.querySelector(".count strong").textContent === "%d"`, n))
}

// namesJS is who is on the board, from the first box to the last.
const namesJS = `[...document.querySelectorAll(".box:not(.departing, .unknown) .name")].map(e => e.textContent)`

// sees waits until exactly these names are on the board, in this order.
func (p *person) sees(names ...string) {
	p.t.Helper()
	want, err := json.Marshal(names)
	if err != nil {
		p.t.Fatal(err)
	}
	p.await(fmt.Sprintf("JSON.stringify(%s) === JSON.stringify(%s)", namesJS, want))
	p.awaitCount(len(names))
}

func (p *person) screenshot(name string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err != nil {
		p.t.Logf("%s: no screenshot: %v", p.who, err)
		return
	}
	file := artifact(p.t, name)
	if err := os.WriteFile(file, png, 0o644); err != nil {
		p.t.Error(err)
	}
	if p.t.Failed() {
		p.t.Logf("screenshot: %s", strings.TrimPrefix(file, "../../"))
	}
}
