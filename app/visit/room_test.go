package visit

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"rollcall/app/board"
	"rollcall/shared/client"
	"rollcall/shared/event"
	"rollcall/shared/roster"
)

func TestAChangeOfOneselfWaitsForTheServer(t *testing.T) {
	note, name, busy := "Tea", "Ann", event.StatusBusy
	withNote, asAnn, asBusy := ana, ana, ana
	withNote.Note, asAnn.Name, asBusy.Status = note, name, busy
	refused := event.Error{Event: event.NameUpdateUser, Code: event.CodeBadName, Field: "name", Message: "Another, please."}
	edit := func(p event.Patch) Edit { return Edit{p} }
	open := step{Open{Dialog: Editor, ID: "a"}, "", "room of 2; dialog editor a"}
	for title, steps := range map[string][]step{
		"and closes the dialog then": joined(
			open,
			step{edit(event.Patch{Note: &note}), "Update", "room of 2; dialog editor a"},
			step{comes(eve), "", "room of 3; dialog editor a"},
			step{answers(1, withNote), "StoreSelf Ana Tea, CloseDialog", "room of 3; dialog editor a"},
			step{Closed{}, "Refocus a", "room of 3"},
		),
		"unless there is none": joined(
			open,
			step{edit(event.Patch{}), "CloseDialog", "room of 2; dialog editor a"},
		),
		"unless the name cannot be": joined(
			open,
			step{edit(event.Patch{Name: new("")}), "", "room of 2; dialog editor a: Please type a name."},
		),
		"and an editor that is opened anew has no problem yet": joined(
			open,
			step{edit(event.Patch{Name: new("")}), "", "room of 2; dialog editor a: Please type a name."},
			step{Closed{}, "Refocus a", "room of 2"},
			open,
		),
		"which may refuse it": joined(
			open,
			step{edit(event.Patch{Name: &name}), "Update", "room of 2; dialog editor a"},
			step{answers(1, ana, refused), "", "room of 2; dialog editor a: Another, please."},
			step{edit(event.Patch{Name: &name}), "Update", "room of 2; dialog editor a"},
			step{answers(2, asAnn), "StoreSelf Ann, CloseDialog", "room of 2; dialog editor a"},
		),
		"and a refusal is of the change that it has answered": joined(
			open,
			step{edit(event.Patch{Name: &name}), "Update", "room of 2; dialog editor a"},
			step{edit(event.Patch{Name: &name, Status: &busy}), "Update", "room of 2; dialog editor a"}, // corrected at once
			step{answers(1, ana, refused), "", "room of 2; dialog editor a"},
			step{answers(2, ana, refused), "", "room of 2; dialog editor a: Another, please."},
			step{answers(3, ana), "", "room of 2; dialog editor a: Another, please."}, // no status is stored
		),
		"a status that was chosen is stored": joined(
			open,
			step{edit(event.Patch{Status: &busy}), "Update", "room of 2; dialog editor a"},
			step{answers(1, asBusy), "StoreStatus busy, CloseDialog", "room of 2; dialog editor a"},
			step{Closed{}, "Refocus a", "room of 2"},
			step{answers(1, ana), "", "room of 2"},
		),
		"and one that was too much is still on its way": joined(
			open,
			step{edit(event.Patch{Note: &note}), "Update", "room of 2; dialog editor a"},
			step{answers(1, ana, event.Error{Event: event.NameUpdateUser, Code: event.CodeRateLimited, Message: "Too fast."}), "CloseDialog", "room of 2; dialog editor a"},
		),
		"or for the connection": joined(
			step{lost, "StoreRoster lobby of 2", "room of 2"},
			open,
			step{edit(event.Patch{Note: &note}), "Update, CloseDialog", "room of 2; The others see it when the connection is back.; dialog editor a"},
			step{Closed{}, "Refocus a", "room of 2; The others see it when the connection is back."},
			step{connected(ana, ben), "CheckUpdate", "room of 2; The others see it when the connection is back."},
			step{answers(1, withNote), "StoreSelf Ana Tea", "room of 2"},
		),
	} {
		t.Run(title, func(t *testing.T) { tell(t, steps) })
	}
}

func TestARefusedChangeThatNobodyWaitsForIsANotice(t *testing.T) {
	limited := event.Error{Event: event.NameUpdateUser, Code: event.CodeRateLimited, Message: "Too fast.", RetryAfter: 3000}
	other := event.Error{Code: event.CodeBadFrame, Message: "Something is odd."}
	s := tell(t, joined(
		step{answers(0, ana, limited), "", "room of 2; Too fast."},
		step{2 * time.Second, "SetTitle 2, SetBadge 2", "room of 2; Too fast."},
		step{time.Second, "", "room of 2"},
		step{answers(0, ana, other), "", "room of 2; Something is odd."},
		step{time.Hour, "SetTitle 2, SetBadge 2", "room of 2; Something is odd."},
		step{Dismiss{"Something is odd."}, "", "room of 2"},
		step{answers(0, ana, other), "", "room of 2; Something is odd."},
		step{answers(0, ana, event.Error{Code: event.CodeRestarting, Message: "Restarting."}), "", "room of 2; Something is odd."},
	))
	if said := s.machine.Said(); said != "Something is odd.\u00a0" {
		t.Errorf("a screen reader is told %q, which may be no change", said)
	}
}

func TestARemarkIsNotSaidAfterItIsOver(t *testing.T) {
	limited := event.Error{Event: event.NameUpdateUser, Code: event.CodeRateLimited, Message: "Too fast.", RetryAfter: 3000}
	s := tell(t, joined(step{answers(0, ana, limited), "", "room of 2; Too fast."}))
	if said := s.machine.Said(); said != "Too fast." {
		t.Errorf("a screen reader is told %q", said)
	}
	s.pass(3 * time.Second)
	if said := s.machine.Said(); said != "" {
		t.Errorf("it is over, and a screen reader is told %q", said)
	}
}

func TestOneDialogIsOpenAtATime(t *testing.T) {
	tell(t, joined(
		step{Open{Dialog: More}, "", "room of 2; dialog more"},
		step{Open{Dialog: Rooms}, "CloseDialog", "room of 2; dialog more"},
		step{Closed{}, "Refocus", "room of 2"},
		step{time.Millisecond, "", "room of 2; dialog rooms"},
		step{Closed{}, "Refocus", "room of 2"},
		step{Open{Dialog: Details, ID: "nobody"}, "", "room of 2"},
	))
	tell(t, joined( // one more before the next is there
		step{Open{Dialog: More}, "", "room of 2; dialog more"},
		step{Open{Dialog: Rooms}, "CloseDialog", "room of 2; dialog more"},
		step{Closed{}, "Refocus", "room of 2"},
		step{Open{Dialog: Invite}, "", "room of 2; dialog invite"},
		step{time.Millisecond, "CloseDialog", "room of 2; dialog invite"},
		step{Closed{}, "Refocus", "room of 2"},
		step{time.Millisecond, "", "room of 2; dialog rooms"},
	))
	past := &Past{Room: board.Room{Users: []event.User{ana, ben}, Me: ana, Count: 2}, At: begin}
	const offline = "past of 2, offline, as of 09:00:00; You are offline. This is who was here when you last were. [Try now]"
	tell(t, []step{
		{Enter{Room: "x", Past: past}, "SetTitle 0, Probe, ShowPage", "form"},
		{Probed{}, "StoreTyped", offline},
		{Open{Dialog: Editor, ID: "a"}, "", offline + "; You can change how others see you once the connection is back."},
		{Open{Dialog: Details, ID: "b"}, "", offline + "; You can change how others see you once the connection is back.; dialog person b"},
	})
}

func TestADialogAboutSomebodySaysWhenTheyLeft(t *testing.T) {
	s := tell(t, joined(step{Open{Dialog: Details, ID: "b"}, "", "room of 2; dialog person b"}))
	if p := s.machine.Person(); p.User.Name != "Ben" || !p.Here || !p.LeftAt.IsZero() {
		t.Errorf("they are %+v", p)
	}
	s.pass(time.Minute)
	s.happen(goes("b"))
	left := s.now.Add(serverAhead)
	if p := s.machine.Person(); p.User.Name != "Ben" || p.Here || p.LeftAt.Sub(left).Abs() > time.Second {
		t.Errorf("they are %+v, and have left at %v", p, left)
	}
	s.happen(comes(ben))
	if p := s.machine.Person(); !p.Here || !p.LeftAt.IsZero() {
		t.Errorf("they have come back, and are %+v", p)
	}
	s.happen(connected(ana)) // nobody has seen them leave
	if p := s.machine.Person(); p.Here || !p.LeftAt.IsZero() {
		t.Errorf("nobody has seen when they left, and they are %+v", p)
	}
}

func TestAScreenReaderHearsWhoComesAndGoes(t *testing.T) {
	s := tell(t, joined())
	s.happen(comes(eve))
	if s.machine.Said() != "" {
		t.Errorf("it hears %q at once", s.machine.Said())
	}
	s.pass(2 * time.Second)
	if said, want := s.machine.Said(), board.Isolate("Eve")+" joined, 3 here"; said != want {
		t.Errorf("it hears %q, want %q", said, want)
	}
}

func TestWhomOneAskedToBeToldAboutIsNewsOnce(t *testing.T) {
	told := Stored{Offered: "Ana", Self: Self{Name: "Ana"}, Told: []string{"b", "e"}}
	s := tell(t, []step{
		{Enter{Room: "x", Stored: told}, "SetTitle 0, ShowPage", "form"},
		{Join{"Ana"}, "Start x Ana", "form, joining"},
		{connected(ana, ben), "Arrived, StoreRoster x of 2, ShowPage", "room of 2"},
		{comes(eve), "Notify Eve", "room of 3"},
		{comes(event.User{ID: "c", Name: "Cleo"}), "", "room of 4"},
		{goes("e"), "", "room of 3"},
		{lost, "StoreRoster x of 3", "room of 3"},
		{connected(ana, ben, eve), "CheckUpdate, Notify Eve", "room of 3"},
		{goes("e"), "", "room of 2"},
		{StoredChanged{Stored: Stored{Offered: "Ana", Self: Self{Name: "Ana"}}}, "", "room of 2"},
		{comes(eve), "", "room of 3"},
		{StoredChanged{Stored: told}, "", "room of 3"}, // who is here already is no news
	})
	if !s.machine.Told("e") || s.machine.Told("c") {
		t.Error("the page does not know whom one asked to be told about")
	}
}

func TestInALargeRoomNobodyIsToldOf(t *testing.T) {
	tell(t, []step{
		{Enter{Room: "x", Stored: Stored{Self: Self{Name: "Ana"}, Told: []string{"20"}}}, "SetTitle 0, ShowPage", "form"},
		{Join{"Ana"}, "Start x Ana", "form, joining"},
		{large(0, 10), "Arrived, StoreRoster x of 1000, ShowPage", "room of 1000"},
		{large(0, event.MaxView), "", "room of 1000"}, // which brings 20 into sight
	})
}

func TestASearchInASmallRoomIsDoneByThePage(t *testing.T) {
	s := tell(t, joined(
		step{Search{" be "}, "", "room of 2"},
	))
	if n := s.machine.Board().Len(); n != 1 || s.machine.Query() != "be" {
		t.Errorf("%d are found for %q", n, s.machine.Query())
	}
	s.pass(2 * time.Second)
	if said := s.machine.Said(); said != "1 found" {
		t.Errorf("a screen reader hears %q", said)
	}
	s.happen(Search{""})
	if n := s.machine.Board().Len(); n != 2 {
		t.Errorf("%d are shown without a search", n)
	}
}

// large is a view of a room of 1000 people that answers a query. Reset is whether it
// is a snapshot.
func large(from, count int) func(*story) any {
	return func(s *story) any {
		s.status.Link, s.status.Joined = client.Connected, true
		h := s.heard(roster.Change{Kind: roster.Reset})
		h.Room = board.Room{Me: ana, Count: 1000, Total: 1000, Large: true, From: from}
		for i := range count {
			h.Room.Users = append(h.Room.Users, event.User{ID: fmt.Sprint(from + i), Name: "x", Since: int64(from + i + 10)})
		}
		return h
	}
}

func TestInALargeRoomTheServerSearches(t *testing.T) {
	s := tell(t, []step{
		{Enter{Room: "x"}, "SetTitle 0, ShowPage", "form"},
		{Join{"Ana"}, "Start x Ana", "form, joining"},
		{large(0, event.MaxView), "Arrived, StoreRoster x of 1000, ShowPage, StoreSelf Ana", "room of 1000"},
		{time.Second, "SetTitle 1000, SetBadge 1000", "room of 1000"},
		{Search{"b"}, "AskView from 0 b", "room of 1000"},
		{Search{"be"}, "", "room of 1000"}, // the answer is waited for
		{time.Second, "", "room of 1000"},
		{large(0, 3), "AskView from 0 be", "room of 1000"}, // which is of the search before
		{large(0, 2), "", "room of 1000"},
	})
	if q := s.machine.Board().Room().Query; q != "be" {
		t.Errorf("the board answers %q", q)
	}
}

func TestAViewThatIsRefusedOrNotAnsweredIsAskedForAgain(t *testing.T) {
	room := []step{
		{Enter{Room: "x"}, "SetTitle 0, ShowPage", "form"},
		{Join{"Ana"}, "Start x Ana", "form, joining"},
		{large(0, event.MaxView), "Arrived, StoreRoster x of 1000, ShowPage, StoreSelf Ana", "room of 1000"},
		{time.Second, "SetTitle 1000, SetBadge 1000", "room of 1000"},
		{Search{"b"}, "AskView from 0 b", "room of 1000"},
	}
	refuse := func(s *story) any {
		h := large(0, event.MaxView)(s).(Heard)
		h.Changes = nil
		h.Errors = []event.Error{{Event: event.NameView, Code: event.CodeRateLimited, RetryAfter: 2000}}
		return h
	}
	tell(t, append(slices.Clone(room),
		step{refuse, "", "room of 1000"},
		step{1900 * time.Millisecond, "SetTitle 1000, SetBadge 1000", "room of 1000"},
		step{200 * time.Millisecond, "AskView from 0 b", "room of 1000"},
	))
	refuseAtOnce := func(s *story) any {
		h := refuse(s).(Heard)
		h.Errors[0].RetryAfter = 0
		return h
	}
	tell(t, append(slices.Clone(room),
		step{refuseAtOnce, "", "room of 1000"},
		step{900 * time.Millisecond, "SetTitle 1000, SetBadge 1000", "room of 1000"},
		step{200 * time.Millisecond, "AskView from 0 b", "room of 1000"},
	))
	tell(t, append(slices.Clone(room),
		step{WantView{}, "", "room of 1000"},
		step{answerTime, "", "room of 1000"},
		step{time.Second, "AskView from 0 b", "room of 1000"},
	))
}

func TestBoxesThatHaveFadedAreTakenAway(t *testing.T) {
	s := tell(t, joined())
	s.happen(goes("b"))
	if !s.machine.Board().Fading() {
		t.Fatal("nobody fades")
	}
	s.pass(2 * board.Transition)
	if s.machine.Board().Fading() {
		t.Error("who has left is still there")
	}
	if _, ok := s.machine.Next(); ok {
		s.pass(10 * time.Second) // the news, and the count
	}
	if next, ok := s.machine.Next(); ok {
		t.Errorf("a page where nothing happens waits for %v", next.Sub(s.now))
	}
}

func TestTheTimesOnTheBoardAreTheServers(t *testing.T) {
	s := tell(t, joined())
	if at, want := s.machine.ServerNow(s.now), s.now.Add(serverAhead); at.Sub(want).Abs() > time.Millisecond {
		t.Errorf("it is %v, want %v", at, want)
	}
	s.happen(lost)
	lostAt := s.now.Add(serverAhead)
	s.pass(time.Minute)
	s.happen(Hidden{false})
	if at, past := s.machine.AsOf(); !past || at.Sub(lostAt).Abs() > time.Second {
		t.Errorf("it is shown as of %v, want %v", at, lostAt)
	}
}
