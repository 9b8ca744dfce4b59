package main

import (
	"net/http"
	"sync"

	"github.com/lxzan/gws"

	"rollcall/shared/event"
)

// broadcast is a hub on lxzan/gws, which is written for speed: each client has one
// goroutine, which reads, and each event has a Broadcaster, which makes the frame once
// and has it written to each client at once.
type broadcast struct {
	gws.BuiltinEventHandler
	upgrader *gws.Upgrader

	mu    sync.Mutex // guards what follows
	rooms map[string]map[*gws.Conn]event.User
	of    map[*gws.Conn]string // in which room each is
	last  int
}

func serveGWS() error {
	h := &broadcast{rooms: make(map[string]map[*gws.Conn]event.User), of: make(map[*gws.Conn]string)}
	h.upgrader = gws.NewUpgrader(h, nil)
	return serveHTTP(h)
}

func (h *broadcast) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	conn, err := h.upgrader.Upgrade(w, r)
	if err != nil {
		return
	}
	// The request's memory is free when this returns.
	go conn.ReadLoop()
}

// OnMessage handles the hello, the only message that clients send here.
func (h *broadcast) OnMessage(conn *gws.Conn, message *gws.Message) {
	hello, ok := parseHello(message.Bytes())
	message.Close()
	if !ok {
		_ = conn.WriteClose(uint16(event.CloseBadFrame), nil)
		return
	}
	// Nothing is written under the lock: gws queues it.
	h.mu.Lock()
	defer h.mu.Unlock()
	room := h.rooms[hello.Room]
	if room == nil {
		room = make(map[*gws.Conn]event.User)
		h.rooms[hello.Room] = room
	}
	h.last++
	user := newcomer(h.last, *hello.Name)
	existing := event.ExistingUsers{Self: user.ID, Room: hello.Room, Epoch: "gws", Users: []event.User{user}}
	for _, other := range room {
		existing.Users = append(existing.Users, other)
	}
	broadcastTo(room, event.NewUser{User: user})
	room[conn], h.of[conn] = user, hello.Room
	conn.WriteAsync(gws.OpcodeText, event.Encode(existing), nil)
}

// OnClose is called once for each connection.
func (h *broadcast) OnClose(conn *gws.Conn, _ error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	room := h.rooms[h.of[conn]]
	user, ok := room[conn]
	if !ok {
		return
	}
	delete(room, conn)
	delete(h.of, conn)
	broadcastTo(room, event.DisconnectUser{ID: user.ID, Name: user.Name, Reason: event.ReasonLost})
}

func broadcastTo(room map[*gws.Conn]event.User, e event.Event) {
	b := gws.NewBroadcaster(gws.OpcodeText, event.Encode(e))
	defer b.Close()
	for conn := range room {
		_ = b.Broadcast(conn) // OnClose handles a connection that is closed
	}
}
