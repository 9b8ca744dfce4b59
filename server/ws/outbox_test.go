package ws

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/server/refusal"
)

// socketPair returns the two ends of a connection through loopback.
func socketPair(t *testing.T) (server, client *net.TCPConn) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	c, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	s, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(); s.Close() })
	return s.(*net.TCPConn), c.(*net.TCPConn)
}

// counted counts the writes of a connection that is no socket, so that it
// has no other way to write.
type counted struct {
	io.ReadWriteCloser
	net.Conn
	writes atomic.Int64
}

func (c *counted) Read(p []byte) (int, error)  { return c.ReadWriteCloser.Read(p) }
func (c *counted) Close() error                { return c.ReadWriteCloser.Close() }
func (c *counted) Write(p []byte) (int, error) { c.writes.Add(1); return c.ReadWriteCloser.Write(p) }

func waits(o *outbox) bool {
	something, _ := o.checkProgress(time.Now())
	return something
}

// drain waits until nothing waits to be written. The caller has somebody read.
func drain(t *testing.T, o *outbox) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); waits(o); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("what waits is not written")
		}
	}
}

// framed is a text message of a server's as it is on the wire (RFC 6455,
// section 5.2).
func framed(message []byte) []byte {
	head := []byte{0x81, byte(len(message))}
	switch {
	case len(message) >= 1<<16:
		head = binary.BigEndian.AppendUint64([]byte{0x81, 127}, uint64(len(message)))
	case len(message) >= 126:
		head = binary.BigEndian.AppendUint16([]byte{0x81, 126}, uint16(len(message)))
	}
	return append(head, message...)
}

func TestFramesOfAllLengths(t *testing.T) {
	server, client := socketPair(t)
	o := newOutbox(server, nil)
	defer o.Close()
	for _, size := range []int{0, 1, 125, 126, 127, 1<<16 - 1, 1 << 16, 1<<16 + 1} {
		message := bytes.Repeat([]byte{'m'}, size)
		o.send(nil, message, nil)
		got := make([]byte, len(framed(message)))
		if _, err := io.ReadFull(client, got); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, framed(message)) {
			t.Errorf("%d bytes begin with %x", size, got[:min(len(got), 12)])
		}
	}
}

func TestWritingNeverWaitsAndNothingIsLostOrReordered(t *testing.T) {
	server, client := socketPair(t)
	o := newOutbox(server, nil)
	random := rand.New(rand.NewPCG(1, 1))
	sent := sha256.New()
	start := time.Now()
	for i := range 60 {
		message := bytes.Repeat([]byte{byte(i)}, 20_000+random.IntN(200_000)) // much more than a socket holds
		own := []byte("for you: ")
		sent.Write(framed(slices.Concat(own, message)))
		o.send(own, message, nil)
		copy(own, "xxxxxxxxx") // its writer's, which goes on
		if i%10 == 0 {         // something from elsewhere
			sent.Write(framed([]byte("an error")))
			o.sendOwn([]byte("an error"))
			pong := []byte("pong")
			sent.Write(pong)
			if _, err := o.Write(pong); err != nil {
				t.Fatal(err)
			}
			copy(pong, "xxxx") // the buffer of its writer, which goes on
		}
	}
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("took %v while nobody read", took)
	}
	if something, overdue := o.checkProgress(time.Now().Add(writeTimeout)); !something || overdue != refusal.StuckWrite {
		t.Errorf("that nobody reads is noticed as %q", overdue)
	}
	got := sha256.New()
	client.SetDeadline(time.Now().Add(20 * time.Second))
	done := make(chan error, 1)
	go func() {
		_, err := io.Copy(got, client)
		done <- err
	}()
	drain(t, o)
	o.Close()
	o.wait()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Sum(nil), sent.Sum(nil)) {
		t.Error("what came is not what was sent")
	}
}

func TestAFrameThatMustWaitIsOneWrite(t *testing.T) {
	pr, pw := io.Pipe()
	conn := &counted{ReadWriteCloser: struct {
		io.Reader
		io.WriteCloser
	}{pr, pw}}
	go io.Copy(io.Discard, pr)
	o := newOutbox(conn, nil)
	o.send(nil, make([]byte, 1000), nil)
	drain(t, o)
	if n := conn.writes.Load(); n != 1 {
		t.Errorf("%d writes", n)
	}
	o.Close()
	o.wait()
}

func TestNothingFollowsTheCloseFrame(t *testing.T) {
	server, client := socketPair(t)
	o := newOutbox(server, nil)
	last := []byte{closeFrame, 2, 0x03, 0xe8}
	o.Write(last)
	o.send(nil, []byte("news"), nil)
	o.sendOwn([]byte("an error"))
	o.Write(last)
	o.Close()
	if got, err := io.ReadAll(client); !bytes.Equal(got, last) || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}

func TestWhoAsksForMoreAndDoesNotReadIsCutOff(t *testing.T) {
	server, _ := socketPair(t)
	server.SetWriteBuffer(1)
	o := newOutbox(server, nil)
	if o.send(nil, make([]byte, 8<<20), nil) { // which may be of any size
		t.Fatal("the socket took it all; the test is of nothing")
	}
	pong := make([]byte, 100)
	stuck := refusal.Error{Reason: refusal.TooMuchPending}
	for i := range 2 * maxPending / len(pong) {
		if _, err := o.Write(pong); err != nil {
			if i < maxPending/len(pong)-1 || !errors.Is(err, stuck) {
				t.Errorf("after %d: %v", i, err)
			}
			if _, err := o.Write(pong); !errors.Is(err, stuck) {
				t.Errorf("afterwards: %v", err)
			}
			o.wait()
			return
		}
	}
	t.Error("it is let do as it likes")
}

func TestWhatNetHTTPHasReadComesFirst(t *testing.T) {
	server, client := socketPair(t)
	o := newOutbox(server, []byte("hello "))
	go func() {
		client.Write([]byte("world"))
		client.CloseWrite()
	}()
	if got, err := io.ReadAll(o); string(got) != "hello world" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}

// BenchmarkDelivery is what one frame costs from the hub to the socket: one
// system call and nothing to collect.
func BenchmarkDelivery(b *testing.B) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer listener.Close()
	client, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	defer client.Close()
	server, err := listener.Accept()
	if err != nil {
		b.Fatal(err)
	}
	go io.Copy(io.Discard, client)
	o := newOutbox(server, nil)
	defer o.Close()
	frame := make([]byte, 250)
	ready := make(chan struct{}, 1)
	tell := func() { ready <- struct{}{} }
	b.ReportAllocs()
	for b.Loop() {
		if !o.send(nil, frame, tell) {
			<-ready
		}
	}
}

// pipeHijacker hands over one end of a pipe, which takes nothing until the other
// is read.
type pipeHijacker struct {
	http.ResponseWriter
	conn net.Conn
}

func (h pipeHijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return h.conn, bufio.NewReadWriter(bufio.NewReader(h.conn), bufio.NewWriter(h.conn)), nil
}

func TestTheAnswerToAnUpgradeWaitsForNoClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, client := net.Pipe()
		h := &hijacked{ResponseWriter: pipeHijacker{httptest.NewRecorder(), server}}
		h.Header().Set("Upgrade", "websocket")
		var upgraded atomic.Bool
		go func() {
			h.Hijack()
			upgraded.Store(true)
		}()
		synctest.Wait()
		if !upgraded.Load() {
			t.Error("it waits for a client that does not read")
		}
		got := make([]byte, 64)
		n, err := client.Read(got)
		if want := "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"; err != nil || string(got[:n]) != want {
			t.Errorf("it is %q, %v", got[:n], err)
		}
		client.Close()
		synctest.Wait()
		if h.out != nil {
			h.out.Close()
			h.out.wait()
		}
	})
}
