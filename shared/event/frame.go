package event

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
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
		case NameLeave:
			return Leave{}
		}
		return nil
	})
}

// DecodeServer decodes a frame that a server sent, as [DecodeClient] does.
func DecodeServer(frame []byte) ([]Event, error) {
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
		b = append(b, marshal(e)...)
		b = append(b, '}')
	}
	return append(b, ']')
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

// Snapshot is a frame of [ExistingUsers] and [Room], encoded once for all its
// receivers: only Self and Now differ between them.
type Snapshot struct {
	rest []byte // from the field after Now to the end of the frame
}

// EncodeSnapshot encodes what all receivers share; Self and Now of s do not
// matter.
func EncodeSnapshot(s ExistingUsers, state Room) Snapshot {
	if s.Users == nil {
		s.Users = []User{} // an empty room is an array too
	}
	s.Self, s.Now = "", 0
	frame := Encode(s, state)
	return Snapshot{rest: slices.Clone(frame[len(snapshotHead("", 0)):])}
}

// Frame returns the frame for one receiver.
func (s Snapshot) Frame(self string, now int64) []byte {
	return append(snapshotHead(self, now), s.rest...)
}

func snapshotHead(self string, now int64) []byte {
	b := []byte(`[{"event":"` + NameExistingUsers + `","data":{"self":`)
	b = append(b, marshal(self)...)
	b = append(b, `,"now":`...)
	return strconv.AppendInt(b, now, 10)
}
