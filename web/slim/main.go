// Command slim writes the overlay with which the page is built: stand-ins for packages of
// Go's library that a page needs only in part. What go-app and coder/websocket import for
// servers, for TLS and for other uses would be a third of what a browser has to load.
//
// The stand-ins are in std, by the paths of the packages that they stand in
// for. Those in _files are for single files of packages that stay as they are
// otherwise. The overlay is for the -overlay flag of the Go that runs this.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

func main() {
	std := flag.String("std", "web/slim/std", "folder of the stand-ins for packages")
	single := flag.String("files", "web/slim/_files", "folder of the stand-ins for files")
	out := flag.String("out", "", "file to write the overlay to")
	flag.Parse()
	if err := run(*std, *single, *out); err != nil {
		fmt.Fprintln(os.Stderr, "slim:", err)
		os.Exit(1)
	}
}

func run(std, single, out string) error {
	goroot, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return fmt.Errorf("asking where Go is: %w", err)
	}
	overlay, err := newOverlay(strings.TrimSpace(string(goroot)), std, single)
	if err != nil {
		return err
	}
	b, err := json.MarshalIndent(overlay, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(out, append(b, '\n'), 0o644)
}

// overlay is what go build's -overlay reads.
type overlay struct {
	// Replace has a file for each path that is to be read in another place;
	// an empty one is for a file that is not to be there.
	Replace map[string]string
}

// newOverlay has every file of a package that there is a stand-in for taken
// away, and the stand-in's put in their place; and so with single files.
func newOverlay(goroot, std, single string) (overlay, error) {
	packages, err := standIns(std)
	if err != nil {
		return overlay{}, err
	}
	o := overlay{Replace: make(map[string]string)}
	for _, p := range packages {
		real := filepath.Join(goroot, "src", filepath.FromSlash(p))
		entries, err := os.ReadDir(real)
		if err != nil {
			return overlay{}, fmt.Errorf("there is a stand-in for %s, which this Go does not have; is it of use in %s? %w", p, std, err)
		}
		for _, e := range entries {
			if ext := filepath.Ext(e.Name()); ext == ".go" || ext == ".s" {
				o.Replace[filepath.Join(real, e.Name())] = ""
			}
		}
		files, err := filepath.Glob(filepath.Join(std, filepath.FromSlash(p), "*.go"))
		if err != nil {
			return overlay{}, err
		}
		for _, file := range files {
			if file, err = filepath.Abs(file); err != nil {
				return overlay{}, err
			}
			o.Replace[filepath.Join(real, filepath.Base(file))] = file
		}
	}
	names, err := standInFiles(single)
	if err != nil {
		return overlay{}, err
	}
	for _, name := range names {
		file, err := filepath.Abs(filepath.Join(single, filepath.FromSlash(name)))
		if err != nil {
			return overlay{}, err
		}
		o.Replace[filepath.Join(goroot, "src", filepath.FromSlash(name))] = file
	}
	return o, nil
}

// standInFiles are the single files that there are stand-ins for, by the import path
// and the name.
func standInFiles(single string) ([]string, error) {
	var names []string
	err := fs.WalkDir(os.DirFS(single), ".", func(name string, e fs.DirEntry, err error) error {
		if err == nil && filepath.Ext(name) == ".go" {
			names = append(names, filepath.ToSlash(name))
		}
		return err
	})
	return names, err
}

// standIns are the import paths of the packages that there are stand-ins for.
func standIns(std string) ([]string, error) {
	var packages []string
	err := fs.WalkDir(os.DirFS(std), ".", func(name string, e fs.DirEntry, err error) error {
		if err == nil && filepath.Ext(name) == ".go" {
			packages = append(packages, filepath.ToSlash(filepath.Dir(name)))
		}
		return err
	})
	return slices.Compact(packages), err
}
