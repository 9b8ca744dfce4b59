// Package service puts the server together, runs it, and shuts it down in order.
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

	"github.com/gofrs/flock"
	"golang.org/x/time/rate"

	"rollcall/server/certs"
	"rollcall/server/cluster"
	"rollcall/server/hub"
	"rollcall/server/limit"
	"rollcall/server/metrics"
	"rollcall/server/names"
	"rollcall/server/origin"
	"rollcall/server/session"
	"rollcall/server/site"
	"rollcall/server/ws"
	"rollcall/web"
)

// Config is what a server is started with.
type Config struct {
	Addr      string // to listen on, as net.Listen takes it
	Data      string // folder for state; DataOff for none
	PublicURL string // where people reach it; empty for this machine's names
	Linger    time.Duration
	Grace     time.Duration
	Tick      time.Duration // the longest pause of a room between two flushes
	Window    int           // users above which a room is shown in parts; 0 is never
	Proxies   limit.Proxies // reverse proxies that say for whom they ask
	Limits    Limits
	// SecretFile has the secret that several servers share; empty for one of this server's
	// own.
	SecretFile string
	Cluster    Cluster
	TLS        TLS
	Admin      Admin
	Version    string // of this program
	LogLevel   slog.Level

	Out    io.Writer // where the address to open is printed
	ErrOut io.Writer // where the log goes
}

// DataOff is the Data of a server that keeps nothing.
const DataOff = "off"

// keeps reports whether the server keeps something.
func (c Config) keeps() bool { return c.Data != DataOff }

// Cluster says how this server and others are one.
type Cluster struct {
	NATS     cluster.NATSOptions // without URLs, this server is alone
	Prefix   string              // of the subjects
	NodeName string              // of this server; empty for its host and port
}

// Limits keep one client from taking what others need; 0 is no limit.
type Limits struct {
	Sockets     int // of one address at one time
	Joins       int // of one address in a minute; to watch a room counts as well
	Bytes       int // that one address costs in a second
	Events      int // of one connection in a second
	Members     int // of a room
	Rooms       int
	Connections int // in all, at one time
}

// Absent returns how many people may wait to come back without a connection. It is as
// many as may have a connection, since all can lose it together. And it is several
// times what one address can bring within a minute, so that no address alone takes the
// time to come back from others. 0 is no limit.
func (l Limits) Absent() int {
	if l.Connections == 0 || l.Joins == 0 {
		return 0
	}
	return max(l.Connections, 4*l.Joins)
}

// awayAfter is how long all tabs of a user must be unused before the user is away.
const awayAfter = 5 * time.Minute

// How long the end may take, after the rooms are saved.
const (
	closeTimeout    = 2 * time.Second // to tell clients why their connections end
	requestTimeout  = time.Second     // to answer requests that are under way
	shutdownTimeout = 4 * time.Second // for everything together
)

// Run opens a server, prints its address, serves until ctx ends or serving fails, and
// ends everything that it has started. It returns nil when ctx has ended; another error
// says what is wrong and how to mend it. The end takes up to 4 seconds, in which clients
// are told why their connections end and requests under way are answered, and as long as
// the disk needs to save the rooms.
func Run(ctx context.Context, config Config) error {
	s, err := open(ctx, config)
	if err != nil {
		return err
	}
	defer s.release()
	fmt.Fprintf(config.Out, "Rollcall is at %s\n", localAddress(s.config.PublicURL, s.listener.Addr()))
	ending, end := context.WithCancel(ctx)
	failed := s.start(ending)
	select {
	case <-ctx.Done():
	case err = <-s.nodeFailed():
	case err = <-failed:
	}
	end()
	s.shutDown()
	return err
}

// service is a server and its parts, in the order in which they are opened.
type service struct {
	config   Config
	log      *slog.Logger
	refused  *refusals
	policy   *origin.Policy
	lock     *flock.Flock // of the data folder
	secret   []byte
	sessions *session.Keeper
	pages    *site.Site
	node     *cluster.Node // nil if this server is alone
	rooms    *hub.Hub
	keeper   *keeper       // nil if nothing is kept
	stopKeep chan struct{} // closed to end the keeper
	keeping  sync.WaitGroup
	stopLog  chan struct{} // closed to end the log of refusals
	files    *certs.Files  // nil without
	acme     *certs.ACME   // nil without
	listener net.Listener
	plain    net.Listener // for HTTP beside HTTPS; nil without
	sockets  *ws.Server
	http     *http.Server
	leads    *http.Server // to HTTPS; nil without

	metrics       *metrics.Metrics
	connections   *connections
	password      string       // of the operator; empty for none
	adminListener net.Listener // nil without
	admin         *http.Server // nil without

	ready   atomic.Bool    // for the probe of a balancer
	serving sync.WaitGroup // what has to end before Run returns
}

// open opens the parts of a server, until it can begin to serve.
func open(ctx context.Context, config Config) (*service, error) {
	s := &service{config: config, metrics: metrics.New(), log: newLog(config.ErrOut, config.LogLevel), stopLog: make(chan struct{})}
	s.refused = &refusals{log: s.log}
	err := s.openTLS(ctx)
	if err == nil {
		err = s.openSite()
	}
	if err == nil {
		s.listener, err = listen(ctx, config.Addr, "-addr")
	}
	if err == nil {
		err = s.openAdmin(ctx)
	}
	if err == nil && config.Cluster.NATS.URLs != "" {
		err = s.joinCluster(ctx)
	}
	if err != nil {
		s.release()
		return nil, err
	}
	s.openACME()
	s.openRooms()
	if config.keeps() {
		if err := restore(s.rooms, config.Data, s.sessions.Tag(), s.keepHeld(ctx)); err != nil {
			s.log.Warn("people who were here may be seen to come anew", "err", err)
		}
		s.keeper, s.stopKeep = newKeeper(s.rooms, config.Data, s.sessions.Tag(), s.log), make(chan struct{})
	}
	s.route()
	s.routeAdmin()
	return s, nil
}

// release closes what open has opened, without a word to clients.
func (s *service) release() {
	if s.rooms != nil {
		s.rooms.Close()
	}
	if s.node != nil {
		s.node.Close()
	}
	if s.acme != nil {
		s.acme.Close()
	}
	for _, l := range []net.Listener{s.listener, s.plain, s.adminListener} {
		if l != nil {
			l.Close() // which it is already if it was served
		}
	}
	if s.lock != nil {
		s.lock.Unlock()
	}
}

// openSite opens the data folder and makes the page.
func (s *service) openSite() error {
	hostname, err := os.Hostname()
	if err != nil {
		s.log.Warn("this machine has no name to answer under", "err", err)
	}
	if s.policy, err = origin.New(s.config.PublicURL, hostname); err != nil {
		return fmt.Errorf("-public-url: %w", err)
	}
	assets, files, err := web.Load()
	if err != nil {
		return err
	}
	if s.config.keeps() {
		if s.lock, err = lockData(s.config.Data); err != nil {
			return err
		}
	}
	if err := s.readSecret(); err != nil {
		return err
	}
	if s.sessions, err = session.New(s.secret, s.policy.Secure()); err != nil {
		return err
	}
	s.pages, err = site.New(site.Options{
		Assets: assets, Files: files, Sessions: s.sessions,
		Base: s.policy.Base, AllowOrigin: s.policy.AllowOrigin, Refused: s.refused.observe,
	})
	return err
}

// openRooms makes the hub.
func (s *service) openRooms() {
	limits := s.config.Limits
	options := hub.Options{
		Linger: s.config.Linger, Grace: s.config.Grace, Away: awayAfter,
		Tick: s.config.Tick, Window: s.config.Window,
		MaxMembers: limits.Members, MaxRooms: limits.Rooms, MaxAbsent: limits.Absent(),
		Fold: names.Fold, Journal: s.config.keeps(), Seen: s.metrics.Seen,
	}
	if s.node != nil {
		options.Cluster, options.Owner = s.node, s.node.Owner()
	}
	s.rooms = hub.New(options)
}

// listen opens the port. The system does not look for dead peers, which costs four
// packets for each connection: WebSockets are pinged, and a request of plain HTTP lasts
// minutes at most.
func listen(ctx context.Context, addr, flag string) (net.Listener, error) {
	l, err := (&net.ListenConfig{KeepAlive: -1}).Listen(ctx, "tcp", addr)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("%s is taken by another program; end that one or choose another port, as in %s :8081", addr, flag)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("this user must not listen on %s; allow it to the program (CAP_NET_BIND_SERVICE), or choose a port above 1023 with %s", addr, flag)
	case err != nil:
		return nil, fmt.Errorf("cannot listen on %q: %w; choose another with %s", addr, err, flag)
	}
	return l, nil
}

// route makes the HTTP server: the probes, then the check of the host, then WebSockets
// and pages with the limits of each address.
func (s *service) route() {
	limits := s.config.Limits
	addresses := limit.New(limit.Options{
		Connections: limits.Connections, Sockets: limits.Sockets,
		JoinsPerMinute: limits.Joins, BytesPerSecond: limits.Bytes,
	})
	s.sockets = ws.New(ws.Options{
		Hub: s.rooms, Sessions: s.sessions, AllowOrigin: s.policy.AllowOrigin, Refused: s.refused.observe,
		Addresses:       addresses,
		Proxies:         s.config.Proxies,
		EventsPerSecond: float64(limits.Events),
	})
	plain := newConnections(addresses, s.config.Proxies, s.log, s.refused.observe)
	s.connections = plain
	mux := http.NewServeMux()
	mux.Handle("/ws", s.sockets)
	mux.Handle("/", plain.limitRequests(s.pages))
	s.http = newHTTP(probes(s.readiness, hsts(s.policy, s.leadOtherNames(s.policy.Guard(s.refused.observe, mux)))), plain, s.log)
	s.http.TLSConfig = s.tls()
	if s.plain != nil {
		s.leads = newHTTP(s.toHTTPS(), plain, s.log)
	}
}

// newHTTP returns a server with the limits that all have. Its connections are counted, unless
// plain is nil.
func newHTTP(handler http.Handler, plain *connections, log *slog.Logger) *http.Server {
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       30 * time.Second, // for a body that never comes, too
		IdleTimeout:       2 * time.Minute,
		// The program of the page takes a minute on the slowest of lines. Hijacked
		// connections have no such timeout.
		WriteTimeout:   5 * time.Minute,
		MaxHeaderBytes: maxHeader,
		// Or OPTIONS * would be answered for every host.
		DisableGeneralOptionsHandler: true,
		ErrorLog:                     slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	if plain != nil {
		server.ConnState = plain.connState
	}
	return server
}

// start begins to serve. Why serving has failed comes from the channel. Certificates are kept
// up to date until ctx ends.
func (s *service) start(ctx context.Context) (failed <-chan error) {
	s.ready.Store(true)
	if s.keeper != nil {
		s.keeping.Go(func() { s.keeper.run(s.stopKeep) })
	}
	s.serving.Go(func() { s.refused.run(s.stopLog) })
	errs := make(chan error, 4)
	serve := func(l net.Listener, serve func(net.Listener) error) {
		s.serving.Go(func() {
			err := serve(loggingListener{l, s.log, new(rate.Sometimes{Interval: time.Minute})})
			if !errors.Is(err, http.ErrServerClosed) {
				errs <- fmt.Errorf("serving %s: %w", l.Addr(), err)
			}
		})
	}
	if s.http.TLSConfig != nil {
		serve(s.listener, func(l net.Listener) error { return s.http.ServeTLS(l, "", "") })
	} else {
		serve(s.listener, s.http.Serve)
	}
	if s.leads != nil {
		serve(s.plain, s.leads.Serve)
	}
	if s.admin != nil {
		serve(s.adminListener, s.admin.Serve)
	}
	if err := s.manageCertificates(ctx); err != nil {
		errs <- err
	}
	return errs
}

// shutDown ends serving. Nobody leaves a room by that: clients come back to where they
// were. So the rooms are saved at once, which waits for nobody, and again when all
// connections have ended. Until then requests are answered, so that whoever comes hears
// that the server is going down. Shutdown comes last: it knows nothing of hijacked
// connections, and waits for connections without a request.
func (s *service) shutDown() {
	s.ready.Store(false)
	close(s.stopLog)
	s.rooms.Suspend()
	if s.node != nil {
		s.node.End() // before clients can come to another server
	}
	if s.keeper != nil {
		close(s.stopKeep)
	}
	s.serving.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
		defer cancel()
		s.sockets.Close(ctx)
		ctx, cancel = context.WithTimeout(context.Background(), requestTimeout)
		defer cancel()
		for _, server := range []*http.Server{s.http, s.leads, s.admin} {
			if server != nil && server.Shutdown(ctx) != nil {
				server.Close()
			}
		}
	})
	s.keeping.Wait() // it writes the same file
	unsaved := s.save()
	s.serving.Go(func() { // which may hang, too
		s.log.Info("ending", "refused", s.refused)
		if s.node != nil {
			s.log.Info("ending", "cluster", s.node.Counts())
		}
	})
	if waitTimeout(&s.serving, shutdownTimeout) {
		unsaved = s.save()
	}
	if unsaved != nil {
		s.log.Warn("the rooms are not saved: clients will see everybody come anew", "err", unsaved)
	}
}

func (s *service) save() error {
	if !s.config.keeps() {
		return nil
	}
	return save(s.rooms, s.config.Data, s.sessions.Tag())
}

// waitTimeout waits until everything that runs has ended. It reports false if that takes
// longer than the timeout.
func waitTimeout(running *sync.WaitGroup, timeout time.Duration) bool {
	done := make(chan struct{})
	go func() {
		defer close(done)
		running.Wait()
	}()
	select {
	case <-done:
		return true
	case <-time.After(timeout):
		return false
	}
}

// localAddress returns the address to open in a browser on this machine.
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
