package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"syscall/js"

	"github.com/coder/websocket"

	"rollcall/shared/event"
)

// Network returns an Options.Dial that opens connections with the browser's
// WebSocket, and so with the browser's cookies. The HTTP client is for other
// builds and is not looked at.
func Network(*http.Client) func(ctx context.Context, url string) (Socket, error) {
	return func(ctx context.Context, url string) (Socket, error) {
		s, err := dial(ctx, url, event.Subprotocol)
		if err == nil {
			return s, nil
		}
		if errors.Is(err, errBlocked) {
			return nil, err // the server has nothing to do with it
		}
		a, ok := probe(ctx, url)
		if !ok {
			return nil, err // the server is not to be reached
		}
		if a.status == statusUpgradeRequired {
			// The server would take the connection. A browser refuses one that
			// does not confirm what was offered, which a proxy may have dropped.
			if s, err := dial(ctx, url); err == nil {
				return s, nil
			}
		}
		return nil, refusal(err, a)
	}
}

const statusUpgradeRequired = 426 // RFC 9110, section 15.5.22

// dial opens a connection and has the library run it.
func dial(ctx context.Context, url string, subprotocols ...string) (Socket, error) {
	raw, err := open(url, subprotocols)
	if err != nil {
		return nil, err
	}
	release := inject(raw)
	c, _, err := websocket.Dial(ctx, url, &websocket.DialOptions{Subprotocols: subprotocols})
	release()
	if err != nil {
		hangUp(raw) // it may still be about to open
		return nil, err
	}
	c.SetReadLimit(-1) // past a limit the library would leak the socket
	return socket{c, raw}, nil
}

var errBlocked = errors.New("the browser opens no connection")

// open opens a WebSocket of the browser's.
func open(url string, subprotocols []string) (raw js.Value, err error) {
	defer func() {
		if thrown := recover(); thrown != nil { // as where sockets are blocked
			err = fmt.Errorf("%w: %v", errBlocked, thrown)
		}
	}()
	offer := make([]any, len(subprotocols))
	for i, p := range subprotocols {
		offer[i] = p
	}
	return js.Global().Get("WebSocket").New(url, offer), nil
}

// inject makes the library use an open WebSocket as the next one that it creates.
// The library does not give access to its own, and its Close must not be used:
// Close holds a lock until the connection has ended. If that ends with an error,
// the library's listener waits for the lock, and blocks the browser's thread for
// ever.
func inject(raw js.Value) (release func()) {
	const name = "WebSocket"
	original := js.Global().Get(name)
	made := js.FuncOf(func(js.Value, []js.Value) any {
		js.Global().Set(name, original)
		return raw
	})
	js.Global().Set(name, made)
	return func() {
		if js.Global().Get(name).Equal(made.Value) { // the library has not got as far
			js.Global().Set(name, original)
		}
		made.Release()
	}
}

// hangUp ends a connection, or the attempt at one.
func hangUp(raw js.Value) { raw.Call("close", int(websocket.StatusNormalClosure)) }

// probe asks the server over HTTP why it does not take a connection, which a
// browser hides. A POST goes through the same checks as the upgrade, since it carries
// the page's origin, which a GET does not. It reports false if there is no
// answer.
func probe(ctx context.Context, url string) (answer, bool) {
	response, ok := await(ctx, js.Global().Call("fetch", "http"+strings.TrimPrefix(url, "ws"), map[string]any{
		"method": "POST", "cache": "no-store", "redirect": "manual",
	}))
	if !ok {
		return answer{}, false
	}
	header := func(name string) string {
		if value := response.Get("headers").Call("get", name); value.Truthy() {
			return value.String()
		}
		return ""
	}
	a := answer{status: response.Get("status").Int(), kind: header("Content-Type"), retryAfter: header("Retry-After")}
	if body, ok := await(ctx, response.Call("text")); ok {
		a.message = strings.TrimSpace(body.String())
	}
	return a, true
}

// await waits for a promise. It reports false when that failed or ctx ended.
func await(ctx context.Context, promise js.Value) (js.Value, bool) {
	type result struct {
		value js.Value
		ok    bool
	}
	done := make(chan result, 1)
	settle := func(ok bool) js.Func {
		return js.FuncOf(func(_ js.Value, args []js.Value) any {
			select {
			case done <- result{args[0], ok}:
			default:
			}
			return nil
		})
	}
	fulfilled, rejected := settle(true), settle(false)
	settled := promise.Call("then", fulfilled, rejected)
	// The callbacks are freed when neither can be called any more.
	var free js.Func
	free = js.FuncOf(func(js.Value, []js.Value) any {
		fulfilled.Release()
		rejected.Release()
		free.Release()
		return nil
	})
	settled.Call("then", free)
	select {
	case r := <-done:
		return r.value, r.ok
	case <-ctx.Done():
		return js.Undefined(), false
	}
}

// socket is a Socket of the browser's.
type socket struct {
	conn *websocket.Conn
	raw  js.Value
}

func (s socket) Read(ctx context.Context) ([]byte, error) {
	_, message, err := s.conn.Read(ctx)
	return message, err
}

func (s socket) Write(ctx context.Context, message []byte) error {
	return s.conn.Write(ctx, websocket.MessageText, message)
}

// Close does not wait for the other end, which a browser does for seconds when
// the network is gone: Read ends with its context.
func (s socket) Close(bool) { hangUp(s.raw) }
