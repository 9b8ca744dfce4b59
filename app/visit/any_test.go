package visit

import (
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"rollcall/app/board"
	"rollcall/shared/client"
	"rollcall/shared/event"
)

// Whatever happens, in whatever order: the page is asked for nothing that it cannot do,
// and stores nothing, nor stays the same user, after it was to forget everything.
func TestWhateverHappensThePageCanCarryItOut(t *testing.T) {
	inputs := []any{
		Join{"Ana"}, Join{"Ben"}, Join{""}, Leave{}, Forget{}, Retry{},
		Edit{}, Edit{event.Patch{Note: new("Tea")}}, Edit{event.Patch{Name: new("")}}, Edit{event.Patch{Status: new(event.StatusBusy)}},
		Search{"b"}, Search{""}, Open{Dialog: More}, Open{Dialog: Editor, ID: "a"}, Open{Dialog: Details, ID: "b"}, Closed{}, Dismiss{"x"}, Say{"x"},
		End{}, Hidden{true}, Hidden{false}, Returned{}, NetworkChanged{}, Unloaded{}, Unloaded{Persisted: true}, StoreNow{},
		StoredChanged{}, StoredChanged{Forgotten: true}, WantView{}, Probed{}, Probed{Reached: true}, SessionNotEnded{}, SessionEnded{}, SessionEnded{Done: true},
		connected(ana), connected(ana, ben), connected(ana, ben, eve), partial(true), partial(false), large(0, event.MaxView), large(100, 20), lost, tries(errors.New("refused")), tries(client.ErrIntercepted),
		ended(client.ErrLeft), ended(errors.New("?")), ended(event.Error{Code: event.CodeBadName, Message: "No."}),
		answers(1, ana), answers(2, ana, event.Error{Event: event.NameUpdateUser, Code: event.CodeBadName, Field: "name"}),
		time.Millisecond, time.Second, 20 * time.Second,
	}
	past := &Past{Room: board.Room{Users: []event.User{ana, ben}, Me: ana, Count: 2}, At: begin}
	enter := []any{
		Enter{Room: "x"}, Enter{Room: "x", Past: past}, Enter{Room: "x", Wall: true}, Enter{Room: "x", Name: "Ana", Hidden: true},
		Enter{Room: "x", Reloaded: true, Stored: Stored{Offered: "Ana", Told: []string{"b"}}}, Enter{Room: "x", Submitted: true, Typed: "Ana"},
	}
	for seed := range uint64(500) {
		r := rand.New(rand.NewPCG(seed, 1))
		s := &story{t: t, machine: New(board.New(nil)), now: begin, people: []event.User{ana}}
		client, forgotten := false, false
		for range 200 {
			var effects []Effect
			switch input := inputs[r.IntN(len(inputs))]; in := input.(type) {
			case StoredChanged:
				forgotten = forgotten || in.Forgotten && client && !s.machine.wall
				effects = s.happen(input)
			case End:
				effects = append(s.happen(End{}), s.happen(enter[r.IntN(len(enter))])...)
			case func(*story) any:
				if !client {
					continue // a page drops what a client tells that it has ended
				}
				effects = s.happen(input)
			default:
				effects = s.happen(input)
			}
			for _, e := range effects {
				switch e := e.(type) {
				case Start:
					if client {
						t.Fatalf("seed %d: a second client", seed)
					}
					client, forgotten = true, false
					s.status.Answered, s.status.Joined, s.status.Link = 0, false, 0
				case Stop:
					if !client || forgotten && !e.Forget {
						t.Fatalf("seed %d: %+v, with a client: %v", seed, e, client)
					}
					client = false
				case Abandon, LeaveRoom, Hurry, Doubt, Update, AskView:
					if !client {
						t.Fatalf("seed %d: %T without a client", seed, e)
					}
					if _, drops := e.(Abandon); drops {
						client = false
					}
				case ForgetDevice:
					forgotten = true
				case StoreRoster, StoreSelf, StoreStatus:
					if forgotten {
						t.Fatalf("seed %d: %T after all was to be forgotten", seed, e)
					}
				}
			}
			s.shows()
		}
	}
}
