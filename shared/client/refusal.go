package client

import (
	"fmt"
	"strconv"
	"time"

	"rollcall/shared/event"
)

// refusal is what a server means that answers an attempt to connect with a
// status of HTTP: an event.Error where the protocol has one for it.
func refusal(err error, status int, retryAfter, message string) error {
	e := event.Error{Message: message}
	switch status {
	case 429:
		e.Code = event.CodeRateLimited
	case 503:
		e.Code = event.CodeServerFull
	default:
		return fmt.Errorf("%w: %s", err, message)
	}
	if seconds, err := strconv.Atoi(retryAfter); err == nil && seconds > 0 {
		e.RetryAfter = (time.Duration(seconds) * time.Second).Milliseconds()
	}
	return e
}
