package ws

import (
	"bufio"
	"io"
	"unsafe"

	"github.com/coder/websocket"
	"golang.org/x/time/rate"

	"rollcall/server/limit"
	"rollcall/shared/event"
)

// Bounds is how much memory connections take at most, in bytes, beside what the hub
// keeps of them.
type Bounds struct {
	Connection int // one, with the address that it comes from
	Message    int // more, as long as a message of it is coming in
	Backlog    int // what waits for all of them together
}

// MaxMemory returns the bounds. A test compares them with what is taken.
func MaxMemory() Bounds {
	const (
		limiters = 3
		buffers  = 2
		// What package net and the library keep beside what is counted here, in many
		// small things; it is measured.
		rest = 2 << 10
		// A goroutine that waits to read, and one that writes what has to wait.
		stack = 4 << 10
		// A reader, see readers; what decoding took of it is given back when memory is
		// collected.
		readerStack = 16 << 10
	)
	connection := sizes(unsafe.Sizeof(conn{}), unsafe.Sizeof(outbox{}), unsafe.Sizeof(socket{}), unsafe.Sizeof(websocket.Conn{}))
	connection += limiters*int(unsafe.Sizeof(rate.Limiter{})) + buffers*(bufferSize+int(unsafe.Sizeof(bufio.Reader{})))
	message, _ := io.ReadAll(io.LimitReader(zeros{}, event.MaxFrame+1))
	return Bounds{
		Connection: connection + rest + 2*stack + limit.AddressSize(),
		Message:    cap(message) + int(unsafe.Sizeof(chunk{})) + readerStack,
		Backlog:    maxBacklog,
	}
}

func sizes(of ...uintptr) (sum int) {
	for _, size := range of {
		sum += int(size)
	}
	return sum
}

// zeros is a message without end.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }
