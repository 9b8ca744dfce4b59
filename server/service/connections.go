package service

import (
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"time"

	"golang.org/x/time/rate"

	"rollcall/server/limit"
)

// watchConnections counts the connections of plain HTTP, and ends those that
// are more than their address may have: each takes one of the files that this
// program may open, and a WebSocket needs one too. A connection that becomes a
// WebSocket is counted by package ws from then on. What a proxy has open is for
// many.
func watchConnections(addresses *limit.Addresses, proxies limit.Proxies, log *slog.Logger) func(net.Conn, http.ConnState) {
	refused := &rate.Sometimes{Interval: time.Minute}
	return func(conn net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			addr := peer(conn)
			if !addresses.Arrive(addr, proxies.Has(addr)) {
				refused.Do(func() { log.Warn("connections are refused: all, or all that one address may have, are taken") })
				conn.Close()
			}
		case http.StateHijacked, http.StateClosed:
			addresses.Depart(peer(conn))
		}
	}
}

func peer(conn net.Conn) netip.Addr {
	addrPort, err := netip.ParseAddrPort(conn.RemoteAddr().String())
	if err != nil {
		return netip.Addr{} // they count as one
	}
	return addrPort.Addr().Unmap()
}

// loud is a listener that says when it cannot take connections, once a minute:
// nobody else would notice that a server stands still for want of files. The
// HTTP server tries again by itself.
type loud struct {
	net.Listener
	log  *slog.Logger
	once *rate.Sometimes
}

func (l loud) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil && !errors.Is(err, net.ErrClosed) {
		l.once.Do(func() {
			l.log.Warn("no connection can be taken; if files have run out, allow more (ulimit -n, LimitNOFILE) or lower -limit-connections", "err", err)
		})
	}
	return conn, err
}
