package client

import (
	"context"

	"github.com/coder/websocket"

	"rollcall/shared/event"
)

// newDialer returns a dialer that uses the browser's WebSocket, and with it
// the browser's cookies.
func newDialer() func(ctx context.Context, url string) (Socket, error) {
	return func(ctx context.Context, url string) (Socket, error) {
		c, _, err := websocket.Dial(ctx, url, &websocket.DialOptions{Subprotocols: []string{event.Subprotocol}})
		if err != nil {
			return nil, err
		}
		c.SetReadLimit(-1) // past a limit the library would leak the socket
		reading, stop := context.WithCancel(context.Background())
		return socket{c, reading, stop}, nil
	}
}

// socket is a Socket of the browser's.
type socket struct {
	conn    *websocket.Conn
	reading context.Context
	stop    context.CancelFunc
}

func (s socket) Read() ([]byte, error) {
	_, message, err := s.conn.Read(s.reading)
	return message, err
}

func (s socket) Write(message []byte) error {
	return s.conn.Write(context.Background(), websocket.MessageText, message)
}

// Close ends a waiting Read first. It does not wait for the other end, which
// a browser does for seconds when the network is gone; the goroutine ends
// when the browser says that the connection has.
func (s socket) Close(bool) {
	s.stop()
	go s.conn.Close(websocket.StatusNormalClosure, "")
}
