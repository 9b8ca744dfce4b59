//go:build !linux

package ws

import "net"

// socket is for systems on which writing without blocking is not worked out:
// every frame is left to a goroutine, and the library waits to read.
type socket struct{}

func newSocket(net.Conn) *socket { return nil }

func (*socket) write(head, body []byte) (int, error) { return 0, nil }

func (*socket) readChunk() (*chunk, int, error) { return nil, 0, nil }
