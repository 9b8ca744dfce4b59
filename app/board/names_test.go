package board

import (
	"math"
	"slices"
	"strings"
	"testing"

	"rollcall/shared/event"
)

func TestAMadeUpRoomIsOneThatCanBe(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		name := MakeUpRoom()
		if room, ok := event.ParseRoom(name); !ok || room != name || len(strings.Split(name, "-")) != 2+madeUpWords {
			t.Fatalf("%q", name)
		}
		seen[name] = true
	}
	if len(seen) < 1000 {
		t.Errorf("of 1000 only %d are different", len(seen))
	}
}

func TestAMadeUpRoomCannotBeGuessed(t *testing.T) {
	distinct := func(list []string) float64 {
		slices.Sort(list)
		return float64(len(slices.Compact(list)))
	}
	bits := math.Log2(distinct(slices.Clone(adjectives))) + math.Log2(distinct(slices.Clone(nouns))) +
		madeUpWords*syllables*(math.Log2(distinct(strings.Split(consonants, "")))+math.Log2(distinct(strings.Split(vowels, ""))))
	if bits < 60 {
		t.Errorf("a name has %.1f bits, want 60", bits)
	}
	// All that there are do come: of each place, all letters.
	for place := range 2 * madeUpWords * syllables {
		letters := map[byte]bool{}
		for range 1000 {
			_, words, _ := strings.Cut(MakeUpRoom(), "-")
			_, words, _ = strings.Cut(words, "-")
			letters[strings.ReplaceAll(words, "-", "")[place]] = true
		}
		if want := [2]int{len(consonants), len(vowels)}[place%2]; len(letters) != want {
			t.Errorf("there are %d letters at %d, want %d", len(letters), place, want)
		}
	}
}

func TestWhatIsTypedIsReadAsARoom(t *testing.T) {
	for typed, want := range map[string]string{
		"design-week": "design-week", " Design  Week ": "design-week", "ROOM 1": "room-1",
		"https://here.example.org/r/team": "team", " http://[::1]:8080/r/Team?view=wall ": "team", "here.example.org/r/team.": "team", "/r/team": "team",
		"https://here.example.org/r/team%E3%80%82#x": "team", "https://here.example.org/": "lobby", "https://here.example.org": "lobby",
		"https://here.example.org/r/a/b": "", "https://here.example.org/about": "", "https://here.example.org/r/": "", "team.": "team", "is it this?": "is-it-this", "...": "",
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
		after := AddRecent(recent, room)
		if !slices.Equal(recent, before) {
			t.Error("the old list was changed")
		}
		recent = after
	}
	if !slices.Equal(recent, []string{"b", "c", "a"}) {
		t.Errorf("they are %v", recent)
	}
	for range 20 {
		recent = AddRecent(recent, MakeUpRoom())
	}
	if len(recent) != maxRecent {
		t.Errorf("%d are remembered", len(recent))
	}
}
