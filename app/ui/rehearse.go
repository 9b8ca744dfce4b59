package ui

import (
	"runtime"
	"strconv"
	"time"

	"github.com/maxence-charriere/go-app/v9/pkg/app"

	"rollcall/app/board"
	"rollcall/shared/event"
	"rollcall/shared/roster"
)

// Rehearsal draws a hidden room of invented people while the visitor types a name, a
// little at a time. A browser compiles a function of the program when it is called for
// the first time, and looks for a font when a script is shown for the first time.
// Without the rehearsal all of that would delay the first look at the real room.
type Rehearsal struct {
	app.Compo

	stage int
	known roster.Roster
	board board.Board
}

// OnMount begins, when the browser has nothing else to do.
func (r *Rehearsal) OnMount(ctx app.Context) {
	r.next(ctx)
}

// next goes on with the next stage, in a task of its own.
func (r *Rehearsal) next(ctx app.Context) {
	whenIdle(func() {
		ctx.Dispatch(func(ctx app.Context) {
			r.stage++
			if !r.act() {
				intend(ctx, rehearsedIntent{})
				return
			}
			ctx.Defer(r.next)
		})
	})
}

// act does what belongs to a stage. It reports false after the last one.
func (r *Rehearsal) act() bool {
	now := time.Now()
	show := func(n int) {
		users := r.known.Users()
		r.board.Show(board.Room{Users: users[:n], Me: users[1], Count: n}, false, now)
	}
	switch r.stage {
	case 1:
		r.hear()
		runtime.GC() // which comes sooner or later, and is much code of its own
	case 2: // the header
	case 3:
		r.board.Show(board.Room{}, true, now)
	case 4:
		show(6)
	case 5:
		show(7)
	case 6:
		show(6)
	case 7:
		r.board.Sweep(now.Add(board.Transition))
		r.board.Lay(board.Layout{Columns: 2, Pitch: 100}, now)
		show(60)
	case 8:
		r.board.Show(board.Room{Users: r.known.Users(), Large: true, Total: 600, Count: 600}, false, now)
		r.board.Scroll(-2000, 400)
		r.board.Grow(now)
		if view, more := r.board.Wants(); more {
			event.Encode(view)
		}
	case 9: // the people go, with their elements
		r.board.Show(board.Room{}, true, now)
	case 10: // everything goes
	default:
		return false
	}
	return true
}

// scripts are names for which the browser looks for different fonts.
var scripts = []string{"Ana", "山田", "Анна", "ليلى", "👩🏽‍🚀", "김", "राम"}

// hear is a frame from the server.
func (r *Rehearsal) hear() {
	users := make([]event.User, 60)
	for i := range users {
		users[i] = event.User{
			ID: strconv.Itoa(i), Name: scripts[i%len(scripts)] + " " + strconv.Itoa(i), Since: int64(i + 1),
			Status: event.StatusBusy, Note: "n",
		}
	}
	snapshot := event.ExistingUsers{Self: "1", Room: "r", Epoch: "e", Users: users}
	events, err := event.DecodeServer(event.Encode(snapshot, event.NewUser{User: users[0]}, event.UpdateUser{User: users[1]}, event.Room{}))
	if err != nil {
		return // never: it is our own
	}
	for _, e := range events {
		r.known.Apply(e)
	}
}

// Render draws the current stage, hidden.
func (r *Rehearsal) Render() app.UI {
	return app.Div().Class("rehearsal").Aria("hidden", true).Body(
		app.If(r.stage > 1 && r.stage < 10, &Bar{Room: "r"}, &Tools{Count: r.board.Len(), Search: true}),
		app.If(r.stage > 2 && r.stage < 10, &Boxes{Board: &r.board, Rev: r.board.Rev(), Len: r.board.Len()}),
	)
}
