package main

import (
	"fmt"
	"net"
	"net/http"
	"os"

	"rollcall/shared/event"
)

// others are the servers that this program has in itself, to be measured beside rollcall
// or with it.
var others = map[string]func() error{
	"classic": serveClassic,
	"gorilla": serveGorilla,
	"gws":     serveGWS,
	"raw":     serveRaw,
	"nats":    serveNATS,
	"crowd":   serveCrowd,
}

// selfAs returns the command line of this program as one of the others.
func selfAs(name string, args ...string) []string {
	self, err := os.Executable()
	if err != nil {
		self = os.Args[0]
	}
	return append([]string{self, "-serve", name}, args...)
}

// listen opens a port that only this machine reaches, and prints the address.
func listen() (net.Listener, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err == nil {
		fmt.Printf("http://%s\n", listener.Addr())
	}
	return listener, err
}

func serveHTTP(handler http.Handler) error {
	listener, err := listen()
	if err != nil {
		return err
	}
	return http.Serve(listener, handler)
}

// parseHello returns the hello in the first frame of a client. It reports false if there
// is none.
func parseHello(frame []byte) (event.GotANewUser, bool) {
	events, err := event.DecodeClient(frame)
	if err != nil || len(events) == 0 {
		return event.GotANewUser{}, false
	}
	hello, ok := events[0].(event.GotANewUser)
	return hello, ok
}

// newcomer returns the n-th user of a server, as everybody is told of them.
func newcomer(n int, name string) event.User {
	return event.User{ID: fmt.Sprintf("%016d", n), Name: name, Since: int64(n)}
}
