package ui

import (
	"github.com/maxence-charriere/go-app/v9/pkg/app"

	"rollcall/shared/client"
)

// Connection says whether what the page shows is live.
type Connection struct {
	app.Compo

	Link client.Link
}

// Render draws a dot and a word.
func (c *Connection) Render() app.UI {
	class, word := "connecting", "Connecting …"
	switch c.Link {
	case client.Connected:
		class, word = "connected", "Connected"
	case client.Offline:
		class, word = "offline", "Offline"
	}
	return app.P().Class("connection", class).Role("status").Body(
		app.Span().Class("dot").Aria("hidden", true),
		app.Span().Class("text").Text(word),
	)
}
