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

// Bounds is how much memory connections take at most, in bytes, without what the hub
// keeps.
type Bounds struct {
	Connection int // with the address that it comes from
	Message    int // more for a connection while a message is read
	Backlog    int // what waits for all connections together
}

// MaxMemory returns the bounds. A test compares them with the memory that is used.
func MaxMemory() Bounds {
	const (
		limiters = 3
		buffers  = 2
		// The many small things of package net and the library; it is measured.
		rest = 2 << 10
		// Of the goroutine that waits to read, and of the one that drains.
		stack = 4 << 10
		// Of a reader, see readers. A larger one shrinks at the next garbage collection.
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

// zeros is an endless message.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }
