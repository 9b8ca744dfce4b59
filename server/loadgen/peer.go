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

// peer is a client that costs as little as possible: it counts users in what it reads
// and does not parse it. The client of a library takes more time than the servers do, so
// the client would be measured.
type peer struct {
	conn net.Conn
	addr string
	room string
	name string

	users atomic.Int64 // how many it was told of, in snapshots and as new
	gone  atomic.Int64 // how many it was told that they are gone
	seen  func(guest int)

	verify bool // parse everything, into roster
	roster roster.Roster
	wrong  error

	done chan struct{} // closed when read has ended; only then others may read wrong and roster
}

// The texts by which a peer counts. No name has them in it.
var (
	userMark     = []byte(`"since":`)
	goneMark     = []byte(`"reason":`)                  // of each user who is gone, also in a list
	snapshotMark = []byte(`[{"event":"existing_users"`) // begins a snapshot
	guestMark    = []byte(`"name":"guest `)
)

// longestMark is one more than the number of bytes of a chunk that are searched again
// with the next chunk. A guest's number follows its mark.
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

// hello joins. The masking key is 0, which changes no byte (RFC 6455, section 5.3).
func (p *peer) hello() error {
	payload := event.Encode(event.GotANewUser{Patch: event.Named(p.name), Room: p.room})
	frame := []byte{0x81, 0x80 | 126, byte(len(payload) >> 8), byte(len(payload)), 0, 0, 0, 0}
	_, err := p.conn.Write(append(frame, payload...))
	return err
}

// leave closes the connection like a page that is closed: with code 1001 (RFC 6455,
// section 7.4.1). It sends nothing after that, and the server ends the connection.
func (p *peer) leave() error {
	if _, err := p.conn.Write([]byte{0x88, 0x80 | 2, 0, 0, 0, 0, 0x03, 0xe9}); err != nil {
		return err
	}
	return p.conn.(*net.TCPConn).CloseWrite()
}

// vanish resets the connection, without a close frame.
func (p *peer) vanish() {
	p.conn.(*net.TCPConn).SetLinger(0)
	p.close()
}

func (p *peer) close() {
	p.conn.Close()
	<-p.done
}

// buffers are shared, since few of thousands of peers read at one time.
var buffers = sync.Pool{New: func() any { return new([64 << 10]byte) }}

// read counts until the connection ends. It needs no buffer while it waits for a frame.
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
			err = p.readPayload(head[0]&0x0f, int(size))
		}
		if err != nil {
			if !errors.Is(err, net.ErrClosed) && !errors.Is(err, io.EOF) {
				p.wrong = err
			}
			return
		}
	}
}

// readPayload reads and counts the payload of a frame.
func (p *peer) readPayload(opcode byte, size int) error {
	if p.verify && opcode == 1 {
		return p.parse(size)
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
	kept := 0 // bytes of the chunk before, which may end in a part of a mark
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

// count counts the marks in a chunk, but for those that the kept part has whole: they
// were counted before.
func (p *peer) count(chunk []byte, kept int) {
	if kept == 0 && bytes.HasPrefix(chunk, snapshotMark) {
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
		// A name that ends in the kept part was seen before. One that does not end in
		// this chunk is seen in the next.
		if end < 0 || at+end < kept {
			continue
		}
		if guest, err := strconv.Atoi(string(chunk[at : at+end])); err == nil {
			p.seen(guest)
		}
	}
}

// parse reads the payload of a frame and applies it to the roster, as a client does.
func (p *peer) parse(size int) error {
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

// await polls until wanted reports true for all peers, for the time of within at most.
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
