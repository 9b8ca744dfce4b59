package presence

import (
	"unsafe"

	"rollcall/shared/event"
)

// maxSlack is for how many elements a slice or map has memory at most, for each that is
// in it: see [Room.shrink].
const maxSlack = 4

// Bounds is how much memory a room takes at most, in bytes, without the texts of its
// users.
type Bounds struct {
	Room       int // without anybody
	User       int // of this server, without a connection
	Connection int
	// Tabs and Stamps are how many elements the lists of a [Saved] have at most.
	Tabs, Stamps int
}

// MaxMemory returns the bounds.
func MaxMemory[C comparable]() Bounds {
	var (
		user       = int(unsafe.Sizeof(user[C]{}))
		tabs       = maxTabs * (int(unsafe.Sizeof(TabRef{})) + event.MaxTab)
		connection = int(unsafe.Sizeof(connection[C]{}))
		id, known  = int(unsafe.Sizeof("")), int(unsafe.Sizeof(&struct{}{}))
		// In the map, which is at least 7/16 full after it has grown, and has one byte
		// more for each place; and in the queues.
		found = (id+known+1)*16/7 + kinds*known
	)
	return Bounds{
		Room:       int(unsafe.Sizeof(Room[C]{})) + spare*found,
		User:       user + tabs + 2*maxStamps + maxSlack*found, // stamps are in a slice that doubles
		Connection: maxSlack*connection + event.MaxTab,
		Tabs:       maxTabs,
		Stamps:     maxStamps / (int(unsafe.Sizeof(FieldStamp{})) + len("data.k")),
	}
}
