package ws

import (
	"encoding/binary"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"rollcall/server/hub"
	"rollcall/shared/event"
)

// memory is how much is in use, with the stacks of goroutines.
func memory() int {
	debug.FreeOSMemory() // collects
	runtime.GC()         // and once more, for what is pooled
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc + m.StackInuse)
}

// TestNothingTakesMoreThanItsBound is about connections of clients that send as much
// as they may and answer nothing.
func TestNothingTakesMoreThanItsBound(t *testing.T) {
	const n = 300
	most := MaxMemory()
	addr := listening(t, Options{EventsPerSecond: 10})
	before := memory()
	within := func(what string, most int) {
		t.Helper()
		// Nothing tells when a server has done nothing for a while.
		time.Sleep(300 * time.Millisecond)
		now := memory()
		took := (now - before) / n
		before = now
		t.Logf("%s takes %d of %d", what, took, most)
		if took > most || took < most/2 {
			t.Errorf("%s takes %d bytes; the most are %d", what, took, most)
		}
	}
	var conns []*bare
	for range n {
		c := upgrade(t, addr, "Sec-WebSocket-Protocol: "+event.Subprotocol+strings.Repeat(", x", 5000)+"\r\n")
		c.Write(sentFrame(textFrame, string(event.Encode(event.Watch{}))))
		c.expect(event.NameExistingUsers)
		c.got = nil
		conns = append(conns, c)
	}
	within("a connection", most.Connection+hub.MaxMemory(hub.Texts{}).Connection)
	const unfinished = textFrame &^ 0x80 // RFC 6455, section 5.4
	message := binary.BigEndian.AppendUint16([]byte{unfinished, 0x80 | 126}, event.MaxFrame)
	message = slices.Concat(message, make([]byte, 4+event.MaxFrame)) // with a mask
	for _, c := range conns {
		c.Write(message)
	}
	within("a message", most.Message)
}
