// Package site serves what browsers load: the page of every room, rendered on the server,
// its assets, and the manifest and the worker that make it an installable application.
package site

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"slices"
	"strings"

	"github.com/maxence-charriere/go-app/v9/pkg/app"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"rollcall/app/ui"
	"rollcall/server/refusal"
	"rollcall/server/session"
	"rollcall/shared/event"
	"rollcall/web"
)

//go:embed shell.html
var shellSource string

//go:embed notfound.html
var notFoundSource string

// Options are what a Site is made of. Only Refused may be nil.
type Options struct {
	Assets   map[string]web.Asset // by plain name, see web.Load
	Files    fs.FS                // where their files are
	Sessions *session.Keeper
	// Base returns scheme and host under which people reach the server that
	// gets the request, as in https://here.example.org.
	Base func(*http.Request) string
	// AllowOrigin reports whether a page of this server sends the request.
	AllowOrigin func(*http.Request) bool
	Refused     refusal.Observer
}

// Site is an http.Handler for everything but the WebSocket. Safe for
// concurrent use.
type Site struct {
	mux      *http.ServeMux
	sessions *session.Keeper
	base     func(*http.Request) string
	allow    func(*http.Request) bool
	refused  refusal.Observer
	version  string // a hash of everything that a browser keeps

	lobby document
	// shell is the page of any room, cut at the places of the room's name.
	shell            [][]byte
	notFound         document
	manifest, worker document
}

// The assets beside the program. A page, the manifest or the worker names each of them.
var (
	texts = []string{"app.wasm", "app.js", "rollcall.css", "icon.svg", workerSource}
	pngs  = []string{
		"icon-192.png", "icon-512.png", "maskable-192.png", "maskable-512.png", "apple-touch-icon.png", "badge-96.png",
		"screenshot-wide.png", "screenshot-narrow.png",
	}
)

// workerSource is the one asset that is not served as it is.
const workerSource = "sw.js"

// New renders the pages and returns the site.
func New(options Options) (*Site, error) {
	s := &Site{mux: http.NewServeMux(), sessions: options.Sessions, base: options.Base, allow: options.AllowOrigin, refused: options.Refused}
	for _, name := range slices.Concat(texts, pngs) {
		if _, ok := options.Assets[name]; !ok {
			return nil, fmt.Errorf("asset %s is missing: %w", name, web.ErrNotBuilt)
		}
	}
	served, err := s.addAssets(options)
	if err != nil {
		return nil, err
	}
	if err := s.addDocuments(options, served[workerSource]); err != nil {
		return nil, err
	}
	s.route(options.Assets["icon-192.png"].Path)
	return s, nil
}

// addAssets makes an asset of each file, and serves all but the source of the worker,
// which becomes a document.
func (s *Site) addAssets(options Options) (map[string]*asset, error) {
	served := make(map[string]*asset)
	for name, a := range options.Assets {
		var err error
		if served[name], err = newAsset(options.Files, a); err != nil {
			return nil, err
		}
		if name != workerSource {
			s.mux.Handle("GET "+a.Path, served[name])
		}
	}
	return served, nil
}

// addDocuments makes the documents that name assets: the page, the page for what is
// not found, the manifest and the worker. The version is a hash of all of them.
func (s *Site) addDocuments(options Options, workerAsset *asset) error {
	assets := options.Assets
	links := map[string]any{
		"Description": description, "LightGround": lightGround, "DarkGround": darkGround,
		"Icon": assets["icon.svg"].Path, "Touch": assets["apple-touch-icon.png"].Path, "Manifest": manifestPath,
		"Style": assets["rollcall.css"].Path, "Script": assets["app.js"].Path, "Wasm": assets["app.wasm"].Path,
		"Notification": assets["icon-192.png"].Path, "Badge": assets["badge-96.png"].Path,
	}
	shell, err := render(shellSource, links)
	if err != nil {
		return fmt.Errorf("rendering the page: %w", err)
	}
	notFound, err := render(notFoundSource, links)
	if err != nil {
		return fmt.Errorf("rendering the page for what is not found: %w", err)
	}
	s.notFound = newDocument(htmlType, notFound, bestCompression)
	manifest, err := newManifest(assets, options.Files)
	if err != nil {
		return fmt.Errorf("writing the manifest: %w", err)
	}
	s.manifest = newDocument("application/manifest+json", manifest, bestCompression)
	source, err := workerAsset.content()
	if err != nil {
		return err
	}
	if s.version, err = versionOf(source, assets, shell, manifest); err != nil {
		return fmt.Errorf("summing up the version: %w", err)
	}
	s.shell = bytes.Split(bytes.ReplaceAll(shell, []byte(anyVersion), []byte(s.version)), []byte(anyRoom))
	s.lobby = newDocument(htmlType, s.page(event.Lobby), bestCompression)
	worker, err := newWorker(s.version, source, assets, s.shell)
	if err != nil {
		return fmt.Errorf("writing the worker: %w", err)
	}
	s.worker = newDocument(assets[workerSource].Type, worker, bestCompression)
	return nil
}

// route serves everything that is not an asset.
func (s *Site) route(favicon string) {
	s.mux.HandleFunc("GET /{$}", s.serveLobby)
	s.mux.HandleFunc("GET /r/{room}", s.serveRoom)
	s.mux.HandleFunc("GET /r/{room}/{$}", s.serveRoom)
	s.mux.HandleFunc("GET "+manifestPath, s.serveManifest)
	s.mux.HandleFunc("GET "+workerPath, s.serveWorker)
	s.mux.HandleFunc("GET /api/qr/{room}", s.serveQR)
	s.mux.HandleFunc("GET /api/version", s.serveVersion)
	s.mux.HandleFunc("POST /api/forget", s.serveForget)
	s.mux.HandleFunc("GET /robots.txt", serveRobots)
	// Browsers ask for it where a page names no icon, as with plain text.
	s.mux.Handle("GET /favicon.ico", http.RedirectHandler(favicon, http.StatusFound))
	s.mux.HandleFunc("/", s.serveNotFound)
}

// ServeHTTP answers a request, with the security headers.
func (s *Site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	secure(w.Header(), s.base(r))
	s.mux.ServeHTTP(w, r)
}

// anyRoom stands for a room's name while the shell is rendered; no room can
// have it.
const anyRoom = "{room}"

// anyVersion stands for the version of a page while that is not known yet.
const anyVersion = "{version}"

// render fills a page's template. The part that go-app draws is the name
// dialog of [anyRoom].
func render(source string, data map[string]any) ([]byte, error) {
	page, err := normalize(app.HTMLString(&ui.Page{Room: anyRoom}))
	if err != nil {
		return nil, err
	}
	t, err := template.New("").Parse(source)
	if err != nil {
		return nil, err
	}
	data["Page"] = page
	var b bytes.Buffer
	err = t.Execute(&b, data)
	return b.Bytes(), err
}

// normalize makes the HTML of go-app the same each time. Attributes come in a random
// order, but the same page must have the same ETag on every server and after every
// restart. Line breaks between children would show as spaces until the program draws the
// page; no text of ours has a line break.
func normalize(fragment string) (template.HTML, error) {
	nodes, err := html.ParseFragment(strings.NewReader(fragment), &html.Node{
		Type: html.ElementNode, Data: "body", DataAtom: atom.Body,
	})
	if err != nil {
		return "", err
	}
	body := &html.Node{Type: html.DocumentNode}
	for _, n := range nodes {
		body.AppendChild(n)
	}
	for n := range body.Descendants() {
		slices.SortFunc(n.Attr, func(a, b html.Attribute) int { return strings.Compare(a.Key, b.Key) })
		if n.Type == html.TextNode {
			n.Data = strings.ReplaceAll(n.Data, "\n", "")
		}
	}
	var b strings.Builder
	err = html.Render(&b, body)
	return template.HTML(b.String()), err
}

// page returns the page of a room. The name of a room needs no escaping.
func (s *Site) page(room string) []byte { return bytes.Join(s.shell, []byte(room)) }

func (s *Site) serveLobby(w http.ResponseWriter, r *http.Request) {
	s.renewSession(w, r)
	s.lobby.serve(w, r, http.StatusOK)
}

func (s *Site) serveRoom(w http.ResponseWriter, r *http.Request) {
	room, ok := event.LinkedRoom(r.PathValue("room"))
	switch {
	case !ok:
		s.serveNotFound(w, r)
		return
	case r.URL.Path != "/r/"+room:
		to := "/r/" + room
		if r.URL.RawQuery != "" {
			to += "?" + r.URL.RawQuery
		}
		http.Redirect(w, r, to, http.StatusPermanentRedirect)
		return
	}
	s.renewSession(w, r)
	newDocument(htmlType, s.page(room), fastCompression).serve(w, r, http.StatusOK)
}

// renewSession gives a browser a session, or prolongs the one that it has.
func (s *Site) renewSession(w http.ResponseWriter, r *http.Request) {
	id, known := s.sessions.FromRequest(r)
	if !known {
		id = session.NewID()
	}
	s.sessions.SetCookie(w, id)
	w.Header().Set("Cache-Control", "private, no-cache")
}

func (s *Site) serveNotFound(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "Only GET and HEAD work here.", http.StatusMethodNotAllowed)
		return
	}
	w.Header().Set("Cache-Control", "no-cache")
	s.notFound.serve(w, r, http.StatusNotFound)
}

func (s *Site) serveManifest(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-cache")
	s.manifest.serve(w, r, http.StatusOK)
}

func serveRobots(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	// Rooms are for people who know their names; the lobby is for everybody.
	fmt.Fprint(w, "User-agent: *\nDisallow: /r/\n")
}
