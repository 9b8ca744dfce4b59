package e2e

import (
	"fmt"
	"testing"
	"time"

	"rollcall/shared/client"
	"rollcall/shared/event"
	"rollcall/shared/roster"
)

func TestARestartIsNotSeenToSendAnybodyAway(t *testing.T) {
	t.Parallel()
	s := start(t)
	crowd(t, s, "lobby", "Ben", "Cyd")
	ana, err := client.Dial(t.Context(), s.ws(), client.Options{Name: "Ana"})
	if err != nil {
		t.Fatal(err)
	}
	defer ana.Close()
	page := visit(t, "Dan", s.url)
	page.join("Dan")
	page.await(`document.querySelectorAll(".box").length === 4`)
	page.await(`(() => {
		window.went = [];
		new MutationObserver(() => {
			for (const box of document.querySelectorAll(".departing")) went.push(box.innerText);
			if (document.querySelectorAll(".box").length < 4) went.push("fewer boxes");
		}).observe(document.body, {subtree: true, childList: true, attributes: true});
		return true;
	})()`)
	if _, err := ana.Next(t.Context()); err != nil { // what led here
		t.Fatal(err)
	}

	s.stop()
	s.restart()
	all := func() bool {
		users := ana.Roster().Users()
		for _, u := range users {
			if u.Link != event.LinkOnline {
				return false
			}
		}
		return len(users) == 4 && ana.Status().Link == client.Connected
	}
	lost := false
	for deadline := time.Now().Add(patience); !lost || !all(); {
		u, err := ana.Next(t.Context())
		if err != nil || time.Now().After(deadline) {
			t.Fatalf("%v, with %v", err, ana.Roster().Users())
		}
		lost = lost || u.Link != client.Connected
		for _, c := range u.Changes {
			if lost && c.Kind != roster.Updated {
				t.Errorf("%+v", c)
			}
		}
	}
	page.await(`document.querySelector(".connected") && document.querySelectorAll(".box:not(.reconnecting)").length === 4`)
	if went := eval[[]string](page, `went`); len(went) > 0 {
		t.Errorf("the page saw %q go", went)
	}
	page.forgiveRestart()
}

func TestALargeRoomShowsItsCountAndAPart(t *testing.T) {
	t.Parallel()
	s := start(t, "-window", "60")
	names := make([]string, 70)
	for i := range names {
		names[i] = fmt.Sprintf("%s %d", dozen[i%len(dozen)], i)
	}
	crowd(t, s, "lobby", names...)
	p := visit(t, "Ana", s.url)
	p.join("Ana")
	p.await(`document.querySelector("#count").textContent.startsWith("71 ")`)
	p.await(`document.querySelector('.box[aria-setsize="71"]')`)
	if first := eval[string](p, `document.querySelector(".box .name").textContent`); first != "Ana" {
		t.Errorf("the first box is %s's", first)
	}
	crowd(t, s, "lobby", "Late")
	p.await(`document.querySelector("#count").textContent.startsWith("72 ")`)
	p.screenshot("look/large.png")
}

func TestALimitIsToldInThePage(t *testing.T) {
	t.Parallel()
	s := start(t, "-limit-sockets", "1", "-limit-members", "1")
	crowd(t, s, "lobby", "Ben")
	p := visit(t, "Ana", s.url)
	p.join("Ana")
	p.await(`document.querySelector(".word").textContent.includes("as many connections as one may have")`)
	p.screenshot("look/limited.png")
	p.forgive("WebSocket", "429")

	s = start(t, "-limit-members", "1")
	crowd(t, s, "lobby", "Ben")
	p = visit(t, "Cyd", s.url)
	p.join("Cyd")
	p.await(`document.querySelector(".word").textContent.includes("The room is full")`)
	p.forgive("WebSocket")
}
