package origin

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"rollcall/server/refusal"
)

func policy(t *testing.T, public string) *Policy {
	t.Helper()
	p, err := New(public, "Desk-7")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestHostsThatTheServerAnswersUnder(t *testing.T) {
	for _, c := range []struct {
		public, host string
		status       int
	}{
		{"", "localhost:8080", 200},
		{"", "localhost", 200},
		{"", "LOCALHOST.:8080", 200},
		{"", "127.0.0.1:8080", 200},
		{"", "192.168.1.20:8080", 200},
		{"", "[::1]:8080", 200},
		{"", "desk-7:8080", 200},
		{"", "desk-7.local:8080", 200},
		{"", "example.org", 421},
		{"", "localhost.example.org", 421},
		{"", "127.0.0.1.example.org", 421},
		{"", "", 421},
		{"", "localhost:80/x", 421},
		{"", "localhost:x", 421},
		{"", "x@localhost", 421},
		{"", "x?.localhost", 421},
		{"", strings.Repeat("x", 243) + ".localhost:65535", 200},
		{"", strings.Repeat("x", 2240) + ".localhost", 421},
		{"https://here.example.org", "here.example.org", 200},
		{"https://here.example.org", "HERE.example.org:443", 200},
		{"https://here.example.org", "localhost:8080", 200},
		{"https://here.example.org", "127.0.0.1:8080", 200},
		{"https://here.example.org", "192.168.1.20:8080", 421},
		{"https://here.example.org", "example.org", 421},
		{"https://münchen.example:8443", "xn--mnchen-3ya.example:8443", 200},
		{"https://[2001:db8::1]", "[2001:db8::1]", 200},
	} {
		ok := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
		w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil)
		r.Host = c.host
		var observed []refusal.Reason
		observe := func(reason refusal.Reason) { observed = append(observed, reason) }
		policy(t, c.public).Guard(observe, ok).ServeHTTP(w, r)
		if w.Code != c.status {
			t.Errorf("public %q, host %q: %d, want %d", c.public, c.host, w.Code, c.status)
		}
		var want []refusal.Reason
		if c.status != 200 {
			want = append(want, refusal.UnknownHost)
		}
		if !slices.Equal(observed, want) {
			t.Errorf("public %q, host %q: observed %v", c.public, c.host, observed)
		}
	}
}

func TestTheAddressUnderWhichPeopleReachTheServer(t *testing.T) {
	for _, c := range []struct{ public, host, want string }{
		{"", "localhost:8080", "http://localhost:8080"},
		{"", "desk-7.local", "http://desk-7.local"},
		{"", "[::1]:8080", "http://[::1]:8080"},
		{"https://here.example.org", "here.example.org", "https://here.example.org"},
		{"https://here.example.org:8443/", "127.0.0.1:8080", "https://here.example.org:8443"}, // a proxy that rewrites Host
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Host = c.host
		if got := policy(t, c.public).Base(r); got != c.want {
			t.Errorf("public %q, host %q: %q", c.public, c.host, got)
		}
	}
}

func TestPagesThatMayConnect(t *testing.T) {
	for _, c := range []struct {
		public, host string
		origins      []string
		want         bool
	}{
		{"", "localhost:8080", nil, true},
		{"", "localhost:8080", []string{"http://localhost:8080"}, true},
		{"", "192.168.1.20:8080", []string{"http://192.168.1.20:8080"}, true},
		{"", "localhost:8080", []string{"https://localhost:8080"}, false},
		{"", "localhost:8080", []string{"http://localhost:9090"}, false},
		{"", "localhost:8080", []string{"http://evil.example"}, false},
		{"", "localhost:8080", []string{"null"}, false},
		{"", "localhost:8080", []string{""}, false},
		{"", "localhost:8080", []string{"http://localhost:8080", "http://evil.example"}, false},
		{"", "evil.example", []string{"http://evil.example"}, false},
		{"https://here.example.org", "here.example.org", []string{"https://here.example.org"}, true},
		{"https://here.example.org", "127.0.0.1:8080", []string{"https://here.example.org"}, true}, // a proxy that rewrites Host
		{"https://here.example.org", "here.example.org", []string{"http://here.example.org"}, false},
		{"https://here.example.org", "here.example.org", []string{"https://here.example.org:444"}, false},
		{"https://here.example.org", "here.example.org", []string{"https://example.org"}, false},
		{"https://here.example.org:8443", "here.example.org:8443", []string{"https://here.example.org:8443"}, true},
	} {
		r := httptest.NewRequest("GET", "/ws", nil)
		r.Host = c.host
		r.Header["Origin"] = c.origins
		if got := policy(t, c.public).AllowOrigin(r); got != c.want {
			t.Errorf("public %q, host %q, origin %q: %v", c.public, c.host, c.origins, got)
		}
	}
}

func TestPublicAddressesThatMakeNoSense(t *testing.T) {
	for _, bad := range []string{"here.example.org", "ftp://x", "https://", "https://x/path", "https://x?q", "https://u@x", "http://%zz", "https://a_b\u0000.example", "https://-.example"} {
		if _, err := New(bad, ""); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
	if p := policy(t, "https://x.example/"); !p.Secure() {
		t.Error("https is not secure")
	}
	if policy(t, "http://x.example").Secure() || policy(t, "").Secure() {
		t.Error("http is secure")
	}
}
