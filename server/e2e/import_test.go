package e2e

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestAProgramInAModuleOfItsOwnSeesWhoIsHere does what the README says of Go programs.
func TestAProgramInAModuleOfItsOwnSeesWhoIsHere(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile(filepath.Join("testdata", "whoishere", "main.go"))
	if err != nil {
		t.Fatal(err)
	}
	clone, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "main.go"), source, 0o600); err != nil {
		t.Fatal(err)
	}
	// With the sums at hand, the go command asks no database of them: what the clone has
	// loaded is enough, without a network too.
	sums, err := os.ReadFile(filepath.Join(clone, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "go.sum"), sums, 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(dir, name string, args ...string) string {
		t.Helper()
		cmd := exec.Command(name, args...)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOWORK=off", "GOFLAGS=")
		var problem strings.Builder
		cmd.Stderr = &problem
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%s %q: %v\n%s", name, args, err, problem.String())
		}
		return strings.TrimSpace(string(out))
	}
	module := run(clone, "go", "list", "-m")
	run(dir, "go", "mod", "init", "whoishere.test")
	run(dir, "go", "mod", "edit", "-replace", module+"="+clone)
	run(dir, "go", "mod", "tidy")
	run(dir, "go", "build", "-o", "whoishere", ".")

	s := start(t)
	crowd(t, s, "lobby", "Ana", "Ben")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	program := exec.CommandContext(ctx, filepath.Join(dir, "whoishere"), "ws"+strings.TrimPrefix(s.url, "http")+"/ws")
	out, err := program.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := program.Start(); err != nil {
		t.Fatal(err)
	}
	defer program.Wait()
	defer cancel()
	var said []string
	lines := bufio.NewScanner(out)
	for len(said) < 3 && lines.Scan() {
		said = append(said, lines.Text())
	}
	if got := strings.Join(said, "\n"); got != "2 here:\n  Ana\n  Ben" {
		t.Errorf("it prints %q", got)
	}
}
