package event

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// ErrBadFrame is what [DecodeClient] and [DecodeServer] return, wrapped with
// the reason, for bytes that are no JSON array of named events.
var ErrBadFrame = errors.New("not a frame")

// DecodeClient decodes a frame that a client sent. Events of unknown name are
// left out; one whose data has the wrong shape is an [Invalid]. On an error
// nothing of the frame counts.
func DecodeClient(frame []byte) ([]Event, error) {
	return decode(frame, func(name string, data json.RawMessage) Event {
		switch name {
		case NameGotANewUser:
			return decodeData[GotANewUser](name, data)
		case NameUpdateUser:
			return decodeData[ChangeUser](name, data)
		case NameView:
			return decodeData[View](name, data)
		case NameWatch:
			return decodeData[Watch](name, data)
		case NameActive:
			return decodeData[Active](name, data)
		case NameLeave:
			return Leave{}
		}
		return nil
	})
}

// DecodeServer decodes a frame that a server sent, as [DecodeClient] does.
func DecodeServer(frame []byte) ([]Event, error) {
	if events, ok := scan(frame); ok {
		return events, nil
	}
	return decodeServer(frame)
}

func decodeServer(frame []byte) ([]Event, error) {
	return decode(frame, func(name string, data json.RawMessage) Event {
		switch name {
		case NameExistingUsers:
			return decodeData[ExistingUsers](name, data)
		case NameNewUser:
			return decodeData[NewUser](name, data)
		case NameUpdateUser:
			return decodeData[UpdateUser](name, data)
		case NameDisconnectUser:
			return decodeData[DisconnectUser](name, data)
		case NameRoom:
			return decodeData[Room](name, data)
		case NameError:
			return decodeData[Error](name, data)
		}
		return nil
	})
}

func decode(frame []byte, event func(name string, data json.RawMessage) Event) ([]Event, error) {
	// encoding/json replaces what is not UTF-8 without a word, and a name
	// would arrive as something nobody typed.
	if !utf8.Valid(frame) {
		return nil, fmt.Errorf("%w: it is not UTF-8", ErrBadFrame)
	}
	var raw []struct {
		Event *string         `json:"event"`
		Data  json.RawMessage `json:"data"`
	}
	if err := json.Unmarshal(frame, &raw); err != nil {
		return nil, fmt.Errorf("%w: it must be a JSON array of events: %w", ErrBadFrame, err)
	}
	if len(raw) == 0 {
		return nil, fmt.Errorf("%w: it holds no event", ErrBadFrame)
	}
	for i, r := range raw {
		if r.Event == nil || *r.Event == "" {
			return nil, fmt.Errorf("%w: element %d has no event name", ErrBadFrame, i)
		}
	}
	events := make([]Event, 0, len(raw))
	for _, r := range raw {
		if e := event(*r.Event, r.Data); e != nil {
			events = append(events, e)
		}
	}
	return events, nil
}

func decodeData[E Event](name string, data json.RawMessage) Event {
	var e E
	if len(data) == 0 {
		return e
	}
	if err := json.Unmarshal(data, &e); err != nil {
		invalid := Invalid{Name: name}
		if wrong := (*json.UnmarshalTypeError)(nil); errors.As(err, &wrong) {
			invalid.Field = wrong.Field
		}
		return invalid
	}
	return e
}

// Encode returns the frame of one or more events.
func Encode(events ...Event) []byte {
	b := []byte{'['}
	for i, e := range events {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"event":"`...)
		b = append(b, e.EventName()...)
		b = append(b, `","data":`...)
		b = appendData(b, e)
		b = append(b, '}')
	}
	return append(b, ']')
}

// appendData writes by hand all that is sent often, or by a page: json.Marshal,
// which a test compares it with, takes five times as long, and in a browser it
// has to be compiled first.
func appendData(b []byte, e Event) []byte {
	switch e := e.(type) {
	case NewUser:
		return appendUser(b, e.User)
	case UpdateUser:
		return appendUser(b, e.User)
	case ExistingUsers:
		return appendShared(appendHead(b, e.Self, e.Now, e.Me, e.Session), e)
	case Room:
		return appendRoom(b, e)
	case GotANewUser, ChangeUser, View, Watch, Active, Leave:
		return appendClient(b, e)
	}
	return append(b, marshal(e)...)
}

// marshal is json.Marshal without the escapes for HTML, which frames never
// meet and which triple the bytes of < and >.
func marshal(v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		// Every type in this package is plain data.
		panic(fmt.Sprintf("event: encoding a %T: %v", v, err))
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

func appendUser(b []byte, u User) []byte {
	b = appendString(append(b, `{"id":`...), u.ID)
	b = appendString(append(b, `,"name":`...), u.Name)
	if u.Status != StatusHere {
		b = appendString(append(b, `,"status":`...), string(u.Status))
	}
	if u.Note != "" {
		b = appendString(append(b, `,"note":`...), u.Note)
	}
	if u.Link != LinkOnline {
		b = appendString(append(b, `,"link":`...), string(u.Link))
	}
	b = strconv.AppendInt(append(b, `,"since":`...), u.Since, 10)
	return append(b, '}')
}

func appendRoom(b []byte, r Room) []byte {
	b = strconv.AppendUint(append(b, `{"seq":`...), r.Seq, 10)
	b = strconv.AppendInt(append(b, `,"count":`...), int64(r.Count), 10)
	b = appendString(append(b, `,"hash":`...), r.Hash)
	if r.Watching != 0 {
		b = strconv.AppendInt(append(b, `,"watching":`...), int64(r.Watching), 10)
	}
	return append(b, '}')
}

// fields writes an object whose fields may all be absent.
type fields struct{ b []byte }

func (f *fields) name(name string) {
	if f.b[len(f.b)-1] != '{' {
		f.b = append(f.b, ',')
	}
	f.b = append(append(append(f.b, '"'), name...), `":`...)
}

func (f *fields) text(name string, s *string) {
	if s != nil {
		f.name(name)
		f.b = appendString(f.b, *s)
	}
}

func (f *fields) number(name string, n int) {
	if n != 0 {
		f.name(name)
		f.b = strconv.AppendInt(f.b, int64(n), 10)
	}
}

func (f *fields) status(s *Status) {
	if s != nil {
		f.text("status", new(s.String()))
	}
}

func (f *fields) room(room string) {
	if room != "" {
		f.text("room", &room)
	}
}

func (f *fields) resume(r *Resume) {
	if r != nil {
		f.name("resume")
		f.b = appendString(append(f.b, `{"epoch":`...), r.Epoch)
		f.b = strconv.AppendUint(append(f.b, `,"seq":`...), r.Seq, 10)
		f.b = append(f.b, '}')
	}
}

func appendClient(b []byte, e Event) []byte {
	f := fields{append(b, '{')}
	switch e := e.(type) {
	case GotANewUser:
		f.text("name", &e.Name)
		f.room(e.Room)
		f.status(e.Status)
		f.text("note", e.Note)
		f.resume(e.Resume)
		if e.Session != "" {
			f.text("session", &e.Session)
		}
	case Watch:
		f.room(e.Room)
		f.resume(e.Resume)
	case ChangeUser:
		f.text("name", e.Name)
		f.status(e.Status)
		f.text("note", e.Note)
	case View:
		f.number("from", e.From)
		f.number("count", e.Count)
		if e.Query != "" {
			f.text("query", &e.Query)
		}
	case Active:
		f.name("active")
		f.b = strconv.AppendBool(f.b, e.Active)
	}
	return append(f.b, '}')
}

func appendString(b []byte, s string) []byte {
	ascii := true
	for i := range len(s) {
		c := s[i]
		if c < ' ' || c == '"' || c == '\\' {
			return append(b, marshal(s)...)
		}
		ascii = ascii && c < utf8.RuneSelf
	}
	// The line separators are escaped for the sake of JavaScript, what is no
	// UTF-8 is replaced.
	if !ascii && (!utf8.ValidString(s) || strings.Contains(s, "\u2028") || strings.Contains(s, "\u2029")) {
		return append(b, marshal(s)...)
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}

// appendHead begins the data of an existing_users with what differs between
// its receivers, and appendShared ends it.
func appendHead(b []byte, self string, now int64, me *User, session string) []byte {
	b = append(b, '{')
	if self != "" {
		b = appendString(append(b, `"self":`...), self)
		b = append(b, ',')
	}
	b = strconv.AppendInt(append(b, `"now":`...), now, 10)
	if me != nil {
		b = appendUser(append(b, `,"me":`...), *me)
	}
	if session != "" {
		b = appendString(append(b, `,"session":`...), session)
	}
	return b
}

func appendShared(b []byte, e ExistingUsers) []byte {
	b = appendString(append(b, `,"room":`...), e.Room)
	b = appendString(append(b, `,"epoch":`...), e.Epoch)
	if e.Resumed {
		b = append(b, `,"resumed":true`...)
	}
	if e.From != 0 {
		b = strconv.AppendInt(append(b, `,"from":`...), int64(e.From), 10)
	}
	if e.Total != nil {
		b = strconv.AppendInt(append(b, `,"total":`...), int64(*e.Total), 10)
	}
	b = append(b, `,"users":[`...)
	for i, u := range e.Users {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendUser(b, u)
	}
	b = append(b, ']')
	if len(e.Gone) > 0 {
		b = append(append(b, `,"gone":`...), marshal(e.Gone)...)
	}
	return append(b, '}')
}

// EncodeSnapshot returns what all receivers of a frame of [ExistingUsers] and
// [Room] share: the frame after [AppendSnapshotHead], with Self, Now, Me and
// Session of s left to that. It is encoded once for all.
func EncodeSnapshot(s ExistingUsers, state Room) []byte {
	b := make([]byte, 0, 256+96*len(s.Users))
	b = appendShared(b, s)
	b = append(b, `},{"event":"`+NameRoom+`","data":`...)
	b = appendRoom(b, state)
	return append(b, "}]"...)
}

// AppendSnapshotHead appends what is one receiver's own of such a frame, which
// is its beginning.
func AppendSnapshotHead(b []byte, self string, now int64, me *User, session string) []byte {
	return appendHead(append(b, `[{"event":"`+NameExistingUsers+`","data":`...), self, now, me, session)
}
