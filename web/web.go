// Package web embeds the files that browsers load into the server. The folder static has
// the sources, and dist what command pack builds from them and from app.
package web

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
)

//go:embed dist
var dist embed.FS

// Index is the file in dist that lists the assets.
const Index = "assets.json"

// Asset is one built file. Its path has a hash of its content, so that it
// never changes.
type Asset struct {
	Path string `json:"path"` // from the server's root
	Type string `json:"type"` // media type
	File string `json:"file"` // in dist, with .br or .gz appended unless it is plain

	// Plain is for a format that is compressed already.
	Plain bool `json:"plain,omitempty"`
}

// ErrNotBuilt is what Load returns when the page was not built before the
// program was.
var ErrNotBuilt = errors.New("the page is not built into this program; run `make build` and start bin/rollcall")

// Load returns the assets by their plain names, such as app.wasm, and the
// folder that has their files. The error may be ErrNotBuilt.
func Load() (map[string]Asset, fs.FS, error) {
	return load(dist)
}

func load(fsys fs.FS) (map[string]Asset, fs.FS, error) {
	files, err := fs.Sub(fsys, "dist")
	if err != nil {
		return nil, nil, err
	}
	index, err := fs.ReadFile(files, Index)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, ErrNotBuilt
	}
	if err != nil {
		return nil, nil, err
	}
	var assets map[string]Asset
	if err := json.Unmarshal(index, &assets); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", Index, err)
	}
	for name, a := range assets {
		suffixes := []string{".br", ".gz"}
		if a.Plain {
			suffixes = []string{""}
		}
		for _, suffix := range suffixes {
			if _, err := fs.Stat(files, a.File+suffix); err != nil {
				return nil, nil, fmt.Errorf("asset %s: %w", name, err)
			}
		}
	}
	return assets, files, nil
}
