package ui

import (
	"runtime/debug"

	"github.com/maxence-charriere/go-app/v9/pkg/app"
)

// Run shows the page in the browser, for as long as it is open. Elsewhere it
// does nothing. It is called once.
func Run() {
	// What is alive is a megabyte, and a collection takes a picture's time:
	// one every 16 MB, not every 4.
	debug.SetGCPercent(400)
	nextTask() // starting the program has taken its time
	newPage := func() app.Composer { return new(Page) }
	app.RouteFunc("/", newPage)
	app.RouteWithRegexpFunc("^/r/", newPage)
	app.RunWhenOnBrowser()
}
