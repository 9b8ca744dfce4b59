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
// left out if they have no ref; others, and those whose data has the wrong shape,
// are an [Invalid]. On an error nothing of the frame counts.
func DecodeClient(frame []byte) ([]Event, error) {
	return decode(frame, func(events []Event, name string, data json.RawMessage) []Event {
		switch name {
		case NameGotANewUser:
			return append(events, decodeData[GotANewUser](name, data))
		case NameUpdateUser:
			return append(events, decodeData[ChangeUser](name, data))
		case NameView:
			return append(events, decodeData[View](name, data))
		case NameWatch:
			return append(events, decodeData[Watch](name, data))
		case NameActive:
			return append(events, decodeData[Active](name, data))
		case NameLeave:
			return append(events, decodeData[Leave](name, data))
		}
		if ref := refIn(data); ref != 0 {
			return append(events, Invalid{Ref: ref, Name: name, Unknown: true})
		}
		return events
	})
}

// refIn is the ref in the data of an event that cannot be decoded, 0 if there is
// none.
func refIn(data json.RawMessage) Ref {
	var e struct{ Ref Ref }
	if json.Unmarshal(data, &e) != nil {
		return 0
	}
	return e.Ref
}

// DecodeServer decodes a frame that a server sent. Events of unknown name are
// left out; one whose data has the wrong shape is an [Invalid]. One that is
// written for a list of users is as many events.
func DecodeServer(frame []byte) ([]Event, error) {
	if events, ok := scan(frame); ok {
		return events, nil
	}
	return decodeServer(frame)
}

func decodeServer(frame []byte) ([]Event, error) {
	return decode(frame, func(events []Event, name string, data json.RawMessage) []Event {
		switch name {
		case NameExistingUsers:
			return append(events, decodeData[ExistingUsers](name, data))
		case NameNewUser:
			return appendDecoded[NewUser](events, name, data)
		case NameUpdateUser:
			return appendDecoded[UpdateUser](events, name, data)
		case NameDisconnectUser:
			return appendDecoded[DisconnectUser](events, name, data)
		case NameRoom:
			return append(events, decodeData[Room](name, data))
		case NameDone:
			return append(events, decodeData[Done](name, data))
		case NameError:
			return append(events, decodeData[Error](name, data))
		}
		return events
	})
}

// decode has event append what each element of a frame says.
func decode(frame []byte, event func(events []Event, name string, data json.RawMessage) []Event) ([]Event, error) {
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
		events = event(events, *r.Event, r.Data)
	}
	return events, nil
}

// appendDecoded appends one event, or each of a list.
func appendDecoded[E Event](events []Event, name string, data json.RawMessage) []Event {
	if !bytes.HasPrefix(data, []byte("[")) {
		return append(events, decodeData[E](name, data))
	}
	var all []json.RawMessage
	_ = json.Unmarshal(data, &all) // decode has done so
	for _, one := range all {
		events = append(events, decodeData[E](name, one))
	}
	return events
}

func decodeData[E Event](name string, data json.RawMessage) Event {
	var e E
	if len(data) == 0 {
		return e
	}
	if err := json.Unmarshal(data, &e); err != nil {
		invalid := Invalid{Ref: refIn(data), Name: name}
		if wrong := (*json.UnmarshalTypeError)(nil); errors.As(err, &wrong) {
			invalid.Field = strings.TrimPrefix(wrong.Field, "Change.") // which is embedded
		}
		return invalid
	}
	return e
}

// minList is from how many on events of one kind, one behind the other, are
// written as one event whose data is a list: when thousands arrive at once, the
// name of the event is a third of the bytes. Fewer are written one by one, so
// that what is seen every day is easy to read.
const minList = 8

// Encode returns the frame of one or more events.
func Encode(events ...Event) []byte {
	b := []byte{'['}
	for begin := 0; begin < len(events); {
		if begin > 0 {
			b = append(b, ',')
		}
		e := events[begin]
		b = append(b, `{"event":"`...)
		b = append(b, e.EventName()...)
		b = append(b, `","data":`...)
		if same := sameKind(events[begin:]); same >= minList {
			b = appendList(b, events[begin:begin+same], appendData)
			begin += same
		} else {
			b = appendData(b, e)
			begin++
		}
		b = append(b, '}')
	}
	return append(b, ']')
}

// sameKind is how many events at the beginning of some may be written as one:
// 1 if it is not one of those that may.
func sameKind(events []Event) int {
	name := events[0].EventName()
	for i, e := range events {
		switch e.(type) {
		case NewUser, UpdateUser, DisconnectUser:
			if e.EventName() == name {
				continue
			}
		}
		return max(1, i)
	}
	return len(events)
}

func appendList[E any](b []byte, all []E, one func([]byte, E) []byte) []byte {
	b = append(b, '[')
	for i, e := range all {
		if i > 0 {
			b = append(b, ',')
		}
		b = one(b, e)
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
	case DisconnectUser:
		b = appendString(append(b, `{"id":`...), e.ID)
		b = appendString(append(b, `,"name":`...), e.Name)
		b = appendString(append(b, `,"reason":`...), string(e.Reason))
		return append(b, '}')
	case ExistingUsers:
		return appendShared(appendHead(b, e), e)
	case Done:
		b = strconv.AppendUint(append(b, `{"ref":`...), uint64(e.Ref), 10)
		return append(b, '}')
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
	if u.wire != "" {
		return append(b, u.wire...)
	}
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
	if u.StatusSince != 0 {
		b = strconv.AppendInt(append(b, `,"status_since":`...), u.StatusSince, 10)
	}
	if u.Until != 0 {
		b = strconv.AppendInt(append(b, `,"until":`...), u.Until, 10)
	}
	if u.Data != "" {
		b = append(append(b, `,"data":`...), u.Data...)
	}
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

// object writes an object whose fields may all be absent.
type object struct{ b []byte }

func (f *object) name(name string) {
	if f.b[len(f.b)-1] != '{' {
		f.b = append(f.b, ',')
	}
	f.b = append(append(append(f.b, '"'), name...), `":`...)
}

func (f *object) text(name, s string) {
	if s != "" {
		f.name(name)
		f.b = appendString(f.b, s)
	}
}

func (f *object) number(name string, n int64) {
	if n != 0 {
		f.name(name)
		f.b = strconv.AppendInt(f.b, n, 10)
	}
}

func (f *object) change(c Change) {
	if c.Name != nil {
		f.name("name")
		f.b = appendString(f.b, *c.Name)
	}
	if c.Status != nil {
		f.name("status")
		f.b = appendString(f.b, c.Status.String())
	}
	if c.Note != nil {
		f.name("note")
		f.b = appendString(f.b, *c.Note)
	}
	if c.Until != nil {
		f.name("until")
		f.b = strconv.AppendInt(f.b, *c.Until, 10)
	}
	if c.Data != "" {
		f.name("data")
		f.b = append(f.b, c.Data...)
	}
}

func (f *object) resume(r *Resume) {
	if r != nil {
		f.name("resume")
		f.b = appendString(append(f.b, `{"epoch":`...), r.Epoch)
		f.b = strconv.AppendUint(append(f.b, `,"seq":`...), r.Seq, 10)
		f.b = append(f.b, '}')
	}
}

func appendClient(b []byte, e Event) []byte {
	f := object{append(b, '{')}
	f.number("ref", int64(RefOf(e)))
	switch e := e.(type) {
	case GotANewUser:
		f.text("tab", e.Tab)
		f.change(e.Change)
		if e.Wanted != nil {
			f.name("change")
			wanted := object{append(f.b, '{')}
			wanted.change(*e.Wanted)
			f.b = append(wanted.b, '}')
		}
		f.text("room", e.Room)
		f.resume(e.Resume)
		f.text("session", e.Session)
	case Watch:
		f.text("room", e.Room)
		f.resume(e.Resume)
	case ChangeUser:
		f.change(e.Change)
	case View:
		f.number("from", int64(e.From))
		f.number("count", int64(e.Count))
		f.text("query", e.Query)
	case Active:
		f.name("active")
		f.b = strconv.AppendBool(f.b, e.Active)
	}
	return append(f.b, '}')
}

// appendString writes a string as JSON.stringify does (ECMA-262, section
// 25.5.2.3), so that a browser's hash of what it has decoded is that of what
// came. What is no UTF-8 becomes U+FFFD.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	written := 0
	for i := range len(s) {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		b = append(b, s[written:i]...)
		written = i + 1
		if short := strings.IndexByte("\"\\\b\f\n\r\t", c); short >= 0 {
			b = append(b, '\\', "\"\\bfnrt"[short])
		} else {
			const digits = "0123456789abcdef"
			b = append(b, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
		}
	}
	return append(append(b, s[written:]...), '"')
}

// appendHead begins the data of an existing_users with what differs between
// its receivers, and appendShared ends it.
func appendHead(b []byte, e ExistingUsers) []byte {
	b = append(b, '{')
	if e.Self != "" {
		b = appendString(append(b, `"self":`...), e.Self)
		b = append(b, ',')
	}
	b = strconv.AppendInt(append(b, `"now":`...), e.Now, 10)
	if e.Ref != 0 {
		b = strconv.AppendUint(append(b, `,"ref":`...), uint64(e.Ref), 10)
	}
	if e.Me != nil {
		b = appendUser(append(b, `,"me":`...), *e.Me)
	}
	if e.Session != "" {
		b = appendString(append(b, `,"session":`...), e.Session)
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
	b = appendList(append(b, `,"users":`...), e.Users, appendUser)
	if len(e.Gone) > 0 {
		b = appendList(append(b, `,"gone":`...), e.Gone, appendString)
	}
	return append(b, '}')
}

// EncodeSnapshot returns what all receivers of a frame of [ExistingUsers] and
// [Room] share: the frame after [AppendSnapshotHead], with what that writes left
// to it. It is encoded once for all.
func EncodeSnapshot(s ExistingUsers, state Room) []byte {
	size := 256
	for _, u := range s.Users {
		if size += len(u.wire) + 1; u.wire == "" {
			size += 96
		}
	}
	b := appendShared(make([]byte, 0, size), s)
	b = append(b, `},{"event":"`+NameRoom+`","data":`...)
	b = appendRoom(b, state)
	return append(b, "}]"...)
}

// AppendSnapshotHead appends what is one receiver's own of such a frame, which
// is its beginning: what is done, if that is not 0, and Self, Now, Ref, Me and
// Session.
func AppendSnapshotHead(b []byte, done Ref, own ExistingUsers) []byte {
	if done != 0 {
		b = AppendDone(b, done)
	} else {
		b = append(b, '[')
	}
	return appendHead(append(b, `{"event":"`+NameExistingUsers+`","data":`...), own)
}

// AppendDone appends the beginning of a frame that says first what is done: it
// stands for the first byte of the frame of what follows.
func AppendDone(b []byte, ref Ref) []byte {
	b = strconv.AppendUint(append(b, `[{"event":"`+NameDone+`","data":{"ref":`...), uint64(ref), 10)
	return append(b, "}},"...)
}
