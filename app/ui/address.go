package ui

import (
	"net/url"
	"strings"

	"rollcall/shared/event"
)

// address is what an address of the page means.
type address struct {
	room   string
	wall   bool // only to look at, on a screen in a hallway
	madeUp bool // a new room, whichever
	server string
}

// parseAddress reads an address in the browser.
func parseAddress(u *url.URL) address {
	a := address{room: event.Lobby}
	if name, ok := strings.CutPrefix(u.Path, "/r/"); ok {
		if room, ok := event.LinkedRoom(name); ok {
			a.room = room
		}
	}
	query := u.Query()
	a.wall = strings.TrimRight(query.Get("view"), event.AfterLink) == "wall"
	a.madeUp = strings.TrimRight(query.Get("room"), event.AfterLink) == "new"
	scheme := "ws"
	if u.Scheme == "https" {
		scheme = "wss"
	}
	a.server = scheme + "://" + u.Host + "/ws"
	return a
}
