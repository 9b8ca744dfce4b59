package board

import (
	"fmt"
	"time"

	"rollcall/shared/roster"
)

// Announcements makes sentences for a screen reader of who comes and goes: few
// sentences, however many people come and go. The zero Announcements has nothing to
// say.
type Announcements struct {
	joined, left []string // names, in order
	ids          map[string]int
	first        time.Time // when the oldest of them came
	last         time.Time
}

const (
	// newsPause is how long nobody must come or go before the sentence is said.
	newsPause = time.Second
	// newsLimit is the longest wait for a sentence, in a room where somebody always
	// comes or goes.
	newsLimit = 5 * time.Second
)

// Note takes in the changes of a roster, except the visitor's own. A snapshot, as it
// comes first and after a loss, is no news, and what was not said before it is dropped.
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

// move counts an arrival or a departure. Together the two of one person are no news.
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

// Due returns when to call Say. It reports false if there is nothing to say.
func (a *Announcements) Due() (time.Time, bool) {
	if a.first.IsZero() {
		return time.Time{}, false
	}
	due := a.last.Add(newsPause)
	if limit := a.first.Add(newsLimit); limit.Before(due) {
		due = limit
	}
	return due, true
}

// Say returns the sentence that is due by now, and drops it; empty if none is. Count is
// how many people are in the room.
func (a *Announcements) Say(count int, now time.Time) string {
	due, ok := a.Due()
	if !ok || now.Before(due) {
		return ""
	}
	said := ""
	if len(a.joined) > 0 {
		said = listNames(a.joined) + " joined"
	}
	if len(a.left) > 0 {
		if said != "" {
			said += ", "
		}
		said += listNames(a.left) + " left"
	}
	*a = Announcements{}
	if said == "" {
		return ""
	}
	return fmt.Sprintf("%s, %d here", said, count)
}

// listNames names up to two people, and counts the others.
func listNames(names []string) string {
	switch n := len(names); n {
	case 1:
		return Isolate(names[0])
	case 2:
		return Isolate(names[0]) + " and " + Isolate(names[1])
	default:
		return fmt.Sprintf("%s and %d others", Isolate(names[0]), n-1)
	}
}
