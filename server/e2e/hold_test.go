package e2e

import (
	"context"
	"sync"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/fetch"
	"github.com/chromedp/chromedp"
)

// hold lets a part of the page, by its path, wait on its way until release is
// called.
func (p *person) hold(path string) (release func()) {
	p.t.Helper()
	call(p, fetch.Enable, fetch.EnableParams{Patterns: []*fetch.RequestPattern{{URLPattern: path}}})
	paused := make(chan fetch.RequestID, 1)
	var once sync.Once
	if err := chromedp.Listen(p.ctx, func(ev any) {
		if ev, ok := ev.(*fetch.EventRequestPaused); ok {
			once.Do(func() { paused <- ev.RequestID })
		}
	}); err != nil {
		p.t.Fatal(err)
	}
	return func() {
		p.t.Helper()
		ctx, cancel := context.WithTimeout(p.ctx, patience)
		defer cancel()
		select {
		case id := <-paused:
			call(p, fetch.ContinueRequest, fetch.ContinueRequestParams{RequestID: id})
			call(p, fetch.Disable, cdp.Empty{})
		case <-ctx.Done():
			p.t.Fatalf("%s: %s was never asked for", p.who, path)
		}
	}
}
