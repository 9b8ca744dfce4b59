package ws

import (
	"fmt"
	"testing"
	"testing/synctest"

	"rollcall/server/hub"
)

func TestReadersAreUsedAgainAndFewWait(t *testing.T) {
	serve(t, hub.Options{}, func(t *testing.T, n *network) {
		waiting := func() int {
			synctest.Wait()
			readers := &n.server.readers
			readers.mu.Lock()
			defer readers.mu.Unlock()
			return len(readers.idle)
		}
		for i := range 3 {
			n.join(nil, fmt.Sprint("Ana ", i), "").close()
			if got := waiting(); got != 1 {
				t.Fatalf("after %d connections, one after the other, %d readers wait", i+1, got)
			}
		}
		var crowd []*peer
		for i := range 2 * maxIdle {
			crowd = append(crowd, n.join(nil, fmt.Sprint("Ben ", i), ""))
		}
		for _, p := range crowd {
			p.conn.CloseNow()
		}
		if got := waiting(); got != maxIdle {
			t.Errorf("after %d connections at one time, %d readers wait", len(crowd), got)
		}
	})
}
