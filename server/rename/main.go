// Command rename moves the module to another path: in go.mod, and wherever the
// sources and the documents name a package of it.
//
// Only what names the module is changed: its path before one of its folders, as
// in an import, and after -replace, as in the README. The program, its cookies
// and its variables keep their names.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"go/format"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "rename: say one module path, as in: make rename MODULE=example.org/you/rollcall")
		os.Exit(2)
	}
	if err := rename(".", os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "rename:", err)
		os.Exit(1)
	}
}

// rename moves the module in a folder to a path. If it returns an error of the
// path, no file is changed.
func rename(folder, to string) error {
	if err := module.CheckPath(to); err != nil {
		// Its text begins with the path, and says what is wrong with it.
		return fmt.Errorf("%w; it has to be an address such as example.org/you/rollcall", err)
	}
	mod, err := readMod(folder)
	if err != nil {
		return err
	}
	for _, r := range mod.Require {
		if r.Mod.Path == to {
			return fmt.Errorf("%s is a module that this one needs; choose another path", to)
		}
	}
	names, err := sources(folder)
	if err != nil {
		return err
	}
	from := mod.Module.Mod.Path
	changed := make(map[string][]byte)
	for _, name := range names {
		was, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		if is := renamed(name, was, from, to); !bytes.Equal(is, was) {
			changed[name] = is
		}
	}
	if err := mod.AddModuleStmt(to); err != nil {
		return err
	}
	if changed[filepath.Join(folder, "go.mod")], err = mod.Format(); err != nil {
		return err
	}
	for name, text := range changed {
		if err := os.WriteFile(name, text, 0o644); err != nil { // a file that is there keeps its mode
			return err
		}
	}
	return nil
}

func readMod(folder string) (*modfile.File, error) {
	name := filepath.Join(folder, "go.mod")
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	mod, err := modfile.Parse(name, text, nil)
	if err == nil && mod.Module == nil {
		err = errors.New("go.mod does not name a module")
	}
	return mod, err
}

// built are the folders that hold nothing but what was built or loaded.
var built = []string{".git", ".build", ".artifacts", "bin", "dist", "node_modules"}

// sources are the files of a folder that can name a package.
func sources(folder string) ([]string, error) {
	var names []string
	err := filepath.WalkDir(folder, func(name string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && slices.Contains(built, e.Name()):
			return filepath.SkipDir
		case !e.Type().IsRegular():
			return nil
		case e.Name() == "Makefile" || slices.Contains([]string{".go", ".md", ".yml"}, filepath.Ext(name)):
			names = append(names, name)
		}
		return nil
	})
	return names, err
}

// renamed is a file with the module's new path.
func renamed(name string, text []byte, from, to string) []byte {
	// The path is whole: nothing that a longer one could have stands before it.
	path := regexp.MustCompile(`(^|[^\w./~-])` + regexp.QuoteMeta(from) + `(/(?:(?:app|server|shared|web)\b|\.\.\.))`)
	is := path.ReplaceAll(text, []byte("${1}"+to+"${2}"))
	is = bytes.ReplaceAll(is, []byte("-replace "+from+"="), []byte("-replace "+to+"="))
	if !strings.HasSuffix(name, ".go") {
		return is
	}
	// The order of imports can be another one. A file that was not formatted is
	// left as its author has it.
	if formatted, err := format.Source(text); err != nil || !bytes.Equal(formatted, text) {
		return is
	}
	if formatted, err := format.Source(is); err == nil {
		return formatted
	}
	return is
}
