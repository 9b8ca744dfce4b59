package e2e

import (
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

func TestARoomIsShownAsItWasWhenThereIsNoServer(t *testing.T) {
	t.Parallel()
	s := start(t, "-grace", "1m")
	crowd(t, s, "lobby", "Ben")
	crowd(t, s, "x", "Cyd", "Dan")
	lobby := visitAndKeep(t, s.url)
	lobby.join("Ana")
	lobby.sees("Ana", "Ben")
	x := lobby.anotherTab(s.url + "/r/x")
	x.join("Ana")
	x.sees("Ana", "Cyd", "Dan")
	s.stop()

	past := func(p *person, count string, names string) {
		t.Helper()
		p.await(`document.querySelector(".count").textContent.startsWith("` + count + ` people here at ")`)
		p.await(`document.querySelector(".board.stale") && document.querySelector(".connection").textContent.trim() === "Offline"`)
		p.await(namesJS + `.join() === "` + names + `"`)
	}
	for _, p := range []*person{lobby, x} {
		p.do(chromedp.Reload())
		p.await(`(window.before = true)`)
	}
	past(lobby, "2", "Ana,Ben")
	past(x, "3", "Ana,Cyd,Dan")
	late := lobby.anotherTab(s.url)
	past(late, "2", "Ana,Ben")
	late.await(`document.querySelector(".notice").innerText.includes("This is who was here when you last were.")`)
	never := lobby.anotherTab(s.url + "/r/never")
	never.awaitAlive()
	never.await(`document.querySelector("dialog strong").textContent === "never" && document.querySelector("#name").value === "Ana"`)

	s.restart()
	lobby.await(`(dispatchEvent(new Event("online")), document.querySelector(".connected"))`)
	lobby.sees("Ana", "Ben")
	x.await(`(dispatchEvent(new Event("online")), document.querySelector(".connected"))`)
	x.sees("Ana", "Cyd", "Dan")
	for _, p := range []*person{lobby, x} {
		p.await(`window.before && !document.querySelector(".stale") && document.querySelector(".notices").hidden`)
	}
	// Who was not in the room is asked, as ever.
	late.click(".notice .button")
	late.await(`document.querySelector("#name").value === "Ana"`)
	late.join("Ana")
	late.sees("Ana", "Ben")
	never.fill("#name", "Ana"+kb.Enter)
	never.sees("Ana")
	for _, p := range []*person{lobby, x, late, never} {
		p.forgiveRestart("fetching the script", "without a network")
	}
}

func TestAReloadDimsABoxAndNothingElse(t *testing.T) {
	t.Parallel()
	s := start(t, "-linger", "10s")
	ana, ben := visit(t, "Ana", s.url), visit(t, "Ben", s.url)
	ana.join("Ana")
	ana.sees("Ana")
	ben.join("Ben")
	ben.edit("Ben", "busy", "In the kitchen")
	ana.sees("Ana", "Ben")
	ana.await(`document.querySelector(".box:not(.self) .detail").textContent === "busy · In the kitchen" && !document.querySelector(".arriving")`)
	ana.await(`(() => {
		window.box = document.querySelector(".box:not(.self)");
		window.seen = [];
		const look = () => {
			const now = box.className + ": " + box.innerText.replace(/\s+/g, " ") + " of " + document.querySelectorAll(".box").length;
			if (now !== seen.at(-1)) seen.push(now);
		};
		look();
		new MutationObserver(look).observe(document.querySelector(".page"), {subtree: true, childList: true, attributes: true, characterData: true});
		return true;
	})()`)
	for range 2 {
		ben.do(chromedp.Reload())
		ben.sees("Ben", "Ana")
	}
	ben.edit("Ben", "here", "Back") // which ana sees after all else
	ana.await(`seen.at(-1).includes("Back")`)
	want := eval[string](ana, `seen[0]`)
	const dimmed = "box reconnecting: B Ben reconnecting of 2"
	for _, seen := range eval[[]string](ana, `seen.slice(0, -1)`) {
		if seen != want && seen != dimmed {
			t.Errorf("for a moment it was %q", seen)
		}
	}
	if last := eval[string](ana, `seen.at(-2)`); last != want {
		t.Errorf("it stays %q", last)
	}
	if !eval[bool](ana, `box.isConnected && box.className === "box"`) {
		t.Error("the box was drawn anew")
	}
}
