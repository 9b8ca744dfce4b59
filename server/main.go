// Command rollcall serves Rollcall: who is here, live.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"rollcall/server/service"
)

func main() {
	ends := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // nohup has it ignored
		ends = append(ends, syscall.SIGHUP)
	}
	// Otherwise a write to a log that nobody reads any more would end the program before
	// it has saved the rooms.
	signal.Ignore(syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(context.Background(), ends...)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "rollcall:", err)
		os.Exit(1)
	}
}

// gcPercent is the default for GOGC. The heap of this server is small, and most of what it
// allocates is garbage at once: with Go's 100, one join in a hundred meets a collection
// and takes twice as long.
const gcPercent = 300

func run(ctx context.Context, args []string) error {
	if asksForVersion(args) {
		return printVersion(os.Stdout)
	}
	config, err := parse(args, os.Stdout)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	config.Version = version()
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	return service.Run(ctx, config)
}
