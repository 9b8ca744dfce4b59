package ui

import (
	"strings"
	"testing"
	"time"

	"rollcall/app/board"
	"rollcall/shared/client"
	"rollcall/shared/event"
)

func TestWhatThePageSaysOfItsConnection(t *testing.T) {
	seen := &lastSeen{}
	for _, c := range []struct {
		name  string
		visit visit
		wall  bool
		want  link
		dated bool // the page says of what time it shows the room
	}{
		{name: "a wall that has just been opened", wall: true, want: connecting},
		{name: "a wall without a server", wall: true, visit: visit{status: client.Status{Link: client.Offline}}, want: offline},
		{name: "in the room", visit: visit{status: client.Status{Link: client.Connected, Joined: true}}, want: live},
		{name: "lost a moment ago", visit: visit{status: client.Status{Link: client.Connecting, Joined: true}}, want: live},
		{name: "the browser says that the network is gone", visit: visit{shaky: true, status: client.Status{Link: client.Connected, Joined: true, Doubtful: true}}, want: reconnecting},
		{name: "lost", visit: visit{shaky: true, status: client.Status{Link: client.Connecting, Joined: true}}, want: reconnecting, dated: true},
		{name: "away", visit: visit{shaky: true, status: client.Status{Link: client.Offline, Joined: true}}, want: offline, dated: true},
		{name: "the room as it was", visit: visit{seen: seen, cut: true}, want: offline, dated: true},
		{name: "the room as it was, and about to join", visit: visit{seen: seen, asking: true, status: client.Status{Link: client.Offline}}, want: offline, dated: true},
	} {
		p := &Page{visit: c.visit, at: place{wall: c.wall}}
		p.now = time.Now()
		if got := p.link(); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
		if got := p.asOf(); (got != "") != c.dated {
			t.Errorf("%s: as of %q", c.name, got)
		}
	}
}

func TestAWallSaysNoNumberBeforeItHasOne(t *testing.T) {
	for want, wall := range map[string]*Wall{
		"Who is here in x":            {Room: "x", Link: connecting},
		"0 people here in x":          {Room: "x", Known: true},
		"2 people here in x":          {Room: "x", Known: true, Count: 2},
		"2 people here at 09:05 in x": {Room: "x", Known: true, Count: 2, Link: offline, AsOf: "at 09:05"},
		"1 person here at 09:05 in x": {Room: "x", Known: true, Count: 1, Link: reconnecting, AsOf: "at 09:05"},
		"0 people here at 09:05 in x": {Room: "x", Known: true, Link: offline, AsOf: "at 09:05"},
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

func TestAPersonIsShownForWhatIsKnownOfThem(t *testing.T) {
	const now, minute = int64(1_000_000_000), int64(60_000)
	until := "until " + time.UnixMilli(now+10*minute).Add(time.Minute-1).Format("15:04")
	here := event.User{ID: "b", Name: "Ben", Since: now - 45*minute}
	busy, busier, short, brief := here, here, here, here
	busy.Status, busy.StatusSince = event.StatusBusy, now-12*minute
	busier.Status, busier.StatusSince, busier.Note, busier.Until = event.StatusBusy, now-12*minute, "On a call", now+10*minute
	short.Note, short.Until = "Tea", now+10*minute
	brief.Since, brief.Until = now, now+10*minute
	for _, c := range []struct {
		dialog           PersonDialog
		how, said, since string
		sign             bool
	}{
		{PersonDialog{User: busy}, "Busy for 12 min", "", "Came 45 min ago", true},
		{PersonDialog{User: busier}, "Busy for 12 min, " + until, "On a call", "Came 45 min ago", true},
		{PersonDialog{User: short}, "Here", "Tea " + until, "Came 45 min ago", true},
		{PersonDialog{User: brief}, "Here", "", "Came just now", true},
		{PersonDialog{User: busy, Gone: true}, "No longer here", "", "", false},
		{PersonDialog{User: short, Gone: true, Left: now - 3*minute}, "No longer here", "Tea", "Left 3 min ago", false},
		{PersonDialog{User: busy, Gone: true, AsOf: "at 09:05"}, "No longer here", "", "", false},
		{PersonDialog{User: busy, AsOf: "at 09:05"}, "Busy at 09:05", "", "Had been here for 45 min", false},
		{PersonDialog{User: busier, AsOf: "at 09:05"}, "Busy at 09:05, " + until, "On a call", "Had been here for 45 min", false},
		{PersonDialog{User: brief, AsOf: "on Friday 20 November, 09:05"}, "Here on Friday 20 November, 09:05", "", "Had just come", false},
	} {
		c.dialog.Now = now
		root := draw(t, &c.dialog)
		said := ""
		if p := find(root, class("said")); p != nil {
			said = words(p)
		}
		if how, since := words(find(root, class("how"))), words(find(root, class("since"))); how != c.how || said != c.said || since != c.since {
			t.Errorf("%+v: %q, %q, %q", c.dialog, how, said, since)
		}
		if past := find(root, class("past")) != nil; past == c.sign {
			t.Errorf("%+v: shown as one of the past: %v", c.dialog, past)
		}
	}
}

func TestARemarkGoesWhenWhatItSaysIsOver(t *testing.T) {
	over := false
	p := &Page{quiet: map[string]bool{}, board: new(board.Board)}
	p.note("It goes.", func() bool { return over })
	p.unnote()
	if list := p.notices(); len(list) != 1 || p.said != "It goes." {
		t.Errorf("%+v, said %q", list, p.said)
	}
	over = true
	p.unnote()
	if list := p.notices(); len(list) != 0 || p.said != "" {
		t.Errorf("it is over: %+v, said %q", list, p.said)
	}
	p.note("It stays.", nil)
	p.unnote()
	if list := p.notices(); len(list) != 1 {
		t.Errorf("nobody has put it away: %+v", list)
	}
}

func TestARefusalIsOfTheChangeThatTheServerHasAnswered(t *testing.T) {
	p := &Page{dialog: openIntent{which: editorDialog}}
	p.edit, p.chosen = edit{number: 2}, choice{2, event.StatusBusy}
	badName := []event.Error{{Code: event.CodeBadName, Message: "Another.", Event: event.NameUpdateUser, Field: "name"}}
	p.status.Answered = 1 // what was submitted before it was corrected
	p.refused(badName)
	if p.edit != (edit{number: 2}) || p.chosen.number != 2 {
		t.Errorf("the correction has become %+v, the choice %+v", p.edit, p.chosen)
	}
	p.status.Answered = 2
	p.refused(badName)
	if want := (edit{refusals: 1, field: "name", problem: "Another."}); p.edit != want || p.chosen != (choice{}) {
		t.Errorf("%+v, want %+v; the choice is %+v", p.edit, want, p.chosen)
	}
}
