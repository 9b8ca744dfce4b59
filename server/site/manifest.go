package site

import (
	"encoding/json"
	"fmt"
	"image/png"
	"io/fs"

	"rollcall/web"
)

const manifestPath = "/manifest.webmanifest"

// description is the text of search engines and app stores about the page.
const description = "Who is here, live: type your name and see everybody in the room."

// The colours of the page's background, around it and before it is drawn.
const (
	lightGround = "#f6f5f1"
	darkGround  = "#131310"
)

// manifest is how a device installs the page as an application (W3C Web
// Application Manifest).
type manifest struct {
	ID              string       `json:"id"`
	Name            string       `json:"name"`
	ShortName       string       `json:"short_name"`
	Description     string       `json:"description"`
	Lang            string       `json:"lang"`
	Dir             string       `json:"dir"`
	StartURL        string       `json:"start_url"`
	Scope           string       `json:"scope"`
	Display         string       `json:"display"`
	DisplayOverride []string     `json:"display_override"`
	ThemeColor      string       `json:"theme_color"`
	BackgroundColor string       `json:"background_color"`
	Dark            scheme       `json:"color_scheme_dark"` // WebKit reads it, other browsers ignore it
	Categories      []string     `json:"categories"`
	Icons           []picture    `json:"icons"`
	Shortcuts       []shortcut   `json:"shortcuts"`
	Screenshots     []screenshot `json:"screenshots"`
}

type scheme struct {
	ThemeColor      string `json:"theme_color"`
	BackgroundColor string `json:"background_color"`
}

type picture struct {
	Src     string `json:"src"`
	Sizes   string `json:"sizes"`
	Type    string `json:"type"`
	Purpose string `json:"purpose,omitempty"`
}

type shortcut struct {
	Name        string    `json:"name"`
	Description string    `json:"description"`
	URL         string    `json:"url"`
	Icons       []picture `json:"icons"`
}

type screenshot struct {
	picture
	FormFactor string `json:"form_factor"`
	Label      string `json:"label"`
}

// newManifest returns the manifest as JSON. All assets that it names must be
// there.
func newManifest(assets map[string]web.Asset, files fs.FS) ([]byte, error) {
	pictures := make(map[string]picture)
	for _, name := range pngs {
		a := assets[name]
		size, err := sizeOf(files, a)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		pictures[name] = picture{Src: a.Path, Sizes: size, Type: a.Type}
	}
	meant := func(purpose string, p picture) picture {
		p.Purpose = purpose
		return p
	}
	mark := assets["icon.svg"]
	small := []picture{pictures["icon-192.png"]}
	return json.MarshalIndent(manifest{
		ID: "/", Name: "Rollcall", ShortName: "Rollcall", Description: description,
		Lang: "en", Dir: "ltr",
		StartURL: "/", Scope: "/",
		Display: "standalone", DisplayOverride: []string{"standalone", "minimal-ui"},
		ThemeColor: lightGround, BackgroundColor: lightGround,
		Dark:       scheme{ThemeColor: darkGround, BackgroundColor: darkGround},
		Categories: []string{"social", "productivity", "utilities"},
		Icons: []picture{
			meant("any", pictures["icon-192.png"]),
			meant("any", pictures["icon-512.png"]),
			meant("maskable", pictures["maskable-192.png"]),
			meant("maskable", pictures["maskable-512.png"]),
			{Src: mark.Path, Sizes: "any", Type: mark.Type, Purpose: "any"},
		},
		Shortcuts: []shortcut{
			{Name: "Lobby", Description: "See who is in the lobby.", URL: "/", Icons: small},
			{Name: "New room", Description: "Open a room of your own.", URL: "/?room=new", Icons: small},
			{Name: "Wall view", Description: "Show the lobby on a large screen.", URL: "/?view=wall", Icons: small},
		},
		Screenshots: []screenshot{
			{picture: pictures["screenshot-wide.png"], FormFactor: "wide", Label: "A room with twelve people"},
			{picture: pictures["screenshot-narrow.png"], FormFactor: "narrow", Label: "The same room on a phone"},
		},
	}, "", "\t")
}

// sizeOf returns the size of a PNG as it is written in manifests.
func sizeOf(files fs.FS, a web.Asset) (string, error) {
	file, err := files.Open(a.File)
	if err != nil {
		return "", err
	}
	defer file.Close()
	config, err := png.DecodeConfig(file)
	return fmt.Sprintf("%dx%d", config.Width, config.Height), err
}
