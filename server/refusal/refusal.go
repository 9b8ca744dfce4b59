// Package refusal is the one list of what the server refuses, drops and cuts. For each
// reason its table has a name, what is done, and what people are told. Code that refuses
// something names the reason, and adds what only that code knows.
package refusal

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"rollcall/shared/event"
)

// Outcome is what is done when something is refused.
type Outcome uint8

// The outcomes.
const (
	Answered Outcome = iota + 1 // the request is answered over HTTP, and no WebSocket begins
	Told                        // an error event says so, and the connection stays open
	Dropped                     // the same, but for events without a ref only once in a while: answers to a flood must not be a flood
	Ended                       // an error event says so, and a close frame follows
	Cut                         // the connection ends without an error event
)

// Error is one refusal. Zero fields are as the table says.
type Error struct {
	Reason Reason
	// Event is the name of the event that was refused, and Ref its ref; see
	// [Error.Of].
	Event string
	Ref   event.Ref
	// Field is the field of the event that is wrong.
	Field string
	// Detail replaces the {} in the message of the table.
	Detail any
	// RetryAfter is how long to wait until another try makes sense.
	RetryAfter time.Duration
}

// Of returns e as the refusal of an event, with the name and the ref of that, unless its
// reason is about the whole connection.
func (e Error) Of(refused event.Event) Error {
	if !table[e.Reason].wholeConnection {
		e.Event, e.Ref = refused.EventName(), event.RefOf(refused)
	}
	return e
}

// Outcome returns what to do. A reason with which a change is only refused may end the
// connection if it is about a hello.
func (e Error) Outcome() Outcome {
	row := table[e.Reason]
	hello := e.Event == event.NameGotANewUser || e.Event == event.NameWatch
	if row.outcome == Told && row.close != 0 && hello {
		return Ended
	}
	return row.outcome
}

// CloseCode returns the code of the close frame, if the connection ends with one.
func (e Error) CloseCode() event.CloseCode { return table[e.Reason].close }

// Message returns what a person is told: what happened and what to do.
func (e Error) Message() string {
	return strings.Replace(table[e.Reason].message, placeholder, fmt.Sprint(e.Detail), 1)
}

// Error returns the name of the reason and the message, for a log.
func (e Error) Error() string { return e.Reason.String() + ": " + e.Message() }

// Encoded returns the error event to send to the client.
func (e Error) Encoded() event.Error {
	row := table[e.Reason]
	return event.Error{
		Code:       row.code,
		Message:    e.Message(),
		Ref:        e.Ref,
		Event:      e.Event,
		Field:      orDefault(e.Field, row.field),
		RetryAfter: e.retryAfter().Milliseconds(),
	}
}

// retryAfter returns how long the client has to wait. It rounds up, since a client
// that comes too early is refused again.
func (e Error) retryAfter() time.Duration {
	if e.RetryAfter > 0 {
		return e.RetryAfter.Truncate(time.Millisecond) + time.Millisecond
	}
	return table[e.Reason].retryAfter
}

// Observer is called once for each refusal, by any goroutine, after it was made and
// without a lock held. It must not block: it would delay the connection. A nil Observer
// is not called.
type Observer func(Reason)

// Observe calls the observer, unless it is nil.
func (o Observer) Observe(reason Reason) {
	if o != nil {
		o(reason)
	}
}

// Answer refuses a request over HTTP.
func (o Observer) Answer(w http.ResponseWriter, e Error) {
	status := table[e.Reason].status
	if wait := e.retryAfter(); wait > 0 {
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
