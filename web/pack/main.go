// Command pack builds web/dist: it joins Go's wasm_exec.js to the page's own
// script, names every asset after its content, compresses each with brotli
// and gzip, and lists them for package web. What is there already from the
// same content is kept.
//
//	pack -wasm app.wasm -static web/static -out web/dist
package main

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"

	"github.com/andybalholm/brotli"

	"rollcall/web"
)

func main() {
	wasm := flag.String("wasm", "", "the `file` of the compiled page")
	static := flag.String("static", "web/static", "the `folder` of the committed assets")
	out := flag.String("out", "web/dist", "the `folder` to write to")
	flag.Parse()
	if err := pack(*wasm, *static, *out); err != nil {
		fmt.Fprintln(os.Stderr, "pack:", err)
		os.Exit(1)
	}
}

// types are the media types of all that can be packed, by file name extension.
var types = map[string]string{
	".css":  "text/css; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".svg":  "image/svg+xml",
	".wasm": "application/wasm",
}

func pack(wasm, static, out string) error {
	sources, err := read(wasm, static)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	index := make(map[string]web.Asset)
	keep := map[string]bool{web.Index: true, "placeholder.txt": true}
	for name, content := range sources {
		ext := path.Ext(name)
		if types[ext] == "" {
			return fmt.Errorf("%s: no media type is known for %q; add it to types", name, ext)
		}
		sum := sha256.Sum256(content)
		file := strings.TrimSuffix(name, ext) + "." + hex.EncodeToString(sum[:6]) + ext
		index[name] = web.Asset{Path: "/web/" + file, Type: types[ext], File: file}
		for suffix, compress := range map[string]func(io.Writer, []byte) error{".br": brotlied, ".gz": gzipped} {
			keep[file+suffix] = true
			if err := writeOnce(filepath.Join(out, file+suffix), content, compress); err != nil {
				return err
			}
		}
	}
	list, err := json.MarshalIndent(index, "", "\t")
	if err != nil {
		return err
	}
	if err := writeFile(filepath.Join(out, web.Index), append(list, '\n')); err != nil {
		return err
	}
	return removeOthers(out, keep)
}

// read returns the assets by their plain names.
func read(wasm, static string) (map[string][]byte, error) {
	sources := make(map[string][]byte)
	err := filepath.WalkDir(static, func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		sources[entry.Name()], err = os.ReadFile(file)
		return err
	})
	if err != nil {
		return nil, err
	}
	if sources["app.wasm"], err = os.ReadFile(wasm); err != nil {
		return nil, err
	}
	// It must be of the toolchain that built the wasm; go-app's own is older.
	goroot, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return nil, fmt.Errorf("asking go for its root: %w", err)
	}
	support, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(goroot)), "lib", "wasm", "wasm_exec.js"))
	if err != nil {
		return nil, err
	}
	sources["app.js"] = bytes.Join([][]byte{support, sources["app.js"]}, []byte("\n"))
	return sources, nil
}

func writeOnce(file string, content []byte, compress func(io.Writer, []byte) error) error {
	if _, err := os.Stat(file); err == nil {
		return nil
	}
	var b bytes.Buffer
	if err := compress(&b, content); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return writeFile(file, b.Bytes())
}

// writeFile leaves no half-written file behind that a later run would keep.
func writeFile(file string, b []byte) error {
	tmp := file + ".tmp"
	if err := os.WriteFile(tmp, b, 0o644); err != nil {
		return err
	}
	return os.Rename(tmp, file)
}

func brotlied(w io.Writer, content []byte) error {
	// The largest window that browsers must support (RFC 7932, section 9.1).
	bw := brotli.NewWriterOptions(w, brotli.WriterOptions{Quality: brotli.BestCompression, LGWin: 24})
	_, err := bw.Write(content)
	return errors.Join(err, bw.Close())
}

func gzipped(w io.Writer, content []byte) error {
	gw, err := gzip.NewWriterLevel(w, gzip.BestCompression)
	if err != nil {
		return err
	}
	_, err = gw.Write(content)
	return errors.Join(err, gw.Close())
}

func removeOthers(dir string, keep map[string]bool) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !keep[e.Name()] {
			if err := os.Remove(filepath.Join(dir, e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}
