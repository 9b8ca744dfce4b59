package e2e

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"

	"rollcall/shared/event"
	"rollcall/shared/roster"
)

// otherServers lets a page's connections be those of other servers: a hello that goes on
// from an epoch that the server does not know is answered by everything.
const otherServers = recordedSockets + `window.elsewhere = false; window.WebSocket = class extends WebSocket {
	send(data) { super.send(elsewhere ? data.replace(/"epoch":"[^"]*"/, '"epoch":"elsewhere"') : data) }
};`

// flickerJS follows all that the page shows, and keeps what nobody is to see. The boxes
// are those in the window now.
const flickerJS = `(() => {
	const inBoxes = () => new Map([...document.querySelectorAll("#boxes [data-user]")].map(box => [box.dataset.user, box]));
	const inWindow = ([user, box]) => (({top, bottom}) => bottom > 0 && top < innerHeight)(box.getBoundingClientRect());
	window.flicker = [];
	window.before = {boxes: new Map([...inBoxes()].filter(inWindow)), focus: document.activeElement, scroll: scrollY, dialog: document.querySelector("dialog.modal"), note: document.querySelector("#edit-note")?.value};
	window.whatMoved = () => [
		...[...inBoxes()].filter(inWindow).filter(([user, box]) => before.boxes.has(user) && before.boxes.get(user) !== box).map(([user]) => "another box for " + user),
		...document.querySelectorAll("#boxes > .box").length ? [] : ["no boxes"],
		...before.focus === document.activeElement ? [] : ["the focus"],
		...before.scroll === scrollY ? [] : ["the scrolling, by " + (scrollY - before.scroll)],
		...before.dialog === document.querySelector("dialog.modal") && (!before.dialog || before.dialog.open) ? [] : ["the dialog"],
		...before.note === document.querySelector("#edit-note")?.value ? [] : ["what was typed"],
		...new Set(flicker),
	].join("; ");
	new MutationObserver(() => {
		for (const box of document.querySelectorAll(".arriving, .departing, .unknown, .box.reconnecting, .stale")) flicker.push(box.className);
		const word = document.querySelector(".connection").innerText;
		if (word !== "Connected") flicker.push(word);
		for (const notice of document.querySelectorAll(".notice")) flicker.push(notice.innerText);
	}).observe(document.body, {subtree: true, childList: true, characterData: true, attributes: true});
	before.focus.addEventListener("blur", () => flicker.push("the focus went away"));
	return true;
})()`

// A page that comes back to a server that knows nothing of the time before gets everything
// anew; so does one whose server has come to know of people on another one. In neither
// case does anybody see it.
func TestWhatAPageIsToldAnewIsNotSeen(t *testing.T) {
	t.Parallel()
	s := start(t, append([]string{"-window", "100"}, endless...)...)
	const (
		move     = `(elsewhere = true, sockets.at(-1).close(), true)`
		snapshot = `(sockets.at(-1).send('[{"event":"view","data":{}}]'), true)` // in a large room it would be of another part
		wholes   = `sockets.flatMap(s => s.heard).filter(e => e.event === "existing_users" && !e.data.resumed).length`
	)
	editor := func(p *person) {
		p.opens(".self .face", editorTitle)
		p.fill("#edit-note", "half a no")
	}
	focus := func(place int) func(*person) {
		return func(p *person) {
			p.await(fmt.Sprintf(`(document.querySelector('[aria-posinset="%d"] .face').focus(), document.activeElement.matches(".face"))`, place))
		}
	}
	card := func(place int) func(*person) {
		return func(p *person) {
			p.click(fmt.Sprintf(`[aria-posinset="%d"] .face`, place))
			p.await(`document.querySelector("dialog.modal[open]")`)
		}
	}
	for room, c := range map[string]struct {
		people, scroll int
		look           map[string]func(*person)
		ways           []string
	}{
		"small": {60, 400, map[string]func(*person){"the focus on a box": focus(40), "a person's card": card(41), "an open editor": editor}, []string{move, snapshot}},
		"large": {300, 4000, map[string]func(*person){"the focus on a box": focus(100), "a person's card": card(101)}, []string{move}},
	} {
		t.Run(room, func(t *testing.T) {
			t.Parallel()
			all := crowd(t, s, room, several(c.people)...)
			p := visitRecorded(t, "Ana", s.url+"/r/"+room, otherServers)
			p.join("Ana")
			p.awaitCount(c.people + 1)
			p.awaitFocus(".count") // to which it scrolls
			for what, look := range c.look {
				for _, tell := range c.ways {
					p.await(fmt.Sprintf(`(scrollTo(0, %d), scrollY === %[1]d)`, c.scroll))
					p.await(`document.querySelectorAll("#boxes > .box").length > 30 && !document.querySelector(".unknown")`)
					look(p)
					told := eval[int](p, wholes)
					p.await(flickerJS)
					p.await(tell)
					p.await(fmt.Sprintf(`%s > %d`, wholes, told))
					note := fmt.Sprint("after ", told) // which comes after all that
					all[c.people/3].Update(event.Patch{Note: &note})
					p.await(fmt.Sprintf(`[...document.querySelectorAll(".detail")].some(e => e.innerText === %q)`, note))
					if moved := eval[string](p, `whatMoved()`); moved != "" {
						t.Errorf("%s, with %s: %s", tell, what, moved)
					}
					p.press(kb.Escape)
					p.awaitNoDialog()
				}
			}
		})
	}
}

// hears has the page hear a frame that no server has sent.
func (p *person) hears(events ...event.Event) {
	p.t.Helper()
	p.await(fmt.Sprintf(`(sockets.at(-1).dispatchEvent(new MessageEvent("message", {data: %q})), true)`, event.Encode(events...)))
}

// snapshotOf is what a server says that knows these people.
func snapshotOf(self string, users ...event.User) []event.Event {
	var r roster.Roster
	r.Apply(event.ExistingUsers{Users: users})
	return []event.Event{event.ExistingUsers{Self: self, Now: time.Now().UnixMilli(), Room: event.Lobby, Epoch: "elsewhere", Users: r.Users()}, r.State()}
}

// They came at their time, so their boxes are between those of the others.
func TestPeopleOfAnotherServerAreNotSeenToArrive(t *testing.T) {
	t.Parallel()
	s := start(t, endless...)
	crowd(t, s, "lobby", several(60)...)
	p := visitRecorded(t, "Ana", s.url, otherServers+recordedSayings)
	p.join("Ana")
	p.awaitCount(61)
	p.awaitFocus(".count")
	self := eval[string](p, `sockets[0].heard[0].data.self`)
	known := watch(t, s, "lobby").Roster().Users()
	everybody := slices.Clone(known)
	for i, u := range known {
		if i%5 == 0 {
			everybody = append(everybody, event.User{ID: fmt.Sprint("other", i), Name: fmt.Sprint("Other ", i), Since: u.Since - 1})
		}
	}
	for what, open := range map[string]func(){
		"the focus on a box": func() {
			p.await(`(document.querySelector('[aria-posinset="10"] .face').focus(), document.activeElement.matches(".face"))`)
		},
		"a person's card": func() { p.opens(`[aria-posinset="10"] .face`, several(60)[8]) },
		"an open editor": func() {
			p.opens(".self .face", editorTitle)
			p.fill("#edit-note", "half a no")
		},
	} {
		open()
		p.await(flickerJS)
		for _, users := range [][]event.User{everybody, known} {
			p.hears(snapshotOf(self, users...)...)
			p.awaitCount(len(users))
			if moved := eval[string](p, `whatMoved()`); moved != "" {
				t.Errorf("with %d people and %s: %s", len(users), what, moved)
			}
		}
		p.press(kb.Escape)
		p.awaitNoDialog()
	}
	if said := eval[[]string](p, `sayings`); len(said) > 0 {
		t.Errorf("a screen reader is told %q", said)
	}
}
