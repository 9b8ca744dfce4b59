package ui

import (
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/maxence-charriere/go-app/v9/pkg/app"
	"golang.org/x/net/html"

	"rollcall/shared/client"
	"rollcall/shared/event"
)

// draw renders a component as the server would.
func draw(t *testing.T, c app.UI) *html.Node {
	t.Helper()
	root, err := html.Parse(strings.NewReader(app.HTMLString(c)))
	if err != nil {
		t.Fatal(err)
	}
	return root
}

func find(root *html.Node, match func(*html.Node) bool) *html.Node {
	for n := range root.Descendants() {
		if n.Type == html.ElementNode && match(n) {
			return n
		}
	}
	return nil
}

func class(name string) func(*html.Node) bool {
	return func(n *html.Node) bool { return strings.Contains(" "+attribute(n, "class")+" ", " "+name+" ") }
}

func attribute(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

func words(n *html.Node) string {
	if n == nil {
		return "(nothing)"
	}
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

func TestABoxShowsAPersonAsTheyAre(t *testing.T) {
	for _, c := range []struct {
		box                 UserBox
		sign, detail, extra string
	}{
		{UserBox{Since: "3 h"}, "sign-here", "3 h", ""},
		{UserBox{Self: true, Since: "just now"}, "sign-here", "just now", "you"},
		{UserBox{User: event.User{Note: "In the kitchen"}, Since: "3 h"}, "sign-here", "In the kitchen", ""},
		{UserBox{User: event.User{Status: event.StatusAway}, Since: "2 h"}, "sign-away", "away · 2 h", ""},
		{UserBox{User: event.User{Status: event.StatusBusy, Note: "On a call"}}, "sign-busy", "busy · On a call", ""},
		{UserBox{User: event.User{Link: event.LinkReconnecting, Note: "x"}}, "sign-reconnecting", "reconnecting", ""},
	} {
		c.box.User.ID, c.box.User.Name, c.box.State = "id", "Ana María", taken
		root := draw(t, &c.box)
		if got := words(find(root, class("name"))); got != "Ana María" {
			t.Errorf("the name is %q", got)
		}
		if got := words(find(root, class("detail"))); got != c.detail {
			t.Errorf("the detail is %q, want %q", got, c.detail)
		}
		if find(root, class(c.sign)) == nil {
			t.Errorf("no %s in %s", c.sign, app.HTMLString(&c.box))
		}
		if you := find(root, class("you")); (you != nil) != (c.extra != "") {
			t.Errorf("you: %v, want %q", you, c.extra)
		}
	}
}

func TestAVacantSlotTakesNoRoom(t *testing.T) {
	li := find(draw(t, &UserBox{State: vacant}), func(n *html.Node) bool { return n.Data == "li" })
	if li == nil || words(li) != "" || !regexp.MustCompile(`\bhidden\b`).MatchString(app.HTMLString(&UserBox{})) {
		t.Errorf("it is %s", app.HTMLString(&UserBox{}))
	}
}

func TestNamesAreText(t *testing.T) {
	for _, name := range []string{`<b>"'&`, `</p><script>`, "ليلى حداد", "&lt;"} {
		root := draw(t, &Board{Slots: []slot{{user: event.User{ID: "a", Name: name}, state: taken}}, Count: 1})
		if got := words(find(root, class("name"))); got != name {
			t.Errorf("%q is shown as %q", name, got)
		}
		if find(root, func(n *html.Node) bool { return n.Data == "b" || n.Data == "script" }) != nil {
			t.Errorf("%q has become an element", name)
		}
	}
}

func TestTheBoardCounts(t *testing.T) {
	for n, want := range map[int]string{0: "0 people here", 1: "1 person here", 2: "2 people here"} {
		if got := words(find(draw(t, &Board{Count: n}), class("count"))); got != want {
			t.Errorf("%d: %q", n, got)
		}
	}
	if find(draw(t, &Board{}), class("stale")) == nil || find(draw(t, &Board{Live: true}), class("stale")) != nil {
		t.Error("a board without a connection looks as one with")
	}
}

func TestHuesAreStableAndTheStylesheetHasThem(t *testing.T) {
	seen := map[int]bool{}
	for _, id := range strings.Fields("aaaaaaaaaaaaaaaa bbbbbbbbbbbbbbbb cccccccccccccccc dddddddddddddddd eeeeeeeeeeeeeeee") {
		h := hue(id)
		if h != hue(id) || h < 0 || h >= hues {
			t.Errorf("%s has %d", id, h)
		}
		seen[h] = true
	}
	if len(seen) < 3 {
		t.Errorf("hardly any colours: %v", seen)
	}
}

func TestTheProblemIsSaidBesideTheField(t *testing.T) {
	root := draw(t, &NameDialog{Room: "lobby", Problem: "Please type a name."})
	field := find(root, func(n *html.Node) bool { return n.Data == "input" })
	problem := find(root, func(n *html.Node) bool { return attribute(n, "id") == attribute(field, "aria-describedby") })
	if words(problem) != "Please type a name." || !strings.Contains(app.HTMLString(&NameDialog{Problem: "x"}), "aria-invalid") {
		t.Errorf("it is %q", words(problem))
	}
}

func TestTheConnectionIsSaidInWords(t *testing.T) {
	for link, want := range map[client.Link]string{
		client.Connecting: "Connecting …", client.Connected: "Connected", client.Offline: "Offline",
	} {
		if got := words(draw(t, &Connection{Link: link})); got != want {
			t.Errorf("%v: %q", link, got)
		}
	}
}

func TestAnAddressNamesItsRoomAndServer(t *testing.T) {
	for address, want := range map[string][2]string{
		"http://localhost:8080/":                   {"lobby", "ws://localhost:8080/ws"},
		"https://here.example.org/r/design-week?x": {"design-week", "wss://here.example.org/ws"},
		"http://[::1]:8080/r/Upper":                {"upper", "ws://[::1]:8080/ws"},
	} {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		if p := NewPage(u); p.Room != want[0] || p.server != want[1] {
			t.Errorf("%s: %q at %q", address, p.Room, p.server)
		}
	}
}
