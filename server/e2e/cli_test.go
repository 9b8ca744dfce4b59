package e2e

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
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
	} {
		var out, errOut bytes.Buffer
		cmd := exec.Command(binary, append([]string{"-data", t.TempDir()}, c.args...)...)
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
