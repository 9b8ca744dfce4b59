// Package slice is what one server knows of its own users in a room, as it travels to
// other servers.
//
// A slice is a roster like any other: it has users in the order of their arrival, a count
// and a hash, and it changes by the same events. Each of its users has one member more
// than a client sees, which a server needs to merge it with what it knows. What marks say
// (see presence.Mark) stands in it too, as users whose ids no user has.
package slice

import (
	"fmt"
	"strings"

	"rollcall/server/presence"
	"rollcall/shared/event"
)

// markSuffix ends the id of a mark. No public id has such a character.
const markSuffix = "!"

// MarkID returns the id of the element for the mark of a user.
func MarkID(id string) string { return id + markSuffix }

// Encode returns the element for what owner knows of a user.
func Encode(owner presence.Owner, e presence.Entry) event.User {
	m := member{Number: e.Number, Stamp: shortened(owner, e.Stamp), Idle: e.Idle, Tabs: e.Tabs, Lost: e.Lost, Seen: e.Seen}
	if e.Ties != nil {
		m.Over, m.Was = e.Ties.Over, e.Ties.Was
	}
	for _, f := range e.Stamps {
		m.Fields = append(m.Fields, fieldStamp{f.Field, shortened(owner, f.Stamp)})
	}
	return encode(e.User, m)
}

// EncodeMark returns the element for a mark.
func EncodeMark(m presence.Mark) event.User {
	return encode(event.User{ID: MarkID(m.ID)}, member{Stamp: stamp{Time: m.At}, Ends: m.Ends})
}

func encode(u event.User, m member) event.User {
	var short [256]byte
	return u.EncodedWith(string(m.append(append(short[:0], `"entry":`...))))
}

func shortened(owner presence.Owner, s presence.Stamp) stamp {
	if s.Owner == owner {
		s.Owner = ""
	}
	return stamp(s)
}

// Decode returns what an element of owner's slice says: an entry, or a mark if its ID is
// not empty.
func Decode(owner presence.Owner, u event.User) (presence.Entry, presence.Mark, error) {
	of, text := u.WithUnknown("entry")
	m, err := parse(text)
	if err != nil {
		return presence.Entry{}, presence.Mark{}, fmt.Errorf("user %q: %w", u.ID, err)
	}
	if id, isMark := strings.CutSuffix(u.ID, markSuffix); isMark && id != "" {
		return presence.Entry{}, presence.Mark{ID: id, At: min(m.Stamp.Time, maxTime), Ends: m.Ends}, nil
	}
	if u.ID == "" || strings.HasSuffix(u.ID, markSuffix) {
		return presence.Entry{}, presence.Mark{}, errNoEntry
	}
	e := presence.Entry{User: of, Stamp: m.Stamp.of(owner), Idle: m.Idle, Number: m.Number, Tabs: m.Tabs, Lost: m.Lost, Seen: m.Seen}
	if len(m.Over) > 0 || m.Was != (presence.EntryName{}) {
		e.Ties = &presence.Ties{Over: m.Over, Was: m.Was}
	}
	for _, f := range m.Fields {
		e.Stamps = append(e.Stamps, presence.FieldStamp{Field: f.field, Stamp: f.stamp.of(owner)})
	}
	e.SortStamps()
	return e, presence.Mark{}, nil
}

func (s stamp) of(owner presence.Owner) presence.Stamp {
	if s.Owner == "" {
		s.Owner = owner
	}
	s.Time = min(s.Time, maxTime) // or nothing could be later
	return presence.Stamp(s)
}

// maxTime is the latest time of a stamp that is believed, Unix milliseconds: in the year
// 10889.
const maxTime = 1 << 48
