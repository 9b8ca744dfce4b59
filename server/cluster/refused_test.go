package cluster

import (
	"context"
	"log/slog"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	natsd "github.com/nats-io/nats-server/v2/server"

	"rollcall/server/hub"
	"rollcall/server/testcluster"
)

// isPartial waits until somebody in a room is told that others may be missing, or no more.
func isPartial(t *testing.T, c *client, want bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) { // polls
		if c.state().Partial == want {
			return
		}
	}
	t.Fatalf("that somebody may be missing is not %v within 10 s", want)
}

func looksAt(t *testing.T, h *hub.Hub) *client {
	t.Helper()
	return (&server{t: t, hub: h}).watch()
}

func TestASubscriptionThatNATSRefusesSaysThatSomebodyMayBeMissing(t *testing.T) {
	strict := runNATS(t, &natsd.Options{Host: "127.0.0.1", Port: -1, NoLog: true, NoSigs: true, Users: []*natsd.User{
		{Username: "ana", Password: "secret", Permissions: &natsd.Permissions{Subscribe: &natsd.SubjectPermission{Deny: []string{"test.room.>"}}}},
	}})
	at, err := url.Parse(strict.ClientURL())
	if err != nil {
		t.Fatal(err)
	}
	at.User = url.UserPassword("ana", "secret")
	one, _ := overNATS(t, at.String(), "one", 1)
	eye := looksAt(t, one)
	isPartial(t, eye, true)
	strict.Shutdown()
	strict.WaitForShutdown()
	port, err := strconv.Atoi(at.Port())
	if err != nil {
		t.Fatal(err)
	}
	startNATS(t, port) // refuses nothing
	isPartial(t, eye, false)
}

func TestANATSThatTakesOnlySmallMessagesIsAnError(t *testing.T) {
	nats := runNATS(t, &natsd.Options{Host: "127.0.0.1", Port: -1, NoLog: true, NoSigs: true, MaxPayload: minPayload - 1})
	_, err := Start(context.Background(), Options{NATS: NATSOptions{URLs: nats.ClientURL()}, Name: "x", Secret: []byte(testSecret), Log: slog.New(slog.DiscardHandler)})
	if err == nil || !strings.Contains(err.Error(), "max_payload") {
		t.Errorf("it is told %v", err)
	}
}

// A server that ends has four seconds in all.
func TestAServerEndsAlsoWhileNATSHangs(t *testing.T) {
	for name, noticed := range map[string]bool{"which it has noticed": true, "while it sends": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			nats := startNATS(t, 0)
			link, err := testcluster.NewLink(nats.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer link.Close()
			one, node, end := startOverNATS(t, link.URL(), "one", 1)
			eye := looksAt(t, one)
			link.Set(testcluster.Stalled)
			if noticed {
				isPartial(t, eye, true)
			}
			flood := make([]byte, 32<<10)
			for range 1000 { // more than the buffers of TCP take
				node.bus.publish("test.room.a", "", flood)
			}
			began := time.Now()
			end()
			if took := time.Since(began); took > 3*time.Second {
				t.Errorf("it takes %v", took)
			}
		})
	}
}
