package e2e

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// tabTo presses Tab until the focus is where a selector says.
func (p *person) tabTo(selector string, options ...chromedp.KeyOption) {
	p.t.Helper()
	var went []string
	for range 40 {
		p.do(chromedp.KeyEvent(kb.Tab, options...))
		if eval[bool](p, fmt.Sprintf(`document.activeElement.matches(%q)`, selector)) {
			return
		}
		went = append(went, eval[string](p, `document.activeElement.outerHTML.slice(0, 60)`))
	}
	p.t.Fatalf("%s: Tab does not lead to %s, but to %q", p.who, selector, went)
}

func TestAllCanBeDoneWithTheKeyboardAlone(t *testing.T) {
	t.Parallel()
	s := start(t, quick...)
	watcher := watch(t, s, "lobby")
	p := visit(t, "Ana", s.url)
	p.awaitAlive()
	p.awaitFocus("#name")
	p.press("Ana" + kb.Enter)
	p.awaitFocus("#count")
	crowd(t, s, "lobby", "Ben", "Cyd")
	p.sees("Ana", "Ben", "Cyd")
	p.awaitFocus("#count") // though what is below it has changed

	p.tabTo(".self .face")
	p.press(kb.Enter)
	p.awaitDialog(editorTitle)
	for range 12 {
		p.press(kb.Tab)
		if !eval[bool](p, `document.activeElement === document.body || Boolean(document.activeElement.closest("dialog.modal"))`) {
			t.Errorf("Tab has left the dialog for %s", eval[string](p, `document.activeElement.outerHTML`))
		}
	}
	p.tabTo("[name=edit-status]")
	p.press(kb.ArrowDown + kb.ArrowDown)
	p.awaitFocus("#edit-statusbusy:checked")
	p.tabTo("#edit-note")
	p.press("At the desk" + kb.Enter)
	p.awaitNoDialog()
	p.awaitFocus(".self .face")
	p.await(`document.querySelector(".self .detail").textContent === "busy · At the desk"`)

	p.tabTo(".box:not(.self) .face")
	p.press(" ")
	p.awaitDialog("Ben")
	p.press(kb.Escape)
	p.awaitNoDialog()
	p.await(`document.activeElement.closest(".box").querySelector(".name").textContent === "Ben"`)

	// One dialog after the other leads back to where the first was opened.
	p.tabTo("#more", chromedp.KeyModifiers(chromedp.ModifierShift))
	p.press(kb.Enter)
	p.awaitDialog("More")
	p.tabTo(".more .button")
	p.press(kb.Enter)
	p.awaitDialog(editorTitle)
	p.press(kb.Escape)
	p.awaitNoDialog()
	p.awaitFocus("#more")

	p.press(" ")
	p.awaitDialog("More")
	p.tabTo(".more .danger")
	p.press(kb.Enter)
	p.await(`document.querySelector(".word").textContent === "You have left the room."`)
	p.awaitFocus("#name")
	awaitNames(t, watcher, "Ben", "Cyd")
}

func TestTheFocusIsNotLostWithABoxThatGoes(t *testing.T) {
	t.Parallel()
	s := start(t, quick...)
	crowd(t, s, "lobby", "Ben")
	cyd := crowd(t, s, "lobby", "Cyd")[0]
	p := visit(t, "Ana", s.url)
	p.join("Ana")
	p.sees("Ana", "Ben", "Cyd")
	p.opens(".box:nth-child(3) .face", "Cyd")
	cyd.Close()
	p.await(`document.querySelector(".modal .how").textContent === "No longer here"`)
	p.sees("Ana", "Ben")
	p.await(`!document.querySelector(".departing")`)
	p.press(kb.Escape)
	p.awaitNoDialog()
	p.await(`document.activeElement !== document.body && document.activeElement.checkVisibility()`)
}
