package hub

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"rollcall/shared/event"
)

// heap is how much memory is in use.
func heap() int {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

func TestAHistoryTakesWhatItCounts(t *testing.T) {
	l := changeLog{maxEntries: maxLogEntries}
	l.apply(event.NewUser{User: event.User{ID: "ana", Name: "Ana"}}, 1)
	before := heap()
	for n := range maxLogEntries {
		l.rosterSize = 1 << 20 // a room in which nothing is forgotten
		l.apply(event.UpdateUser{User: event.User{ID: "ana", Name: "Ana", Note: fmt.Sprint(n)}}, uint64(n+2))
	}
	took := heap() - before
	// The rest is how memory is handed out, and how slices grow.
	if took < l.entriesSize*3/4 || took > l.entriesSize*5/4 {
		t.Errorf("%d changes are counted as %d bytes and take %d", len(l.entries), l.entriesSize, took)
	}
	runtime.KeepAlive(&l)
}

// TestTheHistoryOfASmallRoomIsSmall is about memory: a room of one person may
// change as often as it likes, and there may be thousands of such rooms.
func TestTheHistoryOfASmallRoomIsSmall(t *testing.T) {
	const rooms, changes = 20, 3000
	bubble(t, Options{}, func(t *testing.T, h *Hub) {
		ana := join(t, h, "lobby", person("Ana"))
		ana.pause()
		before := heap()
		for i := range rooms {
			c := join(t, h, fmt.Sprint("room", i), person("Ana"))
			c.pause()
			for n := range changes {
				c.conn.Update(0, event.Patch{Note: new(fmt.Sprint(n, strings.Repeat("x", 1000)))})
			}
		}
		if each := (heap() - before) / rooms; each > 64<<10 {
			t.Errorf("a room of one takes %d KiB", each>>10)
		}
	})
}

func TestTheHistoryOfALargeRoomIsWorthItsRoster(t *testing.T) {
	l := changeLog{maxEntries: maxLogEntries}
	seq := uint64(0)
	apply := func(e event.Event) {
		seq++
		l.apply(e, seq)
	}
	for i := range 400 {
		apply(event.NewUser{User: event.User{ID: fmt.Sprint(i), Name: "Somebody", Since: int64(i)}})
	}
	for n := range 5000 {
		i := n % 400
		apply(event.UpdateUser{User: event.User{ID: fmt.Sprint(i), Name: "Somebody", Since: int64(i), Note: fmt.Sprint(n)}})
	}
	size, history := 0, 0
	for _, u := range l.roster.Users() {
		size += sizeOf(u)
	}
	for _, e := range l.entries {
		history += e.size()
	}
	if l.rosterSize != size || l.entriesSize != history {
		t.Errorf("counts %d and %d bytes, has %d and %d", l.rosterSize, l.entriesSize, size, history)
	}
	if history < size || history >= 2*size {
		t.Errorf("a history of %d bytes for a roster of %d", history, size)
	}
	if _, known := l.entriesSince(seq - 200); !known { // a change takes less than two users
		t.Error("half as many changes as there are people are not known any more")
	}
	if _, known := l.entriesSince(l.base); !known {
		t.Error("what came after the base is not known")
	}
	if _, known := l.entriesSince(l.base - 1); known {
		t.Error("what was before the base is known")
	}
}
