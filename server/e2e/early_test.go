package e2e

import (
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// heldProgram lets the page's program wait for release, wherever it comes from.
const heldProgram = `{
	const instantiate = WebAssembly.instantiateStreaming;
	const held = new Promise(done => window.release = done);
	WebAssembly.instantiateStreaming = async (...args) => (await held, instantiate.apply(WebAssembly, args));
}`

// On a second visit the worker brings the page, and the program compiles
// faster, but not at once.
func TestWhatIsTypedEarlyIsKeptOnALaterVisitToo(t *testing.T) {
	t.Parallel()
	s := start(t)
	p := visitAndKeep(t, s.url)
	p.before(heldProgram)
	p.do(chromedp.Reload())
	p.await(`document.documentElement.classList.contains("starting") && navigator.serviceWorker.controller`)
	p.fill("#name", "Bea"+kb.Enter)
	p.await(`document.documentElement.classList.contains("joining")`)
	p.await(`(release(), true)`)
	p.sees("Bea")
	tab := p.anotherTab("about:blank")
	tab.before(heldProgram)
	tab.do(chromedp.Navigate(s.url + "/r/other"))
	tab.await(`document.documentElement.classList.contains("starting") && navigator.serviceWorker.controller`)
	tab.fill("#name", "Cyd")
	tab.await(`(release(), true)`)
	tab.awaitAlive()
	tab.await(`document.querySelector("#name").value === "Cyd" && document.activeElement.id === "name"`)
	tab.press(kb.Enter)
	tab.sees("Cyd")
}

// A submit that no script looks after would be a navigation, which cancels the
// script that is on its way.
func TestANameThatIsSubmittedBeforeTheScriptIsThereJoins(t *testing.T) {
	t.Parallel()
	s := start(t)
	for submit, press := range map[string]chromedp.Action[chromedp.Void]{
		"Enter":      chromedp.KeyEvent(kb.Enter),
		"the button": chromedp.Click(chromedp.CSS(".join .button")),
	} {
		p := visit(t, submit, "about:blank")
		release := p.hold("*.js")
		// The document waits for the script, and to navigate for the document.
		p.await(`setTimeout(() => location.href = "` + s.url + `")`)
		p.await(`document.activeElement.id === "name"`)
		p.do(chromedp.KeyEvent("Ana"), press)
		p.await(`getComputedStyle(document.querySelector(".join .button")).cursor === "progress" && document.querySelector("#name").value === "Ana"`)
		p.do(press) // of somebody who has no patience
		release()
		p.sees("Ana")
		p.close()
	}
}

func TestAPageWhoseScriptDoesNotComeSaysSo(t *testing.T) {
	t.Parallel()
	s := start(t)
	p := visit(t, "Ana", "about:blank")
	call(p, network.SetBlockedURLs, network.SetBlockedURLsParams{URLPatterns: []*network.BlockPattern{{URLPattern: "*://*:*/*.js", Block: true}}})
	p.do(chromedp.Navigate(s.url), chromedp.WaitVisible(chromedp.CSS("#name")))
	// In a while; the test does not wait for it.
	late := `document.querySelector("#late")`
	p.await(`getComputedStyle(` + late + `).visibility === "hidden" && (` + late + `.getAnimations().forEach(a => a.finish()), true)`)
	p.await(`getComputedStyle(` + late + `).visibility === "visible"`)
	p.screenshot("look/late-1024-light.png")
	p.forgive("ERR_BLOCKED_BY_CLIENT", "request failed")
	call(p, network.SetBlockedURLs, network.SetBlockedURLsParams{})
	p.do(chromedp.Reload())
	p.awaitAlive()
	p.await(`!document.querySelector("#late")`)
}
