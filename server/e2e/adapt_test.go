package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// everydayState is a state of the page that people see every day, and the way
// there.
type everydayState struct {
	name  string
	crowd bool // eleven others are in the room
	reach func(*person)
}

func everyday() []everydayState {
	return []everydayState{
		{"first visit", false, (*person).awaitAlive},
		{"alone", false, joined(1)},
		{"twelve", true, joined(12)},
		{"list", true, func(p *person) {
			joined(12)(p)
			p.click(`[aria-label="List"]`)
			p.await(`document.querySelector(".list")`)
		}},
		{"editor", true, opened(".self .face")},
		{"more", true, opened("#more")},
		{"invitation", true, opened(".bar .primary")},
		{"person", true, opened(".box:nth-child(5) .face")},
	}
}

// TestEveryStateAdapts takes the page through what people and their devices
// ask of it, state by state. One page goes through all of that, since coming to
// a state takes longer than looking at it.
func TestEveryStateAdapts(t *testing.T) {
	t.Parallel()
	s := start(t)
	for i, state := range everyday() {
		if testing.Short() && i%2 == 1 {
			continue // make shots has them all
		}
		t.Run(state.name, func(t *testing.T) {
			t.Parallel()
			room := strings.ReplaceAll(state.name, " ", "-")
			if state.crowd {
				lively(t, s, room)
			}
			p := visit(t, "Ana", s.url+"/r/"+room)
			state.reach(p)
			p.do(chromedp.Sleep(settle))
			for _, demand := range []struct {
				name  string
				meets func(*person)
			}{
				{"every state has its landmarks", (*person).hasLandmarks},
				{"what can be pressed is large enough", (*person).hasLargeTargets},
				{"text of twice the size fits", (*person).takesLargeText},
				{"the smallest phone shows everything", (*person).takesASmallPhone},
				{"from right to left it is a mirror image", (*person).takesRightToLeft},
				{"forced colors tell what colors told", (*person).takesForcedColors},
				{"one always sees where the focus is", (*person).showsTheFocus},
			} {
				t.Run(demand.name, func(t *testing.T) {
					p.t = t
					demand.meets(p)
				})
				p.t = t
			}
		})
	}
}

// pictureOf keeps a picture of a state that somebody may want to look at.
func (p *person) pictureOf(what string) {
	p.t.Helper()
	state, _, _ := strings.Cut(strings.TrimPrefix(p.t.Name(), "TestEveryStateAdapts/"), "/")
	p.screenshot(fmt.Sprintf("adapt/%s-%s.png", state, what))
}

// fits fails the test for what does not fit into a window of this size.
func (p *person) fits(what string, width, height int64) {
	p.t.Helper()
	p.do(chromedp.EmulateViewport(width, height), chromedp.Sleep(settle))
	for _, out := range eval[[]string](p, runsOutJS) {
		p.t.Errorf("%s at %d: runs out of the window: %s", what, width, out)
	}
	for _, cut := range eval[[]string](p, cutOffJS) {
		p.t.Errorf("%s at %d: cut off: %s", what, width, cut)
	}
	p.pictureOf(fmt.Sprintf("%s-%d", strings.ReplaceAll(what, " ", "-"), width))
}

// runsOutJS finds what lies beyond an edge of the window, and a page or a
// dialog that can be scrolled sideways. What is only for screen readers may be
// anywhere.
const runsOutJS = `(() => {
	const width = document.documentElement.clientWidth;
	const out = [...document.querySelectorAll("body *")].filter(e => {
		const r = e.getBoundingClientRect();
		return e.checkVisibility() && r.width > 1 && !e.closest(".hidden") && (r.left < -1 || r.right > width + 1);
	});
	const sideways = [document.documentElement, ...document.querySelectorAll(".modal-body")].filter(e => e.scrollWidth > e.clientWidth + 1);
	return [...out, ...sideways].map(e => e.outerHTML.slice(0, 80));
})()`

func (p *person) takesLargeText() {
	p.t.Helper()
	p.await(`(document.documentElement.style.fontSize = "200%", getComputedStyle(document.body).fontSize === "32px")`)
	p.fits("large text", 360, 740)
	p.fits("large text", 1440, 900)
	p.await(`(document.documentElement.style.fontSize = "", true)`)
}

func (p *person) takesASmallPhone() {
	p.t.Helper()
	p.fits("a small phone", 320, 568)
}

// takesRightToLeft is for languages that we do not speak
// yet; names in them are here already.
func (p *person) takesRightToLeft() {
	p.t.Helper()
	p.await(`(document.documentElement.dir = "rtl")`)
	for _, size := range []size{{360, 740}, {1440, 900}} {
		p.fits("right to left", size.width, size.height)
		if !eval[bool](p, `!document.querySelector(".bar") || (() => {
			const left = selector => document.querySelector(selector).getBoundingClientRect().left;
			return left(".bar .mark") > left(".title") && left(".title") > left(".connection") && left(".bar .primary") > left("#more");
		})()`) {
			p.t.Errorf("at %d the header is not mirrored", size.width)
		}
	}
	for name, direction := range map[string]string{"Jonas Weber": "ltr", "ليلى حداد": "rtl"} {
		if !eval[bool](p, fmt.Sprintf(`[...document.querySelectorAll(".box bdi.name")].filter(e => e.textContent === %q).
			every(e => getComputedStyle(e).direction === %q)`, name, direction)) {
			p.t.Errorf("%s does not run %s", name, direction)
		}
	}
	p.await(`(document.documentElement.dir = "ltr")`)
}

func (p *person) takesForcedColors() {
	p.t.Helper()
	call(p, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "forced-colors", Value: "active"}},
	})
	p.await(`matchMedia("(forced-colors: active)").matches`)
	p.do(chromedp.EmulateViewport(820, 1180), chromedp.KeyEvent(kb.Tab), chromedp.Sleep(settle))
	p.pictureOf("forced-colors")
	p.audit("forced colors")
	outline := func(selector string) string {
		return eval[string](p, fmt.Sprintf(`(e => e ? getComputedStyle(e).outline + getComputedStyle(e).border : "")(document.querySelector(%q))`, selector))
	}
	if self, other := outline(".box.self"), outline(".box:not(.self)"); self != "" && self == other {
		p.t.Errorf("one’s own box looks like any other: %s", self)
	}
	if chosen, other := outline(".choice:has(:checked)"), outline(".choice:not(:has(:checked))"); chosen != "" && chosen == other {
		p.t.Errorf("the status that is chosen looks like any other: %s", chosen)
	}
	call(p, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{})
}

func TestNothingMovesForWhoAskedForThat(t *testing.T) {
	t.Parallel()
	s := start(t, quick...)
	p := visit(t, "Ana", s.url)
	call(p, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-reduced-motion", Value: "reduce"}},
	})
	p.await(`(() => {
		window.moved = [];
		for (const kind of ["animationstart", "transitionstart"]) document.addEventListener(kind, e => moved.push(kind + " " + e.target.className));
		const look = () => { moved.push(...document.getAnimations().map(a => a.animationName ?? "transition")); requestAnimationFrame(look) };
		look();
		return true;
	})()`)
	p.join("Ana")
	p.awaitCount(1)
	ben := crowd(t, s, "lobby", "Ben")[0]
	p.sees("Ana", "Ben")
	p.click(".self .face")
	p.await(`document.querySelector("dialog.modal[open]")`)
	p.do(chromedp.KeyEvent(kb.Escape))
	ben.Close()
	p.sees("Ana")
	p.await(`!document.querySelector(".departing")`)
	if moved := eval[[]string](p, `moved`); len(moved) > 0 {
		t.Errorf("it moved: %q", moved)
	}
}

// ringJS is whether one sees that what has the focus has it: by an outline of
// its own or of its label.
const ringJS = `(() => {
	const shown = e => e && getComputedStyle(e).outlineStyle !== "none" && parseFloat(getComputedStyle(e).outlineWidth) >= 2;
	const e = document.activeElement;
	return shown(e) || shown(e.closest("label")) || [...e.labels ?? []].some(shown);
})()`

func (p *person) showsTheFocus() {
	p.t.Helper()
	p.await(`(window.reached = new Set())`)
	for range 40 {
		p.do(chromedp.KeyEvent(kb.Tab))
		where := eval[string](p, `(e => e === document.body || e === document.documentElement ? "" : reached.has(e) ? "again" : (reached.add(e), e.outerHTML.slice(0, 100)))(document.activeElement)`)
		if where == "" {
			continue // the browser's own controls
		}
		if where == "again" {
			break
		}
		if !eval[bool](p, ringJS) {
			p.t.Errorf("no ring around %s", where)
		}
	}
	if n := eval[int](p, `reached.size`); n < 2 {
		p.t.Errorf("Tab reaches %d elements", n)
	}
}

// smallJS finds what can be pressed and is smaller than WCAG wants, or than a
// finger where it is what the page is for. A label is part of its field, and a
// link in a sentence is as high as the sentence.
const smallJS = `[...document.querySelectorAll("a, button, input:not([type=radio]), label:has(input)")].filter(e => e.checkVisibility()).flatMap(e => {
	const r = e.getBoundingClientRect();
	const least = e.matches(".small") ? 24 : 40;
	return r.width < least || r.height < least ? [Math.round(r.width) + " by " + Math.round(r.height) + ": " + e.outerHTML.slice(0, 100)] : [];
})`

func (p *person) hasLargeTargets() {
	p.t.Helper()
	for _, width := range []int64{360, 1440} {
		p.do(chromedp.EmulateViewport(width, 800), chromedp.Sleep(settle))
		for _, small := range eval[[]string](p, smallJS) {
			p.t.Errorf("at %d: %s", width, small)
		}
	}
}

func (p *person) hasLandmarks() {
	p.t.Helper()
	if n := eval[int](p, `document.querySelectorAll("h1").length`); n != 1 {
		p.t.Errorf("there are %d h1", n)
	}
	if n := eval[int](p, `document.querySelectorAll("main").length`); n != 1 {
		p.t.Errorf("there are %d main", n)
	}
	if !eval[bool](p, `Boolean(document.querySelector(".entrance")) || document.querySelectorAll("header").length === 1`) {
		p.t.Error("there is no header")
	}
	if unnamed := eval[[]string](p, `[...document.querySelectorAll("dialog")].filter(e =>
		!document.getElementById(e.getAttribute("aria-labelledby"))?.textContent.trim()).map(e => e.outerHTML.slice(0, 100))`); len(unnamed) > 0 {
		p.t.Errorf("without a name: %q", unnamed)
	}
}

// TestWhatDoesNotAdaptIsFound breaks the page, for the checks above to notice.
func TestWhatDoesNotAdaptIsFound(t *testing.T) {
	t.Parallel()
	s := start(t)
	p := visit(t, "Ana", s.url)
	p.awaitAlive()
	p.await(`(document.querySelector("#name").focus(), true)`)
	found := func() []string {
		all := slices.Concat(eval[[]string](p, runsOutJS), eval[[]string](p, smallJS))
		if !eval[bool](p, ringJS) {
			all = append(all, "no ring")
		}
		return all
	}
	if all := found(); len(all) > 0 {
		t.Errorf("a good page: %q", all)
	}
	for _, planted := range []struct{ selector, style string }{
		{".join .button", "width: 1100px"},
		{".join .button", "height: 20px; min-height: 0"},
		{"#name", "outline: none"},
	} {
		set := func(style string) {
			p.await(fmt.Sprintf("(document.querySelector(%q).style.cssText = %q, true)", planted.selector, style))
		}
		set(planted.style)
		if len(found()) == 0 {
			t.Errorf("%v was not found", planted)
		}
		set("")
	}
}

// TestANoticeLeavesRoomToScrollPastIt looks at the last box under a notice.
func TestANoticeLeavesRoomToScrollPastIt(t *testing.T) {
	t.Parallel()
	s := start(t, "-grace", "1m")
	crowd(t, s, "lobby", dozen...)
	p := visit(t, "Ana", s.url)
	p.join("Ana")
	p.awaitCount(12)
	p.do(chromedp.EmulateViewport(360, 640))
	s.stop()
	p.await(`document.querySelector(".notices").innerText.includes("lost")`)
	p.await(`(scrollTo(0, 1e6), [...document.querySelectorAll(".box .name")].at(-1).getBoundingClientRect().bottom <
		document.querySelector(".notices").getBoundingClientRect().top)`)
	p.forgiveRestart()
}

func TestTheBarStandsAboveWhatIsScrolledUnderIt(t *testing.T) {
	t.Parallel()
	s := start(t)
	lively(t, s, "lobby")
	p := visit(t, "Ana", s.url)
	joined(12)(p)
	p.do(chromedp.EmulateViewport(360, 400))
	for _, look := range []string{"List", "Boxes"} {
		p.click(`[aria-label="` + look + `"]`)
		for _, under := range []string{`[aria-pressed="true"]`, ".count", "#search", ".self .avatar .sign"} {
			// Its middle to where the middle of the bar is.
			p.await(`(() => {
				const middle = e => (({top, left, width, height}) => [left + width / 2, top + height / 2])(e.getBoundingClientRect());
				const e = document.querySelector('` + under + `');
				const y = middle(document.querySelector(".bar"))[1];
				scrollBy({top: middle(e)[1] - y, behavior: "instant"});
				const [x, at] = middle(e);
				return Math.abs(at - y) < 2 && document.elementFromPoint(x, at).closest(".bar");
			})()`)
		}
	}
}

func TestTheLargestScreensAreFilled(t *testing.T) {
	t.Parallel()
	s := start(t)
	multitude(t, s, "lobby", 400)
	p := visit(t, "Ana", s.url)
	p.join("Ana")
	p.awaitCount(401)
	for _, size := range [][2]int64{{3840, 2160}, {5120, 2880}, {2160, 3840}} {
		p.do(chromedp.EmulateViewport(size[0], size[1]))
		for _, look := range []string{"List", "Boxes"} {
			p.click(`[aria-label="` + look + `"]`)
			p.await(fmt.Sprintf(`Boolean(document.querySelector(".list")) === %t`, look == "List"))
			for _, place := range []string{"0", "document.documentElement.scrollHeight / 3"} {
				p.await(`(scrollTo(0, ` + place + `), [...document.querySelectorAll(".box")].at(-1).getBoundingClientRect().bottom >= innerHeight)`)
			}
		}
	}
}
