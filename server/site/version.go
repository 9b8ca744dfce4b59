package site

import (
	"encoding/json"
	"net/http"
)

// Version returns the version of the page, as /api/version answers it: a hash of
// everything that a browser keeps.
func (s *Site) Version() string { return s.version }

// serveVersion answers with the version of the page. By that a page knows that the server
// can be reached.
func (s *Site) serveVersion(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	// An error means that the client is gone.
	json.NewEncoder(w).Encode(map[string]string{"version": s.version})
}
