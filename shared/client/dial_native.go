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
		var raw net.Conn // the last, if there were redirections
		ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(got httptrace.GotConnInfo) { raw = got.Conn }})
		c, resp, err := websocket.Dial(ctx, url, &websocket.DialOptions{
			HTTPClient:   httpClient,
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
		return socket{c, raw}, nil
	}
}

// socket is a Socket over the network.
type socket struct {
	conn *websocket.Conn
	raw  net.Conn // beneath
}

// goodbye is how long the other end's answer to a close is waited for.
const goodbye = time.Second

func (s socket) Read(ctx context.Context) ([]byte, error) {
	_, message, err := s.conn.Read(ctx)
	return message, err
}

func (s socket) Write(ctx context.Context, message []byte) error {
	return s.conn.Write(ctx, websocket.MessageText, message)
}

// Close does not leave it to the library how long the other end is waited for:
// that is ten seconds, and more if something is being written.
func (s socket) Close(clean bool) {
	if !clean {
		s.conn.CloseNow()
		return
	}
	late := time.AfterFunc(goodbye, func() { s.raw.Close() })
	defer late.Stop()
	s.conn.Close(websocket.StatusNormalClosure, "")
}
