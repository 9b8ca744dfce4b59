// Package admin is what an operator looks at: the metrics, profiles, and pages with the rooms
// and why everybody is in them. It changes nothing.
package admin

import (
	"cmp"
	"crypto/sha256"
	"crypto/subtle"
	_ "embed"
	"html/template"
	"net/http"
	"net/http/pprof"
	"slices"
	"strings"
	"time"

	"rollcall/server/hub"
	"rollcall/server/presence"
)

// Options are what a handler works with.
type Options struct {
	Hub     *hub.Hub
	Metrics http.Handler
	Version string
	// Password is what the browser has to be told; the name may be any. Empty is none.
	Password string
}

// New returns the handler. The caller checks for which host it is asked, and by which page.
func New(o Options) http.Handler {
	p := pages{o, time.Now()}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", p.rooms)
	mux.HandleFunc("GET /room", p.room)
	mux.Handle("GET /metrics", o.Metrics)
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return guard(o.Password, mux)
}

// guard asks for the password (RFC 7617), and has nothing kept or framed.
func guard(password string, next http.Handler) http.Handler {
	want := sha256.Sum256([]byte(password))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
		h.Set("Referrer-Policy", "no-referrer")
		if password != "" {
			_, given, _ := r.BasicAuth()
			if got := sha256.Sum256([]byte(given)); subtle.ConstantTimeCompare(got[:], want[:]) == 0 {
				h.Set("WWW-Authenticate", `Basic realm="Rollcall", charset="UTF-8"`)
				http.Error(w, "Give the password of -admin-password-file; any name will do.", http.StatusUnauthorized)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

type pages struct {
	Options
	since time.Time
}

//go:embed pages.html
var text string

var templates = template.Must(template.New("").Funcs(template.FuncMap{
	"ago":   func(ms int64) string { return since(time.UnixMilli(ms)) },
	"since": since,
}).Parse(text))

func since(t time.Time) string { return time.Since(t).Round(time.Second).String() }

// shown is how many rows a page has at most.
const shown = 500

// head is what all pages have.
type head struct {
	Title, Version string
	Up             time.Duration
	Refresh        int // seconds
	Query          string
	More           int // rows that are not shown
}

func (p *pages) head(title string, r *http.Request) head {
	return head{Title: title, Version: p.Version, Up: time.Since(p.since).Round(time.Second), Refresh: 5, Query: r.FormValue("q")}
}

// rooms shows the rooms with their counts.
func (p *pages) rooms(w http.ResponseWriter, r *http.Request) {
	page := struct {
		head
		hub.Totals
		Sort  string
		Found []hub.Summary
	}{head: p.head("Rooms", r), Totals: p.Hub.Totals(), Sort: r.FormValue("sort")}
	for _, s := range p.Hub.Rooms("", 1<<30) {
		if strings.Contains(s.Name, strings.ToLower(page.Query)) {
			page.Found = append(page.Found, s)
		}
	}
	by := map[string]func(a, b hub.Summary) int{
		"watching": func(a, b hub.Summary) int { return cmp.Compare(b.Watching, a.Watching) },
		"name":     func(a, b hub.Summary) int { return 0 }, // as they come
	}[page.Sort]
	if by == nil {
		page.Sort, by = "people", func(a, b hub.Summary) int { return cmp.Compare(b.Count, a.Count) }
	}
	slices.SortStableFunc(page.Found, by)
	page.More = max(0, len(page.Found)-shown)
	page.Found = page.Found[:len(page.Found)-page.More]
	render(w, "rooms", page)
}

// person is somebody with the reasons why they are in a room.
type person struct {
	presence.Why
	Conns []hub.Connection
}

// room shows one room with its people, and why each of them is there.
func (p *pages) room(w http.ResponseWriter, r *http.Request) {
	name := r.FormValue("name")
	page := struct {
		head
		Room   hub.Snapshot
		People []person
	}{head: p.head("Room "+name, r)}
	snapshot, ok := p.Hub.Room(name)
	if !ok {
		w.WriteHeader(http.StatusNotFound)
		render(w, "gone", page)
		return
	}
	page.Room = snapshot
	for _, u := range snapshot.Users {
		if !strings.Contains(strings.ToLower(u.Name), strings.ToLower(page.Query)) && u.ID != page.Query {
			continue
		}
		if len(page.People) == shown {
			page.More++
			continue
		}
		if why, ok := p.Hub.User(name, u.ID); ok {
			page.People = append(page.People, person{why, p.Hub.Connections(name, u.ID)})
		}
	}
	render(w, "room", page)
}

func render(w http.ResponseWriter, name string, page any) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	templates.ExecuteTemplate(w, name, page) // an error is that nobody reads any more
}
