// Package service puts the server together, runs it, and takes it down in
// order.
package service

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/time/rate"

	"rollcall/server/hub"
	"rollcall/server/limit"
	"rollcall/server/names"
	"rollcall/server/origin"
	"rollcall/server/session"
	"rollcall/server/site"
	"rollcall/server/ws"
	"rollcall/web"
)

// Config is what a server is told.
type Config struct {
	Addr      string // to listen on, as net.Listen takes it
	Data      string // folder for state
	PublicURL string // where people reach it; empty for this machine's names
	Linger    time.Duration
	Grace     time.Duration
	Tick      time.Duration // the longest rest of a room between two flushes
	Window    int           // users above which a room is shown in parts; 0 is never
	Proxies   limit.Proxies // reverse proxies that say for whom they ask
	Limits    Limits
	LogLevel  slog.Level

	Out    io.Writer // where the address to open is printed
	ErrOut io.Writer // where the log goes
}

// Limits are what keeps one from using up what others need; 0 is no limit.
type Limits struct {
	Sockets     int // of one address at one time
	Joins       int // of one address in a minute; to watch a room counts as well
	Bytes       int // that one address costs in a second
	Events      int // of one connection in a second
	Members     int // of a room
	Rooms       int
	Connections int // in all, at one time
}

// Absent is how many people may be without a connection and expected back: as many
// as may have one, so that all can who lose it together; and several times as many
// as one address can bring within a minute, so that no address alone takes that
// time from others. 0 is any number.
func (l Limits) Absent() int {
	if l.Connections == 0 || l.Joins == 0 {
		return 0
	}
	return max(l.Connections, 4*l.Joins)
}

// awayAfter is how long all of somebody's tabs must be unused for them to be shown
// as away.
const awayAfter = 5 * time.Minute

// How long an end may take, when the rooms are saved already.
const (
	closeTimeout    = 2 * time.Second // for clients to take that and why they are cut off
	requestTimeout  = time.Second     // for a request under way to be answered
	shutdownTimeout = 4 * time.Second // for all of it, whatever hangs
)

// Run serves until ctx ends, then ends everything it started and returns nil.
// An error says what is wrong and how to mend it.
func Run(ctx context.Context, config Config) error {
	log := slog.New(slog.NewTextHandler(config.ErrOut, &slog.HandlerOptions{Level: config.LogLevel}))

	hostname, err := os.Hostname()
	if err != nil {
		log.Warn("this machine has no name to answer under", "err", err)
	}
	policy, err := origin.New(config.PublicURL, hostname)
	if err != nil {
		return fmt.Errorf("-public-url: %w", err)
	}
	assets, files, err := web.Load()
	if err != nil {
		return err
	}
	lock, err := lockData(config.Data)
	if err != nil {
		return err
	}
	defer lock.Unlock()
	secret, err := session.LoadKey(config.Data)
	if err != nil {
		return dataError(err)
	}
	sessions, err := session.New(secret, policy.Secure())
	if err != nil {
		return err
	}
	refused := &refusals{log: log}
	pages, err := site.New(site.Options{
		Assets: assets, Files: files, Sessions: sessions,
		Base: policy.Base, AllowOrigin: policy.AllowOrigin, Refused: refused.observe,
	})
	if err != nil {
		return err
	}

	rooms := hub.New(hub.Options{
		Linger: config.Linger, Grace: config.Grace, Away: awayAfter,
		Tick: config.Tick, Window: config.Window,
		MaxMembers: config.Limits.Members, MaxRooms: config.Limits.Rooms, MaxAbsent: config.Limits.Absent(),
		Fold: names.Fold,
	})
	defer rooms.Close()

	// The system need not find out about dead peers, for each of which it would
	// have to be asked four times: WebSockets are pinged, and whatever is waited
	// for in plain HTTP is for minutes at most.
	listener, err := (&net.ListenConfig{KeepAlive: -1}).Listen(ctx, "tcp", config.Addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("%s is taken by another program; end that one or choose another port, as in -addr :8081", config.Addr)
	}
	if err != nil {
		return fmt.Errorf("cannot listen on %q: %w; choose another with -addr", config.Addr, err)
	}

	// Now that nothing keeps it from starting: this can be done once.
	if err := restore(rooms, config.Data, sessions.Tag()); err != nil {
		log.Warn("everybody begins anew", "err", err)
	}
	addresses := limit.New(limit.Options{
		Connections: config.Limits.Connections, Sockets: config.Limits.Sockets,
		JoinsPerMinute: config.Limits.Joins, BytesPerSecond: config.Limits.Bytes,
	})
	sockets := ws.New(ws.Options{
		Hub: rooms, Sessions: sessions, AllowOrigin: policy.AllowOrigin, Refused: refused.observe,
		Addresses:       addresses,
		Proxies:         config.Proxies,
		EventsPerSecond: float64(config.Limits.Events),
	})
	var ready atomic.Bool
	mux := http.NewServeMux()
	mux.Handle("/ws", sockets)
	plain := newConnections(addresses, config.Proxies, log, refused.observe)
	mux.Handle("/", plain.limitRequests(pages))
	server := &http.Server{
		Handler:           probes(&ready, hsts(policy, policy.Guard(refused.observe, mux))),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       30 * time.Second, // a body that never comes is waited for, too
		IdleTimeout:       2 * time.Minute,
		// The program takes a minute on the slowest of lines. What is
		// hijacked is not bound by it.
		WriteTimeout:   5 * time.Minute,
		MaxHeaderBytes: maxHeader,
		ConnState:      plain.connState,
		// Or OPTIONS * would be answered whatever the host.
		DisableGeneralOptionsHandler: true,
		ErrorLog:                     slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}

	fmt.Fprintf(config.Out, "Rollcall is at %s\n", localAddress(config.PublicURL, listener.Addr()))

	ready.Store(true)
	var serving sync.WaitGroup
	failed := make(chan error, 1)
	serving.Go(func() {
		if err := server.Serve(loggingListener{listener, log, new(rate.Sometimes{Interval: time.Minute})}); !errors.Is(err, http.ErrServerClosed) {
			failed <- err
		}
	})
	select {
	case <-ctx.Done():
	case err = <-failed:
		err = fmt.Errorf("serving %s: %w", listener.Addr(), err)
	}

	// Nobody leaves by this end: clients come back to where they were. So the
	// rooms are saved at once, which waits for nobody, and again when the last
	// have said what they had to say. Until then requests are answered, so that
	// who comes hears what is going on; Shutdown, which does not know of
	// hijacked connections, would also wait for those that ask for nothing.
	ready.Store(false)
	rooms.Suspend()
	serving.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
		defer cancel()
		sockets.Close(ctx)
		ctx, cancel = context.WithTimeout(context.Background(), requestTimeout)
		defer cancel()
		if server.Shutdown(ctx) != nil {
			server.Close()
		}
	})
	unsaved := save(rooms, config.Data, sessions.Tag())
	serving.Go(func() { log.Info("ending", "refused", refused) }) // which may hang, too
	if waitTimeout(&serving, shutdownTimeout) {
		unsaved = save(rooms, config.Data, sessions.Tag())
	}
	if unsaved != nil {
		log.Warn("the rooms are not saved: clients will see everybody come anew", "err", unsaved)
	}
	return err
}

// waitTimeout waits for all that runs, but not for ever.
func waitTimeout(running *sync.WaitGroup, patience time.Duration) bool {
	done := make(chan struct{})
	go func() {
		defer close(done)
		running.Wait()
	}()
	select {
	case <-done:
		return true
	case <-time.After(patience):
		return false
	}
}

// hsts tells browsers of a server that is reached by https never to try
// without (RFC 6797).
func hsts(policy *origin.Policy, next http.Handler) http.Handler {
	if !policy.Secure() {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Strict-Transport-Security", "max-age=31536000")
		next.ServeHTTP(w, r)
	})
}

// localAddress is what to type into a browser on this machine.
func localAddress(public string, addr net.Addr) string {
	if public != "" {
		return public
	}
	host, port, err := net.SplitHostPort(addr.String())
	if err != nil {
		return addr.String()
	}
	if ip := net.ParseIP(host); ip == nil || ip.IsUnspecified() || ip.IsLoopback() {
		host = "localhost"
	}
	return "http://" + net.JoinHostPort(host, port)
}
