package main

import (
	"errors"
	"math"
	"slices"
	"time"

	"rollcall/shared/event"
)

// severalScenarios are what happens to several servers, and to a single one.
var severalScenarios = []scenario{
	{"storm", "storm: 3,000 join one room at once", severalStorm},
	{"churn", "churn: 20 joins/s, seen by 1,000", severalChurn},
	{"rooms", "rooms: 200 joins/s in 500 rooms of 10", severalRooms},
	{"opening", "opening a room of 10,000 elsewhere", opening},
	{"memory", "opening a room of 100,000 elsewhere", remoteMemory},
}

// onNATS returns how much goes over NATS for each of some joins.
func (u usage) onNATS(joins float64) []figure {
	return []figure{
		{"on NATS per join", "messages", u.nats.messages / joins},
		{"on NATS per join", "bytes", u.nats.bytes / joins},
	}
}

// severalStorm has 3,000 join a room that all servers have.
func severalStorm(b *bench, s *server) ([]figure, error) {
	n, servers := b.people(3000), len(s.others)+1
	peers, err := connect(s, n, func(i int, p *peer) { p.verify = i%(n/5) == 0 })
	defer end(peers)
	if err != nil {
		return nil, err
	}
	first, rest := peers[:servers], peers[servers:]
	for _, p := range first {
		if err := p.hello(); err != nil {
			return nil, err
		}
	}
	if err := await(first, func(p *peer) bool { return p.users.Load() >= int64(servers) }, time.Minute); err != nil {
		return nil, err
	}
	if err := b.settle(); err != nil {
		return nil, err
	}
	before, err := s.usage()
	if err != nil {
		return nil, err
	}
	start := time.Now()
	for _, p := range rest {
		if err := p.hello(); err != nil {
			return nil, err
		}
	}
	if err := await(peers, func(p *peer) bool { return p.users.Load() >= int64(n) }, 2*time.Minute); err != nil {
		return nil, err
	}
	took := time.Since(start).Seconds()
	after, err := s.usage()
	if err != nil {
		return nil, err
	}
	used := after.since(before)
	end(peers)
	return append([]figure{
		{"joins until every roster is whole", "1/s", float64(len(rest)) / took},
		{"servers' CPU", "s", used.cpu.Seconds()},
		{"messages on NATS of each server", "1/s", used.nats.messages / took / float64(servers)},
	}, used.onNATS(float64(len(rest)))...), checkRosters(peers, n)
}

// severalFigures returns the times by where those are who see a guest.
func (s *sightings) severalFigures() []figure {
	s.mu.Lock()
	defer s.mu.Unlock()
	slices.Sort(s.near)
	slices.Sort(s.far)
	return []figure{
		{"hello to seen on the same server, p50", "ms", quantile(s.near, 0.5)}, {"p99", "ms", quantile(s.near, 0.99)},
		{"hello to seen on another server, p50", "ms", quantile(s.far, 0.5)}, {"p99", "ms", quantile(s.far, 0.99)},
	}
}

func severalChurn(b *bench, s *server) ([]figure, error) {
	joins := b.people(200)
	seen, used, err := b.crowdWith(s, b.people(1000), joins)
	if err != nil {
		return nil, err
	}
	figures := append(seen.severalFigures(), figure{"servers' CPU per 1,000 joins", "s", used.cpu.Seconds() / float64(joins) * 1000})
	return append(figures, used.onNATS(float64(joins))...), nil
}

func severalRooms(b *bench, s *server) ([]figure, error) {
	v, err := b.visit(s, 200, 2)
	if err != nil {
		return nil, err
	}
	figures := append(v.seen.severalFigures(),
		figure{"servers' CPU per 1,000 joins", "s", v.joined.cpu.Seconds() / v.joins * 1000},
		figure{"NATS' CPU per 1,000 joins", "s", v.joined.nats.cpu.Seconds() / v.joins * 1000},
		figure{"servers' CPU per 1,000 departures", "s", v.left.cpu.Seconds() / v.joins * 1000})
	return append(figures, v.joined.onNATS(v.joins)...), nil
}

// opening has one server after the other open a room in which 10,000 are on another server.
func opening(b *bench, s *server) (figures []figure, err error) {
	longest := math.NaN()
	if len(s.others) > 0 {
		if longest, err = b.open(s, b.people(10_000)); err != nil {
			return nil, err
		}
	}
	return []figure{{"hello to snapshot", "ms", longest}}, nil
}

// open returns the median of the times of all servers, in milliseconds.
func (b *bench) open(s *server, n int) (took float64, err error) {
	crowd, err := s.startCrowd(n)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, crowd.stop()) }()
	var all []time.Duration
	for i := range len(s.others) + 1 {
		p := &peer{addr: s.at(i), name: "Ana", room: event.Lobby}
		if err := p.connect(); err != nil {
			return 0, err
		}
		start := time.Now()
		if err = p.hello(); err == nil {
			err = await([]*peer{p}, func(p *peer) bool { return p.users.Load() >= int64(n+1) }, time.Minute)
		}
		all = append(all, time.Since(start))
		p.close()
		if err = errors.Join(err, b.pause(time.Second)); err != nil {
			return 0, err
		}
	}
	slices.Sort(all)
	return quantile(all, 0.5), nil
}

// remoteMemory measures what a server keeps of 100,000 people who are on another one. With
// what is not collected yet it is more than in the benchmarks of the packages.
func remoteMemory(b *bench, s *server) (figures []figure, err error) {
	if len(s.others) == 0 {
		return []figure{{"hello to snapshot", "ms", math.NaN()}, {"resident per person", "KiB", math.NaN()}}, nil
	}
	n := b.people(100_000)
	crowd, err := s.startCrowd(n)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, crowd.stop()) }()
	before, err := s.resident()
	if err != nil {
		return nil, err
	}
	p := &peer{addr: s.addr, name: "Ana", room: event.Lobby}
	if err := p.connect(); err != nil {
		return nil, err
	}
	defer p.close()
	start := time.Now()
	if err := p.hello(); err != nil {
		return nil, err
	}
	if err := await([]*peer{p}, func(p *peer) bool { return p.users.Load() >= int64(n+1) }, time.Minute); err != nil {
		return nil, err
	}
	took := time.Since(start).Seconds() * 1000
	if err := b.pause(20 * time.Second); err != nil {
		return nil, err
	}
	after, err := s.resident()
	return []figure{{"hello to snapshot", "ms", took}, {"resident per person", "KiB", (after - before) / float64(n) / 1024}}, err
}
