package hub

import (
	"encoding/json"
	"math"
	"strings"
	"unsafe"

	"rollcall/server/presence"
	"rollcall/shared/event"
)

// Texts says how long the texts that people write can be.
type Texts struct {
	Longest event.Patch // has the texts that take the most memory
	Key     int         // a name as Options.Fold returns it, in bytes
	Query   int         // a query as Options.Fold returns it, in bytes
}

// Bounds is how much memory a hub takes at most, in bytes. Memory that two of these
// share is counted in one of them.
type Bounds struct {
	Room       int // without anybody, after a crowd was in it
	Connection int // its place in a room
	User       int // with the longest texts, and the user's part of the log
	Indexed    int // more for a user of a large room: the folded name
	View       int // without the users in it
	Match      int // more for each user whom a search finds
	Views      int // how many views a room has; not bytes
	FrameUser  int // a user in a frame
	Flush      int // the frames of a flush, but for the last one and the one for most connections
	Saved      int // a user while State is encoded as JSON
}

// maxSlack is for how many elements a slice has memory at most, for each that is in it:
// see fit.
const maxSlack = 4

// MaxMemory returns the bounds. A test compares them with the memory that is used.
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

// savedSize returns the memory of a user while a State is encoded: the JSON, in a buffer
// that doubles and is copied at the end.
func savedSize(user event.User, of presence.Bounds) int {
	const copies = 3
	s := presence.Saved{User: user, Reason: event.ReasonClosed, Stay: math.MaxInt64, Idle: math.MaxInt64}
	for range of.Stamps {
		s.Stamps = append(s.Stamps, presence.FieldStamp{Field: "data.k", Stamp: presence.Stamp{Time: math.MaxInt64}})
	}
	for range of.Tabs {
		s.Tabs = append(s.Tabs, presence.TabRef{Tab: strings.Repeat("x", event.MaxTab), Done: math.MaxInt64})
	}
	text, err := json.Marshal(s)
	if err != nil {
		panic(err) // it is plain data
	}
	return int(unsafe.Sizeof(s)) + copies*len(text)
}

// frameOverhead is the size of a frame without users.
const frameOverhead = 512

// largestUser returns a user with the longest texts and data.
func largestUser(of Texts) event.User {
	const digits = 1e12 // of times
	return of.Longest.Apply(event.User{
		ID: strings.Repeat("x", 13), Status: event.StatusAway, Link: event.LinkReconnecting,
		Since: digits, StatusSince: digits, Until: digits,
		// JSON that is escaped for HTML is six times as long.
		Data: event.Data(`{"k":"` + strings.Repeat("<", event.MaxData-len(`{"k":""}`)) + `"}`),
	}).Encoded()
}

// perRoom is for the room's entry in the hub's map, its timer, and the goroutine of its
// flush.
const perRoom = 10 << 10

// allocated returns how much memory size bytes take: the allocator rounds up, and
// slices grow by more than they need.
func allocated(size int) int { return size * 5 / 4 }

// perEntry returns the largest memory of an entry of a map: after it has grown, a map is
// at least 7/16 full, and it has one byte more for each place.
func perEntry(key, value uintptr) int { return int(key+value+1) * 16 / 7 }
