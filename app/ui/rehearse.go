package ui

import (
	"strconv"
	"time"

	"github.com/maxence-charriere/go-app/v9/pkg/app"

	"rollcall/app/board"
	"rollcall/shared/event"
	"rollcall/shared/roster"
)

// rehearsal is what the first look at a room needs, on people who are not
// there and with nothing shown. Browsers compile a function of the program
// when it is first called; all of them at once would hold up the very moment
// that somebody waits for. A step is a task of its own.
func rehearsal() []func() {
	users := make([]event.User, 60)
	for i := range users {
		users[i] = event.User{ID: strconv.Itoa(i), Name: "A " + strconv.Itoa(i), Since: int64(i + 1), Status: event.StatusBusy, Note: "n"}
	}
	snapshot := event.ExistingUsers{Self: "1", Room: "r", Epoch: "e", Users: users}
	var frame []byte
	var heard []event.Event
	var known roster.Roster
	b := new(board.Board)
	return []func(){
		func() {
			frame = event.Encode(snapshot, event.NewUser{User: users[0]}, event.UpdateUser{User: users[1]}, event.Room{})
		},
		func() { heard, _ = event.DecodeServer(frame) },
		func() {
			for _, e := range heard {
				known.Apply(e)
			}
		},
		func() {
			now := time.Now()
			b.Show(board.Room{Users: known.Users(), Me: users[1], Count: len(users)}, true, now)
			b.Lay(board.Layout{Columns: 2, Pitch: 100}, now)
		},
		func() {
			now := time.Now()
			b.Scroll(-1000, 400, now)
			b.Show(board.Room{Users: users[:50], Me: users[1], Count: 50}, false, now)
			b.Sweep(now)
		},
		func() { app.HTMLString(&Bar{Room: "r"}) },
		func() { app.HTMLString(&Tools{Search: true}) },
		func() { app.HTMLString(&Boxes{Board: b, Len: b.Len()}) },
	}
}

// rehearse goes through a rehearsal, unless the room itself is on.
func (p *Page) rehearse(steps []func()) {
	if len(steps) == 0 || p.asking || p.status.Joined {
		return
	}
	steps[0]()
	nextFrame(func() { p.rehearse(steps[1:]) })
}
