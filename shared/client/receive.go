package client

import (
	"fmt"
	"strings"
	"time"

	"rollcall/shared/event"
	"rollcall/shared/roster"
)

// received is what a frame was.
type received struct {
	snapshot    bool          // it had an existing_users
	resyncing   bool          // the roster has drifted and a snapshot was asked for
	resendAfter time.Duration // when to send again what the server dropped as too much; 0 if nothing was
	err         error
}

// receive applies one frame. The error is ErrLeft, an event.Error that was in the
// frame, or says that the frame cannot be read.
func (c *Client) receive(frame []byte) (r received) {
	events, err := event.DecodeServer(frame)
	if err != nil {
		return received{err: err}
	}
	c.updateIf(func() (news bool) {
		whole, count, watching, partial := false, c.roster.Count(), c.roster.Watching(), c.roster.Partial()
		for _, e := range events {
			switch e := e.(type) {
			case event.Invalid:
				r.err = fmt.Errorf("the server sent a %s that cannot be read", e.Name)
			case event.Error:
				// The client treats both parts of a hello alike: who it is, and what it wants.
				e.Field = strings.TrimPrefix(e.Field, "change.")
				r.err, news = e, true
				r.resendAfter = max(r.resendAfter, c.refused(e))
			case event.Done:
				c.wants.done(e.Ref)
			case event.DisconnectUser:
				if e.ID == c.roster.Self() && e.Reason == event.ReasonLeft {
					r.err = ErrLeft
				}
			case event.ExistingUsers:
				r.snapshot, whole = true, !e.Resumed
				c.wants.done(e.Ref)
				c.serverTime, c.serverTimeAt = time.UnixMilli(e.Now), time.Now()
				if c.since == 0 {
					c.since = e.Now
				}
				if e.Session != "" {
					c.session = e.Session
				}
				if whole {
					c.resyncing = false
				}
			}
			changes, drift := c.roster.Apply(e)
			c.addChanges(changes)
			news = news || len(changes) > 0
			if _, ends := e.(event.Room); ends {
				news = c.checkDrift(drift, whole) || news
			}
		}
		if me, ok := c.roster.Me(); ok {
			c.wants.setSelf(me)
		}
		if r.snapshot && c.status.Link != Connected {
			c.status.Link, c.status.Joined, c.status.Err, c.status.Retry = Connected, true, nil, time.Time{}
			c.wants.helloAnswered()
		}
		if c.status.Doubtful {
			c.status.Doubtful, news = false, true
		}
		c.heard = c.now()
		r.resyncing = c.resyncing
		// In a quiet room a frame only shows that the connection is alive.
		return news || r.snapshot || c.roster.Count() != count || c.roster.Watching() != watching || c.roster.Partial() != partial
	})
	return r
}

// addChanges keeps changes for Next, as long as there are not too many.
func (c *Client) addChanges(changes []roster.Change) {
	c.changes = append(c.changes, changes...)
	if len(c.changes) > maxChanges {
		c.changes = []roster.Change{{Kind: roster.Reset}}
	}
}

// refused handles an error of the server. It returns after how long to send again
// what the server dropped; 0 if it dropped nothing.
func (c *Client) refused(e event.Error) time.Duration {
	if ofConnection(e) {
		return 0
	}
	c.addError(e)
	if !c.wants.refused(e) {
		return 0
	}
	return max(minResendDelay, retryAfter(e))
}

// ofConnection reports whether an error is about the connection as a whole or
// about its hello. If the server hangs up next, that error is the reason.
func ofConnection(e event.Error) bool {
	switch e.Event {
	case "":
		return e.Ref == 0
	case event.NameGotANewUser, event.NameWatch:
		return true
	}
	return false
}

// addError keeps an error for Next, as long as there are not too many.
func (c *Client) addError(e event.Error) {
	c.errors = append(c.errors, e)
	if len(c.errors) > maxErrors {
		c.errors = c.errors[maxErrors/2:] // the rest is free when append needs more room
	}
}

// amend reports whether a hello that was refused can be sent again without what
// it was refused for.
func (c *Client) amend(e event.Error) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e.Event != event.NameGotANewUser || !c.wants.amend(e.Field) {
		return false
	}
	c.addError(e)
	return true
}

// checkDrift handles the result of comparing the roster with the server's. If they
// differ, the client asks for a snapshot. If the roster comes from a whole
// snapshot, another would not help, and the status says so. It reports whether
// the status has changed.
func (c *Client) checkDrift(drift error, whole bool) (news bool) {
	unmended := c.status.Drift != nil
	switch {
	case drift == nil:
		c.status.Drift = nil
	case whole || unmended:
		c.status.Drift = drift
	case !c.resyncing:
		c.resyncing = true
		c.wants.requestSnapshot()
	}
	return unmended != (c.status.Drift != nil)
}
