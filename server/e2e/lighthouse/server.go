package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// server is a running bin/rollcall.
type server struct {
	cmd *exec.Cmd
	url string
}

// start runs the server on a free port of this machine.
func start(binary, data string) (*server, error) {
	s := &server{cmd: exec.Command(binary, "-addr", "127.0.0.1:0", "-data", data, "-log-level", "warn")}
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
		s.stop()
		return nil, fmt.Errorf("%s did not start: %w", binary, err)
	}
	s.url = strings.TrimSpace(strings.TrimPrefix(line, "Rollcall is at "))
	return s, nil
}

func (s *server) stop() {
	s.cmd.Process.Signal(syscall.SIGTERM)
	late := time.AfterFunc(15*time.Second, func() { s.cmd.Process.Kill() })
	defer late.Stop()
	s.cmd.Wait() // however it ends, it has been audited
}
