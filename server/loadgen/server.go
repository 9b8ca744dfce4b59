package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// server is a running server, or several that are one.
type server struct {
	cmd    *exec.Cmd
	addr   string // host and port
	data   string
	raw    bool      // its frames cannot be parsed
	others []*server // the other ones, if there are several
	nats   *server   // over which they share their rooms; nil for a server on its own
}

// start runs what is to be measured, on the first processor if the system has taskset.
func (b *bench) start(name string) (*server, error) {
	if n, ok := clusters[name]; ok {
		return b.startCluster(n)
	}
	var args []string
	if b.taskset != "" {
		args = []string{b.taskset, "-c", "0"}
	}
	if _, ok := others[name]; ok {
		return launch(append(args, selfAs(name)...), name)
	}
	return b.startRollcall(nil)
}

// startRollcall runs Rollcall, without limits and with more flags.
func (b *bench) startRollcall(more []string) (*server, error) {
	data, err := os.MkdirTemp("", "loadgen-")
	if err != nil {
		return nil, err
	}
	var args []string
	if b.taskset != "" {
		args = []string{b.taskset, "-c", "0"}
	}
	args = append(args, b.binary, "-addr", "127.0.0.1:0", "-data", data, "-window", "0", "-linger", "0s", "-grace", "0s",
		"-limit-members", "0", "-limit-sockets", "0", "-limit-joins", "0", "-limit-bytes", "0", "-limit-events", "0", "-limit-connections", "0", "-log-level", "warn")
	s, err := launch(append(args, more...), "rollcall")
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(data))
	}
	s.data = data
	return s, nil
}

// launch runs a program, which prints its address first.
func launch(args []string, name string) (*server, error) {
	s := &server{raw: name == "raw", cmd: exec.Command(args[0], args[1:]...)}
	s.cmd.Stderr = os.Stderr
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s did not start", name), s.stop())
	}
	s.addr = strings.TrimSpace(line[strings.LastIndex(line, "/")+1:])
	return s, nil
}

// at returns the address for the i-th of a crowd: they are spread over all servers.
func (s *server) at(i int) string {
	if i %= len(s.others) + 1; i > 0 {
		return s.others[i-1].addr
	}
	return s.addr
}

func (s *server) stop() error {
	var errs []error
	for _, other := range s.others {
		errs = append(errs, other.stop())
	}
	s.cmd.Process.Signal(syscall.SIGTERM)
	late := time.AfterFunc(15*time.Second, func() { s.cmd.Process.Kill() })
	defer late.Stop()
	s.cmd.Wait() // an error does not matter: it is measured already
	if s.nats != nil {
		errs = append(errs, s.nats.stop())
	}
	if s.data != "" {
		errs = append(errs, os.RemoveAll(s.data))
	}
	return errors.Join(errs...)
}

// usage is what servers have used so far, all of them together.
type usage struct {
	cpu   time.Duration
	calls float64 // of the system, to read or write
	bytes float64 // written
	nats  natsUsage
}

func (u usage) since(before usage) usage {
	return usage{u.cpu - before.cpu, u.calls - before.calls, u.bytes - before.bytes, u.nats.since(before.nats)}
}

func (u usage) plus(v usage) usage {
	return usage{u.cpu + v.cpu, u.calls + v.calls, u.bytes + v.bytes, u.nats.plus(v.nats)}
}

func (s *server) usage() (usage, error) {
	cpu, err := s.cpu()
	if err != nil {
		return usage{}, err
	}
	// proc_pid_io(5)
	io, err := s.proc("io")
	if err != nil {
		return usage{}, err
	}
	reads, err1 := number(io, "syscr:")
	writes, err2 := number(io, "syscw:")
	written, err3 := number(io, "wchar:")
	u, err := usage{cpu: cpu, calls: reads + writes, bytes: written}, errors.Join(err1, err2, err3)
	for _, other := range s.others {
		of, errOther := other.usage()
		u, err = u.plus(of), errors.Join(err, errOther)
	}
	if s.nats != nil {
		of, errNATS := s.nats.natsUsage()
		u.nats, err = of, errors.Join(err, errNATS)
	}
	return u, err
}

// proc returns a file of the server under /proc.
func (s *server) proc(file string) (string, error) {
	b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(s.cmd.Process.Pid), file))
	return string(b), err
}

// number returns the number after a name.
func number(in, name string) (float64, error) {
	_, after, _ := strings.Cut(in, name)
	fields := strings.Fields(after)
	if len(fields) == 0 {
		return 0, fmt.Errorf("the kernel says nothing of %s", name)
	}
	return strconv.ParseFloat(fields[0], 64)
}

// resident returns how many bytes of the server are in memory.
func (s *server) resident() (float64, error) {
	status, err := s.proc("status")
	if err != nil {
		return 0, err
	}
	kib, err := number(status, "VmRSS:")
	return kib * 1024, err
}

// machine describes this machine.
func machine() string {
	model := runtime.GOARCH
	if info, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		if _, after, ok := strings.Cut(string(info), "model name"); ok {
			model, _, _ = strings.Cut(strings.TrimLeft(after, "\t: "), "\n")
		}
	}
	return fmt.Sprintf("%d processors (%s), %s, %s", runtime.NumCPU(), model, runtime.GOOS, runtime.Version())
}
