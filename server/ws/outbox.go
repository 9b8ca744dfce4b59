package ws

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"math"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"

	"rollcall/server/refusal"
	"rollcall/shared/event"
)

// bufferSize is the size of the buffers a connection keeps. What is written
// through one is a control frame, of 127 bytes at most.
const bufferSize = 128

// maxPending is how much may wait for a client beside the room's frame: what is
// for it alone, as answers to its pings and refusals; as much again is being
// written. Who asks for more and does not read is cut off.
const maxPending = 64 << 10

// outbox is a connection whose writes never block: what the socket does not
// take at once waits, and a goroutine that lasts as long as something waits
// writes it. So whoever writes to many is held up by none.
type outbox struct {
	net.Conn
	socket *socket // nil where only blocking reads and writes are to be had

	received atomic.Bool             // the client has said something since this was cleared
	throttle func(int) time.Duration // how long to wait after so many bytes were read; nil is never
	backlog  *backlog                // what waits is counted there; nil is nowhere
	closed   chan struct{}           // closed by Close

	// Of the reader.
	in     *bufio.Reader // what the library reads through
	unread []byte        // what it has yet to read
	chunk  *chunk        // in which that is; nil if it came from net/http

	mu           sync.Mutex // guards what follows
	group        sync.WaitGroup
	pending      [][]byte  // in the order of writing, while draining
	ownPending   int       // bytes pending that are for this client alone
	draining     bool      // a goroutine writes
	closeCode    uint16    // of the last frame, once that is written
	lastProgress time.Time // when that last got rid of anything
	closedAt     time.Time // when the last frame was written, or put to what waits; zero before
	ready        func()    // is to be called when nothing is pending; nil is nobody waits
	err          error     // why nothing more is taken
}

// newOutbox takes over a connection of which unread has been read already.
func newOutbox(conn net.Conn, unread []byte) *outbox {
	o := &outbox{Conn: conn, socket: newSocket(conn), unread: unread, closed: make(chan struct{})}
	o.in = bufio.NewReaderSize(o, bufferSize)
	return o
}

// hijacked is a response that is hijacked into an outbox, with small buffers.
// What the library answers when it does not come to that is not written: its
// error says the same.
type hijacked struct {
	http.ResponseWriter
	throttle func(int) time.Duration // the outbox's
	backlog  *backlog                // as well
	out      *outbox                 // set by Hijack
}

// Hijack writes the response with the headers that are set by now. It does so by
// hand: net/http takes twice as much stack as all that comes before needs, and
// what it adds, a Date, is not required (RFC 9110, section 6.6.1).
func (h *hijacked) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffered, err := http.NewResponseController(h.ResponseWriter).Hijack() // without deadlines
	if err != nil {
		return nil, nil, err
	}
	unread, _ := buffered.Reader.Peek(buffered.Reader.Buffered())
	piece := copyBuffers.Get().(*[maxCopied]byte)
	defer copyBuffers.Put(piece)
	response := bytes.NewBuffer(piece[:0])
	response.WriteString("HTTP/1.1 101 Switching Protocols\r\n")
	h.Header().Write(response) // which a buffer takes
	response.WriteString("\r\n")
	h.out = newOutbox(conn, append([]byte(nil), unread...))
	h.out.throttle, h.out.backlog = h.throttle, h.backlog
	// The client may not have read what it was answered before.
	if _, err := h.out.Write(response.Bytes()); err != nil {
		return nil, nil, err
	}
	return h.out, bufio.NewReadWriter(h.out.in, bufio.NewWriterSize(h.out, bufferSize)), nil
}

func (h *hijacked) WriteHeader(int) {}

func (h *hijacked) Write(p []byte) (int, error) { return len(p), nil }

// chunk is what is read at one time.
type chunk [4 << 10]byte

// chunks are shared, since of thousands of clients few speak at one time.
var chunks = sync.Pool{New: func() any { return new(chunk) }}

// emptyFrameSize is the size of a client's frame that carries nothing.
const emptyFrameSize = 6

// awaitInput waits until the client has said something to be read, on less stack
// than the library takes and without a buffer. It is called between messages.
// A mere answer to a ping, which is all that most clients say, ends here.
func (o *outbox) awaitInput() error {
	for o.socket != nil && o.inputEmpty() {
		chunk, n, err := o.socket.readChunk()
		if err != nil {
			return err
		}
		o.received.Store(true)
		o.pauseReading(n)
		if n == emptyFrameSize && chunk[0] == pongFrame && chunk[1] == maskedFrame {
			chunks.Put(chunk)
			continue
		}
		o.chunk, o.unread = chunk, chunk[:n]
	}
	return nil
}

// pauseReading waits before more is read, if so much was read that it has to.
func (o *outbox) pauseReading(read int) {
	if o.throttle == nil {
		return
	}
	wait := o.throttle(read)
	if wait <= 0 {
		return
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-o.closed:
	}
}

// inputEmpty reports that all that has come is read.
func (o *outbox) inputEmpty() bool { return len(o.unread) == 0 && o.in.Buffered() == 0 }

func (o *outbox) Read(p []byte) (int, error) {
	if len(o.unread) == 0 {
		n, err := o.Conn.Read(p)
		o.received.Store(true)
		o.pauseReading(n)
		return n, err
	}
	n := copy(p, o.unread)
	o.consume(n)
	return n, nil
}

// consume counts the first n bytes that are unread as read.
func (o *outbox) consume(n int) {
	if o.unread = o.unread[n:]; len(o.unread) > 0 {
		return
	}
	if o.unread = nil; o.chunk != nil {
		chunks.Put(o.chunk)
		o.chunk = nil
	}
}

// readText returns the next message if it is one of text that has come in one frame
// and at one time, as nearly all do; the error is a websocket.CloseError if in its
// place there is an ordinary end, which is answered then. Both nil is for all
// else, and the library reads on. It would read these as well, but takes four
// times as long for a hello, and for an end as long as it takes to tell two
// others of it. It is called between messages.
func (o *outbox) readText() ([]byte, error) {
	if o.in.Buffered() > 0 {
		return nil, nil
	}
	first, payload, size := parseFrame(o.unread)
	switch {
	case size == 0:
	case first == textFrame:
		o.consume(size)
		return payload, nil
	case first == closeFrame:
		if code, ok := ordinaryClose(payload); ok {
			o.consume(size)
			o.Write(append([]byte{closeFrame, byte(len(payload))}, payload...)) // whatever becomes of it
			return nil, websocket.CloseError{Code: code}
		}
	}
	return nil, nil
}

// Write is the library's: it writes control frames, each whole and in one
// piece, which are copied if they must wait. So does the answer to the upgrade.
func (o *outbox) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.unlockAndTrim()
	o.writeControl(p)
	return len(p), o.err
}

// writeControl writes a frame that is there already, unless the last is written.
func (o *outbox) writeControl(p []byte) {
	if !o.closedAt.IsZero() {
		return // the answer to a close that answers ours
	}
	if n := o.tryWrite(p, nil); n < len(p) {
		o.enqueue(bytes.Clone(p[n:]), len(p)-n, true)
	}
	if p[0] == closeFrame {
		o.closedAt = time.Now()
		if len(p) >= 4 {
			o.closeCode = binary.BigEndian.Uint16(p[2:])
		}
	}
}

// send writes a text message of two parts: own, of which nothing is kept, and
// shared, which must not change. It returns false if the socket has not taken
// it all; then ready is called when it has, once and without a lock held.
func (o *outbox) send(own, shared []byte, ready func()) bool {
	o.mu.Lock()
	defer o.unlockAndTrim()
	o.writeText(own, shared, false)
	if o.draining {
		o.ready = ready
		return false
	}
	return true
}

// sendOwn writes a text message that is for this client alone, and counts if it
// has to wait.
func (o *outbox) sendOwn(message []byte) {
	o.mu.Lock()
	defer o.unlockAndTrim()
	o.writeText(nil, message, true)
}

// maxCopied is the longest frame that is copied to be in one piece: of one piece
// the system takes 250 bytes in a sixth less time than of two.
const maxCopied = 4 << 10

// copyBuffers are buffers in which short frames are put together.
var copyBuffers = sync.Pool{New: func() any { return new([maxCopied]byte) }}

// writeText writes a text message as send has it, unless the last frame is written.
// It does so by hand: since a server's frames are not masked, one message serves
// all its receivers, and the library's locks and buffers cost a fifth of what
// the system call does.
func (o *outbox) writeText(own, shared []byte, counts bool) {
	if !o.closedAt.IsZero() {
		return
	}
	piece := copyBuffers.Get().(*[maxCopied]byte)
	defer copyBuffers.Put(piece)
	head, body := append(piece[:0], textFrame), shared
	switch size := len(own) + len(shared); {
	case size < 126:
		head = append(head, byte(size))
	case size < 1<<16:
		head = binary.BigEndian.AppendUint16(append(head, 126), uint16(size))
	default:
		head = binary.BigEndian.AppendUint64(append(head, 127), uint64(size))
	}
	head = append(head, own...)
	if len(head)+len(body) <= maxCopied {
		head, body = append(head, body...), nil
	}
	n := o.tryWrite(head, body)
	if n < len(head) {
		o.enqueue(bytes.Clone(head[n:]), len(head)-n, counts)
		n = len(head)
	}
	if n -= len(head); n < len(body) {
		o.enqueue(body[n:], cap(body), counts)
	}
}

// tryWrite writes what the socket takes at once.
func (o *outbox) tryWrite(head, body []byte) int {
	if o.socket == nil || o.draining || o.err != nil {
		return 0
	}
	n, err := o.socket.write(head, body)
	if err != nil {
		o.err = err
		o.Conn.Close() // the reader notices
	}
	return n
}

// enqueue leaves p, which does not change any more and keeps so many bytes in memory,
// to a goroutine.
func (o *outbox) enqueue(p []byte, size int, counts bool) {
	if o.err != nil {
		return
	}
	if counts {
		if o.ownPending += len(p); o.ownPending > maxPending {
			o.err = refusal.Error{Reason: refusal.TooMuchPending}
			o.Conn.Close() // the reader notices, and whoever writes now
			return
		}
	}
	o.pending = append(o.pending, p)
	o.backlog.add(o, p, size)
	if !o.draining {
		o.draining, o.lastProgress = true, time.Now()
		o.group.Go(o.drain)
	}
}

// drain writes what is pending until nothing is.
func (o *outbox) drain() {
	for {
		o.mu.Lock()
		pending := o.pending
		o.pending, o.ownPending = nil, 0
		if len(pending) == 0 {
			o.draining = false
			if !o.closedAt.IsZero() {
				o.closedAt = time.Now() // only now it can be answered
			}
			ready := o.ready
			o.ready = nil
			o.mu.Unlock()
			if ready != nil {
				ready()
			}
			return
		}
		o.mu.Unlock()
		for _, p := range pending {
			for len(p) > 0 {
				// In pieces, to see how it goes on a slow line too.
				n, err := o.Conn.Write(p[:min(len(p), 8<<10)])
				o.mu.Lock()
				if o.lastProgress = time.Now(); err != nil {
					if o.err == nil { // else it was cut, and that says why
						o.err = err
					}
					o.pending, o.draining, o.ready = nil, false, nil
				}
				o.mu.Unlock()
				if err != nil {
					o.backlog.remove(o, math.MaxInt)
					o.Conn.Close() // the reader notices
					return
				}
				p = p[n:]
			}
		}
		o.backlog.remove(o, len(pending))
	}
}

// ping asks the client to show that it is there. One that something waits for
// shows it by taking that.
func (o *outbox) ping() {
	o.mu.Lock()
	draining := o.draining
	o.mu.Unlock()
	if draining {
		return
	}
	o.received.Store(false)
	o.Write([]byte{pingFrame, 0})
}

// sendClose writes a last message, unless that is nil, and the last frame, with
// nothing between them. The client answers it, which the reader hears. It
// reports whether it did: there may have been a last frame before.
func (o *outbox) sendClose(message []byte, code event.CloseCode, why string) bool {
	o.mu.Lock()
	defer o.unlockAndTrim()
	if !o.closedAt.IsZero() {
		return false
	}
	if message != nil {
		o.writeText(nil, message, true)
	}
	frame := binary.BigEndian.AppendUint16([]byte{closeFrame, byte(2 + len(why))}, uint16(code))
	o.writeControl(append(frame, why...))
	return true
}

// checkProgress reports whether the client has yet to take what waits for it or to
// answer the last frame, and if it should have by now, which of them.
func (o *outbox) checkProgress(now time.Time) (something bool, overdue refusal.Reason) {
	o.mu.Lock()
	defer o.mu.Unlock()
	ended := !o.closedAt.IsZero()
	idle := now.Sub(o.lastProgress)
	switch {
	case ended && now.Sub(o.closedAt) >= closeTimeout && (!o.draining || idle >= closeTimeout):
		overdue = refusal.CloseUnanswered
	case !ended && o.draining && idle >= writeTimeout:
		overdue = refusal.StuckWrite
	}
	return ended || o.draining, overdue
}

// spawn runs f unless the outbox is closed.
func (o *outbox) spawn(f func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err == nil {
		o.group.Go(f)
	}
}

// Close cuts the connection.
func (o *outbox) Close() error { return o.cut(net.ErrClosed) }

// cut is Close for a reason, which counts if nothing has ended it before.
func (o *outbox) cut(why error) error {
	o.mu.Lock()
	if o.err == nil {
		o.err = why
	}
	select {
	case <-o.closed:
	default:
		close(o.closed)
	}
	o.mu.Unlock()
	return o.Conn.Close()
}

// closeState returns the code of the last frame, 0 if there was none, and why nothing
// more is taken.
func (o *outbox) closeState() (event.CloseCode, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return event.CloseCode(o.closeCode), o.err
}

// unlockAndTrim lets others write, and sees to it that not too much waits.
func (o *outbox) unlockAndTrim() {
	o.mu.Unlock()
	o.backlog.trim()
}

// wait is for what the outbox has started, once it is closed.
func (o *outbox) wait() { o.group.Wait() }
