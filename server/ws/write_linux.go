package ws

import (
	"errors"
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// maxUnsent is how much may wait in the system for the line to be free.
const maxUnsent = 16 << 10

// rawWriter writes to a socket what it takes at once. One goroutine at a time
// uses it.
type rawWriter struct {
	raw  syscall.RawConn
	call func(fd uintptr) bool // made once, since it is needed for every frame

	parts [2][]byte
	n     int
	err   error
}

// newRawWriter returns nil for a connection that is no socket.
func newRawWriter(conn net.Conn) *rawWriter {
	raw := rawConn(conn)
	if raw == nil {
		return nil
	}
	// Otherwise the system takes megabytes for a slow line, and what is
	// merged is merged behind them.
	raw.Control(func(fd uintptr) {
		unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, maxUnsent)
	})
	w := &rawWriter{raw: raw}
	w.call = w.once
	return w
}

// write returns how much of both was taken. That the socket is full is no
// error.
func (w *rawWriter) write(head, body []byte) (int, error) {
	w.parts = [2][]byte{head, body}
	err := w.raw.Write(w.call)
	w.parts = [2][]byte{}
	n := max(w.n, 0)
	switch {
	case err != nil:
		return n, err
	case w.err == nil || errors.Is(w.err, unix.EAGAIN):
		return n, nil
	}
	return n, os.NewSyscallError("write", w.err)
}

// once never asks to be called again when the socket has room.
func (w *rawWriter) once(fd uintptr) bool {
	for {
		if len(w.parts[1]) == 0 {
			w.n, w.err = unix.Write(int(fd), w.parts[0])
		} else {
			w.n, w.err = unix.Writev(int(fd), w.parts[:])
		}
		if !errors.Is(w.err, unix.EINTR) {
			return true
		}
	}
}

// rawConn returns the system's view of a connection, nil if it has none.
func rawConn(conn net.Conn) syscall.RawConn {
	if c, ok := conn.(syscall.Conn); ok {
		if raw, err := c.SyscallConn(); err == nil {
			return raw
		}
	}
	return nil
}
