package main

import (
	"context"
	"fmt"
	"time"
)

// need is what a server needs.
type need struct{ goroutines, files, memory float64 }

// need returns what the servers need now.
func (s *stage) need(ctx context.Context) (needs []need, err error) {
	for _, at := range s.cluster.Servers {
		figures, err := at.Metrics(ctx)
		if err != nil {
			return nil, err
		}
		needs = append(needs, need{figures["go_goroutines"], figures["process_open_fds"], figures["process_resident_memory_bytes"]})
	}
	return needs, nil
}

// calm is how long servers may take until nothing is left of what has happened.
const calm = time.Minute

// checkNeed checks that the servers need about as much as when everybody had come: clients
// may be at other servers now.
func (s *stage) checkNeed(ctx context.Context) {
	var now []need
	for end := time.Now().Add(calm); ; sleep(ctx, time.Second) {
		var err error
		if now, err = s.need(ctx); err != nil {
			s.violation(err)
			return
		}
		if s.isCalm(now) {
			break
		}
		if time.Now().After(end) || ctx.Err() != nil {
			s.violation(fmt.Errorf("the servers need %+v, and needed %+v when everybody had come", now, s.needed))
			return
		}
	}
	before, after := sum(s.needed), sum(now)
	fmt.Printf("%s the servers need as much as at the beginning: %.0f goroutines (%.0f), %.0f files (%.0f), %.0f MB (%.0f)\n",
		time.Since(s.began).Round(time.Second), after.goroutines, before.goroutines, after.files, before.files, after.memory/1e6, before.memory/1e6)
}

// isCalm allows for a few tabs more, and for memory that was not given back yet.
func (s *stage) isCalm(now []need) bool {
	before, after, tabs := sum(s.needed), sum(now), float64(len(s.crowd.People))
	return after.goroutines <= before.goroutines+2*tabs+50 && after.files <= before.files+2*tabs+50 && after.memory <= 2*before.memory+64e6
}

func sum(needs []need) (all need) {
	for _, n := range needs {
		all.goroutines, all.files, all.memory = all.goroutines+n.goroutines, all.files+n.files, all.memory+n.memory
	}
	return all
}
