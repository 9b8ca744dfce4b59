package testcluster

import (
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// Fault is what is wrong with a Link. The zero Fault is nothing.
type Fault struct {
	// Cut is that there is no line: connections end, and new ones do not come about.
	Cut bool
	// HoldTo and HoldFrom are that nothing passes to NATS, or from it, though
	// connections stay. What was held passes later, as with a network that loses
	// packets: TCP sends them again.
	HoldTo, HoldFrom bool
	// Delay is how long everything takes, in each direction.
	Delay time.Duration
}

// Stalled is a line that hangs without closing.
var Stalled = Fault{HoldTo: true, HoldFrom: true}

// Link is the line between one Rollcall server and NATS. It can have faults.
type Link struct {
	proxy   proxy
	mu      sync.Mutex
	fault   Fault
	closed  bool
	changed chan struct{} // closed with each change of the above
}

// NewLink makes a line to NATS at an address.
func NewLink(nats string) (*Link, error) {
	l := &Link{changed: make(chan struct{})}
	l.proxy.copy = l.copy
	l.proxy.dial = func() (net.Conn, error) {
		if fault, _, _ := l.state(); fault.Cut {
			return nil, errCut
		}
		return net.DialTimeout("tcp", nats, dialTimeout)
	}
	if err := l.proxy.listen("127.0.0.1:0"); err != nil {
		return nil, err
	}
	return l, nil
}

// URL is the address to give to the Rollcall server.
func (l *Link) URL() string { return "nats://" + l.proxy.listener.Addr().String() }

// Set gives the line a fault in place of the one that it has.
func (l *Link) Set(fault Fault) {
	l.change(func() { l.fault = fault })
	if fault.Cut {
		l.proxy.cut()
	}
}

// Heal takes the fault away.
func (l *Link) Heal() { l.Set(Fault{}) }

// Close ends the line and all connections over it.
func (l *Link) Close() {
	l.change(func() { l.closed = true })
	l.proxy.close()
}

func (l *Link) change(change func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change()
	close(l.changed)
	l.changed = make(chan struct{})
}

// state returns how the line is, and a channel that closes when that changes.
func (l *Link) state() (fault Fault, closed bool, changed <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.fault, l.closed, l.changed
}

var errCut = errors.New("the line is cut")

func (l *Link) copy(to, from *net.TCPConn, outward bool) error {
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if held := l.hold(outward); held != nil {
			return held
		}
		if n > 0 {
			if _, err := to.Write(buffer[:n]); err != nil {
				return err
			}
		}
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
	}
}

// hold waits until what has just been read may pass. The error says that it never may.
func (l *Link) hold(outward bool) error {
	began := time.Now()
	for {
		fault, closed, changed := l.state()
		left := fault.Delay - time.Since(began)
		switch {
		case closed || fault.Cut:
			return errCut
		case outward && fault.HoldTo || !outward && fault.HoldFrom:
			<-changed
		case left <= 0:
			return nil
		default:
			select {
			case <-changed:
			case <-time.After(left):
			}
		}
	}
}
