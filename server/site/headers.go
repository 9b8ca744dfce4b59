package site

import "net/http"

// The policy under which browsers run the page: nothing from elsewhere, no
// inline script or style, WebAssembly allowed. Forms are the program's: a name
// that is sent before app.js is there must not end up in an address.
const contentSecurityPolicy = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; " +
	"img-src 'self' data:; connect-src 'self'; manifest-src 'self'; worker-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// The policy of the worker, which loads files of this server and nothing else.
// It is the script's own: those of the pages do not count for it.
const workerSecurityPolicy = "default-src 'none'; connect-src 'self'"

func secure(h http.Header) {
	h.Set("Content-Security-Policy", contentSecurityPolicy)
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("X-Content-Type-Options", "nosniff")
}
