package main

import (
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

var scenarios = []scenario{
	{"storm", "storm: 3,000 join one room at once", storm},
	{"churn", "churn: 20 joins/s, seen by 1,000", churn},
	{"rooms", "rooms: 200 joins/s in 500 rooms of 10", rooms(200, 2)},
	{"fast rooms", "fast rooms: 900 joins/s in the same", rooms(900, 4)},
	{"drop", "drop: 500 of 1,000 vanish", drop},
	{"idle", "idle: 5,000 connections in rooms of 10", idle},
}

// connect opens the connections of a crowd, a few at a time.
func connect(s *server, n int, with func(i int, p *peer)) ([]*peer, error) {
	peers := make([]*peer, n)
	for i := range peers {
		peers[i] = &peer{addr: s.at(i), name: fmt.Sprint("Person ", i), room: "lobby"}
		if with != nil {
			with(i, peers[i])
		}
		if err := peers[i].connect(); err != nil {
			return peers[:i], err
		}
	}
	return peers, nil
}

// gather has a crowd join, 500 at a time, so that no hello comes too late. It waits until
// knows reports true for each of them.
func (b *bench) gather(s *server, n int, with func(i int, p *peer), knows func(p *peer, joined int) bool) ([]*peer, error) {
	var all []*peer
	for len(all) < n {
		at := len(all)
		some, err := connect(s, min(500, n-at), func(i int, p *peer) {
			p.name = fmt.Sprint("Person ", at+i)
			if with != nil {
				with(at+i, p)
			}
		})
		all = append(all, some...)
		if err != nil {
			return all, err
		}
		for _, p := range some {
			if err := p.hello(); err != nil {
				return all, err
			}
		}
		if err := await(all, func(p *peer) bool { return knows(p, len(all)) }, time.Minute); err != nil {
			return all, err
		}
	}
	return all, errors.Join(b.pause(300*time.Millisecond), b.settle())
}

func end(peers []*peer) {
	for _, p := range peers {
		p.conn.Close()
	}
	for _, p := range peers {
		<-p.done
	}
}

// checkRosters checks the peers that verify: their users and those who are gone are n
// together, since other peers may have ended before them.
func checkRosters(peers []*peer, n int) error {
	for _, p := range peers {
		if p.verify && (p.wrong != nil || p.roster.Len()+int(p.gone.Load()) != n) {
			return fmt.Errorf("%s has a roster of %d and knows of %d that went, out of %d: %v", p.name, p.roster.Len(), p.gone.Load(), n, p.wrong)
		}
	}
	return nil
}

func storm(b *bench, s *server) ([]figure, error) {
	n := b.people(3000)
	peers, err := connect(s, n, func(i int, p *peer) { p.verify = i%(n/5) == 0 && !s.raw })
	defer end(peers)
	if err != nil {
		return nil, err
	}
	before, err := s.usage()
	if err != nil {
		return nil, err
	}
	start := time.Now()
	for _, p := range peers {
		if err := p.hello(); err != nil {
			return nil, err
		}
	}
	if err := await(peers, func(p *peer) bool { return p.users.Load() >= int64(n) }, 2*time.Minute); err != nil {
		return nil, err
	}
	took := time.Since(start)
	after, err := s.usage()
	if err != nil {
		return nil, err
	}
	used := after.since(before)
	end(peers)
	return []figure{
		{"until every roster is whole", "s", took.Seconds()},
		{"server's CPU", "s", used.cpu.Seconds()},
		{"written", "MB", used.bytes / 1e6},
	}, checkRosters(peers, n)
}

// sightings measures how long it takes from the hello of a guest until others are told of
// the guest.
type sightings struct {
	of *server

	mu    sync.Mutex // guards what follows
	hello []time.Time
	near  []time.Duration // by those who are on the server of the guest
	far   []time.Duration // by those who are on another one
}

// by notes that somebody at an address was told of a guest.
func (s *sightings) by(addr string) func(guest int) {
	return func(guest int) {
		now := time.Now()
		s.mu.Lock()
		defer s.mu.Unlock()
		if guest >= len(s.hello) || s.hello[guest].IsZero() {
			return
		}
		took := now.Sub(s.hello[guest])
		if s.of.at(guest) == addr {
			s.near = append(s.near, took)
		} else {
			s.far = append(s.far, took)
		}
	}
}

func (s *sightings) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.near) + len(s.far)
}

func (s *sightings) figures() []figure {
	s.mu.Lock()
	defer s.mu.Unlock()
	slices.Sort(s.near)
	return []figure{
		{"hello to seen, p50", "ms", quantile(s.near, 0.5)}, {"p99", "ms", quantile(s.near, 0.99)}, {"p99.9", "ms", quantile(s.near, 0.999)},
	}
}

// quantile returns that of sorted times, in milliseconds.
func quantile(sorted []time.Duration, q float64) float64 {
	if len(sorted) == 0 {
		return math.NaN()
	}
	return sorted[min(len(sorted)-1, int(q*float64(len(sorted))))].Seconds() * 1000
}

// guests has people join, evenly spaced in time, and waits until they were seen as often
// as sights says. It returns them, and what the server used for that.
func (b *bench) guests(s *server, n int, perSecond float64, room func() string, seen *sightings, sights int) ([]*peer, usage, error) {
	before, err := s.usage()
	if err != nil {
		return nil, usage{}, err
	}
	seen.mu.Lock()
	seen.hello = make([]time.Time, n)
	seen.mu.Unlock()
	var guests []*peer
	next := time.Now()
	for i := range n {
		p := &peer{addr: s.at(i), name: fmt.Sprint("guest ", i), room: room()}
		if err := p.connect(); err != nil {
			return guests, usage{}, err
		}
		guests = append(guests, p)
		next = next.Add(time.Duration(float64(time.Second) / perSecond))
		if err := b.pause(time.Until(next)); err != nil {
			return guests, usage{}, err
		}
		seen.mu.Lock()
		seen.hello[i] = time.Now()
		seen.mu.Unlock()
		if err := p.hello(); err != nil {
			return guests, usage{}, err
		}
	}
	for deadline := time.Now().Add(time.Minute); seen.count() < sights; {
		if time.Now().After(deadline) {
			return guests, usage{}, fmt.Errorf("guests were seen %d times instead of %d", seen.count(), sights)
		}
		time.Sleep(time.Millisecond)
	}
	seen.mu.Lock()
	seen.hello = nil // the events of their departures have their names too
	seen.mu.Unlock()
	after, err := s.usage()
	return guests, after.since(before), err
}

// depart has guests leave, 900 in a second, and waits until the residents were told that
// often. It returns what the server used for that.
func (b *bench) depart(s *server, guests, residents []*peer, told int64) (usage, error) {
	before, err := s.usage()
	if err != nil {
		return usage{}, err
	}
	next := time.Now()
	for _, p := range guests {
		if err := p.leave(); err != nil {
			return usage{}, err
		}
		next = next.Add(time.Second / 900)
		if err := b.pause(time.Until(next)); err != nil {
			return usage{}, err
		}
	}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		var sum int64
		for _, p := range residents {
			sum += p.gone.Load()
		}
		if sum >= told {
			break
		}
		if time.Now().After(deadline) {
			return usage{}, fmt.Errorf("residents were told %d times that guests are gone instead of %d", sum, told)
		}
	}
	after, err := s.usage()
	return after.since(before), err
}

// crowdWith has guests join a room of n, 20 in a second.
func (b *bench) crowdWith(s *server, n, joins int) (*sightings, usage, error) {
	seen := &sightings{of: s}
	residents, err := b.gather(s, n, func(_ int, p *peer) { p.seen = seen.by(p.addr) },
		func(p *peer, joined int) bool { return p.users.Load() >= int64(joined) })
	defer end(residents)
	if err != nil {
		return nil, usage{}, err
	}
	guests, used, err := b.guests(s, joins, 20, func() string { return "lobby" }, seen, n*joins)
	end(guests)
	return seen, used, err
}

func churn(b *bench, s *server) ([]figure, error) {
	n, joins := b.people(1000), b.people(200)
	seen, used, err := b.crowdWith(s, n, joins)
	if err != nil {
		return nil, err
	}
	// Earlier guests are told of a join as well.
	deliveries := float64(n*joins + joins*(joins-1)/2)
	return append(seen.figures(),
		figure{"CPU per million deliveries", "s", used.cpu.Seconds() / deliveries * 1e6},
		figure{"reads and writes per delivery", "calls", used.calls / deliveries},
		figure{"written per delivery, snapshots too", "bytes", used.bytes / deliveries},
	), nil
}

// rooms has guests join many small rooms, which are the most common ones, and leave them.
func rooms(perSecond float64, rounds int) func(*bench, *server) ([]figure, error) {
	return func(b *bench, s *server) ([]figure, error) {
		v, err := b.visit(s, perSecond, rounds)
		if err != nil {
			return nil, err
		}
		return append(v.seen.figures(),
			figure{"CPU per 1,000 joins", "s", v.joined.cpu.Seconds() / v.joins * 1000},
			figure{"CPU per 1,000 departures", "s", v.left.cpu.Seconds() / v.joins * 1000},
		), nil
	}
}

// visits are guests of small rooms who have come and gone.
type visits struct {
	joins        float64
	seen         *sightings
	joined, left usage
}

// visit does what rooms says, in several rounds: in a single one it would depend on chance
// whether a server collects garbage. If there are several servers, each room has people of
// all of them.
func (b *bench) visit(s *server, perSecond float64, rounds int) (v visits, err error) {
	count, joins := b.people(500), b.people(1000)
	v = visits{joins: float64(joins * rounds), seen: &sightings{of: s}}
	room := func(i int) string { return fmt.Sprint("room-", i%count) }
	residents, err := b.gather(s, 10*count, func(i int, p *peer) { p.addr, p.room, p.seen = s.at(i/count), room(i), v.seen.by(s.at(i/count)) },
		func(p *peer, joined int) bool { return p.users.Load() >= int64(joined/count) })
	defer end(residents)
	if err != nil {
		return v, err
	}
	random := rand.New(rand.NewPCG(1, 2)) // the same for every server
	for round := range rounds {
		sights := 10 * joins * (round + 1)
		guests, used, err := b.guests(s, joins, perSecond, func() string { return room(random.IntN(count)) }, v.seen, sights)
		defer end(guests)
		if err != nil {
			return v, err
		}
		v.joined = v.joined.plus(used)
		if used, err = b.depart(s, guests, residents, int64(sights)); err != nil {
			return v, err
		}
		v.left = v.left.plus(used)
	}
	return v, nil
}

func drop(b *bench, s *server) ([]figure, error) {
	n := b.people(1000)
	half := n / 2
	peers, err := b.gather(s, n, func(i int, p *peer) { p.verify = i%(n/5) == 0 && !s.raw },
		func(p *peer, joined int) bool { return p.users.Load() >= int64(joined) })
	defer end(peers)
	if err != nil {
		return nil, err
	}
	survivors := peers[:half]
	start := time.Now()
	for _, p := range peers[half:] {
		p.vanish()
	}
	if err := await(survivors, func(p *peer) bool { return p.gone.Load() >= int64(n-half) }, time.Minute); err != nil {
		return nil, err
	}
	took := time.Since(start)
	end(survivors)
	return []figure{{"until every survivor knows", "ms", took.Seconds() * 1000}}, checkRosters(survivors, n)
}

func idle(b *bench, s *server) ([]figure, error) {
	n := b.people(5000)
	before, err := s.resident()
	if err != nil {
		return nil, err
	}
	peers, err := b.gather(s, n, func(i int, p *peer) { p.room = fmt.Sprint("room-", i/10) },
		func(p *peer, joined int) bool { return p.users.Load() >= 1 })
	defer end(peers)
	if err != nil {
		return nil, err
	}
	if err := b.pause(20 * time.Second); err != nil {
		return nil, err
	}
	after, err := s.resident()
	for _, p := range peers {
		select {
		case <-p.done:
			return nil, fmt.Errorf("%s lost its connection: %w", p.name, errors.Join(p.wrong, io.EOF))
		default:
		}
	}
	return []figure{{"resident per connection", "KiB", (after - before) / float64(n) / 1024}}, err
}
