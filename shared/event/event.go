// Package event is Rollcall's protocol, version 1: the events that travel
// between server and clients, the frames that carry them, and the limits and
// codes both ends agree on.
//
// A frame is one WebSocket text message: a JSON array of one or more events,
// each {"event": name, "data": {…}}. Many events of one kind about users are one
// whose data is a list. Both ends ignore events and fields they do not know,
// which is how the protocol grows.
package event

import "encoding/json"

// Subprotocol is the WebSocket subprotocol of this version. Clients may offer
// it; one that offers only other versions of Rollcall's is told [CodeTooOld].
const Subprotocol = "rollcall.v1"

// The names of the events, as they stand on the wire.
const (
	NameGotANewUser    = "got_a_new_user"
	NameNewUser        = "new_user"
	NameExistingUsers  = "existing_users"
	NameUpdateUser     = "update_user"
	NameDisconnectUser = "disconnect_user"
	NameRoom           = "room"
	NameError          = "error"
	NameLeave          = "leave"
	NameView           = "view"
	NameWatch          = "watch"
	NameActive         = "active"
	NameDone           = "done"
)

// Event is anything that can stand in a frame.
type Event interface {
	// EventName is the event's name on the wire.
	EventName() string
}

// Ref is a number that a client counts up and gives to what it says. The server
// answers with a [Done] or an [Error] of the same ref. 0 is none, and then there
// is no answer but an error.
type Ref uint64

// GotANewUser is the client's hello: the first event on a connection, due
// within [HelloTimeout]. It joins a room.
type GotANewUser struct {
	Ref Ref `json:"ref,omitempty"` // answered by the ref of [ExistingUsers]
	// Tab names the client over all its connections, at most [MaxTab] bytes and
	// random. The room keeps which ref of a tab's changes it has done last, and
	// does none twice. It is empty for a simple client, of which no more is known
	// than what it says: that changes a user who is there.
	Tab string `json:"tab,omitempty"`
	// Who one is: used if the room does not have the session. The name is
	// required.
	Patch
	// Wanted is what is to be different now, whether the room has the session or
	// not.
	Wanted *Patch  `json:"change,omitempty"`
	Room   string  `json:"room,omitempty"` // empty means [Lobby]
	Resume *Resume `json:"resume,omitempty"`
	// Session is what an [ExistingUsers] gave to this client. It counts where
	// no cookie says who one is.
	Session string `json:"session,omitempty"`
}

// Resume is how far a client that comes back knows a room: the epoch of its
// snapshot and the seq of the last room event. Only a client that holds the
// whole roster may resume; it is then told what has changed since.
type Resume struct {
	Epoch string `json:"epoch"`
	Seq   uint64 `json:"seq"`
	// Since is when the client joined, the Now of its first [ExistingUsers], Unix
	// milliseconds. By that a server knows whether its user has left before or after it
	// came. 0 is unknown: then it came before.
	Since int64 `json:"since,omitempty"`
}

// ChangeUser is the client's update_user: it changes the sender's own entry
// in place.
type ChangeUser struct {
	Ref Ref `json:"ref,omitempty"`
	Patch
}

// View asks for a part of a large room, and in any room for a snapshot, which
// always answers it.
type View struct {
	Ref   Ref    `json:"ref,omitempty"`
	From  int    `json:"from,omitempty"`  // the first place to see, counted from 0
	Count int    `json:"count,omitempty"` // how many; 0 means [DefaultView], at most [MaxView]
	Query string `json:"query,omitempty"` // only names that contain each of its words, whatever their order, case, accents and width; at most [MaxQuery] bytes
}

// Watch is the hello of a client that wants to see a room without being in
// it.
type Watch struct {
	Ref    Ref     `json:"ref,omitempty"`  // answered by the ref of [ExistingUsers]
	Room   string  `json:"room,omitempty"` // empty means [Lobby]
	Resume *Resume `json:"resume,omitempty"`
}

// Active says whether the sender's tab is looked at and used. Users none of
// whose tabs are become away by themselves.
type Active struct {
	Ref    Ref  `json:"ref,omitempty"`
	Active bool `json:"active"`
}

// Leave ends the sender's presence at once, in all tabs of its session.
type Leave struct {
	Ref Ref `json:"ref,omitempty"`
}

// Done says that what its receiver said up to and with that ref is done, but for
// what an [Error] has refused. It comes first in the frame that shows it, and
// alone if there is nothing to show.
type Done struct {
	Ref Ref `json:"ref"`
}

// ExistingUsers is the snapshot: everybody in the room, the receiver
// included, in order of arrival. It is the first answer to a hello and comes
// again whenever the changes since the last frame are no longer known.
//
// If Resumed is set it says only what has changed: Users are those who came
// or changed, Gone those who went. If Total is set, the room is a large one
// and the client holds a view of it: Users are those at From and after.
type ExistingUsers struct {
	// Self is the receiver's own id; empty for one that watches, and in the
	// changes of a view.
	Self string `json:"self,omitempty"`
	Now  int64  `json:"now"` // the server's clock, Unix milliseconds
	// Ref is that of the hello which this answers.
	Ref Ref `json:"ref,omitempty"`
	// Me is the receiver's own entry, where it is outside the view.
	Me *User `json:"me,omitempty"`
	// Session is a secret by which the receiver is known again, in the first
	// answer to who came without a cookie: it belongs into the next hello.
	Session string   `json:"session,omitempty"`
	Room    string   `json:"room"`
	Epoch   string   `json:"epoch"` // names this life of the room; seq counts within it
	Resumed bool     `json:"resumed,omitempty"`
	From    int      `json:"from,omitempty"`
	Total   *int     `json:"total,omitempty"` // how many there are to view: the room, or the names that match
	Users   []User   `json:"users"`
	Gone    []string `json:"gone,omitempty"`
}

// NewUser says that somebody arrived.
type NewUser struct{ User }

// UpdateUser says that somebody who is here changed; the user is whole.
type UpdateUser struct{ User }

// DisconnectUser says that somebody is gone. ID is what tells people of the
// same name apart; Name is for showing.
type DisconnectUser struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Reason Reason `json:"reason"`
}

// Room ends every frame that changes the roster: a client whose roster has
// another size or hash has lost something and asks for a snapshot. It comes
// alone after [Silence] without a frame, so that a client can tell a quiet
// room from a dead connection.
type Room struct {
	Seq   uint64 `json:"seq"`
	Count int    `json:"count"`
	Hash  string `json:"hash"` // the XOR of [User.Hash] over the roster, as 16 hexadecimal digits
	// Watching is how many look on without being in the room. No frame is sent
	// because it has changed, so it may be as old as [Silence].
	Watching int `json:"watching,omitempty"`
	// Partial is whether the room may have users whom this server does not know of now,
	// because it cannot reach the other servers.
	Partial bool `json:"partial,omitempty"`
}

// Error says what was refused, why, and what to do. It precedes every close
// that the server starts, because browsers cannot read a close reason; but for
// frames that are no WebSocket, which no browser sends.
type Error struct {
	Code       Code   `json:"code"`
	Message    string `json:"message"`               // a sentence for a person
	Ref        Ref    `json:"ref,omitempty"`         // of what was refused
	Event      string `json:"event,omitempty"`       // its event
	Field      string `json:"field,omitempty"`       // the field of it that was at fault
	RetryAfter int64  `json:"retry_after,omitempty"` // milliseconds
}

// Error makes a refusal usable as a Go error.
func (e Error) Error() string {
	if e.Code == "" { // it came over HTTP, and the protocol has none for that
		return e.Message
	}
	return string(e.Code) + ": " + e.Message
}

// Invalid stands in a decoded frame for an event whose data has the wrong
// shape. It never travels.
type Invalid struct {
	Ref   Ref
	Name  string // the event's name
	Field string // the field at fault, empty if it is the data as a whole
	// Unknown says that no event of that name is known. One without a ref is
	// left out instead: nobody waits for an answer.
	Unknown bool
}

func (GotANewUser) EventName() string    { return NameGotANewUser }
func (ChangeUser) EventName() string     { return NameUpdateUser }
func (View) EventName() string           { return NameView }
func (Watch) EventName() string          { return NameWatch }
func (Active) EventName() string         { return NameActive }
func (Leave) EventName() string          { return NameLeave }
func (Done) EventName() string           { return NameDone }
func (ExistingUsers) EventName() string  { return NameExistingUsers }
func (NewUser) EventName() string        { return NameNewUser }
func (UpdateUser) EventName() string     { return NameUpdateUser }
func (DisconnectUser) EventName() string { return NameDisconnectUser }
func (Room) EventName() string           { return NameRoom }
func (Error) EventName() string          { return NameError }
func (e Invalid) EventName() string      { return e.Name }

// clientEvent is an event that clients send.
type clientEvent interface {
	Event
	ref() Ref
}

func (e GotANewUser) ref() Ref { return e.Ref }
func (e ChangeUser) ref() Ref  { return e.Ref }
func (e View) ref() Ref        { return e.Ref }
func (e Watch) ref() Ref       { return e.Ref }
func (e Active) ref() Ref      { return e.Ref }
func (e Leave) ref() Ref       { return e.Ref }
func (e Invalid) ref() Ref     { return e.Ref }

// RefOf is the ref of an event that a client sent; 0 if it has none.
func RefOf(e Event) Ref {
	if e, ok := e.(clientEvent); ok {
		return e.ref()
	}
	return 0
}

// kind is what it takes to decode one kind of event.
type kind struct {
	name   string
	decode func(name string, data json.RawMessage) Event
	// scan reads the data much faster than decode. Nil leaves a frame with such an
	// event to decode.
	scan func(*scanner) Event
	list bool // the data may be a list, of one element for each event
}

// clientEvents are all events that a server understands.
var clientEvents = []kind{
	{name: NameGotANewUser, decode: decodeClientEvent[GotANewUser]},
	{name: NameUpdateUser, decode: decodeClientEvent[ChangeUser]},
	{name: NameView, decode: decodeClientEvent[View]},
	{name: NameWatch, decode: decodeClientEvent[Watch]},
	{name: NameActive, decode: decodeClientEvent[Active]},
	{name: NameLeave, decode: decodeClientEvent[Leave]},
}

// serverEvents are all events that a client understands.
var serverEvents = []kind{
	{name: NameExistingUsers, decode: decodeEvent[ExistingUsers], scan: (*scanner).existingUsers},
	{name: NameNewUser, decode: decodeEvent[NewUser], scan: (*scanner).newUser, list: true},
	{name: NameUpdateUser, decode: decodeEvent[UpdateUser], scan: (*scanner).updateUser, list: true},
	{name: NameDisconnectUser, decode: decodeEvent[DisconnectUser], scan: (*scanner).disconnectUser, list: true},
	{name: NameRoom, decode: decodeEvent[Room], scan: (*scanner).room},
	{name: NameDone, decode: decodeEvent[Done], scan: (*scanner).done},
	{name: NameError, decode: decodeEvent[Error]},
}

// Reason is why somebody is gone.
type Reason string

// The reasons of version 1.
const (
	ReasonLeft     Reason = "left"      // they said so
	ReasonClosed   Reason = "closed"    // their last connection ended properly
	ReasonLost     Reason = "lost"      // their last connection was cut
	ReasonNodeLost Reason = "node_lost" // the server they were connected to is gone
	ReasonRemoved  Reason = "removed"   // the server put them out
)
