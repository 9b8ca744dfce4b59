package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"rollcall/server/testcluster"
)

// lease is after how long without a word of a server its people are gone. An act that
// lasts not nearly as long must make nobody leave who comes back.
const (
	lease     = 15 * time.Second
	safeLease = 11 * time.Second
)

// act is one thing that can happen.
type act struct {
	name string
	// begin draws how it is to be, for the server of a place. It returns what will
	// happen, in words; whether people may be seen to leave and to arrive by it; and how
	// to do it, to its end, when everything is healed.
	begin func(s *stage, server int) (words string, mayLeave bool, do func(context.Context) error)
	alone bool // it is about all servers
	nats  bool // it needs NATS
}

var allActs = []act{
	{name: "kill", begin: kill},
	{name: "end", begin: end},
	{name: "freeze", begin: freeze},
	{name: "cut", begin: fault("cut the line of", testcluster.Fault{Cut: true}), nats: true},
	{name: "stall", begin: fault("stall the line of", testcluster.Stalled), nats: true},
	{name: "mute", begin: fault("let nothing out of", testcluster.Fault{HoldTo: true}), nats: true},
	{name: "deafen", begin: fault("let nothing in to", testcluster.Fault{HoldFrom: true}), nats: true},
	{name: "slow", begin: slow, nats: true},
	{name: "nats", begin: restartNATS, alone: true, nats: true},
	{name: "hang", begin: hangNATS, alone: true, nats: true},
	{name: "roll", begin: roll, alone: true},
	{name: "storm", begin: storm, alone: true},
	{name: "flap", begin: flap, nats: true},
}

// choose returns the acts of a name, or all if it is empty. A server that is alone has no
// NATS.
func choose(only string, alone bool) (chosen []act, err error) {
	var names []string
	for _, a := range allActs {
		if alone && a.nats {
			continue
		}
		if only == "" || only == a.name {
			chosen = append(chosen, a)
		}
		names = append(names, a.name)
	}
	if len(chosen) == 0 {
		return nil, fmt.Errorf("there is no act %q; there are %s", only, strings.Join(names, ", "))
	}
	return chosen, nil
}

// sleep waits for a time, or until ctx ends: what was done is to be undone then, too.
func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// some draws a time, short ones more often.
func (s *stage) some(least, most time.Duration) time.Duration {
	part := s.random.Float64()
	return (least + time.Duration(part*part*float64(most-least))).Round(100 * time.Millisecond)
}

func kill(s *stage, server int) (string, bool, func(context.Context) error) {
	at := s.cluster.Servers[server]
	down := []time.Duration{5 * time.Second, 5 * time.Second, 20 * time.Second, 60 * time.Second}[s.random.IntN(4)]
	return fmt.Sprintf("kill -9 %s, start it after %v", at.Name(), down), false, func(ctx context.Context) error {
		at.Kill()
		sleep(ctx, down)
		return at.Start()
	}
}

func end(s *stage, server int) (string, bool, func(context.Context) error) {
	at, down := s.cluster.Servers[server], s.some(0, 40*time.Second)
	return fmt.Sprintf("end %s, start it after %v", at.Name(), down), false, func(ctx context.Context) error {
		if err := at.Stop(); err != nil {
			return err
		}
		sleep(ctx, down)
		return at.Start()
	}
}

func freeze(s *stage, server int) (string, bool, func(context.Context) error) {
	at, length := s.cluster.Servers[server], s.some(2*time.Second, 60*time.Second)
	return fmt.Sprintf("freeze %s for %v", at.Name(), length), length > safeLease, func(ctx context.Context) error {
		if err := at.Freeze(); err != nil {
			return err
		}
		sleep(ctx, length)
		return at.Thaw()
	}
}

// fault is an act that gives the line of one server a fault.
func fault(words string, f testcluster.Fault) func(*stage, int) (string, bool, func(context.Context) error) {
	return func(s *stage, server int) (string, bool, func(context.Context) error) {
		at, line, length := s.cluster.Servers[server], s.cluster.Links[server], s.some(time.Second, 40*time.Second)
		return fmt.Sprintf("%s %s for %v", words, at.Name(), length), length > safeLease, func(ctx context.Context) error {
			line.Set(f)
			sleep(ctx, length)
			line.Heal()
			return nil
		}
	}
}

func slow(s *stage, server int) (string, bool, func(context.Context) error) {
	delay := s.some(20*time.Millisecond, 2*time.Second)
	return fault(fmt.Sprintf("delay everything by %v to and from", delay), testcluster.Fault{Delay: delay})(s, server)
}

// flap is a line that comes and goes.
func flap(s *stage, server int) (string, bool, func(context.Context) error) {
	at, line, times := s.cluster.Servers[server], s.cluster.Links[server], 3+s.random.IntN(8)
	random := rand.New(rand.NewPCG(s.random.Uint64(), 0))
	return fmt.Sprintf("cut the line of %s %d times", at.Name(), times), false, func(ctx context.Context) error {
		for range times {
			line.Set(testcluster.Fault{Cut: true})
			sleep(ctx, time.Duration(random.IntN(900))*time.Millisecond)
			line.Heal()
			sleep(ctx, time.Duration(random.IntN(900))*time.Millisecond)
		}
		return nil
	}
}

func restartNATS(s *stage, _ int) (string, bool, func(context.Context) error) {
	down := s.some(0, 40*time.Second)
	return fmt.Sprintf("end NATS, start it after %v", down), false, func(ctx context.Context) error {
		if err := s.cluster.NATS[0].Stop(); err != nil {
			return err
		}
		sleep(ctx, down)
		return s.cluster.NATS[0].Start()
	}
}

func hangNATS(s *stage, _ int) (string, bool, func(context.Context) error) {
	length := s.some(time.Second, 40*time.Second)
	return fmt.Sprintf("let NATS hang for %v", length), false, func(ctx context.Context) error {
		for _, l := range s.cluster.Links {
			l.Set(testcluster.Stalled)
		}
		sleep(ctx, length)
		for _, l := range s.cluster.Links {
			l.Heal()
		}
		return nil
	}
}

func roll(s *stage, _ int) (string, bool, func(context.Context) error) {
	return "restart all servers, one after the other", false, func(context.Context) error {
		for _, at := range s.cluster.Servers {
			if err := at.Restart(); err != nil {
				return err
			}
			if _, err := s.crowd.AwaitBack(backWithin); err != nil {
				return err
			}
		}
		return nil
	}
}

func storm(s *stage, _ int) (string, bool, func(context.Context) error) {
	const times = 10
	return fmt.Sprintf("everybody connects anew %d times, as fast as they can", times), false, func(ctx context.Context) error {
		return testcluster.Each(s.steady, func(p *testcluster.Person) error {
			for range times {
				reconnecting, cancel := context.WithTimeout(ctx, backWithin)
				err := p.Reconnect(reconnecting)
				cancel()
				if err != nil {
					return errors.Join(fmt.Errorf("%s does not come back", p.Name()), err)
				}
			}
			return nil
		})
	}
}
