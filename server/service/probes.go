package service

import (
	"io"
	"net/http"
	"strings"
)

// probes answers requests of balancers and monitors before all other checks: they ask by
// any name or address, or by HTTP/1.0 without a name. The answers say nothing but whether
// the server is there. The target is compared as it was sent, so that no other spelling
// counts as a probe. Readiness returns whether clients are taken, and what is to be said of
// it.
func probes(readiness func() (ready bool, words string), next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path, _, _ := strings.Cut(r.RequestURI, "?")
		switch path {
		case "/healthz":
			probe(w, r, true, "ok")
		case "/readyz":
			ready, words := readiness()
			probe(w, r, ready, words)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// probe answers a probe. HAProxy asks with OPTIONS unless it is set to something else.
func probe(w http.ResponseWriter, r *http.Request, good bool, words string) {
	header := w.Header()
	header.Set("Cache-Control", "no-store")
	header.Set("Content-Type", "text/plain; charset=utf-8")
	header.Set("X-Content-Type-Options", "nosniff")
	switch r.Method {
	case http.MethodGet, http.MethodHead:
	case http.MethodOptions:
		header.Set("Allow", "GET, HEAD, OPTIONS")
	default:
		header.Set("Allow", "GET, HEAD, OPTIONS")
		http.Error(w, "A probe asks with GET, HEAD or OPTIONS.", http.StatusMethodNotAllowed)
		return
	}
	if !good {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	io.WriteString(w, words+"\n")
}

// readiness says no only while the server starts and ends. NATS out of reach is no reason: it
// is so for all servers at once, and a balancer would leave none.
func (s *service) readiness() (ready bool, words string) {
	if !s.ready.Load() {
		return false, "not ready"
	}
	if s.node != nil {
		if reachable, _ := s.node.Reach(); !reachable {
			return true, "ok; NATS is out of reach: people on other servers are missing"
		}
	}
	return true, "ok"
}
