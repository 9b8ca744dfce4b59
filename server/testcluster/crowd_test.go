package testcluster

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rollcall/shared/client"
	"rollcall/shared/event"
	"rollcall/shared/roster"
)

// alone starts a server without NATS, behind a balancer, until the test ends.
func alone(t *testing.T, args ...string) *Cluster {
	t.Helper()
	s := NewServer(ServerOptions{Binary: binary, Name: "a", Data: t.TempDir(), Args: args})
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	b, err := NewBalancer("127.0.0.1:0", []string{s.Addr()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return &Cluster{Servers: []*Server{s}, Balancer: b}
}

// crowd has people join a room, until the test ends, and waits until all see them.
func crowd(t *testing.T, c *Cluster, room string, people int) *Crowd {
	t.Helper()
	all, err := c.NewCrowd(t.Context(), room, people)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(all.Close)
	converged(t, all, soon)
	return all
}

// converged fails the test unless every roster is the truth within a time.
func converged(t *testing.T, c *Crowd, within time.Duration) time.Duration {
	t.Helper()
	if _, err := c.AwaitBack(30 * time.Second); err != nil {
		t.Fatal(err)
	}
	took, err := c.Converged(within)
	if err != nil {
		t.Fatal(err)
	}
	return took
}

// eventually fails the test unless something holds within a time.
func eventually(t *testing.T, within time.Duration, words string, holds func() bool) time.Duration {
	t.Helper()
	began := time.Now()
	for !holds() {
		if time.Since(began) > within {
			t.Fatalf("after %v it is not so: %s", within, words)
		}
		time.Sleep(10 * time.Millisecond)
	}
	return time.Since(began)
}

// comings are arrivals and departures.
func comings(s Seen) bool { return s.Kind == roster.Arrived || s.Kind == roster.Gone }

func TestACrowdSeesThatSomebodyIsNotShownAsTheyAre(t *testing.T) {
	c := alone(t, "-grace", "1h")
	all := crowd(t, c, "team", 3)
	ana := all.People[0]
	began := time.Now()

	// The one who is away may be shown as reconnecting, and as nothing else.
	ana.Line.TakeDown()
	converged(t, all, soon)
	if seen := all.Seen(began, func(s Seen) bool { return s.User.Link == event.LinkReconnecting }); len(seen) != 1 {
		t.Errorf("seen is %q", seen)
	}
	connected, absent := all.truth()
	users := all.Watchers[0].Users()
	if wrong := differences(users, connected, absent); wrong != "" {
		t.Error(wrong)
	}
	for name, change := range map[string]func(map[string]event.User){
		"missing":                 func(m map[string]event.User) { delete(m, all.People[1].ID()) },
		"shown as online without": func(m map[string]event.User) { u := m[ana.ID()]; u.Link = event.LinkOnline; m[u.ID] = u },
		"old name":                func(m map[string]event.User) { u := m[all.People[1].ID()]; u.Name = "Zoë"; m[u.ID] = u },
		"reconnecting though they are": func(m map[string]event.User) {
			u := m[all.People[1].ID()]
			u.Link = event.LinkReconnecting
			m[u.ID] = u
		},
		"should be gone": func(m map[string]event.User) { m["x"] = event.User{ID: "x", Link: event.LinkReconnecting} },
	} {
		users := all.Watchers[0].Users()
		change(users)
		if wrong := differences(users, connected, absent); !strings.Contains(wrong, name) {
			t.Errorf("%s: it says %q", name, wrong)
		}
	}
	ana.Line.PutUp()
	converged(t, all, soon)

	ana.Rename("Anna")
	converged(t, all, soon)
	ben := all.People[1]
	if err := ben.Open(t.Context()); err != nil { // a second tab
		t.Fatal(err)
	}
	converged(t, all, soon)
	if seen := all.Seen(began, comings); len(seen) > 0 {
		t.Errorf("so far nobody has come or gone, but seen is %q", seen)
	}
	if err := ben.Leave(t.Context()); err != nil {
		t.Fatal(err)
	}
	converged(t, all, soon)
	if seen := all.Seen(began, comings); len(seen) != 1 || !strings.Contains(seen[0], "is gone (left)") {
		t.Errorf("seen is %q", seen)
	}
	if _, err := all.NobodyOnlineWithoutConnection(soon); err != nil {
		t.Error(err)
	}
}

func TestACrowdComesBackAsFastAsItCan(t *testing.T) {
	c := alone(t)
	all := crowd(t, c, "team", 20)
	began := time.Now()
	if err := Each(all.People, func(p *Person) error {
		for range 10 {
			if err := p.Reconnect(t.Context()); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	t.Logf("200 reconnects in %v", time.Since(began))
	converged(t, all, soon)
	if seen := all.Seen(began, comings); len(seen) > 0 {
		t.Errorf("seen is %q", seen)
	}
}

func TestAServerCanBeFrozenKilledAndStartedAgain(t *testing.T) {
	c := alone(t)
	all := crowd(t, c, "team", 3)
	s := c.Servers[0]
	addr := s.Addr()
	if err := s.Freeze(); err != nil {
		t.Fatal(err)
	}
	eventually(t, soon, "the balancer finds the server gone", func() bool { return c.Balancer.turn() == "" })
	if err := s.Thaw(); err != nil {
		t.Fatal(err)
	}
	eventually(t, soon, "the balancer finds it back", func() bool { return c.Balancer.turn() != "" })
	converged(t, all, soon)

	began := time.Now()
	if err := s.Restart(); err != nil {
		t.Fatal(err)
	}
	converged(t, all, soon)
	if seen := all.Seen(began, comings); len(seen) > 0 {
		t.Errorf("in a restart, seen is %q", seen)
	}
	s.Kill()
	if s.Running() || s.Start() != nil || s.Addr() != addr {
		t.Errorf("after a kill it is at %s, and was at %s", s.Addr(), addr)
	}
	converged(t, all, soon)
	if all.People[0].Tabs()[0].Status().Link != client.Connected {
		t.Error("somebody is not back")
	}
}

func TestAServerThatDoesNotStartSaysWhy(t *testing.T) {
	s := NewServer(ServerOptions{Binary: binary, Name: "a", Data: t.TempDir(), Args: []string{"-linger", "soon"}})
	if err := s.Start(); err == nil || !strings.Contains(err.Error(), "-linger") {
		t.Errorf("the error is %v", err)
	}
}

// secretFile makes a file with another secret than that of any cluster.
func secretFile(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte(strings.Repeat("another ", 8)), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
