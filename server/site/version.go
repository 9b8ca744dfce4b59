package site

import (
	"encoding/json"
	"net/http"
)

// Version is the version of the page, as /api/version answers it: a hash of all
// that a browser keeps.
func (s *Site) Version() string { return s.version }

// serveVersion answers with the version of the page that this server has. A
// page that hears it knows that the server can be reached.
func (s *Site) serveVersion(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	// An error here is the client's hanging up.
	json.NewEncoder(w).Encode(map[string]string{"version": s.version})
}
