package ui

import (
	"testing"
	"time"

	"rollcall/shared/event"
)

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
