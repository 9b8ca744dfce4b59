package main

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"rollcall/server/testcluster"
	"rollcall/shared/roster"
)

// What is asked of the servers once everything is healed.
const (
	backWithin      = 25 * time.Second // all clients, some of which wait for an attempt that hangs
	truthWithin     = 5 * time.Second
	onlineWithin    = 20 * time.Second
	sameWithin      = 20 * time.Second  // also those who are reconnecting, whom a server that was away holds anew
	heldWithin      = 110 * time.Second // those whom a server that ends has left, with what may come on top
	hopelesslyAfter = time.Minute
)

// stage is where acts take place.
type stage struct {
	cluster *testcluster.Cluster
	crowd   *testcluster.Crowd
	// Half of the people do nothing by themselves: whoever sees them leave or arrive is
	// wrong. The others live.
	steady, lively []*testcluster.Person
	random         *rand.Rand
	began          time.Time

	diary strings.Builder // what people did

	needed []need // by the servers, when everybody had come

	violations int
	checks     int
	slowest    map[string]time.Duration // until all was true, by the act's name
	times      map[string]int
}

func newStage(c *testcluster.Cluster, crowd *testcluster.Crowd, seed uint64) *stage {
	half := len(crowd.People) / 2
	return &stage{
		cluster: c, crowd: crowd, steady: crowd.People[:half], lively: crowd.People[half:],
		random: rand.New(rand.NewPCG(seed, seed)), began: time.Now(),
		slowest: make(map[string]time.Duration), times: make(map[string]int),
	}
}

// act does one or two things to different servers at the same time, and checks.
func (s *stage) act(ctx context.Context, acts []act) {
	chosen := []act{acts[s.random.IntN(len(acts))]}
	if second := acts[s.random.IntN(len(acts))]; len(s.cluster.Servers) > 1 && s.random.IntN(4) == 0 && !chosen[0].alone && !second.alone {
		chosen = append(chosen, second)
	}
	servers := s.random.Perm(len(s.cluster.Servers))
	var words, names []string
	mayLeave := len(chosen) > 1
	errs := make([]error, len(chosen))
	var living, acting sync.WaitGroup
	alive, stop := context.WithCancel(ctx)
	random := rand.New(rand.NewPCG(s.random.Uint64(), 0))
	began := time.Now()
	for i, a := range chosen {
		what, may, do := a.begin(s, servers[i])
		words, names, mayLeave = append(words, what), append(names, a.name), mayLeave || may
		acting.Go(func() { errs[i] = do(ctx) })
	}
	fmt.Fprintf(&s.diary, "%s %s\n", began.Format("15:04:05.000"), strings.Join(words, "; and "))
	living.Go(func() { live(alive, s.lively, random, &s.diary) })
	acting.Wait()
	stop()
	living.Wait()
	for _, err := range errs {
		if err != nil {
			s.violation(err)
		}
	}
	slices.Sort(names)
	name := strings.Join(names, " and ")
	took := s.check(strings.Join(words, "; and "), mayLeave, began)
	s.times[name]++
	s.slowest[name] = max(s.slowest[name], took)
}

// check checks that all is well, now that everything is healed, and says so in one line.
// If since is given, people must not have been seen to leave or to arrive from then on who
// did not, unless they may by what has happened. It returns how long it took until all
// rosters were true.
func (s *stage) check(words string, mayLeave bool, since ...time.Time) time.Duration {
	healed, before := time.Now(), s.violations
	fmt.Printf("%s %s: ", time.Since(s.began).Round(time.Second), words)
	if _, err := s.crowd.AwaitBack(backWithin); err != nil {
		s.violation(err)
	}
	back := time.Now()
	if _, err := s.crowd.True(truthWithin); err != nil {
		s.violation(err)
		if _, err := s.crowd.True(hopelesslyAfter); err != nil {
			s.violation(err)
		}
	}
	took := time.Since(back)
	if _, err := s.crowd.Converged(max(0, sameWithin-time.Since(healed))); err != nil {
		s.violation(err)
	}
	same := time.Since(back)
	if _, err := s.crowd.NobodyOnlineWithoutConnection(max(0, onlineWithin-time.Since(healed))); err != nil {
		s.violation(err)
	}
	s.checks++
	steady := ""
	if len(since) > 0 && !mayLeave {
		if seen := s.crowd.Seen(since[0], s.isWrong); len(seen) > 0 {
			s.violation(fmt.Errorf("of %d who did nothing is seen:\n  %s", len(s.steady), strings.Join(seen[:min(len(seen), 20)], "\n  ")))
		}
		steady = ", nobody was seen to leave or to arrive who did not"
	}
	fmt.Printf("all back after %.1f s, then true after %.1f s and the same after %.1f s", back.Sub(healed).Seconds(), took.Seconds(), same.Seconds())
	if s.violations == before {
		state := s.crowd.Watchers[0].State()
		fmt.Printf("; all rosters have %d people and hash %s, nobody is online without a connection%s", state.Count, state.Hash, steady)
	}
	fmt.Println()
	return took
}

// isWrong reports whether somebody who does nothing is seen to leave or to arrive.
func (s *stage) isWrong(seen testcluster.Seen) bool {
	if seen.Kind != roster.Arrived && seen.Kind != roster.Gone {
		return false
	}
	return slices.ContainsFunc(s.steady, func(p *testcluster.Person) bool { return p.ID() == seen.User.ID })
}

// last checks that nobody stays for ever who has no connection.
func (s *stage) last() {
	took, err := s.crowd.OnlyConnected(heldWithin)
	if err != nil {
		s.violation(err)
		return
	}
	fmt.Printf("%s all others are gone from all rosters after %.1f s\n", time.Since(s.began).Round(time.Second), took.Seconds())
}

func (s *stage) violation(err error) {
	s.violations++
	fmt.Printf("\n  WRONG (%s): %v\n", time.Now().Format("15:04:05.000"), err)
}

func (s *stage) summary() {
	fmt.Printf("\nwhat was done, how often, and how long it took at most until all was true:\n")
	acts := 0
	for _, name := range slices.Sorted(maps.Keys(s.times)) {
		fmt.Printf("  %-20s %3d  %.1f s\n", name, s.times[name], s.slowest[name].Seconds())
		acts += s.times[name]
	}
	fmt.Printf("%d acts in %v; %d times, %d rosters of %d servers were compared with the truth\n",
		acts, time.Since(s.began).Round(time.Second), s.checks, len(s.crowd.People)+len(s.crowd.Watchers), len(s.cluster.Servers))
	if len(s.cluster.NATS) > 0 {
		messages, bytes := s.cluster.NATS[0].Messages()
		fmt.Printf("NATS, since its last start: %d messages, %d KiB, %d slow consumers\n", messages, bytes/1024, s.cluster.NATS[0].SlowConsumers())
	}
	if s.violations > 0 {
		fmt.Printf("%d times something was wrong\n", s.violations)
		return
	}
	fmt.Println("nothing was wrong")
}
