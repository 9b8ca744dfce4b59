// Package limit counts what each address uses, so that no single one can use
// a server up.
package limit

import (
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Options are what one address may use; 0 means no limit.
type Options struct {
	Sockets        int // open at one time
	JoinsPerMinute int // and as many at once
}

// Addresses keeps count. Safe for concurrent use.
type Addresses struct {
	options Options

	mu  sync.Mutex // guards the map and what is in it
	use map[netip.Prefix]*use
}

// use is what one address uses.
type use struct {
	sockets int
	joins   *rate.Limiter
}

// New returns a count at nought.
func New(options Options) *Addresses {
	return &Addresses{options: options, use: make(map[netip.Prefix]*use)}
}

// Open counts a socket and reports whether addr may have it. If so the caller
// owes a Close.
func (a *Addresses) Open(addr netip.Addr) bool {
	if a.options.Sockets <= 0 {
		return true
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	u := a.of(addr)
	if u.sockets >= a.options.Sockets {
		return false
	}
	u.sockets++
	return true
}

// Close takes back an Open.
func (a *Addresses) Close(addr netip.Addr) {
	if a.options.Sockets <= 0 {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.of(addr).sockets--
}

// Join counts a join, and returns 0 if addr may have it now. Otherwise it is
// not counted, and the result is how long to wait.
func (a *Addresses) Join(addr netip.Addr) time.Duration {
	if a.options.JoinsPerMinute <= 0 {
		return 0
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	r := a.of(addr).joins.Reserve()
	wait := r.Delay()
	if wait > 0 {
		r.Cancel()
	}
	return wait
}

// Forget drops the addresses that use nothing and have nothing to wait for.
// It is to be called now and then.
func (a *Addresses) Forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for key, u := range a.use {
		if u.sockets == 0 && u.joins.Tokens() >= float64(a.options.JoinsPerMinute) {
			delete(a.use, key)
		}
	}
}

func (a *Addresses) of(addr netip.Addr) *use {
	key := network(addr)
	u := a.use[key]
	if u == nil {
		perMinute := a.options.JoinsPerMinute
		u = &use{joins: rate.NewLimiter(rate.Limit(perMinute)/60, perMinute)}
		a.use[key] = u
	}
	return u
}

// network is what counts as one address: of IPv6 a /64, which is the least
// that anybody is given (RFC 6177).
func network(addr netip.Addr) netip.Prefix {
	addr = addr.Unmap().WithZone("")
	bits := addr.BitLen()
	if addr.Is6() {
		bits = 64
	}
	prefix, _ := addr.Prefix(bits) // the invalid address is one too
	return prefix
}
