// Package limit shares a server among the addresses that use it, so that no
// single one can use it up, nor can a few together.
package limit

import (
	"errors"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Options are what there is to share; 0 means no limit.
type Options struct {
	// Connections is how many WebSocket connections there may be in all.
	// Connections of plain HTTP take of it as well, and have a few to spare.
	// One address gets at most half of what there is: see [Addresses.Open].
	Connections int
	// Sockets is how many WebSocket connections one address may have.
	Sockets int
	// JoinsPerMinute is how many times one address may join or watch a room
	// in a minute, and as many at once. It may connect twice as often.
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
	// spare is how many connections of plain HTTP take nothing away: who is to
	// be told that all is taken needs one, and so does who asks for a WebSocket.
	spare = 64
	// upgradesPerJoin is how often an address may connect for each join: a
	// connection may be lost, or its hello refused.
	upgradesPerJoin = 2
	// burstSeconds is for how long an address may save what it does not use.
	// Everybody in a building comes at nine o'clock: 1,500 people in one room
	// are told 84 MB of who was there before them.
	burstSeconds = 64
)

// Addresses knows what each address uses. Safe for concurrent use; nothing
// waits for more than a lock.
type Addresses struct {
	options Options

	mu             sync.Mutex // guards what follows, and the counts in the shares
	use            map[netip.Prefix]*Share
	sockets, plain int
}

// Share is what one address uses. Safe for concurrent use.
type Share struct {
	addresses              *Addresses
	source                 string
	sockets, plain         int           // guarded by addresses.mu
	joins, upgrades, bytes *rate.Limiter // nil without a limit

	mu     sync.Mutex // guards barred
	barred map[[16]byte]time.Time
	until  time.Time // the last of these
}

// New returns addresses that use nothing.
func New(options Options) *Addresses {
	return &Addresses{options: options, use: make(map[netip.Prefix]*Share)}
}

// Open counts a WebSocket connection and returns the share of its address, to
// which the caller owes a Close. The error is ErrFull or ErrShare.
//
// An address may hold as many connections as are free: one alone gets half of
// what there is, and however much five of them hold, others find a sixth free.
// It is how switches share memory among their ports: A. K. Choudhury and
// E. L. Hahne, Dynamic Queue Length Thresholds for Shared-Memory Packet
// Switches, IEEE/ACM Transactions on Networking 6 (2), 1998.
func (a *Addresses) Open(addr netip.Addr) (*Share, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	s := a.of(addr)
	if most := a.options.Connections; most > 0 {
		free := most - a.sockets - max(0, a.plain-spare)
		held := s.sockets + max(0, s.plain-1) // one is what asks
		switch {
		case free <= 0:
			return nil, ErrFull
		case held >= free:
			return nil, ErrShare
		}
	}
	if most := a.options.Sockets; most > 0 && s.sockets >= most {
		return nil, ErrShare
	}
	s.sockets++
	a.sockets++
	return s, nil
}

// Close takes back an Open.
func (s *Share) Close() {
	s.addresses.mu.Lock()
	defer s.addresses.mu.Unlock()
	s.sockets--
	s.addresses.sockets--
}

// Source names the address: what one address is, is one source.
func (s *Share) Source() string { return s.source }

// Arrive counts a connection of plain HTTP, and reports whether its address
// may have it, by the rule of Open. The caller owes a Depart even if not.
// Many is for an address that others stand behind, such as a proxy's.
func (a *Addresses) Arrive(addr netip.Addr, many bool) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	s := a.of(addr)
	free, held := a.options.Connections+spare-a.sockets-a.plain, s.plain+s.sockets
	s.plain++
	a.plain++
	return a.options.Connections <= 0 || free > 0 && (many || held < free)
}

// Depart takes back an Arrive.
func (a *Addresses) Depart(addr netip.Addr) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.of(addr).plain--
	a.plain--
}

// Upgrade counts an attempt to connect, and returns 0 if it may be made now.
// Otherwise it is not counted, and the result is how long to wait.
func (s *Share) Upgrade() time.Duration { return take(s.upgrades) }

// Join counts a join, or the beginning of a watch, as Upgrade does.
func (s *Share) Join() time.Duration { return take(s.joins) }

func take(l *rate.Limiter) time.Duration {
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

// Charge counts what something has cost, in bytes that were sent because the
// address asked for it. It never refuses: what it costs is often known only
// afterwards. See Debt.
func (s *Share) Charge(bytes int) {
	if s.bytes != nil {
		Spend(s.bytes, bytes)
	}
}

// Debt is how long the address has to ask for nothing more that costs much; 0
// if it need not wait.
func (s *Share) Debt() time.Duration {
	if s.bytes == nil {
		return 0
	}
	return Debt(s.bytes)
}

// Spend takes so many tokens from a limiter, whether it has them or not. The
// debt is never more than about two bursts, or who cost too much once would
// have to wait for hours.
func Spend(l *rate.Limiter, tokens int) {
	now := time.Now()
	if l.TokensAt(now) > -float64(l.Burst()) {
		l.ReserveN(now, min(tokens, l.Burst()))
	}
}

// Debt is how long a limiter takes to have no debt any more.
func Debt(l *rate.Limiter) time.Duration {
	tokens := l.Tokens()
	if tokens >= 0 {
		return 0
	}
	return time.Duration(-tokens/float64(l.Limit())*float64(time.Second)) + 1
}

// Bar has the address wait before it connects again as who, a session that was
// too much. Others of the address, who have a session of theirs, need not wait.
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
	if s.barred[who].After(s.until) {
		s.until = s.barred[who]
	}
}

// Barred is how long somebody has to wait before they connect: who has no
// session, and known is false, as long as any of the address has.
func (s *Share) Barred(who [16]byte, known bool) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	until := s.until
	if known {
		until = s.barred[who]
	}
	return max(0, time.Until(until))
}

// Forget drops the addresses that use nothing and have nothing to wait for.
// It is to be called now and then.
func (a *Addresses) Forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for key, s := range a.use {
		if s.sockets == 0 && s.plain == 0 && full(s.joins) && full(s.upgrades) && full(s.bytes) && s.Barred([16]byte{}, false) == 0 {
			delete(a.use, key)
		}
	}
}

func full(l *rate.Limiter) bool { return l == nil || l.Tokens() >= float64(l.Burst()) }

func (a *Addresses) of(addr netip.Addr) *Share {
	key := network(addr)
	s := a.use[key]
	if s == nil {
		s = &Share{
			addresses: a,
			source:    key.String(),
			joins:     perMinute(a.options.JoinsPerMinute),
			upgrades:  perMinute(a.options.JoinsPerMinute * upgradesPerJoin),
		}
		if n := a.options.BytesPerSecond; n > 0 {
			s.bytes = rate.NewLimiter(rate.Limit(n), n*burstSeconds)
		}
		a.use[key] = s
	}
	return s
}

func perMinute(n int) *rate.Limiter {
	if n <= 0 {
		return nil
	}
	return rate.NewLimiter(rate.Limit(n)/60, n)
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
