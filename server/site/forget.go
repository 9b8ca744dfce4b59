package site

import (
	"net/http"

	"rollcall/server/refusal"
)

// serveForget ends the session of a browser: its next request makes a new one. Only
// pages of this server may ask for that: another page could make its visitors appear
// twice.
func (s *Site) serveForget(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	if !s.allow(r) {
		s.refused.Answer(w, refusal.Error{Reason: refusal.ForeignForget})
		return
	}
	for _, c := range s.sessions.ExpiredCookies(r) {
		http.SetCookie(w, c)
	}
	w.WriteHeader(http.StatusNoContent)
}
