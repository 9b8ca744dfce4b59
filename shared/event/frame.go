package event

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
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
	return decode(frame, clientEvents, func(name string, data json.RawMessage) Event {
		if ref := refIn(data); ref != 0 {
			return Invalid{Ref: ref, Name: name, Unknown: true}
		}
		return nil
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
	return decode(frame, serverEvents, func(string, json.RawMessage) Event { return nil })
}

// decode decodes a frame of events of the known kinds. An event of another kind is
// what unknown returns for it; nil leaves it out.
func decode(frame []byte, known []kind, unknown func(name string, data json.RawMessage) Event) ([]Event, error) {
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
		of := kind{decode: unknown}
		if i := slices.IndexFunc(known, func(k kind) bool { return k.name == *r.Event }); i >= 0 {
			of = known[i]
		}
		all := []json.RawMessage{r.Data}
		if of.list && bytes.HasPrefix(r.Data, []byte("[")) {
			_ = json.Unmarshal(r.Data, &all) // cannot fail: the frame was valid JSON
		}
		for _, data := range all {
			if e := of.decode(*r.Event, data); e != nil {
				events = append(events, e)
			}
		}
	}
	return events, nil
}

func decodeClientEvent[E clientEvent](name string, data json.RawMessage) Event {
	return decodeEvent[E](name, data)
}

func decodeEvent[E Event](name string, data json.RawMessage) Event {
	var e E
	if len(data) > 0 {
		if err := json.Unmarshal(data, &e); err != nil {
			return invalid(name, data, err)
		}
	}
	return e
}

func invalid(name string, data json.RawMessage, err error) Invalid {
	e := Invalid{Ref: refIn(data), Name: name}
	if wrong := (*json.UnmarshalTypeError)(nil); errors.As(err, &wrong) {
		e.Field = strings.TrimPrefix(wrong.Field, "Patch.") // which is embedded
	}
	return e
}
