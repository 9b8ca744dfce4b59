package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"sync"
	"testing"
)

// root is the repository, from here. What nextVersion builds is in next, a
// folder of it that no tool of Go's looks into.
const (
	root = "../.."
	next = ".build/next"
)

// nextVersion returns the path of a server like the one that is tested, but
// for another stylesheet: what there is after an update.
func nextVersion(t testing.TB) string {
	t.Helper()
	if err := buildNext(); err != nil {
		t.Fatal("building the next version: ", err)
	}
	return filepath.Join(root, next, "rollcall")
}

// buildNext leaves the working tree as it is: the compiler finds the assets
// elsewhere. They are packed from a copy that has the compressed wasm already,
// which takes long.
var buildNext = sync.OnceValue(func() error {
	folder := filepath.Join(root, next)
	if err := os.RemoveAll(folder); err != nil {
		return err
	}
	for name, from := range map[string]string{"static": "web/static", "dist": "web/dist"} {
		if err := os.CopyFS(filepath.Join(folder, name), os.DirFS(filepath.Join(root, from))); err != nil {
			return err
		}
	}
	css, err := os.OpenFile(filepath.Join(folder, "static/rollcall.css"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = css.WriteString("/* The next version. */\n")
	if err := errors.Join(err, css.Close()); err != nil {
		return err
	}
	if err := goTool("run", "./web/pack", "-wasm", ".build/app.wasm", "-static", next+"/static", "-out", next+"/dist"); err != nil {
		return err
	}

	overlay := struct{ Replace map[string]string }{make(map[string]string)}
	for _, dir := range []string{"web/dist", next + "/dist"} {
		entries, err := os.ReadDir(filepath.Join(root, dir))
		if err != nil {
			return err
		}
		for _, e := range entries {
			overlay.Replace["web/dist/"+e.Name()] = "" // is not there, but for what the next version has
			if dir != "web/dist" {
				overlay.Replace["web/dist/"+e.Name()] = path.Join(dir, e.Name())
			}
		}
	}
	list, err := json.Marshal(overlay)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(folder, "overlay.json"), list, 0o644); err != nil {
		return err
	}
	return goTool("build", "-overlay", next+"/overlay.json", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", next+"/rollcall", "./server")
})

// goTool runs Go in the repository as the Makefile does.
func goTool(args ...string) error {
	cmd := exec.Command("go", args...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go %s: %w\n%s", args[0], err, out)
	}
	return nil
}

func TestTheNextVersionHasAnotherStylesheetAndTheSameProgram(t *testing.T) {
	t.Parallel()
	s := start(t)
	style, wasm := assets(t, s)
	s.stop()
	s.binary = nextVersion(t)
	s.restart()
	nextStyle, nextWasm := assets(t, s)
	if nextStyle == style || nextWasm != wasm {
		t.Errorf("%s and %s have become %s and %s", style, wasm, nextStyle, nextWasm)
	}
	for address, want := range map[string]int{nextStyle: http.StatusOK, style: http.StatusNotFound} {
		resp, err := http.Get(s.url + address)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%s: %s", address, resp.Status)
		}
	}
}

// assets returns what the page loads.
func assets(t *testing.T, s *server) (style, wasm string) {
	t.Helper()
	resp, err := http.Get(s.url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	page, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	style = string(regexp.MustCompile(`/web/rollcall\.\w+\.css`).Find(page))
	wasm = string(regexp.MustCompile(`/web/app\.\w+\.wasm`).Find(page))
	if style == "" || wasm == "" {
		t.Fatalf("no stylesheet or no program in %s", page)
	}
	return style, wasm
}
