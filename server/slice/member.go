package slice

import (
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"

	"rollcall/server/presence"
	"rollcall/shared/event"
)

// member is what an element has beside a user, as JSON. A newer server may add to it. Its
// JSON is written and read here and not by encoding/json: a room can have a hundred
// thousand elements, and that would take most of the time until they are known.
type member struct {
	Number uint64               `json:"n"`
	Stamp  stamp                `json:"at"`
	Fields fieldStamps          `json:"fields"`
	Idle   int64                `json:"idle"`
	Tabs   []presence.TabRef    `json:"tabs"`
	Lost   uint64               `json:"lost"`
	Seen   []presence.EntryName `json:"seen"`
	Over   []presence.EntryName `json:"over"`
	Was    presence.EntryName   `json:"was"`
	Ends   []presence.EntryName `json:"ends"` // of a mark
}

// stamp is a presence.Stamp. It has no owner if that is the owner of the slice.
type stamp struct {
	Time  int64          `json:"t"`
	Owner presence.Owner `json:"by"`
}

// fieldStamps are an object with the fields as its names.
type fieldStamps []fieldStamp

type fieldStamp struct {
	field string
	stamp stamp
}

// append appends the member. What is empty is left out.
func (m member) append(b []byte) []byte {
	b = append(b, '{')
	first := true
	name := func(name string) {
		if !first {
			b = append(b, ',')
		}
		first = false
		b = append(append(append(b, '"'), name...), `":`...)
	}
	if m.Number != 0 {
		name("n")
		b = strconv.AppendUint(b, m.Number, 10)
	}
	if m.Stamp != (stamp{}) {
		name("at")
		b = m.Stamp.append(b)
	}
	if len(m.Fields) > 0 {
		name("fields")
		for i, f := range m.Fields {
			b = append(appendText(append(b, "{,"[min(i, 1)]), f.field), ':')
			b = f.stamp.append(b)
		}
		b = append(b, '}')
	}
	if m.Idle != 0 {
		name("idle")
		b = strconv.AppendInt(b, m.Idle, 10)
	}
	if len(m.Tabs) > 0 {
		name("tabs")
		for i, t := range m.Tabs {
			b = appendText(append(append(b, "[,"[min(i, 1)]), `{"tab":`...), t.Tab)
			b = append(strconv.AppendUint(append(b, `,"done":`...), uint64(t.Done), 10), '}')
		}
		b = append(b, ']')
	}
	if m.Lost != 0 {
		name("lost")
		b = strconv.AppendUint(b, m.Lost, 10)
	}
	if len(m.Seen) > 0 {
		name("seen")
		b = appendNames(b, m.Seen)
	}
	if len(m.Over) > 0 {
		name("over")
		b = appendNames(b, m.Over)
	}
	if m.Was != (presence.EntryName{}) {
		name("was")
		b = appendName(b, m.Was)
	}
	if len(m.Ends) > 0 {
		name("ends")
		b = appendNames(b, m.Ends)
	}
	return append(b, '}')
}

func appendNames(b []byte, names []presence.EntryName) []byte {
	for i, e := range names {
		b = appendName(append(b, "[,"[min(i, 1)]), e)
	}
	return append(b, ']')
}

func appendName(b []byte, e presence.EntryName) []byte {
	b = appendText(append(b, `{"owner":`...), string(e.Owner))
	return append(strconv.AppendUint(append(b, `,"number":`...), e.Number, 10), '}')
}

func (s stamp) append(b []byte) []byte {
	b = strconv.AppendInt(append(b, `{"t":`...), s.Time, 10)
	if s.Owner != "" {
		b = appendText(append(b, `,"by":`...), string(s.Owner))
	}
	return append(b, '}')
}

// appendText appends a text as JSON.
func appendText(b []byte, text string) []byte {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			quoted, err := json.Marshal(text)
			if err != nil {
				panic(err) // it is a text
			}
			return append(b, quoted...)
		}
	}
	return append(append(append(b, '"'), text...), '"')
}

// errNoEntry is that an element has not what a server needs.
var errNoEntry = errors.New("it is no element of a slice")

// parse reads a member. What is not written as above, encoding/json decides about.
func parse(text string) (m member, err error) {
	if text == "" || text == "null" {
		return m, errNoEntry
	}
	s := scanner{text: text}
	s.member(&m)
	if s.broken || s.text != "" {
		m = member{}
		err = json.Unmarshal([]byte(text), &m)
	}
	return m, err
}

// UnmarshalJSON reads an object.
func (f *fieldStamps) UnmarshalJSON(b []byte) error {
	var of map[string]stamp
	err := json.Unmarshal(b, &of)
	*f = nil
	for field, stamp := range of {
		*f = append(*f, fieldStamp{field, stamp})
	}
	slices.SortFunc(*f, func(a, b fieldStamp) int { return strings.Compare(a.field, b.field) })
	return err
}

// scanner reads JSON without spaces, and from a text without escapes. It is broken once
// something else is there.
type scanner struct {
	text   string // what is left
	broken bool
}

// skip goes past what comes next, if it is that. It reports false if it is not.
func (s *scanner) skip(what byte) bool {
	if s.text == "" || s.text[0] != what {
		return false
	}
	s.text = s.text[1:]
	return true
}

func (s *scanner) must(what byte) {
	if !s.skip(what) {
		s.broken = true
	}
}

// object reads an object, of which field reads each value.
func (s *scanner) object(field func(name string)) {
	s.must('{')
	if s.skip('}') {
		return
	}
	for more := true; more && !s.broken; more = s.skip(',') {
		name := s.string()
		s.must(':')
		field(name)
	}
	s.must('}')
}

// list reads a list, of which element reads each element.
func (s *scanner) list(element func()) {
	s.must('[')
	if s.skip(']') {
		return
	}
	for more := true; more && !s.broken; more = s.skip(',') {
		element()
	}
	s.must(']')
}

// string returns a part of the text, so it takes no memory.
func (s *scanner) string() string {
	s.must('"')
	end := strings.IndexByte(s.text, '"')
	if end < 0 || strings.IndexByte(s.text[:end], '\\') >= 0 {
		s.broken = true
		return ""
	}
	found := s.text[:end]
	s.text = s.text[end+1:]
	return found
}

// number returns a whole number.
func (s *scanner) number() uint64 {
	end := 0
	for end < len(s.text) && s.text[end] >= '0' && s.text[end] <= '9' {
		end++
	}
	n, err := strconv.ParseUint(s.text[:end], 10, 64)
	if err != nil {
		s.broken = true
	}
	s.text = s.text[end:]
	return n
}

func (s *scanner) time() int64 {
	n := s.number()
	if int64(n) < 0 {
		s.broken = true
	}
	return int64(n)
}

func (s *scanner) member(m *member) {
	s.object(func(name string) {
		switch name {
		case "n":
			m.Number = s.number()
		case "at":
			m.Stamp = s.stamp()
		case "fields":
			s.object(func(name string) { m.Fields = append(m.Fields, fieldStamp{name, s.stamp()}) })
		case "idle":
			m.Idle = s.time()
		case "tabs":
			s.list(func() { m.Tabs = append(m.Tabs, s.tab()) })
		case "lost":
			m.Lost = s.number()
		case "seen":
			s.list(func() { m.Seen = append(m.Seen, s.entryName()) })
		case "over":
			s.list(func() { m.Over = append(m.Over, s.entryName()) })
		case "was":
			m.Was = s.entryName()
		case "ends":
			s.list(func() { m.Ends = append(m.Ends, s.entryName()) })
		default: // of a newer server
			s.broken = true
		}
	})
}

func (s *scanner) stamp() (of stamp) {
	s.object(func(name string) {
		switch name {
		case "t":
			of.Time = s.time()
		case "by":
			of.Owner = presence.Owner(s.string())
		default:
			s.broken = true
		}
	})
	return of
}

func (s *scanner) tab() (of presence.TabRef) {
	s.object(func(name string) {
		switch name {
		case "tab":
			of.Tab = s.string()
		case "done":
			of.Done = event.Ref(s.number())
		default:
			s.broken = true
		}
	})
	return of
}

func (s *scanner) entryName() (of presence.EntryName) {
	s.object(func(name string) {
		switch name {
		case "owner":
			of.Owner = presence.Owner(s.string())
		case "number":
			of.Number = s.number()
		default:
			s.broken = true
		}
	})
	return of
}
