// Command loadgen measures a server over real sockets, beside other servers in the same
// run. The others are a classic chat hub, as most people write it; gorilla, the hub of
// that library's chat example; gws, the broadcaster of a library written for speed; and
// raw, which writes the same bytes to as many sockets without WebSocket and JSON, about
// as fast as the machine can.
//
// Where the system has taskset, each server runs on one processor and loadgen on another.
// It prints one table. Only the ratios within a run mean something.
package main

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"os/signal"
	"slices"
	"strings"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "loadgen:", err)
		os.Exit(1)
	}
}

func run() error {
	serve := flag.String("serve", "", "be a `server` instead of measuring: "+strings.Join(otherNames(), ", "))
	binary := flag.String("rollcall", "bin/rollcall", "the `program` to measure")
	runs := flag.Int("runs", 3, "how often to measure; the median is shown")
	only := flag.String("scenarios", strings.Join(names(), ","), "what to measure")
	against := flag.String("servers", "rollcall,classic,gorilla,gws,raw", "whom to measure")
	scale := flag.Float64("scale", 1, "the size of the crowds, as a part of the full one")
	flag.Parse()

	if *serve != "" {
		be, ok := others[*serve]
		if !ok {
			return fmt.Errorf("no server %q; there are %s", *serve, strings.Join(otherNames(), ", "))
		}
		return be()
	}

	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt)
	defer signal.Stop(interrupted)
	bench := &bench{binary: *binary, scale: *scale, interrupted: interrupted}
	if err := bench.pin(); err != nil {
		return err
	}
	servers := strings.Split(*against, ",")
	var rows []row
	for _, name := range strings.Split(*only, ",") {
		i := slices.IndexFunc(scenarios, func(s scenario) bool { return s.name == name })
		if i < 0 {
			return fmt.Errorf("no scenario %q; there are %s", name, strings.Join(names(), ", "))
		}
		of, err := bench.measure(scenarios[i], servers, *runs)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		rows = append(rows, of...)
	}
	fmt.Printf("\n%s, medians of %d:\n\n", machine(), *runs)
	print(servers, rows)
	return nil
}

func otherNames() []string { return slices.Sorted(maps.Keys(others)) }

func names() []string {
	var names []string
	for _, s := range scenarios {
		names = append(names, s.name)
	}
	return names
}
