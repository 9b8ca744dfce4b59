package visit

import (
	"errors"
	"strings"
	"testing"
	"time"

	"rollcall/app/board"
	"rollcall/shared/client"
	"rollcall/shared/event"
)

func TestAVisitBeginsAndEnds(t *testing.T) {
	badName := event.Error{Code: event.CodeBadName, Message: "Another name, please."}
	removed := event.Error{Code: event.CodeRemoved, Message: "You were removed."}
	past := &Past{Room: board.Room{Users: []event.User{ana, ben}, Me: ana, Count: 2}, At: begin}
	self := Self{Name: "Ana", Status: event.StatusBusy, Note: "Tea"}
	for name, steps := range map[string][]step{
		"the first": joined(
			step{Leave{}, "CloseDialog, StoreRoster lobby of 2, LeaveRoom", "room of 2"},
			step{ended(client.ErrLeft), "StoreTyped, Stop, SetBadge 0, KeepAwake false, CloseDialog, SetTitle 0, ShowPage, Parted", "form; You have left the room."},
			step{Join{"Ana"}, "Start lobby Ana", "form, joining"},
		),
		"a name that cannot be": {
			{Enter{Room: "x"}, "SetTitle 0, ShowPage", "form"},
			{Join{" "}, "ShowPage", "form; Please type a name."},
			{Join{"Ana"}, "Start x Ana", "form, joining"},
		},
		"a name that the server refuses": {
			{Enter{Room: "x"}, "SetTitle 0, ShowPage", "form"},
			{Join{"Ana"}, "Start x Ana", "form, joining"},
			{ended(badName), "StoreTyped, Stop, SetBadge 0, KeepAwake false, CloseDialog, SetTitle 0, ShowPage, Parted", "form; Another name, please."},
			{Join{"Anna"}, "Start x Anna", "form, joining"},
		},
		"a name that is corrected while the server is asked": {
			{Enter{Room: "x"}, "SetTitle 0, ShowPage", "form"},
			{Join{"An"}, "Start x An", "form, joining"},
			{Join{"An"}, "Hurry", "form, joining"},
			{Join{"Ana"}, "Stop, Start x Ana", "form, joining"},
			{connected(ana), "Arrived, StoreRoster x of 1, ShowPage, StoreSelf Ana", "room of 1"},
			{Join{"Ana"}, "", "room of 1"}, // the button was pressed twice
		},
		"a form that was submitted before the program was there": {
			{Enter{Room: "x", Typed: "Ana", Submitted: true}, "SetTitle 0, Start x Ana", "form, joining"},
		},
		"a tab that was in the room before a reload": {
			{Enter{Room: "x", Reloaded: true, Stored: Stored{Offered: "Ana", Self: self}}, "SetTitle 0, HidePage, Start x Ana busy Tea", "form, joining"},
			{connected(ana), "Arrived, StoreRoster x of 1, ShowPage, StoreSelf Ana", "room of 1"},
		},
		"a return that takes long": {
			{Enter{Room: "x", Reloaded: true, Stored: Stored{Offered: "Ana"}}, "SetTitle 0, HidePage, Start x Ana", "form, joining"},
			{patience - time.Second, "", "form, joining"},
			{time.Second, "ShowPage", "form, joining"},
		},
		"a return that the server does not answer": {
			{Enter{Room: "x", Reloaded: true, Stored: Stored{Offered: "Ana"}}, "SetTitle 0, HidePage, Start x Ana", "form, joining"},
			{tries(errors.New("refused")), "ShowPage", "form, joining; Can’t reach the server. Trying again in 4 s."},
			{time.Second, "", "form, joining; Can’t reach the server. Trying again in 3 s."},
			{lost, "", "form, joining"},
		},
		"from another room, where one was Eve": {
			{Enter{Room: "x", Name: "Eve"}, "SetTitle 0, HidePage, Start x Eve", "form, joining"},
		},
		"from another room, where one was Eve, and Ana in this one": {
			{Enter{Room: "x", Name: "Eve", Stored: Stored{Self: self}}, "SetTitle 0, HidePage, Start x Ana busy Tea", "form, joining"},
		},
		"a room that was seen before, with the server there": {
			{Enter{Room: "x", Past: past}, "SetTitle 0, Probe, ShowPage", "form"},
			{Probed{Reached: true}, "", "form"},
		},
		"a wall": {
			{Enter{Room: "x", Wall: true}, "SetTitle 0, Start watching x, KeepAwake true, ShowPage", "wall of 0, connecting"},
			{watching(ana, ben), "", "wall of 2"},
			{time.Second, "SetTitle 2", "wall of 2"},
			{Hidden{true}, "", "wall of 2"},
			{Hidden{false}, "Hurry, CheckUpdate, KeepAwake true", "wall of 2"},
			{End{}, "Stop, SetBadge 0, KeepAwake false", "wall of 2, connecting"},
		},
		"removed by somebody": joined(
			step{ended(removed), "StoreTyped, StoreRoster lobby of 2, Stop, SetBadge 0, KeepAwake false, CloseDialog, SetTitle 0, ShowPage, Parted", "form; You were removed."},
		),
		"an end that nobody has foreseen": joined(
			step{ended(errors.New("?")), "StoreTyped, StoreRoster lobby of 2, Stop, SetBadge 0, KeepAwake false, CloseDialog, SetTitle 0, ShowPage, Parted", "form; " + somethingWrong},
		),
		"to another room": joined(
			step{End{}, "StoreRoster lobby of 2, Stop, SetBadge 0, KeepAwake false", "form"},
			step{Enter{Room: "x", Name: "Ana"}, "SetTitle 0, HidePage, Start x Ana", "form, joining"},
		),
	} {
		t.Run(name, func(t *testing.T) { tell(t, steps) })
	}
}

func TestAServerThatRefusesForAWhileIsAskedAgain(t *testing.T) {
	full := event.Error{Code: event.CodeRoomFull, Message: "The room is full.", RetryAfter: 4000}
	tell(t, []step{
		{Enter{Room: "x"}, "SetTitle 0, ShowPage", "form"},
		{Join{"Ana"}, "Start x Ana", "form, joining"},
		{tries(full), "ShowPage", "form, joining; The room is full. Trying again in 4 s."},
		{4 * time.Second, "", "form, joining; The room is full. Trying again …"},
		{Returned{}, "Hurry", "form, joining; The room is full. Trying again …"},
	})
}

func TestALostConnectionIsShownWhenItStaysAway(t *testing.T) {
	for name, steps := range map[string][]step{
		"for a moment": joined(
			step{lost, "StoreRoster lobby of 2", "room of 2"},
			step{time.Second, "SetTitle 2, SetBadge 2", "room of 2"},
			step{connected(ana, ben), "CheckUpdate", "room of 2"},
			step{time.Minute, "SetTitle 2, SetBadge 2", "room of 2"},
		),
		"for long": joined(
			step{lost, "StoreRoster lobby of 2", "room of 2"},
			step{patience + time.Second, "SetTitle 2, SetBadge 2, SetTitle 0, SetBadge 0", "room of 2, reconnecting, as of 10:00:01; The connection is lost. You see everybody as they were. [Try now]"},
			step{tries(errors.New("refused")), "", "room of 2, offline, as of 10:00:04; The connection is lost. You see everybody as they were. [Try now]"},
			step{Retry{}, "Hurry", "room of 2, offline, as of 10:00:04; The connection is lost. You see everybody as they were. [Try now]"},
			step{connected(ana), "CheckUpdate", "room of 1"},
			step{time.Second, "SetTitle 1, SetBadge 1", "room of 1"},
		),
		"because the server is full": joined(
			step{lost, "StoreRoster lobby of 2", "room of 2"},
			step{tries(event.Error{Code: event.CodeRoomFull, Message: "The room is full."}), "", "room of 2"},
			step{patience, "SetTitle 2, SetBadge 2", "room of 2, offline, as of 10:00:01; The room is full. Trying again in 2 s. [Try now]"},
		),
		"because something else answers": joined(
			step{lost, "StoreRoster lobby of 2", "room of 2"},
			step{tries(client.ErrIntercepted), "", "room of 2"},
			step{patience, "SetTitle 2, SetBadge 2", "room of 2, offline, as of 10:00:01; Something between you and the server keeps you out. It may want you to sign in. [Sign in]"},
		),
	} {
		t.Run(name, func(t *testing.T) { tell(t, steps) })
	}
}

func TestAScreenReaderIsToldOfALostConnectionUntilItIsBack(t *testing.T) {
	s := tell(t, joined())
	s.happen(lost)
	s.pass(patience)
	if said := s.machine.Said(); said != "The connection is lost. Rollcall tries to get it back." {
		t.Errorf("it is told %q", said)
	}
	s.happen(connected(ana, ben))
	if said := s.machine.Said(); said != "" {
		t.Errorf("the connection is back, and it is told %q", said)
	}
}

func TestADoubtedConnectionShowsAtOnce(t *testing.T) {
	tell(t, joined(
		step{NetworkChanged{}, "Doubt", "room of 2"},
		step{func(s *story) any { s.status.Doubtful = true; return s.heard() }, "", "room of 2, reconnecting"},
		step{func(s *story) any { s.status.Doubtful = false; return s.heard() }, "", "room of 2"},
	))
}

func TestTheSecondsToTheNextAttemptAreCountedWhileSomebodyLooks(t *testing.T) {
	s := tell(t, []step{
		{Enter{Room: "x"}, "SetTitle 0, ShowPage", "form"},
		{Join{"Ana"}, "Start x Ana", "form, joining"},
		{tries(errors.New("refused")), "ShowPage", "form, joining; Can’t reach the server. Trying again in 4 s."},
	})
	if next, ok := s.machine.Next(); !ok || next.Sub(s.now) != time.Second {
		t.Errorf("the page is drawn anew in %v", next.Sub(s.now))
	}
	s.happen(Hidden{true})
	s.pass(time.Second)
	if _, ok := s.machine.Next(); ok {
		t.Error("the page is drawn anew while nobody looks")
	}
	s.happen(Hidden{false})
	if _, ok := s.machine.Next(); !ok {
		t.Error("the seconds stand still")
	}
}

func TestAPageWithoutAServerShowsTheRoomAsItWas(t *testing.T) {
	past := &Past{Room: board.Room{Users: []event.User{ana, ben}, Me: ana, Count: 2}, At: begin.Add(-time.Hour)}
	const offline = "You are offline. This is who was here when you last were. [Try now]"
	opened := func(more ...step) []step {
		return append([]step{
			{Enter{Room: "x", Past: past}, "SetTitle 0, Probe, ShowPage", "form"},
			{Probed{}, "StoreTyped", "past of 2, offline, as of 08:00:00; " + offline},
		}, more...)
	}
	for name, steps := range map[string][]step{
		"until there is one": opened(
			step{14 * time.Second, "", "past of 2, offline, as of 08:00:00; " + offline},
			step{time.Second, "Probe", "past of 2, offline, as of 08:00:00; " + offline},
			step{Probed{}, "StoreTyped", "past of 2, offline, as of 08:00:00; " + offline},
			step{Retry{}, "Probe", "past of 2, offline, as of 08:00:00; " + offline},
			step{Probed{Reached: true}, "", "form"},
			step{time.Minute, "", "form"},
		),
		"and asks for it only while somebody looks": opened(
			step{Hidden{true}, "", "past of 2, offline, as of 08:00:00; " + offline},
			step{time.Minute, "", "past of 2, offline, as of 08:00:00; " + offline},
			step{Hidden{false}, "Probe, CheckUpdate", "past of 2, offline, as of 08:00:00; " + offline},
		),
		"and joins when it is there": opened(
			step{Probed{Reached: true}, "", "form"},
			step{Join{"Ana"}, "Start x Ana", "form, joining"},
			step{tries(errors.New("refused")), "ShowPage", "past of 2, offline, as of 08:00:00; You are offline. You join as soon as the server can be reached. [Try now]"},
			step{Probed{}, "", "past of 2, offline, as of 08:00:00; You are offline. You join as soon as the server can be reached. [Try now]"},
			step{Retry{}, "Hurry", "past of 2, offline, as of 08:00:00; You are offline. You join as soon as the server can be reached. [Try now]"},
			step{connected(ana), "Arrived, StoreRoster x of 1, ShowPage, StoreSelf Ana", "room of 1"},
		),
		"behind something that answers in its place": opened(
			step{Probed{Intercepted: true}, "StoreTyped", "past of 2, offline, as of 08:00:00; Something between you and the server keeps you out. It may want you to sign in. [Sign in]"},
		),
		"until one leaves it for the form": opened(
			step{Leave{}, "CloseDialog", "form"},
		),
	} {
		t.Run(name, func(t *testing.T) { tell(t, steps) })
	}
}

func TestForgettingStoresNothingAfterwards(t *testing.T) {
	const asked = "StoreTyped, SetBadge 0, KeepAwake false, CloseDialog, SetTitle 0, ShowPage, Parted, ForgetDevice, EndSession"
	for name, steps := range map[string][]step{
		"with the server there": joined(
			step{Forget{}, "LeaveRoom, Abandon, " + asked, "form; You have left the room."},
			step{SessionEnded{Done: true}, "", "form; " + allForgotten},
			step{ended(client.ErrLeft), "", "form; " + allForgotten}, // which a page does not tell any more
			step{Hidden{true}, "", "form; " + allForgotten},
		),
		"without it": joined(
			step{Forget{}, "LeaveRoom, Abandon, " + asked, "form; You have left the room."},
			step{SessionEnded{}, "", "form; " + partlyForgotten},
			step{probePause, "EndSession", "form; " + partlyForgotten},
			step{SessionEnded{Done: true}, "", "form; " + allForgotten},
			step{time.Hour, "", "form; " + allForgotten},
		),
		"in a page that has not joined": {
			{Enter{Room: "x", Stored: Stored{Offered: "Ana"}}, "SetTitle 0, ShowPage", "form"},
			{Forget{}, asked, "form; You have left the room."},
		},
		"in another tab": joined(
			step{StoredChanged{Forgotten: true}, "LeaveRoom", "room of 2"},
			step{comes(eve), "", "room of 3"},
			step{Hidden{true}, "", "room of 3"},
			step{ended(client.ErrLeft), "StoreTyped, Abandon, SetBadge 0, KeepAwake false, CloseDialog, SetTitle 0, ShowPage, Parted", "form; You have left the room."},
		),
		"in another tab, and one goes elsewhere before one has left": joined(
			step{StoredChanged{Forgotten: true}, "LeaveRoom", "room of 2"},
			step{End{}, "Abandon, SetBadge 0, KeepAwake false", "form"},
		),
		"in another tab, and the browser puts the page aside": joined(
			step{StoredChanged{Forgotten: true}, "LeaveRoom", "room of 2"},
			step{Unloaded{Persisted: true}, "SetBadge 0, Stop and forget", "room of 2"},
			step{End{}, "SetBadge 0, KeepAwake false", "form"},
		),
		"without the server, and one goes to another room": joined(
			step{Forget{}, "LeaveRoom, Abandon, " + asked, "form; You have left the room."},
			step{SessionEnded{}, "", "form; " + partlyForgotten},
			step{End{}, "SetBadge 0, KeepAwake false", "form"},
			step{Enter{Room: "y"}, "SetTitle 0, ShowPage", "form"},
			step{Join{"Ben"}, "Start y Ben", "form, joining"},
			step{probePause, "EndSession", "form, joining"},
		),
		"while the browser had put the page aside": joined(
			step{Unloaded{Persisted: true}, "StoreRoster lobby of 2, SetBadge 0, Stop", "room of 2"},
			step{Hidden{true}, "", "room of 2"},
			step{Hidden{false}, "CheckUpdate", "room of 2"},
			step{End{}, "SetBadge 0, KeepAwake false", "form"},
		),
	} {
		t.Run(name, func(t *testing.T) { tell(t, steps) })
	}
}

func TestAnEarlierSessionIsEndedFirst(t *testing.T) {
	tell(t, []step{
		{SessionNotEnded{}, "EndSession", "form"},
		{Enter{Room: "x"}, "SetTitle 0, ShowPage", "form"},
		{SessionEnded{}, "", "form"},
		{probePause, "EndSession", "form"},
		{SessionEnded{Done: true}, "", "form"},
		{time.Hour, "", "form"},
	})
}

func TestAPageThatIsLookedAtAgainShowsTheTimeThen(t *testing.T) {
	s := tell(t, joined())
	s.happen(Hidden{true})
	s.pass(time.Hour)
	s.happen(Hidden{false})
	if at, want := s.machine.ShownAt(), s.now.Add(serverAhead); at.Sub(want).Abs() > time.Second {
		t.Errorf("it is shown as of %v, want %v", at, want)
	}
}

func TestABusyRoomIsCountedInTheTitle(t *testing.T) {
	s := tell(t, joined())
	var effects []Effect
	for range 10 {
		effects = append(effects, s.happen(comes(eve))...)
		effects = append(effects, s.happen(goes("e"))...)
		effects = append(effects, s.pass(proclaimPause/2)...)
	}
	if got := strings.Count(describe(effects), "SetTitle"); got < 3 {
		t.Errorf("the title is set %d times", got)
	}
}

func TestAPageThatTheBrowserLeavesKeepsTheRoom(t *testing.T) {
	tell(t, joined(
		step{Unloaded{}, "StoreRoster lobby of 2, SetBadge 0", "room of 2"},
	))
	tell(t, joined(
		step{Hidden{true}, "StoreRoster lobby of 2", "room of 2"},
		step{StoreNow{}, "StoreRoster lobby of 2", "room of 2"},
	))
}

func TestARosterThatDriftsRenewsThePage(t *testing.T) {
	drifts := func(s *story) any { s.status.Drift = errors.New("drift"); return s.heard() }
	tell(t, joined(
		step{drifts, "StoreRoster lobby of 2, Renew", "room of 2"},
		step{drifts, "", "room of 2"},
	))
}

func TestWhatIsStoredOfOneselfIsWhatOthersSee(t *testing.T) {
	me := ana
	me.Note = "Tea"
	s := tell(t, joined(
		step{answers(0, me), "StoreSelf Ana Tea", "room of 2"}, // from another tab
		step{answers(0, me), "", "room of 2"},
		step{lost, "StoreRoster lobby of 2", "room of 2"},
		step{answers(0, ana), "", "room of 2"}, // without a connection another tab may know better
	))
	if s.machine.stored.Offered != "Ana" {
		t.Errorf("the form offers %q", s.machine.stored.Offered)
	}
}

func TestThePageKnowsWhetherSomebodyElseHasBeenThere(t *testing.T) {
	s := tell(t, []step{
		{Enter{Room: "x"}, "SetTitle 0, ShowPage", "form"},
		{Join{"Ana"}, "Start x Ana", "form, joining"},
		{connected(ana), "Arrived, StoreRoster x of 1, ShowPage, StoreSelf Ana", "room of 1"},
	})
	if s.machine.Met() {
		t.Error("nobody has been there")
	}
	s.happen(comes(ben))
	s.happen(goes("b"))
	if !s.machine.Met() {
		t.Error("Ben has been there")
	}
}

func TestWhyAChangeWasRefusedOutlivesTheVisit(t *testing.T) {
	limited := event.Error{Code: event.CodeRateLimited, Message: "Too fast.", RetryAfter: 3000}
	tell(t, joined(
		step{answers(0, ana, limited), "", "room of 2; Too fast."},
		step{ended(client.ErrLeft), "StoreTyped, Stop, SetBadge 0, KeepAwake false, CloseDialog, SetTitle 0, ShowPage, Parted", "form; You have left the room.; Too fast."},
		step{4 * time.Second, "", "form; You have left the room."},
	))
}
