package main

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"rollcall/server/cluster"
	"rollcall/server/hub"
	"rollcall/server/session"
	"rollcall/server/testcluster"
	"rollcall/shared/event"
)

// clusters are the servers that share their rooms over NATS, by how many they are.
var clusters = map[string]int{"alone": 1, "three": 3}

// secretFile is what the servers share, in the folder of the first one.
const secretFile = "secret"

// startCluster runs NATS, on the processor of this program, and n servers.
func (b *bench) startCluster(n int) (s *server, err error) {
	nats, err := launch(selfAs("nats"), "nats")
	if err != nil {
		return nil, err
	}
	if nats.data, err = os.MkdirTemp("", "loadgen-"); err != nil {
		return nil, errors.Join(err, nats.stop())
	}
	secret := filepath.Join(nats.data, secretFile)
	if err := os.WriteFile(secret, []byte(rand.Text()+rand.Text()), 0o600); err != nil {
		return nil, errors.Join(err, nats.stop())
	}
	of, err := nats.askNATS()
	if err != nil {
		return nil, errors.Join(err, nats.stop())
	}
	for i := range n {
		one, err := b.startRollcall([]string{"-nats", of.url, "-secret-file", secret, "-node-name", fmt.Sprint("server-", i)})
		switch {
		case err != nil && s == nil:
			return nil, errors.Join(err, nats.stop())
		case err != nil:
			return nil, errors.Join(err, s.stop())
		case s == nil:
			s = one
			s.nats = nats
		default:
			s.others = append(s.others, one)
		}
	}
	return s, nil
}

// natsUsage is what NATS has done so far.
type natsUsage struct {
	cpu             time.Duration
	messages, bytes float64 // that came from the servers
}

func (u natsUsage) since(before natsUsage) natsUsage {
	return natsUsage{u.cpu - before.cpu, u.messages - before.messages, u.bytes - before.bytes}
}

func (u natsUsage) plus(v natsUsage) natsUsage {
	return natsUsage{u.cpu + v.cpu, u.messages + v.messages, u.bytes + v.bytes}
}

func (s *server) natsUsage() (natsUsage, error) {
	cpu, err1 := s.cpu()
	of, err2 := s.askNATS()
	return natsUsage{cpu, float64(of.messages), float64(of.bytes)}, errors.Join(err1, err2)
}

// natsAnswer is what serveNATS says of itself.
type natsAnswer struct {
	url             string
	messages, bytes int64
}

const natsFormat = "%s %d %d\n"

// serveNATS is a NATS server, which says by HTTP where it is and what it has done.
func serveNATS() error {
	nats, err := testcluster.StartNATS(0)
	if err != nil {
		return err
	}
	return serveHTTP(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		messages, bytes := nats.Messages()
		fmt.Fprintf(w, natsFormat, nats.URL(), messages, bytes)
	}))
}

func (s *server) askNATS() (a natsAnswer, err error) {
	r, err := http.Get("http://" + s.addr)
	if err != nil {
		return a, err
	}
	defer r.Body.Close()
	_, err = fmt.Fscanf(r.Body, natsFormat, &a.url, &a.messages, &a.bytes)
	return a, err
}

// settle waits until servers have nothing more to tell each other of what was before:
// after two seconds without a change they prove to each other once more what they have. A
// single one rests as long, so that all do the same.
func (b *bench) settle() error {
	if !b.several {
		return nil
	}
	return b.pause(2500 * time.Millisecond)
}

// startCrowd runs a further server, which has n people in the lobby, without sockets.
func (s *server) startCrowd(n int) (*server, error) {
	of, err := s.nats.askNATS()
	if err != nil {
		return nil, err
	}
	return launch(selfAs("crowd", of.url, filepath.Join(s.nats.data, secretFile), strconv.Itoa(n)), "crowd")
}

// serveCrowd is that server.
func serveCrowd() error {
	n, err := strconv.Atoi(flag.Arg(2))
	if err != nil {
		return err
	}
	secret, err := session.ReadSecret(flag.Arg(1))
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	node, err := cluster.Start(ctx, cluster.Options{
		NATS: cluster.NATSOptions{URLs: flag.Arg(0)}, Prefix: "rollcall", Name: "crowd", Run: 1, Secret: secret,
		Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
	})
	if err != nil {
		return err
	}
	defer node.Close()
	h := hub.New(hub.Options{Tick: 100 * time.Millisecond, Cluster: node, Owner: node.Owner()})
	defer h.Close()
	for i := range n {
		person := hub.Person{ID: fmt.Sprintf("%016d", i), Change: event.Named(fmt.Sprint("Person ", i)), Tab: rand.Text(), Visitor: hub.Visitor{Ref: 1}}
		if _, err := h.Join(event.Lobby, person, full{}); err != nil {
			return err
		}
	}
	fmt.Println() // it is complete, and has no address
	<-ctx.Done()
	return nil
}

// full is a connection that takes nothing after the first frame.
type full struct{}

// Send implements hub.Sink.
func (full) Send(*hub.Conn, hub.Frame) bool { return false }
