//go:build !linux

package ws

import "net"

// socket is for systems for which there is no writing without blocking here: every frame
// is left to a goroutine, and the library waits for input.
type socket struct{}

func newSocket(net.Conn) *socket { return nil }

func (*socket) write(head, body []byte) (int, error) { return 0, nil }

func (*socket) readChunk() (*chunk, int, error) { return nil, 0, nil }
