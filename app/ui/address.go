package ui

import (
	"net/url"
	"strings"

	"rollcall/shared/event"
)

// place is what an address of the page means.
type place struct {
	room   string
	wall   bool // only to look at, on a screen in a hallway
	madeUp bool // a new room, whichever
	server string
}

// parsePlace reads an address in the browser.
func parsePlace(u *url.URL) place {
	p := place{room: event.Lobby}
	if name, ok := strings.CutPrefix(u.Path, "/r/"); ok {
		if room, ok := event.LinkedRoom(name); ok {
			p.room = room
		}
	}
	query := u.Query()
	p.wall = strings.TrimRight(query.Get("view"), event.AfterLink) == "wall"
	p.madeUp = strings.TrimRight(query.Get("room"), event.AfterLink) == "new"
	scheme := "ws"
	if u.Scheme == "https" {
		scheme = "wss"
	}
	p.server = scheme + "://" + u.Host + "/ws"
	return p
}
