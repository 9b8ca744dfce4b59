package e2e

import "testing"

func TestAWallWatchesOnly(t *testing.T) {
	t.Parallel()
	s := start(t, quick...)
	ana := visit(t, "Ana", s.url)
	ana.join("Ana")
	ana.sees("Ana")
	wall := visitRecorded(t, "The wall", s.url+"/?view=wall", recordedSockets+`window.locks = [];
		Object.defineProperty(navigator, "wakeLock", {value: {request: kind => (locks.push(kind), Promise.resolve({}))}});`)
	wall.sees("Ana")
	if said := eval[string](wall, `JSON.stringify(sockets.flatMap(s => s.said).map(e => e.event))`); said != `["watch"]` {
		t.Errorf("the wall has said %s", said)
	}
	if eval[bool](wall, `Boolean(document.querySelector("#name, .self, .box button, dialog")) || sessionStorage.length + localStorage.length > 0`) {
		t.Error("the wall asks for something, or keeps it")
	}
	crowd(t, s, "lobby", "Ben")
	wall.sees("Ana", "Ben")
	ana.sees("Ana", "Ben")
	ana.await(`document.querySelector("#count").textContent === "2 people here, 1 watching"`)
	ana.screenshot("look/watched-1440-light.png")

	// The browser takes the lock from a tab that is hidden.
	wall.await(`JSON.stringify(locks) === '["screen"]'`)
	wall.hide(true)
	wall.hide(false)
	wall.await(`JSON.stringify(locks) === '["screen","screen"]'`)
	if said := eval[string](wall, `JSON.stringify(sockets.flatMap(s => s.said).map(e => e.event))`); said != `["watch"]` {
		t.Errorf("the wall has said %s", said)
	}
}
