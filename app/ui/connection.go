package ui

import (
	"github.com/maxence-charriere/go-app/v9/pkg/app"

	"rollcall/app/visit"
)

// Connection says whether what the page shows is live.
type Connection struct {
	app.Compo

	Link visit.Link
}

// Render draws a dot and a word.
func (c *Connection) Render() app.UI {
	class, word := "connected", "Connected"
	switch c.Link {
	case visit.Connecting:
		class, word = "connecting", "Connecting …"
	case visit.Reconnecting:
		class, word = "connecting", "Reconnecting …"
	case visit.Offline:
		class, word = "offline", "Offline"
	}
	return app.P().Class("connection", class).Body(
		app.Span().Class("dot").Aria("hidden", true),
		app.Span().Class("text").Text(word),
	)
}
