package ui

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/maxence-charriere/go-app/v9/pkg/app"

	"rollcall/app/board"
	"rollcall/shared/event"
)

// This file is what the page keeps on the device, for as long as nobody says
// to forget it.

// The browser's two storages: for as long as the device keeps it, and for as
// long as the tab is open.
const (
	deviceStorage = "localStorage"
	tabStorage    = "sessionStorage"
)

const (
	prefix    = "rollcall."
	nameKey   = prefix + "name"   // as last seen by others
	statusKey = prefix + "status" // as last chosen by hand
	noteKey   = prefix + "note"
	roomsKey  = prefix + "rooms"   // used last
	toldKey   = prefix + "told"    // whom to be told about
	lookKey   = prefix + "look"    // "list", or boxes
	rosterKey = prefix + "roster." // and a room: who was there
	joinedKey = prefix + "joined"  // of a tab: the room that it is in
)

// recall returns what is stored, empty if nothing is or storage is off.
func recall(storage, key string) (value string) {
	if app.IsServer {
		return ""
	}
	defer func() {
		if recover() != nil { // blocked by the user: throws
			value = ""
		}
	}()
	if v := app.Window().Get(storage).Call("getItem", key); v.Truthy() {
		return v.String()
	}
	return ""
}

// remember stores value, or forgets the key if it is empty.
func remember(storage, key, value string) {
	if app.IsServer {
		return
	}
	defer func() { _ = recover() }() // blocked or full: then it is not remembered
	if value == "" {
		app.Window().Get(storage).Call("removeItem", key)
		return
	}
	app.Window().Get(storage).Call("setItem", key, value)
}

// forgetDevice removes all that was remembered, in both storages.
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
}

// device is what is kept on it, at hand: the browser's storage is slow to ask
// for every change of a room.
type device struct {
	name   string // as last seen by others
	status event.Status
	note   string
	look   string
	rooms  []string // used last, the latest first
	told   []told   // whom to be told about
}

func recallDevice() device {
	text := func(key string) string {
		if s := recall(deviceStorage, key); len(s) <= event.MaxTypedBytes {
			return s
		}
		return "" // it is not of this page's, and no hello could hold it
	}
	return device{
		name:   text(nameKey),
		status: event.Status(recall(deviceStorage, statusKey)),
		note:   text(noteKey),
		look:   recall(deviceStorage, lookKey),
		rooms: slices.DeleteFunc(recallJSON[[]string](roomsKey), func(room string) bool {
			parsed, ok := event.ParseRoom(room)
			return !ok || parsed != room
		}),
		told: recallJSON[[]told](toldKey),
	}
}

// seenAs keeps the name and the note that others see.
func (d *device) seenAs(me event.User) {
	if me.Name != d.name {
		d.name = me.Name
		remember(deviceStorage, nameKey, d.name)
	}
	if me.Note != d.note {
		d.note = me.Note
		remember(deviceStorage, noteKey, d.note)
	}
}

// choose keeps a status that was chosen by hand.
func (d *device) choose(status event.Status) {
	d.status = status
	remember(deviceStorage, statusKey, string(status))
}

// visit remembers a room, and forgets who was in the one that it displaces.
func (d *device) visit(room string) {
	before := d.rooms
	d.rooms = board.Visit(before, room)
	for _, old := range before {
		if !slices.Contains(d.rooms, old) {
			remember(deviceStorage, rosterKey+old, "")
		}
	}
	rememberJSON(roomsKey, d.rooms)
}

// told is somebody one asked to be told about.
type told struct {
	Room string `json:"room"`
	ID   string `json:"id"`
	Name string `json:"name"` // as last seen
}

// toggle adds somebody to those one is told about, or takes them out.
func (d *device) toggle(who told) {
	list := slices.DeleteFunc(slices.Clone(d.told), func(t told) bool { return t.Room == who.Room && t.ID == who.ID })
	if len(list) == len(d.told) {
		list = append(list, who)
	}
	d.told = list
	rememberJSON(toldKey, list)
}

// recallJSON is what is stored as JSON; the zero T if it is none.
func recallJSON[T any](key string) (value T) {
	if err := json.Unmarshal([]byte(recall(deviceStorage, key)), &value); err != nil {
		return *new(T)
	}
	return value
}

func rememberJSON(key string, value any) {
	b, err := json.Marshal(value)
	if err != nil {
		return // never: all of it is plain data
	}
	remember(deviceStorage, key, string(b))
}

// lastSeen is a room as it was when it was last seen.
type lastSeen struct {
	room board.Room
	at   time.Time
}

// keepRoster keeps who is in a room, as the frame that would say so.
func keepRoster(name string, r board.Room, at time.Time) {
	if r.Large && (r.Query != "" || r.From > 0) {
		return // they are not the first of the room
	}
	total := r.Count
	remember(deviceStorage, rosterKey+name, string(event.Encode(event.ExistingUsers{
		Self: r.Me.ID, Now: at.UnixMilli(), Room: name, Total: &total, Users: r.Users,
	})))
}

// recallRoster is who was in a room when it was last seen. It reports false if
// that is not known.
func recallRoster(name string) (lastSeen, bool) {
	events, err := event.DecodeServer([]byte(recall(deviceStorage, rosterKey+name)))
	if err != nil || len(events) != 1 {
		return lastSeen{}, false
	}
	e, ok := events[0].(event.ExistingUsers)
	if !ok {
		return lastSeen{}, false
	}
	slices.SortFunc(e.Users, event.User.Compare)
	seen := lastSeen{room: board.Room{Users: e.Users, Count: len(e.Users)}, at: time.UnixMilli(e.Now)}
	for _, u := range e.Users {
		if u.ID == e.Self {
			seen.room.Me = u
		}
	}
	if e.Total != nil {
		seen.room.Count = max(seen.room.Count, *e.Total)
	}
	return seen, true
}
