package ui

import (
	"github.com/maxence-charriere/go-app/v9/pkg/app"
)

// link is whether what the page shows is live.
type link int

const (
	live         link = iota
	connecting        // nothing is known yet, and the first attempt is under way
	reconnecting      // lost a while ago, and an attempt is under way
	offline           // attempts have failed; more follow
)

// Connection says whether what the page shows is live.
type Connection struct {
	app.Compo

	Link link
}

// Render draws a dot and a word.
func (c *Connection) Render() app.UI {
	class, word := "connected", "Connected"
	switch c.Link {
	case connecting:
		class, word = "connecting", "Connecting …"
	case reconnecting:
		class, word = "connecting", "Reconnecting …"
	case offline:
		class, word = "offline", "Offline"
	}
	return app.P().Class("connection", class).Body(
		app.Span().Class("dot").Aria("hidden", true),
		app.Span().Class("text").Text(word),
	)
}
