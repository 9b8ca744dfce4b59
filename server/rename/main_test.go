package main

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// sample is a module as it may be at any time: with files that are not formatted or do not
// compile, and with words that only look like its path. It is not named as this module:
// else renaming this module would change it.
var sample = map[string]string{
	"go.mod":   "module old\n\ngo 1.26\n\nrequire golang.org/x/net v0.62.0\n",
	"Makefile": "COLD := github.com/... old/...\nBIN := bin/old\n",
	"README.md": "`old/shared/client`, `~/.local/state/old`, .local/old/server, old/apple\n\n" +
		"    go mod edit -replace old=../old\n",
	"app/main.go": "// Command app.\npackage main\n\nimport (\n\t\"m.example/x\"\n\t\"old/app/ui\"\n)\n\nfunc main() { ui.Cookie(\"old\", x.X) }\n",
	"server/a.go": "package  server\nimport \"old/shared/event\"\n",
	"server/b.go": "package server\n\nimport \"old/web\"\n\nfunc (\n",
	"bin/x.go":    "package x // old/app/ui\n",
}

func write(t *testing.T, files map[string]string) (folder string) {
	t.Helper()
	folder = t.TempDir()
	for name, text := range files {
		file := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

func read(t *testing.T, folder string) map[string]string {
	t.Helper()
	files := make(map[string]string)
	root := os.DirFS(folder)
	err := fs.WalkDir(root, ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		text, err := fs.ReadFile(root, name)
		files[name] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestOnlyWhatNamesTheModuleIsChangedAndAnyNumberOfTimes(t *testing.T) {
	folder := write(t, sample)
	for _, path := range []string{"example.org/you/rollcall", "here.example.net/a", "example.org/rollcall/server/v2", "example.org/you/rollcall"} {
		if err := rename(folder, path); err != nil {
			t.Fatal(err)
		}
		for name, got := range read(t, folder) {
			want := sample[name]
			switch name {
			case "go.mod":
				want = strings.Replace(want, "module old", "module "+path, 1)
			case "Makefile":
				want = strings.Replace(want, "old/...", path+"/...", 1)
			case "README.md":
				want = strings.NewReplacer("`old/shared", "`"+path+"/shared", "-replace old=", "-replace "+path+"=").Replace(want)
			case "app/main.go": // whose imports are in another order now, as gofmt has it
				ours, theirs := "\t\""+path+"/app/ui\"\n", "\t\"m.example/x\"\n"
				if path < "m.example/x" {
					ours, theirs = theirs, ours
				}
				want = strings.Replace(want, "\t\"m.example/x\"\n\t\"old/app/ui\"\n", theirs+ours, 1)
			case "server/a.go", "server/b.go":
				want = strings.Replace(want, "\"old/", "\""+path+"/", 1)
			}
			if got != want {
				t.Errorf("%s: %s is %q, not %q", path, name, got, want)
			}
		}
	}
}

func TestABadPathChangesNothing(t *testing.T) {
	folder := write(t, sample)
	for path, want := range map[string]string{
		"": "empty", "rollcall": "missing dot", "example.org/a b": "invalid char", "example.org/a/": "trailing slash", "-replace": "leading dash",
		"https://example.org/a": "example.org/you/rollcall", "Example.org/a": "example.org/you/rollcall", "golang.org/x/net": "this one needs",
	} {
		err := rename(folder, path)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v", path, err)
		}
	}
	for name, got := range read(t, folder) {
		if got != sample[name] {
			t.Errorf("%s is %q", name, got)
		}
	}
}

// The sources themselves, under another path, build and pass tests: among them
// those that look at import paths.
func TestThisModuleBuildsUnderAnotherPath(t *testing.T) {
	if testing.Short() {
		t.Skip("it compiles everything once more")
	}
	mod, err := readMod("../..")
	if err != nil {
		t.Fatal(err)
	}
	was := mod.Module.Mod.Path
	folder := t.TempDir()
	for _, name := range []string{"app", "server", "shared", "web", "Makefile", "go.mod", "go.sum", "README.md"} {
		if err := copyTo(folder, name); err != nil {
			t.Fatal(err)
		}
	}
	const path = "example.org/somebody/here"
	for _, command := range [][]string{
		{"make", "-s", "rename", "MODULE=" + path},
		{"go", "build", "./..."},
		{"go", "test", "-vet=off", "-short", "-run", "Layers|Reducer|Pure|ThePage|OnlyWhat", "./shared/event", "./server/presence", "./server/rename"},
	} {
		cmd := exec.Command(command[0], command[1:]...)
		cmd.Dir = folder
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%q: %v\n%s", command, err, out)
		}
	}
	// Tests are not compiled, which takes long; it is enough that they import the same.
	list := exec.Command("go", "list", "-f", `{{join .Imports "\n"}}{{"\n"}}{{join .TestImports "\n"}}{{"\n"}}{{join .XTestImports "\n"}}`, "./...")
	list.Dir = folder
	imports, err := list.Output()
	if err != nil || strings.Contains("\n"+string(imports), "\n"+was+"/") || !strings.Contains(string(imports), path+"/shared/event\n") {
		t.Errorf("%v, packages import\n%s", err, imports)
	}
}

// copyTo copies a file or a folder of the sources, without what was built.
func copyTo(folder, name string) error {
	return filepath.WalkDir(filepath.Join("../..", name), func(from string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() && e.Name() == "node_modules" {
			return err
		}
		to, err := filepath.Rel("../..", from)
		if err != nil {
			return err
		}
		to = filepath.Join(folder, to)
		if e.IsDir() {
			return os.MkdirAll(to, 0o755)
		}
		text, err := os.ReadFile(from)
		if err != nil {
			return err
		}
		return os.WriteFile(to, text, 0o644)
	})
}
