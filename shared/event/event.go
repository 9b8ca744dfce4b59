// Package event is Rollcall's protocol, version 1: the events that travel
// between server and clients, the frames that carry them, and the limits and
// codes both ends agree on.
//
// A frame is one WebSocket text message: a JSON array of one or more events,
// each {"event": name, "data": {…}}. Both ends ignore events and fields they
// do not know, which is how the protocol grows.
package event

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
)

// Event is anything that can stand in a frame.
type Event interface {
	// EventName is the event's name on the wire.
	EventName() string
}

// GotANewUser is the client's hello: the first event on a connection, due
// within [HelloTimeout]. It joins a room. For a session that the room already
// has, the name renames, and what else is absent stays as it is. With Resume
// so does what the client knew: another tab may have changed it since.
type GotANewUser struct {
	Name   string  `json:"name"`
	Room   string  `json:"room,omitempty"` // empty means [Lobby]
	Status *Status `json:"status,omitempty"`
	Note   *string `json:"note,omitempty"`
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
}

// ChangeUser is the client's update_user: it changes the sender's own entry
// in place. What is nil stays; an empty note clears it.
type ChangeUser struct {
	Name   *string `json:"name,omitempty"`
	Status *Status `json:"status,omitempty"`
	Note   *string `json:"note,omitempty"`
}

// View asks for a part of a large room, and in any room for a snapshot, which
// always answers it.
type View struct {
	From  int    `json:"from,omitempty"`  // the first place to see, counted from 0
	Count int    `json:"count,omitempty"` // how many; 0 means [DefaultView], at most [MaxView]
	Query string `json:"query,omitempty"` // only names that contain each of its words, whatever their order, case, accents and width; at most [MaxQuery] bytes
}

// Watch is the hello of a client that wants to see a room without being in
// it.
type Watch struct {
	Room   string  `json:"room,omitempty"` // empty means [Lobby]
	Resume *Resume `json:"resume,omitempty"`
}

// Active says whether the sender's tab is looked at and used. Users none of
// whose tabs are become away by themselves.
type Active struct {
	Active bool `json:"active"`
}

// Leave ends the sender's presence at once, in all tabs of its session.
type Leave struct{}

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
	Hash  string `json:"hash"` // 16 hexadecimal digits, see package roster
	// Watching is how many look on without being in the room. No frame is sent
	// because it has changed, so it may be as old as [Silence].
	Watching int `json:"watching,omitempty"`
}

// Error says what was refused, why, and what to do. It precedes every close
// that the server starts, because browsers cannot read a close reason; but for
// frames that are no WebSocket, which no browser sends.
type Error struct {
	Code       Code   `json:"code"`
	Message    string `json:"message"`               // a sentence for a person
	Event      string `json:"event,omitempty"`       // the event that was refused
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
	Name  string // the event's name
	Field string // the field at fault, empty if it is the data as a whole
}

func (GotANewUser) EventName() string    { return NameGotANewUser }
func (ChangeUser) EventName() string     { return NameUpdateUser }
func (View) EventName() string           { return NameView }
func (Watch) EventName() string          { return NameWatch }
func (Active) EventName() string         { return NameActive }
func (Leave) EventName() string          { return NameLeave }
func (ExistingUsers) EventName() string  { return NameExistingUsers }
func (NewUser) EventName() string        { return NameNewUser }
func (UpdateUser) EventName() string     { return NameUpdateUser }
func (DisconnectUser) EventName() string { return NameDisconnectUser }
func (Room) EventName() string           { return NameRoom }
func (Error) EventName() string          { return NameError }
func (e Invalid) EventName() string      { return e.Name }

// User is one person in a room: one box, however many tabs. Fields at their
// default are left out on the wire, because rosters are most of the bytes.
type User struct {
	// ID is public, stable for a session within a room, and different in
	// every other room.
	ID string `json:"id"`
	// Name is as the server keeps it, which may differ from what was typed.
	Name   string `json:"name"`
	Status Status `json:"status,omitempty"`
	Note   string `json:"note,omitempty"`
	Link   Link   `json:"link,omitempty"`
	// Since is when they arrived by the server's clock, Unix milliseconds. Two
	// users may share one; their ids order them then.
	Since int64 `json:"since"`
}

// Compare orders users as a roster does: by arrival, then by id.
func (u User) Compare(v User) int {
	switch {
	case u.Since < v.Since:
		return -1
	case u.Since > v.Since:
		return 1
	case u.ID < v.ID:
		return -1
	case u.ID > v.ID:
		return 1
	}
	return 0
}

// Status is what a user says of themselves. The zero value is [StatusHere].
type Status string

// The statuses of version 1. A newer server may send others.
const (
	StatusHere Status = "" // "here" on the wire, where it stands at all
	StatusAway Status = "away"
	StatusBusy Status = "busy"
)

// String gives the status by its name on the wire.
func (s Status) String() string { return orDefault(string(s), "here") }

// MarshalText gives the status by its name on the wire.
func (s Status) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText takes "here" and nothing for the same.
func (s *Status) UnmarshalText(b []byte) error {
	*s = Status(defaultless(b, "here"))
	return nil
}

// Link is what the server knows of a user's connection. The zero value is
// [LinkOnline].
type Link string

// The links of version 1.
const (
	LinkOnline       Link = "" // "online" on the wire, where it stands at all
	LinkReconnecting Link = "reconnecting"
)

// String gives the link by its name on the wire.
func (l Link) String() string { return orDefault(string(l), "online") }

// UnmarshalText takes "online" and nothing for the same.
func (l *Link) UnmarshalText(b []byte) error {
	*l = Link(defaultless(b, "online"))
	return nil
}

func orDefault(s, def string) string {
	if s == "" {
		return def
	}
	return s
}

func defaultless(b []byte, def string) string {
	if string(b) == def {
		return ""
	}
	return string(b)
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
