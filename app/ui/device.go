package ui

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/maxence-charriere/go-app/v9/pkg/app"

	"rollcall/app/board"
	"rollcall/app/visit"
	"rollcall/shared/client"
	"rollcall/shared/event"
)

// This file is what the page stores on the device, until somebody says “forget”.

// The two storages of the browser: one lasts as long as the device keeps it, the other
// as long as the tab is open.
const (
	deviceStorage = "localStorage"
	tabStorage    = "sessionStorage"
)

const (
	prefix    = "rollcall."
	nameKey   = prefix + "name"    // that others saw last, in any room
	roomsKey  = prefix + "rooms"   // used last
	toldKey   = prefix + "told"    // the people whose arrival is told
	layoutKey = prefix + "look"    // listLayout, or empty for boxes
	rosterKey = prefix + "roster." // and a room: who was there
	joinedKey = prefix + "joined"  // of a tab: the room that it is in
	endKey    = prefix + "end"     // set until the server has forgotten the visitor
	newerKey  = prefix + "newer"   // of a tab: it was reloaded for a newer server

	// Followed by a room: how others saw the visitor there last. Each has a key of its
	// own, since two tabs in one room store what they know of one user.
	nameIn   = prefix + "name."
	statusIn = prefix + "status." // that was chosen by hand last
	noteIn   = prefix + "note."

	// From before each room had its own.
	statusKey = prefix + "status"
	noteKey   = prefix + "note"
)

// listLayout is what layoutKey holds for a board that is a list.
const listLayout = "list"

// recall returns what is stored; empty if nothing is, or if storage is off.
func recall(storage, key string) (value string) {
	if app.IsServer {
		return ""
	}
	defer func() {
		if recover() != nil { // the visitor has blocked it
			value = ""
		}
	}()
	if v := app.Window().Get(storage).Call("getItem", key); v.Truthy() {
		return v.String()
	}
	return ""
}

// remember stores the value, or removes the key if the value is empty.
func remember(storage, key, value string) {
	if app.IsServer {
		return
	}
	defer func() { _ = recover() }() // blocked or full: then it is not stored
	if value == "" {
		app.Window().Get(storage).Call("removeItem", key)
		return
	}
	app.Window().Get(storage).Call("setItem", key, value)
}

// forgetDevice removes everything from both storages. It notes that the server has to
// forget the visitor too: the page cannot remove the cookie.
func forgetDevice() {
	if app.IsServer {
		return
	}
	defer func() { _ = recover() }()
	for _, storage := range []string{deviceStorage, tabStorage} {
		s := app.Window().Get(storage)
		var keys []string
		for i := range s.Get("length").Int() {
			if key := s.Call("key", i).String(); strings.HasPrefix(key, prefix) {
				keys = append(keys, key)
			}
		}
		for _, key := range keys {
			s.Call("removeItem", key)
		}
	}
	remember(deviceStorage, endKey, "yes")
}

// toEnd reports whether the server has still to forget the visitor.
func toEnd() bool { return recall(deviceStorage, endKey) != "" }

// endSession asks the server to forget the visitor, and calls f with whether it has.
func endSession(f func(done bool)) {
	settle(func() app.Value { return script().Call("forget") }, func(done bool) {
		if done {
			remember(deviceStorage, endKey, "")
		}
		f(done)
	})
}

// asNobody opens connections only when the server has forgotten the visitor, if it is
// to: until then it would let the visitor in as the same user.
func asNobody(dial func(context.Context, string) (client.Socket, error)) func(context.Context, string) (client.Socket, error) {
	return func(ctx context.Context, url string) (client.Socket, error) {
		if !toEnd() {
			return dial(ctx, url)
		}
		ended := make(chan bool, 1)
		endSession(func(done bool) { ended <- done })
		select {
		case done := <-ended:
			if !done {
				return nil, errors.New("the server has still to forget the visitor")
			}
			return dial(ctx, url)
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// device holds what is stored on the device: to read the browser's storage at every
// change of a room would be slow.
type device struct {
	name   string   // that others saw last: a new room offers it
	layout string   // of boards
	rooms  []string // used last, the latest first
	told   []told   // the people whose arrival is told
	room   string   // of self
	self   self
}

// self is how others see the visitor in a room. Another room is only offered the name:
// a status and a note are for the room where they were set.
type self struct {
	name   string
	status event.Status // that was chosen by hand last
	note   string
}

func recallDevice() device {
	d := device{
		name:   sayable(recall(deviceStorage, nameKey)),
		layout: recall(deviceStorage, layoutKey),
		rooms: slices.DeleteFunc(recallJSON[[]string](roomsKey), func(room string) bool {
			parsed, ok := event.ParseRoom(room)
			return !ok || parsed != room
		}),
		told: recallJSON[[]told](toldKey),
	}
	d.share()
	return d
}

// share gives the status and the note, which once were the same everywhere, to the rooms
// that were used.
func (d *device) share() {
	status, note := recall(deviceStorage, statusKey), recall(deviceStorage, noteKey)
	if status == "" && note == "" {
		return
	}
	for _, room := range d.rooms {
		if recall(deviceStorage, nameIn+room) == "" {
			remember(deviceStorage, nameIn+room, d.name)
			remember(deviceStorage, statusIn+room, status)
			remember(deviceStorage, noteIn+room, note)
		}
	}
	remember(deviceStorage, statusKey, "")
	remember(deviceStorage, noteKey, "")
}

// sayable returns a stored text; empty if it is too long for a hello, so that this page
// cannot have stored it.
func sayable(s string) string {
	if len(s) > event.MaxTypedBytes {
		return ""
	}
	return s
}

// in returns how others saw the visitor in a room last; the zero self if they did not.
func (d *device) in(room string) self {
	if d.room != room {
		d.room, d.self = room, self{
			name:   sayable(recall(deviceStorage, nameIn+room)),
			status: event.Status(recall(deviceStorage, statusIn+room)),
			note:   sayable(recall(deviceStorage, noteIn+room)),
		}
	}
	return d.self
}

// stored returns what the device has stored of the visitor for the room of the page.
func (p *Page) stored() visit.Stored {
	room := p.room()
	self := p.device.in(room)
	k := visit.Stored{
		Offered: p.device.nameFor(room),
		Self:    visit.Self{Name: self.name, Status: self.status, Note: self.note},
	}
	for _, t := range p.device.told {
		if t.Room == room {
			k.Told = append(k.Told, t.ID)
		}
	}
	return k
}

// nameFor returns the name to offer in a room.
func (d *device) nameFor(room string) string { return cmp.Or(d.in(room).name, d.name) }

// seenAs stores the name and the note that others see in a room.
func (d *device) seenAs(room string, me event.User) {
	before := d.in(room)
	if me.Name != before.name {
		d.self.name, d.name = me.Name, me.Name
		remember(deviceStorage, nameIn+room, me.Name)
		remember(deviceStorage, nameKey, me.Name)
	}
	if me.Note != before.note {
		d.self.note = me.Note
		remember(deviceStorage, noteIn+room, me.Note)
	}
}

// choose stores a status that was chosen by hand in a room.
func (d *device) choose(room string, status event.Status) {
	d.in(room)
	d.self.status = status
	remember(deviceStorage, statusIn+room, string(status))
}

// addRoom notes that a room is used, and forgets all about the one that it displaces.
func (d *device) addRoom(room string) {
	before := d.rooms
	d.rooms = board.AddRecent(before, room)
	for _, old := range before {
		if !slices.Contains(d.rooms, old) {
			for _, key := range []string{rosterKey, nameIn, statusIn, noteIn} {
				remember(deviceStorage, key+old, "")
			}
		}
	}
	rememberJSON(roomsKey, d.rooms)
}

// told is somebody whose arrival is told.
type told struct {
	Room string `json:"room"`
	ID   string `json:"id"`
	Name string `json:"name"` // that was seen last
}

// toggle adds somebody to those whose arrival is told, or takes them out.
func (d *device) toggle(who told) {
	list := slices.DeleteFunc(slices.Clone(d.told), func(t told) bool { return t.Room == who.Room && t.ID == who.ID })
	if len(list) == len(d.told) {
		list = append(list, who)
	}
	d.told = list
	rememberJSON(toldKey, list)
}

// recallJSON returns what is stored as JSON; the zero T if it is not JSON of a T.
func recallJSON[T any](key string) (value T) {
	if err := json.Unmarshal([]byte(recall(deviceStorage, key)), &value); err != nil {
		return *new(T)
	}
	return value
}

func rememberJSON(key string, value any) {
	b, err := json.Marshal(value)
	if err != nil {
		return // never: it is plain data
	}
	remember(deviceStorage, key, string(b))
}

// storeRoster stores who is in a room, as the frame in which a server would tell it.
func storeRoster(name string, r board.Room, at time.Time) {
	if r.Large && (r.Query != "" || r.From > 0) {
		return // these are not the first people of the room
	}
	total := r.Count
	remember(deviceStorage, rosterKey+name, string(event.Encode(event.ExistingUsers{
		Self: r.Me.ID, Now: at.UnixMilli(), Room: name, Total: &total, Users: r.Users,
	})))
}

// recallRoster returns the room as it was seen last. It reports false if that is not
// known.
func recallRoster(name string) (visit.Past, bool) {
	events, err := event.DecodeServer([]byte(recall(deviceStorage, rosterKey+name)))
	if err != nil || len(events) != 1 {
		return visit.Past{}, false
	}
	e, ok := events[0].(event.ExistingUsers)
	if !ok {
		return visit.Past{}, false
	}
	past := visit.Past{Room: board.Room{Count: len(e.Users)}, At: time.UnixMilli(e.Now)}
	for _, u := range e.Users {
		// Most users belong at the end, and slices.SortFunc is 20 KB for one more type.
		at, _ := slices.BinarySearchFunc(past.Room.Users, u, event.User.Compare)
		past.Room.Users = slices.Insert(past.Room.Users, at, u)
		if u.ID == e.Self {
			past.Room.Me = u
		}
	}
	if e.Total != nil {
		past.Room.Count = max(past.Room.Count, *e.Total)
	}
	return past, true
}
