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
	if !signal.Ignored(syscall.SIGHUP) { // as nohup has it
		ends = append(ends, syscall.SIGHUP)
	}
	// Or a write to a log that nobody reads any more would end the program,
	// whatever it was about to save.
	signal.Ignore(syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(context.Background(), ends...)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "rollcall:", err)
		os.Exit(1)
	}
}

// gcPercent is GOGC where the environment has none. What lives in this server
// is small, and most of what it allocates is gone at once: with Go's 100, the
// one join in a hundred that meets a collection takes twice as long.
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
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	return service.Run(ctx, config)
}
