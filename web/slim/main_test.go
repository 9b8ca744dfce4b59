package main

import (
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const (
	std    = "std"
	single = "_files"
)

// inPage lists the packages that the page's program is made of.
func inPage(t *testing.T) []string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "overlay.json")
	if err := run(std, single, file); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("go", "list", "-overlay", file, "-deps", "rollcall/app")
	cmd.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("listing what the page is made of: %v", err)
	}
	return strings.Fields(string(out))
}

func TestEveryStandInIsOfUse(t *testing.T) {
	packages, err := standIns(std)
	if err != nil || len(packages) == 0 {
		t.Fatal(packages, err)
	}
	used := inPage(t)
	for _, p := range packages {
		if !slices.Contains(used, p) {
			t.Errorf("nothing in the page imports %s any more: remove web/slim/std/%s", p, p)
		}
	}
}

// TestWhatStandInsKeepOutStaysOut fails when a new Go or a new version of a
// dependency brings in what the page was rid of.
func TestWhatStandInsKeepOutStaysOut(t *testing.T) {
	for _, p := range inPage(t) {
		for _, big := range []string{
			"crypto/tls", "crypto/internal/", "crypto/x509", "math/big", "regexp/syntax", "text/template/", "net/http/", "net/textproto",
			"mime", "compress/", "vendor/", "internal/bisect", "log", "go/", "html/template", "unique",
		} {
			if p == big || strings.HasSuffix(big, "/") && strings.HasPrefix(p, big) {
				t.Errorf("the page has %s again: find who imports it (go mod why, go list -deps), and see whether web/slim/std needs another stand-in", p)
			}
		}
	}
}

// TestStandInsHaveTheShapeOfWhatTheyStandFor compares what a stand-in exports
// with the package of this Go, so that what is built with the one would be
// built with the other.
func TestStandInsHaveTheShapeOfWhatTheyStandFor(t *testing.T) {
	packages, err := standIns(std)
	if err != nil {
		t.Fatal(err)
	}
	packages = slices.DeleteFunc(packages, func(p string) bool {
		return p == "crypto/rand" || p == "internal/godebug" // is for browsers; is out of reach
	})
	compiled := importer.ForCompiler(token.NewFileSet(), "gc", exported(t, packages))
	for _, p := range packages {
		real, err := compiled.Import(p)
		if err != nil {
			t.Errorf("this Go's %s: %v", p, err)
			continue
		}
		ours, err := compiled.Import("rollcall/web/slim/std/" + p)
		if err != nil {
			t.Errorf("the stand-in for %s: %v", p, err)
			continue
		}
		for _, name := range ours.Scope().Names() {
			mine, theirs := ours.Scope().Lookup(name), real.Scope().Lookup(name)
			if !mine.Exported() {
				continue
			}
			if theirs == nil {
				t.Errorf("%s.%s is not in this Go any more", p, name)
				continue
			}
			if a, b := shape(mine), shape(theirs); a != b {
				t.Errorf("%s.%s is %s in the stand-in, and %s in this Go", p, name, a, b)
			}
		}
	}
}

// exported returns where an importer finds what packages and our stand-ins for them
// export, as the compiler has written it.
func exported(t *testing.T, packages []string) importer.Lookup {
	t.Helper()
	args := []string{"list", "-export", "-deps", "-f", "{{.ImportPath}}\t{{.Export}}"}
	for _, p := range packages {
		args = append(args, p, "./std/"+p)
	}
	cmd := exec.Command("go", args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("compiling the packages and their stand-ins: %v", err)
	}
	files := make(map[string]string)
	for line := range strings.Lines(string(out)) {
		if p, file, ok := strings.Cut(strings.TrimSpace(line), "\t"); ok {
			files[p] = file
		}
	}
	return func(p string) (io.ReadCloser, error) { return os.Open(files[p]) }
}

// TestStandInFilesHaveTheFunctionsOfTheFile compares the functions in a stand-in for a file
// with those in the file of this Go, which the rest of its package needs.
func TestStandInFilesHaveTheFunctionsOfTheFile(t *testing.T) {
	names, err := standInFiles(single)
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	goroot, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		real := declared(t, filepath.Join(strings.TrimSpace(string(goroot)), "src", name))
		if ours := declared(t, filepath.Join(single, name)); !slices.Equal(ours, real) {
			t.Errorf("%s declares %q, and in this Go %q", name, ours, real)
		}
	}
}

// declared are the functions of a file, in order.
func declared(t *testing.T, file string) (names []string) {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range f.Decls {
		if f, ok := d.(*ast.FuncDecl); ok {
			names = append(names, f.Name.Name)
		}
	}
	return names
}

// shape is what kind of thing something is and, of a function, what it takes
// and returns, of a constant its value.
func shape(o types.Object) string {
	if f, ok := o.(*types.Func); ok {
		list := func(tuple *types.Tuple) (list []string) {
			for v := range tuple.Variables() {
				list = append(list, types.TypeString(v.Type(), func(*types.Package) string { return "" }))
			}
			return list
		}
		return fmt.Sprintf("func%v%v", list(f.Signature().Params()), list(f.Signature().Results()))
	}
	if c, ok := o.(*types.Const); ok {
		return "const " + c.Val().String()
	}
	return strings.SplitN(types.ObjectString(o, nil), " ", 2)[0]
}
