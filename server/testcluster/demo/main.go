// Command demo runs three servers that are one, with NATS, on this machine.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"rollcall/server/testcluster"
)

func main() {
	binary := flag.String("rollcall", "bin/rollcall", "the `program` of the servers")
	addr := flag.String("addr", "127.0.0.1:0", "the `address` to listen on; port 0 is a free one")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	if err := run(ctx, *binary, *addr); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

// run runs the servers until ctx ends, or the program that has started this one.
func run(ctx context.Context, binary, addr string) error {
	parent := os.Getppid()
	c, err := testcluster.Start(testcluster.Options{Binary: binary, Addr: addr, Log: os.Stderr, Args: []string{"-log-level", "warn"}})
	if err != nil {
		return err
	}
	_, port, err := net.SplitHostPort(c.Balancer.Addr())
	if err != nil {
		return errors.Join(err, c.Close())
	}
	fmt.Printf("Rollcall is at http://localhost:%s, on three servers\n", port)
	// Nobody would end what was left by make, or by a shell that was killed.
	for orphaned := time.NewTicker(time.Second); ctx.Err() == nil && os.Getppid() == parent; {
		select {
		case <-ctx.Done():
		case <-orphaned.C:
		}
	}
	return c.Close()
}
