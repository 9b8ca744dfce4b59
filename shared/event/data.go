package event

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Data is what a program keeps of a user beside what Rollcall knows of: a JSON
// object, or empty for none. The server carries it and does not read it. Of a
// [User] it is canonical, as [ParseData] returns it.
type Data string

// MaxData is the longest that the data of a user may be, in bytes as they stand
// in a frame.
const MaxData = 1 << 10

// DataOf returns a value as data. It must be one that encoding/json makes an
// object of, and that [ParseData] takes.
func DataOf(value any) (Data, error) {
	b, err := json.Marshal(value)
	if err != nil {
		return "", err
	}
	return ParseData(string(b))
}

// Decode stores the data in what value points to, as encoding/json does. No
// data is an empty object.
func (d Data) Decode(value any) error {
	if d == "" {
		d = "{}"
	}
	return json.Unmarshal([]byte(d), value)
}

// UnmarshalJSON takes any JSON; [ParseData] says whether it is data.
func (d *Data) UnmarshalJSON(b []byte) error {
	if *d = Data(b); *d == "null" {
		*d = ""
	}
	return nil
}

// MarshalJSON gives the data as it is.
func (d Data) MarshalJSON() ([]byte, error) {
	if d == "" {
		return []byte("{}"), nil
	}
	return []byte(d), nil
}

// ParseData returns a JSON object in the one form in which it travels: a fixed
// point of what JSON.parse and JSON.stringify of a browser do, so that a client
// there can hash what it has decoded (ECMA-262, section 25.5). Keys are letters,
// digits and underscores and do not begin with a digit, so that browsers keep
// their order; __proto__, which they lose, is none; none stands twice. Numbers
// are those that a double holds. The error says what is wrong, for a person.
func ParseData(text string) (Data, error) {
	var compact bytes.Buffer
	if err := json.Compact(&compact, []byte(text)); err != nil {
		return "", dataError("Data is not JSON.")
	}
	p := dataParser{scanner: scanner{frame: compact.Bytes()}}
	if p.peek() != '{' {
		return "", dataError("Data is a JSON object.")
	}
	b := p.value(nil, 0)
	switch {
	case p.wrong != nil:
		return "", p.wrong
	case len(b) > MaxData:
		return "", ErrDataTooLong
	case string(b) == "{}":
		return "", nil
	}
	return Data(b), nil
}

// ErrDataTooLong is what is wrong with more than [MaxData].
var ErrDataTooLong error = dataErrorf("Data may have at most %d bytes as JSON.", MaxData)

// dataError is what is wrong with data: a sentence for a person.
type dataError string

func (e dataError) Error() string { return string(e) }

func dataErrorf(format string, a ...any) dataError { return dataError(fmt.Sprintf(format, a...)) }

// dataParser reads valid JSON without spaces. It is broken once something is
// wrong with the data.
type dataParser struct {
	scanner
	wrong error
}

// refuse says what is wrong, if nothing was before.
func (p *dataParser) refuse(why error) []byte {
	if p.wrong == nil {
		p.wrong, p.broken = why, true
	}
	return nil
}

// maxDepth is how deep data may be nested: less than any program's stack.
const maxDepth = 64

// value appends the next value in its canonical form.
func (p *dataParser) value(b []byte, depth int) []byte {
	if depth > maxDepth {
		return p.refuse(dataErrorf("Data may be nested at most %d deep.", maxDepth))
	}
	begin := p.at
	switch p.peek() {
	case '{':
		return p.object(b, depth)
	case '[':
		return p.list(b, depth)
	case '"':
		return appendString(b, p.string())
	case 't', 'f', 'n':
		p.scanner.value(0)
		return append(b, p.frame[begin:p.at]...)
	}
	p.number()
	number := string(p.frame[begin:p.at])
	f, err := strconv.ParseFloat(number, 64)
	if err != nil {
		return p.refuse(dataErrorf("The number %.20s in the data is too large.", number))
	}
	return appendNumber(b, f)
}

func (p *dataParser) list(b []byte, depth int) []byte {
	separator := byte('[')
	p.array(func() {
		b = p.value(append(b, separator), depth+1)
		separator = ','
		if len(b) > MaxData {
			p.refuse(ErrDataTooLong)
		}
	})
	if separator == '[' {
		b = append(b, separator)
	}
	return append(b, ']')
}

func (p *dataParser) object(b []byte, depth int) []byte {
	var members []member
	size := 0
	p.fields(func(name text) {
		key := p.decoded(name)
		if !isKey(key) {
			p.refuse(dataErrorf("%.40q cannot be a key of the data: keys are letters a to z, digits and underscores, and do not begin with a digit.", key))
			return
		}
		if _, twice := find(members, key); twice {
			p.refuse(dataErrorf("The key %.40q stands twice in the data.", key))
			return
		}
		value := p.value(nil, depth+1)
		members = put(members, member{key, string(value)})
		// To put thousands in order takes long.
		if size += len(key) + len(value); size > MaxData {
			p.refuse(ErrDataTooLong)
		}
	})
	return appendMembers(b, members)
}

func isKey(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && c != '_' && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != "" && s != "__proto__"
}

// appendNumber writes a number as JavaScript does (ECMA-262, section 6.1.6.1.20).
func appendNumber(b []byte, f float64) []byte {
	if f == 0 {
		return append(b, '0') // of -0 too
	}
	text, _ := json.Marshal(f) // which follows the same rules
	return append(b, text...)
}

// member is one key of an object with its value in JSON.
type member struct{ key, value string }

// find is the place of a key among members that are in order of their keys, and
// whether it is there.
func find(members []member, key string) (int, bool) {
	i := len(members) // keys often come in order
	for i > 0 && members[i-1].key >= key {
		i--
	}
	return i, i < len(members) && members[i].key == key
}

// put sets one key among members.
func put(members []member, m member) []member {
	i, there := find(members, m.key)
	if !there {
		members = append(members, member{})
		copy(members[i+1:], members[i:])
	}
	members[i] = m
	return members
}

// members are those of canonical data, in order of their keys. Of a text that is
// not canonical they are what of it can be read as if it were.
func (d Data) members() []member {
	if d == "" {
		return nil
	}
	var members []member
	s := scanner{frame: []byte(d)}
	s.fields(func(name text) {
		key, from := s.decoded(name), s.at
		s.value(0)
		members = append(members, member{key, string(d[from:s.at])})
	})
	if s.broken {
		return nil
	}
	return members
}

// with is the data after a patch, whose nulls stay.
func (d Data) with(patch Data) Data {
	if d == "" || patch == "" {
		return d + patch
	}
	members := d.members()
	for _, m := range patch.members() {
		members = put(members, m)
	}
	return join(members)
}

func (d Data) withoutNulls() Data {
	if !strings.Contains(string(d), "null") {
		return d
	}
	return join(slices.DeleteFunc(d.members(), func(m member) bool { return m.value == "null" }))
}

// diffData is the patch that makes from be to.
func diffData(from, to Data) Data {
	if from == to {
		return ""
	}
	var patch []member
	was, is := from.members(), to.members()
	for _, m := range was {
		if _, kept := find(is, m.key); !kept {
			patch = put(patch, member{m.key, "null"})
		}
	}
	for _, m := range is {
		if !slices.Contains(was, m) {
			patch = put(patch, m)
		}
	}
	return join(patch)
}

// join is the data of members in order of their keys.
func join(members []member) Data {
	if len(members) == 0 {
		return ""
	}
	return Data(appendMembers(nil, members))
}

func appendMembers(b []byte, members []member) []byte {
	b = append(b, '{')
	for i, m := range members {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendString(b, m.key), ':')
		b = append(b, m.value...)
	}
	return append(b, '}')
}
