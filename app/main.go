// Command app is the page's program, compiled to WebAssembly. Natively it
// does nothing; it is built there too so that vet and lint see it.
package main

import (
	"github.com/maxence-charriere/go-app/v9/pkg/app"

	"rollcall/app/ui"
)

func main() {
	newPage := func() app.Composer { return new(ui.Page) }
	app.RouteFunc("/", newPage)
	app.RouteWithRegexpFunc("^/r/", newPage)
	app.RunWhenOnBrowser()
}
