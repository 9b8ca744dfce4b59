// Package limit divides a server among the addresses that use it, so that neither one
// nor a few together can use it up.
package limit

import (
	"errors"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Options are the limits; 0 means no limit.
type Options struct {
	// Connections is how many WebSocket connections there may be in all. Connections of
	// plain HTTP may use what is left of them, and [Spare] more; each WebSocket is one
	// of them at first. One address gets at most half: see [Addresses.Open].
	Connections int
	// Sockets is how many WebSocket connections one address may have.
	Sockets int
	// JoinsPerMinute is how many times one address may join or watch a room in a
	// minute, all at once too. It may connect twice as often. What it may ask for by
	// plain HTTP depends on it as well: see [Addresses.Request].
	JoinsPerMinute int
	// BytesPerSecond is what one address may cost in a second, after a burst
	// of a minute's worth: see [Share.Charge].
	BytesPerSecond int
}

// Why a connection is refused.
var (
	ErrFull  = errors.New("there are as many connections as there may be")
	ErrShare = errors.New("the address has as many connections as one may have")
)

const (
	// Spare is how many connections of plain HTTP there may be when all WebSockets are
	// taken: to be told that, a client needs one.
	Spare = 64
	// upgradesPerJoin is how often an address may connect for each join that it may
	// make: a connection may be lost, or its hello refused.
	upgradesPerJoin = 2
	// A first visit has ten requests for a megabyte in all, which counts as 15
	// requests. Later visits have few.
	requestsPerJoin = 15
	requestBytes    = 256 << 10
	// burstSeconds is for how many seconds an address may save what it does not use.
	// When all people of a building come at nine o'clock, 1,500 people in one room are
	// sent 84 MB about those who were there before them.
	burstSeconds = 64
)

// Addresses knows what each address uses. Safe for concurrent use; no call takes long.
type Addresses struct {
	options Options

	mu             sync.Mutex // guards what follows, and the counts in shares and sites
	shares         map[netip.Prefix]*Share
	sites          map[netip.Prefix]*usage
	sockets, plain int
	forgetAt       int // with that many shares, unused ones are dropped
}

// usage is how many connections an address or a site has.
type usage struct{ sockets, plain int }

// Share is what one address uses. Safe for concurrent use.
type Share struct {
	addresses *Addresses
	source    string
	used      usage  // guarded by addresses.mu
	site      *usage // of the site to which the address belongs; nil for IPv4

	joins, upgrades, bytes, requests *rate.Limiter // nil without a limit

	mu          sync.Mutex // guards barred
	barred      map[[16]byte]time.Time
	barredUntil time.Time // the last of these
}

// New returns addresses that use nothing.
func New(options Options) *Addresses {
	return &Addresses{options: options, shares: make(map[netip.Prefix]*Share), sites: make(map[netip.Prefix]*usage), forgetAt: minForgetAt}
}

// Open counts a WebSocket connection and returns the share of its address, which the
// caller must Close. The error is ErrFull or ErrShare.
//
// One address has at most half of all connections. The last quarter is for addresses
// with few: connections are seldom given back, and one address must not leave nothing
// for others.
func (a *Addresses) Open(addr netip.Addr) (*Share, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	s := a.shareOf(addr)
	if all := a.options.Connections; all > 0 {
		free := all - a.sockets
		switch {
		case free <= 0:
			return nil, ErrFull
		case !s.mayHold(all, free, func(h usage) int { return h.sockets }):
			return nil, ErrShare
		}
	}
	if most := a.options.Sockets; most > 0 && s.used.sockets >= most {
		return nil, ErrShare
	}
	s.count(1, 0)
	return s, nil
}

// mayHold reports whether the address may have one more of all connections, of which
// some are free. Of returns the count of the kind.
func (s *Share) mayHold(all, free int, of func(usage) int) bool {
	little := of(s.used) < max(1, all/64) && (s.site == nil || of(*s.site) < max(1, all/16))
	return free > 0 && (little || of(s.used) < all/2 && free > all/4)
}

// count adds to the counts. The lock is held.
func (s *Share) count(sockets, plain int) {
	a := s.addresses
	a.sockets, a.plain = a.sockets+sockets, a.plain+plain
	for _, h := range []*usage{&s.used, s.site} {
		if h != nil {
			h.sockets, h.plain = h.sockets+sockets, h.plain+plain
		}
	}
}

// Close undoes an Open.
func (s *Share) Close() {
	s.addresses.mu.Lock()
	defer s.addresses.mu.Unlock()
	s.count(-1, 0)
}

// Source returns a name for the address.
func (s *Share) Source() string { return s.source }

// OpenPlain counts a connection of plain HTTP, and reports whether its address may have
// it, by the rule of Open. The caller must call ClosePlain even if it may not. Many is
// for an address behind which there are others, such as a proxy's. Short is whether a
// quarter of the connections is taken: then idle ones are to be closed, before any is
// refused.
func (a *Addresses) OpenPlain(addr netip.Addr, many bool) (ok, short bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	s := a.shareOf(addr)
	all := a.options.Connections + Spare - a.sockets
	free := all - a.plain
	ok = free > 0 && many || s.mayHold(all, free, func(h usage) int { return h.plain })
	s.count(0, 1)
	if a.options.Connections <= 0 {
		return true, false
	}
	return ok, free < all-all/4
}

// ClosePlain undoes an OpenPlain.
func (a *Addresses) ClosePlain(addr netip.Addr) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.shareOf(addr).count(0, -1)
}

// Request counts a request of plain HTTP, and returns 0 if it may be answered now.
// Otherwise it is not counted, and the result is how long to wait. Weight is as how many
// ordinary requests it counts.
func (a *Addresses) Request(addr netip.Addr, weight int) time.Duration {
	a.mu.Lock()
	l := a.shareOf(addr).requests
	a.mu.Unlock()
	if l == nil {
		return 0
	}
	if wait := Debt(l); wait > 0 {
		return wait
	}
	Spend(l, weight)
	return 0
}

// ChargeResponse counts the bytes of the answer to a request.
func (a *Addresses) ChargeResponse(addr netip.Addr, bytes int) {
	a.mu.Lock()
	l := a.shareOf(addr).requests
	a.mu.Unlock()
	if l != nil {
		Spend(l, bytes/requestBytes)
	}
}

// Upgrade counts an attempt to connect, and returns 0 if it may be made now. Otherwise
// it is not counted, and the result is how long to wait.
func (s *Share) Upgrade() time.Duration { return reserve(s.upgrades) }

// MayUpgrade returns what Upgrade would return, and counts nothing.
func (s *Share) MayUpgrade() time.Duration {
	if s.upgrades == nil || s.upgrades.Tokens() >= 1 {
		return 0
	}
	return time.Duration((1 - s.upgrades.Tokens()) / float64(s.upgrades.Limit()) * float64(time.Second))
}

// Join counts a join or a watch, as Upgrade counts an attempt to connect.
func (s *Share) Join() time.Duration { return reserve(s.joins) }

func reserve(l *rate.Limiter) time.Duration {
	if l == nil {
		return 0
	}
	r := l.Reserve()
	wait := r.Delay()
	if wait > 0 {
		r.Cancel()
	}
	return wait
}

// Charge counts bytes that were sent because the address asked for them, or work that
// takes as long. It never refuses, since the cost is often known only afterwards: see
// Debt.
func (s *Share) Charge(bytes int) {
	if s.bytes != nil {
		Spend(s.bytes, bytes)
	}
}

// Debt returns how long the address must not ask for anything that costs much; 0 if it
// may.
func (s *Share) Debt() time.Duration {
	if s.bytes == nil {
		return 0
	}
	return Debt(s.bytes)
}

// Spend takes tokens from a limiter, whether it has them or not. The debt is never more
// than about two bursts: otherwise an address that cost too much once could have to wait
// for hours.
func Spend(l *rate.Limiter, tokens int) {
	now := time.Now()
	if l.TokensAt(now) > -float64(l.Burst()) {
		l.ReserveN(now, min(tokens, l.Burst()))
	}
}

// Debt returns how long it takes until a limiter has no debt any more.
func Debt(l *rate.Limiter) time.Duration {
	tokens := l.Tokens()
	if tokens >= 0 {
		return 0
	}
	return time.Duration(-tokens/float64(l.Limit())*float64(time.Second)) + 1
}

// Bar has the address wait before it connects again with a session that has sent too
// much. Clients of the address with other sessions need not wait.
func (s *Share) Bar(who [16]byte, wait time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	for other, until := range s.barred {
		if !until.After(now) {
			delete(s.barred, other)
		}
	}
	if s.barred == nil {
		s.barred = make(map[[16]byte]time.Time)
	}
	s.barred[who] = now.Add(wait)
	if s.barred[who].After(s.barredUntil) {
		s.barredUntil = s.barred[who]
	}
}

// Barred returns how long a session has to wait before it connects. A client without a
// known session waits as long as any barred session of the address.
func (s *Share) Barred(who [16]byte, known bool) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	until := s.barredUntil
	if known {
		until = s.barred[who]
	}
	return max(0, time.Until(until))
}

// Forget drops the addresses that use nothing and have nothing to wait for. Callers call
// it every minute or so. When there become very many between two calls it happens by
// itself: a network of IPv6 has millions of addresses. It looks at all of them.
func (a *Addresses) Forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.forget()
}

// forget is Forget with the lock held. It makes new maps, since a map keeps the memory
// of deleted entries.
func (a *Addresses) forget() {
	use, sites := make(map[netip.Prefix]*Share), make(map[netip.Prefix]*usage)
	for key, s := range a.shares {
		idle := isFull(s.joins) && isFull(s.upgrades) && isFull(s.bytes) && isFull(s.requests)
		if s.used != (usage{}) || !idle || s.Barred([16]byte{}, false) > 0 {
			use[key] = s
		}
	}
	for key, site := range a.sites {
		if *site != (usage{}) {
			sites[key] = site
		}
	}
	a.shares, a.sites, a.forgetAt = use, sites, max(minForgetAt, 2*len(use))
}

// minForgetAt is the smallest forgetAt.
const minForgetAt = 1000

func isFull(l *rate.Limiter) bool { return l == nil || l.Tokens() >= float64(l.Burst()) }

func (a *Addresses) shareOf(addr netip.Addr) *Share {
	addr = addr.Unmap().WithZone("")
	key := network(addr, addressBits)
	s := a.shares[key]
	if s == nil {
		if len(a.shares) >= a.forgetAt {
			a.forget()
		}
		perMinute := a.options.JoinsPerMinute
		s = &Share{
			addresses: a,
			source:    key.String(),
			joins:     limiter(float64(perMinute)/60, perMinute),
			upgrades:  limiter(float64(perMinute)/60*upgradesPerJoin, perMinute*upgradesPerJoin),
			requests:  limiter(float64(perMinute)/60*requestsPerJoin/4, perMinute*requestsPerJoin),
			bytes:     limiter(float64(a.options.BytesPerSecond), a.options.BytesPerSecond*burstSeconds),
		}
		a.shares[key] = s
	}
	if addr.Is6() && s.used == (usage{}) { // otherwise it has its site, which is kept as long
		site := network(addr, siteBits)
		if a.sites[site] == nil {
			a.sites[site] = new(usage)
		}
		s.site = a.sites[site]
	}
	return s
}

func limiter(perSecond float64, burst int) *rate.Limiter {
	if perSecond <= 0 {
		return nil
	}
	return rate.NewLimiter(rate.Limit(perSecond), burst)
}

// How many bits of an IPv6 address name a household, which counts as one address, and a
// site, of which the addresses together have few connections or not (RFC 6177, BCP 157;
// RIPE-690).
const (
	addressBits = 56
	siteBits    = 48
)

func network(addr netip.Addr, bits int) netip.Prefix {
	if addr.Is4() {
		bits = addr.BitLen()
	}
	prefix, _ := addr.Prefix(bits) // the invalid address is one too
	return prefix
}
