// Command app is the page's program, compiled to WebAssembly. Natively it
// does nothing; it is built there too so that vet and lint see it.
package main

import "rollcall/app/ui"

func main() { ui.Run() }
