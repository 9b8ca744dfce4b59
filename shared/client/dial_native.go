//go:build !js

package client

import (
	"context"
	"io"
	"net/http"
	"net/http/cookiejar"
	"strings"

	"github.com/coder/websocket"

	"rollcall/shared/event"
)

// Network returns an Options.Dial that keeps the cookies it is given.
func Network() func(ctx context.Context, url string) (Socket, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		panic(err) // never, without options
	}
	browser := &http.Client{Jar: jar}
	return func(ctx context.Context, url string) (Socket, error) {
		c, resp, err := websocket.Dial(ctx, url, &websocket.DialOptions{
			HTTPClient:   browser,
			Subprotocols: []string{event.Subprotocol},
		})
		if err != nil && resp != nil {
			body, _ := io.ReadAll(resp.Body) // of which the library keeps the beginning
			return nil, refusal(err, answer{resp.StatusCode, resp.Header.Get("Content-Type"), resp.Header.Get("Retry-After"), strings.TrimSpace(string(body))})
		}
		if err != nil {
			return nil, err
		}
		c.SetReadLimit(-1) // the server is trusted with the size of its rooms
		return socket{c}, nil
	}
}

// socket is a Socket over the network.
type socket struct{ conn *websocket.Conn }

func (s socket) Read() ([]byte, error) {
	_, message, err := s.conn.Read(context.Background())
	return message, err
}

func (s socket) Write(message []byte) error {
	return s.conn.Write(context.Background(), websocket.MessageText, message)
}

func (s socket) Close(clean bool) {
	if clean {
		s.conn.Close(websocket.StatusNormalClosure, "")
	} else {
		s.conn.CloseNow()
	}
}
