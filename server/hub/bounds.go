package hub

import (
	"encoding/json"
	"math"
	"strings"
	"unsafe"

	"rollcall/server/presence"
	"rollcall/shared/event"
)

// Texts says how long what people write can be.
type Texts struct {
	Longest event.Patch // has the texts that take most memory
	Key     int         // a name as Options.Fold returns it, in bytes
	Query   int         // and a query
}

// Bounds is how much memory a hub takes at most, in bytes. What several have in
// common is counted with one of them.
type Bounds struct {
	Room       int // without anybody; it may have seen a crowd
	Connection int // its place in a room
	User       int // with the longest texts, and with the history that a room has for each
	Indexed    int // more, in a large room: the name as searches look at it
	View       int // one, beside the users in it
	Match      int // more, for each user whom a search finds
	Views      int // how many views a room has, not bytes
	FrameUser  int // a user in a frame
	Flush      int // what a room makes of frames at a time, before the last one and the common one
	Saved      int // a user while State is encoded as JSON
}

// maxSlack is how many elements a slice or map has memory for, at most, for each
// that is in it: see fit.
const maxSlack = 4

// MaxMemory returns the bounds. A test compares them with what is taken.
func MaxMemory(of Texts) Bounds {
	var (
		users      = presence.MaxMemory[*Conn]()
		user       = largestUser(of)
		shown      = int(unsafe.Sizeof(user))
		listed     = shown + perEntry(unsafe.Sizeof(""), unsafe.Sizeof(int64(0))) // in a roster
		connection = int(unsafe.Sizeof(&Conn{}) + unsafe.Sizeof(delivery{}))      // in lists
		texts      = sizeOf(user) - shown + len(user.ID)
		history    = allocated(2 * minLogSize)
	)
	return Bounds{
		Room: allocated(int(unsafe.Sizeof(room{}))+event.MaxRoom+perRoom) + users.Room + spare*(listed+connection) + history,
		Connection: allocated(int(unsafe.Sizeof(Conn{}))+len(user.ID)+event.MaxQuery+int(unsafe.Sizeof(event.ExistingUsers{}))+shown) +
			users.Connection + maxSlack*connection,
		User:      allocated(texts) + users.User + maxSlack*listed + allocated(2*sizeOf(user)),
		Indexed:   allocated(of.Key) + maxSlack*int(unsafe.Sizeof(indexEntry{})),
		View:      allocated(int(unsafe.Sizeof(view{}))+of.Query) + perEntry(unsafe.Sizeof(event.View{}), unsafe.Sizeof(&view{})) + event.MaxView*listed*3/2 + history,
		Match:     2 * int(unsafe.Sizeof(match{})),
		Views:     maxViews + 1,
		FrameUser: user.Size() + len(","),
		Flush:     maxFlushSize + 2*frameOverhead,
		Saved:     savedSize(user, users),
	}
}

// savedSize is what a user takes while a State is encoded: its JSON, in a buffer that
// doubles, and copied at the end.
func savedSize(user event.User, of presence.Bounds) int {
	const copies = 3
	s := presence.Saved{User: user, Reason: event.ReasonClosed, Stay: math.MaxInt64, Idle: math.MaxInt64}
	for range of.Stamps {
		s.Stamps = append(s.Stamps, presence.FieldStamp{Field: "data.k", Stamp: presence.Stamp{Time: math.MaxInt64}})
	}
	for range of.Tabs {
		s.Tabs = append(s.Tabs, presence.SavedTab{Tab: strings.Repeat("x", event.MaxTab), Done: math.MaxInt64})
	}
	text, err := json.Marshal(s)
	if err != nil {
		panic(err) // it is plain data
	}
	return int(unsafe.Sizeof(s)) + copies*len(text)
}

// frameOverhead is what a frame has beside the users.
const frameOverhead = 512

// largestUser is a user who writes as much as they may.
func largestUser(of Texts) event.User {
	const digits = 1e12 // of times
	return of.Longest.Apply(event.User{
		ID: strings.Repeat("x", 13), Status: event.StatusAway, Link: event.LinkReconnecting,
		Since: digits, StatusSince: digits, Until: digits,
		// Which is six times as long where JSON is made fit for HTML.
		Data: event.Data(`{"k":"` + strings.Repeat("<", event.MaxData-len(`{"k":""}`)) + `"}`),
	}).Encoded()
}

// perRoom is for what a room has in the hub's map, its timer, and its flush with a
// small stack.
const perRoom = 10 << 10

// allocated is how much memory is allocated for size bytes: the allocator rounds
// up, and slices grow by more than is needed.
func allocated(size int) int { return size * 5 / 4 }

// perEntry is what an entry takes of a map at most: a map is at least 7/16 full when
// it has grown, and has a byte more for each place.
func perEntry(key, value uintptr) int { return int(key+value+1) * 16 / 7 }
