package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"rollcall/server/testcluster"
	"rollcall/shared/event"
)

// How people go on with their lives during an act.
const (
	liveEvery   = 150 * time.Millisecond
	openTimeout = 3 * time.Second
)

// live has people do what people do, one after the other, until ctx ends, and writes down
// who did what.
func live(ctx context.Context, people []*testcluster.Person, random *rand.Rand, diary *strings.Builder) {
	every := time.NewTicker(liveEvery)
	defer every.Stop()
	for i := 0; ; i++ {
		select {
		case <-ctx.Done():
			return
		case <-every.C:
			p, began := people[random.IntN(len(people))], time.Now()
			did, err := step(ctx, p, random, i)
			fmt.Fprintf(diary, "%s %s %s: %s", began.Format("15:04:05.000"), p.ID(), p.Name(), did)
			if err != nil {
				fmt.Fprintf(diary, ", %v", err)
			}
			for _, t := range p.Tabs() {
				fmt.Fprintf(diary, ", a tab (%d)", t.Status().Link)
			}
			fmt.Fprintln(diary)
		}
	}
}

// step has somebody do one thing, and says what.
func step(ctx context.Context, p *testcluster.Person, random *rand.Rand, i int) (did string, err error) {
	trying, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	switch {
	case p.Line.Down():
		if random.IntN(2) == 0 {
			return "stays without a line", nil
		}
		p.Line.PutUp()
		if len(p.Tabs()) == 1 {
			return "has a line again", nil
		}
		// Their tabs may have been on servers that were apart, and may have been given up
		// by all of them. Then the first tab that is back says who they are, and it may not
		// know what another one was told.
		p.Rename(fmt.Sprintf("Person %d", i))
		return "has a line again, and wants another name", nil
	case len(p.Tabs()) == 0:
		return "comes", p.Open(trying) // which may fail now
	}
	switch random.IntN(10) {
	case 0, 1, 2:
		name := fmt.Sprintf("Person %d", i)
		p.Rename(name)
		return "wants another name", nil
	case 3, 4:
		note := fmt.Sprintf("busy with %d", i)
		p.Tabs()[0].Update(event.Patch{Note: &note})
		return "wants another note", nil
	case 5:
		p.Line.Cut()
		return "is cut off", nil
	case 6:
		p.Line.TakeDown()
		return "loses the line", nil
	case 7:
		if len(p.Tabs()) < 3 {
			return "opens a tab", p.Open(trying)
		}
	case 8:
		p.Close()
		return "closes all tabs", nil
	case 9:
		if len(p.Tabs()) == 1 && p.Connected() { // or it might be heard in one tab only
			err := p.Leave(trying)
			p.Close() // what has not heard
			return "leaves", err
		}
	}
	return "does nothing", nil
}
