package client

import (
	"fmt"
	"slices"
	"time"

	"rollcall/shared/event"
	"rollcall/shared/roster"
)

// taken is what a frame was.
type taken struct {
	snapshot bool          // it had an existing_users
	doubtful bool          // the roster has drifted, and a snapshot is on its way
	dropped  time.Duration // something said was too much, and may be said again after that; else 0
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
		before, _ := c.roster.Me()
		for _, e := range events {
			switch e := e.(type) {
			case event.Invalid:
				t.err = fmt.Errorf("the server sent a %s that cannot be read", e.Name)
			case event.Error:
				t.err, news = e, true
				c.refused(e)
			case event.DisconnectUser:
				if e.ID == c.roster.Self() && e.Reason == event.ReasonLeft {
					t.err = ErrLeft
				}
			case event.ExistingUsers:
				t.snapshot, whole = true, !e.Resumed
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
			c.see(before, me)
		}
		if t.snapshot && c.status.Link != Connected {
			c.arrive()
		}
		if c.status.Doubtful {
			c.status.Doubtful, news = false, true
		}
		c.heard = c.now()
		t.doubtful, t.dropped = c.doubtful, c.again
		c.again = 0
		// In a quiet room a frame only shows that the connection is alive.
		return news || t.snapshot || c.roster.Count() != count || c.roster.Watching() != watching
	})
	return t
}

// see takes in how the client is seen by now. A field that has changed is one
// that was heard of, or another tab's later word.
func (c *Client) see(before, me event.User) {
	if me.Name != before.Name && !earlier(c, c.told.Name, func(e event.Change) *string { return e.Name }, me.Name) {
		c.told.Name = nil
	}
	if me.Note != before.Note && !earlier(c, c.told.Note, func(e event.Change) *string { return e.Note }, me.Note) {
		c.told.Note = nil
	}
	if c.told == (event.Change{}) {
		c.pending = nil
	}
	if me.Status == before.Status || earlier(c, c.told.Status, func(e event.Change) *event.Status { return e.Status }, me.Status) {
		return
	}
	c.told.Status = nil
	switch {
	case me.Status != event.StatusAway || c.hand != event.StatusHere:
		c.hand = me.Status
	default:
		// Away by inactivity, or chosen in another tab: the server knows.
	}
}

// earlier reports whether what the client is seen as now is what it said before
// it said told, which has then yet to be heard of.
func earlier[T ~string](c *Client, told *T, field func(event.Change) *T, now T) bool {
	if told == nil || same(string(*told), string(now)) {
		return false
	}
	return slices.ContainsFunc(append(c.pending[:len(c.pending):len(c.pending)], c.hailed), func(change event.Change) bool {
		said := field(change)
		return said != nil && said != told && same(string(*said), string(now))
	})
}

// arrive is when the first snapshot of a connection is in.
func (c *Client) arrive() {
	c.status = Status{Link: Connected, Joined: true, Drift: c.status.Drift}
	if c.view != (event.View{}) {
		c.say(c.view)
	}
	if c.active != nil {
		c.say(event.Active{Active: *c.active})
	}
	c.insist()
}

// insist says again what the hello was meant to change and has not: what is in
// a hello as the client knew it counts for old, since another tab may have
// changed it. The snapshot shows that the connection is not a dead one, whose
// words could be heard after those of the next.
func (c *Client) insist() {
	me, ok := c.roster.Me()
	if !ok || c.meant == (event.Change{}) {
		return
	}
	again := unlike(c.meant, me)
	if c.meant.Status != nil && me.Status == event.StatusAway { // by hand or by inactivity, which does not show
		again.Status = c.meant.Status
		if *again.Status == event.StatusHere {
			again.Status = nil
		}
	}
	c.meant, c.told = event.Change{}, unlike(c.told, me)
	if again != (event.Change{}) {
		c.told = again.Then(c.told)
		c.pending = append(c.pending, again)
		c.say(event.ChangeUser{Change: c.told})
	}
}

func (c *Client) note(changes []roster.Change) {
	c.changes = append(c.changes, changes...)
	if len(c.changes) > maxChanges {
		c.changes = []roster.Change{{Kind: roster.Reset}}
	}
}

// refused takes in an error of the server's.
func (c *Client) refused(e event.Error) {
	if !ofConnection(e) {
		c.report(e)
	}
	switch {
	case e.Code == event.CodeRateLimited:
		c.again = max(forgiven, wish(e))
	case e.Event == event.NameUpdateUser:
		c.revoke(e.Field)
	}
}

// ofConnection reports whether an error is not about something that was said on
// the way: it is why the server hangs up, if it does so next.
func ofConnection(e event.Error) bool {
	switch e.Event {
	case "", event.NameGotANewUser, event.NameWatch:
		return true
	}
	return false
}

// report keeps an error for Next, as long as there are not too many.
func (c *Client) report(e event.Error) {
	c.errors = latest(append(c.errors, e), maxErrors)
}

// repeat says once more what of the last second may have been dropped.
func (c *Client) repeat() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.told != (event.Change{}) {
		c.say(event.ChangeUser{Change: c.told})
	}
	if c.view != (event.View{}) {
		c.say(c.view)
	}
	if c.active != nil {
		c.say(event.Active{Active: *c.active})
	}
}

// revoke drops the whole of the Update that was refused for a field, of which
// the server has done nothing. It answers in order, so it is the first with that
// field. What was sent with it in one event is said again.
func (c *Client) revoke(field string) {
	for i, change := range c.pending {
		if !map[string]bool{"name": change.Name != nil, "status": change.Status != nil, "note": change.Note != nil}[field] {
			continue
		}
		c.pending = append(c.pending[:i:i], c.pending[i+1:]...)
		if c.told.Name == change.Name {
			c.told.Name = nil
		}
		if c.told.Note == change.Note {
			c.told.Note = nil
		}
		if change.Status != nil && c.told.Status == change.Status {
			c.told.Status, c.hand = nil, c.handWas
		}
		if c.told != (event.Change{}) {
			c.say(event.ChangeUser{Change: c.told})
		}
		return
	}
	c.unsay(field)
}

// unsay drops what was refused, so that the next hello does not fail on it. It
// reports whether there was anything to drop.
func (c *Client) unsay(field string) bool {
	before := c.told
	switch field {
	case "name":
		c.told.Name = nil
	case "status":
		c.told.Status, c.hand = nil, event.StatusHere
	case "note":
		c.told.Note = nil
	}
	return c.told != before
}

// amend reports whether a hello that was refused can be said without what it
// was refused for. The name that a client first came with cannot be.
func (c *Client) amend(e event.Error) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e.Event != event.NameGotANewUser || e.Field == "name" && !c.status.Joined || !c.unsay(e.Field) {
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
		c.say(c.view)
	}
	return unmended != (c.status.Drift != nil)
}
