package testcluster

import (
	"io"
	"net"
	"sync"
	"time"
)

// dialTimeout is how long a proxy waits for the other end. All of them are on this machine.
const dialTimeout = time.Second

// proxy accepts TCP connections and joins each of them with another one.
type proxy struct {
	listener net.Listener
	dial     func() (net.Conn, error)                        // opens the other end
	copy     func(to, from *net.TCPConn, outward bool) error // as io.Copy; outward is to the other end
	running  sync.WaitGroup

	mu    sync.Mutex
	conns map[*net.TCPConn]bool // both ends of all
}

// listen begins to serve at an address.
func (p *proxy) listen(addr string) (err error) {
	if p.listener, err = net.Listen("tcp", addr); err != nil {
		return err
	}
	p.conns = make(map[*net.TCPConn]bool)
	p.running.Go(func() {
		for {
			near, err := p.listener.Accept()
			if err != nil {
				return // it is closed
			}
			p.running.Go(func() { p.serve(near.(*net.TCPConn)) })
		}
	})
	return nil
}

// close ends the proxy with all its connections, and waits for that.
func (p *proxy) close() {
	p.listener.Close()
	p.mu.Lock()
	for c := range p.conns {
		reset(c)
	}
	p.conns = nil // those that are just being accepted find no place
	p.mu.Unlock()
	p.running.Wait()
}

// cut ends all connections as if their line had been cut.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		reset(c)
	}
}

// track notes that a connection is there. It reports false when the proxy has ended.
func (p *proxy) track(c *net.TCPConn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.conns == nil {
		return false
	}
	p.conns[c] = true
	return true
}

func (p *proxy) forget(c *net.TCPConn) {
	c.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, c)
}

// serve joins one connection with the other end, until both have ended.
func (p *proxy) serve(near *net.TCPConn) {
	defer p.forget(near)
	if !p.track(near) {
		reset(near)
		return
	}
	other, err := p.dial()
	if err != nil {
		reset(near)
		return
	}
	far := other.(*net.TCPConn)
	defer p.forget(far)
	if !p.track(far) {
		reset(near)
		reset(far)
		return
	}
	pass := func(to, from *net.TCPConn, outward bool) {
		if p.copy(to, from, outward) != nil {
			reset(to) // which ends the other direction, too
			reset(from)
			return
		}
		to.CloseWrite()
	}
	var outward sync.WaitGroup
	outward.Go(func() { pass(far, near, true) })
	pass(near, far, false)
	outward.Wait()
}

// reset closes a connection without a goodbye: the other end gets an error.
func reset(c *net.TCPConn) {
	c.SetLinger(0)
	c.Close()
}

// copyAll is a proxy's copy that lets everything through.
func copyAll(to, from *net.TCPConn, _ bool) error {
	_, err := io.Copy(to, from)
	return err
}
