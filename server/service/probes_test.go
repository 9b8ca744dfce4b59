package service

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"rollcall/server/origin"
)

// answerTo sends a request as it is and returns the status and the rest.
func answerTo(t *testing.T, addr, request string) (status, rest string) {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	first, rest, _ := strings.Cut(string(got), "\r\n")
	_, status, _ = strings.Cut(first, " ")
	return status, rest
}

func TestProbesAreAnsweredWhateverTheHostAndAllElseIsGuarded(t *testing.T) {
	policy, err := origin.New("https://here.example", "")
	if err != nil {
		t.Fatal(err)
	}
	s := &service{}
	ready := &s.ready
	guarded := policy.Guard(nil, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "secret") }))
	server := httptest.NewServer(probes(s.readiness, guarded))
	defer server.Close()
	addr := server.Listener.Addr().String()
	const closing = "Connection: close\r\n\r\n"
	for _, c := range []struct{ request, status, body string }{
		{"GET /healthz HTTP/1.1\r\nHost: evil.example\r\n" + closing, "200 OK", "ok\n"},
		{"GET /healthz HTTP/1.1\r\nHost: here.example\r\n" + closing, "200 OK", "ok\n"},
		{"GET /healthz?x=1 HTTP/1.1\r\nHost: 10.0.0.1:8080\r\n" + closing, "200 OK", "ok\n"},
		{"GET /healthz HTTP/1.1\r\nHost:\r\n" + closing, "200 OK", "ok\n"},
		{"GET /healthz HTTP/1.0\r\n\r\n", "200 OK", "ok\n"},
		{"HEAD /healthz HTTP/1.0\r\n\r\n", "200 OK", ""},
		{"OPTIONS /healthz HTTP/1.0\r\n\r\n", "200 OK", "ok\n"},
		{"POST /healthz HTTP/1.0\r\n\r\n", "405 Method Not Allowed", "A probe asks with GET, HEAD or OPTIONS.\n"},
		{"GET /readyz HTTP/1.0\r\n\r\n", "503 Service Unavailable", "not ready\n"},
		{"HEAD /readyz HTTP/1.0\r\n\r\n", "503 Service Unavailable", ""},

		{"GET / HTTP/1.0\r\n\r\n", "421 Misdirected Request", ""},
		{"GET //healthz HTTP/1.0\r\n\r\n", "421 Misdirected Request", ""},
		{"GET /healthz/ HTTP/1.0\r\n\r\n", "421 Misdirected Request", ""},
		{"GET /healthz/../r/x HTTP/1.0\r\n\r\n", "421 Misdirected Request", ""},
		{"GET /r/../healthz HTTP/1.0\r\n\r\n", "421 Misdirected Request", ""},
		{"GET /healthz%2f..%2fr%2fx HTTP/1.0\r\n\r\n", "421 Misdirected Request", ""},
		{"GET /%68ealthz HTTP/1.0\r\n\r\n", "421 Misdirected Request", ""},
		{"GET /healthz;x HTTP/1.0\r\n\r\n", "421 Misdirected Request", ""},
		{"GET http://evil.example/healthz HTTP/1.1\r\nHost: evil.example\r\n" + closing, "421 Misdirected Request", ""},
		{"GET http://evil.example/ HTTP/1.1\r\nHost: here.example\r\n" + closing, "421 Misdirected Request", ""},
	} {
		status, rest := answerTo(t, addr, c.request)
		if status != c.status || strings.Contains(rest, "secret") {
			t.Errorf("%q: %s, %q", c.request, status, rest)
		}
		if _, body, _ := strings.Cut(rest, "\r\n\r\n"); c.status != "421 Misdirected Request" && body != c.body {
			t.Errorf("%q: says %q", c.request, body)
		}
		if strings.HasPrefix(status, "200") && !strings.Contains(rest, "Cache-Control: no-store\r\n") {
			t.Errorf("%q: may be kept: %q", c.request, rest)
		}
	}
	ready.Store(true)
	if status, _ := answerTo(t, addr, "GET /readyz HTTP/1.0\r\n\r\n"); status != "200 OK" {
		t.Errorf("ready: %s", status)
	}
}
