package ws

import (
	"bufio"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"

	"rollcall/server/hub"
)

// bufferSize is the size of the buffers a connection keeps; net/http's are
// eight times as large.
const bufferSize = 512

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
	gathered *[]byte   // while a frame is put together, its beginning
	body     []byte    // and the rest, which is shared and never changes
	pending  [][]byte  // in the order of writing, while draining
	size     int       // bytes pending that are not a frame's
	draining bool      // a goroutine writes
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

// Write takes p over and never blocks. Longer than the buffer it is written
// through, it must not change any more.
func (o *outbox) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.err != nil:
		return 0, o.err
	case o.gathered == nil:
		return len(p), o.put(p)
	case len(o.body) == 0 && len(*o.gathered)+len(p) <= cap(*o.gathered):
		*o.gathered = append(*o.gathered, p...)
		return len(p), nil
	case len(o.body) == 0 && len(p) > bufferSize:
		o.body = p
		return len(p), nil
	}
	// The buffers are not as this was made for; order is all that counts.
	return len(p), errors.Join(o.flush(), o.put(p))
}

// gatherings are buffers in which frames are put together.
var gatherings = sync.Pool{New: func() any { return new(make([]byte, 0, 16<<10)) }}

// gather collects what is written up to release, so that a frame is one
// write, however many its writer makes of it.
func (o *outbox) gather() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.gathered = gatherings.Get().(*[]byte)
}

// release writes what was gathered. It returns false if the socket has not
// taken it all; c is then told when it has.
func (o *outbox) release(c *hub.Conn) (ready bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.flush()
	gatherings.Put(o.gathered)
	o.gathered = nil
	if o.draining {
		o.waiting = c
		return false
	}
	return true
}

func (o *outbox) flush() error {
	head, body := *o.gathered, o.body
	*o.gathered, o.body = head[:0], nil
	if len(body) == 0 {
		return o.put(head)
	}
	n := o.try(head, body)
	if n < len(head) {
		return errors.Join(o.later(head[n:], true), o.later(body, false))
	}
	if n -= len(head); n < len(body) {
		return o.later(body[n:], false)
	}
	return o.err
}

// put writes p, of which what must wait is copied.
func (o *outbox) put(p []byte) error {
	if len(p) == 0 {
		return o.err
	}
	if n := o.try(p, nil); n < len(p) {
		return o.later(p[n:], true)
	}
	return o.err
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

// later leaves p to a goroutine.
func (o *outbox) later(p []byte, copied bool) error {
	if o.err != nil {
		return o.err
	}
	if copied {
		if o.size += len(p); o.size > maxPending {
			o.err = errStuck
			o.Conn.Close() // the reader notices, and whoever writes now
			return o.err
		}
		p = append([]byte(nil), p...)
	}
	o.pending = append(o.pending, p)
	if !o.draining {
		o.draining, o.progress = true, time.Now()
		o.group.Go(o.drain)
	}
	return nil
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
