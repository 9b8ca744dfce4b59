package ui

import (
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/maxence-charriere/go-app/v9/pkg/app"
	"golang.org/x/net/html"

	"rollcall/app/board"
	"rollcall/app/visit"
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

func here(u event.User) board.Slot {
	return board.Slot{Item: board.Item{User: u, Known: true}, State: board.Taken}
}

func TestABoxShowsAPersonAsTheyAre(t *testing.T) {
	const hour = int64(3_600_000)
	now := time.Date(2026, 11, 27, 13, 0, 0, 0, time.Local).UnixMilli()
	for _, c := range []struct {
		user                event.User
		self                bool
		sign, detail, extra string
	}{
		{event.User{Since: now - 3*hour}, false, "sign-here", "3 h", ""},
		{event.User{Since: now}, true, "sign-here", "just now", "you"},
		{event.User{Note: "In the kitchen"}, false, "sign-here", "In the kitchen", ""},
		{event.User{Note: "In the kitchen", Until: now + hour}, false, "sign-here", "In the kitchen until 14:00", ""},
		{event.User{Status: event.StatusAway, StatusSince: now - 2*hour}, false, "sign-away", "away 2 h", ""},
		{event.User{Status: event.StatusBusy, StatusSince: now, Note: "On a call"}, false, "sign-busy", "busy · On a call", ""},
		{event.User{Status: event.StatusBusy, StatusSince: now, Note: "On a call", Until: now + hour}, false, "sign-busy", "busy until 14:00 · On a call", ""},
		{event.User{Link: event.LinkReconnecting, Note: "x"}, false, "sign-reconnecting", "reconnecting", ""},
	} {
		for _, plain := range []bool{false, true} {
			c.user.ID, c.user.Name = "id", "Ana María"
			slot := here(c.user)
			slot.Self = c.self
			root := draw(t, &UserBox{Slot: slot, Detail: detailOf(c.user, now, false), Plain: plain})
			if got := words(find(root, class("name"))); got != "Ana María" {
				t.Errorf("the name is %q", got)
			}
			if got := words(find(root, class("detail"))); got != c.detail {
				t.Errorf("the detail is %q, want %q", got, c.detail)
			}
			if find(root, class(c.sign)) == nil {
				t.Errorf("no %s for %+v", c.sign, c.user)
			}
			if you := find(root, class("you")); (you != nil) != (c.extra != "") {
				t.Errorf("you: %v, want %q", you, c.extra)
			}
			if button := find(root, tag("button")); (button == nil) != plain {
				t.Errorf("plain %v: the button is %v", plain, button)
			}
		}
	}
}

func TestAPlaceOfWhichNothingIsKnownYetIsABoxWithoutAName(t *testing.T) {
	root := draw(t, &UserBox{Slot: board.Slot{Item: board.Item{User: event.User{ID: "?9"}}, State: board.Taken}})
	box := find(root, class("box"))
	if box == nil || find(root, tag("button")) != nil || strings.Contains(words(root), "?") {
		t.Errorf("it is %q", words(root))
	}
}

func tag(name string) func(*html.Node) bool {
	return func(n *html.Node) bool { return n.Type == html.ElementNode && n.Data == name }
}

func TestAVacantSlotTakesNoRoom(t *testing.T) {
	li := find(draw(t, &UserBox{}), tag("li"))
	if li == nil || words(li) != "" || !regexp.MustCompile(`\bhidden\b`).MatchString(app.HTMLString(&UserBox{})) {
		t.Errorf("it is %s", app.HTMLString(&UserBox{}))
	}
}

// hostile are names that are text and nothing else, wherever they are shown.
var hostile = []string{`<b>"'&`, `</p><script>`, "ليلى حداد", "&lt;"}

func TestNamesAreTextOnEverySurface(t *testing.T) {
	for _, name := range hostile {
		u := event.User{ID: "a", Name: name, Note: name}
		for surface, c := range map[string]app.UI{
			"a box":     &UserBox{Slot: here(u)},
			"the wall":  &Wall{Users: []event.User{u}, Count: 1, Columns: 1},
			"a dialog":  &PersonDialog{User: u},
			"the menu":  &MoreDialog{Told: []told{{Name: name}}},
			"the tools": &Notices{Notices: []visit.Notice{{Text: name}}},
		} {
			// Attributes are the browser's to set, and tested there: what the
			// server draws has no users.
			if got := words(draw(t, c)); !strings.Contains(got, name) {
				t.Errorf("%s: %q is not in %q", surface, name, got)
			}
		}
	}
}

func TestTheCountIsInWords(t *testing.T) {
	for want, tools := range map[string]*Tools{
		"0 people here":                             {},
		"1 person here":                             {Count: 1},
		"2 people here":                             {Count: 2},
		"120 people here, 3 found":                  {Count: 120, Found: 3, Query: "an"},
		"12 people here on Monday 2 January, 15:04": {Count: 12, AsOf: "on Monday 2 January, 15:04"},
	} {
		if got := words(find(draw(t, tools), class("count"))); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestABoardWithoutAConnectionLooksDifferent(t *testing.T) {
	for _, stale := range []bool{true, false} {
		if got := find(draw(t, &Boxes{Board: new(board.Board), Stale: stale}), class("stale")); (got != nil) != stale {
			t.Errorf("stale %v: %v", stale, got)
		}
	}
}

func TestSpacersStandForTheBoxesThatAreNotDrawn(t *testing.T) {
	b := new(board.Board)
	users := make([]event.User, 1000)
	for i := range users {
		users[i] = event.User{ID: strconv.Itoa(i), Name: "x", Since: int64(i)}
	}
	b.Lay(board.Layout{Columns: 4, Pitch: 100}, time.Now())
	b.Show(board.Room{Users: users, Count: 1000}, true, time.Now())
	b.Scroll(-10000, 800)
	for b.Growing() {
		b.Grow(time.Now())
	}
	root := draw(t, &Boxes{Board: b, Len: 1000})
	drawn, height := 0, 0
	for n := range root.Descendants() {
		if n.Data == "svg" && n.Parent.Data == "section" {
			px, err := strconv.Atoi(attribute(n, "height"))
			if err != nil {
				t.Fatal(err)
			}
			height += px
		}
		if class("box")(n) {
			drawn++
		}
	}
	if drawn == 0 || drawn > board.MaxBoxes || height+drawn/4*100 != 250*100 {
		t.Errorf("%d boxes and %d pixels stand for 1000", drawn, height)
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
	field := find(root, tag("input"))
	problem := find(root, func(n *html.Node) bool { return attribute(n, "id") == attribute(field, "aria-describedby") })
	if words(problem) != "Please type a name." || !strings.Contains(app.HTMLString(&NameDialog{Problem: "x"}), "aria-invalid") {
		t.Errorf("it is %q", words(problem))
	}
}

func TestTheConnectionIsSaidInWords(t *testing.T) {
	for link, want := range map[visit.Link]string{
		visit.Live: "Connected", visit.Connecting: "Connecting …", visit.Reconnecting: "Reconnecting …", visit.Offline: "Offline",
	} {
		if got := words(draw(t, &Connection{Link: link})); got != want {
			t.Errorf("%v: %q", link, got)
		}
	}
}

func TestARefusedChangeIsToldBesideItsField(t *testing.T) {
	for field, id := range map[string]string{"name": editName, "note": editNote, "": editName} {
		root := draw(t, &Editor{Field: field, Problem: "Too long."})
		problem := find(root, func(n *html.Node) bool { return attribute(n, "id") == id+editProblem })
		input := find(root, func(n *html.Node) bool { return attribute(n, "id") == id })
		if words(problem) != "Too long." || attribute(input, "aria-describedby") != id+editProblem || attribute(input, "aria-invalid") == "" && !strings.Contains(app.HTMLString(&Editor{Field: field, Problem: "x"}), "aria-invalid") {
			t.Errorf("%q: %q, %v", field, words(problem), input.Attr)
		}
	}
}

func TestTheRoomsAreLinksAndTheLobbyIsAlwaysAmongThem(t *testing.T) {
	var got []string
	for n := range draw(t, &RoomsDialog{Room: "b", Recent: []string{"b", "a"}}).Descendants() {
		if n.Type == html.ElementNode && n.Data == "a" {
			got = append(got, attribute(n, "href")+" "+attribute(n, "aria-current"))
		}
	}
	if want := []string{"/r/b page", "/r/a ", "/ "}; !slices.Equal(got, want) {
		t.Errorf("they are %q", got)
	}
}

func TestTheWallSaysHowManyItDoesNotShow(t *testing.T) {
	for _, c := range []struct {
		users, count int
		want         string
	}{{0, 0, "Nobody is here now."}, {1, 1, ""}, {1, 41, "and 40 more"}} {
		root := draw(t, &Wall{Users: make([]event.User, c.users), Count: c.count, Columns: 3, Known: true})
		if c.want != "" && !strings.Contains(words(root), c.want) || c.want == "" && strings.Contains(words(root), "more") {
			t.Errorf("%d of %d: %q", c.users, c.count, words(root))
		}
	}
}

func TestAnAddressNamesItsRoomAndServer(t *testing.T) {
	for link, want := range map[string]address{
		"http://localhost:8080/":                   {room: "lobby", server: "ws://localhost:8080/ws"},
		"http://localhost:8080/?room=new":          {room: "lobby", madeUp: true, server: "ws://localhost:8080/ws"},
		"https://here.example.org/r/design-week?x": {room: "design-week", server: "wss://here.example.org/ws"},
		"https://here.example.org/r/x?view=wall":   {room: "x", wall: true, server: "wss://here.example.org/ws"},
		"http://[::1]:8080/r/Upper":                {room: "upper", server: "ws://[::1]:8080/ws"},
		"http://[::1]:8080/r/a_b":                  {room: "lobby", server: "ws://[::1]:8080/ws"},
		"http://[::1]:8080/r/team%E2%80%9D).":      {room: "team", server: "ws://[::1]:8080/ws"},
		"http://[::1]:8080/r/team/":                {room: "team", server: "ws://[::1]:8080/ws"},
		"http://[::1]:8080/r/team/b":               {room: "lobby", server: "ws://[::1]:8080/ws"},
		"http://[::1]:8080/r/team?view=wall).":     {room: "team", wall: true, server: "ws://[::1]:8080/ws"},
	} {
		u, err := url.Parse(link)
		if err != nil {
			t.Fatal(err)
		}
		if got := parseAddress(u); got != want {
			t.Errorf("%s: %+v", link, got)
		}
	}
}
