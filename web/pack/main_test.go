package main

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
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

const square = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><rect width="8" height="8" fill="currentColor"/></svg>`

// small are icons that are drawn in no time.
var small = map[string]icon{"icon-16.png": {size: 16, mark: .5}, "badge-8.png": {size: 8, mark: 1, bare: true}}

func newProject(t *testing.T) project {
	t.Helper()
	dir := t.TempDir()
	p := project{t, filepath.Join(dir, "built.wasm"), filepath.Join(dir, "static"), filepath.Join(dir, "dist")}
	p.write(p.wasm, "program")
	p.write(filepath.Join(p.static, "app.js"), "start();")
	p.write(filepath.Join(p.static, "bridge.js"), "const Reflect = ours;")
	p.write(filepath.Join(p.static, "style.css"), "body{}")
	p.write(filepath.Join(p.static, markFile), square)
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
	if err := pack(p.wasm, p.static, p.out, small); err != nil {
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

// files are the names in out and what they hold.
func (p project) files() map[string]string {
	p.t.Helper()
	entries, err := os.ReadDir(p.out)
	if err != nil {
		p.t.Fatal(err)
	}
	files := make(map[string]string)
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(p.out, e.Name()))
		if err != nil {
			p.t.Fatal(err)
		}
		files[e.Name()] = string(b)
	}
	return files
}

func TestEveryAssetIsPackedUnderTheNameOfItsContent(t *testing.T) {
	p := newProject(t)
	index := p.pack()
	expected := map[string]bool{web.Index: true, "placeholder.txt": true}
	for name := range small {
		expected[index[name].File] = true
	}
	for name, want := range map[string]struct{ content, file, kind string }{
		"app.wasm":  {"program", `^app\.[0-9a-f]{12}\.wasm$`, "application/wasm"}, // else browsers do not compile it as it arrives
		"app.js":    {"", `^app\.[0-9a-f]{12}\.js$`, "text/javascript; charset=utf-8"},
		"style.css": {"body{}", `^style\.[0-9a-f]{12}\.css$`, "text/css; charset=utf-8"},
		"icon.svg":  {square, `^icon\.[0-9a-f]{12}\.svg$`, "image/svg+xml"},
	} {
		a := index[name]
		if a.Plain || a.Path != "/web/"+a.File || a.Type != want.kind || !regexp.MustCompile(want.file).MatchString(a.File) {
			t.Errorf("%s is %+v", name, a)
		}
		br, gz := p.unpack(a.File+".br"), p.unpack(a.File+".gz")
		if br != gz || want.content != "" && br != want.content {
			t.Errorf("%s holds %.40q and %.40q", name, br, gz)
		}
		if sum := fmt.Sprintf("%x", sha256.Sum256([]byte(br))); !strings.Contains(a.File, sum[:12]) {
			t.Errorf("%s is called %s, its hash is %s", name, a.File, sum)
		}
		expected[a.File+".br"], expected[a.File+".gz"] = true, true
	}
	for file := range p.files() {
		if !expected[file] {
			t.Errorf("%s was left behind", file)
		}
		delete(expected, file)
	}
	if len(expected) > 0 || len(index) != 4+len(small) {
		t.Errorf("missing are %v; the index is %v", expected, index)
	}
}

// Compressed once more they would only be larger.
func TestPicturesArePackedAsTheyAre(t *testing.T) {
	p := newProject(t)
	p.write(filepath.Join(p.static, "picture.png"), "pixels")
	index := p.pack()
	for _, name := range []string{"picture.png", "icon-16.png", "badge-8.png"} {
		a := index[name]
		if !a.Plain || a.Path != "/web/"+a.File || a.Type != "image/png" || !strings.HasPrefix(a.File, strings.TrimSuffix(name, "png")) {
			t.Errorf("%s is %+v", name, a)
		}
		content := p.files()[a.File]
		if sum := fmt.Sprintf("%x", sha256.Sum256([]byte(content))); content == "" || !strings.Contains(a.File, sum[:12]) {
			t.Errorf("%s is called %s, its hash is %s", name, a.File, sum)
		}
	}
	if got := p.files()[index["picture.png"].File]; got != "pixels" {
		t.Errorf("the picture holds %q", got)
	}
}

// go-app brings one of its own, for an older Go.
func TestTheScriptHoldsTheOneOfThisGoBetweenOurOwn(t *testing.T) {
	p := newProject(t)
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	support, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(root)), "lib", "wasm", "wasm_exec.js"))
	if err != nil {
		t.Fatal(err)
	}
	if got := p.unpack(p.pack()["app.js"].File + ".br"); got != "\"use strict\"; {\nconst Reflect = ours;\n"+string(support)+"\nstart();\n}" {
		t.Errorf("app.js is %.200s…", got)
	}
}

func TestThePlaceholderStaysForAFreshCloneToCompile(t *testing.T) {
	p := newProject(t)
	p.pack()
	if got := p.files()["placeholder.txt"]; got != "kept" {
		t.Errorf("it holds %q", got)
	}
}

func TestPackingAgainGivesTheSameFiles(t *testing.T) {
	p := newProject(t)
	p.pack()
	first := p.files()
	p.pack()
	if second := p.files(); !maps.Equal(first, second) {
		t.Error("the files differ")
	}
	other := newProject(t)
	other.pack()
	if !maps.Equal(first, other.files()) {
		t.Error("the files of another folder differ")
	}
}

// Brotli takes seconds for the wasm, so a new stylesheet must not wait for it.
func TestWhatIsPackedAlreadyIsKept(t *testing.T) {
	p := newProject(t)
	p.pack()
	marked := map[string]bool{}
	for file := range p.files() {
		if file != web.Index && file != "placeholder.txt" {
			marked[file] = true
			p.write(filepath.Join(p.out, file), "as it was")
		}
	}
	if len(marked) != 8+len(small) {
		t.Fatalf("packed are %v", marked)
	}
	p.pack()
	for file := range marked {
		if got := p.files()[file]; got != "as it was" {
			t.Errorf("%s was packed again", file)
		}
	}
}

func TestWhatHasChangedGetsANewNameAndTheOldFileGoes(t *testing.T) {
	p := newProject(t)
	before := p.pack()
	p.write(filepath.Join(p.static, "style.css"), "html{}")
	p.write(filepath.Join(p.out, "gone.123456789abc.css.br"), "of a source that was removed")
	after := p.pack()
	if before["app.wasm"] != after["app.wasm"] || before["app.js"] != after["app.js"] {
		t.Errorf("the others changed from %v to %v", before, after)
	}
	old, current := before["style.css"].File, after["style.css"].File
	if old == current || p.unpack(current+".br") != "html{}" || p.unpack(current+".gz") != "html{}" {
		t.Errorf("%s became %s", old, current)
	}
	files := p.files()
	for _, name := range []string{old + ".br", old + ".gz", "gone.123456789abc.css.br"} {
		if _, there := files[name]; there {
			t.Errorf("%s is still there", name)
		}
	}
}

func TestTheFolderIsMadeIfItIsMissing(t *testing.T) {
	p := newProject(t)
	p.out = filepath.Join(t.TempDir(), "not", "there")
	if index := p.pack(); len(index) != 4+len(small) {
		t.Errorf("the index is %v", index)
	}
}

func TestWhatCannotBePackedIsSaid(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(*project)
		want  string // what the error names
	}{
		"a missing wasm":       {func(p *project) { p.wasm += "x" }, "built.wasmx"},
		"missing sources":      {func(p *project) { p.static += "x" }, "staticx"},
		"an unknown extension": {func(p *project) { p.write(filepath.Join(p.static, "film.mp4"), "") }, "film.mp4"},
		"no extension":         {func(p *project) { p.write(filepath.Join(p.static, "LICENSE"), "") }, "LICENSE"},
		"two of one name":      {func(p *project) { p.write(filepath.Join(p.static, "more", "style.css"), "html{}") }, "style.css"},
		"a second program":     {func(p *project) { p.write(filepath.Join(p.static, "app.wasm"), "old") }, "app.wasm"},
		"an icon that is made": {func(p *project) { p.write(filepath.Join(p.static, "icon-16.png"), "old") }, "icon-16.png"},
		"a missing mark":       {func(p *project) { os.Remove(filepath.Join(p.static, markFile)) }, markFile},
		"a mark of no shape":   {func(p *project) { p.write(filepath.Join(p.static, markFile), "<svg") }, markFile},
		"a file for a folder":  {func(p *project) { p.out = p.wasm }, "built.wasm"},
	} {
		p := newProject(t)
		c.spoil(&p)
		if err := pack(p.wasm, p.static, p.out, small); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
