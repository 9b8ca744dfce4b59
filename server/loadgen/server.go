package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
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
	raw  bool // what it sends is not to be understood
}

// start runs one of the servers, on the first processor if that can be told.
func (b *bench) start(name string) (*server, error) {
	data, err := os.MkdirTemp("", "loadgen-")
	if err != nil {
		return nil, err
	}
	args := []string{b.binary, "-addr", "127.0.0.1:0", "-data", data, "-window", "0", "-linger", "0s", "-grace", "0s",
		"-limit-sockets", "0", "-limit-joins", "0", "-limit-events", "0", "-limit-connections", "0"}
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
	s.cmd.Wait() // however it ends, it has been measured
	return os.RemoveAll(s.data)
}

// ticks is what the kernel counts processor time in: 100 a second on every
// platform of Go's (proc_pid_stat(5), sysconf(3)).
const ticks = 100

// cpu is the processor time that the server has used.
func (s *server) cpu() (time.Duration, error) {
	stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(s.cmd.Process.Pid), "stat"))
	if err != nil {
		return 0, err
	}
	// After the name, which is in brackets and may have anything in it.
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	user, err1 := strconv.ParseInt(string(fields[11]), 10, 64)
	system, err2 := strconv.ParseInt(string(fields[12]), 10, 64)
	return time.Duration(user+system) * time.Second / ticks, errors.Join(err1, err2)
}

// resident is how many bytes of the server are in memory.
func (s *server) resident() (float64, error) {
	status, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(s.cmd.Process.Pid), "status"))
	if err != nil {
		return 0, err
	}
	_, after, _ := strings.Cut(string(status), "VmRSS:")
	kib, err := strconv.ParseFloat(strings.Fields(after)[0], 64)
	return kib * 1024, err
}
