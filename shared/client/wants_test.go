package client

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"rollcall/shared/event"
)

// Each story is what happens to a client's wants, and behind => what comes of it.
var stories = map[string]string{
	"a change is sent and acknowledged": `
		hello => {"ref":1,"name":"Ana","change":{"name":"Ana"}}
		next => nothing
		opened 1
		update {"note":"a"} => 1
		answered => 0
		next => update_user {"ref":2,"note":"a"}
		next => nothing
		answered => 0
		done 2
		answered => 1
		next => nothing`,

	"what is wanted meanwhile is sent as one when the first is answered": `
		joined
		update {"note":"a","status":"busy"} => 1
		next => update_user {"ref":2,"status":"busy","note":"a"}
		update {"note":"b"} => 2
		update {"name":"Anna","data":{"k":1}} => 3
		update {"note":"c","data":{"l":2}} => 4
		next => nothing
		done 2
		answered => 1
		next => update_user {"ref":3,"name":"Anna","note":"c","data":{"k":1,"l":2}}
		done 3
		answered => 4`,

	"a change that changes nothing is sent all the same": `
		joined
		see {"id":"a","name":"Ana","note":"a","since":1}
		update {"note":"a"} => 1
		next => update_user {"ref":2,"note":"a"}`,

	"what the connection was lost with goes with the next hello under its ref": `
		joined
		update {"note":"a"} => 1
		next => update_user {"ref":2,"note":"a"}
		update {"note":"b"} => 2
		lost
		update {"note":"c"} => 3
		hello => {"ref":2,"name":"Ana","change":{"note":"a"}}
		lost
		hello => {"ref":2,"name":"Ana","change":{"note":"a"}}
		opened 2
		answered => 1
		next => update_user {"ref":3,"note":"c"}
		done 3
		answered => 3
		lost
		hello => {"name":"Ana"}`,

	"what waits while the connection is away goes with the next hello": `
		joined
		lost
		update {"note":"a"} => 1
		update {"status":"busy"} => 2
		hello => {"ref":2,"name":"Ana","change":{"status":"busy","note":"a"}}
		update {"note":"b"} => 3
		next => nothing
		opened 2
		next => update_user {"ref":3,"note":"b"}`,

	"a hello that is answered by another ref has not been heard": `
		hello => {"ref":1,"name":"Ana","change":{"name":"Ana"}}
		opened 0
		update {"note":"a"} => 1
		next => nothing
		lost
		hello => {"ref":1,"name":"Ana","change":{"name":"Ana"}}`,

	"another tab's word in between is not undone": `
		joined
		update {"note":"a"} => 1
		next => update_user {"ref":2,"note":"a"}
		lost
		see {"id":"a","name":"Ana","note":"by another tab","since":1}
		hello => {"ref":2,"name":"Ana","note":"by another tab","change":{"note":"a"}}
		opened 2
		see {"id":"a","name":"Ana","note":"by another tab","since":1}
		next => nothing
		lost
		hello => {"name":"Ana","note":"by another tab"}`,

	"the last change with the field that was refused is dropped and the others are sent again": `
		joined
		update {"status":"busy"} => 1
		next => update_user {"ref":2,"status":"busy"}
		update {"name":"B","note":"a"} => 2
		update {"name":"","note":"b"} => 3
		update {"note":"c"} => 4
		done 2
		next => update_user {"ref":3,"name":"","note":"c"}
		update {"data":{"k":1}} => 5
		error {"code":"bad_name","event":"update_user","field":"name","ref":3} =>
		answered => 1
		next => update_user {"ref":4,"name":"B","note":"c","data":{"k":1}}
		done 4
		answered => 5`,

	"a refusal of data is about all its keys": `
		joined
		update {"data":{"k":1}} => 1
		next => update_user {"ref":2,"data":{"k":1}}
		error {"code":"bad_event","event":"update_user","field":"data.k","ref":2} =>
		answered => 1
		next => nothing`,

	"data that is none is refused at once": `
		joined
		update {"data":[]} => data is refused
		answered => 1
		update {"data":{ "l": 1e1, "k": null }} => 2
		next => update_user {"ref":2,"data":{"k":null,"l":10}}
		done 2
		update {"data":{}} => 3
		next => update_user {"ref":3}`,

	"a refusal without a field drops all that was sent": `
		joined
		lost
		update {"note":"a"} => 1
		update {"note":"b"} => 2
		hello => {"ref":2,"name":"Ana","change":{"note":"b"}}
		opened 0
		update {"note":"c"} => 3
		error {"code":"not_joined","event":"update_user","ref":2} =>
		answered => 2
		next => update_user {"ref":3,"note":"c"}`,

	"a refusal without a ref is about the only change that is sent": `
		joined
		update {"note":"a"} => 1
		next => update_user {"ref":2,"note":"a"}
		error {"code":"bad_event","event":"update_user","field":"note"} =>
		answered => 1`,

	"a refusal of something else, or of long ago, is nothing": `
		joined
		update {"note":"a"} => 1
		next => update_user {"ref":2,"note":"a"}
		error {"code":"bad_event","event":"update_user","field":"note","ref":1} =>
		error {"code":"bad_event","event":"view","field":"query"} =>
		error {"code":"rate_limited","event":"update_user"} =>
		answered => 0
		done 1
		answered => 0`,

	"what was dropped as too much is sent again with what came after it": `
		joined
		update {"note":"a","status":"busy"} => 1
		next => update_user {"ref":2,"status":"busy","note":"a"}
		update {"note":"b"} => 2
		error {"code":"rate_limited","event":"update_user","ref":2} => dropped
		update {"name":"B"} => 3
		next => nothing
		answered => 0
		release
		next => update_user {"ref":3,"name":"B","status":"busy","note":"b"}
		done 2
		answered => 0
		done 3
		answered => 3`,

	"what was dropped as too much before the connection is lost waits no longer": `
		joined
		update {"note":"a"} => 1
		next => update_user {"ref":2,"note":"a"}
		error {"code":"rate_limited","event":"update_user","ref":2} => dropped
		lost
		hello => {"ref":3,"name":"Ana","change":{"note":"a"}}`,

	"a hello is said again without what it was refused for": `
		joined
		lost
		update {"note":"a"} => 1
		update {"note":"b","status":"busy"} => 2
		hello => {"ref":2,"name":"Ana","change":{"status":"busy","note":"b"}}
		amend note => true
		hello => {"ref":3,"name":"Ana","change":{"note":"a"}}
		amend note => true
		hello => {"name":"Ana"}
		amend note => false
		opened 0
		answered => 2`,

	"a hello that was refused for an end is said again without what was to end": `
		joined
		lost
		update {"note":"back at two","status":"busy","name":"B","until":5} => 1
		update {"data":{"k":1}} => 2
		hello => {"ref":2,"name":"Ana","change":{"name":"B","status":"busy","note":"back at two","until":5,"data":{"k":1}}}
		amend until => true
		hello => {"ref":3,"name":"Ana","change":{"data":{"k":1}}}`,

	"a hello that was refused for a key of the data is said again without data": `
		joined
		lost
		update {"data":{"k":1,"l":2}} => 1
		update {"note":"a"} => 2
		hello => {"ref":2,"name":"Ana","change":{"note":"a","data":{"k":1,"l":2}}}
		amend data.k => true
		hello => {"ref":3,"name":"Ana","change":{"note":"a"}}
		amend data.k => false`,

	"a later name is taken back from a hello, the one to join with cannot be": `
		update {"name":"Bad"} => 1
		hello => {"ref":1,"name":"Ana","change":{"name":"Bad"}}
		amend name => true
		hello => {"ref":2,"name":"Ana","change":{"name":"Ana"}}
		amend name => false
		amend room => false
		amend => false`,

	"who one is is as one was seen last": `
		joined
		see {"id":"a","name":"Bob","note":"n","status":"busy","since":1,"until":99999,"data":{"k":1}}
		lost
		hello => {"name":"Bob","status":"busy","note":"n","until":99999,"data":{"k":1}}`,

	"away is by hand if it was said here and is so still": `
		joined
		see {"id":"a","name":"Ana","status":"away","since":1}
		lost
		hello => {"name":"Ana"}
		opened 0
		update {"status":"away"} => 1
		next => update_user {"ref":2,"status":"away"}
		lost
		hello => {"ref":2,"name":"Ana","change":{"status":"away"}}
		opened 2
		see {"id":"a","name":"Ana","status":"away","since":1}
		lost
		hello => {"name":"Ana","status":"away"}
		opened 0
		see {"id":"a","name":"Ana","since":1}
		see {"id":"a","name":"Ana","status":"away","since":1}
		lost
		hello => {"name":"Ana"}`,

	"of views and activity one each is sent, and then the last word": `
		joined
		view {"from":1}
		active true
		next => view {"ref":2,"from":1}
		next => active {"ref":3,"active":true}
		view {"from":2}
		view {"from":3,"ref":9}
		active false
		active true
		next => nothing
		done 2
		next => view {"ref":4,"from":3}
		next => nothing
		done 3
		next => active {"ref":5,"active":true}
		done 5
		next => nothing`,

	"views and activity are said anew on a new connection": `
		view {"query":"b"}
		active false
		hello => {"ref":1,"name":"Ana","change":{"name":"Ana"}}
		next => nothing
		opened 1
		next => view {"ref":2,"query":"b"}
		next => active {"ref":3,"active":false}
		next => nothing
		lost
		hello => {"name":"Ana"}
		opened 0
		next => view {"ref":4,"query":"b"}
		view {}
		done 4
		next => view {"ref":5}
		next => active {"ref":6,"active":false}
		lost
		hello => {"name":"Ana"}
		opened 0
		next => active {"ref":7,"active":false}
		next => nothing`,

	"of views that were dropped as too much the last is sent again": `
		joined
		view {"from":1}
		active true
		next => view {"ref":2,"from":1}
		next => active {"ref":3,"active":true}
		error {"code":"rate_limited","event":"view","ref":2} => dropped
		error {"code":"rate_limited","event":"active","ref":3} => dropped
		next => nothing
		view {"from":2}
		next => nothing
		release
		next => view {"ref":4,"from":2}
		next => active {"ref":5,"active":true}
		next => nothing`,

	"a view that is refused is not said again": `
		joined
		view {"query":"long"}
		next => view {"ref":2,"query":"long"}
		error {"code":"bad_event","event":"view","field":"query","ref":2} =>
		next => nothing
		lost
		hello => {"name":"Ana"}
		opened 0
		next => nothing
		view {"query":"long"}
		next => view {"ref":3,"query":"long"}
		view {"query":"short"}
		error {"code":"bad_event","event":"view","field":"query","ref":3} =>
		next => view {"ref":4,"query":"short"}`,

	"a snapshot that is asked for waits for no release": `
		joined
		ask
		next => view {"ref":2}
		done 2
		view {"from":1}
		next => view {"ref":3,"from":1}
		error {"code":"rate_limited","event":"view","ref":3} => dropped
		ask
		next => view {"ref":4,"from":1}
		next => nothing`,

	"a snapshot that was asked for comes with the next hello": `
		joined
		ask
		lost
		hello => {"name":"Ana"}
		opened 0
		next => nothing`,
}

func TestWhatAClientWants(t *testing.T) {
	for name, story := range stories {
		t.Run(name, func(t *testing.T) {
			w := new(wants)
			w.join(event.Named("Ana"))
			for line := range strings.Lines(story) {
				happens, want, _ := strings.Cut(strings.TrimSpace(line), "=>")
				happens, want = strings.TrimSpace(happens), strings.TrimSpace(want)
				if happens == "" {
					continue
				}
				if got := happen(t, w, happens); got != want {
					t.Fatalf("%s: it is %s, want %s", happens, got, want)
				}
			}
		})
	}
}

// happen has something happen to wants and returns what comes of it.
func happen(t *testing.T, w *wants, what string) string {
	verb, about, _ := strings.Cut(what, " ")
	switch verb {
	case "update":
		number, refusal := w.update(parse[event.Patch](t, about))
		if refusal != nil {
			return refusal.Field + " is refused"
		}
		return fmt.Sprint(number)
	case "view":
		w.view.set(parse[event.View](t, about))
	case "active":
		w.active.set(parse[bool](t, about))
	case "ask":
		w.requestSnapshot()
	case "hello":
		change, ref := w.hello()
		return data(event.GotANewUser{Ref: ref, Patch: w.identity(), Wanted: change})
	case "opened":
		w.done(parse[event.Ref](t, about))
		w.helloAnswered()
	case "joined":
		w.hello()
		w.done(1)
		w.helloAnswered()
	case "next":
		e := w.next()
		if e == nil {
			return "nothing"
		}
		return e.EventName() + " " + data(e)
	case "done":
		w.done(parse[event.Ref](t, about))
	case "error":
		if w.refused(parse[event.Error](t, about)) {
			return "dropped"
		}
	case "amend":
		return fmt.Sprint(w.amend(about))
	case "see":
		w.setSelf(parse[event.User](t, about))
	case "answered":
		return fmt.Sprint(w.answered())
	case "release":
		w.release()
	case "lost":
		w.lost()
	default:
		t.Fatalf("what is %q?", verb)
	}
	return ""
}

func parse[T any](t *testing.T, text string) (value T) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return value
}

// data is an event's as it travels.
func data(e event.Event) string {
	var frame []struct{ Data json.RawMessage }
	if err := json.Unmarshal(event.Encode(e), &frame); err != nil {
		panic(err)
	}
	return string(frame[0].Data)
}

func TestAChangeThatNoHelloCanHoldIsNotTaken(t *testing.T) {
	var w wants
	long := strings.Repeat(`"`, maxChange/2)
	if _, refusal := w.update(event.Patch{Note: &long}); refusal == nil {
		t.Error("it is taken")
	}
	if w.answered() != 1 {
		t.Error("it is not over")
	}
}

func TestChangesThatNoEventHoldsTogetherGoOneAfterAnother(t *testing.T) {
	var w wants
	w.join(event.Named("Ana"))
	w.hello()
	w.done(1)
	w.helloAnswered()
	long := strings.Repeat("a", maxChange*2/3)
	key := func(name string) event.Patch {
		return event.Patch{Data: event.Data(`{"` + name + `":"` + long[:event.MaxData*2/3] + `"}`)}
	}
	for _, change := range []event.Patch{{Name: &long}, {Note: &long}, key("k"), key("l")} {
		if _, refusal := w.update(change); refusal != nil {
			t.Fatal(refusal)
		}
	}
	for i, want := range []int{1, 3, 4} {
		if e := w.next(); e == nil || len(event.Encode(e)) > event.MaxFrame/2 {
			t.Fatalf("event %d is %.100v", i, e)
		}
		w.done(w.ref)
		if got := w.answered(); got != want {
			t.Errorf("with event %d, %d are answered, want %d", i, got, want)
		}
	}
}

func TestManyChangesThatWaitAreMerged(t *testing.T) {
	var w wants
	w.join(event.Named("Ana"))
	for i := range 3 * maxWaiting {
		if _, refusal := w.update(event.Patch{Note: new(fmt.Sprint(i))}); refusal != nil {
			t.Fatal(refusal)
		}
	}
	if len(w.waiting) != maxWaiting {
		t.Errorf("%d wait", len(w.waiting))
	}
	if change, _ := w.hello(); *change.Name != "Ana" || *change.Note != fmt.Sprint(3*maxWaiting-1) {
		t.Errorf("they are %+v", change)
	}
	w.done(w.ref)
	if w.answered() != 3*maxWaiting {
		t.Errorf("%d are answered", w.answered())
	}
}

func TestChangesThatCannotBeMergedAreNotKeptForEver(t *testing.T) {
	var w wants
	long := strings.Repeat("a", maxChange*2/3)
	for i := range maxWaiting + 10 {
		change := event.Patch{Name: &long}
		if i%2 == 0 {
			change = event.Patch{Note: &long}
		}
		if _, refusal := w.update(change); (refusal != nil) != (i >= maxWaiting) {
			t.Fatalf("change %d: %v", i, refusal)
		}
	}
	w.hello()
	w.done(w.ref)
	if _, refusal := w.update(event.Patch{Name: &long}); refusal != nil {
		t.Error("it is full though one is done")
	}
}
