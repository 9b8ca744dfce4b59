//go:build !js

package client

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// frozen is a server that takes connections and then does nothing, until the
// test ends.
func frozen(t *testing.T) (url string) {
	t.Helper()
	over := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := websocket.Accept(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.CloseNow()
		<-over
	}))
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(over) })
	return "ws" + strings.TrimPrefix(server.URL, "http")
}

func TestAFrozenServerHoldsUpNoSocket(t *testing.T) {
	for _, clean := range []bool{false, true} {
		socket, err := Network(nil)(t.Context(), frozen(t))
		if err != nil {
			t.Fatal(err)
		}
		frames, stop := readAll(socket)
		if !clean {
			// Until the network between is full, and a while longer.
			writing, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			for err == nil {
				err = socket.Write(writing, make([]byte, 1<<20))
			}
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("writing ended with %v", err)
			}
		}
		began := time.Now()
		stop(clean)
		if took := time.Since(began); took > goodbye*2 || clean && took < goodbye {
			t.Errorf("clean %v: closing took %v", clean, took)
		}
		if _, open := <-frames; open {
			t.Error("there was something to read")
		}
	}
}
