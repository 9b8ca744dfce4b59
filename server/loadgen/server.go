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

// server is a running server.
type server struct {
	cmd  *exec.Cmd
	addr string // host and port
	data string
	raw  bool // its frames cannot be parsed
}

// start runs one of the servers, on the first processor if the system has taskset.
func (b *bench) start(name string) (*server, error) {
	data, err := os.MkdirTemp("", "loadgen-")
	if err != nil {
		return nil, err
	}
	args := []string{b.binary, "-addr", "127.0.0.1:0", "-data", data, "-window", "0", "-linger", "0s", "-grace", "0s",
		"-limit-sockets", "0", "-limit-joins", "0", "-limit-bytes", "0", "-limit-events", "0", "-limit-connections", "0", "-log-level", "warn"}
	if name != "rollcall" {
		self, err := os.Executable()
		if err != nil {
			return nil, err
		}
		args = []string{self, "-serve", name}
	}
	if b.taskset != "" {
		args = append([]string{b.taskset, "-c", "0"}, args...)
	}
	s := &server{data: data, raw: name == "raw", cmd: exec.Command(args[0], args[1:]...)}
	s.cmd.Stderr = os.Stderr
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(data))
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s did not start", name), s.stop())
	}
	s.addr = strings.TrimSpace(line[strings.LastIndex(line, "/")+1:])
	return s, nil
}

func (s *server) stop() error {
	s.cmd.Process.Signal(syscall.SIGTERM)
	late := time.AfterFunc(15*time.Second, func() { s.cmd.Process.Kill() })
	defer late.Stop()
	s.cmd.Wait() // an error does not matter: it is measured already
	return os.RemoveAll(s.data)
}

// usage is what a server has used so far.
type usage struct {
	cpu   time.Duration
	calls float64 // of the system, to read or write
	bytes float64 // written
}

func (u usage) since(before usage) usage {
	return usage{u.cpu - before.cpu, u.calls - before.calls, u.bytes - before.bytes}
}

func (u usage) plus(v usage) usage {
	return usage{u.cpu + v.cpu, u.calls + v.calls, u.bytes + v.bytes}
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
	return usage{cpu, reads + writes, written}, errors.Join(err1, err2, err3)
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
