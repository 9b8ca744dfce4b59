package e2e

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"rollcall/shared/event"
)

// endless is the server's flags for a multitude, which comes from one address.
var endless = []string{"-limit-joins", "0", "-limit-sockets", "0", "-limit-bytes", "0", "-limit-connections", "0"}

// multitude joins n people who hear without listening, until the test ends.
func multitude(t testing.TB, s *server, room string, n int) {
	t.Helper()
	began := time.Now()
	all := make([]*bystander, n)
	for i := range all {
		all[i] = &bystander{name: fmt.Sprintf("%s %d", dozen[i%len(dozen)], i), room: room, joined: make(chan error, 1), done: make(chan struct{})}
	}
	t.Cleanup(func() {
		for _, b := range all {
			if b.conn != nil {
				b.conn.Close()
				<-b.done
			}
		}
	})
	queue := make(chan *bystander)
	var dialers sync.WaitGroup
	for range 64 {
		dialers.Go(func() {
			for b := range queue {
				if err := b.join("127.0.0.1:" + s.port()); err != nil {
					b.joined <- err
				}
			}
		})
	}
	for _, b := range all {
		queue <- b
	}
	close(queue)
	dialers.Wait()
	for _, b := range all {
		b.awaitJoined(t)
	}
	t.Logf("%d people joined in %v", n, time.Since(began).Round(time.Millisecond))
}

// giveWay lets a browser run before a process, all of its threads and those to
// come: in life the server and the people of a multitude have other machines.
func giveWay(t testing.TB, pid int) {
	t.Helper()
	threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		t.Logf("what is measured shares the machine: %v", err)
		return
	}
	for _, thread := range threads {
		id, _ := strconv.Atoi(thread.Name())
		if err := syscall.Setpriority(syscall.PRIO_PROCESS, id, 19); err != nil {
			t.Logf("thread %d keeps its priority: %v", id, err)
		}
	}
}

// bystander is a client that costs as little as one can, so that thousands
// leave the processor to the page that is tested.
type bystander struct {
	name, room string
	conn       net.Conn
	joined     chan error
	done       chan struct{} // closed when nothing is read any more
}

// join says hello without waiting for an answer, so that the server can answer
// many at once.
func (b *bystander) join(addr string) error {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	// The key is the one of RFC 6455, section 1.3. Masking with nothing is
	// masking (section 5.3).
	request := fmt.Appendf(nil, "GET /ws HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n", addr)
	hello := event.Encode(event.GotANewUser{Patch: event.Named(b.name), Room: b.room})
	if _, err := conn.Write(request); err != nil {
		conn.Close()
		return err
	}
	r := bufio.NewReaderSize(conn, 1024)
	for line := ""; line != "\r\n"; {
		if line, err = r.ReadString('\n'); err != nil {
			conn.Close()
			return err
		}
	}
	frame := []byte{0x81, 0x80 | 126, byte(len(hello) >> 8), byte(len(hello)), 0, 0, 0, 0}
	if _, err := conn.Write(append(frame, hello...)); err != nil {
		conn.Close()
		return err
	}
	b.conn = conn
	go b.read(r)
	return nil
}

// awaitJoined waits until the server has let b in.
func (b *bystander) awaitJoined(t testing.TB) {
	t.Helper()
	select {
	case err := <-b.joined:
		if err != nil {
			t.Fatalf("%s: %v", b.name, err)
		}
	case <-time.After(time.Minute): // of which a crowd may need a part
		t.Fatalf("%s is not let in", b.name)
	}
}

// leave goes, and waits until nothing is read any more.
func (b *bystander) leave() {
	b.conn.SetDeadline(time.Now().Add(patience))
	leave := event.Encode(event.Leave{})
	b.conn.Write(append([]byte{0x81, 0x80 | byte(len(leave)), 0, 0, 0, 0}, leave...))
	<-b.done
	b.conn.Close()
}

// read throws away what it is told after the first frame, which must be the
// snapshot.
func (b *bystander) read(r *bufio.Reader) {
	defer close(b.done)
	var kept [125]byte // all of a ping, enough of a refusal
	for first := true; ; {
		opcode, payload, err := readFrame(r, kept[:])
		switch {
		case err != nil:
		case opcode == 8: // the server's close
			err = io.EOF
		case opcode == 9: // a ping, without which it would be cut off
			_, err = b.conn.Write(append([]byte{0x8a, 0x80 | byte(len(payload)), 0, 0, 0, 0}, payload...))
		case first && !bytes.HasPrefix(payload, []byte(`[{"event":"existing_users"`)):
			err = fmt.Errorf("the server answers %s", payload)
		case first:
			b.joined <- nil
			first = false
		}
		if err != nil {
			if first {
				b.joined <- err
			}
			return
		}
	}
}

// readFrame reads a frame to its end, the beginning of its payload into kept.
func readFrame(r *bufio.Reader, kept []byte) (opcode byte, payload []byte, err error) {
	head, err := r.Peek(2)
	if err != nil {
		return 0, nil, err
	}
	opcode, size, long := head[0]&0x0f, int(head[1]&0x7f), 0
	switch size {
	case 126:
		long = 2
	case 127:
		long = 8
	}
	r.Discard(2)
	if long > 0 {
		if head, err = r.Peek(long); err != nil {
			return 0, nil, err
		}
		size = 0
		for _, b := range head {
			size = size<<8 | int(b)
		}
		r.Discard(long)
	}
	payload = kept[:min(size, len(kept))]
	if _, err = io.ReadFull(r, payload); err != nil {
		return 0, nil, err
	}
	_, err = r.Discard(size - len(payload))
	return opcode, payload, err
}

func TestAPageCountsAMultitude(t *testing.T) {
	s := start(t, endless...)
	multitude(t, s, "lobby", 2000)
	p := visit(t, "Ana", s.url)
	p.join("Ana")
	p.await(`document.querySelector(".count strong").textContent.replace(/\D/g, "") === "2001"`)
}
