package ws

import (
	"encoding/binary"

	"github.com/coder/websocket"
)

// The first bytes of frames that are whole messages, and a bit in the second byte of a
// client's frame (RFC 6455, section 5.2).
const (
	textFrame  = 0x81
	closeFrame = 0x88
	pingFrame  = 0x89
	pongFrame  = 0x8a

	maskedFrame = 0x80
)

// parseFrame returns the client's frame at the beginning of b: its first byte, the
// unmasked payload, and the size of the frame. The size is 0 if b does not have all of
// it, or if it is longer than 64 KiB.
func parseFrame(b []byte) (first byte, payload []byte, size int) {
	const maskSize = 4
	if len(b) < 2 || b[1]&maskedFrame == 0 {
		return 0, nil, 0
	}
	head, length := 2, int(b[1]&^maskedFrame)
	switch {
	case length == 127:
		return 0, nil, 0
	case length == 126 && len(b) < 4:
		return 0, nil, 0
	case length == 126:
		head, length = 4, int(binary.BigEndian.Uint16(b[2:]))
	}
	head += maskSize
	if size = head + length; len(b) < size {
		return 0, nil, 0
	}
	mask := b[head-maskSize : head]
	payload = make([]byte, length)
	for i, masked := range b[head:size] {
		payload[i] = masked ^ mask[i%maskSize]
	}
	return b[0], payload, size
}

// ordinaryClose returns the code of a close frame with this payload. It reports whether
// the code is one with which pages end: closed, left, or without a code.
func ordinaryClose(payload []byte) (code websocket.StatusCode, ok bool) {
	if len(payload) == 0 {
		return websocket.StatusNoStatusRcvd, true
	}
	if len(payload) == 2 {
		code = websocket.StatusCode(binary.BigEndian.Uint16(payload))
	}
	return code, code == websocket.StatusNormalClosure || code == websocket.StatusGoingAway
}
