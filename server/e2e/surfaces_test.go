package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"rollcall/shared/event"
)

func TestHostileNamesAreTextWhereverTheyAreShown(t *testing.T) {
	t.Parallel()
	const (
		bold   = `<b>"'&</b><img src=x>`
		script = `</p><script>alert(1)</script>`
		arabic = "ليلى حداد"
		note   = `<img src=x>&amp;</span><script>`
	)
	s := start(t, quick...)
	for i, c := range crowd(t, s, "lobby", script, arabic) {
		c.Update(event.Patch{Note: new(strings.Repeat(note, 1-i))})
	}
	p := visitRecorded(t, "Eve", s.url, recordedNotifications+recordedSayings)
	p.permit(s, "notifications")
	shown := func(surface, js, want string) {
		t.Helper()
		p.await(fmt.Sprintf(`%s === %q`, js, want))
		if n := eval[int](p, `document.querySelectorAll("b, [src=x], .page script").length`); n != 0 {
			t.Errorf("%s: %d elements of a name", surface, n)
		}
	}
	const second = `.box:nth-child(2) `
	p.join(bold)
	p.sees(bold, script, arabic)
	shown("a box", `document.querySelector("`+second+`.name").textContent`, script)
	shown("a box", `document.querySelector("`+second+`.name").title`, script)
	shown("a note", `document.querySelector("`+second+`.detail").textContent`, note)
	shown("the initials", `document.querySelector("`+second+`.avatar").textContent`, "P")
	const direction = `getComputedStyle(document.querySelector("%s")).direction`
	shown("an Arabic box", fmt.Sprintf(direction, ".box:nth-child(3) .name"), "rtl")
	shown("the one beside it", fmt.Sprintf(direction, second+".name"), "ltr")
	shown("the title", `document.title`, "3 here · lobby · Rollcall")

	p.click(`[aria-label="List"]`)
	p.await(`document.querySelector(".list")`)
	shown("the list", namesJS+`.join("|")`, strings.Join([]string{bold, script, arabic}, "|"))

	p.search(bold[:6] + "nobody</b>")
	shown("the search", `document.querySelector(".nobody").textContent`, "Nobody here is called “"+bold[:6]+"nobody</b>”.")
	p.search(kb.Delete)
	p.sees(bold, script, arabic)

	p.opens(second+".face", script)
	shown("a person", `document.querySelector(".person .said").textContent`, note)
	p.click(".modal .tell")
	p.await(`document.querySelector(".modal .tell.chosen")`)
	p.press(kb.Escape)
	p.awaitNoDialog()
	p.opens(".box:nth-child(3) .face", arabic)
	shown("an Arabic title", fmt.Sprintf(direction, ".modal h2 bdi"), "rtl")
	p.press(kb.Escape)
	p.awaitNoDialog()

	p.opens(".self .face", editorTitle)
	shown("the editor", `document.querySelector("#edit-name").value`, bold)
	p.press(kb.Escape)
	p.awaitNoDialog()

	p.opens("#more", "More")
	shown("who is told about", `document.querySelector(".told bdi").textContent`, script)
	shown("who is told about", `document.querySelector(".told .button").getAttribute("aria-label")`, "Don’t tell me about "+script)
	p.press(kb.Escape)
	p.awaitNoDialog()

	crowd(t, s, "lobby", bold)
	shown("what is said", `sayings.at(-1)`, bold+" joined, 4 here")

	resolve[bool](p, `navigator.serviceWorker.ready.then(() => true)`)
	p.await(`(rollcall.notify(` + fmt.Sprintf("%q", script+" is here") + `, "in lobby", "tag", "/"), true)`)
	shown("a notification", `shown.at(-1)`, script+" is here in lobby")

	p.do(chromedp.Navigate(s.url + "/?view=wall"))
	p.sees(script, arabic, bold)
	shown("the wall", `document.querySelector(".box .detail").textContent`, note)
	p.do(chromedp.Navigate(s.url + "/r/other"))
	p.awaitAlive()
	shown("the name dialog", `document.querySelector("#name").value`, bold)
}
