// It runs a server, which no browser can.

//go:build !js

package client_test

import (
	"net/http"
	"net/http/cookiejar"
	"testing"

	"rollcall/shared/client"
)

func TestABotThatKeepsItsCookieJarIsTheSameUser(t *testing.T) {
	url, stop := startServer()
	defer stop()
	id := func(jar http.CookieJar) string {
		bot, err := client.Dial(t.Context(), url, client.Options{Name: "Doorman", HTTPClient: &http.Client{Jar: jar}})
		if err != nil {
			t.Fatal(err)
		}
		defer bot.Close()
		me, ok := bot.Roster().Me()
		if !ok {
			t.Fatal("the bot has no entry")
		}
		return me.ID
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	first := id(jar)
	if again := id(jar); again != first {
		t.Errorf("with the same jar the bot is %s, before it was %s", again, first)
	}
	if other := id(nil); other == first {
		t.Error("a bot without the jar is the same user")
	}
}
