package service

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"

	"rollcall/server/admin"
	"rollcall/server/metrics"
	"rollcall/server/origin"
	"rollcall/server/refusal"
)

// Admin says where an operator looks at this server.
type Admin struct {
	Addr         string // to listen on; empty is nowhere
	PasswordFile string // needed unless that is this machine alone
}

// openAdmin listens for the operator.
func (s *service) openAdmin(ctx context.Context) (err error) {
	a := s.config.Admin
	if a.Addr == "" {
		return nil
	}
	if a.PasswordFile != "" {
		password, err := os.ReadFile(a.PasswordFile)
		if err != nil {
			return fmt.Errorf("-admin-password-file: %w", err)
		}
		if s.password = string(bytes.TrimRight(password, "\r\n")); s.password == "" {
			return fmt.Errorf("-admin-password-file: %s is empty; write a password to it", a.PasswordFile)
		}
	}
	if s.adminListener, err = listen(ctx, a.Addr, "-admin-addr"); err != nil {
		return err
	}
	if tcp, ok := s.adminListener.Addr().(*net.TCPAddr); s.password == "" && (!ok || !tcp.IP.IsLoopback()) {
		return errors.New("-admin-addr is reached from other machines, and everybody there could read who is here; give it a password with -admin-password-file, or let it listen on 127.0.0.1 alone")
	}
	return nil
}

// routeAdmin makes what the operator is answered. A page of another site must not reach it,
// even if its name leads to this machine (DNS rebinding).
func (s *service) routeAdmin() {
	s.metrics.Read(s.sources())
	if s.adminListener == nil {
		return
	}
	hostname, _ := os.Hostname() // without one, its name is none of this server's
	policy, err := origin.New("", hostname)
	if err != nil {
		panic(err) // there is no address that could be wrong
	}
	pages := admin.New(admin.Options{Hub: s.rooms, Metrics: s.metrics.Handler(), Version: s.config.Version, Password: s.password})
	ofThisServer := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !policy.AllowOrigin(r) {
			s.refused.answer(w, refusal.Error{Reason: refusal.ForeignOrigin})
			return
		}
		pages.ServeHTTP(w, r)
	})
	s.admin = newHTTP(policy.Guard(s.refused.observe, ofThisServer), nil, s.log)
}

// sources are where the metrics are read.
func (s *service) sources() metrics.Sources {
	from := metrics.Sources{
		Version: s.config.Version, Hub: s.rooms, Refused: s.refused.count, Sockets: s.sockets.Connections, Plain: s.connections.count, Node: s.node,
	}
	if s.keeper != nil {
		from.StateFailures, from.StateBytes = s.keeper.failures.Load, s.keeper.size.Load
	}
	return from
}
