package e2e

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"

	"rollcall/shared/client"
	"rollcall/shared/event"
	"rollcall/shared/roster"
)

// How a restart is tried; by hand with -restart.people 500 -restart.down 60s.
var (
	restartPeople = flag.Int("restart.people", 200, "how many are there when the server restarts")
	restartDown   = flag.Duration("restart.down", 6*time.Second, "how long it is away")
)

// many joins so many Go clients, until the test ends, and counts those who are
// connected.
func many(t *testing.T, s *server, n int) (connected func() int) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	t.Cleanup(func() {
		cancel()
		running.Wait()
	})
	all := make([]*client.Client, n)
	var dialing sync.WaitGroup
	next := atomic.Int64{}
	for range 16 {
		dialing.Go(func() {
			for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
				c, err := client.Dial(ctx, s.ws(), client.Options{Name: fmt.Sprintf("%s %d", dozen[i%int64(len(dozen))], i)})
				if err != nil {
					t.Error(err)
					continue
				}
				all[i] = c
				running.Go(func() {
					defer c.Close()
					<-ctx.Done()
				})
			}
		})
	}
	dialing.Wait()
	if t.Failed() {
		t.FailNow()
	}
	return func() (n int) {
		for _, c := range all {
			if c.Status().Link == client.Connected {
				n++
			}
		}
		return n
	}
}

// witness watches a room and writes down who is seen to arrive or to leave.
type witness struct {
	*client.Client
	here map[string]string // the names by id
	seen []string
}

func (w *witness) until(ctx context.Context, so func() bool) error {
	for !so() {
		soon, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
		u, err := w.Next(soon)
		cancel()
		if err != nil && !errors.Is(err, context.DeadlineExceeded) {
			return err
		}
		for _, change := range u.Changes {
			switch change.Kind {
			case roster.Arrived:
				w.seen = append(w.seen, "+"+change.User.Name)
			case roster.Gone:
				w.seen = append(w.seen, "-"+change.User.Name)
			}
		}
		if len(u.Changes) > 0 { // a snapshot says nothing of who came and went
			w.compare()
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}

func (w *witness) compare() {
	here := map[string]string{}
	for _, u := range w.Roster().Users() {
		here[u.ID] = u.Name
		if w.here[u.ID] == "" {
			w.seen = append(w.seen, "+"+u.Name)
		}
	}
	for id, name := range w.here {
		if here[id] == "" {
			w.seen = append(w.seen, "-"+name)
		}
	}
	w.here = here
}

func TestARestartIsSeenByNobody(t *testing.T) {
	t.Parallel()
	people := *restartPeople
	s := start(t, append([]string{"-window", "0", "-grace", "0", "-linger", "0"}, endless...)...)
	connected := many(t, s, people)
	c, err := client.Dial(t.Context(), s.ws(), client.Options{Watch: true})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	w := &witness{Client: c}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	if err := w.until(ctx, func() bool { return len(w.Roster().Users()) == people }); err != nil {
		t.Fatal(err)
	}
	w.compare()
	w.seen = nil

	s.stop()
	if err := w.until(ctx, func() bool { return connected() == 0 }); err != nil {
		t.Fatal(err)
	}
	time.Sleep(*restartDown) // what is tried is that time passes
	s.restart()
	began := time.Now()
	online := func() (n int) {
		for _, u := range w.Roster().Users() {
			if u.Link == event.LinkOnline {
				n++
			}
		}
		return n
	}
	if err := w.until(ctx, func() bool {
		return w.Status().Link == client.Connected && connected() == people && online() == people
	}); err != nil {
		t.Errorf("%d of %d are back, %d are seen to be: %v", connected(), people, online(), err)
	}
	t.Logf("%d people, away for %v: all are back after %v", people, *restartDown, time.Since(began).Round(time.Millisecond))
	if len(w.seen) > 0 {
		t.Errorf("%d are seen to arrive or to leave, such as %v", len(w.seen), w.seen[:min(5, len(w.seen))])
	}
}

// cleanEnd is in the state of a server that has ended cleanly.
const cleanEnd = `"epoch":`

// state is the rooms as a server has left them.
func (s *server) state() string {
	s.t.Helper()
	file, err := os.ReadFile(filepath.Join(s.args[1], "rooms.journal"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		s.t.Fatal(err)
	}
	return string(file)
}

func TestHoweverItIsEndedTheRoomsAreSaved(t *testing.T) {
	for name, c := range map[string]struct {
		run  []string // in front of the program
		gone bool     // nobody reads what it says
		end  func(*os.Process)
	}{
		"SIGTERM":            {end: func(p *os.Process) { p.Signal(syscall.SIGTERM) }},
		"SIGHUP":             {end: func(p *os.Process) { p.Signal(syscall.SIGHUP) }},
		"nobody reads":       {gone: true, end: func(p *os.Process) { p.Signal(syscall.SIGTERM) }},
		"impatience":         {end: func(p *os.Process) { p.Signal(syscall.SIGINT); p.Signal(syscall.SIGTERM); p.Signal(syscall.SIGHUP) }},
		"nohup ends by TERM": {run: []string{"nohup"}, end: func(p *os.Process) { p.Signal(syscall.SIGHUP); p.Signal(syscall.SIGTERM) }},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			args := append(c.run, binary, "-data", dir, "-addr", "127.0.0.1:0", "-log-level", "debug")
			cmd := exec.Command(args[0], args[1:]...)
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			log, err := cmd.StderrPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			late := time.AfterFunc(2*patience, func() { cmd.Process.Kill() })
			ended := false
			defer func() {
				if !ended {
					cmd.Process.Kill()
					cmd.Wait()
				}
			}()
			line, err := bufio.NewReader(out).ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			if c.gone {
				log.Close()
				out.Close()
			} else {
				go io.Copy(io.Discard, log) // ends with the program
			}
			s := &server{t: t, url: strings.TrimSpace(strings.TrimPrefix(line, "Rollcall is at ")), args: []string{"-data", dir}}
			ana, err := client.Dial(t.Context(), s.ws(), client.Options{Name: "Ana"})
			if err != nil {
				t.Fatal(err)
			}
			defer ana.Close()
			c.end(cmd.Process)
			err = cmd.Wait()
			ended = true
			if !late.Stop() {
				t.Errorf("it did not end within %v", 2*patience)
			} else if err != nil {
				t.Errorf("it ends with %v", err)
			}
			if state := s.state(); !strings.Contains(state, "Ana") || !strings.Contains(state, cleanEnd) {
				t.Errorf("left is %q", s.state())
			}
		})
	}
}

// Neither is waited for to save the rooms, nor for longer than a second or two
// to end.
func TestWhoAsksForNothingHoldsUpNoEnd(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		say  string
		hear bool // the beginning of an answer, and not the rest
	}{
		"an idle connection":        {},
		"half a request":            {say: "GET / HTTP/1.1\r\nHost: localhost\r\n"},
		"a body that does not come": {say: "POST /nothing HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\nExpect: 100-continue\r\n\r\n"},
		"a stalled download":        {say: "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", hear: true},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			ana, err := client.Dial(t.Context(), s.ws(), client.Options{Name: "Ana"})
			if err != nil {
				t.Fatal(err)
			}
			defer ana.Close()
			idle, err := net.Dial("tcp", "127.0.0.1:"+s.port())
			if err != nil {
				t.Fatal(err)
			}
			defer idle.Close()
			if err := idle.(*net.TCPConn).SetReadBuffer(4096); err != nil {
				t.Fatal(err)
			}
			say := c.say
			if c.hear {
				_, program := assets(t, s)
				say = fmt.Sprintf(c.say, program)
			}
			if _, err := io.WriteString(idle, say); err != nil {
				t.Fatal(err)
			}
			if c.hear {
				if _, err := io.ReadFull(idle, make([]byte, 100)); err != nil {
					t.Fatal(err)
				}
			}
			if status := s.ask("GET", "/healthz", nil); status != http.StatusOK { // after which it has seen the other, too
				t.Fatalf("/healthz: %d", status)
			}
			began := time.Now()
			s.cmd.Process.Signal(syscall.SIGTERM)
			for !strings.Contains(s.state(), cleanEnd) {
				if time.Since(began) > time.Second {
					t.Fatal("the rooms are not saved within a second")
				}
				time.Sleep(10 * time.Millisecond)
			}
			s.stop()
			if took := time.Since(began); took > 2500*time.Millisecond {
				t.Errorf("the end took %v", took)
			}
		})
	}
}

func TestTwoServersDoNotShareAFolder(t *testing.T) {
	s := start(t)
	ctx, cancel := context.WithTimeout(t.Context(), patience) // for one that starts
	defer cancel()
	out, err := exec.CommandContext(ctx, binary, "-data", s.args[1], "-addr", "127.0.0.1:0").CombinedOutput()
	if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Errorf("the second ends with %v", err)
	}
	if said := string(out); strings.Count(said, "\n") != 1 || !strings.Contains(said, s.args[1]) || !strings.Contains(said, "-data") {
		t.Errorf("it says %q", said)
	}
	// One that was killed holds nothing.
	s.cmd.Process.Kill()
	s.cmd.Wait()
	s.restart()
}

func TestALostKeyLeavesNoGhosts(t *testing.T) {
	s := start(t)
	ana, err := client.Dial(t.Context(), s.ws(), client.Options{Name: "Ana"})
	if err != nil {
		t.Fatal(err)
	}
	defer ana.Close()
	s.stop()
	if err := os.Remove(filepath.Join(s.args[1], "session.key")); err != nil {
		t.Fatal(err)
	}
	s.restart()
	ana.Hurry()
	w := &witness{Client: ana}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := w.until(ctx, func() bool { return ana.Status().Link == client.Connected }); err != nil {
		t.Fatal(err)
	}
	if users := ana.Roster().Users(); len(users) != 1 {
		t.Errorf("there are %v", users)
	}
	s.stop()
	if said := s.log.String(); !strings.Contains(said, "rooms.journal.unusable") {
		t.Errorf("nothing is said of it: %s", said)
	}
	s.restart()
}

// A balancer is told to send nobody more; that the process lives is another thing.
func TestWhoProbesHearsOfTheEnd(t *testing.T) {
	s := start(t)
	if ready, evil := s.ask("GET", "/readyz", nil), s.ask("GET", "/readyz", map[string]string{"Host": "evil.example"}); ready != http.StatusOK || evil != http.StatusOK {
		t.Errorf("ready: %d, and by another name %d", ready, evil)
	}
	silent, _, err := websocket.Dial(t.Context(), s.ws(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer silent.CloseNow() // which does not answer the goodbye, so that the end takes a while
	s.cmd.Process.Signal(syscall.SIGTERM)
	for deadline := time.Now().Add(patience); s.ask("GET", "/readyz", nil) == http.StatusOK; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the signal does not come")
		}
	}
	for path, want := range map[string]int{"/readyz": http.StatusServiceUnavailable, "/healthz": http.StatusOK} {
		if got := s.ask("GET", path, map[string]string{"Host": "evil.example"}); got != want {
			t.Errorf("%s at the end: %d", path, got)
		}
	}
}
