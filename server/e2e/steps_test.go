package e2e

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// quick makes departures show at once; the tests of lingering have their own.
var quick = []string{"-linger", "0s", "-grace", "0s"}

func TestThePageIsThereBeforeScripts(t *testing.T) {
	t.Parallel()
	s := start(t)
	resp, err := http.Get(s.url + "/r/design-week")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	page, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"<dialog", "Who’s joining?", `<strong translate="no">design-week</strong>`, `id="name"`} {
		if !strings.Contains(string(page), want) {
			t.Errorf("no %q in %s", want, page)
		}
	}

	p := visit(t, "Ana", "about:blank")
	call(p, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	p.do(chromedp.Navigate(s.url+"/r/design-week"),
		chromedp.WaitVisible(chromedp.CSS("dialog[open] #name")),
		chromedp.WaitVisible(chromedp.CSS("noscript .notice"))) // what to do about it
	p.screenshot("look/no-javascript-1024-light.png")
}

func TestJoiningShowsOneself(t *testing.T) {
	t.Parallel()
	s := start(t)
	p := visit(t, "Ana", s.url)
	p.awaitAlive()
	if focused := eval[string](p, `document.activeElement.id`); focused != "name" {
		t.Errorf("focus is in %q", focused)
	}
	p.join("  Ana   María ")
	p.sees("Ana María")
	p.await(`document.querySelector(".box.self .you").textContent === "you"`)
	p.await(`document.querySelector(".box .avatar").textContent === "AM"`)
	p.await(`document.querySelector(".connection").textContent.trim() === "Connected"`)
	p.await(`document.title === "1 here · lobby · Rollcall"`)
	p.await(`document.querySelector(".alone #link").value === location.href`)
	p.await(`document.querySelector(".alone .qr").naturalWidth > 0`)
}

func TestTheNameIsRememberedAndOffered(t *testing.T) {
	t.Parallel()
	s := start(t, quick...)
	p := visit(t, "Ana", s.url)
	p.join("Ana")
	p.sees("Ana")
	other := p.anotherTab(s.url + "/r/other")
	other.awaitAlive()
	if offered := eval[string](other, `document.querySelector("#name").value`); offered != "Ana" {
		t.Errorf("offered %q", offered)
	}
	other.do(chromedp.KeyEvent(kb.Enter))
	other.sees("Ana")
}

func TestABadNameIsExplainedBesideTheField(t *testing.T) {
	t.Parallel()
	s := start(t)
	p := visit(t, "Ana", s.url)
	problem := `document.querySelector("#name-problem").textContent`
	p.join("   ")
	p.await(problem + ` === "Please type a name."`)
	long := strings.Repeat("x", 33) // only the server counts them
	p.join(long)
	p.await(problem + `.includes("33 characters")`)
	if typed := eval[string](p, `document.querySelector("#name").value`); typed != long {
		t.Errorf("what was typed has become %q", typed)
	}
	p.await(`document.querySelector("#name").getAttribute("aria-invalid") === "true" && document.activeElement.id === "name"`)
	p.join("Ana")
	p.sees("Ana")
}

func TestWhatIsTypedBeforeTheProgramIsAliveIsKept(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, submitted := range []bool{false, true} {
		p := visit(t, "Ana", "about:blank")
		release := p.hold("*.wasm")
		p.do(chromedp.Navigate(s.url), chromedp.WaitVisible(chromedp.CSS("#name")))
		// app.js is there, the program is not.
		p.await(`document.documentElement.classList.contains("starting")`)
		p.await(`(e => { e.focus(); return true })(document.querySelector("#name"))`)
		keys := "Ana"
		if submitted {
			keys += kb.Enter
		}
		p.do(chromedp.KeyEvent(keys))
		release()
		if !submitted {
			p.awaitAlive()
			p.await(`document.querySelector("#name").value === "Ana" && document.activeElement.id === "name"`)
			p.do(chromedp.KeyEvent(kb.Enter))
		}
		p.sees("Ana")
		p.close()
	}
}

func TestTwoBrowsersSeeEachOtherComeAndGo(t *testing.T) {
	t.Parallel()
	s := start(t, quick...)
	ana := visit(t, "Ana", s.url)
	ana.join("Ana")
	ana.sees("Ana")
	ben := visit(t, "Ben", s.url)
	ben.join("Ben")
	ben.sees("Ben", "Ana") // oneself first
	ana.sees("Ana", "Ben")
	ben.close()
	ana.sees("Ana")
}

func TestLeavingGoesBackToTheDialog(t *testing.T) {
	t.Parallel()
	s := start(t) // with a linger that leaving does not wait for
	ana, ben := visit(t, "Ana", s.url), visit(t, "Ben", s.url)
	ana.join("Ana")
	ben.join("Ben")
	ana.sees("Ana", "Ben")
	ben.click(".self .face")
	ben.click(".modal .danger")
	ana.sees("Ana")
	ben.await(`document.querySelector(".word").textContent === "You have left the room."`)
	ben.join("Ben")
	ana.sees("Ana", "Ben")
}

// TestTheRightBoxGoesAndTheOthersStayAsTheyAre marks the boxes' elements, so
// that it notices when one is drawn anew or stands for somebody else.
func TestTheRightBoxGoesAndTheOthersStayAsTheyAre(t *testing.T) {
	t.Parallel()
	s := start(t, quick...)
	watcher := visit(t, "Watcher", s.url)
	watcher.join("Watcher")
	var twins []*person
	for i := range 2 {
		twin := visit(t, fmt.Sprint("Twin ", i+1), s.url)
		twin.join("Sam")
		twin.await(`document.querySelector(".box.self")`)
		twins = append(twins, twin)
		watcher.await(fmt.Sprintf(`document.querySelectorAll(".box").length === %d`, i+2))
	}
	last := visit(t, "Last", s.url)
	last.join("Last")
	watcher.sees("Watcher", "Sam", "Sam", "Last")
	watcher.await(`!document.querySelector(".arriving")`)
	id := func(p *person) string { return eval[string](p, `document.querySelector(".box.self").dataset.user`) }
	first, second := id(twins[0]), id(twins[1])

	watcher.await(`(() => {
		window.marked = Object.fromEntries([...document.querySelectorAll(".box")].map(e => [e.dataset.user, e]));
		window.restarted = [];
		document.addEventListener("animationstart", e => restarted.push(e.target.dataset.user + " " + e.animationName));
		const kept = marked["` + second + `"]; kept.tabIndex = 0; kept.focus();
		return true;
	})()`)
	twins[0].close()
	watcher.sees("Watcher", "Sam", "Last")
	watcher.await(`!document.querySelector(".departing")`)
	if left := eval[bool](watcher, `[...document.querySelectorAll(".box")].some(e => e.dataset.user === "`+first+`")`); left {
		t.Error("the wrong box is gone")
	}
	if same := eval[bool](watcher, `[...document.querySelectorAll(".box")].every(e => marked[e.dataset.user] === e)`); !same {
		t.Error("a box that stays was drawn anew")
	}
	if focused := eval[string](watcher, `document.activeElement.dataset.user ?? ""`); focused != second {
		t.Errorf("focus went to %q", focused)
	}
	for _, animation := range eval[[]string](watcher, `restarted`) {
		if animation != first+" depart" {
			t.Errorf("an animation started: %s", animation)
		}
	}
	twins[1].sees("Sam", "Watcher", "Last")
	last.sees("Last", "Watcher", "Sam")
}

func TestTwoTabsAreOneBox(t *testing.T) {
	t.Parallel()
	s := start(t, quick...)
	ana := visit(t, "Ana", s.url)
	ana.join("Ana")
	ben := visit(t, "Ben", s.url)
	ben.join("Ben")
	tab := ben.anotherTab(s.url)
	tab.join("Ben")
	tab.sees("Ben", "Ana")
	ana.sees("Ana", "Ben")
	tab.close()
	ben.sees("Ben", "Ana")
	ana.sees("Ana", "Ben")
	ben.close()
	ana.sees("Ana")
}

func TestHostileAndForeignNamesAreShownAsTyped(t *testing.T) {
	t.Parallel()
	s := start(t)
	ana, eve := visit(t, "Ana", s.url), visit(t, "Eve", s.url)
	const arabic, hostile = "ليلى حداد", `<b>"'&</b><img src=x>`
	ana.join(arabic)
	ana.sees(arabic)
	eve.join(hostile)
	ana.sees(arabic, hostile)
	eve.sees(hostile, arabic)
	for _, p := range []*person{ana, eve} {
		if n := eval[int](p, `document.querySelectorAll(".box b, .box img").length`); n != 0 {
			t.Errorf("%s: the name has become %d elements", p.who, n)
		}
	}
	if direction := eval[string](ana, `getComputedStyle(document.querySelector(".box.self .name")).direction`); direction != "rtl" {
		t.Errorf("an Arabic name runs %s", direction)
	}
	ana.screenshot("look/names-1024-light.png")
}

func TestAReloadGoesStraightBackAndDoesNotShow(t *testing.T) {
	t.Parallel()
	s := start(t, "-linger", "10s")
	ana, ben := visit(t, "Ana", s.url), visit(t, "Ben", s.url)
	ana.join("Ana")
	ben.join("Ben")
	ana.sees("Ana", "Ben")
	ben.sees("Ben", "Ana")
	id := eval[string](ben, `document.querySelector(".box.self").dataset.user`)
	ana.await(`(window.box = document.querySelector('[data-user="` + id + `"]'))`)
	ben.do(chromedp.Reload())
	ben.sees("Ben", "Ana")
	ana.await(`box === document.querySelector('[data-user="` + id + `"]') && !box.classList.contains("reconnecting")`)
	ana.sees("Ana", "Ben")
}

func TestTheServerStopsAndComesBack(t *testing.T) {
	t.Parallel()
	s := start(t, "-grace", "0s")
	ana, ben := visit(t, "Ana", s.url), visit(t, "Ben", s.url)
	ana.join("Ana")
	ana.sees("Ana")
	ben.join("Ben")
	ana.sees("Ana", "Ben")
	s.stop()
	for _, p := range []*person{ana, ben} {
		p.await(`document.querySelector(".connection").textContent.trim() === "Offline"`)
		p.await(fmt.Sprintf(`%s.length === 2`, namesJS)) // still there, to look at
	}
	ben.close()
	s.restart()
	ana.await(`document.querySelector(".connection").textContent.trim() === "Connected"`)
	// As it is now, with whoever may be back yet.
	ana.await(`document.querySelectorAll(".box.reconnecting").length === 1`)
	ana.sees("Ana", "Ben")
	cyd := visit(t, "Cyd", s.url)
	cyd.join("Cyd")
	ana.sees("Ana", "Ben", "Cyd")
	// The browser notes every attempt that finds nobody.
	ana.forgiveRestart()
	ben.forgiveRestart()
}

func TestAPageThatIsNotThere(t *testing.T) {
	t.Parallel()
	s := start(t)
	p := visit(t, "Ana", s.url+"/r/no_such_room")
	p.forgive("404")
	p.await(`document.querySelector("h1").textContent === "There is no page here"`)
	p.do(chromedp.Click(chromedp.CSS("a.button")))
	p.awaitAlive()
	p.await(`location.pathname === "/"`)
}
