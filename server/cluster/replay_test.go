package cluster

import (
	"strings"
	"sync"
	"testing"
	"time"
)

// Somebody who reads and writes on NATS, without the secret, says again what a server has
// said that is gone.
func TestWhatADeadServerHasSaidCannotBeSaidAgain(t *testing.T) {
	bubble(t, func(t *testing.T, f *fakeNATS) {
		b := f.serve(t, "b")
		eye := b.watch()
		var recorded []message
		var mu sync.Mutex
		a := f.serve(t, "a")
		f.mu.Lock()
		f.fault = func(m message) (int, time.Duration) {
			mu.Lock()
			defer mu.Unlock()
			recorded = append(recorded, m)
			return 1, 0
		}
		f.mu.Unlock()
		a.join("Ana")
		pass(3 * time.Second)
		eye.has("Ana")
		f.lose(nil)
		a.kill()
		pass(time.Minute)
		eye.has()
		eye.expect("+Ana", "~Ana reconnecting", "-Ana node_lost")
		for _, m := range recorded {
			b.bus.in <- m
		}
		pass(time.Second)
		eye.has()
		eye.expect()
	})
}

// Somebody without the secret says again what an earlier run of a server has said.
func TestAWordOfAnEarlierRunKeepsNoServerFromStarting(t *testing.T) {
	bubble(t, func(t *testing.T, f *fakeNATS) {
		var word message
		f.mu.Lock()
		f.fault = func(m message) (int, time.Duration) {
			if m.subject == "test.life" {
				word = m
			}
			return 1, 0
		}
		f.mu.Unlock()
		f.serve(t, "b")
		a := f.serve(t, "a")
		pass(500 * time.Millisecond) // until a has said something last
		f.mu.Lock()
		f.fault = func(m message) (int, time.Duration) {
			if m.subject == "test.life" && strings.Contains(string(m.data), `"from":"a/`) {
				word = m
			}
			return 1, 0
		}
		f.mu.Unlock()
		pass(2 * time.Second)
		f.lose(nil)
		a.kill()
		pass(time.Minute)
		stranger := f.connect()
		stop := make(chan struct{})
		go func() {
			for {
				select {
				case <-time.After(50 * time.Millisecond):
					stranger.publish(word.subject, "", word.data)
				case <-stop:
					return
				}
			}
		}()
		_, err := f.tryServe(t, "a")
		close(stop)
		if err != nil {
			t.Error(err)
		}
	})
}
