package client

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"rollcall/shared/event"
)

// ErrIntercepted is why an attempt to connect has failed that something else
// than the server has answered, such as the login page of a proxy.
var ErrIntercepted = errors.New("something else answers in the server's place")

// answer is what came over HTTP in place of a connection.
type answer struct {
	status     int // 0 for a redirect that a browser does not show
	kind       string
	retryAfter string
	message    string
}

// refusal is what an answer means: an event.Error if it is the server's, which
// has a code where the protocol has one for it. The server's are plain text.
func refusal(err error, a answer) error {
	plain := strings.HasPrefix(a.kind, "text/plain") && a.message != ""
	e := event.Error{Message: a.message}
	switch {
	case a.status == 429:
		e.Code = event.CodeRateLimited
		if !plain {
			e.Message = "There are too many attempts from here; try again later."
		}
	case plain && a.status == 503:
		e.Code = event.CodeServerFull
	case plain && (a.status == 403 || a.status == 421 || a.status == 426):
	case a.status < 400, a.status == 401, a.status == 403, a.status == 407:
		return fmt.Errorf("%w: %w", ErrIntercepted, err)
	default:
		return fmt.Errorf("%w: HTTP status %d", err, a.status)
	}
	if seconds, err := strconv.Atoi(a.retryAfter); err == nil && seconds > 0 {
		e.RetryAfter = (time.Duration(seconds) * time.Second).Milliseconds()
	}
	return e
}
