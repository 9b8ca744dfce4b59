package event

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// minList is from how many on events of one kind, one behind the other, are
// written as one event whose data is a list: when thousands arrive at once, the
// name of the event is a third of the bytes. Fewer are written one by one, so
// that what is seen every day is easy to read.
const minList = 8

// Encode returns the frame of one or more events.
func Encode(events ...Event) []byte {
	b := []byte{'['}
	for begin := 0; begin < len(events); {
		if begin > 0 {
			b = append(b, ',')
		}
		e := events[begin]
		b = append(b, `{"event":"`...)
		b = append(b, e.EventName()...)
		b = append(b, `","data":`...)
		if same := sameKind(events[begin:]); same >= minList {
			b = appendList(b, same, func(b []byte, i int) []byte { return appendData(b, events[begin+i]) })
			begin += same
		} else {
			b = appendData(b, e)
			begin++
		}
		b = append(b, '}')
	}
	return append(b, ']')
}

// sameKind is how many events at the beginning of some may be written as one:
// 1 if it is not one of those that may.
func sameKind(events []Event) int {
	name := events[0].EventName()
	for i, e := range events {
		switch e.(type) {
		case NewUser, UpdateUser, DisconnectUser:
			if e.EventName() == name {
				continue
			}
		}
		return max(1, i)
	}
	return len(events)
}

// appendList writes an array of n elements.
func appendList(b []byte, n int, element func(b []byte, i int) []byte) []byte {
	b = append(b, '[')
	for i := range n {
		if i > 0 {
			b = append(b, ',')
		}
		b = element(b, i)
	}
	return append(b, ']')
}

// appendData writes by hand all that is sent often, or by a page: json.Marshal,
// which a test compares it with, takes five times as long, and in a browser it
// has to be compiled first.
func appendData(b []byte, e Event) []byte {
	switch e := e.(type) {
	case NewUser:
		return appendUser(b, e.User)
	case UpdateUser:
		return appendUser(b, e.User)
	case ExistingUsers:
		return appendShared(appendHead(b, e), e)
	case Done:
		return append(append(object(b), '{').uint("ref", uint64(e.Ref)), '}')
	case Room:
		return appendRoom(b, e)
	case GotANewUser, ChangeUser, View, Watch, Active, Leave:
		return appendClient(b, e)
	}
	return append(b, marshal(e)...)
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

func appendRoom(b []byte, r Room) []byte {
	o := append(object(b), '{')
	o = o.uint("seq", r.Seq)
	o = o.int("count", int64(r.Count))
	o = o.text("hash", r.Hash)
	o = o.someInt("watching", int64(r.Watching))
	if r.Partial {
		o = o.someJSON("partial", "true")
	}
	return append(o, '}')
}

// object writes the fields of an object; those that are some only if they are
// not empty.
type object []byte

func (o object) name(name string) object {
	if n := len(o); n == 0 || o[n-1] != '{' {
		o = append(o, ',')
	}
	return append(append(append(o, '"'), name...), `":`...)
}

func (o object) text(name, s string) object { return appendString(o.name(name), s) }

func (o object) someText(name, s string) object {
	if s == "" {
		return o
	}
	return o.text(name, s)
}

func (o object) int(name string, n int64) object { return strconv.AppendInt(o.name(name), n, 10) }

func (o object) someInt(name string, n int64) object {
	if n == 0 {
		return o
	}
	return o.int(name, n)
}

func (o object) uint(name string, n uint64) object { return strconv.AppendUint(o.name(name), n, 10) }

func (o object) someRef(ref Ref) object {
	if ref == 0 {
		return o
	}
	return o.uint("ref", uint64(ref))
}

func (o object) someJSON(name, json string) object {
	if json == "" {
		return o
	}
	return append(o.name(name), json...)
}

func (o object) resume(r *Resume) object {
	if r == nil {
		return o
	}
	return append(append(o.name("resume"), '{').text("epoch", r.Epoch).uint("seq", r.Seq).someInt("since", r.Since), '}')
}

func appendClient(b []byte, e Event) []byte {
	o := append(object(b), '{')
	o = o.someRef(RefOf(e))
	switch e := e.(type) {
	case GotANewUser:
		o = o.someText("tab", e.Tab)
		o = o.patch(e.Patch)
		if e.Wanted != nil {
			o = append(append(o.name("change"), '{').patch(*e.Wanted), '}')
		}
		o = o.someText("room", e.Room)
		o = o.resume(e.Resume)
		o = o.someText("session", e.Session)
	case Watch:
		o = o.someText("room", e.Room)
		o = o.resume(e.Resume)
	case ChangeUser:
		o = o.patch(e.Patch)
	case View:
		o = o.someInt("from", int64(e.From))
		o = o.someInt("count", int64(e.Count))
		o = o.someText("query", e.Query)
	case Active:
		o = strconv.AppendBool(o.name("active"), e.Active)
	}
	return append(o, '}')
}

// appendString writes a string as JSON.stringify does (ECMA-262, section
// 25.5.2.3), so that a browser's hash of what it has decoded is that of what
// came. What is no UTF-8 becomes U+FFFD.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	if !utf8.ValidString(s) {
		s = string([]rune(s))
	}
	written := 0
	for i := range len(s) {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		b = append(b, s[written:i]...)
		written = i + 1
		if short := strings.IndexByte("\"\\\b\f\n\r\t", c); short >= 0 {
			b = append(b, '\\', "\"\\bfnrt"[short])
		} else {
			const digits = "0123456789abcdef"
			b = append(b, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
		}
	}
	return append(append(b, s[written:]...), '"')
}

// appendHead begins the data of an existing_users with what differs between
// its receivers, and appendShared ends it.
func appendHead(b []byte, e ExistingUsers) []byte {
	o := append(object(b), '{').someText("self", e.Self).int("now", e.Now).someRef(e.Ref)
	if e.Me != nil {
		o = appendUser(o.name("me"), *e.Me)
	}
	return o.someText("session", e.Session)
}

func appendShared(b []byte, e ExistingUsers) []byte {
	o := object(b).text("room", e.Room).text("epoch", e.Epoch)
	if e.Resumed {
		o = o.someJSON("resumed", "true")
	}
	o = o.someInt("from", int64(e.From))
	if e.Total != nil {
		o = o.int("total", int64(*e.Total))
	}
	o = appendList(o.name("users"), len(e.Users), func(b []byte, i int) []byte { return appendUser(b, e.Users[i]) })
	if len(e.Gone) > 0 {
		o = appendList(o.name("gone"), len(e.Gone), func(b []byte, i int) []byte { return appendString(b, e.Gone[i]) })
	}
	return append(o, '}')
}

// EncodeSnapshot returns what all receivers of a frame of [ExistingUsers] and
// [Room] share: the frame after [AppendSnapshotHead], with what that writes left
// to it. It is encoded once for all.
func EncodeSnapshot(s ExistingUsers, state Room) []byte {
	size := 256
	for _, u := range s.Users {
		if size += len(u.wire) + 1; u.wire == "" {
			size += 96
		}
	}
	b := appendShared(make([]byte, 0, size), s)
	b = append(b, `},{"event":"`+NameRoom+`","data":`...)
	b = appendRoom(b, state)
	return append(b, "}]"...)
}

// AppendSnapshotHead appends what is one receiver's own of such a frame, which
// is its beginning: what is done, if that is not 0, and Self, Now, Ref, Me and
// Session.
func AppendSnapshotHead(b []byte, done Ref, own ExistingUsers) []byte {
	if done != 0 {
		b = AppendDone(b, done)
	} else {
		b = append(b, '[')
	}
	return appendHead(append(b, `{"event":"`+NameExistingUsers+`","data":`...), own)
}

// AppendDone appends the beginning of a frame that says first what is done: it
// stands for the first byte of the frame of what follows.
func AppendDone(b []byte, ref Ref) []byte {
	b = strconv.AppendUint(append(b, `[{"event":"`+NameDone+`","data":{"ref":`...), uint64(ref), 10)
	return append(b, "}},"...)
}
