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

// bufferSize is the size in bytes of the buffers of a connection. The library writes
// control frames through one, which have at most 127 bytes.
const bufferSize = 128

// maxPending is how many bytes that are for one client alone may wait for it, such as
// answers to its pings and refusals. As much again may be in the middle of being
// written. A client that asks for more and does not read is cut off.
const maxPending = 64 << 10

// outbox is a connection whose writes never block. What the socket does not take at once
// is left to a goroutine, which lasts as long as something waits. So nobody who writes to
// many connections is delayed by one.
type outbox struct {
	net.Conn
	socket *socket // nil if the connection only has blocking reads and writes

	received atomic.Bool             // bytes of the client have come since this was cleared
	throttle func(int) time.Duration // returns how long to wait after that many bytes were read; nil is never
	backlog  *backlog                // counts what waits; nil counts nothing
	closed   chan struct{}           // closed by Close

	// Only the reader uses what follows.
	in     *bufio.Reader // through which the library reads
	unread []byte        // bytes that have come and are not read yet
	chunk  *chunk        // which has the unread bytes; nil if they came from net/http

	mu           sync.Mutex // guards what follows
	group        sync.WaitGroup
	pending      [][]byte  // waits to be written, in this order
	ownPending   int       // bytes of pending that are for this client alone
	draining     bool      // the goroutine runs that writes pending
	closeCode    uint16    // of the close frame, after that is written
	lastProgress time.Time // when the goroutine wrote something last
	closedAt     time.Time // when the close frame was written, or began to wait; zero before
	ready        func()    // to call when nothing is pending; nil if nobody waits for that
	err          error     // why nothing is written any more
}

// newOutbox takes over a connection from which unread was read already.
func newOutbox(conn net.Conn, unread []byte) *outbox {
	o := &outbox{Conn: conn, socket: newSocket(conn), unread: unread, closed: make(chan struct{})}
	o.in = bufio.NewReaderSize(o, bufferSize)
	return o
}

// hijacked is a response that becomes an outbox, with small buffers, when the library
// hijacks it. An answer that the library writes in place of that is dropped: its error
// says the same.
type hijacked struct {
	http.ResponseWriter
	throttle func(int) time.Duration // for the outbox
	backlog  *backlog                // for the outbox
	out      *outbox                 // set by Hijack
}

// Hijack writes the response with the headers that are set. It does so itself: net/http
// would double the stack, and only adds a Date, which is not required (RFC 9110, section
// 6.6.1).
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
	h.Header().Write(response) // a buffer returns no error
	response.WriteString("\r\n")
	h.out = newOutbox(conn, append([]byte(nil), unread...))
	h.out.throttle, h.out.backlog = h.throttle, h.backlog
	// Through the outbox: the client may not have read earlier answers yet.
	if _, err := h.out.Write(response.Bytes()); err != nil {
		return nil, nil, err
	}
	return h.out, bufio.NewReadWriter(h.out.in, bufio.NewWriterSize(h.out, bufferSize)), nil
}

func (h *hijacked) WriteHeader(int) {}

func (h *hijacked) Write(p []byte) (int, error) { return len(p), nil }

// chunk is a buffer for what is read at one time.
type chunk [4 << 10]byte

// chunks is shared by all connections: few of thousands of clients send at one time.
var chunks = sync.Pool{New: func() any { return new(chunk) }}

// emptyFrameSize is the size of a client's frame without a payload.
const emptyFrameSize = 6

// awaitInput waits between messages until there is something to read, with less stack
// than the library needs and without a buffer. It reads over pongs, which are all that
// most clients send.
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

// pauseReading waits if the throttle says so, after that many bytes were read.
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

// inputEmpty reports whether everything that has come is read.
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

// consume drops the first n unread bytes, which are read now.
func (o *outbox) consume(n int) {
	if o.unread = o.unread[n:]; len(o.unread) > 0 {
		return
	}
	if o.unread = nil; o.chunk != nil {
		chunks.Put(o.chunk)
		o.chunk = nil
	}
}

// readText returns the next text message between messages, if it has come whole in one
// frame, as nearly all do. If an ordinary close has come instead, it answers that, and
// the error is a websocket.CloseError. In all other cases both results are nil, and the
// library reads on. The library could read these too, but takes four times as long for a
// hello, and for a close as long as telling two others of it takes.
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
			o.Write(append([]byte{closeFrame, byte(len(payload))}, payload...)) // an error does not matter any more
			return nil, websocket.CloseError{Code: code}
		}
	}
	return nil, nil
}

// Write writes the answer to the upgrade, and the library's control frames, each of which
// comes in one call. It copies what has to wait.
func (o *outbox) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.unlockAndTrim()
	o.writeControl(p)
	return len(p), o.err
}

// writeControl writes an encoded frame, unless the close frame is written.
func (o *outbox) writeControl(p []byte) {
	if !o.closedAt.IsZero() {
		return // the library answers a close that answers ours
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

// send writes a text message of two parts. Own is the caller's again when send returns;
// shared must never change. It returns false if the socket has not taken everything: then
// ready is called once when it has, without a lock held.
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

// sendOwn writes a text message that is for this client alone. If it has to wait, it
// counts for maxPending.
func (o *outbox) sendOwn(message []byte) {
	o.mu.Lock()
	defer o.unlockAndTrim()
	o.writeText(nil, message, true)
}

// maxCopied is the longest frame whose parts are copied together: the system writes 250
// bytes of one piece in a sixth less time than of two.
const maxCopied = 4 << 10

// copyBuffers has buffers for that.
var copyBuffers = sync.Pool{New: func() any { return new([maxCopied]byte) }}

// writeText writes the text message of send, unless the close frame is written. It does
// so without the library: frames of a server are not masked, so all receivers share the
// bytes, and the locks and buffers of the library cost a fifth of the system call.
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

// tryWrite writes what the socket takes at once, and returns how many bytes that is.
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

// enqueue leaves p to the goroutine that drains. P never changes, and keeps size bytes in
// memory. With counts, it counts for maxPending.
func (o *outbox) enqueue(p []byte, size int, counts bool) {
	if o.err != nil {
		return
	}
	if counts {
		if o.ownPending += len(p); o.ownPending > maxPending {
			o.err = refusal.Error{Reason: refusal.TooMuchPending}
			o.Conn.Close() // the reader notices, and the goroutine that drains
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

// drain writes what is pending, until nothing is.
func (o *outbox) drain() {
	for {
		o.mu.Lock()
		pending := o.pending
		o.pending, o.ownPending = nil, 0
		if len(pending) == 0 {
			o.draining = false
			if !o.closedAt.IsZero() {
				o.closedAt = time.Now() // the client has the close frame only now
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
				// In pieces, so that progress is seen on a slow line too.
				n, err := o.Conn.Write(p[:min(len(p), 8<<10)])
				o.mu.Lock()
				if o.lastProgress = time.Now(); err != nil {
					if o.err == nil { // otherwise it was cut, for that reason
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

// ping sends a ping. A client for whom something waits needs none: it shows that it is
// there by taking that.
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

// sendClose writes a last message, unless that is nil, and then the close frame. The
// client answers, and the reader ends. It returns false, and writes nothing, if there was
// a close frame before.
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

// checkProgress reports whether the client has still to take what waits for it, or to
// answer the close frame. Overdue is the reason for a cut if that takes too long.
func (o *outbox) checkProgress(now time.Time) (pending bool, overdue refusal.Reason) {
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

// spawn runs f in a goroutine, for which wait waits, unless the outbox is closed.
func (o *outbox) spawn(f func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err == nil {
		o.group.Go(f)
	}
}

// Close ends the connection without a close frame.
func (o *outbox) Close() error { return o.cut(net.ErrClosed) }

// cut is Close with a reason, which counts if it is the first.
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

// closeState returns the code of the close frame, 0 if there was none, and why nothing is
// written any more.
func (o *outbox) closeState() (event.CloseCode, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return event.CloseCode(o.closeCode), o.err
}

// unlockAndTrim unlocks the outbox, and cuts connections if too much waits.
func (o *outbox) unlockAndTrim() {
	o.mu.Unlock()
	o.backlog.trim()
}

// wait waits, after Close, for the goroutines of the outbox.
func (o *outbox) wait() { o.group.Wait() }
