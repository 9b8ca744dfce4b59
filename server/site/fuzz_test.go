package site

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"rollcall/shared/event"
)

// shape is everything of a page that the address must not change: its
// elements, their attributes and, with the room's name taken out, its text.
func shape(t testing.TB, page, room string) string {
	var b strings.Builder
	for n := range parse(t, page).Descendants() {
		data := n.Data
		if n.Type == html.TextNode && data == room {
			data = "the room"
		}
		b.WriteString(strings.Repeat(" ", depth(n)) + data)
		for _, a := range n.Attr {
			b.WriteString(" " + a.Key + "=" + a.Val)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func depth(n *html.Node) (d int) {
	for range n.Ancestors() {
		d++
	}
	return d
}

// FuzzRoomPath checks that no part of the address breaks out of the text in
// which it stands, nor leads elsewhere.
func FuzzRoomPath(f *testing.F) {
	s := build(f)
	room, missing := shape(f, text(f, ask(s, "GET", "/")), "lobby"), shape(f, text(f, ask(s, "GET", "/nope")), "")
	for _, seed := range []string{"", "design-week", "Design", "{room}", `"><script>`, "<b>x</b>", "&lt;", "..", ".", "/", "//evil.example", `\evil`, "a b", "é", "%", "%2e", "a\nb", "\x00", "team.", "team/", "team)”", "a./b", "../", "\u212a", strings.Repeat("a", 65)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, segment string) {
		// As one segment, in which nothing means anything to the mux, and as
		// a path to take apart: the mux cleans those and sends elsewhere.
		whole := ask(s, "GET", "/r/"+strings.ReplaceAll(url.PathEscape(segment), ".", "%2e"))
		r := httptest.NewRequest("GET", "/", nil)
		r.URL.Path = "/r/" + segment
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		for i, resp := range []*http.Response{whole, w.Result()} {
			to := resp.Header.Get("Location")
			switch status := resp.StatusCode; {
			case status == http.StatusOK:
				if got := shape(t, text(t, resp), segment); got != room {
					t.Errorf("%q changes the page to\n%s", segment, got)
				}
			case status == http.StatusNotFound:
				if got := shape(t, text(t, resp), ""); got != missing {
					t.Errorf("%q changes the missing page to\n%s", segment, got)
				}
			case status == http.StatusPermanentRedirect:
				if room, ok := event.LinkedRoom(segment); !ok || to != "/r/"+room {
					t.Errorf("%q leads to %s", segment, to)
				}
			case status == http.StatusTemporaryRedirect && i == 1:
				if !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") || strings.HasPrefix(to, `/\`) {
					t.Errorf("%q leads to %s", segment, to)
				}
			default:
				t.Errorf("%q: %d", segment, status)
			}
		}
	})
}

// FuzzAcceptEncoding checks that whatever a client says it takes, it gets the
// page, and in nothing that it has not named.
func FuzzAcceptEncoding(f *testing.F) {
	s := build(f)
	want := text(f, ask(s, "GET", "/"))
	for header := range negotiated {
		f.Add(header)
	}
	f.Fuzz(func(t *testing.T, header string) {
		resp := ask(s, "GET", "/", "Accept-Encoding", header)
		if encoding := resp.Header.Get("Content-Encoding"); !strings.Contains(strings.ToLower(header), encoding) {
			t.Errorf("%q gets %s", header, encoding)
		}
		if got := text(t, resp); resp.StatusCode != http.StatusOK || got != want {
			t.Errorf("%q: %d, %q", header, resp.StatusCode, got)
		}
	})
}
