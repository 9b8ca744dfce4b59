// Package slice is what one server knows of its own users in a room, as it travels to
// other servers.
//
// A slice is a roster like any other: it has users in the order of their arrival, a count
// and a hash, and it changes by the same events. Each of its users has one member more
// than a client sees, which a server needs to merge it with what it knows. What marks say
// (see presence.Mark) stands in it too, as users whose ids no user has.
package slice

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"rollcall/server/presence"
	"rollcall/shared/event"
)

// member is what an element has beside a user. A newer server may add to it.
type member struct {
	Number uint64               `json:"n,omitempty"`
	Stamp  stamp                `json:"at,omitzero"`
	Fields map[string]stamp     `json:"fields,omitempty"`
	Idle   int64                `json:"idle,omitempty"`
	Tabs   []presence.TabRef    `json:"tabs,omitempty"`
	Ends   []presence.EntryName `json:"ends,omitempty"` // of a mark
}

// stamp is a presence.Stamp. It has no owner if that is the owner of the slice.
type stamp struct {
	Time  int64          `json:"t"`
	Owner presence.Owner `json:"by,omitempty"`
}

// markSuffix ends the id of a mark. No public id has such a character.
const markSuffix = "!"

// MarkID returns the id of the element for the mark of a user.
func MarkID(id string) string { return id + markSuffix }

// Encode returns the element for what owner knows of a user.
func Encode(owner presence.Owner, e presence.Entry) event.User {
	m := member{Number: e.Number, Stamp: shortened(owner, e.Stamp), Idle: e.Idle, Tabs: e.Tabs}
	if len(e.Stamps) > 0 {
		m.Fields = make(map[string]stamp, len(e.Stamps))
		for _, f := range e.Stamps {
			m.Fields[f.Field] = shortened(owner, f.Stamp)
		}
	}
	return encode(e.User, m)
}

// EncodeMark returns the element for a mark.
func EncodeMark(m presence.Mark) event.User {
	return encode(event.User{ID: MarkID(m.ID)}, member{Ends: m.Ends})
}

func encode(u event.User, m member) event.User {
	b, err := json.Marshal(m)
	if err != nil {
		panic(err) // it is plain data
	}
	return u.EncodedWith(`"entry":` + string(b))
}

func shortened(owner presence.Owner, s presence.Stamp) stamp {
	if s.Owner == owner {
		s.Owner = ""
	}
	return stamp(s)
}

// errNoEntry is that an element has not what a server needs.
var errNoEntry = errors.New("it is no element of a slice")

// Decode returns what an element of owner's slice says: an entry, or a mark if its ID is
// not empty.
func Decode(owner presence.Owner, u event.User) (presence.Entry, presence.Mark, error) {
	var more struct {
		Entry *member `json:"entry"`
	}
	raw, err := u.MarshalJSON()
	if err == nil {
		err = json.Unmarshal(raw, &more)
	}
	if err == nil && more.Entry == nil {
		err = errNoEntry
	}
	if err != nil {
		return presence.Entry{}, presence.Mark{}, fmt.Errorf("user %q: %w", u.ID, err)
	}
	m := more.Entry
	if id, isMark := strings.CutSuffix(u.ID, markSuffix); isMark {
		return presence.Entry{}, presence.Mark{ID: id, Ends: m.Ends}, nil
	}
	e := presence.Entry{User: u.WithUnknown("entry"), Stamp: m.Stamp.of(owner), Idle: m.Idle, Number: m.Number, Tabs: m.Tabs}
	for field, s := range m.Fields {
		e.Stamps = append(e.Stamps, presence.FieldStamp{Field: field, Stamp: s.of(owner)})
	}
	e.SortStamps()
	return e, presence.Mark{}, nil
}

func (s stamp) of(owner presence.Owner) presence.Stamp {
	if s.Owner == "" {
		s.Owner = owner
	}
	return presence.Stamp(s)
}
