package e2e

import (
	"testing"

	"github.com/chromedp/chromedp/kb"
)

// offersJS has the browser offer to install the page, as Chromium does when it
// finds that it can, which a headless one never does. What becomes of the offer
// is kept.
const offersJS = `(() => {
	window.prompted = 0;
	const offer = new Event("beforeinstallprompt", {cancelable: true});
	offer.prompt = async () => { prompted++; return {outcome: "dismissed"} };
	return window.dispatchEvent(offer) === false; // the browser's own bar is not shown
})()`

const (
	installJS = `[...document.querySelectorAll(".more .button")].filter(e => e.textContent === "Install Rollcall")`
	iosJS     = `[...document.querySelectorAll(".more .hint")].filter(e => e.textContent.includes("Add to Home Screen"))`
)

func TestThePageOffersToBeInstalledWhenTheBrowserDoes(t *testing.T) {
	t.Parallel()
	s := start(t)
	p := visit(t, "Ana", s.url)
	p.join("Ana")
	p.sees("Ana")
	open := func(buttons string) {
		t.Helper()
		p.opens("#more", "More")
		p.await(installJS + `.length === ` + buttons)
		p.await(iosJS + `.length === 0`)
	}
	shut := func() {
		t.Helper()
		p.press(kb.Escape)
		p.awaitNoDialog()
	}
	open("0")
	p.await(offersJS)
	p.await(installJS + `.length === 1`) // at once, in the open dialog
	shut()

	// An offer is good for one question.
	open("1")
	p.await(`(` + installJS + `[0].click(), true)`)
	p.awaitNoDialog()
	p.await(`prompted === 1`)
	open("0")
	shut()

	// Who has installed it by the browser's menu is not asked any more.
	p.await(offersJS)
	open("1")
	p.await(`window.dispatchEvent(new Event("appinstalled"))`)
	p.await(installJS + `.length === 0`)
	shut()
}

func TestThePageSaysHowItIsInstalledOnIOS(t *testing.T) {
	t.Parallel()
	s := start(t)
	for standalone, hints := range map[string]string{"false": "1", "true": "0"} { // as Safari says it
		p := visitRecorded(t, "Ana, standalone "+standalone, s.url, `navigator.standalone = `+standalone)
		p.join("Ana")
		p.opens("#more", "More")
		p.await(iosJS + `.length === ` + hints)
		p.await(installJS + `.length === 0`)
	}
}
