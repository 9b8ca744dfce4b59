package board

import (
	"fmt"
	"time"

	"rollcall/shared/roster"
)

// Announcements gathers who comes and goes into plain sentences for a screen
// reader, few of them however many people move. The zero Announcements is
// silent.
type Announcements struct {
	joined, left []string // names, in order
	ids          map[string]int
	first        time.Time // when the oldest of them came
	last         time.Time
}

const (
	// calm is how long nothing must have happened for what did to be told.
	calm = time.Second
	// latest is how long it is kept back at most, in a room that is never
	// calm.
	latest = 5 * time.Second
)

// Note takes in changes of a roster, other than one's own. A snapshot, which
// is what a first look and a return bring, says nothing and makes what was
// not told yet worthless.
func (a *Announcements) Note(changes []roster.Change, self string, now time.Time) {
	for _, c := range changes {
		switch {
		case c.Kind == roster.Reset:
			*a = Announcements{}
			continue
		case c.User.ID == self:
			continue
		case c.Kind == roster.Arrived:
			a.move(c.User.ID, c.User.Name, 1)
		case c.Kind == roster.Gone:
			a.move(c.User.ID, c.User.Name, -1)
		default:
			continue
		}
		if a.first.IsZero() {
			a.first = now
		}
		a.last = now
	}
}

// move counts an arrival or a departure. Who comes and goes has done nothing.
func (a *Announcements) move(id, name string, by int) {
	if a.ids == nil {
		a.ids = make(map[string]int)
	}
	before := a.ids[id]
	switch {
	case before+by == 0 && before > 0:
		a.joined = without(a.joined, name)
		delete(a.ids, id)
		return
	case before+by == 0 && before < 0:
		a.left = without(a.left, name)
		delete(a.ids, id)
		return
	case by > 0:
		a.joined = append(a.joined, name)
	default:
		a.left = append(a.left, name)
	}
	a.ids[id] = before + by
}

func without(names []string, name string) []string {
	for i, n := range names {
		if n == name {
			return append(names[:i:i], names[i+1:]...)
		}
	}
	return names
}

// Due is when to ask for Say. It reports false if there is nothing to say.
func (a *Announcements) Due() (time.Time, bool) {
	if a.first.IsZero() {
		return time.Time{}, false
	}
	due := a.last.Add(calm)
	if limit := a.first.Add(latest); limit.Before(due) {
		due = limit
	}
	return due, true
}

// Say returns what is to be said by now, and forgets it; nothing before it is
// due. Count is how many people are in the room.
func (a *Announcements) Say(count int, now time.Time) string {
	due, ok := a.Due()
	if !ok || now.Before(due) {
		return ""
	}
	said := ""
	if len(a.joined) > 0 {
		said = party(a.joined) + " joined"
	}
	if len(a.left) > 0 {
		if said != "" {
			said += ", "
		}
		said += party(a.left) + " left"
	}
	*a = Announcements{}
	if said == "" {
		return ""
	}
	return fmt.Sprintf("%s, %d here", said, count)
}

// party names a few people.
func party(names []string) string {
	switch n := len(names); n {
	case 1:
		return Isolate(names[0])
	case 2:
		return Isolate(names[0]) + " and " + Isolate(names[1])
	default:
		return fmt.Sprintf("%s and %d others", Isolate(names[0]), n-1)
	}
}
