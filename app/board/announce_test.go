package board

import (
	"testing"
	"time"

	"rollcall/shared/event"
	"rollcall/shared/roster"
)

func came(ids ...string) (changes []roster.Change) {
	for _, id := range ids {
		changes = append(changes, roster.Change{Kind: roster.Arrived, User: event.User{ID: id, Name: "Name " + id}})
	}
	return changes
}

func went(ids ...string) (changes []roster.Change) {
	for _, id := range ids {
		changes = append(changes, roster.Change{Kind: roster.Gone, User: event.User{ID: id, Name: "Name " + id}})
	}
	return changes
}

func TestArrivalsAndDeparturesAreToldTogether(t *testing.T) {
	for _, c := range []struct {
		changes []roster.Change
		want    string
	}{
		{came("a"), "Name a joined, 12 here"},
		{went("a"), "Name a left, 12 here"},
		{came("a", "b"), "Name a and Name b joined, 12 here"},
		{came("a", "b", "c", "d"), "Name a and 3 others joined, 12 here"},
		{append(came("a"), went("b")...), "Name a joined, Name b left, 12 here"},
		{append(came("a"), went("a")...), ""},
		{append(went("a"), came("a")...), ""},
		{append(append(came("a"), went("a")...), came("b")...), "Name b joined, 12 here"},
		{came("me"), ""},
		{[]roster.Change{{Kind: roster.Updated}, {Kind: roster.Shown}, {Kind: roster.Hidden}}, ""},
		{append(came("a"), roster.Change{Kind: roster.Reset}), ""},
	} {
		var a Announcements
		a.Note(c.changes, "me", start)
		if got := a.Say(12, start.Add(newsPause)); got != c.want {
			t.Errorf("%v: said %q, want %q", c.changes, got, c.want)
		}
		if got := a.Say(12, start.Add(time.Hour)); got != "" {
			t.Errorf("%q was said again", got)
		}
	}
}

func TestOfTwoWithOneNameTheRightNumberIsTold(t *testing.T) {
	var a Announcements
	sam := func(kind roster.Kind, id string) []roster.Change {
		return []roster.Change{{Kind: kind, User: event.User{ID: id, Name: "Sam"}}}
	}
	a.Note(append(append(sam(roster.Arrived, "1"), sam(roster.Arrived, "2")...), sam(roster.Gone, "1")...), "me", start)
	if got := a.Say(2, start.Add(newsPause)); got != "Sam joined, 2 here" {
		t.Errorf("said %q", got)
	}
}

func TestWhatIsToldWaitsForCalmButNotForEver(t *testing.T) {
	var a Announcements
	if _, ok := a.Due(); ok {
		t.Error("there is something to say")
	}
	now := start
	for range 20 {
		a.Note(came(now.String()), "me", now)
		if due, ok := a.Due(); !ok || due.After(start.Add(newsLimit)) || due.After(now.Add(newsPause)) {
			t.Fatalf("due %v", due.Sub(start))
		}
		if now.Sub(start) < newsLimit && a.Say(1, now) != "" {
			t.Fatalf("said after %v", now.Sub(start))
		}
		now = now.Add(newsPause / 2)
	}
	if a.Say(1, now) == "" {
		t.Error("nothing is said in a room that is never calm")
	}
}
