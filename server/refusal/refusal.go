// Package refusal is the one list of what the server refuses, drops and cuts.
// For each reason its table has a name, what is done and what a person is told.
// Whoever refuses something names the reason, and adds what only they know.
package refusal

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"rollcall/shared/event"
)

// Outcome is what is done about what is refused.
type Outcome uint8

// What can be done.
const (
	Answered Outcome = iota + 1 // the request is answered over HTTP, and no WebSocket begins
	Told                        // an error event says so, and the connection stays open
	Dropped                     // the same, but of events without a ref it is said once in a while only: answers to a flood must not be one
	Ended                       // an error event says so, and a close frame follows
	Cut                         // the connection ends without an error event
)

// Error is one thing that was refused. What it leaves out is as the table says.
type Error struct {
	Reason Reason
	// Event is the name of the event that was refused, and Ref its ref; see
	// [Error.Of].
	Event string
	Ref   event.Ref
	// Field is the field of it that was at fault.
	Field string
	// Detail stands in the message where the table leaves a place for it.
	Detail any
	// RetryAfter is how long to wait until another try makes sense.
	RetryAfter time.Duration
}

// Of returns e as the refusal of an event, unless its reason is about the
// connection as a whole. What the client is to know of the event it sent is
// taken here and nowhere else.
func (e Error) Of(refused event.Event) Error {
	if !table[e.Reason].whole {
		e.Event, e.Ref = refused.EventName(), event.RefOf(refused)
	}
	return e
}

// Outcome returns what is to be done. What an open connection survives in a
// change may end it in a hello.
func (e Error) Outcome() Outcome {
	row := table[e.Reason]
	hello := e.Event == event.NameGotANewUser || e.Event == event.NameWatch
	if row.outcome == Told && row.close != 0 && hello {
		return Ended
	}
	return row.outcome
}

// CloseCode returns what the close frame says, if the connection ends by one.
func (e Error) CloseCode() event.CloseCode { return table[e.Reason].close }

// Message returns what a person is told: what happened and what to do.
func (e Error) Message() string {
	return strings.Replace(table[e.Reason].message, place, fmt.Sprint(e.Detail), 1)
}

// Error is the reason's name and the message, for a log.
func (e Error) Error() string { return e.Reason.String() + ": " + e.Message() }

// Encoded returns the error event as a client is sent it.
func (e Error) Encoded() event.Error {
	row := table[e.Reason]
	return event.Error{
		Code:       row.code,
		Message:    e.Message(),
		Ref:        e.Ref,
		Event:      e.Event,
		Field:      orDefault(e.Field, row.field),
		RetryAfter: e.wait().Milliseconds(),
	}
}

// wait is how long the client has to. What was measured is rounded up, since who
// comes too early is refused again.
func (e Error) wait() time.Duration {
	if e.RetryAfter > 0 {
		return e.RetryAfter.Truncate(time.Millisecond) + time.Millisecond
	}
	return table[e.Reason].retry
}

// Observer is told of each refusal once, from any goroutine, after it was made
// and without a lock held. One that blocks holds up the connection that it is
// about. nil is nobody.
type Observer func(Reason)

// Observe tells the observer, if there is one.
func (o Observer) Observe(reason Reason) {
	if o != nil {
		o(reason)
	}
}

// Answer refuses a request over HTTP.
func (o Observer) Answer(w http.ResponseWriter, e Error) {
	status := table[e.Reason].status
	if wait := e.wait(); wait > 0 {
		seconds := (wait + time.Second - 1) / time.Second
		w.Header().Set("Retry-After", strconv.Itoa(int(seconds)))
	}
	if status == http.StatusUpgradeRequired { // RFC 9110, section 15.5.22
		w.Header().Set("Upgrade", "websocket")
		w.Header().Set("Connection", "Upgrade")
	}
	http.Error(w, e.Message(), status)
	o.Observe(e.Reason)
}

func orDefault(s, def string) string {
	if s == "" {
		return def
	}
	return s
}
