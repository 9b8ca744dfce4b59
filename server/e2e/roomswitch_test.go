package e2e

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

func TestAnotherRoomIsEnteredInPlaceAndWithTheSameName(t *testing.T) {
	t.Parallel()
	s := start(t, quick...)
	lobby := watch(t, s, "lobby")
	crowd(t, s, "design-week", "Ben")
	p := visit(t, "Ana", s.url)
	p.join("Ana")
	awaitNames(t, lobby, "Ana")
	p.await(`(window.before = true)`)

	p.opens(".rooms-button", "Rooms")
	// Nothing first: typing nothing takes nothing out of the field.
	for _, c := range []struct{ typed, problem string }{{"", "Please type"}, {"no_such", "letters a to z"}} {
		p.fill("#room", c.typed+kb.Enter)
		p.await(fmt.Sprintf(`document.querySelector("#room-problem").textContent.includes(%q)`, c.problem))
		p.await(`(e => e === document.activeElement && e.getAttribute("aria-invalid") === "true")(document.querySelector("#room"))`)
	}
	p.click(".go > .button") // Make up a name
	p.await(`/^[a-z]+-[a-z]+(-[a-z]{6}){3}$/.test(document.querySelector("#room").value) && document.querySelector("#room-problem").textContent === ""`)
	p.awaitFocus("#room:not([aria-invalid])")

	here := func(path, room string, names ...string) {
		t.Helper()
		p.sees(names...)
		p.awaitNoDialog()
		p.await(fmt.Sprintf(`window.before && location.pathname === %q && document.querySelector(".room").textContent === %q && document.title === "%d here · %[2]s · Rollcall"`, path, room, len(names)))
	}
	p.fill("#room", "Design Week"+kb.Enter)
	here("/r/design-week", "design-week", "Ana", "Ben")
	awaitNames(t, lobby)

	p.opens(".rooms-button", "Rooms")
	p.click(`.room-link[href="/"]`)
	here("/", "lobby", "Ana")
	awaitNames(t, lobby, "Ana")

	p.do(chromedp.NavigateBack())
	here("/r/design-week", "design-week", "Ana", "Ben")
	awaitNames(t, lobby)
	p.do(chromedp.NavigateBack())
	here("/", "lobby", "Ana")

	// Who has left a room is not in the next one.
	p.opens("#more", "More")
	p.click(".more .danger")
	p.await(`document.querySelector(".word").textContent === "You have left the room."`)
	p.do(chromedp.NavigateForward())
	p.await(`location.pathname === "/r/design-week" && document.querySelector("dialog strong").textContent === "design-week" && document.querySelector("#name").value === "Ana"`)
}
