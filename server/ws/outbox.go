package ws

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"

	"rollcall/server/hub"
)

// bufferSize is the size of the buffers a connection keeps. What is written
// through one is a control frame, of 127 bytes at most.
const bufferSize = 128

// maxPending is how much may wait for a client beside the frame it has been
// sent: answers to its pings and refusals. Who asks for more and does not
// read is cut off.
const maxPending = 64 << 10

// outbox is a connection whose writes never block: what the socket does not
// take at once waits, and a goroutine that lasts as long as something waits
// writes it. So whoever writes to many is held up by none.
type outbox struct {
	net.Conn
	raw *rawWriter // nil where only blocking writes are to be had

	unread []byte // what net/http had read already; the reader's

	mu       sync.Mutex // guards what follows
	group    sync.WaitGroup
	pending  [][]byte  // in the order of writing, while draining
	size     int       // bytes pending that are not a frame's
	draining bool      // a goroutine writes
	closing  bool      // the close frame, which is the last, is written
	progress time.Time // when that last got rid of anything
	waiting  *hub.Conn // is told when nothing is pending
	err      error     // why nothing more is taken
}

var errStuck = errors.New("too much waits to be written")

func newOutbox(conn net.Conn, unread []byte) *outbox {
	return &outbox{Conn: conn, raw: newRawWriter(conn), unread: unread}
}

// hijacked is a response that is hijacked into an outbox, with small buffers.
type hijacked struct {
	http.ResponseWriter
	out *outbox // set by Hijack
}

func (h *hijacked) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffered, err := http.NewResponseController(h.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	// net/http has set deadlines for reading the request.
	if err := conn.SetDeadline(time.Time{}); err != nil {
		conn.Close()
		return nil, nil, err
	}
	unread, _ := buffered.Reader.Peek(buffered.Reader.Buffered())
	h.out = newOutbox(conn, append([]byte(nil), unread...))
	return h.out, bufio.NewReadWriter(bufio.NewReaderSize(h.out, bufferSize), bufio.NewWriterSize(h.out, bufferSize)), nil
}

func (o *outbox) Read(p []byte) (int, error) {
	if len(o.unread) > 0 {
		n := copy(p, o.unread)
		if o.unread = o.unread[n:]; len(o.unread) == 0 {
			o.unread = nil
		}
		return n, nil
	}
	return o.Conn.Read(p)
}

// Write is the library's: it writes control frames, each whole and in one
// piece, which are copied if they must wait.
func (o *outbox) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closing {
		return len(p), o.err
	}
	if n := o.try(p, nil); n < len(p) {
		o.later(bytes.Clone(p[n:]), true)
	}
	o.closing = p[0] == closeFrame
	return len(p), o.err
}

// send writes a text message of the hub's, which is shared and must not
// change. It returns false if the socket has not taken it all; c is then told
// when it has.
func (o *outbox) send(message []byte, c *hub.Conn) (ready bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.frame(message, false)
	if o.draining {
		o.waiting = c
		return false
	}
	return true
}

// say writes a text message that is for this client alone, and counts if it
// has to wait.
func (o *outbox) say(message []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.frame(message, true)
}

// The first bytes of frames that are whole messages (RFC 6455, section 5.2).
const (
	textFrame  = 0x81
	closeFrame = 0x88
)

// short is the longest frame that is copied to be in one piece: of one piece
// the system takes 250 bytes in a sixth less time than of two.
const short = 4 << 10

// pieces are buffers in which short frames are put together.
var pieces = sync.Pool{New: func() any { return new([short]byte) }}

// frame writes a text message, unless the last frame is written. By hand:
// since a server's frames are not masked, one message serves all its receivers,
// and the library's locks and buffers cost a fifth of what the system call does.
func (o *outbox) frame(message []byte, counts bool) {
	if o.closing {
		return
	}
	piece := pieces.Get().(*[short]byte)
	defer pieces.Put(piece)
	head, body := append(piece[:0], textFrame), message
	switch size := len(message); {
	case size < 126:
		head = append(head, byte(size))
	case size < 1<<16:
		head = binary.BigEndian.AppendUint16(append(head, 126), uint16(size))
	default:
		head = binary.BigEndian.AppendUint64(append(head, 127), uint64(size))
	}
	if len(head)+len(body) <= short {
		head, body = append(head, body...), nil
	}
	n := o.try(head, body)
	if n < len(head) {
		o.later(bytes.Clone(head[n:]), counts)
		n = len(head)
	}
	if n -= len(head); n < len(body) {
		o.later(body[n:], counts)
	}
}

// try writes what the socket takes at once.
func (o *outbox) try(head, body []byte) int {
	if o.raw == nil || o.draining || o.err != nil {
		return 0
	}
	n, err := o.raw.write(head, body)
	if err != nil {
		o.err = err
		o.Conn.Close() // the reader notices
	}
	return n
}

// later leaves p, which does not change any more, to a goroutine.
func (o *outbox) later(p []byte, counts bool) {
	if o.err != nil {
		return
	}
	if counts {
		if o.size += len(p); o.size > maxPending {
			o.err = errStuck
			o.Conn.Close() // the reader notices, and whoever writes now
			return
		}
	}
	o.pending = append(o.pending, p)
	if !o.draining {
		o.draining, o.progress = true, time.Now()
		o.group.Go(o.drain)
	}
}

// drain writes what is pending until nothing is.
func (o *outbox) drain() {
	for {
		o.mu.Lock()
		pending := o.pending
		o.pending, o.size = nil, 0
		if len(pending) == 0 {
			o.draining = false
			waiting := o.waiting
			o.waiting = nil
			o.mu.Unlock()
			if waiting != nil {
				waiting.Ready()
			}
			return
		}
		o.mu.Unlock()
		for _, p := range pending {
			for len(p) > 0 {
				// In pieces, to see how it goes on a slow line too.
				n, err := o.Conn.Write(p[:min(len(p), 8<<10)])
				o.mu.Lock()
				if o.progress = time.Now(); err != nil {
					o.err, o.pending, o.draining, o.waiting = err, nil, false, nil
				}
				o.mu.Unlock()
				if err != nil {
					o.Conn.Close() // the reader notices
					return
				}
				p = p[n:]
			}
		}
	}
}

// stuck returns how long the client has taken nothing of what waits for it; 0
// if nothing waits.
func (o *outbox) stuck(now time.Time) time.Duration {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.draining {
		return 0
	}
	return max(1, now.Sub(o.progress))
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
func (o *outbox) Close() error {
	o.mu.Lock()
	if o.err == nil {
		o.err = net.ErrClosed
	}
	o.mu.Unlock()
	return o.Conn.Close()
}

// wait is for what the outbox has started, once it is closed.
func (o *outbox) wait() { o.group.Wait() }
