package site

import (
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// The policy under which browsers run the page: nothing from other hosts, no inline
// script or style, WebAssembly allowed. The browser must send no form: a name that is
// submitted before app.js runs must not end up in an address.
const contentSecurityPolicy = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; " +
	"img-src 'self' data:; connect-src 'self'; manifest-src 'self'; worker-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// The policy of the worker, which loads only files of this server. The policy of the
// pages does not count for it.
const workerSecurityPolicy = "default-src 'none'; connect-src 'self'"

// secure sets the security headers of an answer to a browser that reaches the server at
// base.
func secure(h http.Header, base string) {
	h.Set("Content-Security-Policy", contentSecurityPolicy)
	if trustworthy(base) { // otherwise browsers ignore it, with an error in their console
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
	}
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("X-Content-Type-Options", "nosniff")
}

// trustworthy reports whether browsers trust pages from base, as over https:
// https://www.w3.org/TR/secure-contexts/#is-origin-trustworthy
func trustworthy(base string) bool {
	u, err := url.Parse(base)
	if err != nil {
		return false
	}
	host := strings.ToLower(u.Hostname())
	addr, err := netip.ParseAddr(host)
	return u.Scheme == "https" || host == "localhost" || strings.HasSuffix(host, ".localhost") || err == nil && addr.IsLoopback()
}
