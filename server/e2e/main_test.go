package e2e

import (
	"bufio"
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

const (
	binary    = "../../bin/rollcall"
	artifacts = "../../.artifacts"
)

// chromium is the browser that all tests share; each of its people has a
// profile of their own.
var chromium context.Context

func TestMain(m *testing.M) {
	if _, err := os.Stat(binary); err != nil {
		fmt.Fprintln(os.Stderr, "bin/rollcall is not there; run the tests with: make e2e")
		os.Exit(1)
	}
	os.Exit(runTests(m))
}

// chromiumOptions are for any Chromium here.
func chromiumOptions() []chromedp.ExecAllocatorOption {
	return append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.NoSandbox, // as root, Chromium does not start with one
		chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
		// Else each window loads two pages for its address bar, which takes
		// half a core for seconds.
		chromedp.Flag("disable-features", "Translate,BlinkGenPropertyTrees,WebUIOmniboxPopup,WebUIOmniboxAimPopup"),
		chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.Flag("force-prefers-reduced-motion", false),
		chromedp.Flag("host-resolver-rules", "MAP *.local 127.0.0.1"), // see lan
	)
}

func runTests(m *testing.M) int {
	// Pages that live for seconds are not worth the optimising compiler,
	// which takes as long as all else together.
	options := append(chromiumOptions(), chromedp.Flag("js-flags", "--liftoff-only"))
	allocator, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	defer cancel()
	ctx, cancel := chromedp.NewContext(allocator)
	defer cancel()
	if err := chromedp.Do(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "starting Chromium:", err)
		return 1
	}
	defer chromedp.Cancel(ctx) // closes it and waits
	chromium = ctx
	return m.Run()
}

// server is a running bin/rollcall.
type server struct {
	t      testing.TB
	binary string // may be changed before a restart
	args   []string
	env    []string
	url    string // as in http://localhost:40123
	cmd    *exec.Cmd
	log    *strings.Builder
}

// start runs the server on a free port, with a data folder of its own, until
// the test ends.
func start(t testing.TB, args ...string) *server {
	t.Helper()
	s := &server{t: t, binary: binary, args: append([]string{"-data", t.TempDir()}, args...)}
	s.run("127.0.0.1:0")
	t.Cleanup(s.stop)
	return s
}

func (s *server) run(addr string) {
	s.t.Helper()
	s.log = &strings.Builder{}
	s.cmd = exec.Command(s.binary, append(s.args, "-addr", addr)...)
	s.cmd.Stderr = s.log
	s.cmd.Env = append(os.Environ(), s.env...)
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	late := time.AfterFunc(patience, func() { s.cmd.Process.Kill() })
	line, err := bufio.NewReader(out).ReadString('\n')
	if !late.Stop() || err != nil {
		s.cmd.Wait()
		s.t.Fatalf("the server did not print its address within %v: %v\n%s", patience, err, s.log)
	}
	s.url = strings.TrimSpace(strings.TrimPrefix(line, "Rollcall is at "))
}

// stop ends the server as an operator would, and checks that it ends well.
func (s *server) stop() {
	s.t.Helper()
	if s.cmd == nil {
		return
	}
	s.cmd.Process.Signal(syscall.SIGTERM)
	late := time.AfterFunc(10*time.Second, func() { s.cmd.Process.Kill() })
	err := s.cmd.Wait()
	s.cmd = nil
	if !late.Stop() || err != nil {
		s.t.Errorf("the server did not end well: %v\n%s", err, s.log)
	}
}

// restart runs the stopped server again, at the same address.
func (s *server) restart() {
	s.t.Helper()
	s.run("127.0.0.1:" + s.port())
}

func (s *server) port() string {
	s.t.Helper()
	u, err := url.Parse(s.url)
	if err != nil {
		s.t.Fatal(err)
	}
	return u.Port()
}

// lan is the address by which other machines of a network know the server.
// Unlike that of its own machine, a browser does not trust it without TLS.
func (s *server) lan() string { return "http://board.local:" + s.port() }

func (s *server) ws() string { return "ws" + strings.TrimPrefix(s.url, "http") + "/ws" }

// artifact returns the path of a file to keep, in a folder that exists.
func artifact(t testing.TB, name string) string {
	t.Helper()
	file := filepath.Join(artifacts, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	return file
}

// anotherChromium starts a browser as its users have it, for what is measured,
// until the test ends.
func anotherChromium(t testing.TB) context.Context {
	t.Helper()
	allocator, cancel := chromedp.NewExecAllocator(context.Background(), chromiumOptions()...)
	t.Cleanup(cancel)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("starting Chromium: %v", err)
	}
	t.Cleanup(func() { chromedp.Cancel(ctx) })
	return ctx
}
