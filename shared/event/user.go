package event

import (
	"encoding/json"
	"errors"
)

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
	// StatusSince is since when they have a Status other than [StatusHere], Unix
	// milliseconds; else 0.
	StatusSince int64 `json:"status_since,omitempty"`
	// Until is when Status and Note end by themselves, Unix milliseconds; 0 is
	// never.
	Until int64 `json:"until,omitempty"`
	Data  Data  `json:"data,omitempty"`

	// The fields that this version does not know, as an object: a server hands on what
	// a newer one has told it. Only [User.WithUnknown] fills it in.
	unknown Data

	// The user as it stands in frames, and the hash of that; empty of one that
	// was made by hand.
	wire string
	hash uint64
}

// Patch is what of a user can be changed. What is nil or empty stays as it is.
type Patch struct {
	Name   *string `json:"name,omitempty"`
	Status *Status `json:"status,omitempty"`
	Note   *string `json:"note,omitempty"` // empty clears it
	// Until is when status and note end by themselves, Unix milliseconds; 0 is
	// never.
	Until *int64 `json:"until,omitempty"`
	// Data replaces what a user has of it key by key; null removes a key.
	Data Data `json:"data,omitempty"`

	unknown Data // as in a User
}

// userField is one field of a [User].
type userField int

// The fields, in the order in which frames have them. A new one comes last.
const (
	fieldID userField = iota
	fieldName
	fieldStatus
	fieldNote
	fieldLink
	fieldSince
	fieldStatusSince
	fieldUntil
	fieldData
	fieldCount
)

// userFields is the table of the fields. This table and the three functions below
// it are all that the rest of the package knows of them: to add a field means to
// add it there, to User, and to Patch if users change it. A test compares all of
// these.
var userFields = [fieldCount]struct {
	name   string // in frames
	always bool   // it stands in frames even if it is empty or 0
	typed  bool   // people type it: server/names has the rule that checks it
	zero   string // what can stand in frames for an empty text; none if empty
}{
	fieldID:          {name: "id", always: true},
	fieldName:        {name: "name", always: true, typed: true},
	fieldStatus:      {name: "status", zero: "here"},
	fieldNote:        {name: "note", typed: true},
	fieldLink:        {name: "link", zero: "online"},
	fieldSince:       {name: "since", always: true},
	fieldStatusSince: {name: "status_since"},
	fieldUntil:       {name: "until"},
	fieldData:        {name: "data", zero: "null"},
}

// value is where u has a field.
func (u *User) value(f userField) value {
	switch f {
	case fieldID:
		return value{text: &u.ID}
	case fieldName:
		return value{text: &u.Name}
	case fieldStatus:
		return value{text: (*string)(&u.Status)}
	case fieldNote:
		return value{text: &u.Note}
	case fieldLink:
		return value{text: (*string)(&u.Link)}
	case fieldSince:
		return value{number: &u.Since}
	case fieldStatusSince:
		return value{number: &u.StatusSince}
	case fieldUntil:
		return value{number: &u.Until}
	case fieldData:
		return value{text: (*string)(&u.Data)}
	}
	return value{}
}

// value is the new value that c has for a field; it is not set if c has none. Data
// is not among them, as a patch merges it key by key.
func (c *Patch) value(f userField) value {
	switch f {
	case fieldName:
		return value{text: c.Name}
	case fieldStatus:
		return value{text: (*string)(c.Status)}
	case fieldNote:
		return value{text: c.Note}
	case fieldUntil:
		return value{number: c.Until}
	}
	return value{}
}

// set gives c the new value for a field. It does nothing if users cannot change
// the field.
func (c *Patch) set(f userField, v value) {
	switch f {
	case fieldName:
		c.Name = v.text
	case fieldStatus:
		c.Status = (*Status)(v.text)
	case fieldNote:
		c.Note = v.text
	case fieldUntil:
		c.Until = v.number
	}
}

// value points to the value of a field. There is a pointer for each type that
// fields have, and it is the only one that is not nil.
type value struct {
	text   *string
	number *int64
}

func (v value) isSet() bool { return v != value{} }

func (v value) isZero() bool {
	return (v.text == nil || *v.text == "") && (v.number == nil || *v.number == 0)
}

func (v value) equals(w value) bool {
	if v.text != nil {
		return *v.text == *w.text
	}
	return *v.number == *w.number
}

// assign overwrites the value with another one of the same type.
func (v value) assign(w value) {
	if v.text != nil {
		*v.text = *w.text
	} else {
		*v.number = *w.number
	}
}

func (v value) clone() value {
	if v.text != nil {
		return value{text: new(*v.text)}
	}
	return value{number: new(*v.number)}
}

// appendField writes a field and its value.
func (o object) appendField(f userField, v value) object {
	of := &userFields[f]
	switch {
	case f == fieldData:
		return o.someJSON(of.name, *v.text)
	case v.text != nil:
		return o.text(of.name, orDefault(*v.text, of.zero))
	}
	return o.int(of.name, *v.number)
}

func appendUser(b []byte, u User) []byte {
	if u.wire != "" {
		return append(b, u.wire...)
	}
	o := append(object(b), '{')
	for f := range fieldCount {
		if v := u.value(f); userFields[f].always || !v.isZero() {
			o = o.appendField(f, v)
		}
	}
	if u.unknown != "" {
		o = append(append(o, ','), u.unknown[1:len(u.unknown)-1]...)
	}
	return append(o, '}')
}

// patch writes the fields of a patch.
func (o object) patch(c Patch) object {
	for f := range fieldCount {
		switch v := c.value(f); {
		case f == fieldData:
			o = o.someJSON("data", string(c.Data))
		case v.isSet():
			o = o.appendField(f, v)
		}
	}
	return o
}

var userFieldNames = fieldNames()

func fieldNames() (names []string) {
	for _, f := range userFields {
		names = append(names, f.name)
	}
	return names
}

// user reads a user.
func (s *scanner) user() (u User) {
	begin := s.at
	var texts [fieldCount]text
	for o := s.object(userFieldNames); s.next(&o); {
		f := userField(o.past - 1)
		switch v := u.value(f); {
		case f == fieldData:
			texts[f].from = s.at
			s.value(0)
			texts[f].to = s.at
		case v.text != nil:
			texts[f] = s.text()
		default:
			*v.number = s.int()
		}
	}
	if s.broken {
		return User{}
	}
	// The user's strings are parts of the one that keeps the bytes.
	wire := string(s.frame[begin:s.at])
	for f := range fieldCount {
		if t := &texts[f]; t.to > 0 {
			*u.value(f).text = defaultless(t.of(wire, begin), userFields[f].zero)
		}
	}
	return u.kept(wire)
}

// Encoded returns u with its JSON made and kept, as one that came in a frame has
// it: frames and hashes are put together from that. Whoever changes a field of
// such a user calls it again. Two users who are encoded and the same are equal.
func (u User) Encoded() User {
	var short [256]byte
	u.wire = ""
	return u.kept(string(appendUser(short[:0], u)))
}

// EncodedWith is Encoded with more members behind the user's own: JSON such as
// "a":1,"b":2. Who does not know them ignores them, but they are in the hash.
func (u User) EncodedWith(members string) User {
	var short [512]byte
	u.wire = ""
	b := appendUser(short[:0], u)
	b[len(b)-1] = ','
	return u.kept(string(append(append(b, members...), '}')))
}

// kept returns u with its JSON.
func (u User) kept(wire string) User {
	u.wire, u.hash = wire, hash(wire)
	return u
}

// Hash is what the user adds to the hash of a [Room]; testdata says how it is
// computed, with vectors.
func (u User) Hash() uint64 {
	if u.wire == "" {
		u = u.Encoded()
	}
	return u.hash
}

// WithUnknown returns u with the fields of its JSON that this version does not know,
// but for one that is not the user's, whose JSON it returns. What is made of u by a
// [Patch] keeps them.
func (u User) WithUnknown(but string) (of User, other string) {
	var unknown []member
	s := scanner{frame: []byte(u.wire)}
	s.fields(func(name text) {
		key, from := s.raw(name), s.at
		if name.escaped {
			key = []byte(s.decoded(name))
		}
		s.value(0)
		value := u.wire[from:s.at]
		switch {
		case string(key) == but:
			other = value
		case value != "null" && !isUserField(key):
			unknown = put(unknown, member{string(key), value})
		}
	})
	if s.broken {
		unknown, other = nil, ""
	}
	u.unknown = join(unknown)
	u.wire, u.hash = "", 0
	return u, other
}

func isUserField(key []byte) bool {
	for i := range userFieldNames {
		if userFieldNames[i] == string(key) {
			return true
		}
	}
	return false
}

// Size is how many bytes the user has in a frame, as far as it is encoded.
func (u User) Size() int { return len(u.wire) }

// Memory is about how many bytes the user's strings take in memory, with the JSON
// that is kept. The id is not among them: all that is known of a user shares it.
func (u User) Memory() int {
	size := len(u.Data) + len(u.wire) + len(u.unknown)
	for f := range fieldCount {
		if userFields[f].typed {
			size += len(*u.value(f).text)
		}
	}
	return size
}

// UnmarshalJSON keeps the bytes too: of a field that is not known, they are all
// that is known of it.
func (u *User) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		return errors.New("a user is an object")
	}
	type plain User
	var p plain
	if err := json.Unmarshal(b, &p); err != nil {
		return err
	}
	*u = User(p).kept(string(b))
	return nil
}

// MarshalJSON writes the user as a frame has it.
func (u User) MarshalJSON() ([]byte, error) { return appendUser(nil, u), nil }

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
	*s = Status(defaultless(string(b), "here"))
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
	*l = Link(defaultless(string(b), "online"))
	return nil
}

func orDefault(s, def string) string {
	if s == "" {
		return def
	}
	return s
}

func defaultless(s, def string) string {
	if s == def {
		return ""
	}
	return s
}
