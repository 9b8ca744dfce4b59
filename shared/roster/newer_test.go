package roster

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"rollcall/shared/event"
)

// newer applies the frames of a newer server to a roster, in order, up to and
// with one, and returns what that one changed.
func newer(t *testing.T, r *Roster, upTo string) (changes []Change) {
	t.Helper()
	files, err := filepath.Glob("../event/testdata/newer/*.json") // sorted
	if err != nil || len(files) == 0 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, file := range files {
		frame, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		events, err := event.DecodeServer(frame)
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		changes = nil
		for _, e := range events {
			changed, err := r.Apply(e)
			if err != nil {
				t.Errorf("%s: %v", file, err)
			}
			changes = append(changes, changed...)
		}
		if filepath.Base(file) == upTo+".json" {
			return changes
		}
	}
	t.Fatalf("there is no %s", upTo)
	return nil
}

// Apply proves the roster after each frame, by its count and hash.
func TestTheRosterOfANewerServerIsTheServers(t *testing.T) {
	r := &Roster{}
	newer(t, r, "6-resumed")
	var names []string
	for _, u := range r.Users() {
		names = append(names, u.Name)
	}
	want := []string{"Ana", "ليلى", "Guest 3", "Guest 4", "Guest 5", "Guest 6", "Guest 7", "Guest 8", "Ben \"the\nBoss\" \u2028 O\u0001"}
	if !slices.Equal(names, want) {
		t.Errorf("%q, want %q", names, want)
	}
	if ben := r.Users()[8]; ben.Status != "in_a_call" || ben.Link != "roaming" || ben.Data != `{"desk":"4.12","tags":["a",{"x":null}]}` {
		t.Errorf("what is not known is lost: %+v", ben)
	}

	r = &Roster{}
	newer(t, r, "8-large-room")
	if from, total, large := r.View(); from != 50 || total != 600 || !large || r.Count() != 600 || r.Len() != 4 || r.Watching() != 3 {
		t.Errorf("%d of %d from %d", r.Len(), total, from)
	}
	if me, ok := r.Me(); !ok || me.Status != event.StatusAway {
		t.Errorf("I am %+v", me)
	}
}

func TestAFieldThatIsNotKnownIsAChangeToo(t *testing.T) {
	r := &Roster{}
	changes := newer(t, r, "2-unknown-field")
	if len(changes) != 2 {
		t.Fatalf("%+v", changes)
	}
	for _, c := range changes {
		if known := c.User.Encoded() == c.Before.Encoded(); c.Kind != Updated || c.User == c.Before || !known {
			t.Errorf("%+v", c)
		}
		if now, _ := r.Get(c.User.ID); now != c.User {
			t.Errorf("the roster has %+v, not %+v", now, c.User)
		}
	}
}
