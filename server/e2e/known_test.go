package e2e

import (
	"fmt"
	"syscall"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

func TestAWallWithoutAServerSaysNoMoreThanItKnows(t *testing.T) {
	t.Parallel()
	s := start(t)
	p := visitAndKeep(t, s.url)
	s.stop()
	p.do(chromedp.Navigate(s.url + "/?view=wall"))
	p.await(`document.querySelector(".connection").innerText.trim() === "Offline" && document.querySelector(".word").textContent.includes("reach the server")`)
	if count := eval[string](p, `document.querySelector(".count").innerText.replace(/\s+/g, " ").trim()`); count != "Who is here in lobby" {
		t.Errorf("it says %q", count)
	}
	p.await(`!document.querySelector(".qr").checkVisibility()`)
	s.restart()
	p.await(`(dispatchEvent(new Event("online")), document.querySelector(".word")?.textContent === "Nobody is here now.")`)
	p.await(`document.querySelector(".qr").checkVisibility() && document.querySelector(".qr").naturalWidth > 0`)
	p.awaitCount(0)
	crowd(t, s, "lobby", "Ben")
	p.sees("Ben")
	s.stop()
	p.await(`document.querySelector(".count").innerText.includes("person here at ")`)
	p.forgiveRestart("fetching the script", "ERR_FAILED", "503")
}

// notedWords has a page note what it says of its connection, and its titles.
const notedWords = `(() => {
	window.words = [];
	window.titles = [];
	const look = () => {
		const word = document.querySelector(".connection").textContent;
		if (word !== words.at(-1)) words.push(word);
		if (document.title !== titles.at(-1)) titles.push(document.title);
	};
	look();
	new MutationObserver(look).observe(document, {subtree: true, childList: true, characterData: true});
	return true;
})()`

func TestWhatTheBrowserSaysOfTheNetworkIsSeenAtOnceAndLookedInto(t *testing.T) {
	t.Parallel()
	s := start(t, "-grace", "1m")
	crowd(t, s, "lobby", "Ben")
	p := visitRecorded(t, "Ana", s.url, recordedSockets)
	p.join("Ana")
	p.sees("Ana", "Ben")
	p.await(`document.title === "2 here · lobby · Rollcall"`)
	p.await(notedWords)
	for i, event := range []string{"offline", "online"} { // the server is there all the same
		p.await(`dispatchEvent(new Event("` + event + `"))`)
		p.await(fmt.Sprintf(`sockets.length === 1 && sockets[0].said.filter(e => e.event === "view").length === %d`, i+1))
		// The hello and each view are answered with a snapshot.
		p.await(fmt.Sprintf(`sockets[0].heard.filter(e => e.event === "existing_users").length === %d && words.at(-1) === "Connected"`, i+2))
	}
	s.cmd.Process.Signal(syscall.SIGSTOP)
	defer s.cmd.Process.Signal(syscall.SIGCONT)
	p.await(`(words.length = 1, window.since = performance.now(), dispatchEvent(new Event("offline")), true)`)
	p.await(`words.at(-1) === "Reconnecting …" && titles.at(-1) === "lobby · Rollcall"`)
	if took := eval[float64](p, `performance.now() - since`); took > 2000 {
		t.Errorf("it took %.0f ms to show", took)
	}
	p.await(`document.querySelector(".notices").innerText.includes("The connection is lost.")`)
	p.await(`document.querySelector(".count").innerText.includes("people here at ")`)
	s.cmd.Process.Signal(syscall.SIGCONT)
	p.await(`(dispatchEvent(new Event("online")), words.at(-1) === "Connected" && titles.at(-1) === "2 here · lobby · Rollcall")`)
	p.await(`document.querySelector(".notices").hidden && !document.querySelector(".stale")`)
	p.sees("Ana", "Ben")
}

func TestARemarkGoesWhenTheConnectionIsBack(t *testing.T) {
	t.Parallel()
	s := start(t, "-grace", "1m")
	p := visit(t, "Ana", s.url)
	p.join("Ana")
	p.sees("Ana")
	s.stop()
	p.await(`document.querySelector(".notices").innerText.includes("The connection is lost.")`)
	p.opens(".self .face", editorTitle)
	p.fill("#edit-note", "Back soon"+kb.Enter)
	p.await(`document.querySelector(".notices").innerText.includes("The others see it when the connection is back.")`)
	s.restart()
	p.await(`(dispatchEvent(new Event("online")), document.querySelector(".self .detail").textContent === "Back soon")`)
	p.await(`document.querySelector(".notices").hidden`)
	p.forgiveRestart()
}

func TestARosterOfLastWeekHasTheAgesOfThen(t *testing.T) {
	t.Parallel()
	s := start(t)
	crowd(t, s, "lobby", "Ben")
	p := visitAndKeep(t, s.url)
	p.join("Ana")
	p.sees("Ana", "Ben")
	s.stop()
	p.await(`document.querySelector(".notices").innerText.includes("The connection is lost.")`)
	p.do(chromedp.Navigate(s.url + "/r/elsewhere")) // which keeps the one before
	p.awaitAlive()
	const week = 7 * 24 * 3600 * 1000
	p.await(fmt.Sprintf(`(() => {
		const [seen] = JSON.parse(localStorage["rollcall.roster.lobby"]);
		seen.data.now -= %[1]d;
		for (const user of seen.data.users) user.since = seen.data.now - 45 * 60000;
		localStorage["rollcall.roster.lobby"] = JSON.stringify([seen]);
		window.day = new Date(seen.data.now).toLocaleDateString("en", {weekday: "long"});
		sessionStorage.day = day;
		return true;
	})()`, week))
	p.do(chromedp.Navigate(s.url))
	p.await(`document.querySelector(".count").innerText.includes("people here on " + sessionStorage.day)`)
	p.await(`[...document.querySelectorAll(".box .detail")].every(e => ["44 min", "45 min"].includes(e.textContent))`)
	p.opens(".box:nth-child(2) .face", "Ben")
	p.await(`document.querySelector(".modal .how").textContent.startsWith("Here on " + sessionStorage.day)`)
	p.await(`/^Had been here for 4[45] min$/.test(document.querySelector(".modal .since").textContent)`)
	p.await(`!document.querySelector(".modal .sign").checkVisibility()`)
	p.forgiveRestart("fetching the script", "without a network", "Failed to load resource")
}

func TestWhoHasLeftIsNotShownAsHere(t *testing.T) {
	t.Parallel()
	s := start(t, quick...)
	ben := crowd(t, s, "lobby", "Ben")[0]
	p := visit(t, "Ana", s.url)
	p.join("Ana")
	p.sees("Ana", "Ben")
	p.opens(".box:nth-child(2) .face", "Ben")
	p.await(`document.querySelector(".modal .how").textContent === "Here" && document.querySelector(".modal .sign").checkVisibility()`)
	ben.Close()
	p.await(`document.querySelector(".modal .how").textContent === "No longer here" && document.querySelector(".modal .since").textContent === "Left just now"`)
	p.await(`!document.querySelector(".modal .sign").checkVisibility()`)
}
