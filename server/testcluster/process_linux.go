package testcluster

import (
	"os"
	"os/exec"
	"syscall"
)

// own has a program end when this one does, even by kill -9; and keeps from it what the
// terminal sends to all programs of a job.
func own(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// freeze stops a program as it is, until thaw.
func freeze(p *os.Process) error { return p.Signal(syscall.SIGSTOP) }

func thaw(p *os.Process) error { return p.Signal(syscall.SIGCONT) }
