package service

import "unsafe"

// maxHeader is the longest header of a request, in bytes. Net/http allows 4 KiB more
// (http.Server.MaxHeaderBytes).
const maxHeader = 16 << 10

// RequestSize returns how much memory a request of plain HTTP takes at most, in bytes,
// while its header is read. The header may have thousands of fields, each of which takes
// a place in a map and in a list. A test compares it with the memory that is used.
func RequestSize() int {
	const (
		buffers = 2 * 4 << 10 // of net/http, to read and to write
		stack   = 16 << 10
		field   = len("abc:\r\n") // there are not enough of shorter ones
		texts   = 8 + 16          // its name, and a value
		slot    = int(unsafe.Sizeof("")+unsafe.Sizeof([]string{})) + 1
	)
	return buffers + stack + (maxHeader+4<<10)/field*(texts+slot*16/7) // a map is at least 7/16 full when it has grown
}
