package main

import (
	"net/http"
	"time"

	"github.com/gorilla/websocket"

	"rollcall/shared/event"
)

// gorilla is a hub like the chat example of gorilla/websocket: one goroutine owns all
// rooms, and each client has two, with a channel between them. An event is marshalled
// once for all clients, and all events that wait for a client are written as one message.
type gorilla struct {
	joins  chan *gorillaClient
	leaves chan *gorillaClient
	rooms  map[string]map[*gorillaClient]struct{}
	last   int
}

type gorillaClient struct {
	conn *websocket.Conn
	user event.User
	room string
	out  chan []byte
}

func serveGorilla() error {
	hub := &gorilla{joins: make(chan *gorillaClient), leaves: make(chan *gorillaClient), rooms: make(map[string]map[*gorillaClient]struct{})}
	go hub.run() // to the program's end
	return serveHTTP(hub)
}

func (h *gorilla) run() {
	for {
		select {
		case c := <-h.joins:
			room := h.rooms[c.room]
			if room == nil {
				room = make(map[*gorillaClient]struct{})
				h.rooms[c.room] = room
			}
			h.last++
			c.user = newcomer(h.last, c.user.Name)
			existing := event.ExistingUsers{Self: c.user.ID, Room: c.room, Epoch: "gorilla", Users: []event.User{c.user}}
			for other := range room {
				existing.Users = append(existing.Users, other.user)
			}
			tell(room, event.NewUser{User: c.user})
			room[c] = struct{}{}
			c.out <- event.Encode(existing)
		case c := <-h.leaves:
			room := h.rooms[c.room]
			delete(room, c)
			close(c.out)
			tell(room, event.DisconnectUser{ID: c.user.ID, Name: c.user.Name, Reason: event.ReasonLost})
		}
	}
}

// tell sends an event to a room. It waits for a slow client, while the example ends its
// connection, so that it would have to come again.
func tell(room map[*gorillaClient]struct{}, e event.Event) {
	frame := event.Encode(e)
	for c := range room {
		c.out <- frame
	}
}

// The buffers are the example's.
var gorillaUpgrader = websocket.Upgrader{ReadBufferSize: 1024, WriteBufferSize: 1024}

func (h *gorilla) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	conn, err := gorillaUpgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	// The request's memory is free when this returns.
	go h.read(&gorillaClient{conn: conn, out: make(chan []byte, 256)})
}

func (h *gorilla) read(c *gorillaClient) {
	defer c.conn.Close()
	_, frame, err := c.conn.ReadMessage()
	if err != nil {
		return
	}
	hello, ok := parseHello(frame)
	if !ok {
		return
	}
	c.user.Name, c.room = *hello.Name, hello.Room
	go c.write()
	h.joins <- c
	for err == nil {
		_, _, err = c.conn.ReadMessage()
	}
	h.leaves <- c
}

// write writes until the hub closes the channel. After an error it goes on to receive,
// since the hub would wait for it.
func (c *gorillaClient) write() {
	for frame := range c.out {
		if n := len(c.out); n > 0 {
			frame = c.gather(frame, n)
		}
		_ = c.conn.SetWriteDeadline(time.Now().Add(10 * time.Second))
		_ = c.conn.WriteMessage(websocket.TextMessage, frame) // the reader notices
	}
}

// gather returns one frame with the events of the first one and of n that wait. The
// example's NextWriter would write several frames if they are longer than its buffer.
func (c *gorillaClient) gather(first []byte, n int) []byte {
	frame := append([]byte(nil), first[:len(first)-1]...)
	for range n {
		next, ok := <-c.out
		if !ok {
			break
		}
		frame = append(append(frame, ','), next[1:len(next)-1]...)
	}
	return append(frame, ']')
}
