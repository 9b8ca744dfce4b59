package event

import "unicode/utf8"

// scan decodes a frame that is written as [Encode] writes one, by this version
// or by a newer one: without spaces, with the fields that are known in the order
// in which they stand here, and any others between and behind them. It reports
// false for all else, about which encoding/json decides. So all that a client
// hears is read here, at a fraction of the cost; above all in a browser, which
// compiles each function when it is first called, while somebody waits.
func scan(frame []byte) ([]Event, bool) {
	if !utf8.Valid(frame) {
		return nil, false
	}
	s := scanner{frame: frame}
	events := []Event{}
	s.must("[")
	for more := true; more && !s.broken; more = s.skip(",") {
		events = s.event(events)
	}
	s.must("]")
	if s.broken || s.at < len(frame) {
		return nil, false
	}
	return events, true
}

// The fields that are known, in the order in which they are written.
var (
	eventFields    = []string{"event", "data"}
	existingFields = []string{"self", "now", "ref", "me", "session", "room", "epoch", "resumed", "from", "total", "users", "gone"}
	goneFields     = []string{"id", "name", "reason"}
	roomFields     = []string{"seq", "count", "hash", "watching", "partial"}
	doneFields     = []string{"ref"}
)

// event appends what one element of the frame says: as a rule one event, one
// for each element of a list, and none if it is not known.
func (s *scanner) event(events []Event) []Event {
	var name text
	var data func(*scanner) Event // reads the data; nil if the event is not known, or its data is read
	list := false
	for o := s.object(eventFields); s.next(&o); {
		switch {
		case o.field == "event":
			name = s.text()
			data, list = s.kind(name)
		case data == nil:
			s.value(0)
		case list && s.peek() == '[':
			s.array(func() { events = append(events, data(s)) })
			data = nil
		default:
			events = append(events, data(s))
			data = nil
		}
	}
	if name.from == name.to || name.escaped || data != nil { // no name, an odd one, or no data
		s.broken = true
	}
	return events
}

// kind finds out how to scan the event of a name. Data is nil if the event is not
// known. An event that is known and cannot be scanned breaks the scanner.
func (s *scanner) kind(name text) (data func(*scanner) Event, list bool) {
	raw := s.raw(name)
	for i := range serverEvents {
		if k := &serverEvents[i]; string(raw) == k.name {
			s.broken = s.broken || k.scan == nil
			return k.scan, k.list
		}
	}
	return nil, false
}

func (s *scanner) existingUsers() Event {
	var e ExistingUsers
	for o := s.object(existingFields); s.next(&o); {
		switch o.field {
		case "self":
			e.Self = s.string()
		case "now":
			e.Now = s.int()
		case "ref":
			e.Ref = Ref(s.digits())
		case "me":
			e.Me = new(s.user())
		case "session":
			e.Session = s.string()
		case "room":
			e.Room = s.string()
		case "epoch":
			e.Epoch = s.string()
		case "resumed":
			e.Resumed = s.bool()
		case "from":
			e.From = s.count()
		case "total":
			e.Total = new(s.count())
		case "users":
			e.Users = []User{}
			s.array(func() {
				begin := s.at
				u := s.user()
				if len(e.Users) == 0 { // to let it grow takes as long as to read them: as if all were as long
					e.Users = make([]User, 0, 1+(len(s.frame)-begin)/(1+s.at-begin))
				}
				e.Users = append(e.Users, u)
			})
		case "gone":
			e.Gone = []string{}
			s.array(func() { e.Gone = append(e.Gone, s.string()) })
		}
	}
	return e
}

func (s *scanner) newUser() Event { return NewUser{s.user()} }

func (s *scanner) updateUser() Event { return UpdateUser{s.user()} }

func (s *scanner) disconnectUser() Event {
	var d DisconnectUser
	for o := s.object(goneFields); s.next(&o); {
		switch o.field {
		case "id":
			d.ID = s.string()
		case "name":
			d.Name = s.string()
		case "reason":
			d.Reason = Reason(s.string())
		}
	}
	return d
}

func (s *scanner) room() Event {
	var r Room
	for o := s.object(roomFields); s.next(&o); {
		switch o.field {
		case "seq":
			r.Seq = uint64(s.digits())
		case "count":
			r.Count = s.count()
		case "hash":
			r.Hash = s.string()
		case "watching":
			r.Watching = s.count()
		case "partial":
			r.Partial = s.bool()
		}
	}
	return r
}

func (s *scanner) done() Event {
	var d Done
	for o := s.object(doneFields); s.next(&o); {
		d.Ref = Ref(s.digits())
	}
	return d
}
