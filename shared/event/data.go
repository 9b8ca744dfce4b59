package event

import (
	"encoding/json"
	"fmt"
	"io"
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
	p := dataParser{json.NewDecoder(strings.NewReader(text))}
	p.UseNumber()
	b, err := p.value(nil, 0)
	switch _, trailing := p.Token(); {
	case err != nil:
		return "", err
	case trailing != io.EOF || b[0] != '{':
		return "", dataError("Data is a JSON object.")
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

type dataParser struct{ *json.Decoder }

// maxDepth is how deep data may be nested: less than any program's stack.
const maxDepth = 64

// value appends the next value in its canonical form.
func (p dataParser) value(b []byte, depth int) ([]byte, error) {
	token, err := p.Token()
	if err != nil {
		return nil, dataError("Data is not JSON.")
	}
	if depth > maxDepth {
		return nil, dataErrorf("Data may be nested at most %d deep.", maxDepth)
	}
	switch t := token.(type) {
	case json.Delim:
		if t == '{' {
			return p.object(b, depth)
		}
		return p.array(b, depth)
	case string:
		return appendString(b, t), nil
	case json.Number:
		f, err := strconv.ParseFloat(t.String(), 64)
		if err != nil {
			return nil, dataErrorf("The number %.20s in the data is too large.", t)
		}
		return appendNumber(b, f), nil
	case bool:
		return strconv.AppendBool(b, t), nil
	}
	return append(b, "null"...), nil
}

func (p dataParser) array(b []byte, depth int) ([]byte, error) {
	b = append(b, '[')
	var err error
	for i := 0; p.More(); i++ {
		if i > 0 {
			b = append(b, ',')
		}
		if b, err = p.value(b, depth+1); err != nil {
			return nil, err
		}
		if len(b) > MaxData {
			return nil, ErrDataTooLong
		}
	}
	if _, err := p.Token(); err != nil {
		return nil, dataError("Data is not JSON.")
	}
	return append(b, ']'), nil
}

func (p dataParser) object(b []byte, depth int) ([]byte, error) {
	var members []member
	size := 0
	for p.More() {
		token, err := p.Token()
		key, ok := token.(string)
		if err != nil || !ok {
			return nil, dataError("Data is not JSON.")
		}
		if !isKey(key) {
			return nil, dataErrorf("%.40q cannot be a key of the data: keys are letters a to z, digits and underscores, and do not begin with a digit.", key)
		}
		if slices.ContainsFunc(members, func(m member) bool { return m.key == key }) {
			return nil, dataErrorf("The key %.40q stands twice in the data.", key)
		}
		value, err := p.value(nil, depth+1)
		if err != nil {
			return nil, err
		}
		members = append(members, member{key, string(value)})
		// Whoever looks for a key among all others must not look among many.
		if size += len(key) + len(value); size > MaxData {
			return nil, ErrDataTooLong
		}
	}
	if _, err := p.Token(); err != nil {
		return nil, dataError("Data is not JSON.")
	}
	slices.SortFunc(members, member.compare)
	return appendMembers(b, members), nil
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

func (m member) compare(n member) int { return strings.Compare(m.key, n.key) }

// members are those of canonical data, in order of their keys. Of a text that is
// not canonical they are what of it can be read as if it were.
func (d Data) members() []member {
	if d == "" {
		return nil
	}
	var members []member
	s := scanner{frame: []byte(d)}
	s.must("{")
	for more := true; more && !s.broken; more = s.skip(",") {
		key := s.string()
		s.must(":")
		from := s.at
		s.value(0)
		members = append(members, member{key, string(d[from:s.at])})
	}
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
		i, found := slices.BinarySearchFunc(members, m, member.compare)
		if !found {
			members = slices.Insert(members, i, m)
		}
		members[i] = m
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
		if _, kept := slices.BinarySearchFunc(is, m, member.compare); !kept {
			patch = append(patch, member{m.key, "null"})
		}
	}
	for _, m := range is {
		if !slices.Contains(was, m) {
			patch = append(patch, m)
		}
	}
	slices.SortFunc(patch, member.compare)
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
