package client

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"rollcall/shared/event"
)

// What limits how long something takes, or how often it happens.
const (
	// firstBackoff is the longest wait before the second attempt to connect. The
	// limit doubles with each attempt.
	firstBackoff = 500 * time.Millisecond
	// stableAfter is how long a connection must last so that the attempts are
	// counted anew: a server that accepts connections and dies is not hammered.
	stableAfter = 10 * time.Second
	// dialTimeout is how long an attempt to connect may take.
	dialTimeout = 10 * time.Second
	// snapshotTimeout is how long the server may take to send a snapshot: the
	// answer to a hello, or one that the client asked for.
	snapshotTimeout = 15 * time.Second
	// silenceTimeout is how long a connection may be without a frame; the server
	// sends one every event.Silence.
	silenceTimeout = 45 * time.Second
	// silenceMargin is how much later than event.Silence a frame may come when
	// the device wakes up.
	silenceMargin = 5 * time.Second
	// hurryTimeout is how long an attempt, or the answer on a connection, may
	// take once there is a reason to hurry.
	hurryTimeout = 3 * time.Second
	// leaveTimeout is how long the client waits for the server's answer to leave.
	leaveTimeout = 2 * time.Second
	// writeTimeout is how long the network may take to accept a frame; then the
	// connection is dead. The server has the same limit.
	writeTimeout = 10 * time.Second
	// minResendDelay is the shortest wait before the client sends again what the
	// server dropped as too much. The server counts by the second.
	minResendDelay = 1100 * time.Millisecond
	// maxRetryAfter is the longest wait that a server can ask for.
	maxRetryAfter = 10 * time.Minute
	// restartBackoff is the longest wait between two attempts after the server has
	// said that it restarts: it keeps users who come back for a limited time.
	restartBackoff = 5 * time.Second
)

var (
	errDead   = errors.New("the connection is dead")
	errSilent = errors.New("the connection is silent")
	errLost   = errors.New("the connection was lost")
	errHello  = errors.New("the name and the note are too long for a hello")
)

// run connects again and again until there is a reason to stop, and returns that.
func (c *Client) run(ctx context.Context) error {
	maxBackoff := c.options.MaxBackoff
	for attempt := 0; ; attempt++ {
		joined, err := c.connect(ctx)
		c.withWants((*wants).lost)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		refusal := event.Error{}
		refused := errors.As(err, &refusal)
		amended := refused && c.amend(refusal)
		if refused && !amended && isFinal(refusal) || errors.Is(err, ErrLeft) || errors.Is(err, errHello) || c.tryOnce && !c.Status().Joined {
			return err
		}
		if joined > stableAfter {
			attempt = 0
		}
		switch {
		case refusal.Code == event.CodeRestarting:
			maxBackoff = min(c.options.MaxBackoff, restartBackoff)
		case joined > 0: // the server is back
			maxBackoff = c.options.MaxBackoff
		}
		wait := backoff(attempt, maxBackoff, err)
		if amended || errors.Is(err, errDead) {
			wait = 0
		}
		if err := c.waitToRetry(ctx, wait, err); err != nil {
			return err
		}
	}
}

// isFinal reports whether the same hello would be refused again.
func isFinal(refusal event.Error) bool {
	return refusal.Code.Final() || refusal.Code == event.CodeBadEvent
}

// waitToRetry waits before the next attempt, and shows in the status why and
// until when. An error means that there is to be no other attempt.
func (c *Client) waitToRetry(ctx context.Context, wait time.Duration, why error) error {
	c.update(func() {
		if c.status.Link == Connected {
			c.status.Link = Connecting
			// A Hurry from before the loss does not count: a server that comes back
			// must not get all clients at once.
			select {
			case <-c.hurry:
			default:
			}
		} else {
			c.status.Link = Offline
		}
		c.status.Err, c.status.Retry, c.status.Doubtful = why, time.Now().Add(wait), false
	})
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-c.leaving:
		return ErrLeft
	case <-c.hurry:
	case <-timer.C:
	}
	c.update(func() { c.status.Retry = time.Time{} })
	return nil
}

// backoff is the wait before the next attempt: exponential with full jitter, so
// that the clients of a server that comes back do not all come at once. It is
// never less than the server asked for.
// https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
func backoff(attempt int, most time.Duration, err error) time.Duration {
	wait := rand.N(min(most, firstBackoff<<min(attempt, 16)))
	if refusal := (event.Error{}); errors.As(err, &refusal) {
		wait += retryAfter(refusal)
	}
	return wait
}

// retryAfter is the wait that a server asks for, within limits.
func retryAfter(e event.Error) time.Duration {
	return time.Duration(max(0, min(e.RetryAfter, maxRetryAfter.Milliseconds()))) * time.Millisecond
}

// dial opens a connection. Leave ends the attempt, and Hurry ends one that
// hangs; then the next attempt begins at once.
func (c *Client) dial(ctx context.Context, giveUp func()) (Socket, error) {
	dialed := make(chan struct{})
	began, hurried := time.Now(), false
	var waiting sync.WaitGroup
	waiting.Go(func() {
		var hung <-chan time.Time
		for {
			select {
			case <-c.leaving:
				notify(c.leaving) // for run
				giveUp()
				return
			case <-c.hurry:
				hurried, hung = true, time.After(hurryTimeout-time.Since(began))
			case <-hung:
				giveUp()
				return
			case <-dialed:
				return
			}
		}
	})
	socket, err := c.options.Dial(ctx, c.url)
	close(dialed)
	waiting.Wait()
	if hurried && err != nil {
		notify(c.hurry)
	}
	return socket, err
}
