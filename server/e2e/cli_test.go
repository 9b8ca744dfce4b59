package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"rollcall/shared/client"
	"rollcall/shared/event"
)

func TestWhatCannotStartSaysWhyInOneLine(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args, want []string
	}{
		{[]string{"-addr", taken.Addr().String()}, []string{taken.Addr().String(), "taken", "-addr"}},
		{[]string{"-data", filepath.Join(file, "x")}, []string{file, "-data"}},
		{[]string{"-linger", "soon"}, []string{"-linger", "2s", "-help"}},
		{[]string{"-log-level", "loud"}, []string{"-log-level", "debug, info"}},
		{[]string{"-public-url", "here"}, []string{"-public-url", "https://"}},
		{[]string{"-addr", "nonsense"}, []string{"nonsense", "-addr"}},
		{[]string{"-no-such-flag"}, []string{"-no-such-flag", "-help"}},
		{[]string{"-domain", "localhost"}, []string{"-domain", "here.example.org"}},
		{[]string{"-domain", "here.example.org", "-data", "off"}, []string{"-domain", "-data"}},
		{[]string{"-domain", "here.example.org", "-public-url", "https://there.example.org"}, []string{"-domain", "-public-url"}},
		{[]string{"-domain", "here.example.org", "-tls-cert", file, "-tls-key", file}, []string{"-domain", "-tls-cert"}},
		{[]string{"-domain", "here.example.org", "-addr", "127.0.0.1:0", "-http-addr", taken.Addr().String()}, []string{taken.Addr().String(), "-http-addr"}},
		{[]string{"-tls-cert", file}, []string{"-tls-cert", "-tls-key"}},
		{[]string{"-tls-cert", file, "-tls-key", file}, []string{"-tls-cert", file}},
		{[]string{"-acme-email", "ana@example.org"}, []string{"-acme-email", "-domain"}},
		{[]string{"-addr", "127.0.0.1:0", "-admin-addr", ":0"}, []string{"-admin-addr", "-admin-password-file"}},
		{[]string{"-addr", "127.0.0.1:0", "-admin-addr", "127.0.0.1:0", "-admin-password-file", file}, []string{"-admin-password-file", file}},
	} {
		var out, errOut bytes.Buffer
		ctx, cancel := context.WithTimeout(t.Context(), patience) // for one that starts
		defer cancel()
		cmd := exec.CommandContext(ctx, binary, append([]string{"-data", t.TempDir()}, c.args...)...)
		cmd.Stdout, cmd.Stderr = &out, &errOut
		cmd.Run()
		if code := cmd.ProcessState.ExitCode(); code != 1 {
			t.Errorf("%q: exit %d", c.args, code)
		}
		said := errOut.String()
		if strings.Count(said, "\n") != 1 || out.Len() > 0 {
			t.Errorf("%q: said %q and %q", c.args, said, out.String())
		}
		for _, want := range c.want {
			if !strings.Contains(said, want) {
				t.Errorf("%q: no %q in %q", c.args, want, said)
			}
		}
	}
}

func TestItRunsFromAnyFolder(t *testing.T) {
	s := start(t)
	if s.url == "" {
		t.Fatal("no address was printed")
	}
	program, err := filepath.Abs(binary)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "-help")
	cmd.Dir = t.TempDir()
	help, err := cmd.Output()
	if err != nil || !strings.Contains(string(help), "Usage: rollcall") {
		t.Errorf("%v: %s", err, help)
	}
}

func TestTheVersionOfTheProgramIsThatOfItsPage(t *testing.T) {
	s := start(t)
	answer, err := http.Get(s.url + "/api/version")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var page struct{ Version string }
	if err := json.NewDecoder(answer.Body).Decode(&page); err != nil || page.Version == "" {
		t.Fatalf("%+v, %v", page, err)
	}
	said, err := exec.Command(binary, "-version").Output()
	want := fmt.Sprintf("rollcall (devel)\npage %s\n%s %s/%s\n", page.Version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	if err != nil || string(said) != want {
		t.Errorf("%v: %q, not %q", err, said, want)
	}
}

// ask sends a request with headers, of which Host is one, and returns the status
// of the answer.
func (s *server) ask(method, path string, headers map[string]string) int {
	s.t.Helper()
	r, err := http.NewRequest(method, s.url, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	r.URL.Opaque = path
	for name, value := range headers {
		r.Header.Set(name, value)
	}
	r.Host = headers["Host"]
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		s.t.Fatal(err)
	}
	answer.Body.Close()
	return answer.StatusCode
}

func TestTheProgramAnswersNobodyElse(t *testing.T) {
	s := start(t)
	for _, c := range []struct {
		method, path, host, origin string
		want                       int
	}{
		{"GET", "/", "evil.example", "", http.StatusMisdirectedRequest},
		{"GET", "/ws", "evil.example", "", http.StatusMisdirectedRequest},
		{"OPTIONS", "*", "evil.example", "", http.StatusMisdirectedRequest},
		{"GET", "/ws", "localhost:" + s.port(), "http://evil.example", http.StatusForbidden},
		{"GET", "/ws", "localhost:" + s.port(), "https://localhost:" + s.port(), http.StatusForbidden},
		{"GET", "/ws", "localhost:" + s.port(), "http://localhost:" + s.port(), http.StatusSwitchingProtocols},
		{"GET", "/ws", "localhost:" + s.port(), "", http.StatusSwitchingProtocols},
	} {
		headers := map[string]string{"Host": c.host}
		if c.path == "/ws" {
			for name, value := range map[string]string{"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="} {
				headers[name] = value
			}
		}
		if c.origin != "" {
			headers["Origin"] = c.origin
		}
		if got := s.ask(c.method, c.path, headers); got != c.want {
			t.Errorf("%+v: %d", c, got)
		}
	}
}

func TestTheProgramsLimitsAreThoseOfItsFlags(t *testing.T) {
	s := start(t, "-trusted-proxies", "127.0.0.1", "-limit-sockets", "1", "-limit-connections", "3")
	dial := func(from string) int {
		header := http.Header{}
		if from != "" {
			header.Set("X-Forwarded-For", from)
		}
		conn, answer, err := websocket.Dial(t.Context(), s.ws(), &websocket.DialOptions{HTTPHeader: header})
		if err != nil {
			return answer.StatusCode
		}
		t.Cleanup(func() { conn.CloseNow() })
		return answer.StatusCode
	}
	for _, c := range []struct {
		from string
		want int
	}{
		{"198.51.100.1", 101}, {"198.51.100.1", 429}, {"198.51.100.2", 101}, {"", 101}, {"198.51.100.3", 503},
	} {
		if got := dial(c.from); got != c.want {
			t.Errorf("from %q: %d, not %d", c.from, got, c.want)
		}
	}

	c, err := client.Dial(t.Context(), start(t, "-limit-events", "1").ws(), client.Options{Name: "Ana"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for i := 0; ; i++ { // after a burst of 20, with the hello, one a second
		c.Update(event.Patch{Note: new(strings.Repeat("x", i%40+1))})
		u, err := c.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(u.Errors) > 0 {
			if e := u.Errors[0]; e.Code != event.CodeRateLimited || i < 19 {
				t.Errorf("change %d: %+v", i+1, e)
			}
			break
		}
	}
}
