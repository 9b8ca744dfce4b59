package ws

import (
	"errors"
	"io"
	"net"
	"testing"

	"rollcall/server/refusal"
)

// TestWhoKeepsTheMostInMemoryIsCutOff is about clients that hardly read: what waits
// for several of them is in memory once, and is nobody's fault.
func TestWhoKeepsTheMostInMemoryIsCutOff(t *testing.T) {
	const large = 8 << 20 // more than a socket takes
	b := newBacklog(5 * large)
	var outboxes []*outbox
	var clients []*net.TCPConn
	for range 6 {
		server, client := socketPair(t)
		server.SetWriteBuffer(1)
		o := newOutbox(server, nil)
		o.backlog = b
		outboxes, clients = append(outboxes, o), append(clients, client)
	}
	keeps := func(want int) {
		t.Helper()
		if got := b.size.Load(); got != int64(want) {
			t.Errorf("%d bytes wait, want %d", got, want)
		}
	}
	shared := make([]byte, large)
	for _, o := range outboxes[:3] {
		if o.send([]byte("own"), shared, nil) {
			t.Fatal("the socket took it all; the test is of nothing")
		}
	}
	keeps(large)
	outboxes[3].send(nil, make([]byte, large), nil)
	outboxes[4].send(nil, make([]byte, 2*large), nil)
	keeps(4 * large)
	outboxes[5].send(nil, make([]byte, large+100), nil) // is too much
	outboxes[4].wait()
	keeps(3*large + 100)
	for i, o := range outboxes {
		_, err := o.closeState()
		if cut := errors.Is(err, refusal.Error{Reason: refusal.BacklogFull}); cut != (i == 4) {
			t.Errorf("outbox %d ends with %v", i, err)
		}
	}
	for i, left := range []int{3*large + 100, 3*large + 100, 2*large + 100, large + 100, large + 100, 0} {
		if i == 4 {
			continue
		}
		go io.Copy(io.Discard, clients[i])
		drain(t, outboxes[i])
		keeps(left)
	}
	for _, o := range outboxes {
		o.Close()
		o.wait()
	}
	if len(b.frames)+len(b.holders) > 0 {
		t.Errorf("%d frames and %d outboxes are left", len(b.frames), len(b.holders))
	}
}
