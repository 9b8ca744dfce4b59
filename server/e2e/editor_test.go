package e2e

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"rollcall/shared/client"
	"rollcall/shared/event"
)

// press presses keys, one after the other.
func (p *person) press(keys string) {
	p.t.Helper()
	p.do(chromedp.KeyEvent(keys))
}

// fill types over what is in a field.
func (p *person) fill(selector, text string) {
	p.t.Helper()
	p.await(fmt.Sprintf(`(e => { e.focus(); e.select(); return true })(document.querySelector(%q))`, selector))
	p.press(text)
}

// awaitFocus waits until the focus is on what a selector finds.
func (p *person) awaitFocus(selector string) {
	p.t.Helper()
	p.await(fmt.Sprintf(`document.activeElement.matches(%q)`, selector))
}

// opens presses what a selector finds, and waits for the dialog with a title.
func (p *person) opens(selector, title string) {
	p.t.Helper()
	p.click(selector)
	p.awaitDialog(title)
}

func (p *person) awaitDialog(title string) {
	p.t.Helper()
	p.await(fmt.Sprintf(`document.querySelector("dialog.modal[open] h2").textContent === %q`, title))
}

func (p *person) awaitNoDialog() {
	p.t.Helper()
	p.await(`!document.querySelector("dialog.modal")`)
}

const editorTitle = "How others see you"

// edit changes how the person is seen.
func (p *person) edit(name string, status event.Status, note string) {
	p.t.Helper()
	p.opens(".self .face", editorTitle)
	p.fill("#edit-name", name)
	p.click("label[for=edit-status" + status.String() + "]")
	p.fill("#edit-note", note+kb.Enter)
	p.awaitNoDialog()
}

// watch sees a room without a browser and without being in it.
func watch(t *testing.T, s *server, room string) *client.Client {
	t.Helper()
	c, err := client.Dial(t.Context(), s.ws(), client.Options{Watch: true, Room: room})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// awaitUsers waits until the people that a client sees are as they should be.
func awaitUsers(t *testing.T, c *client.Client, ok func([]event.User) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for !ok(c.Roster().Users()) {
		if _, err := c.Next(ctx); err != nil {
			t.Fatalf("%v, with %v", err, c.Roster().Users())
		}
	}
}

// awaitNames waits until a client sees exactly these people.
func awaitNames(t *testing.T, c *client.Client, names ...string) {
	t.Helper()
	awaitUsers(t, c, func(users []event.User) bool {
		var have []string
		for _, u := range users {
			have = append(have, u.Name)
		}
		return slices.Equal(have, names)
	})
}

func TestAChangeOfOneselfShowsInPlaceOnTheOthersBoards(t *testing.T) {
	t.Parallel()
	s := start(t)
	ana, ben := visit(t, "Ana", s.url), visit(t, "Ben", s.url)
	ana.join("Ana")
	ben.join("Ben")
	ana.sees("Ana", "Ben")
	ben.sees("Ben", "Ana")
	id := eval[string](ana, `document.querySelector(".self").dataset.user`)
	ben.await(fmt.Sprintf(`(window.box = document.querySelector('[data-user="%s"]'))`, id))
	shows := func(name, detail string) {
		t.Helper()
		for p, box := range map[*person]string{ben: `box`, ana: `document.querySelector(".self")`} {
			p.await(fmt.Sprintf(`%[1]s.querySelector(".name").textContent === %[2]q && %[1]s.querySelector(".detail").textContent === %[3]q`, box, name, detail))
		}
		if !eval[bool](ben, fmt.Sprintf(`box.isConnected && box === document.querySelector('[data-user="%s"]')`, id)) {
			t.Error("the box was drawn anew")
		}
	}

	ana.edit("Ana María", event.StatusBusy, "In the kitchen")
	ana.awaitFocus(".self .face")
	shows("Ana María", "busy · In the kitchen")

	// One thing at a time leaves the others as they are.
	ana.opens(".self .face", editorTitle)
	ana.await(`document.querySelector("#edit-name").value === "Ana María" && document.querySelector("#edit-note").value === "In the kitchen" && document.querySelector("#edit-statusbusy").checked`)
	ana.fill("#edit-note", "Back at 14:00"+kb.Enter)
	ana.awaitNoDialog()
	shows("Ana María", "busy · Back at 14:00")
	ana.edit("Ana María", event.StatusHere, kb.Delete)
	ana.await(`document.querySelector(".self .detail").textContent === "just now" || document.querySelector(".self .detail").textContent.endsWith(" min")`)
	ben.await(`!box.querySelector(".detail").textContent.includes("busy") && !box.querySelector(".detail").textContent.includes("14:00")`)
}

func TestARefusedChangeIsExplainedInTheEditor(t *testing.T) {
	t.Parallel()
	s := start(t)
	watcher := watch(t, s, "lobby")
	p := visit(t, "Ana", s.url)
	p.join("Ana")
	p.opens(".self .face", editorTitle)
	for _, c := range []struct{ field, typed, problem string }{
		{"edit-name", strings.Repeat("x", 33), "33 characters"},
		{"edit-name", " ", "Please type a name."},
		{"edit-note", strings.Repeat("y", 81), "81 characters"},
	} {
		if c.field == "edit-note" {
			p.fill("#edit-name", "Ana")
		}
		p.fill("#"+c.field, c.typed+kb.Enter)
		p.await(fmt.Sprintf(`document.querySelector("#%s-problem").textContent.includes(%q)`, c.field, c.problem))
		p.await(fmt.Sprintf(`(e => e === document.activeElement && e.getAttribute("aria-invalid") === "true" && e.value === %q)(document.querySelector("#%s"))`, c.typed, c.field))
		if n := eval[int](p, `document.querySelectorAll(".modal [aria-invalid]").length`); n != 1 {
			t.Errorf("%d fields are wrong", n)
		}
		p.awaitDialog(editorTitle)
	}
	p.press(kb.Escape)
	p.awaitNoDialog()
	p.awaitFocus(".self .face")
	p.sees("Ana")

	// What was typed then is gone, and so is the problem.
	p.opens(".self .face", editorTitle)
	p.await(`document.querySelector("#edit-note").value === "" && !document.querySelector(".modal [aria-invalid]") && document.querySelector("#edit-note-problem").textContent === ""`)
	p.fill("#edit-name", "Ana María"+kb.Enter)
	p.awaitNoDialog()
	p.sees("Ana María")
	awaitNames(t, watcher, "Ana María")
}

// What looks the same may be typed in two ways, of which the server keeps one.
func TestWhatComesToTheSameIsNoChange(t *testing.T) {
	t.Parallel()
	s := start(t)
	p := visit(t, "Zoë", s.url)
	p.join("Zo\u00eb")
	p.sees("Zo\u00eb")
	for _, typed := range []string{"Zoe\u0308", "Zo\u00eb\u200b", "\u2068Zo\u00eb\u2069 "} {
		p.opens(".self .face", editorTitle)
		p.await(`(e => { e.value = ` + quoted(typed) + `; e.focus(); return true })(document.querySelector("#edit-name"))`)
		p.press(kb.Enter)
		p.awaitNoDialog()
		p.sees("Zo\u00eb")
	}
}

// A status is kept once the others see it, whatever was opened since; one that
// was refused is not.
func TestAStatusIsKeptWhenItIsSeen(t *testing.T) {
	t.Parallel()
	s := start(t, "-grace", "1m")
	p := visitRecorded(t, "Ana", s.url, recordedSockets)
	p.join("Ana")
	p.edit("Ana", event.StatusBusy, "")
	p.await(`localStorage["rollcall.status.lobby"] === "busy"`)
	p.await(`(window.cut = true, sockets.at(-1).close(), true)`)
	p.await(`document.querySelector(".notices").innerText.includes("Try now")`)
	p.edit("Ana", event.StatusHere, "")
	p.opens(".self .face", editorTitle)
	p.press(kb.Escape)
	p.awaitNoDialog()
	p.await(`(window.cut = false, dispatchEvent(new Event("online")), true)`)
	p.await(`document.querySelector(".connected") && document.querySelector(".self .detail").textContent === "just now"`)
	p.await(`!localStorage["rollcall.status.lobby"]`)

	p.opens(".self .face", editorTitle)
	p.click(`label[for=edit-statusaway]`)
	p.await(`(e => { e.value = "a" + "\u0301".repeat(9); e.focus(); return true })(document.querySelector("#edit-name"))`) // only the server refuses it
	p.press(kb.Enter)
	p.await(`document.querySelector("#edit-name-problem").textContent !== ""`)
	p.press(kb.Escape)
	p.awaitNoDialog()
	p.edit("Ana", event.StatusHere, "in") // which comes after the refusal
	p.await(`document.querySelector(".self .detail").textContent === "in" && !localStorage["rollcall.status.lobby"]`)
	p.forgive("WebSocket", "426")
}
