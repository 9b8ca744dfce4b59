package e2e

import (
	"testing"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// recordedSayings keeps all that a screen reader is told.
const recordedSayings = `window.sayings = []; new MutationObserver(() => {
	const said = document.querySelector("#said")?.textContent;
	if (said && said !== sayings.at(-1)) sayings.push(said);
}).observe(document, {subtree: true, childList: true, characterData: true});`

func TestWhoComesTogetherIsToldInOneSentence(t *testing.T) {
	t.Parallel()
	s := start(t, quick...)
	crowd(t, s, "lobby", "Ben", "Cyd")
	p := visitRecorded(t, "Ana", s.url, recordedSockets+recordedSayings)
	p.join("Ana")
	p.sees("Ana", "Ben", "Cyd")
	told := func(want string) {
		t.Helper()
		p.await("JSON.stringify(sayings) === '" + want + "'")
	}
	crowd(t, s, "lobby", "Dan", "Eve") // the first that is told: nobody was before
	told(`["Dan and Eve joined, 5 here"]`)

	// What a return brings is no news either.
	p.await(`(window.cut = true, sockets.at(-1).close(), true)`)
	p.await(`sockets.length > 1 && sockets.at(-1).readyState === WebSocket.CLOSED`)
	crowd(t, s, "lobby", "Fay")
	p.await(`(window.cut = false, dispatchEvent(new Event("online")), true)`)
	p.sees("Ana", "Ben", "Cyd", "Dan", "Eve", "Fay")
	p.await(`!document.querySelector("#said").textContent.includes("lost")`)
	gus := crowd(t, s, "lobby", "Gus")[0]
	p.await(`sayings.at(-1).startsWith("Gus joined")`)
	gus.Close()
	p.await(`sayings.at(-1) === "Gus left, 6 here"`)
	p.await(`JSON.stringify(sayings.filter(said => !said.startsWith("The connection is lost"))) === '["Dan and Eve joined, 5 here","Gus joined, 7 here","Gus left, 6 here"]'`)
	p.forgive("WebSocket", "426")
}

func (p *person) permit(s *server, permission string) {
	p.t.Helper()
	call(p, browser.SetPermission, browser.SetPermissionParams{
		Permission: &browser.PermissionDescriptor{Name: permission}, Setting: browser.PermissionSettingGranted,
		Origin: s.url, BrowserContextID: chromedp.FromContext(p.ctx).BrowserContextID,
	})
}

// recordedNotifications keeps the titles of what is shown, once it is: until
// then Chromium forgets a notification when it is asked for those that are shown.
const recordedNotifications = `window.shown = []; {
	const show = ServiceWorkerRegistration.prototype.showNotification;
	ServiceWorkerRegistration.prototype.showNotification = async function (title, options) {
		await show.call(this, title, options);
		shown.push(title + " " + options.body);
	};
}`

func TestOneIsToldWhenSomebodyComesBack(t *testing.T) {
	t.Parallel()
	s := start(t, quick...)
	ben := visit(t, "Ben", s.url)
	ben.join("Ben")
	p := visitRecorded(t, "Ana", s.url, recordedNotifications)
	p.permit(s, "notifications")
	p.join("Ana")
	p.sees("Ana", "Ben")
	resolve[bool](p, `navigator.serviceWorker.ready.then(() => true)`)
	p.opens(".box:not(.self) .face", "Ben")
	p.click(".modal .tell")
	p.await(`document.querySelector(".modal .tell.chosen").textContent === "Don’t tell me any more"`)
	p.press(kb.Escape)
	p.awaitNoDialog()

	comesBack := func() {
		t.Helper()
		ben.opens(".self .face", editorTitle)
		ben.click(".modal .danger")
		p.sees("Ana")
		ben.join("Ben")
		p.sees("Ana", "Ben")
	}
	comesBack()
	p.await(`JSON.stringify(shown) === '["Ben is here in lobby"]'`)
	if title := resolve[string](p, `new Promise(done => { const look = () => navigator.serviceWorker.ready.then(r => r.getNotifications()).then(all =>
		all.length ? done(all[0].title) : setTimeout(look, 20)); look() })`); title != "Ben is here" {
		t.Errorf("the notification is %q", title)
	}

	// A first look tells nothing: this one is of who has come since.
	p.do(chromedp.Reload())
	p.sees("Ana", "Ben")
	resolve[bool](p, `navigator.serviceWorker.ready.then(() => true)`)
	crowd(t, s, "lobby", "Cyd") // whom nobody asked about
	p.sees("Ana", "Ben", "Cyd")
	if shown := eval[[]string](p, `shown`); len(shown) != 0 {
		t.Errorf("told of %q", shown)
	}

	// Until one wants to know no more.
	p.opens("#more", "More")
	p.await(`document.querySelector(".told li span").textContent === "Ben in lobby"`)
	p.click(".told .button")
	p.await(`!document.querySelector(".told li")`)
	p.press(kb.Escape)
	p.awaitNoDialog()
	ben.opens(".self .face", editorTitle)
	ben.click(".modal .danger")
	p.sees("Ana", "Cyd")
	ben.join("Ben")
	p.sees("Ana", "Cyd", "Ben")
	if shown := eval[[]string](p, `shown`); len(shown) != 0 {
		t.Errorf("told of %q", shown)
	}
}

func TestTheIconCountsWhoIsHere(t *testing.T) {
	t.Parallel()
	s := start(t, quick...)
	p := visitRecorded(t, "Ana", s.url, `window.badges = [];
		navigator.setAppBadge = n => (badges.push(n), Promise.resolve());
		navigator.clearAppBadge = () => (badges.push(0), Promise.resolve());`)
	p.awaitAlive()
	p.awaitFocus("#name")
	p.press("Ana" + kb.Enter)
	p.sees("Ana")
	p.await(`badges.at(-1) === 1`)
	ben := crowd(t, s, "lobby", "Ben")[0]
	p.await(`badges.at(-1) === 2`)
	ben.Close()
	p.await(`badges.at(-1) === 1`)
	p.opens(".self .face", editorTitle)
	p.click(".modal .danger")
	p.await(`badges.at(-1) === 0`)
}

func TestAWindowThatClosesLeavesTheIconToTheOthers(t *testing.T) {
	t.Parallel()
	s := start(t, quick...)
	crowd(t, s, "team", "Ben")
	const badges = `window.badges = [];
		navigator.setAppBadge = n => (badges.push(n), Promise.resolve());
		navigator.clearAppBadge = () => (badges.push(0), Promise.resolve());`
	p := visitRecorded(t, "Ana", s.url, badges)
	other := p.anotherTab("about:blank")
	other.before(badges)
	other.do(chromedp.Navigate(s.url + "/r/team"))
	for _, tab := range []*person{p, other} {
		tab.awaitAlive()
		tab.fill("#name", "Ana"+kb.Enter)
	}
	p.await(`badges.join() === "1"`)
	other.await(`badges.join() === "2"`)
	other.do(chromedp.Navigate(s.url + "/robots.txt"))
	p.await(`badges.join() === "1,1"`) // after the other has taken its number away
	p.opens(".self .face", editorTitle)
	p.click(".modal .danger")
	p.await(`badges.join() === "1,1,0"`)
}

func TestTheInvitationIsCopied(t *testing.T) {
	s := start(t)
	p := visit(t, "Ana", s.url+"/r/design-week")
	p.permit(s, "clipboard-write")
	p.permit(s, "clipboard-read")
	p.join("Ana")
	p.await(`document.querySelector(".alone h2").textContent.startsWith("Nobody else is here yet.")`)
	p.await(`document.querySelector(".alone #link").value === location.href && document.querySelector(".alone .qr").naturalWidth > 0`)
	copies := func(button string) {
		t.Helper()
		p.do(chromedp.Evaluate[chromedp.Void](`navigator.clipboard.writeText("")`, chromedp.EvalAwaitPromise))
		p.click(button)
		p.await(`document.querySelector("` + button + `").textContent === "Copied"`)
		p.await(`document.querySelector("#said").textContent.trim() === "The link is copied"`)
		if copied := resolve[string](p, `navigator.clipboard.readText()`); copied != s.url+"/r/design-week" {
			t.Errorf("%q was copied", copied)
		}
	}
	copies(".alone .primary")
	p.await(`document.querySelector(".alone .primary").textContent === "Copy link"`) // for the next time

	crowd(t, s, "design-week", "Ben")
	p.await(`!document.querySelector(".alone")`)
	p.opens(".bar .primary", "Invite others")
	p.await(`document.querySelector(".modal .qr").naturalWidth > 0`)
	copies(".modal .invitation .primary")
}

func TestTheInvitationIsSharedWhereTheBrowserCan(t *testing.T) {
	t.Parallel()
	s := start(t)
	p := visitRecorded(t, "Ana", s.url+"/r/design-week", `window.shared = [];
		navigator.share = what => (shared.push(what), Promise.reject(new DOMException("they thought better of it", "AbortError")))`)
	p.join("Ana")
	const share = ".alone .row .button:not(.primary)"
	p.await(`document.querySelector("` + share + `").textContent === "Share …"`)
	for range 2 { // not shared is a choice of theirs, and may be another the next time
		p.click(share)
	}
	p.await(`shared.length === 2 && shared.every(({title, text, url}) =>
		title === "Rollcall: design-week" && text === "Join me in design-week" && url === location.href)`)

	without := visitRecorded(t, "Ben", s.url+"/r/elsewhere", `delete Navigator.prototype.share`)
	without.join("Ben")
	without.await(`document.querySelector(".alone .primary") && !document.querySelector("` + share + `")`)
}

func TestNobodyMovesWhenTheSecondComesAndGoes(t *testing.T) {
	t.Parallel()
	s := start(t, quick...)
	// Nor does what stands under the boxes move when they are drawn.
	p := visitRecorded(t, "Ana", s.url, `window.tops = []; requestAnimationFrame(function look() {
		const alone = document.querySelector(".alone");
		if (alone) tops.push(alone.getBoundingClientRect().top);
		requestAnimationFrame(look);
	})`)
	p.join("Ana")
	p.await(`document.querySelector(".alone h2").textContent === "Nobody else is here yet. Share this link." && document.querySelector(".self")`)
	p.await(`tops.length > 10 && new Set(tops).size === 1`)
	const where = `JSON.stringify(document.querySelector(".self").getBoundingClientRect())`
	before := eval[string](p, where)
	stays := func() {
		t.Helper()
		if now := eval[string](p, where); now != before {
			t.Errorf("it was at %s and is at %s", before, now)
		}
	}
	ben := crowd(t, s, "lobby", "Ben")[0]
	p.sees("Ana", "Ben")
	p.await(`!document.querySelector(".alone")`)
	stays()
	p.opens(".bar .primary", "Invite others")
	ben.Close()
	p.sees("Ana")
	p.await(`document.querySelector(".alone h2").textContent === "Nobody else is here now. Share this link."`)
	p.await(`document.querySelector(".alone #link").value === location.href && document.querySelector(".modal #link-over").value === location.href`)
	stays()
}
