package ws

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/coder/websocket"
	"pgregory.net/rapid"
)

// replay is a connection on which a client has said it all.
type replay struct {
	net.Conn
	pieces [][]byte // as they come
	mu     sync.Mutex
	said   []byte // by the server
}

func (r *replay) Read(p []byte) (int, error) {
	if len(r.pieces) == 0 {
		return 0, io.EOF
	}
	n := copy(p, r.pieces[0])
	if r.pieces[0] = r.pieces[0][n:]; len(r.pieces[0]) == 0 {
		r.pieces = r.pieces[1:]
	}
	return n, nil
}

func (r *replay) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.said = append(r.said, p...)
	return len(p), nil
}

func (r *replay) Close() error { return nil }

// taken is a response that becomes an outbox.
type taken struct {
	*httptest.ResponseRecorder
	out *outbox
}

func (r taken) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return r.out, bufio.NewReadWriter(r.out.in, bufio.NewWriterSize(r.out, bufferSize)), nil
}

// heard is what a server makes of what a client says: each message, how it ends,
// and what was answered. Whole says that pieces are read as from a socket, in
// which there may be frames that are whole; otherwise the library reads it all.
func heard(t *rapid.T, pieces [][]byte, whole bool) string {
	line := &replay{pieces: pieces}
	out := newOutbox(line, nil)
	r := httptest.NewRequest(http.MethodGet, "/ws", nil)
	for name, value := range map[string]string{
		"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
	} {
		r.Header.Set(name, value)
	}
	socket, err := websocket.Accept(taken{httptest.NewRecorder(), out}, r, nil)
	if err != nil {
		t.Fatal(err)
	}
	socket.SetReadLimit(-1)
	c := &conn{out: out, socket: socket}
	var story bytes.Buffer
	for {
		if whole && out.inputEmpty() && len(line.pieces) > 0 {
			out.unread, line.pieces = line.pieces[0], line.pieces[1:]
		}
		frame, isText, err := c.readMessage()
		if err != nil {
			fmt.Fprintf(&story, "ends with %d", websocket.CloseStatus(err))
			break
		}
		fmt.Fprintf(&story, "%v %q\n", isText, frame)
	}
	socket.CloseNow()
	out.wait()
	fmt.Fprintf(&story, "\nanswered %q", line.said)
	return story.String()
}

// aMessage draws what a client may say, and now and then what none should.
func aMessage(t *rapid.T) []byte {
	frame := func(first byte) []byte { return aFrame(t, first) }
	switch rapid.IntRange(0, 15).Draw(t, "message") {
	case 0:
		return frame(closeFrame)
	case 1: // binary; what goes on with nothing; what nobody has agreed on
		return frame(rapid.SampledFrom([]byte{0x82, 0x80, 0xc1, 0x83}).Draw(t, "first byte"))
	case 2, 3: // text in several frames, and one for the library between them
		return bytes.Join([][]byte{frame(0x01), frame(pingFrame), frame(0x00), frame(0x80)}, nil)
	case 4, 5, 6:
		return frame(pingFrame)
	case 7, 8:
		return frame(pongFrame)
	}
	return frame(textFrame)
}

func aFrame(t *rapid.T, first byte) []byte {
	usually := func(what string) bool { return rapid.IntRange(0, 99).Draw(t, what) > 0 }
	// Much of it looks like another frame.
	part := rapid.OneOf(rapid.Byte(), rapid.SampledFrom([]byte{textFrame, closeFrame, maskedFrame, 0}))
	payload := rapid.SliceOfN(part, 0, 200).Draw(t, "payload")
	if first >= closeFrame && usually("short control frames") {
		payload = payload[:min(len(payload), 125)]
	}
	if first == closeFrame && usually("a code") {
		code := rapid.SampledFrom([]uint16{1000, 1001, 1002, 1005, 3000, 4999}).Draw(t, "code")
		why := payload[:min(len(payload), rapid.IntRange(0, 1).Draw(t, "why"))]
		payload = append(binary.BigEndian.AppendUint16(nil, code), why...)
	}
	masked := byte(maskedFrame)
	if !usually("masked") {
		masked = 0
	}
	frame := []byte{first, masked | byte(min(len(payload), 126))}
	if len(payload) > 125 || !usually("as short as can be") {
		frame[1] = masked | 126
		frame = binary.BigEndian.AppendUint16(frame, uint16(len(payload)))
	}
	if masked == 0 {
		return append(frame, payload...)
	}
	mask := rapid.OneOf(rapid.Just(make([]byte, 4)), rapid.SliceOfN(rapid.Byte(), 4, 4)).Draw(t, "mask")
	frame = append(frame, mask...)
	for i, b := range payload {
		frame = append(frame, b^mask[i%4])
	}
	return frame
}

func TestFramesThatAreWholeAreReadAsTheLibraryReadsThem(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var said []byte
		for range rapid.IntRange(1, 8).Draw(t, "messages") {
			said = append(said, aMessage(t)...)
		}
		var pieces [][]byte
		for len(said) > 0 {
			n := min(len(said), rapid.OneOf(rapid.Just(len(chunk{})), rapid.IntRange(1, len(said))).Draw(t, "piece"))
			pieces, said = append(pieces, said[:n]), said[n:]
		}
		clone := func() (copied [][]byte) {
			for _, p := range pieces {
				copied = append(copied, bytes.Clone(p))
			}
			return copied
		}
		if whole, library := heard(t, clone(), true), heard(t, clone(), false); whole != library {
			t.Fatalf("%s\nand by the library alone:\n%s", whole, library)
		}
	})
}
