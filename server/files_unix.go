//go:build unix

package main

import (
	"math"
	"syscall"
)

// defaultConnections returns how many connections the limit on open files allows, with
// 100 files left for everything else. Go has raised the soft limit to the hard one.
func defaultConnections() int {
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil || files.Cur > math.MaxInt32 {
		return 0
	}
	return max(1, int(files.Cur)-100)
}
