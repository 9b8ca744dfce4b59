package event

import (
	"encoding/json"
	"unicode/utf8"
)

// scan decodes a frame of what rosters are made of, if it is written as
// [Encode] writes it. It reports false for any other, about which encoding/json
// decides. Nearly all that a client hears is read here, at a fraction of the
// cost; above all in a browser, which compiles each function when it is first
// called, while somebody waits.
func scan(frame []byte) ([]Event, bool) {
	if !utf8.Valid(frame) {
		return nil, false
	}
	s := scanner{rest: frame}
	var events []Event
	s.must("[")
	for more := true; more && !s.broken; more = s.skip(",") {
		events = append(events, s.event())
	}
	s.must("]")
	if s.broken || len(s.rest) > 0 {
		return nil, false
	}
	return events, true
}

// scanner reads from the beginning of rest. It is broken once something else
// stands there than was asked for; what it returns then means nothing.
type scanner struct {
	rest   []byte
	broken bool
}

// skip goes past a text. It reports false if that is not what comes next.
func (s *scanner) skip(text string) bool {
	if len(s.rest) < len(text) || string(s.rest[:len(text)]) != text {
		return false
	}
	s.rest = s.rest[len(text):]
	return true
}

func (s *scanner) must(text string) {
	if !s.skip(text) {
		s.broken = true
	}
}

func (s *scanner) event() (e Event) {
	s.must(`{"event":"`)
	switch {
	case s.skip(NameExistingUsers + `","data":`):
		e = s.existingUsers()
	case s.skip(NameNewUser + `","data":`):
		e = NewUser{s.user()}
	case s.skip(NameUpdateUser + `","data":`):
		e = UpdateUser{s.user()}
	case s.skip(NameDisconnectUser + `","data":`):
		e = s.disconnectUser()
	case s.skip(NameRoom + `","data":`):
		e = s.room()
	case s.skip(NameDone + `","data":`):
		s.must(`{"ref":`)
		e = Done{Ref(s.digits())}
		s.must("}")
	default:
		s.broken = true
	}
	s.must("}")
	return e
}

func (s *scanner) existingUsers() (e ExistingUsers) {
	s.must("{")
	if s.skip(`"self":`) {
		e.Self = s.string()
		s.must(",")
	}
	s.must(`"now":`)
	e.Now = s.int()
	if s.skip(`,"ref":`) {
		e.Ref = Ref(s.digits())
	}
	if s.skip(`,"me":`) {
		e.Me = new(s.user())
	}
	if s.skip(`,"session":`) {
		e.Session = s.string()
	}
	s.must(`,"room":`)
	e.Room = s.string()
	s.must(`,"epoch":`)
	e.Epoch = s.string()
	e.Resumed = s.skip(`,"resumed":true`)
	if s.skip(`,"from":`) {
		e.From = s.count()
	}
	if s.skip(`,"total":`) {
		e.Total = new(s.count())
	}
	s.must(`,"users":`)
	e.Users = list(s, (*scanner).user)
	if s.skip(`,"gone":`) {
		e.Gone = list(s, (*scanner).string)
	}
	s.must("}")
	return e
}

func (s *scanner) user() (u User) {
	begin := s.rest
	s.must(`{"id":`)
	u.ID = s.string()
	s.must(`,"name":`)
	u.Name = s.string()
	if s.skip(`,"status":`) {
		u.Status = Status(defaultless(s.text(), "here"))
	}
	if s.skip(`,"note":`) {
		u.Note = s.string()
	}
	if s.skip(`,"link":`) {
		u.Link = Link(defaultless(s.text(), "online"))
	}
	s.must(`,"since":`)
	u.Since = s.int()
	if s.skip(`,"status_since":`) {
		u.StatusSince = s.int()
	}
	if s.skip(`,"until":`) {
		u.Until = s.int()
	}
	if s.skip(`,"data":`) {
		u.Data = Data(s.value())
	}
	s.must("}")
	if s.broken {
		return User{}
	}
	return u.kept(string(begin[:len(begin)-len(s.rest)]))
}

// value is any value of JSON, as it stands there.
func (s *scanner) value() []byte {
	begin := s.rest
	depth, inText := 0, false
	for i := 0; i < len(begin); i++ {
		switch c := begin[i]; {
		case inText && c == '\\':
			i++
		case c == '"':
			inText = !inText
		case inText:
		case c == '{' || c == '[':
			depth++
		case depth == 0 && (c == ',' || c == '}' || c == ']'):
			if i == 0 || !json.Valid(begin[:i]) {
				s.broken = true
			}
			s.rest = begin[i:]
			return begin[:i]
		case c == '}' || c == ']':
			depth--
		}
	}
	s.broken = true
	return nil
}

func (s *scanner) disconnectUser() (d DisconnectUser) {
	s.must(`{"id":`)
	d.ID = s.string()
	s.must(`,"name":`)
	d.Name = s.string()
	s.must(`,"reason":`)
	d.Reason = Reason(s.text())
	s.must("}")
	return d
}

func (s *scanner) room() (r Room) {
	s.must(`{"seq":`)
	r.Seq = uint64(s.digits())
	s.must(`,"count":`)
	r.Count = s.count()
	s.must(`,"hash":`)
	r.Hash = s.string()
	if s.skip(`,"watching":`) {
		r.Watching = s.count()
	}
	s.must("}")
	return r
}

func list[E any](s *scanner, element func(*scanner) E) []E {
	all := []E{}
	s.must("[")
	if s.skip("]") {
		return all
	}
	for more := true; more && !s.broken; more = s.skip(",") {
		all = append(all, element(s))
	}
	s.must("]")
	return all
}

func (s *scanner) string() string { return string(s.text()) }

// text is a string without escapes. It stays valid as long as the frame is not
// changed.
func (s *scanner) text() []byte {
	s.must(`"`)
	for i, c := range s.rest {
		switch {
		case c == '"':
			text := s.rest[:i]
			s.rest = s.rest[i+1:]
			return text
		case c == '\\' || c < ' ':
			s.broken = true
			return nil
		}
	}
	s.broken = true
	return nil
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
	i := 0
	for i < len(s.rest) && s.rest[i] >= '0' && s.rest[i] <= '9' {
		if i < 18 {
			n = n*10 + int64(s.rest[i]-'0')
		}
		i++
	}
	if i == 0 || i > 18 || i > 1 && s.rest[0] == '0' {
		s.broken = true
		return 0
	}
	s.rest = s.rest[i:]
	return n
}
