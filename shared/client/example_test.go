// It runs a server, which no browser can.

//go:build !js

package client_test

import (
	"bytes"
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"

	"rollcall/server/hub"
	"rollcall/server/session"
	"rollcall/server/ws"
	"rollcall/shared/client"
	"rollcall/shared/event"
	"rollcall/shared/roster"
)

// A bot that greets: whoever arrives is welcomed in the bot's note.
func ExampleDial() {
	url, stop := startServer()
	defer stop()
	ctx := context.Background()

	bot, err := client.Dial(ctx, url, client.Options{Name: "Doorman", Patch: event.Patch{Note: new("at the door")}})
	if err != nil {
		log.Fatal(err)
	}
	defer bot.Close()

	ana, err := client.Dial(ctx, url, client.Options{Name: "Ana"})
	if err != nil {
		log.Fatal(err)
	}
	defer ana.Close()

	for {
		update, err := bot.Next(ctx)
		if err != nil {
			log.Fatal(err)
		}
		for _, change := range update.Changes {
			if change.Kind == roster.Arrived {
				bot.Update(event.Patch{Note: new("Welcome, " + change.User.Name + "!")})
			}
		}
		if me, _ := bot.Roster().Me(); me.Note != "at the door" {
			fmt.Printf("%s, to %d people: %s\n", me.Name, bot.Roster().Count(), me.Note)
			return
		}
	}
	// Output: Doorman, to 2 people: Welcome, Ana!
}

// A watcher that prints who comes and goes, and is nobody itself.
func ExampleDial_watch() {
	url, stop := startServer()
	defer stop()
	ctx := context.Background()

	watcher, err := client.Dial(ctx, url, client.Options{Watch: true, Room: "design-week"})
	if err != nil {
		log.Fatal(err)
	}
	defer watcher.Close()

	ana, err := client.Dial(ctx, url, client.Options{Name: "Ana", Room: "design-week"})
	if err != nil {
		log.Fatal(err)
	}
	defer ana.Close()

	for {
		update, err := watcher.Next(ctx)
		if err != nil {
			log.Fatal(err)
		}
		for _, change := range update.Changes {
			switch change.Kind {
			case roster.Arrived:
				fmt.Println(change.User.Name, "came")
				ana.Leave()
			case roster.Gone:
				fmt.Println(change.User.Name, "went")
				return
			}
		}
	}
	// Output:
	// Ana came
	// Ana went
}

// startServer is a server for the examples; a program of yours has its URL.
func startServer() (url string, stop func()) {
	sessions, err := session.New(bytes.Repeat([]byte{1}, 32), false)
	if err != nil {
		log.Fatal(err)
	}
	rooms := hub.New(hub.Options{})
	sockets := ws.New(ws.Options{
		Hub:         rooms,
		Sessions:    sessions,
		AllowOrigin: func(*http.Request) bool { return true },
	})
	web := httptest.NewServer(sockets)
	return strings.Replace(web.URL, "http", "ws", 1), func() {
		sockets.Close(context.Background())
		rooms.Close()
		web.Close()
	}
}
