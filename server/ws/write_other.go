//go:build !linux

package ws

import "net"

// rawWriter is for systems on which writing without blocking is not worked
// out: every frame is left to a goroutine.
type rawWriter struct{}

func newRawWriter(net.Conn) *rawWriter { return nil }

func (*rawWriter) write(head, body []byte) (int, error) { return 0, nil }
