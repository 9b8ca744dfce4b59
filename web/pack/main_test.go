package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"

	"rollcall/web"
)

// project is a folder to pack: its wasm, its static files and where they go.
type project struct {
	t                 *testing.T
	wasm, static, out string
}

func newProject(t *testing.T) project {
	t.Helper()
	dir := t.TempDir()
	p := project{t, filepath.Join(dir, "built.wasm"), filepath.Join(dir, "static"), filepath.Join(dir, "dist")}
	p.write(p.wasm, "program")
	p.write(filepath.Join(p.static, "app.js"), "start();")
	p.write(filepath.Join(p.static, "style.css"), "body{}")
	p.write(filepath.Join(p.out, "placeholder.txt"), "kept")
	return p
}

func (p project) write(file, content string) {
	p.t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
		p.t.Fatal(err)
	}
}

func (p project) pack() map[string]web.Asset {
	p.t.Helper()
	if err := pack(p.wasm, p.static, p.out); err != nil {
		p.t.Fatal(err)
	}
	var index map[string]web.Asset
	b, err := os.ReadFile(filepath.Join(p.out, web.Index))
	if err != nil {
		p.t.Fatal(err)
	}
	if err := json.Unmarshal(b, &index); err != nil {
		p.t.Fatal(err)
	}
	return index
}

func (p project) unpack(file string) string {
	p.t.Helper()
	packed, err := os.ReadFile(filepath.Join(p.out, file))
	if err != nil {
		p.t.Fatal(err)
	}
	var r io.Reader = brotli.NewReader(bytes.NewReader(packed))
	if strings.HasSuffix(file, ".gz") {
		if r, err = gzip.NewReader(bytes.NewReader(packed)); err != nil {
			p.t.Fatal(err)
		}
	}
	b, err := io.ReadAll(r)
	if err != nil {
		p.t.Fatal(err)
	}
	return string(b)
}

func TestEveryAssetIsPackedUnderTheNameOfItsContent(t *testing.T) {
	p := newProject(t)
	index := p.pack()
	for name, content := range map[string]string{"app.wasm": "program", "style.css": "body{}"} {
		a := index[name]
		for _, suffix := range []string{".br", ".gz"} {
			if got := p.unpack(a.File + suffix); got != content {
				t.Errorf("%s%s holds %q", name, suffix, got)
			}
		}
		if a.Path != "/web/"+a.File || a.File == name || a.Type == "" {
			t.Errorf("%s is %+v", name, a)
		}
	}
	if index["app.wasm"].Type != "application/wasm" {
		t.Error("browsers compile a wasm as it arrives only if its type is application/wasm")
	}
	script := p.unpack(index["app.js"].File + ".br")
	if !strings.HasSuffix(script, "start();") || !strings.Contains(script, "class {") || !strings.Contains(script, "Go = ") {
		t.Errorf("app.js is %.200s…", script)
	}
	if _, err := os.Stat(filepath.Join(p.out, "placeholder.txt")); err != nil {
		t.Error("the placeholder is gone: a fresh clone would not compile")
	}
}

func TestWhatIsPackedAlreadyIsKept(t *testing.T) {
	p := newProject(t)
	wasm := p.pack()["app.wasm"].File
	marked := filepath.Join(p.out, wasm+".br")
	p.write(marked, "as it was")
	p.write(filepath.Join(p.static, "style.css"), "html{}")
	old := p.pack()["app.wasm"].File
	if b, err := os.ReadFile(marked); err != nil || string(b) != "as it was" || old != wasm {
		t.Errorf("the wasm was packed again: %q, %v", b, err)
	}
	if css, err := filepath.Glob(filepath.Join(p.out, "style.*.css.br")); err != nil || len(css) != 1 {
		t.Errorf("stylesheets: %v", css)
	}
}

func TestWhatCannotBePackedIsSaid(t *testing.T) {
	p := newProject(t)
	if err := pack(p.wasm+"x", p.static, p.out); err == nil || !strings.Contains(err.Error(), p.wasm+"x") {
		t.Errorf("a missing wasm: %v", err)
	}
	p.write(filepath.Join(p.static, "film.mp4"), "")
	if err := pack(p.wasm, p.static, p.out); err == nil || !strings.Contains(err.Error(), "film.mp4") {
		t.Errorf("an unknown kind: %v", err)
	}
}
