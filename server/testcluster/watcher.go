package testcluster

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"rollcall/shared/client"
	"rollcall/shared/event"
	"rollcall/shared/roster"
)

// Seen is one thing that a watcher has seen.
type Seen struct {
	At   time.Time
	Kind roster.Kind // Arrived, Updated or Gone
	// User is as afterwards, or as last known; Before is as it was until an update.
	User, Before event.User
	Reason       event.Reason // why somebody is gone, if that was told
	// BySnapshot is that the watcher had lost its connection, or its place: nobody told of
	// it, but a snapshot is another than what was known.
	BySnapshot bool
}

func (s Seen) String() string {
	what := map[roster.Kind]string{roster.Arrived: "arrives", roster.Updated: "is changed", roster.Gone: "is gone"}[s.Kind]
	if s.Kind == roster.Updated && s.Before.Link != s.User.Link {
		what = "becomes " + s.User.Link.String()
	}
	text := fmt.Sprintf("%s %s %s", s.At.Format("05.000"), s.User.Name, what)
	if s.Reason != "" {
		text += fmt.Sprintf(" (%s)", s.Reason)
	}
	if s.BySnapshot {
		text += " by a snapshot"
	}
	return text
}

// Watcher looks on at one room of one server, and writes down what it sees.
type Watcher struct {
	Server *Server
	tab    *Tab

	mu     sync.Mutex
	roster roster.Roster
	seen   []Seen
}

// NewWatcher begins to watch a room. Whoever does so has to close the watcher.
func NewWatcher(ctx context.Context, server *Server, room string) (*Watcher, error) {
	w := &Watcher{Server: server}
	dial := client.Network(nil)
	c, err := client.Dial(ctx, server.WebSocket(), client.Options{
		Room: room, Watch: true, MaxBackoff: maxBackoff / 4,
		Dial: func(ctx context.Context, url string) (client.Socket, error) {
			socket, err := dial(ctx, url)
			if err != nil {
				return nil, err
			}
			return watched{socket, w}, nil
		},
	})
	if err != nil {
		return nil, fmt.Errorf("watching %s on server %s: %w", room, server.Name(), err)
	}
	w.tab = newTab(c)
	return w, nil
}

// Close ends the watching.
func (w *Watcher) Close() { w.tab.close() }

// Connected reports whether the watcher sees what happens now.
func (w *Watcher) Connected() bool { return w.tab.Status().Link == client.Connected }

// Drift is why what the watcher sees is not what the server has, or nil.
func (w *Watcher) Drift() error { return w.tab.Status().Drift }

// Seen is what the watcher has seen since a time.
func (w *Watcher) Seen(since time.Time) []Seen {
	w.mu.Lock()
	defer w.mu.Unlock()
	i, _ := slices.BinarySearchFunc(w.seen, since, func(s Seen, t time.Time) int { return s.At.Compare(t) })
	return slices.Clone(w.seen[i:])
}

// Users are those who are in the room now, as the watcher sees it, by id.
func (w *Watcher) Users() map[string]event.User {
	w.mu.Lock()
	defer w.mu.Unlock()
	return byID(w.roster.Borrow())
}

// State is the room as the server has described it last.
func (w *Watcher) State() event.Room {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.roster.State()
}

// watched is a socket whose frames a watcher reads along.
type watched struct {
	client.Socket
	watcher *Watcher
}

func (s watched) Read(ctx context.Context) ([]byte, error) {
	frame, err := s.Socket.Read(ctx)
	if err == nil {
		s.watcher.read(frame)
	}
	return frame, err
}

func (w *Watcher) read(frame []byte) {
	events, err := event.DecodeServer(frame)
	if err != nil {
		return // on which the client hangs up
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range events {
		snapshot, isSnapshot := e.(event.ExistingUsers)
		var before []event.User
		first := isSnapshot && w.roster.Epoch() == ""
		if isSnapshot && !snapshot.Resumed {
			before = w.roster.Users()
		}
		changes, _ := w.roster.Apply(e) // the client sees to drift
		if isSnapshot && !snapshot.Resumed && !first {
			changes = compare(before, w.roster.Borrow())
		}
		for _, c := range changes {
			if c.Kind == roster.Reset {
				continue
			}
			seen := Seen{At: time.Now(), Kind: c.Kind, User: c.User, Before: c.Before, BySnapshot: isSnapshot}
			if gone, ok := e.(event.DisconnectUser); ok {
				seen.Reason = gone.Reason
			}
			w.seen = append(w.seen, seen)
		}
	}
}

// compare returns how one roster has become another.
func compare(before, after []event.User) (changes []roster.Change) {
	was, is := byID(before), byID(after)
	for _, u := range before {
		if _, still := is[u.ID]; !still {
			changes = append(changes, roster.Change{Kind: roster.Gone, User: u})
		}
	}
	for _, u := range after {
		switch old, known := was[u.ID]; {
		case !known:
			changes = append(changes, roster.Change{Kind: roster.Arrived, User: u})
		case old != u:
			changes = append(changes, roster.Change{Kind: roster.Updated, User: u, Before: old})
		}
	}
	return changes
}

func byID(users []event.User) map[string]event.User {
	found := make(map[string]event.User, len(users))
	for _, u := range users {
		found[u.ID] = u
	}
	return found
}
