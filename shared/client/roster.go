package client

import (
	"rollcall/shared/event"
	"rollcall/shared/roster"
)

// Roster is what a client knows of its room, live: each call answers as of
// now. Safe for concurrent use.
type Roster struct{ client *Client }

// Roster returns the client's live roster.
func (c *Client) Roster() Roster { return Roster{c} }

func (r Roster) read(f func(*roster.Roster)) {
	r.client.mu.Lock()
	defer r.client.mu.Unlock()
	f(&r.client.roster)
}

// Users returns everybody as last known, in order of arrival; in a large room
// those in view.
func (r Roster) Users() (users []event.User) {
	r.read(func(r *roster.Roster) { users = r.Users() })
	return users
}

// Get returns the user of that id, if the roster has them.
func (r Roster) Get(id string) (u event.User, ok bool) {
	r.read(func(r *roster.Roster) { u, ok = r.Get(id) })
	return u, ok
}

// Me returns the client's own entry. It reports false before the first
// snapshot, and for a client that watches.
func (r Roster) Me() (u event.User, ok bool) {
	r.read(func(r *roster.Roster) { u, ok = r.Me() })
	return u, ok
}

// Count returns the number of people in the room.
func (r Roster) Count() (n int) {
	r.read(func(r *roster.Roster) { n = r.Count() })
	return n
}

// Partial reports whether the room may have users whom the server does not know of now,
// because it cannot reach the other servers.
func (r Roster) Partial() (partial bool) {
	r.read(func(r *roster.Roster) { partial = r.Partial() })
	return partial
}

// Watching returns how many look on without being in the room. The server tells
// of it when it has something else to say, so it may be 20 s old.
func (r Roster) Watching() (n int) {
	r.read(func(r *roster.Roster) { n = r.Watching() })
	return n
}

// View returns which part of a large room Users are: the first place, and how
// many there are to be viewed. It reports false when they are the whole room.
func (r Roster) View() (from, total int, ok bool) {
	r.read(func(r *roster.Roster) { from, total, ok = r.View() })
	return from, total, ok
}
