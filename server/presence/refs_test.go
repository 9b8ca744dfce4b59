package presence

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"rollcall/shared/event"
)

// TestWhatATabSaysIsDoneOnceHoweverOftenItIsSaid has tabs say things in order, each
// over any connection, by a hello or after it, and say again whatever they said
// before, while the server ends and begins again.
func TestWhatATabSaysIsDoneOnceHoweverOftenItIsSaid(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t, 0)
		w.join("Ana", 0) // keeps her here
		conns := make(map[string][]int)
		said := make(map[string]event.Ref)
		var want []string
		for last := range rapid.IntRange(1, 60).Draw(rt, "steps") {
			tab := fmt.Sprint("tab", rapid.IntRange(1, maxTabs).Draw(rt, "tab"))
			ref := event.Ref(rapid.IntRange(1, int(said[tab])+1).Draw(rt, "ref"))
			text := fmt.Sprint(tab, " says ", ref)
			if ref > said[tab] {
				said[tab] = ref
				want = append(want, "~Ana "+text)
			}
			if over := conns[tab]; len(over) > 0 && rapid.Bool().Draw(rt, "goes on") {
				w.say("Ana", rapid.SampledFrom(over).Draw(rt, "connection"), ref, note(text))
			} else {
				conns[tab] = append(over, last+1)
				w.hello(last+1, Hello{ID: "Ana", Tab: tab, Ref: ref, Change: note(text)})
			}
			if rapid.IntRange(0, 9).Draw(rt, "ends") == 0 {
				seen := w.seen
				w = w.reborn()
				w.join("Ana", 0)
				w.seen = seen // less how she is held meanwhile
				clear(conns)
			}
		}
		if got := w.seen[1:]; !slices.Equal(got, want) {
			rt.Errorf("done was\n%q, want\n%q", got, want)
		}
	})
}

func TestWhatHasNoRefOrNoTabIsDoneAsOftenAsItIsSaid(t *testing.T) {
	w := newWorld(t, 0)
	w.join("Ana", 1)
	w.hello(2, Hello{ID: "Ana", Tab: "tab"})
	for _, text := range []string{"one", "two"} {
		w.say("Ana", 1, 1, note(text))
		w.say("Ana", 2, 0, note(text+" too"))
	}
	w.hello(3, Hello{ID: "Ana", Ref: 1, Change: note("three")})
	w.hello(4, Hello{ID: "Ana", Tab: "tab", Change: note("four")})
	w.expect("+Ana", "~Ana one", "~Ana one too", "~Ana two", "~Ana two too", "~Ana three", "~Ana four")
}

func TestAHelloThatWantsNothingDoesNotCountAsWhatIsDone(t *testing.T) {
	w := newWorld(t, 0)
	w.hello(1, Hello{ID: "Ana", Profile: event.Named("Ana"), Tab: "tab", Ref: 2})
	w.say("Ana", 1, 1, note("said before"))
	w.expect("+Ana", "~Ana said before")
}

func TestARefOfOneTabIsNoneOfAnother(t *testing.T) {
	w := newWorld(t, 0)
	w.hello(1, Hello{ID: "Ana", Profile: event.Named("Ana"), Tab: "s", Ref: 9, Change: note("one")})
	w.hello(2, Hello{ID: "Ana", Tab: "t", Ref: 1, Change: note("two")})
	w.say("Ana", 2, 2, note("three"))
	w.expect("+Ana one", "~Ana two", "~Ana three")
}

func TestTheTabThatWasUnusedLongestIsForgottenFirst(t *testing.T) {
	w := newWorld(t, 0)
	for i := range maxTabs {
		w.hello(i, Hello{ID: "Ana", Profile: event.Named("Ana"), Tab: fmt.Sprint(i), Ref: 1, Change: note(fmt.Sprint(i))})
	}
	w.say("Ana", 0, 2, note("again"))
	w.hello(100, Hello{ID: "Ana", Tab: "one more", Ref: 1, Change: note("one more")})
	w.seen = nil
	w.say("Ana", 0, 2, note("not again"))
	w.expect()
	w.say("Ana", 1, 1, note("nobody knows"))
	w.expect("~Ana nobody knows")
}
