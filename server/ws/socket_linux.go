package ws

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// maxUnsent is how many bytes may wait in the system for the line.
const maxUnsent = 16 << 10

// socket is a connection by its file descriptor: it writes what the system takes at once,
// and waits for input without a buffer. One goroutine may write while another one reads.
type socket struct {
	raw syscall.RawConn

	// Made once, since they are needed for every frame.
	writable, readable func(fd uintptr) bool

	parts   [2][]byte // to write
	written int
	failed  error

	chunk  *chunk // what was read, in part
	read   int
	broken error
}

// newSocket returns nil for a connection that is no socket.
func newSocket(conn net.Conn) *socket {
	c, ok := conn.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return nil
	}
	// Otherwise the system takes megabytes for a slow line, and newer frames wait
	// behind them.
	raw.Control(func(fd uintptr) {
		unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, maxUnsent)
	})
	s := &socket{raw: raw}
	s.writable, s.readable = s.writeOnce, s.readOnce
	return s
}

// write returns how many bytes of both were written. A full socket is no error.
func (s *socket) write(head, body []byte) (int, error) {
	s.parts = [2][]byte{head, body}
	err := s.raw.Write(s.writable)
	s.parts = [2][]byte{}
	n := max(s.written, 0)
	switch {
	case err != nil:
		return n, err
	case s.failed == nil || errors.Is(s.failed, unix.EAGAIN):
		return n, nil
	}
	return n, os.NewSyscallError("write", s.failed)
}

// writeOnce writes once. It returns true: it is not to be called again when the socket
// has space.
func (s *socket) writeOnce(fd uintptr) bool {
	for {
		if len(s.parts[1]) == 0 {
			s.written, s.failed = unix.Write(int(fd), s.parts[0])
		} else {
			s.written, s.failed = unix.Writev(int(fd), s.parts[:])
		}
		if !errors.Is(s.failed, unix.EINTR) {
			return true
		}
	}
}

// readChunk waits until there is something to read and returns it, in a chunk that
// the caller puts back. At the end it returns io.EOF.
func (s *socket) readChunk() (*chunk, int, error) {
	err := s.raw.Read(s.readable)
	c, n := s.chunk, s.read
	s.chunk = nil
	switch {
	case err != nil:
	case s.broken != nil:
		err = os.NewSyscallError("read", s.broken)
	case n == 0:
		err = io.EOF
	default:
		return c, n, nil
	}
	if c != nil {
		chunks.Put(c)
	}
	return nil, 0, err
}

// readOnce reads once. It returns false if it is to be called again when there is input.
func (s *socket) readOnce(fd uintptr) bool {
	s.chunk = chunks.Get().(*chunk)
	for {
		s.read, s.broken = unix.Read(int(fd), s.chunk[:])
		if !errors.Is(s.broken, unix.EINTR) {
			break
		}
	}
	if errors.Is(s.broken, unix.EAGAIN) {
		chunks.Put(s.chunk)
		s.chunk = nil
		return false
	}
	return true
}
