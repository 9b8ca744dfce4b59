package ws

import "sync"

// readers are goroutines that read and handle messages for connections. That needs more
// stack than a connection should keep while it waits. A new goroutine for each message
// would begin with a small stack, which is copied each time it grows. So goroutines are
// used again. Safe for concurrent use.
type readers struct {
	running sync.WaitGroup

	mu   sync.Mutex // guards what follows
	idle []reader   // the last one is used first: its stack is still in the processor's cache
}

// maxIdle is how many idle goroutines are kept. Few are needed at one time, since
// handling a message is quick.
const maxIdle = 16

// reader is one of the goroutines. It ends when conns is closed.
type reader struct {
	conns  chan *conn
	result chan error // one for each of conns
}

// read has a goroutine read the messages of c, and waits for the result.
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

// end ends all goroutines and waits for them. No connection is read any more.
func (rs *readers) end() {
	rs.mu.Lock()
	for _, r := range rs.idle {
		close(r.conns)
	}
	rs.idle = nil
	rs.mu.Unlock()
	rs.running.Wait()
}
