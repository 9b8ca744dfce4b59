package ws

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"rollcall/server/hub"
	"rollcall/server/session"
	"rollcall/shared/client"
	"rollcall/shared/event"
)

// proxy is the network between one client and the server, which may be bad.
type proxy struct {
	listener net.Listener
	target   string
	running  sync.WaitGroup

	mu    sync.Mutex // guards what follows
	thaw  chan struct{}
	delay time.Duration
	conns map[net.Conn]struct{}
}

func newProxy(t *testing.T, target string) *proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	thaw := make(chan struct{})
	close(thaw)
	p := &proxy{listener: listener, target: target, thaw: thaw, conns: make(map[net.Conn]struct{})}
	p.running.Go(p.accept)
	t.Cleanup(func() {
		p.set(0, false)
		listener.Close()
		p.cut()
		p.running.Wait()
	})
	return p
}

func (p *proxy) accept() {
	for {
		near, err := p.listener.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", p.target)
		if err != nil {
			near.Close()
			continue
		}
		p.mu.Lock()
		p.conns[near], p.conns[far] = struct{}{}, struct{}{}
		p.mu.Unlock()
		p.running.Go(func() { p.copy(near, far) })
		p.running.Go(func() { p.copy(far, near) })
	}
}

// copy carries one direction, in chunks that wait as long as they are told.
func (p *proxy) copy(from, to net.Conn) {
	defer from.Close()
	defer to.Close()
	chunk := make([]byte, 1500)
	for {
		n, err := from.Read(chunk)
		if err != nil {
			return
		}
		p.mu.Lock()
		thaw, delay := p.thaw, p.delay
		p.mu.Unlock()
		<-thaw
		time.Sleep(delay)
		if _, err := to.Write(chunk[:n]); err != nil {
			return
		}
	}
}

// set is how long each chunk takes, and whether it comes through at all.
func (p *proxy) set(delay time.Duration, frozen bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.delay = delay
	select {
	case <-p.thaw:
		if frozen {
			p.thaw = make(chan struct{})
		}
	default:
		if !frozen {
			close(p.thaw)
		}
	}
}

func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		if tcp, ok := c.(*net.TCPConn); ok {
			tcp.SetLinger(0)
		}
		c.Close()
	}
	clear(p.conns)
}

// player is somebody with a client and a network of their own.
type player struct {
	name, note string
	network    *proxy
	client     *client.Client // nil while not in the room
}

// TestEveryClientComesToTheTruthThroughABadNetwork has clients join, change
// and leave through proxies that delay, freeze and cut. In the end each knows
// who is there, whatever happened on the way. A failure prints the seed,
// which ROLLCALL_TEST_SEED replays as far as a network does.
func TestEveryClientComesToTheTruthThroughABadNetwork(t *testing.T) {
	for _, window := range []int{0, 5} {
		t.Run(fmt.Sprint("window ", window), func(t *testing.T) {
			seed := rand.Uint64()
			if s := os.Getenv("ROLLCALL_TEST_SEED"); s != "" {
				var err error
				if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
					t.Fatal(err)
				}
			}
			t.Logf("ROLLCALL_TEST_SEED=%d", seed)
			chaos(t, rand.New(rand.NewPCG(seed, 0)), window)
		})
	}
}

func chaos(t *testing.T, random *rand.Rand, window int) {
	keeper, err := session.New(bytes.Repeat([]byte{1}, 32), false)
	if err != nil {
		t.Fatal(err)
	}
	rooms := hub.New(hub.Options{Linger: 50 * time.Millisecond, Grace: 300 * time.Millisecond, Tick: 20 * time.Millisecond, Window: window})
	sockets := New(Options{Hub: rooms, Sessions: keeper, AllowOrigin: func(*http.Request) bool { return true }})
	web := httptest.NewServer(sockets)
	defer func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		sockets.Close(ctx)
		rooms.Close()
		web.Close()
	}()

	players := make([]*player, 12)
	for i := range players {
		players[i] = &player{name: fmt.Sprint("P", i), network: newProxy(t, web.Listener.Addr().String())}
	}
	defer func() {
		for _, p := range players {
			p.network.set(0, false)
			if p.client != nil {
				p.client.Close()
			}
		}
	}()
	for range 250 {
		p := players[random.IntN(len(players))]
		switch random.IntN(10) {
		case 0, 1, 2:
			if p.client == nil {
				p.note = fmt.Sprint("came ", random.IntN(100))
				p.client = client.Start("ws://"+p.network.listener.Addr().String()+"/ws", client.Options{
					Name: p.name, Patch: event.Patch{Note: &p.note}, MaxBackoff: 30 * time.Millisecond,
				})
			}
		case 3, 4:
			if p.client != nil {
				p.note = fmt.Sprint("note ", random.IntN(100))
				p.client.Update(event.Patch{Note: new(p.note)})
			}
		case 5:
			if p.client != nil {
				p.network.set(0, false) // or saying goodbye takes its time
				if random.IntN(2) == 0 {
					p.client.Leave()
					for { // until it is said, or cannot be
						if _, err := p.client.Next(t.Context()); err != nil {
							break
						}
					}
				}
				p.client.Close()
				p.client = nil
			}
		case 6:
			p.network.cut()
		case 7:
			p.network.set(time.Duration(random.IntN(20))*time.Millisecond, false)
		case 8:
			p.network.set(0, true)
		case 9:
			p.network.set(0, false)
		}
		time.Sleep(time.Duration(random.IntN(8)) * time.Millisecond)
	}

	var want []string
	for _, p := range players {
		p.network.set(0, false)
		if p.client != nil {
			want = append(want, p.name+": "+p.note)
		}
	}
	slices.Sort(want)
	for _, p := range players {
		if p.client != nil {
			agree(t, p, want, window)
		}
	}
}

// agree waits until a client knows who is there.
func agree(t *testing.T, p *player, want []string, window int) {
	t.Helper()
	var got []string
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		r := p.client.Roster()
		got = nil
		for _, u := range r.Users() {
			if u.Link == event.LinkOnline {
				got = append(got, u.Name+": "+u.Note)
			}
		}
		slices.Sort(got)
		me, _ := r.Me()
		if slices.Equal(got, want) && r.Count() == len(want) && me.Note == p.note && p.client.Status().Link == client.Connected {
			_, _, large := r.View()
			if large && window == 0 || !large && window > 0 && len(want) > window {
				t.Errorf("%s thinks that large is %v, with %d of %d", p.name, large, len(want), window)
			}
			return
		}
	}
	t.Errorf("%s knows\n%s\nbut there are\n%s\n%+v", p.name, strings.Join(got, "\n"), strings.Join(want, "\n"), p.client.Status())
}
