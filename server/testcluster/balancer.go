package testcluster

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"
)

// How a balancer asks whether a server takes clients.
const (
	probeEvery   = 200 * time.Millisecond
	probeTimeout = time.Second
)

// Balancer gives each new connection to the next server that is ready, whoever it is
// from.
type Balancer struct {
	proxy  proxy
	cancel context.CancelFunc
	probes sync.WaitGroup

	mu       sync.Mutex
	backends []backend
	next     int
}

type backend struct {
	addr    string
	ready   bool // as last heard
	leftOut bool
}

// NewBalancer starts a balancer at an address, for servers of which it is told host and
// port.
func NewBalancer(addr string, servers []string) (*Balancer, error) {
	ctx, cancel := context.WithCancel(context.Background())
	b := &Balancer{cancel: cancel}
	for _, addr := range servers {
		b.backends = append(b.backends, backend{addr: addr, ready: true})
	}
	b.proxy.copy, b.proxy.dial = copyAll, b.dial
	if err := b.proxy.listen(addr); err != nil {
		cancel()
		return nil, err
	}
	for i, addr := range servers {
		b.probes.Go(func() { b.probe(ctx, i, addr) })
	}
	return b, nil
}

// Addr is the host and port of the balancer.
func (b *Balancer) Addr() string { return b.proxy.listener.Addr().String() }

// LeaveOut says whether the server of that place is to get no new connection. It keeps
// those that it has.
func (b *Balancer) LeaveOut(server int, out bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.backends[server].leftOut = out
}

// Close ends the balancer and all connections through it.
func (b *Balancer) Close() {
	b.cancel()
	b.probes.Wait()
	b.proxy.close()
}

// probe asks one server again and again whether it is ready.
func (b *Balancer) probe(ctx context.Context, server int, addr string) {
	asking := &http.Client{Timeout: probeTimeout, Transport: &http.Transport{DisableKeepAlives: true}}
	every := time.NewTicker(probeEvery)
	defer every.Stop()
	for {
		ready := isReady(ctx, asking, addr)
		b.mu.Lock()
		b.backends[server].ready = ready
		b.mu.Unlock()
		select {
		case <-ctx.Done():
			return
		case <-every.C:
		}
	}
}

// isReady reports whether a server takes clients.
func isReady(ctx context.Context, asking *http.Client, addr string) bool {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/readyz", nil)
	if err != nil {
		return false
	}
	answer, err := asking.Do(r)
	if err != nil {
		return false
	}
	answer.Body.Close()
	return answer.StatusCode == http.StatusOK
}

// dial opens a connection to the next server that accepts one.
func (b *Balancer) dial() (net.Conn, error) {
	for range b.backends {
		addr := b.turn()
		if addr == "" {
			break
		}
		if c, err := net.DialTimeout("tcp", addr, dialTimeout); err == nil {
			return c, nil
		}
	}
	return nil, errors.New("no server is ready")
}

// turn returns the address of the server whose turn it is, empty if there is none.
func (b *Balancer) turn() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	for range b.backends {
		at := b.backends[b.next]
		b.next = (b.next + 1) % len(b.backends)
		if at.ready && !at.leftOut {
			return at.addr
		}
	}
	return ""
}
