package board

import (
	"slices"
	"strings"
	"testing"

	"rollcall/shared/event"
)

func TestAMadeUpRoomIsOneThatCanBe(t *testing.T) {
	seen := map[string]bool{}
	for range 200 {
		name := MakeUpRoom()
		if room, ok := event.ParseRoom(name); !ok || room != name || strings.Count(name, "-") != 2 {
			t.Fatalf("%q", name)
		}
		seen[name] = true
	}
	if len(seen) < 190 {
		t.Errorf("of 200 only %d are different", len(seen))
	}
}

func TestWhatIsTypedIsReadAsARoom(t *testing.T) {
	for typed, want := range map[string]string{
		"design-week": "design-week", " Design  Week ": "design-week", "ROOM 1": "room-1",
		"": "", "  ": "", "a_b": "", "ä": "", strings.Repeat("a", 65): "", strings.Repeat("a", 64): strings.Repeat("a", 64), "../x": "",
	} {
		room, problem := ParseTypedRoom(typed)
		if room != want || (problem == "") != (want != "") {
			t.Errorf("%q is %q, %q", typed, room, problem)
		}
	}
}

func TestTheRoomUsedLastIsFirst(t *testing.T) {
	var recent []string
	for _, room := range []string{"a", "b", "c", "b"} {
		before := slices.Clone(recent)
		after := Visit(recent, room)
		if !slices.Equal(recent, before) {
			t.Error("the old list was changed")
		}
		recent = after
	}
	if !slices.Equal(recent, []string{"b", "c", "a"}) {
		t.Errorf("they are %v", recent)
	}
	for range 20 {
		recent = Visit(recent, MakeUpRoom())
	}
	if len(recent) != maxRecent {
		t.Errorf("%d are remembered", len(recent))
	}
}
