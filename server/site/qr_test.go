package site

import (
	"encoding/xml"
	"image/color"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/boombuler/barcode/qr"

	"rollcall/server/origin"
)

// modules reads a code back from its drawing.
func modules(t *testing.T, svg string) (black [][]bool) {
	t.Helper()
	var doc struct {
		ViewBox string `xml:"viewBox,attr"`
		Paths   []struct {
			Fill string `xml:"fill,attr"`
			D    string `xml:"d,attr"`
		} `xml:"path"`
	}
	if err := xml.Unmarshal([]byte(svg), &doc); err != nil {
		t.Fatalf("%v in %s", err, svg)
	}
	box := strings.Fields(doc.ViewBox)
	size, err := strconv.Atoi(box[len(box)-1])
	if err != nil || len(doc.Paths) != 2 || doc.Paths[0].Fill != "#fff" || doc.Paths[1].Fill != "" {
		t.Fatalf("the drawing is %.200s", svg)
	}
	black = make([][]bool, size)
	for y := range black {
		black[y] = make([]bool, size)
	}
	for _, run := range regexp.MustCompile(`M(\d+) (\d+)h(\d+)v1H(\d+)z`).FindAllStringSubmatch(doc.Paths[1].D, -1) {
		var n [4]int
		for i := range n {
			n[i], _ = strconv.Atoi(run[i+1])
		}
		if n[0] != n[3] {
			t.Errorf("%s does not close", run[0])
		}
		for x := range n[2] {
			black[n[1]][n[0]+x] = true
		}
	}
	return black
}

// same reports whether the drawing is the code of text with white around it.
func same(t *testing.T, svg, text string) bool {
	t.Helper()
	code, err := qr.Encode(text, qr.M, qr.Auto)
	if err != nil {
		t.Fatal(err)
	}
	black, size := modules(t, svg), code.Bounds().Dx()
	if len(black) != size+8 {
		return false
	}
	for y := range black {
		for x := range black[y] {
			inside := x >= 4 && y >= 4 && x < size+4 && y < size+4
			if black[y][x] != (inside && code.At(x-4, y-4) == color.Black) {
				return false
			}
		}
	}
	return true
}

func TestTheQRCodeIsTheAddressOfTheRoom(t *testing.T) {
	for _, c := range []struct{ public, host, path, want string }{
		{"", "localhost:8080", "/api/qr/lobby", "http://localhost:8080/"},
		{"", "192.168.1.20:8080", "/api/qr/design-week", "http://192.168.1.20:8080/r/design-week"},
		{"", "[::1]:8080", "/api/qr/Design-Week", "http://[::1]:8080/r/design-week"},
		{"https://here.example.org", "127.0.0.1:8080", "/api/qr/lobby", "https://here.example.org/"},
		{"https://here.example.org/", "here.example.org", "/api/qr/a", "https://here.example.org/r/a"},
	} {
		policy, err := origin.New(c.public, "")
		if err != nil {
			t.Fatal(err)
		}
		s := build(t)
		s.base = policy.Base
		r, w := httptest.NewRequest("GET", c.path, nil), httptest.NewRecorder()
		r.Host = c.host
		policy.Guard(nil, s).ServeHTTP(w, r)
		h := w.Result().Header
		if w.Code != 200 || h.Get("Content-Type") != "image/svg+xml" || h.Get("Cache-Control") != "private, max-age=300" {
			t.Errorf("%s as %s: %d, headers %v", c.path, c.host, w.Code, h)
		}
		if !same(t, w.Body.String(), c.want) {
			t.Errorf("%s as %s is not the code of %s", c.path, c.host, c.want)
		}
	}
}

func TestNoHostGetsIntoTheDrawing(t *testing.T) {
	s := build(t)
	only := regexp.MustCompile(`^<svg xmlns="http://www\.w3\.org/2000/svg" viewBox="0 0 \d+ \d+" shape-rendering="crispEdges"><path fill="#fff" d="[MhvHz0-9 ]+"/><path d="[MhvHz0-9 ]+"/></svg>$`)
	for _, host := range []string{`x"/><script>alert(1)</script>`, "a&b", "localhost:80/<b>", "é", ""} {
		r, w := httptest.NewRequest("GET", "/api/qr/lobby", nil), httptest.NewRecorder()
		r.Host = host // as if nobody had looked at it before
		s.ServeHTTP(w, r)
		if w.Code != 200 || !only.MatchString(w.Body.String()) {
			t.Errorf("as %s: %d, %.300s", host, w.Code, w.Body)
		}
	}
}

func TestAnAddressThatIsTooLongIsSaidToBe(t *testing.T) {
	r, w := httptest.NewRequest("GET", "/api/qr/lobby", nil), httptest.NewRecorder()
	r.Host = strings.Repeat("a.", 2000) + "localhost"
	build(t).ServeHTTP(w, r)
	if w.Code != 400 || !strings.Contains(w.Body.String(), "too long") || w.Header().Get("Cache-Control") != "" {
		t.Errorf("%d, %s, headers %v", w.Code, w.Body, w.Header())
	}
}
