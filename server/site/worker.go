package site

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"unicode/utf16"

	"rollcall/shared/event"
	"rollcall/web"
)

const workerPath = "/sw.js"

// The assets that the page needs, and those without which it works.
var (
	precachedRequired = []string{"rollcall.css", "app.js", "app.wasm", "icon.svg"}
	precachedOptional = []string{"icon-192.png", "icon-512.png", "maskable-192.png", "maskable-512.png", "apple-touch-icon.png", "badge-96.png"}
)

// workerConfig is what sw.js knows of its site. The worker keeps the page of the lobby,
// and makes the pages of other rooms from it.
type workerConfig struct {
	Version  string   `json:"version"`
	Required []string `json:"required"`
	Optional []string `json:"optional"`
	Room     string   `json:"room"`   // of the page that the worker keeps
	Places   []int    `json:"places"` // of Room in that page, counted in UTF-16 as in JavaScript
	After    string   `json:"after"`  // characters that may follow an address in a text
}

// newWorkerConfig returns the configuration without what depends on the page.
func newWorkerConfig(assets map[string]web.Asset) workerConfig {
	p := workerConfig{Required: []string{"/"}, Optional: []string{manifestPath}, Room: event.Lobby, After: event.AfterLink}
	for _, name := range precachedRequired {
		p.Required = append(p.Required, assets[name].Path)
	}
	for _, name := range precachedOptional {
		p.Optional = append(p.Optional, assets[name].Path)
	}
	return p
}

// versionOf returns the version: a hash of everything that a browser keeps, which is the
// source of the worker, the assets, the page of [anyRoom] and [anyVersion], and the
// manifest.
func versionOf(source []byte, assets map[string]web.Asset, page, manifest []byte) (string, error) {
	// The paths of assets have hashes of their contents.
	known, err := json.Marshal(newWorkerConfig(assets))
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	// The worker keeps the headers with the page, so other headers are another version.
	headers := http.Header{}
	secure(headers, "https://")
	var policy bytes.Buffer
	if err := headers.Write(&policy); err != nil {
		return "", err
	}
	for _, part := range [][]byte{known, page, manifest, source, policy.Bytes()} {
		part := sha256.Sum256(part)
		sum.Write(part[:])
	}
	return hex.EncodeToString(sum.Sum(nil)[:8]), nil
}

// newWorker returns the script of the worker. Shell is the page, cut at the places of the
// room's name.
func newWorker(version string, source []byte, assets map[string]web.Asset, shell [][]byte) ([]byte, error) {
	p := newWorkerConfig(assets)
	p.Version = version
	for at := 0; len(p.Places) < len(shell)-1; at += len(event.Lobby) {
		at += len(utf16.Encode([]rune(string(shell[len(p.Places)]))))
		p.Places = append(p.Places, at)
	}
	known, err := json.Marshal(p)
	if err != nil {
		return nil, err
	}
	return fmt.Appendf(nil, "const built = %s;\n%s", known, source), nil
}

func (s *Site) serveWorker(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Security-Policy", workerSecurityPolicy)
	w.Header().Set("Cache-Control", "no-cache")
	s.worker.serve(w, r, http.StatusOK)
}
