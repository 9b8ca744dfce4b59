package testcluster

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// How long a server may take to be ready, and to end.
const (
	startTimeout = 15 * time.Second
	stopTimeout  = 15 * time.Second
)

// ServerOptions are how a Server is started.
type ServerOptions struct {
	Binary string // the program, such as bin/rollcall
	Name   string // among the servers
	NATS   string // the address of NATS, such as a Link's; empty for a server on its own
	Secret string // the file with the secret that all servers share; needed with NATS
	Data   string // the folder for its state, which is made
	Args   []string
	Log    io.Writer // where what it logs goes as well; may be nil
}

// Server is one Rollcall server, a process of its own.
type Server struct {
	options ServerOptions
	addr    string // to listen on
	admin   string // the same for the operator; empty before the first start
	log     log
	cmd     *exec.Cmd
	ended   chan struct{} // closed when the process has ended; nil before the first
	result  error         // how it has ended
}

// NewServer returns a server that is yet to be started.
func NewServer(options ServerOptions) *Server {
	return &Server{options: options, addr: "127.0.0.1:0"}
}

// Name is the name of the server among the others.
func (s *Server) Name() string { return s.options.Name }

// Addr is the host and port of the server, which stay.
func (s *Server) Addr() string { return s.addr }

// WebSocket is the address to which clients connect.
func (s *Server) WebSocket() string { return "ws://" + s.addr + "/ws" }

// Log is what the server has logged in all its runs, or the end of it.
func (s *Server) Log() string { return s.log.String() }

// Start starts the server, and waits until it is ready. An error has the end of the log.
func (s *Server) Start() error {
	if err := os.MkdirAll(s.options.Data, 0o700); err != nil {
		return err
	}
	if s.admin == "" {
		var err error
		if s.admin, err = freeAddr(); err != nil {
			return err
		}
	}
	args := []string{"-addr", s.addr, "-admin-addr", s.admin, "-data", s.options.Data}
	if s.options.NATS != "" {
		args = append(args, "-nats", s.options.NATS, "-node-name", s.options.Name, "-secret-file", s.options.Secret)
	}
	cmd := exec.Command(s.options.Binary, append(args, s.options.Args...)...)
	address := &firstLine{came: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = address, &s.log
	if s.options.Log != nil {
		cmd.Stderr = io.MultiWriter(&s.log, s.options.Log)
	}
	own(cmd)
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting server %s: %w", s.options.Name, err)
	}
	ended := make(chan struct{})
	s.cmd, s.ended = cmd, ended
	go func() { // ends with the process, for which Kill and Stop wait
		defer close(ended)
		s.result = cmd.Wait()
	}()
	if err := s.awaitReady(address); err != nil {
		s.Kill()
		return fmt.Errorf("starting server %s: %w%s", s.options.Name, err, s.said())
	}
	return nil
}

// freeAddr returns an address of this machine that nobody listens on.
func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// Metrics returns the figures of the server that have no labels, by name.
func (s *Server) Metrics(ctx context.Context) (map[string]float64, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.admin+"/metrics", nil)
	if err != nil {
		return nil, err
	}
	asking := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: startTimeout}
	answer, err := asking.Do(r)
	if err != nil {
		return nil, fmt.Errorf("the metrics of server %s: %w", s.options.Name, err)
	}
	defer answer.Body.Close()
	figures := make(map[string]float64)
	for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
		name, text, _ := strings.Cut(lines.Text(), " ")
		if value, err := strconv.ParseFloat(text, 64); err == nil {
			figures[name] = value
		}
	}
	return figures, nil
}

// awaitReady waits until the server has said where it is, and is ready.
func (s *Server) awaitReady(address *firstLine) error {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	late := fmt.Errorf("it is not ready after %v", startTimeout)
	select {
	case <-address.came:
	case <-s.ended:
		return fmt.Errorf("it ends: %w", s.result)
	case <-ctx.Done():
		return late
	}
	at, err := url.Parse(string(bytes.TrimSpace(bytes.TrimPrefix(address.line, []byte("Rollcall is at ")))))
	if err != nil {
		return err
	}
	s.addr = "127.0.0.1:" + at.Port()
	asking := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for !isReady(ctx, asking, s.addr) {
		select {
		case <-s.ended:
			return fmt.Errorf("it ends: %w", s.result)
		case <-ctx.Done():
			return late
		case <-time.After(10 * time.Millisecond):
		}
	}
	return nil
}

// Running reports whether there is a process.
func (s *Server) Running() bool {
	if s.ended == nil {
		return false
	}
	select {
	case <-s.ended:
		return false
	default:
		return true
	}
}

// EndsItself waits until the process has ended without being told to. It returns how, or
// nil if it goes on.
func (s *Server) EndsItself(within time.Duration) error {
	select {
	case <-s.ended:
		return fmt.Errorf("server %s ends: %w%s", s.options.Name, s.result, s.said())
	case <-time.After(within):
		return nil
	}
}

// Kill ends the server at once, as a crash does, and waits until it is gone.
func (s *Server) Kill() {
	if s.Running() {
		s.cmd.Process.Kill()
		<-s.ended
	}
}

// Stop ends the server as an operator does, and waits until it has ended. An error says
// that it did not end well.
func (s *Server) Stop() error {
	if !s.Running() {
		return nil
	}
	thaw(s.cmd.Process) // else it would never hear of it
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	late := time.AfterFunc(stopTimeout, func() { s.cmd.Process.Kill() })
	<-s.ended
	if !late.Stop() {
		return fmt.Errorf("server %s does not end within %v", s.options.Name, stopTimeout)
	}
	if s.result != nil {
		return fmt.Errorf("server %s does not end well: %w%s", s.options.Name, s.result, s.said())
	}
	return nil
}

// said is the end of the log, for an error, unless it was seen already.
func (s *Server) said() string {
	if s.options.Log != nil {
		return ""
	}
	return "; it says\n" + s.log.tail()
}

// Restart is Stop and Start.
func (s *Server) Restart() error {
	if err := s.Stop(); err != nil {
		return err
	}
	return s.Start()
}

// Freeze stops the process as it is, as a machine that hangs, until Thaw. Its
// connections stay.
func (s *Server) Freeze() error {
	if !s.Running() {
		return errors.New("there is nothing to freeze")
	}
	return freeze(s.cmd.Process)
}

// Thaw has a frozen process go on.
func (s *Server) Thaw() error {
	if !s.Running() {
		return errors.New("there is nothing to thaw")
	}
	return thaw(s.cmd.Process)
}

// firstLine takes what a program prints, and keeps the first line.
type firstLine struct {
	line []byte // complete when came is closed
	came chan struct{}
	done bool
}

func (f *firstLine) Write(b []byte) (int, error) {
	if f.done {
		return len(b), nil
	}
	before, _, ends := bytes.Cut(b, []byte("\n"))
	f.line = append(f.line, before...)
	if ends {
		f.done = true
		close(f.came)
	}
	return len(b), nil
}

// How much of a log is kept, and how much of it is shown with an error.
const (
	maxLog  = 1 << 20
	logTail = 4 << 10
)

// log keeps the end of what is written to it.
type log struct {
	mu   sync.Mutex
	kept []byte
}

func (l *log) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.kept = append(l.kept, b...)
	if len(l.kept) > maxLog {
		l.kept = append([]byte(nil), l.kept[len(l.kept)-maxLog/2:]...)
	}
	return len(b), nil
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.kept)
}

// tail is the end of the log.
func (l *log) tail() string {
	all := l.String()
	return all[max(0, len(all)-logTail):]
}
