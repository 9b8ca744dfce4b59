package visit

import (
	"testing"
	"time"
)

// partial is that the server says whether there may be people of whom it does not know.
func partial(is bool) func(*story) any {
	return func(s *story) any {
		s.partial = is
		return s.heard()
	}
}

const maybeMore = "; You may not see everybody."

func TestThePageSaysWhileItMayNotShowEverybody(t *testing.T) {
	const live, lostForLong = "room of 2", "room of 2, reconnecting, as of 10:00:04; The connection is lost. You see people as they were, and may not see everybody. [Try now]"
	with := func(partial bool, input func(*story) any) func(*story) any {
		return func(s *story) any {
			s.partial = partial
			return input(s)
		}
	}
	for name, steps := range map[string][]step{
		"from a while after it has begun until it ends": joined(
			step{partial(true), "", live},
			step{patience, "SetTitle 2, SetBadge 2", live + maybeMore},
			step{comes(eve), "", "room of 3" + maybeMore},
			step{partial(false), "", "room of 3"},
		),
		"not if that was for a moment": joined(
			step{partial(true), "", live},
			step{patience - time.Millisecond, "SetTitle 2, SetBadge 2", live},
			step{partial(false), "", live},
			step{time.Minute, "SetTitle 2, SetBadge 2", live},
		),
		"at once if it is so from the beginning": {
			{Enter{Room: "x"}, "SetTitle 0, ShowPage", "form"},
			{Join{"Ana"}, "Start x Ana", "form, joining"},
			{with(true, connected(ana)), "Arrived, StoreRoster x of 1, ShowPage, StoreSelf Ana", "room of 1" + maybeMore},
		},
		"on a wall, too": {
			{Enter{Room: "x", Wall: true}, "SetTitle 0, Start watching x, KeepAwake true, ShowPage", "wall of 0, connecting"},
			{with(true, watching(ana, ben)), "", "wall of 2, partial"},
			{with(false, watching(ana, ben)), "", "wall of 2"},
		},
		"unless somebody wants to see that no more, until it begins again": joined(
			step{partial(true), "", live},
			step{patience, "SetTitle 2, SetBadge 2", live + maybeMore},
			step{Dismiss{PartialText}, "", live},
			step{partial(true), "", live},
			step{partial(false), "", live},
			step{partial(true), "", live},
			step{patience, "SetTitle 2, SetBadge 2", live + maybeMore},
		),
		"while the connection is away, and on another server that does not know either": joined(
			step{partial(true), "", live},
			step{patience, "SetTitle 2, SetBadge 2", live + maybeMore},
			step{time.Second, "", live + maybeMore},
			step{lost, "StoreRoster lobby of 2", live + maybeMore},
			step{patience, "SetTitle 2, SetBadge 2", lostForLong},
			step{connected(ana, ben), "CheckUpdate", live + maybeMore},
		),
		"until another server knows everybody": joined(
			step{partial(true), "", live},
			step{patience, "SetTitle 2, SetBadge 2", live + maybeMore},
			step{lost, "StoreRoster lobby of 2", live + maybeMore},
			step{with(false, connected(ana, ben, eve)), "CheckUpdate", "room of 3"},
		),
		"and not in the next room": joined(
			step{partial(true), "", live},
			step{patience, "SetTitle 2, SetBadge 2", live + maybeMore},
			step{End{}, "StoreRoster lobby of 2, Stop, SetBadge 0, KeepAwake false", "form"},
			step{Enter{Room: "x", Name: "Ana"}, "SetTitle 0, HidePage, Start x Ana", "form, joining"},
		),
	} {
		t.Run(name, func(t *testing.T) { tell(t, steps) })
	}
}

func TestAScreenReaderIsToldOnceThatSomebodyMayBeMissing(t *testing.T) {
	s := tell(t, joined())
	hears := func(want string) {
		t.Helper()
		if said := s.machine.Said(); said != want {
			t.Errorf("it hears %q, want %q", said, want)
		}
	}
	s.happen(partial(true))
	hears("")
	s.pass(patience)
	hears(PartialText)
	s.happen(Say{"Copied"})
	s.happen(partial(true)) // as every frame says
	s.happen(connected(ana, ben))
	s.pass(time.Minute)
	hears("Copied")
	s.happen(lost)
	s.happen(connected(ana, ben))
	s.pass(time.Minute)
	hears("")
	s.happen(Say{"Copied"})
	hears("Copied")
	s.happen(partial(false))
	hears("Copied")
	s.happen(partial(true))
	s.pass(patience)
	hears(PartialText)
	s.happen(partial(false))
	hears("") // it is not so any more
}
