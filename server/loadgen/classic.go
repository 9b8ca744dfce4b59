package main

import (
	"context"
	"net/http"
	"time"

	"github.com/coder/websocket"

	"rollcall/shared/event"
)

// classic is a chat hub as most people write it: one goroutine owns all rooms, each
// client has two, with a channel between them, and an event is marshalled for each client
// that gets it.
type classic struct {
	joins  chan *member
	leaves chan *member
	rooms  map[string]map[*member]struct{}
	last   int
}

type member struct {
	user event.User
	room string
	out  chan []byte
}

func serveClassic() error {
	hub := &classic{joins: make(chan *member), leaves: make(chan *member), rooms: make(map[string]map[*member]struct{})}
	go hub.run() // to the program's end
	return serveHTTP(hub)
}

func (h *classic) run() {
	for {
		select {
		case m := <-h.joins:
			room := h.rooms[m.room]
			if room == nil {
				room = make(map[*member]struct{})
				h.rooms[m.room] = room
			}
			h.last++
			m.user = newcomer(h.last, m.user.Name)
			existing := event.ExistingUsers{Self: m.user.ID, Room: m.room, Epoch: "classic", Users: []event.User{m.user}}
			for other := range room {
				existing.Users = append(existing.Users, other.user)
				other.out <- event.Encode(event.NewUser{User: m.user})
			}
			room[m] = struct{}{}
			m.out <- event.Encode(existing)
		case m := <-h.leaves:
			room := h.rooms[m.room]
			delete(room, m)
			close(m.out)
			for other := range room {
				other.out <- event.Encode(event.DisconnectUser{ID: m.user.ID, Name: m.user.Name, Reason: event.ReasonLost})
			}
		}
	}
}

func (h *classic) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	conn, err := websocket.Accept(w, r, nil)
	if err != nil {
		return
	}
	defer conn.CloseNow()
	ctx := context.Background()
	_, frame, err := conn.Read(ctx)
	if err != nil {
		return
	}
	hello, ok := parseHello(frame)
	if !ok {
		return
	}
	m := &member{user: event.User{Name: *hello.Name}, room: hello.Room, out: make(chan []byte, 256)}
	h.joins <- m
	done := make(chan struct{})
	go func() {
		defer close(done)
		for frame := range m.out {
			ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
			_ = conn.Write(ctx, websocket.MessageText, frame) // the reader notices
			cancel()
		}
	}()
	for {
		if _, _, err := conn.Read(ctx); err != nil {
			break
		}
	}
	h.leaves <- m
	<-done
}
