package main

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"time"
)

// raw is a room of the least that a server can do to tell everybody of everybody. It
// parses only the hello. It appends the bytes that Rollcall would send to a log, and
// writes to each connection all bytes that it has not had, in one plain write. The
// others are compared with it; it is no server to use.
type raw struct {
	mu       sync.Mutex // guards what follows
	wake     chan struct{}
	conns    map[*rawConn]struct{}
	snapshot []byte // users, one after the other
	log      []byte // events, one after the other
	last     int
}

type rawConn struct {
	net.Conn
	cursor int // in log; -1 before the snapshot
	event  []byte
}

func serveRaw() error {
	rooms := make(map[string]*raw)
	var mu sync.Mutex // guards rooms
	listener, err := listen()
	if err != nil {
		return err
	}
	for {
		conn, err := listener.Accept()
		if err != nil {
			return err
		}
		go serveRawConn(conn, func(name string) *raw {
			mu.Lock()
			defer mu.Unlock()
			if rooms[name] == nil {
				rooms[name] = &raw{wake: make(chan struct{}, 1), conns: make(map[*rawConn]struct{})}
				go rooms[name].flush()
			}
			return rooms[name]
		})
	}
}

func serveRawConn(conn net.Conn, room func(string) *raw) {
	defer conn.Close()
	r := bufio.NewReaderSize(conn, 512)
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		if strings.TrimSpace(line) == "" {
			break
		}
	}
	if _, err := io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\n\r\n"); err != nil {
		return
	}
	head := make([]byte, 8)
	if _, err := io.ReadFull(r, head); err != nil {
		return
	}
	hello := make([]byte, binary.BigEndian.Uint16(head[2:4]))
	if _, err := io.ReadFull(r, hello); err != nil {
		return
	}
	e, ok := parseHello(hello)
	if !ok {
		return
	}
	h := room(e.Room)
	c := h.join(conn, *e.Name)
	io.Copy(io.Discard, r)
	h.leave(c)
}

func (h *raw) join(conn net.Conn, name string) *rawConn {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.last++
	id := fmt.Sprintf("%016d", h.last)
	user := fmt.Sprintf(`{"id":%q,"name":%q,"since":%d}`, id, name, time.Now().UnixMilli())
	h.snapshot = append(append(h.snapshot, ','), user...)
	h.log = append(h.log, `,{"event":"new_user","data":`+user+`}`...)
	c := &rawConn{Conn: conn, cursor: -1, event: []byte(`,{"event":"disconnect_user","data":{"id":"` + id + `","name":"` + name + `","reason":"lost"}}`)}
	h.conns[c] = struct{}{}
	h.scheduleFlush()
	return c
}

func (h *raw) leave(c *rawConn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.conns, c)
	h.log = append(h.log, c.event...)
	h.scheduleFlush()
}

func (h *raw) scheduleFlush() {
	select {
	case h.wake <- struct{}{}:
	default:
	}
}

// state is the room event of every frame.
const state = `,{"event":"room","data":{"seq":100000,"count":1000,"hash":"0123456789abcdef"}}]`

func (h *raw) flush() {
	type write struct {
		conn  *rawConn
		frame []byte
	}
	var batch []write
	for range h.wake {
		runtime.Gosched()
		frames := make(map[int][]byte)
		h.mu.Lock()
		batch = batch[:0]
		for c := range h.conns {
			if c.cursor == len(h.log) {
				continue
			}
			f, ok := frames[c.cursor]
			if !ok {
				if c.cursor < 0 {
					f = frame(h.snapshot)
				} else {
					f = frame(h.log[c.cursor:])
				}
				frames[c.cursor] = f
			}
			c.cursor = len(h.log)
			batch = append(batch, write{c, f})
		}
		h.mu.Unlock()
		for _, w := range batch {
			_, _ = w.conn.Write(w.frame) // its reader notices
		}
	}
}

// frame returns the bytes in a frame of WebSocket, which the peers read.
func frame(payload []byte) []byte {
	size := len(payload) + len(state)
	f := make([]byte, 0, size+10)
	switch {
	case size < 126:
		f = append(f, 0x81, byte(size))
	case size < 1<<16:
		f = binary.BigEndian.AppendUint16(append(f, 0x81, 126), uint16(size))
	default:
		f = binary.BigEndian.AppendUint64(append(f, 0x81, 127), uint64(size))
	}
	return append(append(f, payload...), state...)
}
