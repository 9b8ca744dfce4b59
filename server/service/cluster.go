package service

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"rollcall/server/cluster"
	"rollcall/server/hub"
	"rollcall/server/session"
)

// readSecret reads the secret from which the keys of this server are derived.
func (s *service) readSecret() (err error) {
	if file := s.config.SecretFile; file != "" {
		if s.secret, err = session.ReadSecret(file); err != nil {
			return fmt.Errorf("-secret-file: %w", err)
		}
		return nil
	}
	if s.config.Cluster.NATS.URLs != "" {
		return errors.New("-nats needs -secret-file, with the same secret for all servers: otherwise nobody could come back on another one")
	}
	if !s.config.keeps() {
		s.secret = []byte(rand.Text() + rand.Text()) // 256 bits: 128 each, RFC 4648 base32
		return nil
	}
	if s.secret, err = session.LoadKey(s.config.Data); err != nil {
		return dataError(err)
	}
	return nil
}

// joinCluster makes this server one of several.
func (s *service) joinCluster(ctx context.Context) error {
	name := s.config.Cluster.NodeName
	if name == "" {
		host, err := os.Hostname()
		if err != nil {
			return fmt.Errorf("this machine has no name: %w; give this server one with -node-name", err)
		}
		name = net.JoinHostPort(host, strconv.Itoa(s.listener.Addr().(*net.TCPAddr).Port))
	}
	run := time.Now().UnixMilli()
	if s.config.keeps() {
		var err error
		if run, err = nextRun(s.config.Data); err != nil {
			return dataError(err)
		}
	}
	var err error
	s.node, err = cluster.Start(ctx, cluster.Options{
		NATS: s.config.Cluster.NATS, Prefix: s.config.Cluster.Prefix,
		Name: name, Run: run, Secret: s.secret, Log: s.log,
	})
	return err
}

// nodeFailed returns why this server cannot be one of several, if it finds that out only
// after it has begun to serve.
func (s *service) nodeFailed() <-chan error {
	if s.node == nil {
		return nil
	}
	return s.node.Failed()
}

// runFile has the number of the last run of this server among others.
const runFile = "run"

// nextRun returns the number of this run: the time, in Unix milliseconds, or one more than
// that of the last run, if the clock was set back.
func nextRun(dir string) (int64, error) {
	path := filepath.Join(dir, runFile)
	run := time.Now().UnixMilli()
	switch text, err := os.ReadFile(path); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return 0, err
	default:
		var last int64
		if json.Unmarshal(text, &last) == nil { // half a number, after a crash, is none
			run = max(run, last+1)
		}
	}
	return run, os.WriteFile(path, strconv.AppendInt(nil, run, 10), 0o600)
}

// keepHeld returns what is done with the rooms of the last run before they are restored:
// other servers may know better who is still there.
func (s *service) keepHeld(ctx context.Context) func(*hub.State) {
	if s.node == nil {
		return func(*hub.State) {}
	}
	return func(state *hub.State) {
		var rooms []string
		crashed := false
		for _, r := range state.Rooms {
			rooms = append(rooms, r.Name)
			crashed = crashed || r.Epoch == "" // of a clean end it would be known
		}
		state.Keep(s.node.Held(ctx, rooms, crashed))
	}
}
