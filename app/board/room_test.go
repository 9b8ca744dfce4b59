package board

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"

	"rollcall/shared/event"
)

func user(id string, since int64) event.User {
	return event.User{ID: id, Name: "Name of " + id, Since: since}
}

func ids(items []Item) string {
	var b []string
	for _, item := range items {
		switch {
		case !item.Known:
			b = append(b, "?")
		default:
			b = append(b, item.User.ID)
		}
	}
	return strings.Join(b, " ")
}

func TestOneselfIsFirstAndOthersFollowByArrival(t *testing.T) {
	r := Room{Users: []event.User{user("a", 1), user("me", 2), user("b", 3)}, Me: user("me", 2)}
	if got := ids(r.Items(0, 9)); got != "me a b" || r.Len() != 3 {
		t.Errorf("%s, %d", got, r.Len())
	}
	if got := ids(r.Items(1, 2)); got != "a" {
		t.Errorf("the second is %s", got)
	}
	r.Me = event.User{}
	if got := ids(r.Items(0, 9)); got != "a me b" {
		t.Errorf("to one that watches it is %s", got)
	}
	if items := r.Items(5, 3); len(items) != 0 {
		t.Errorf("beyond the end are %v", items)
	}
}

func TestASearchShowsThoseItFindsInWhateverCase(t *testing.T) {
	r := Room{Users: []event.User{{ID: "a", Name: "Ana", Since: 1}, {ID: "b", Name: "Ben", Since: 2}, {ID: "c", Name: "JOANA", Since: 3}}, Query: "aNa"}
	if got := ids(r.Items(0, 9)); got != "a c" || r.Len() != 2 {
		t.Errorf("found %s", got)
	}
	r.Me = r.Users[2]
	if got := ids(r.Items(0, 9)); got != "c a" {
		t.Errorf("found %s", got)
	}
	r.Query = "nobody"
	if r.Len() != 0 {
		t.Errorf("found %s", ids(r.Items(0, 9)))
	}
}

func TestASearchDecomposesEachNameOnce(t *testing.T) {
	asked := map[string]int{}
	b := New(func(s string) string {
		asked[s]++
		return norm.NFKD.String(s)
	})
	r := Room{Users: []event.User{{ID: "a", Name: "José Núñez", Since: 1}, {ID: "b", Name: "Ben", Since: 2}, {ID: "c", Name: "Jose\u0301", Since: 3}}}
	b.Show(r, true, time.Now())
	if len(asked) > 0 {
		t.Errorf("without a search it decomposed %v", asked)
	}
	for query, want := range map[string]int{"jose": 2, "nunez jose": 1, "JOSÉ": 2, "ｂｅｎ": 1, "jo en": 0, " ": 3} {
		for range 3 {
			r.Query = query
			b.Show(r, true, time.Now())
			if b.Len() != want {
				t.Errorf("%q finds %d, want %d", query, b.Len(), want)
			}
		}
	}
	for text, n := range asked {
		if n > 1 {
			t.Errorf("%q was decomposed %d times", text, n)
		}
	}
}

// TestALargeRoomIsInTheSameOrder compares what any view of a room shows with
// the room as a whole.
func TestALargeRoomIsInTheSameOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 40).Draw(t, "people")
		var all []event.User
		for i := range n {
			all = append(all, user(fmt.Sprint("u", i), int64(i+1)))
		}
		me := event.User{}
		if k := rapid.IntRange(-1, n-1).Draw(t, "me"); k >= 0 {
			me = all[k]
		}
		whole := Room{Users: all, Me: me, Count: n}
		start := rapid.IntRange(0, n).Draw(t, "from")
		end := rapid.IntRange(start, n).Draw(t, "to")
		part := Room{Users: all[start:end], Me: me, Count: n, Large: true, From: start, Total: n}
		want, got := whole.Items(0, n), part.Items(0, n)
		if len(got) != len(want) {
			t.Fatalf("%d places, want %d", len(got), len(want))
		}
		seen := map[string]bool{}
		known := 0
		for i := range got {
			if seen[got[i].User.ID] {
				t.Fatalf("two places have the id %q", got[i].User.ID)
			}
			seen[got[i].User.ID] = true
			if got[i].Known {
				known++
				if got[i] != want[i] {
					t.Fatalf("place %d has %v, want %v", i, got[i], want[i])
				}
			}
		}
		if known < end-start {
			t.Fatalf("%d of the %d in view are shown", known, end-start)
		}
	})
}

// TestWhatIsAskedForIsThenKnown answers what a board asks for as the server
// would.
func TestWhatIsAskedForIsThenKnown(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 2000).Draw(t, "people")
		var all []event.User
		for i := range n {
			all = append(all, user(fmt.Sprint("u", i), int64(i+1)))
		}
		r := Room{Me: all[rapid.IntRange(0, n-1).Draw(t, "me")], Count: n, Large: true, Total: n, Users: all[:min(n, event.DefaultView)]}
		if rapid.Bool().Draw(t, "watching") {
			r.Me = event.User{}
		}
		from := rapid.IntRange(0, n-1).Draw(t, "from")
		to := min(n, from+rapid.IntRange(1, MaxBoxes-viewStep).Draw(t, "how many"))
		if view, ok := r.Wants(from, to); ok {
			if view.Count > event.MaxView || view.From < 0 || view.From%viewStep != 0 {
				t.Fatalf("asked for %+v", view)
			}
			r.From = view.From
			r.Users = all[min(n, view.From):min(n, view.From+view.Count)]
			if again, ok := r.Wants(from, to); ok {
				t.Fatalf("after %+v it wants %+v for %d to %d of %d", view, again, from, to, n)
			}
		}
		if i := slices.IndexFunc(r.Items(from, to), func(item Item) bool { return !item.Known }); i >= 0 {
			t.Fatalf("place %d is not known", from+i)
		}
	})
}

func TestASmallRoomIsNotAskedFor(t *testing.T) {
	if view, ok := (Room{Users: []event.User{user("a", 1)}}).Wants(0, 100); ok {
		t.Errorf("it wants %+v", view)
	}
}

func TestASearchInALargeRoomIsCountedAsTheServerDoes(t *testing.T) {
	me := user("me", 1)
	r := Room{Users: []event.User{me, user("a", 2)}, Me: me, Count: 1000, Large: true, From: 10, Total: 500, Query: "name"}
	items := r.Items(9, 13)
	if got := ids(items); got != "? me a ?" || !items[1].Self {
		t.Errorf("it shows %s", got)
	}
	if view, ok := r.Wants(0, 10); !ok || view.Query != "name" {
		t.Errorf("it wants %+v, %v", view, ok)
	}
}
