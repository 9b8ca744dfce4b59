package event

import (
	"encoding/json"
	"slices"
	"strings"
)

// scanner reads a frame from at on. It is broken once something else stands
// there than was asked for; what it returns then means nothing.
type scanner struct {
	frame  []byte
	at     int
	broken bool
}

// scannedObject is an object that is being read.
type scannedObject struct {
	known []string // its fields, in the order in which they are written
	past  int      // how many of them cannot come any more
	field string   // the one whose value comes next
	begun bool     // a field was read
}

// object goes into an object.
func (s *scanner) object(known []string) scannedObject {
	s.must("{")
	return scannedObject{known: known}
}

// next goes to the value of the next field that is known, past all others. It
// reports false behind the end of the object. A known field that is out of order
// breaks the scanner, and so does a name with anything but small letters, digits
// and underscores: encoding/json has rules for what stands twice, and takes small
// and capital letters for the same.
func (s *scanner) next(o *scannedObject) bool {
	for !s.broken {
		if !o.begun && s.skip("}") {
			return false
		}
		if o.begun && !s.skip(",") {
			s.must("}")
			return false
		}
		o.begun = true
		key := s.text()
		s.must(":")
		name := s.raw(key)
		for i, known := range o.known[o.past:] {
			if string(name) == known {
				o.past += i + 1
				o.field = known
				return !s.broken
			}
		}
		if !isPlain(name) || slices.Contains(o.known[:o.past], string(name)) {
			s.broken = true
		}
		s.value(0)
	}
	return false
}

func isPlain(name []byte) bool {
	for _, c := range name {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return true
}

// array reads an array, of which element reads each element.
func (s *scanner) array(element func()) {
	s.must("[")
	if s.skip("]") {
		return
	}
	for more := true; more && !s.broken; more = s.skip(",") {
		element()
	}
	s.must("]")
}

// fields reads an object, of which field reads each value.
func (s *scanner) fields(field func(name text)) {
	s.must("{")
	if s.skip("}") {
		return
	}
	for more := true; more && !s.broken; more = s.skip(",") {
		name := s.text()
		s.must(":")
		field(name)
	}
	s.must("}")
}

// skip goes past what comes next, if it is that. It reports false if it is not.
func (s *scanner) skip(what string) bool {
	end := s.at + len(what)
	if end > len(s.frame) || string(s.frame[s.at:end]) != what {
		return false
	}
	s.at = end
	return true
}

func (s *scanner) must(what string) {
	if !s.skip(what) {
		s.broken = true
	}
}

// peek is the byte that comes next, 0 at the end.
func (s *scanner) peek() byte {
	if s.at == len(s.frame) {
		return 0
	}
	return s.frame[s.at]
}

// text is a string as it stands in the frame between its quotes.
type text struct {
	from, to int
	escaped  bool
}

// text goes past a string.
func (s *scanner) text() (t text) {
	s.must(`"`)
	t.from = s.at
	for at := s.at; at < len(s.frame) && !s.broken; at++ {
		switch c := s.frame[at]; {
		case c == '"':
			t.to, s.at = at, at+1
			return t
		case c == '\\':
			t.escaped = true
			at += s.escape(at)
		case c < ' ':
			s.broken = true
		}
	}
	s.broken = true
	return t
}

// escape is how many bytes belong to the backslash that stands at a place.
func (s *scanner) escape(at int) int {
	rest := s.frame[at+1:]
	switch {
	case len(rest) >= 1 && strings.IndexByte(`"\/bfnrt`, rest[0]) >= 0:
		return 1
	case len(rest) >= 5 && rest[0] == 'u' && !slices.ContainsFunc(rest[1:5], notHex):
		return 5
	}
	s.broken = true
	return 0
}

func notHex(c byte) bool {
	return (c < '0' || c > '9') && (c < 'a' || c > 'f') && (c < 'A' || c > 'F')
}

// raw is the text as it stands there.
func (s *scanner) raw(t text) []byte { return s.frame[t.from:max(t.from, t.to)] }

// decoded is what a text stands for.
func (s *scanner) decoded(t text) string { return unescaped(string(s.raw(t)), t.escaped) }

func (s *scanner) string() string { return s.decoded(s.text()) }

// of is the text, out of a string that has the frame's bytes from begin on.
func (t text) of(part string, begin int) string {
	if t.to == 0 { // there was none
		return ""
	}
	return unescaped(part[t.from-begin:t.to-begin], t.escaped)
}

// unescaped is what a text stands for that was gone past.
func unescaped(raw string, escaped bool) string {
	if !escaped {
		return raw
	}
	var text string
	_ = json.Unmarshal([]byte(`"`+raw+`"`), &text)
	return text
}

func (s *scanner) bool() bool {
	if s.skip("true") {
		return true
	}
	s.must("false")
	return false
}

func (s *scanner) int() int64 {
	if s.skip("-") {
		return -s.digits()
	}
	return s.digits()
}

func (s *scanner) count() int {
	n := s.int()
	if int64(int(n)) != n {
		s.broken = true
	}
	return int(n)
}

// digits is a whole number that surely fits; a larger one breaks the scanner.
func (s *scanner) digits() (n int64) {
	begin := s.at
	for c := s.peek(); c >= '0' && c <= '9'; c = s.peek() {
		n = n*10 + int64(c-'0')
		s.at++
	}
	if size := s.at - begin; size == 0 || size > 18 || size > 1 && s.frame[begin] == '0' {
		s.broken = true
	}
	return n
}

// deepest is how deep values may be nested here that are not known. What
// encoding/json refuses is much deeper.
const deepest = 100

// value goes past any value (RFC 8259, section 3).
func (s *scanner) value(depth int) {
	switch c := s.peek(); {
	case depth > deepest:
		s.broken = true
	case c == '"':
		s.text()
	case c == '[':
		s.array(func() { s.value(depth + 1) })
	case c == '{':
		s.fields(func(text) { s.value(depth + 1) })
	case c == 't' || c == 'f':
		s.bool()
	case c == 'n':
		s.must("null")
	default:
		s.number()
	}
}

// number goes past a number (RFC 8259, section 6).
func (s *scanner) number() {
	s.skip("-")
	if !s.skip("0") {
		s.someDigits()
	}
	if s.skip(".") {
		s.someDigits()
	}
	if s.skip("e") || s.skip("E") {
		_ = s.skip("+") || s.skip("-")
		s.someDigits()
	}
}

func (s *scanner) someDigits() {
	begin := s.at
	for c := s.peek(); c >= '0' && c <= '9'; c = s.peek() {
		s.at++
	}
	if s.at == begin {
		s.broken = true
	}
}
