package testcluster

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// joiners is how many people join at one time.
const joiners = 16

// Crowd is people in one room of a cluster, and a watcher at each server.
type Crowd struct {
	Room     string
	People   []*Person
	Watchers []*Watcher // of the server of the same place
}

// NewCrowd has so many people join a room through the balancer, and looks on at each
// server. Whoever does so has to close the crowd.
func (c *Cluster) NewCrowd(ctx context.Context, room string, people int) (*Crowd, error) {
	crowd := &Crowd{Room: room}
	for _, s := range c.Servers {
		w, err := NewWatcher(ctx, s, room)
		if err != nil {
			crowd.Close()
			return nil, err
		}
		crowd.Watchers = append(crowd.Watchers, w)
	}
	for i := range people {
		p, err := NewPerson(c.WebSocket(), room, fmt.Sprintf("%s %d", firstNames[i%len(firstNames)], i))
		if err != nil {
			crowd.Close()
			return nil, err
		}
		crowd.People = append(crowd.People, p)
	}
	if err := Each(crowd.People, func(p *Person) error { return p.Open(ctx) }); err != nil {
		crowd.Close()
		return nil, err
	}
	return crowd, nil
}

// Join has one more person come, to the server at an address, to which their device
// comes back always.
func (c *Crowd) Join(ctx context.Context, address, name string) (*Person, error) {
	p, err := NewPerson(address, c.Room, name)
	if err != nil {
		return nil, err
	}
	if err := p.Open(ctx); err != nil {
		return nil, err
	}
	c.People = append(c.People, p)
	return p, nil
}

var firstNames = []string{"Ana", "Ben", "Chloé", "Dmitri", "Elif", "Farid", "Grete", "Hiro", "Ida", "João", "Kofi", "Lin"}

// Each does something with all people, some of them at a time.
func Each(people []*Person, do func(*Person) error) error {
	errs := make([]error, len(people))
	var all sync.WaitGroup
	next := make(chan int)
	for range joiners {
		all.Go(func() {
			for i := range next {
				errs[i] = do(people[i])
			}
		})
	}
	for i := range people {
		next <- i
	}
	close(next)
	all.Wait()
	return errors.Join(errs...)
}

// Close ends all that belongs to the crowd.
func (c *Crowd) Close() {
	Each(c.People, func(p *Person) error { p.Close(); return nil })
	for _, w := range c.Watchers {
		w.Close()
	}
}

// Seen is what has been seen since a time at all servers, each with the server's name
// before it.
func (c *Crowd) Seen(since time.Time, which func(Seen) bool) (all []string) {
	for _, w := range c.Watchers {
		for _, s := range w.Seen(since) {
			if which(s) {
				all = append(all, w.Server.Name()+": "+s.String())
			}
		}
	}
	return all
}

// AwaitBack waits until everybody is connected who should be, and everybody who looks
// on. It returns how long that took.
func (c *Crowd) AwaitBack(within time.Duration) (time.Duration, error) {
	return await(within, func() error {
		for _, w := range c.Watchers {
			if !w.Connected() {
				return fmt.Errorf("who looks on at server %s is not back: %v", w.Server.Name(), w.tab.Status().Err)
			}
		}
		for _, p := range c.People {
			if err := p.CheckBack(); err != nil {
				return err
			}
		}
		return nil
	})
}

// True waits until all rosters say the truth (see CheckTruth). It returns how long that
// took.
func (c *Crowd) True(within time.Duration) (time.Duration, error) {
	return await(within, c.CheckTruth)
}

// Converged waits until all rosters say the truth and are the same (see CheckSame): then
// servers agree about those who have lost their connection, too. It returns how long that
// took.
func (c *Crowd) Converged(within time.Duration) (time.Duration, error) {
	return await(within, func() error {
		if err := c.CheckTruth(); err != nil {
			return err
		}
		return c.CheckSame()
	})
}

// NobodyOnlineWithoutConnection waits until nobody is shown as online anywhere who has
// no connection. It returns how long that took.
func (c *Crowd) NobodyOnlineWithoutConnection(within time.Duration) (time.Duration, error) {
	return await(within, c.checkOnline)
}

// OnlyConnected waits until no roster has anybody but those who are connected. It returns
// how long that took.
func (c *Crowd) OnlyConnected(within time.Duration) (time.Duration, error) {
	return await(within, func() error {
		connected, _ := c.truth()
		for _, w := range c.Watchers {
			if wrong := differences(w.Users(), connected, nil); wrong != "" {
				return fmt.Errorf("at server %s %s", w.Server.Name(), wrong)
			}
		}
		return c.CheckSame()
	})
}

// pollEvery is how often it is looked whether something is as it should be.
const pollEvery = 50 * time.Millisecond

// await waits until nothing is wrong, and returns how long that took; or after a time,
// what is still wrong.
func await(within time.Duration, wrong func() error) (took time.Duration, err error) {
	began := time.Now()
	for {
		took, err = time.Since(began), wrong()
		if err == nil {
			return took, nil
		}
		if time.Since(began) > within {
			return took, fmt.Errorf("after %v: %w", within, err)
		}
		time.Sleep(pollEvery) // there are hundreds of clients to wait for
	}
}
