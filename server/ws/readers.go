package ws

import "sync"

// readers are goroutines that hear what connections have to say. Reading and
// decoding a frame needs more stack than a connection should keep, which
// otherwise waits on the smallest that there is; and a new goroutine begins with
// as little, and has it copied each time it grows. So those that are through
// wait for the next connection. Safe for concurrent use.
type readers struct {
	running sync.WaitGroup

	mu   sync.Mutex // guards what follows
	idle []reader   // the last one first, whose stack is still in the processor's cache
}

// maxIdle is how many wait. Few are needed at one time: one that has heard all
// there is goes back before the next connection is read from.
const maxIdle = 16

// reader is one of them. It ends when conns is closed.
type reader struct {
	conns  chan *conn
	result chan error // one for each of conns
}

// read has one of them hear c, and waits for the result.
func (rs *readers) read(c *conn) error {
	r := rs.get()
	r.conns <- c
	err := <-r.result
	rs.put(r)
	return err
}

func (rs *readers) get() reader {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	if last := len(rs.idle) - 1; last >= 0 {
		r := rs.idle[last]
		rs.idle = rs.idle[:last]
		return r
	}
	r := reader{make(chan *conn), make(chan error)}
	rs.running.Go(func() {
		for c := range r.conns {
			r.result <- c.readMessages()
		}
	})
	return r
}

func (rs *readers) put(r reader) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	if len(rs.idle) == maxIdle {
		close(r.conns)
		return
	}
	rs.idle = append(rs.idle, r)
}

// end waits for all of them to end. No connection is heard any more.
func (rs *readers) end() {
	rs.mu.Lock()
	for _, r := range rs.idle {
		close(r.conns)
	}
	rs.idle = nil
	rs.mu.Unlock()
	rs.running.Wait()
}
