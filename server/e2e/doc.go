// Package e2e tests the built server as its users meet it: bin/rollcall on a
// free port, and pages in headless Chromium.
package e2e
