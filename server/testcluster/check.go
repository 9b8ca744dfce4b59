package testcluster

import (
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"rollcall/shared/client"
	"rollcall/shared/event"
)

// truth is who is connected now, with their names, by id; and who is not. A roster may
// still have those, as reconnecting.
func (c *Crowd) truth() (connected map[string]string, absent map[string]bool) {
	connected, absent = make(map[string]string), make(map[string]bool)
	for _, p := range c.People {
		switch id := p.ID(); {
		case id == "":
		case p.Connected():
			connected[id] = p.Name()
		default:
			absent[id] = true
		}
	}
	return connected, absent
}

// CheckTruth returns where somebody is not shown as they are. All is well if in each
// roster, of servers and of clients, those who are online are those who are connected,
// with the names that they have chosen, and if all others who are there are people who
// have lost their connection.
func (c *Crowd) CheckTruth() error {
	connected, absent := c.truth()
	var errs []error
	for _, w := range c.Watchers {
		switch state := w.State(); {
		case !w.Connected():
			errs = append(errs, fmt.Errorf("who looks on at server %s has no connection", w.Server.Name()))
		case w.Drift() != nil:
			errs = append(errs, fmt.Errorf("server %s: %w", w.Server.Name(), w.Drift()))
		case state.Partial:
			errs = append(errs, fmt.Errorf("server %s says that it may not know everybody", w.Server.Name()))
		}
		if wrong := differences(w.Users(), connected, absent); wrong != "" {
			errs = append(errs, fmt.Errorf("at server %s %s", w.Server.Name(), wrong))
		}
	}
	if len(errs) > 0 {
		return errors.Join(errs...) // which all clients see as well
	}
	for p, t := range c.connectedTabs() {
		switch _, _, large := t.Roster().View(); {
		case t.Status().Drift != nil:
			return fmt.Errorf("%s has another roster than their server: %w", p.Name(), t.Status().Drift)
		case large: // they see a part
		default:
			if wrong := differences(byID(t.Roster().Users()), connected, absent); wrong != "" {
				return fmt.Errorf("for %s %s", p.Name(), wrong)
			}
		}
	}
	return nil
}

// CheckSame returns where two rosters differ. All is well if count and hash are the same
// at all servers, and if each client sees the same as those who look on.
func (c *Crowd) CheckSame() error {
	first := c.Watchers[0]
	for _, w := range c.Watchers[1:] {
		a, b := first.State(), w.State()
		if a.Count != b.Count || a.Hash != b.Hash {
			return fmt.Errorf("server %s has %d people and hash %s, server %s %d and %s: %s", first.Server.Name(), a.Count, a.Hash,
				w.Server.Name(), b.Count, b.Hash, firstDifference(first.Users(), w.Users()))
		}
	}
	all := first.Users()
	for p, t := range c.connectedTabs() {
		if _, _, large := t.Roster().View(); large {
			if n := t.Roster().Count(); n != len(all) {
				return fmt.Errorf("%s sees %d people in place of %d", p.Name(), n, len(all))
			}
		} else if sees := byID(t.Roster().Users()); !maps.Equal(sees, all) {
			return fmt.Errorf("%s sees something else than those who look on: %s", p.Name(), firstDifference(all, sees))
		}
	}
	return nil
}

// connectedTabs are the tabs that have a connection, with whose they are.
func (c *Crowd) connectedTabs() iter.Seq2[*Person, *Tab] {
	return func(yield func(*Person, *Tab) bool) {
		for _, p := range c.People {
			for _, t := range p.Tabs() {
				if t.Status().Link == client.Connected && !yield(p, t) {
					return
				}
			}
		}
	}
}

// maxNamed is how many people are named where there may be hundreds.
const maxNamed = 3

// differences says how a roster is not the truth; nothing if it is.
func differences(sees map[string]event.User, connected map[string]string, absent map[string]bool) string {
	var missing, renamed, dimmed, ghosts, strangers []string
	for id, name := range connected {
		switch u, there := sees[id]; {
		case !there:
			missing = append(missing, name+" "+id)
		case u.Link != event.LinkOnline:
			dimmed = append(dimmed, name+" "+id)
		case u.Name != name:
			renamed = append(renamed, fmt.Sprintf("%s %s as %s", name, id, u.Name))
		}
	}
	for id, u := range sees {
		switch _, there := connected[id]; {
		case there:
		case u.Link == event.LinkOnline:
			ghosts = append(ghosts, u.Name+" "+id)
		case !absent[id]:
			strangers = append(strangers, u.Name+" "+id)
		}
	}
	var words []string
	for _, kind := range []struct {
		words string
		names []string
	}{
		{"are missing", missing}, {"are shown by an old name", renamed}, {"are shown as reconnecting though they are not", dimmed},
		{"are shown as online without a connection", ghosts}, {"are there who should be gone", strangers},
	} {
		if n := len(kind.names); n > 0 {
			slices.Sort(kind.names)
			words = append(words, fmt.Sprintf("%d %s (%s)", n, kind.words, strings.Join(kind.names[:min(n, maxNamed)], ", ")))
		}
	}
	return strings.Join(words, "; ")
}

// firstDifference says in which user two rosters differ.
func firstDifference(a, b map[string]event.User) string {
	for _, id := range slices.Sorted(maps.Keys(a)) {
		if u, there := b[id]; !there || u != a[id] {
			return fmt.Sprintf("%+v and %+v", a[id], u)
		}
	}
	for id, u := range b {
		if _, there := a[id]; !there {
			return fmt.Sprintf("nobody and %+v", u)
		}
	}
	return "in nothing that is known"
}

// checkOnline returns who is shown as online anywhere without a connection.
func (c *Crowd) checkOnline() error {
	connected, _ := c.truth()
	ghosts := func(users []event.User) (names []string) {
		for _, u := range users {
			if _, there := connected[u.ID]; !there && u.Link == event.LinkOnline {
				names = append(names, u.Name)
			}
		}
		return names
	}
	for _, w := range c.Watchers {
		if names := ghosts(slices.Collect(maps.Values(w.Users()))); w.Connected() && len(names) > 0 {
			return fmt.Errorf("server %s shows %d people as online who have no connection, such as %s", w.Server.Name(), len(names), names[0])
		}
	}
	for p, t := range c.connectedTabs() {
		if names := ghosts(t.Roster().Users()); len(names) > 0 {
			return fmt.Errorf("%s sees %d people as online who have no connection, such as %s", p.Name(), len(names), names[0])
		}
	}
	return nil
}
