// Command chaos does to one or several servers at random what can happen to them, and checks
// after each act that everybody sees the truth again, and in the end that a server needs no
// more than at the beginning.
package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"rollcall/server/testcluster"
)

func main() {
	binary := flag.String("rollcall", "bin/rollcall", "the `program` of the servers")
	length := flag.Duration("for", 10*time.Minute, "how long")
	seed := flag.Uint64("seed", 0, "what to begin with, to have the same acts again; 0 draws one")
	people := flag.Int("people", 120, "how many clients")
	servers := flag.Int("servers", 3, "how many servers; 1 is without NATS")
	logs := flag.String("logs", ".artifacts/chaos", "the `folder` for the servers' logs if something is wrong")
	only := flag.String("only", "", "the `name` of an act, to do nothing else")
	flag.Parse()
	if *seed == 0 {
		*seed = rand.Uint64()
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	fmt.Printf("%d servers, %d people, for %v; the seed is %d\n", *servers, *people, *length, *seed)
	violations, err := run(ctx, *binary, *servers, *people, *length, *seed, *only, *logs)
	switch {
	case err != nil:
		fmt.Fprintln(os.Stderr, "chaos:", err)
		os.Exit(1)
	case violations > 0:
		os.Exit(1)
	}
}

// run does acts until the time is over or ctx ends, and returns how often something was
// wrong.
func run(ctx context.Context, binary string, servers, people int, length time.Duration, seed uint64, only, logs string) (violations int, err error) {
	alone := servers == 1
	acts, err := choose(only, alone)
	if err != nil {
		return 0, err
	}
	c, err := testcluster.Start(testcluster.Options{
		Binary: binary, Servers: servers, Alone: alone,
		Args: append([]string{"-window", "0", "-log-level", "debug"}, testcluster.Unlimited...),
	})
	if err != nil {
		return 0, err
	}
	defer c.Close()
	crowd, err := c.NewCrowd(ctx, "chaos", people)
	if err != nil {
		return 0, err
	}
	defer crowd.Close()
	s := newStage(c, crowd, seed)
	s.check("everybody comes", false)
	if s.needed, err = s.need(ctx); err != nil {
		return 0, err
	}
	for end := time.Now().Add(length); ctx.Err() == nil && time.Now().Before(end); {
		s.act(ctx, acts)
	}
	if ctx.Err() == nil {
		s.checkNeed(ctx)
		s.last()
	}
	s.summary()
	if s.violations > 0 {
		return s.violations, keep(c, s.diary.String(), logs)
	}
	return 0, nil
}

// keep writes the servers' logs, and what people did, into a folder.
func keep(c *testcluster.Cluster, diary, folder string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(folder, "people.log"), []byte(diary), 0o644); err != nil {
		return err
	}
	for _, s := range c.Servers {
		if err := os.WriteFile(filepath.Join(folder, s.Name()+".log"), []byte(s.Log()), 0o644); err != nil {
			return err
		}
	}
	fmt.Printf("what the servers and the people did is in %s\n", folder)
	return nil
}
