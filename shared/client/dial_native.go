//go:build !js

package client

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptrace"
	"strings"
	"time"

	"github.com/coder/websocket"

	"rollcall/shared/event"
)

// Network returns an Options.Dial that opens connections with an HTTP client;
// nil means one that keeps its cookies in memory.
func Network(httpClient *http.Client) func(ctx context.Context, url string) (Socket, error) {
	if httpClient == nil {
		jar, err := cookiejar.New(nil)
		if err != nil {
			panic(err) // never, without options
		}
		httpClient = &http.Client{Jar: jar}
	}
	return func(ctx context.Context, url string) (Socket, error) {
		var raw net.Conn // the last one, if there were redirections
		ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(got httptrace.GotConnInfo) { raw = got.Conn }})
		c, resp, err := websocket.Dial(ctx, url, &websocket.DialOptions{
			HTTPClient:   httpClient,
			Subprotocols: []string{event.Subprotocol},
		})
		if err != nil && resp != nil {
			body, _ := io.ReadAll(resp.Body) // the library keeps only its beginning
			return nil, refusal(err, answer{resp.StatusCode, resp.Header.Get("Content-Type"), resp.Header.Get("Retry-After"), strings.TrimSpace(string(body))})
		}
		if err != nil {
			return nil, err
		}
		c.SetReadLimit(-1) // the server is trusted with the size of its rooms
		return socket{c, raw}, nil
	}
}

// socket is a Socket over the network.
type socket struct {
	conn *websocket.Conn
	raw  net.Conn // beneath
}

// closeTimeout is how long Close waits for the answer of the other end.
const closeTimeout = time.Second

func (s socket) Read(ctx context.Context) ([]byte, error) {
	_, message, err := s.conn.Read(ctx)
	return message, err
}

func (s socket) Write(ctx context.Context, message []byte) error {
	return s.conn.Write(ctx, websocket.MessageText, message)
}

// Close waits for a shorter time than the library would: that waits for ten seconds,
// and longer during a write.
func (s socket) Close(clean bool) {
	if !clean {
		s.conn.CloseNow()
		return
	}
	late := time.AfterFunc(closeTimeout, func() { s.raw.Close() })
	defer late.Stop()
	s.conn.Close(websocket.StatusNormalClosure, "")
}
