package client

import (
	"fmt"
	"strings"
	"time"

	"rollcall/shared/event"
	"rollcall/shared/roster"
)

// taken is what a frame was.
type taken struct {
	snapshot bool          // it had an existing_users
	doubtful bool          // the roster has drifted, and a snapshot is on its way
	dropped  time.Duration // something sent was too much, and is to be sent again after that; else 0
	err      error
}

// take applies one frame. The error is ErrLeft, an event.Error that was in the
// frame, or that the frame cannot be read.
func (c *Client) take(frame []byte) (t taken) {
	events, err := event.DecodeServer(frame)
	if err != nil {
		return taken{err: err}
	}
	c.updateIf(func() (news bool) {
		whole, count, watching := false, c.roster.Count(), c.roster.Watching()
		for _, e := range events {
			switch e := e.(type) {
			case event.Invalid:
				t.err = fmt.Errorf("the server sent a %s that cannot be read", e.Name)
			case event.Error:
				// Whether it is who one is that was refused, or what one wants, is the same.
				e.Field = strings.TrimPrefix(e.Field, "change.")
				t.err, news = e, true
				t.dropped = max(t.dropped, c.refused(e))
			case event.Done:
				c.wants.done(e.Ref)
			case event.DisconnectUser:
				if e.ID == c.roster.Self() && e.Reason == event.ReasonLeft {
					t.err = ErrLeft
				}
			case event.ExistingUsers:
				t.snapshot, whole = true, !e.Resumed
				c.wants.done(e.Ref)
				c.then, c.since = time.UnixMilli(e.Now), time.Now()
				if e.Session != "" {
					c.session = e.Session
				}
				if whole {
					c.doubtful = false
				}
			}
			changes, drift := c.roster.Apply(e)
			c.note(changes)
			news = news || len(changes) > 0
			if _, ends := e.(event.Room); ends {
				news = c.prove(drift, whole) || news
			}
		}
		if me, ok := c.roster.Me(); ok {
			c.wants.see(me)
		}
		if t.snapshot && c.status.Link != Connected {
			c.status.Link, c.status.Joined, c.status.Err, c.status.Retry = Connected, true, nil, time.Time{}
			c.wants.opened()
		}
		if c.status.Doubtful {
			c.status.Doubtful, news = false, true
		}
		c.heard = c.now()
		t.doubtful = c.doubtful
		// In a quiet room a frame only shows that the connection is alive.
		return news || t.snapshot || c.roster.Count() != count || c.roster.Watching() != watching
	})
	return t
}

func (c *Client) note(changes []roster.Change) {
	c.changes = append(c.changes, changes...)
	if len(c.changes) > maxChanges {
		c.changes = []roster.Change{{Kind: roster.Reset}}
	}
}

// refused takes in an error of the server's. It returns after how long what that
// has dropped is to be sent again, 0 if it has dropped nothing.
func (c *Client) refused(e event.Error) time.Duration {
	if ofConnection(e) {
		return 0
	}
	c.report(e)
	if !c.wants.refused(e) {
		return 0
	}
	return max(forgiven, wish(e))
}

// ofConnection reports whether an error is not about something that was said on
// the way: it is why the server hangs up, if it does so next.
func ofConnection(e event.Error) bool {
	switch e.Event {
	case "":
		return e.Ref == 0
	case event.NameGotANewUser, event.NameWatch:
		return true
	}
	return false
}

// report keeps an error for Next, as long as there are not too many.
func (c *Client) report(e event.Error) {
	c.errors = append(c.errors, e)
	if len(c.errors) > maxErrors {
		c.errors = c.errors[maxErrors/2:] // the rest is free when append needs more room
	}
}

// amend reports whether a hello that was refused can be said without what it was
// refused for.
func (c *Client) amend(e event.Error) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e.Event != event.NameGotANewUser || !c.wants.amend(e.Field) {
		return false
	}
	c.report(e)
	return true
}

// prove takes in whether the roster is the server's. If it is not, a snapshot is
// asked for; if it was a snapshot that it comes from, there is nothing to mend,
// and the client says so. It reports whether that is news.
func (c *Client) prove(drift error, whole bool) (news bool) {
	unmended := c.status.Drift != nil
	switch {
	case drift == nil:
		c.status.Drift = nil
	case whole || unmended:
		c.status.Drift = drift
	case !c.doubtful:
		c.doubtful = true
		c.wants.ask()
	}
	return unmended != (c.status.Drift != nil)
}
