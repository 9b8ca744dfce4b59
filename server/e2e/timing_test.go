package e2e

import "time"

// What the stylesheet lets pass before a picture stands still.
const (
	settle = 200 * time.Millisecond // arrivals, and a change of scheme
	stale  = 3 * time.Second        // a board without a connection dims after 2 s
)
