package client

import (
	"fmt"
	"slices"
	"strings"

	"rollcall/shared/event"
)

const (
	// maxChange is the largest change, in bytes as JSON. It is less than half a
	// frame, because a hello has who one is beside it. What a server takes is
	// far shorter.
	maxChange = event.MaxFrame/2 - 1<<10
	// maxWaiting is how many changes wait one by one. More are merged, and then
	// a refusal of one of them takes those merged with it along.
	maxWaiting = 256
)

// wants is what a client wants to be different on the server. Each change waits,
// or is sent under a ref and not answered yet, or is over.
//
// At most one change, one view and one activity are sent and not answered at a
// time. So a client that changes fast sends no more than the server answers. When
// the connection is lost, the client knows which change the server may or may not
// have done. It sends that change again under the same ref, and the server does no
// ref twice. Of views and activities only the latest counts; each connection is
// sent it anew.
//
// It has no lock, no clock and no I/O.
type wants struct {
	me     event.User // the client's own entry as last seen; before the first snapshot only the name
	byHand bool       // the client itself set the status away; it is not by inactivity

	ref     event.Ref // the last ref that was used
	updates int       // how many calls of update there were

	sent    []pending // the change that is sent and not answered; none if sentRef is 0
	sentRef event.Ref // its ref
	waiting []pending // what comes after it, oldest first
	held    bool      // the server has dropped a change as too much: wait for release

	view   latest[event.View]
	active latest[bool]
	open   bool // the hello of this connection is answered: more may be sent
}

// pending is one change as it was asked for. It is done or refused as a whole.
type pending struct {
	event.Patch
	number int  // of the Update; 0 for the patch that the client joins with
	joins  bool // it is the patch that the client joins with
}

// latest is something of which only the latest value counts.
type latest[T any] struct {
	value   T
	everSet bool      // it was ever set
	unsent  bool      // it is to be sent
	held    bool      // the server has dropped it as too much: wait for release
	ref     event.Ref // of the one that is sent and not answered; 0 is none
}

// join sets what the client joins with, which has a name. The error is an
// event.Error.
func (w *wants) join(as event.Patch) error {
	w.me = event.User{Name: *as.Name}
	as, err := canonical(as)
	if err != nil {
		return event.Error{Code: event.CodeBadEvent, Message: err.Error(), Event: event.NameGotANewUser, Field: "data"}
	}
	w.waiting = []pending{{Patch: as, joins: true}}
	return nil
}

// update adds a change and returns its number: they count from 1. One that cannot
// be sent is refused.
func (w *wants) update(change event.Patch) (number int, refusal *event.Error) {
	w.updates++
	refuse := func(field, message string) (int, *event.Error) {
		return w.updates, &event.Error{Code: event.CodeBadEvent, Message: message, Event: event.NameUpdateUser, Field: field}
	}
	change, err := canonical(change)
	switch {
	case err != nil:
		return refuse("data", err.Error())
	case !fits(change):
		return refuse("", fmt.Sprintf("A change may have at most %d bytes as JSON; shorten the name, the note or the data.", maxChange))
	case len(w.waiting) >= maxWaiting && !w.mergeTwo():
		return refuse("", "Too many changes wait to be sent; try again when the connection is back.")
	}
	w.waiting = append(w.waiting, pending{Patch: change, number: w.updates})
	return w.updates, nil
}

// canonical is a change with its data as it travels. The error is for a person.
func canonical(change event.Patch) (event.Patch, error) {
	if change.Data == "" {
		return change, nil
	}
	data, err := event.ParseData(string(change.Data))
	change.Data = data
	return change, err
}

// fits reports whether a change can be sent. Changes that are allowed one after
// the other may together have more data than the server takes at once.
func fits(change event.Patch) bool {
	return len(event.Encode(event.ChangeUser{Patch: change})) <= maxChange && len(change.Data) <= event.MaxData
}

// mergeTwo merges the oldest two of those waiting that fit together. It reports
// false if there are none.
func (w *wants) mergeTwo() bool {
	for i := range len(w.waiting) - 1 {
		first, second := &w.waiting[i], w.waiting[i+1]
		if both := first.Then(second.Patch); fits(both) {
			first.Patch = both
			w.waiting = slices.Delete(w.waiting, i+1, i+2)
			return true
		}
	}
	return false
}

// answered is the number of the last Update that is over, and with it all before.
func (w *wants) answered() int {
	for _, list := range [][]pending{w.sent, w.waiting} {
		if len(list) > 0 {
			return max(0, list[0].number-1)
		}
	}
	return w.updates
}

// identity is the user for a hello. The server uses it if the room does not have
// the session.
func (w *wants) identity() event.Patch {
	me := w.me
	if me.Status == event.StatusAway && !w.byHand {
		me.Status = event.StatusHere
	}
	is := event.Diff(event.User{}, me)
	is.Name = &me.Name
	return is
}

// setSelf takes over the client's own entry from the roster.
func (w *wants) setSelf(me event.User) {
	w.me = me
	w.byHand = w.byHand && me.Status == event.StatusAway
}

// hello returns what goes with the hello of a connection, and its ref: the change
// that the last connection was lost with, else what waits. It is nil for none.
func (w *wants) hello() (*event.Patch, event.Ref) {
	if w.sentRef == 0 && !w.send() {
		return nil, 0
	}
	return new(sum(w.sent)), w.sentRef
}

// helloAnswered says that more may be sent.
func (w *wants) helloAnswered() {
	w.open = true
	w.view.unsent = w.view.unsent || w.view.value != event.View{}
	w.active.unsent = w.active.everSet
}

// next returns what is to be sent now; it counts as sent then. It is nil for
// nothing.
func (w *wants) next() event.Event {
	switch {
	case !w.open:
	case w.sentRef == 0 && !w.held && w.send():
		return event.ChangeUser{Ref: w.sentRef, Patch: sum(w.sent)}
	case w.view.due():
		view := w.view.value
		view.Ref = w.view.send(w.nextRef())
		return view
	case w.active.due():
		return event.Active{Ref: w.active.send(w.nextRef()), Active: w.active.value}
	}
	return nil
}

// send takes from what waits as much as fits into one event. It reports false if
// nothing waits.
func (w *wants) send() bool {
	n, all := 0, event.Patch{}
	for _, u := range w.waiting {
		if all = all.Then(u.Patch); n > 0 && !fits(all) {
			break
		}
		n++
	}
	if n == 0 {
		return false
	}
	w.sent, w.waiting = w.waiting[:n:n], w.waiting[n:]
	w.sentRef = w.nextRef()
	return true
}

// requeue puts back what was sent, to be sent under another ref.
func (w *wants) requeue() {
	w.waiting = append(slices.Clip(w.sent), w.waiting...)
	w.sent, w.sentRef = nil, 0
}

func (w *wants) nextRef() event.Ref {
	w.ref++
	return w.ref
}

// sum is the patch that a list of them comes to.
func sum(list []pending) (all event.Patch) {
	for _, u := range list {
		all = all.Then(u.Patch)
	}
	return all
}

// done takes in that all is done up to a ref.
func (w *wants) done(ref event.Ref) {
	if w.sentRef <= ref {
		if status := sum(w.sent).Status; status != nil {
			w.byHand = *status == event.StatusAway
		}
		w.sent, w.sentRef = nil, 0
	}
	w.view.done(ref)
	w.active.done(ref)
}

// refused takes in an error about something that was sent. It reports whether
// that was dropped as too much, and is to be sent again after release.
func (w *wants) refused(e event.Error) (dropped bool) {
	dropped = e.Code == event.CodeRateLimited
	switch {
	case isAbout(e, w.sentRef, event.NameUpdateUser):
		switch i := w.culprit(e.Field); {
		case dropped:
			w.requeue()
			w.held = true
		case i < 0:
			w.sent, w.sentRef = nil, 0
		default:
			w.sent = slices.Delete(w.sent, i, i+1)
			w.requeue()
		}
	case isAbout(e, w.view.ref, event.NameView):
		w.view.refused(dropped)
	case isAbout(e, w.active.ref, event.NameActive):
		w.active.refused(dropped)
	default:
		return false
	}
	return dropped
}

// isAbout reports whether an error is about what was sent under a ref, 0 for
// nothing. An error without a ref is about the one of its kind; but what was
// dropped as too much is then not known.
func isAbout(e event.Error, ref event.Ref, name string) bool {
	if e.Ref == 0 {
		return ref != 0 && e.Event == name && e.Code != event.CodeRateLimited
	}
	return e.Ref == ref
}

// culprit is the last of what was sent that has a field, -1 if none has. What
// comes before it was replaced in that field.
func (w *wants) culprit(field string) int {
	field = base(field)
	for i := len(w.sent) - 1; i >= 0; i-- {
		for _, name := range w.sent[i].Fields() {
			if base(name) == field {
				return i
			}
		}
	}
	return -1
}

// base is the name of a field without what is inside of it, as in data.key.
func base(field string) string {
	name, _, _ := strings.Cut(field, ".")
	return name
}

// amend takes from a hello that was refused what it was refused for: the whole
// Update, or the field of what one joins with. It reports false if it would not be
// better then.
func (w *wants) amend(field string) bool {
	field = base(field)
	i := w.culprit(field)
	switch {
	case i < 0 || field == "name" && w.sent[i].joins:
		return false
	case !w.sent[i].joins:
		w.sent = slices.Delete(w.sent, i, i+1)
	default:
		u := &w.sent[i]
		u.Patch = u.Without(field)
		if field == "until" { // what was to end then has ended
			u.Patch = u.Without("status").Without("note")
		}
	}
	w.requeue()
	return true
}

// release allows to send again what the server has dropped.
func (w *wants) release() { w.held, w.view.held, w.active.held = false, false, false }

// lost says that the connection has ended. A change without an answer stays sent:
// the next hello has it again, under the same ref.
func (w *wants) lost() {
	w.release()
	w.open, w.view.ref, w.active.ref = false, 0, 0
	w.view.unsent = false // a hello is answered by a snapshot
}

// requestSnapshot asks for a snapshot, even while views are held back.
func (w *wants) requestSnapshot() { w.view.unsent, w.view.held = true, false }

// set replaces the value.
func (l *latest[T]) set(value T) { l.value, l.everSet, l.unsent = value, true, true }

func (l *latest[T]) due() bool { return l.unsent && !l.held && l.ref == 0 }

func (l *latest[T]) send(ref event.Ref) event.Ref {
	l.ref, l.unsent = ref, false
	return ref
}

func (l *latest[T]) done(ref event.Ref) {
	if l.ref <= ref {
		l.ref = 0
	}
}

func (l *latest[T]) refused(dropped bool) {
	switch l.ref = 0; {
	case dropped:
		l.unsent, l.held = true, true // a later value, if there is one
	case !l.unsent:
		*l = latest[T]{} // on the next connection it would be refused again
	}
}
