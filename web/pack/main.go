// Command pack builds web/dist, the assets that browsers load. It joins Go's wasm_exec.js
// to the page's own scripts, draws the icons, names every asset after its content,
// compresses it unless its format is compressed already, and lists all for package web.
// An asset that is there already with the same content is kept.
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
	if err := pack(*wasm, *static, *out, icons); err != nil {
		fmt.Fprintln(os.Stderr, "pack:", err)
		os.Exit(1)
	}
}

// kinds are all that can be packed, by file name extension.
var kinds = map[string]struct {
	media string
	plain bool // compressed by its format
}{
	".css":  {media: "text/css; charset=utf-8"},
	".js":   {media: "text/javascript; charset=utf-8"},
	".png":  {media: "image/png", plain: true},
	".svg":  {media: "image/svg+xml"},
	".wasm": {media: "application/wasm"},
}

// The forms in which an asset lies in the folder, by the suffix of its name.
var (
	compressed = map[string]func(io.Writer, []byte) error{".br": brotlied, ".gz": gzipped}
	plain      = map[string]func(io.Writer, []byte) error{"": copied}
)

func pack(wasm, static, out string, icons map[string]icon) error {
	sources, err := read(wasm, static, icons)
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
		kind, known := kinds[ext]
		if !known {
			return fmt.Errorf("%s: no media type is known for %q; add it to kinds", name, ext)
		}
		sum := sha256.Sum256(content)
		file := strings.TrimSuffix(name, ext) + "." + hex.EncodeToString(sum[:6]) + ext
		index[name] = web.Asset{Path: "/web/" + file, Type: kind.media, File: file, Plain: kind.plain}
		forms := compressed
		if kind.plain {
			forms = plain
		}
		for suffix, form := range forms {
			keep[file+suffix] = true
			if err := writeOnce(filepath.Join(out, file+suffix), content, form); err != nil {
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

// bridge is the script by which Go's reaches the browser: a part of app.js.
const bridge = "bridge.js"

// read returns the assets by their plain names.
func read(wasm, static string, icons map[string]icon) (map[string][]byte, error) {
	sources := make(map[string][]byte)
	add := func(name string, content []byte) error {
		if _, there := sources[name]; there {
			return fmt.Errorf("there are two assets called %s; rename one", name)
		}
		sources[name] = content
		return nil
	}
	err := filepath.WalkDir(static, func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		return add(entry.Name(), content)
	})
	if err != nil {
		return nil, err
	}
	program, err := os.ReadFile(wasm)
	if err != nil {
		return nil, err
	}
	if err := add("app.wasm", program); err != nil {
		return nil, err
	}
	mark, there := sources[markFile]
	if !there {
		return nil, fmt.Errorf("%s is missing in %s; all icons are made from it", markFile, static)
	}
	for name, icon := range icons {
		picture, err := icon.draw(mark)
		if err != nil {
			return nil, err
		}
		if err := add(name, picture); err != nil {
			return nil, err
		}
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
	// In a block, since what the bridge declares is for these three only.
	sources["app.js"] = bytes.Join([][]byte{[]byte(`"use strict"; {`), sources[bridge], support, sources["app.js"], []byte("}")}, []byte("\n"))
	delete(sources, bridge)
	return sources, nil
}

func writeOnce(file string, content []byte, form func(io.Writer, []byte) error) error {
	if _, err := os.Stat(file); err == nil {
		return nil
	}
	var b bytes.Buffer
	if err := form(&b, content); err != nil {
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

func copied(w io.Writer, content []byte) error {
	_, err := w.Write(content)
	return err
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
