package e2e

import (
	"fmt"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"rollcall/app/board"
	"rollcall/shared/event"
)

// in has the browser be in a time zone, before it opens a page.
func (p *person) in(zone string) *time.Location {
	p.t.Helper()
	call(p, emulation.SetTimezoneOverride, emulation.SetTimezoneOverrideParams{TimezoneID: zone})
	location, err := time.LoadLocation(zone)
	if err != nil {
		p.t.Fatal(err)
	}
	return location
}

// clockAhead has the device's clock be wrong, by more than a day.
const clockAhead = `window.Date = class extends Date {
	constructor(...a) { a.length ? super(...a) : super(Date.now()) }
	static now() { return super.now() + 30 * 3600 * 1000 }
}`

func TestAStatusIsShownUntilItEnds(t *testing.T) {
	t.Parallel()
	s := start(t)
	ben := crowd(t, s, "lobby", "Ben")[0]
	p := visit(t, "Ana", "about:blank")
	kathmandu := p.in("Asia/Kathmandu") // five hours and three quarters ahead
	p.before(clockAhead)
	p.do(chromedp.Navigate(s.url))
	p.join("Ana")
	p.sees("Ana", "Ben")
	p.await(`(window.before = true)`)

	end := time.Now().Add(8 * time.Second)
	ben.Update(event.Patch{Status: new(event.StatusBusy), Note: new("Presenting"), Until: new(end.UnixMilli())})
	const detail = `document.querySelector(".box:nth-child(2) .detail").textContent`
	until := board.Until(end.In(kathmandu), time.Now().In(kathmandu), false)
	p.await(fmt.Sprintf(`%s === %q`, detail, "busy "+until+" · Presenting"))
	p.opens(".box:nth-child(2) .face", "Ben")
	p.await(fmt.Sprintf(`document.querySelector(".modal .how").textContent === %q`, "Busy "+until))
	p.await(fmt.Sprintf(`%s === "just now"`, detail))
	if early := time.Until(end); early > 0 {
		t.Errorf("it has ended %v early", early)
	}
	p.await(`window.before && document.querySelector(".modal .how").textContent === "Here" && !document.querySelector(".modal .said")`)
}

func TestTheTimeOfAnotherDayIsTheOneThatTheDeviceWillShowThen(t *testing.T) {
	t.Parallel()
	s := start(t)
	p := visit(t, "Ana", "about:blank")
	berlin := p.in("Europe/Berlin")
	offset := func(t time.Time) int { _, east := t.In(berlin).Zone(); return east }
	end := time.Now().Add(48 * time.Hour)
	for offset(end) == offset(time.Now()) { // summer time has begun or ended before it
		end = end.AddDate(0, 0, 7)
	}
	crowd(t, s, "lobby", "Ben")[0].Update(event.Patch{Status: new(event.StatusAway), Until: new(end.UnixMilli())})
	p.do(chromedp.Navigate(s.url))
	p.join("Ana")
	p.sees("Ana", "Ben")
	now := time.Now().In(berlin)
	p.await(fmt.Sprintf(`document.querySelector(".box:nth-child(2) .detail").textContent === %q`, "away "+board.Until(end.In(berlin), now, false)))
	p.opens(".box:nth-child(2) .face", "Ben")
	p.await(fmt.Sprintf(`document.querySelector(".modal .how").textContent === %q`, "Away "+board.UntilExactly(end.In(berlin), now, false)))
}

func TestWhatIsNotSoNowIsDatedByTheServersClock(t *testing.T) {
	t.Parallel()
	s := start(t)
	p := visit(t, "Ana", "about:blank")
	p.before(clockAhead)
	p.do(chromedp.Navigate(s.url))
	p.join("Ana")
	p.sees("Ana")
	s.stop()
	p.await(`/^1 person here at \d\d:\d\d$/.test(document.querySelector(".count").innerText.replace(/\s+/g, " "))`)
	p.forgiveRestart()
}
