package client

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"rollcall/shared/event"
)

const (
	firstBackoff = 500 * time.Millisecond
	// stable is how long a connection must have lasted for the next loss to
	// count as the first: a server that accepts and dies is not hammered.
	stable = 10 * time.Second
	// answered is how long a snapshot may take that was asked for.
	answered = 15 * time.Second
	// doubt is how long a connection may be silent; the server says
	// something every event.Silence.
	doubt = 45 * time.Second
	// leaveAnswered is how long the server's answer to leave is waited for.
	leaveAnswered = 2 * time.Second
	// late is how much later than after event.Silence a frame may come.
	late = 5 * time.Second
	// forgiven is how long to wait at least after the server has dropped
	// something that was too much. It counts by the second.
	forgiven = 1100 * time.Millisecond
	// dialTimeout is how long an attempt to connect may take.
	dialTimeout = 10 * time.Second
	// hanging is how old an attempt may be that is still under way when there
	// is reason to hurry, and how long a connection may take to answer then.
	hanging = 3 * time.Second
	// writeTimeout is how long the network may take a frame for; afterwards
	// the connection is dead. It is the server's, too.
	writeTimeout = 10 * time.Second
	// longest is how long a client waits at a server's wish.
	longest = 10 * time.Minute
	// restartBackoff is the longest wait between two attempts when the server
	// has said that it restarts: it holds for a while those who come back.
	restartBackoff = 5 * time.Second
)

var (
	errDead  = errors.New("the connection is dead")
	errHello = errors.New("the name and the note are too long for a hello")
)

// run connects again and again until there is a reason not to.
func (c *Client) run(ctx context.Context) error {
	most := c.options.MaxBackoff
	for attempt := 0; ; attempt++ {
		lasted, err := c.connect(ctx)
		c.withWants((*wants).lost)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		refusal := event.Error{}
		refused := errors.As(err, &refusal)
		amended := refused && c.amend(refusal)
		final := refusal.Code.Final() || refusal.Code == event.CodeBadEvent // the hello would be no better
		if errors.Is(err, ErrLeft) || errors.Is(err, errHello) || refused && final && !amended || c.once && !c.Status().Joined {
			return err
		}
		if lasted > stable {
			attempt = 0
		}
		switch {
		case refusal.Code == event.CodeRestarting:
			most = min(c.options.MaxBackoff, restartBackoff)
		case lasted > 0: // it was back
			most = c.options.MaxBackoff
		}
		pause := pause(attempt, most, err)
		if amended || errors.Is(err, errDead) {
			pause = 0
		}
		c.update(func() {
			if c.status.Link == Connected {
				c.status.Link = Connecting
				select {
				case <-c.hurry: // from before the loss; a server that comes back must not get everybody at once
				default:
				}
			} else {
				c.status.Link = Offline
			}
			c.status.Err, c.status.Retry, c.status.Doubtful = err, time.Now().Add(pause), false
		})
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			err = ctx.Err()
		case <-c.leaving:
			err = ErrLeft
		case <-c.hurry:
			err = nil
		case <-timer.C:
			err = nil
		}
		timer.Stop()
		if err != nil {
			return err
		}
		c.update(func() { c.status.Retry = time.Time{} })
	}
}

// pause is the wait before the next attempt: exponential with full jitter, so
// that the clients of a server that comes back do not come as one, and never
// less than the server asked for.
// https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
func pause(attempt int, most time.Duration, err error) time.Duration {
	wait := rand.N(min(most, firstBackoff<<min(attempt, 16)))
	if refusal := (event.Error{}); errors.As(err, &refusal) {
		wait += wish(refusal)
	}
	return wait
}

// wish is how long a server wants to be left alone, as far as that makes sense.
func wish(e event.Error) time.Duration {
	return time.Duration(max(0, min(e.RetryAfter, longest.Milliseconds()))) * time.Millisecond
}

// connect runs one connection to its end and returns how long it was joined
// and why it ended. An event.Error is the last one that the server sent.
func (c *Client) connect(ctx context.Context) (lasted time.Duration, err error) {
	dialing, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	socket, err := c.dial(dialing, cancel)
	if err != nil {
		return 0, err
	}
	frames, stop := readAll(socket)
	clean := true
	defer func() { stop(clean) }()
	write := func(e event.Event) error {
		err := write(ctx, socket, event.Encode(e))
		clean = clean && err == nil
		return err
	}
	hello := c.hello()
	if len(event.Encode(hello)) > event.MaxFrame {
		return 0, errHello
	}
	if err := write(hello); err != nil {
		return 0, err
	}

	var joined time.Time
	defer func() { // whichever way it returns
		if !joined.IsZero() {
			lasted = time.Since(joined)
		}
	}()
	began := time.Now()
	deadline := time.NewTimer(answered)
	defer deadline.Stop()
	release := time.NewTimer(0)
	release.Stop()
	var released time.Time // when release fires
	left, doubtful, hurried := false, false, false
	heard := wall()
	var refusal error // an event.Error, which is why the server hangs up if it does so next
	for {
		for e := c.next(); e != nil; e = c.next() {
			if err := write(e); err != nil {
				if refusal != nil { // said before the server hung up
					err = refusal
				}
				return lasted, err
			}
		}
		select {
		case <-ctx.Done():
			return lasted, ctx.Err()
		case <-c.leaving:
			if err := write(event.Leave{}); err != nil {
				return lasted, ErrLeft
			}
			left = true
			deadline.Reset(leaveAnswered)
		case <-c.saying: // it is sent at the next turn
		case <-c.hurry:
			// A device that wakes up has not heard what it should have.
			if wall().Sub(heard) > event.Silence+late {
				clean = false
				return lasted, errDead
			}
			switch {
			case left:
			case joined.IsZero():
				hurried = true
				deadline.Reset(hanging - time.Since(began))
			case c.Status().Doubtful && !hurried:
				hurried = true
				deadline.Reset(hanging)
			}
		case <-release.C:
			c.withWants((*wants).release)
		case <-deadline.C:
			clean = false
			switch {
			case left:
				return lasted, ErrLeft
			case hurried:
				return lasted, errDead
			}
			return lasted, errors.New("the connection is silent")
		case frame, ok := <-frames:
			switch {
			case !ok && left:
				return lasted, ErrLeft
			case !ok && refusal != nil:
				return lasted, refusal
			case !ok:
				return lasted, errors.New("the connection was lost")
			}
			heard, hurried = wall(), false
			t := c.take(frame)
			if said := (event.Error{}); errors.As(t.err, &said) {
				if ofConnection(said) {
					refusal = said
				}
			} else if t.err != nil {
				return lasted, t.err
			} else if refusal != nil { // it goes on after all
				c.update(func() { c.report(refusal.(event.Error)) })
				refusal = nil
			}
			if until := time.Now().Add(t.dropped); t.dropped > 0 && until.After(released) {
				released = until
				release.Reset(t.dropped)
			}
			if t.snapshot && joined.IsZero() {
				joined = time.Now()
			}
			switch {
			case left:
			case t.doubtful && !doubtful:
				deadline.Reset(answered)
			case !t.doubtful:
				deadline.Reset(doubt)
			}
			doubtful = t.doubtful
		}
	}
}

// dial opens a connection. Leave gives it up, and Hurry when it hangs; after
// that nobody waits for the next attempt.
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
				hurried, hung = true, time.After(hanging-time.Since(began))
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

// write sends a frame. What cannot take it in time, or before ctx ends, is dead.
func write(ctx context.Context, socket Socket, frame []byte) error {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	return socket.Write(ctx, frame)
}

// wall is the time without the clock that stands still while a device sleeps.
func wall() time.Time { return time.Now().Round(0) }

// readAll reads a socket in a goroutine of its own. The channel closes when
// the socket ends; stop ends it and waits for the goroutine.
func readAll(socket Socket) (frames <-chan []byte, stop func(clean bool)) {
	ctx, cancel := context.WithCancel(context.Background())
	out := make(chan []byte)
	quit := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer close(out)
		for {
			frame, err := socket.Read(ctx)
			if err != nil {
				return
			}
			select {
			case out <- frame:
			case <-quit:
				return
			}
		}
	}()
	return out, func(clean bool) {
		close(quit)
		socket.Close(clean)
		cancel()
		<-done
	}
}
