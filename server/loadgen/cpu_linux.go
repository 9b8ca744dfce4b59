package main

import (
	"time"

	"golang.org/x/sys/unix"
)

// cpu returns the processor time that the server has used. proc_pid_stat(5) has it in
// hundredths of a second, which is too coarse for some scenarios.
func (s *server) cpu() (time.Duration, error) {
	const scheduled = 2 // CPUCLOCK_SCHED, as clock_getcpuclockid(3) puts it together
	var used unix.Timespec
	err := unix.ClockGettime(int32(^s.cmd.Process.Pid<<3|scheduled), &used)
	return time.Duration(used.Nano()), err
}
