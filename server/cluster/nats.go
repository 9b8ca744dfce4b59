package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
)

// NATSOptions say how to reach NATS.
type NATSOptions struct {
	// URLs are one or more addresses, separated by commas, as nats.Connect takes them.
	URLs string
	// Credentials is a file with a user's JWT and key; empty for none.
	Credentials string
	// CA is a file with the certificates of who signs that of NATS; empty for those of
	// the system.
	CA string
	// Cert and Key are files with the certificate of this server; empty for none.
	Cert, Key string
}

// How the connection behaves.
const (
	connectTimeout = 2 * time.Second
	// writeTimeout is how long NATS may take nothing of what is sent.
	writeTimeout = 2 * time.Second
	// pingTimeout is how long NATS may take to answer.
	pingTimeout   = 3 * time.Second
	reconnectWait = 250 * time.Millisecond
	// queueSize is for how many messages there is memory while this server reads none.
	queueSize = 4096
	// minPayload is how large messages NATS must take (max_payload, 1 MiB unless it is set):
	// one user with all that can be said of a message beside.
	minPayload = 64 << 10
	// maxWaiting is how many bytes wait to be sent. More are lost; others see that.
	maxWaiting = 64 << 20
)

// natsBus is a bus over NATS. The library's calls can block while NATS does not read, so
// one goroutine makes them.
type natsBus struct {
	nc      *nats.Conn
	dialer  dialer
	hangUp  func() // closes what dialer has opened
	log     *slog.Logger
	in      chan *nats.Msg
	out     chan message
	happens chan busEvent
	done    chan struct{} // closed when close is called
	running sync.WaitGroup

	// What the library knows too, but its methods wait while it writes.
	connected atomic.Bool
	payload   atomic.Int64

	mu           sync.Mutex // guards what follows
	waiting      []func()   // what the sender has to do
	waitingBytes int        // of messages among them
	wake         chan struct{}
	subs         map[string]*nats.Subscription // only for the sender
}

// dialNATS connects to NATS. If NATS cannot be reached now, it goes on trying; an error is
// about what trying again does not mend.
func dialNATS(o NATSOptions, name string, log *slog.Logger) (*natsBus, error) {
	b := &natsBus{
		log: log, in: make(chan *nats.Msg, queueSize), out: make(chan message), happens: make(chan busEvent, 64),
		done: make(chan struct{}), wake: make(chan struct{}, 1), subs: make(map[string]*nats.Subscription),
	}
	b.dialer.ctx, b.hangUp = context.WithCancel(context.Background())
	options := []nats.Option{
		nats.SetCustomDialer(b.dialer),
		nats.Name("rollcall " + name), nats.NoEcho(), nats.MaxReconnects(-1),
		nats.ReconnectWait(reconnectWait), nats.ReconnectJitter(reconnectWait, reconnectWait),
		nats.ReconnectBufSize(-1), // what is old when NATS is back helps nobody
		nats.Timeout(connectTimeout), nats.FlusherTimeout(writeTimeout), nats.IgnoreAuthErrorAbort(),
		nats.ConnectHandler(b.connects), nats.ReconnectHandler(b.connects),
		nats.DisconnectErrHandler(func(*nats.Conn, error) { b.disconnects() }),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			if errors.Is(err, nats.ErrSlowConsumer) {
				b.happen(busEvent{lost: true})
				return
			}
			b.log.Warn("NATS", "err", err)
			if errors.Is(err, nats.ErrPermissionViolation) || errors.Is(err, nats.ErrMaxSubscriptionsExceeded) {
				b.happen(busEvent{refused: true})
			}
		}),
	}
	if o.Credentials != "" {
		options = append(options, nats.UserCredentials(o.Credentials))
	}
	if o.CA != "" {
		options = append(options, nats.RootCAs(o.CA))
	}
	if o.Cert != "" || o.Key != "" {
		options = append(options, nats.ClientCert(o.Cert, o.Key))
	}
	nc, err := nats.Connect(o.URLs, options...)
	if err != nil && temporary(err) {
		log.Warn("NATS cannot be reached yet: people on other servers are missing until it can be", "err", err)
		nc, err = nats.Connect(o.URLs, append(options, nats.RetryOnFailedConnect(true))...)
	}
	if err != nil {
		b.hangUp()
		return nil, fmt.Errorf("cannot connect to NATS: %w; see -nats and the flags that begin with -nats-", err)
	}
	if most := nc.MaxPayload(); nc.IsConnected() && most < minPayload {
		nc.Close()
		b.hangUp()
		return nil, errPayload(most)
	}
	b.nc = nc
	b.running.Go(b.send)
	b.running.Go(b.receive)
	return b, nil
}

func errPayload(most int64) error {
	return fmt.Errorf("the server of -nats takes messages of %d bytes at most; set its max_payload to %d or more", most, minPayload)
}

// temporary reports whether NATS may be reached later, with the same settings.
func temporary(err error) bool {
	// Such as that NATS wants another certificate; crypto/tls has no type for what it is told.
	var told *net.OpError
	if errors.Is(err, nats.ErrTLS) || errors.As(err, &told) && told.Op == "remote error" {
		return false
	}
	var timeout interface{ Timeout() bool }
	return errors.Is(err, nats.ErrNoServers) || errors.Is(err, nats.ErrTimeout) || errors.As(err, &timeout)
}

func (b *natsBus) connects(nc *nats.Conn) {
	b.payload.Store(nc.MaxPayload())
	b.connected.Store(true)
	b.happen(busEvent{connected: true})
	if most := nc.MaxPayload(); most < minPayload { // it was started anew
		b.log.Error("people on other servers are missing", "err", errPayload(most))
		b.happen(busEvent{refused: true})
	}
}

func (b *natsBus) disconnects() {
	b.connected.Store(false)
	b.happen(busEvent{disconnected: true})
}

// happen passes on what the library tells.
func (b *natsBus) happen(e busEvent) {
	select {
	case b.happens <- e:
	case <-b.done:
	}
}

// do has the sender do something.
func (b *natsBus) do(f func()) {
	b.mu.Lock()
	b.waiting = append(b.waiting, f)
	b.mu.Unlock()
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// send does what waits, in its order.
func (b *natsBus) send() {
	for {
		b.mu.Lock()
		waiting := b.waiting
		b.waiting = nil
		b.mu.Unlock()
		for _, f := range waiting {
			f()
		}
		if len(waiting) > 0 {
			continue
		}
		select {
		case <-b.wake:
		case <-b.done:
			return
		}
	}
}

// receive passes on messages.
func (b *natsBus) receive() {
	for {
		select {
		case m := <-b.in:
			passed := message{subject: m.Subject, reply: m.Reply, data: m.Data}
			passed.noResponders = len(m.Data) == 0 && m.Header.Get("Status") == "503"
			select {
			case b.out <- passed:
			case <-b.done:
				return
			}
		case <-b.done:
			return
		}
	}
}

func (b *natsBus) subscribe(subject string) {
	b.do(func() {
		sub, err := b.nc.ChanSubscribe(subject, b.in)
		if err != nil {
			b.log.Warn("NATS does not take a subscription", "err", err)
			b.happen(busEvent{refused: true})
			return
		}
		b.subs[subject] = sub
	})
}

func (b *natsBus) unsubscribe(subject string) {
	b.do(func() {
		if sub := b.subs[subject]; sub != nil {
			sub.Unsubscribe() // without a connection, the library does not subscribe again
			delete(b.subs, subject)
		}
	})
}

func (b *natsBus) publish(subject, reply string, data []byte) (sent bool) {
	b.mu.Lock()
	full := b.waitingBytes+len(data) > maxWaiting
	if !full {
		b.waitingBytes += len(data)
	}
	b.mu.Unlock()
	if full {
		return false
	}
	b.do(func() {
		b.mu.Lock()
		b.waitingBytes -= len(data)
		b.mu.Unlock()
		if !b.connected.Load() {
			return
		}
		// Without a connection it is lost. So it is if the system takes nothing more,
		// after writeTimeout.
		if reply == "" {
			b.nc.Publish(subject, data)
		} else {
			b.nc.PublishRequest(subject, reply, data)
		}
	})
	return true
}

func (b *natsBus) ping() {
	b.running.Go(func() {
		sent := time.Now()
		switch err := b.nc.FlushTimeout(pingTimeout); {
		case err == nil:
			b.happen(busEvent{pingSent: sent})
		case errors.Is(err, nats.ErrTimeout) && b.connected.Load():
			// The library would notice after minutes. It may block, and then its
			// connection is gone.
			b.disconnects()
			b.nc.ForceReconnect()
		}
	})
}

func (b *natsBus) messages() <-chan message { return b.out }

func (b *natsBus) events() <-chan busEvent { return b.happens }

func (b *natsBus) maxPayload() int {
	if most := int(b.payload.Load()); most > 0 {
		return most
	}
	return 1 << 20 // what NATS has unless it is set (max_payload)
}

// closeTimeout is how long the last messages may take.
const closeTimeout = time.Second

func (b *natsBus) close() {
	// Without a connection, the library waits for nothing with its locks held.
	late := time.AfterFunc(closeTimeout, b.hangUp)
	defer late.Stop()
	flushed := make(chan struct{})
	b.do(func() { close(flushed) })
	select {
	case <-flushed:
		if b.connected.Load() {
			b.nc.FlushTimeout(closeTimeout)
		}
	case <-time.After(closeTimeout):
	}
	close(b.done)
	b.hangUp()
	b.nc.Close()
	b.running.Wait()
}

// dialer makes connections that its context closes.
type dialer struct{ ctx context.Context }

// Dial implements nats.CustomDialer.
func (d dialer) Dial(network, address string) (net.Conn, error) {
	c, err := (&net.Dialer{Timeout: connectTimeout}).DialContext(d.ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &dialed{c, context.AfterFunc(d.ctx, func() { c.Close() })}, nil
}

type dialed struct {
	net.Conn
	forget func() bool
}

// Close implements net.Conn.
func (d *dialed) Close() error {
	d.forget()
	return d.Conn.Close()
}
