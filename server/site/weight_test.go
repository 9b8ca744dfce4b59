package site

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"text/tabwriter"

	"rollcall/web"
)

// The most that a visit may weigh, in bytes as they travel: 2 % above what it
// weighed when these were set. Raise them on purpose, and say why.
const (
	firstVisit = 1_168_000
	laterVisit = 2_175
	// paint is for what it takes to be drawn and typed into: a server's first
	// ten packets, which it may send without waiting (RFC 6928).
	paint = 14 * 1024
)

// TestTheWeightOfAVisit is of the page as it was built; make size prints it.
func TestTheWeightOfAVisit(t *testing.T) {
	assets, files, err := web.Load()
	if errors.Is(err, web.ErrNotBuilt) {
		t.Skip(err) // make builds it before it runs the tests
	}
	if err != nil {
		t.Fatal(err)
	}
	s, err := try(t, assets, files)
	if err != nil {
		t.Fatal(err)
	}
	weigh := func(path, encoding string) int {
		r := httptest.NewRequest("GET", path, nil)
		if encoding != "" {
			r.Header.Set("Accept-Encoding", encoding)
		}
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code != 200 {
			t.Fatalf("%s: %d", path, w.Code)
		}
		return w.Body.Len()
	}

	var table bytes.Buffer
	columns := tabwriter.NewWriter(&table, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(columns, "as it is\tbrotli\t\t")
	line := func(what, path string) int {
		packed := weigh(path, "br")
		fmt.Fprintf(columns, "%d\t%d\t\t%s\n", weigh(path, ""), packed, what)
		return packed
	}
	sum := func(what string, n, most int) {
		fmt.Fprintf(columns, "\t%d\t\t%s (at most %d)\n\t\t\t\n", n, what, most)
		if n > most {
			t.Errorf("%s weighs %d bytes, more than %d", what, n, most)
		}
	}
	shown := line("the page", "/") + line("the stylesheet", assets["rollcall.css"].Path)
	sum("what is drawn and can be typed into", shown, paint)
	first := shown + line("the script", assets["app.js"].Path) + line("the program", assets["app.wasm"].Path) +
		line("the icon", assets["icon.svg"].Path) + line("the manifest", manifestPath)
	script := line("the worker", workerPath)
	first += script + shown - weigh(assets["rollcall.css"].Path, "br") // which gets the page once more, and has the rest at hand
	for _, name := range precachedOptional {
		first += line("kept for the installed page", assets[name].Path)
	}
	sum("a first visit", first, firstVisit)
	sum("a later visit, for which the browser asks whether the worker is a new one", script, laterVisit)
	columns.Flush()
	for row := range strings.Lines(table.String()) {
		t.Log(strings.TrimRight(row, "\n "))
	}
}

// BenchmarkThePage asks over kept connections, for the page and, beside it, for
// the same bytes from a handler that does nothing else.
func BenchmarkThePage(b *testing.B) {
	const request = "GET / HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: br\r\n\r\n"
	s := build(b)
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Accept-Encoding", "br")
	page := httptest.NewRecorder()
	s.ServeHTTP(page, r)
	bare := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write(page.Body.Bytes()) })
	for _, c := range []struct {
		name    string
		handler http.Handler
	}{{"site", s}, {"bare", bare}} {
		b.Run(c.name, func(b *testing.B) {
			server := httptest.NewServer(c.handler)
			defer server.Close()
			b.RunParallel(func(pb *testing.PB) {
				conn, err := net.Dial("tcp", server.Listener.Addr().String())
				if err != nil {
					b.Error(err)
					return
				}
				defer conn.Close()
				answers := bufio.NewReader(conn)
				for pb.Next() {
					io.WriteString(conn, request)
					answer, err := http.ReadResponse(answers, nil)
					if err != nil || answer.StatusCode != http.StatusOK {
						b.Errorf("%v, %v", answer, err)
						return
					}
					io.Copy(io.Discard, answer.Body)
				}
			})
		})
	}
}
