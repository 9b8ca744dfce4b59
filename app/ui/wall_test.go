package ui

import (
	"strings"
	"testing"

	"rollcall/app/visit"
)

func TestAWallSaysNoNumberBeforeItHasOne(t *testing.T) {
	for want, wall := range map[string]*Wall{
		"Who is here in x":            {Room: "x", Link: visit.Connecting},
		"0 people here in x":          {Room: "x", Known: true},
		"2 people here in x":          {Room: "x", Known: true, Count: 2},
		"2 people here at 09:05 in x": {Room: "x", Known: true, Count: 2, Link: visit.Offline, AsOf: "at 09:05"},
		"1 person here at 09:05 in x": {Room: "x", Known: true, Count: 1, Link: visit.Reconnecting, AsOf: "at 09:05"},
		"0 people here at 09:05 in x": {Room: "x", Known: true, Link: visit.Offline, AsOf: "at 09:05"},
	} {
		root := draw(t, wall)
		if got := words(find(root, class("count"))); got != want {
			t.Errorf("%q, want %q", got, want)
		}
		if said := strings.Contains(words(root), "Nobody is here"); said != (wall.Known && wall.Count == 0 && wall.AsOf == "") {
			t.Errorf("%q: nobody is said to be here: %v", want, said)
		}
	}
}

func TestAWallSaysOnceThatSomebodyMayBeMissing(t *testing.T) {
	for _, wall := range []*Wall{
		{Room: "x", Known: true},
		{Room: "x", Known: true, Partial: true},
		{Room: "x", Known: true, Count: 2},
		{Room: "x", Known: true, Partial: true, Count: 2},
		{Room: "x", Known: true, Partial: true, Count: 2, Link: visit.Offline, AsOf: "at 09:05"},
		{Room: "x", Known: true, Partial: true, Link: visit.Offline, AsOf: "at 09:05"},
	} {
		said := words(draw(t, wall))
		if n := strings.Count(said, visit.PartialText); n != 1 && wall.Partial || n != 0 && !wall.Partial {
			t.Errorf("there may be others: %v, and it is %q", wall.Partial, said)
		}
		if strings.Contains(said, "Nobody") && wall.Partial {
			t.Errorf("there may be others, and it is %q", said)
		}
	}
}
