package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"rollcall/shared/event"
	"rollcall/shared/roster"
)

// peer is a client that costs as little as one can: it counts what it is told
// of without understanding it. A library's client takes more time than the
// servers do, and it would be that which is measured.
type peer struct {
	conn net.Conn
	addr string
	room string
	name string

	users atomic.Int64 // told of, in snapshots and as new
	gone  atomic.Int64 // told that they are
	seen  func(guest int)

	verify bool // understand it all the same
	roster roster.Roster
	wrong  error

	done chan struct{} // closed when read has ended; wrong and roster may then be looked at
}

// The marks by which a peer counts. None stands in a name.
var (
	userMark  = []byte(`"since":`)
	goneMark  = []byte(`"reason":`)                  // of each who is gone, in a list too
	shotMark  = []byte(`[{"event":"existing_users"`) // begins a frame that says everything anew
	guestMark = []byte(`"name":"guest `)
)

// longestMark is how much of a chunk is looked at again with the next, less
// one; a guest's number may follow its mark.
const longestMark = 32

func (p *peer) connect() error {
	conn, err := net.Dial("tcp", p.addr)
	if err != nil {
		return err
	}
	p.conn = conn
	p.done = make(chan struct{})
	// The key is the one of RFC 6455, section 1.3.
	_, err = fmt.Fprintf(conn, "GET /ws HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n", p.addr)
	if err != nil {
		return err
	}
	// Nothing follows the response before the hello.
	response := make([]byte, 0, 1024)
	for !bytes.HasSuffix(response, []byte("\r\n\r\n")) {
		n, err := conn.Read(response[len(response):cap(response)])
		if err != nil {
			return err
		}
		response = response[:len(response)+n]
	}
	if !bytes.HasPrefix(response, []byte("HTTP/1.1 101 ")) {
		return fmt.Errorf("the server answers %s", response)
	}
	go p.read()
	return nil
}

// hello joins. Masking with nothing is masking (RFC 6455, section 5.3).
func (p *peer) hello() error {
	payload := event.Encode(event.GotANewUser{Patch: event.Named(p.name), Room: p.room})
	frame := []byte{0x81, 0x80 | 126, byte(len(payload) >> 8), byte(len(payload)), 0, 0, 0, 0}
	_, err := p.conn.Write(append(frame, payload...))
	return err
}

// leave closes as a page does that is left: with code 1001 (RFC 6455, section
// 7.4.1), after which nothing is sent. The server hangs up.
func (p *peer) leave() error {
	if _, err := p.conn.Write([]byte{0x88, 0x80 | 2, 0, 0, 0, 0, 0x03, 0xe9}); err != nil {
		return err
	}
	return p.conn.(*net.TCPConn).CloseWrite()
}

// vanish ends the connection as a pulled plug does, as far as a program can.
func (p *peer) vanish() {
	p.conn.(*net.TCPConn).SetLinger(0)
	p.close()
}

func (p *peer) close() {
	p.conn.Close()
	<-p.done
}

// buffers are shared, since of thousands of peers few read at one time.
var buffers = sync.Pool{New: func() any { return new([64 << 10]byte) }}

// read counts until the connection ends. It waits for the beginning of a
// frame without a buffer of any size.
func (p *peer) read() {
	defer close(p.done)
	var head [10]byte
	for {
		if _, err := io.ReadFull(p.conn, head[:2]); err != nil {
			return
		}
		size := uint64(head[1] & 0x7f)
		var err error
		switch size {
		case 126:
			_, err = io.ReadFull(p.conn, head[2:4])
			size = uint64(binary.BigEndian.Uint16(head[2:4]))
		case 127:
			_, err = io.ReadFull(p.conn, head[2:10])
			size = binary.BigEndian.Uint64(head[2:10])
		}
		if err == nil {
			err = p.take(head[0]&0x0f, int(size))
		}
		if err != nil {
			if !errors.Is(err, net.ErrClosed) && !errors.Is(err, io.EOF) {
				p.wrong = err
			}
			return
		}
	}
}

func (p *peer) take(opcode byte, size int) error {
	if p.verify && opcode == 1 {
		return p.understand(size)
	}
	b := buffers.Get().(*[64 << 10]byte)
	defer buffers.Put(b)
	if opcode == 9 { // a ping is answered with the same
		if _, err := io.ReadFull(p.conn, b[:size]); err != nil {
			return err
		}
		_, err := p.conn.Write(append([]byte{0x8a, 0x80 | byte(size), 0, 0, 0, 0}, b[:size]...))
		return err
	}
	kept := 0 // of the chunk before, looked at already but for what was cut
	for size > 0 {
		n, err := p.conn.Read(b[kept:min(len(b), kept+size)])
		if err != nil {
			return err
		}
		size -= n
		if opcode == 1 {
			p.count(b[:kept+n], kept)
		}
		end := kept + n
		kept = min(end, longestMark-1)
		copy(b[:], b[end-kept:end])
	}
	return nil
}

// count counts the marks in a chunk that were not whole in the kept part.
func (p *peer) count(chunk []byte, kept int) {
	if kept == 0 && bytes.HasPrefix(chunk, shotMark) {
		p.users.Store(0)
	}
	p.users.Add(int64(bytes.Count(chunk, userMark) - bytes.Count(chunk[:kept], userMark)))
	p.gone.Add(int64(bytes.Count(chunk, goneMark) - bytes.Count(chunk[:kept], goneMark)))
	if p.seen == nil {
		return
	}
	for at := 0; ; {
		i := bytes.Index(chunk[at:], guestMark)
		if i < 0 {
			return
		}
		at += i + len(guestMark)
		end := bytes.IndexByte(chunk[at:], '"')
		// Whole in the kept part, it was seen; cut, it will be.
		if end < 0 || at+end < kept {
			continue
		}
		if guest, err := strconv.Atoi(string(chunk[at : at+end])); err == nil {
			p.seen(guest)
		}
	}
}

// understand takes a frame in as a client does.
func (p *peer) understand(size int) error {
	frame := make([]byte, size)
	if _, err := io.ReadFull(p.conn, frame); err != nil {
		return err
	}
	p.count(frame, 0)
	events, err := event.DecodeServer(frame)
	if err != nil {
		return err
	}
	for _, e := range events {
		if _, err := p.roster.Apply(e); err != nil {
			return err
		}
	}
	return nil
}

// await polls until all peers are as wanted.
func await(peers []*peer, wanted func(*peer) bool, within time.Duration) error {
	deadline := time.Now().Add(within)
	for _, p := range peers {
		for !wanted(p) {
			select {
			case <-p.done:
				if !wanted(p) {
					return fmt.Errorf("%s lost its connection: %w", p.name, errors.Join(p.wrong, io.EOF))
				}
			default:
			}
			if time.Now().After(deadline) {
				return fmt.Errorf("%s knows of %d people and of %d that went, after %v", p.name, p.users.Load(), p.gone.Load(), within)
			}
			time.Sleep(200 * time.Microsecond)
		}
	}
	return nil
}
