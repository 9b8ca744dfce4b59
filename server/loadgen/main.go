// Command loadgen measures a server over real sockets, beside other servers in the same
// run. The others are a classic chat hub, as most people write it; gorilla, the hub of
// that library's chat example; gws, the broadcaster of a library written for speed; and
// raw, which writes the same bytes to as many sockets without WebSocket and JSON, about
// as fast as the machine can.
//
// Where the system has taskset, each server runs on one processor and loadgen on another.
// It prints one table. Only the ratios within a run mean something.
//
// With -several it measures what it costs that several servers are one: single is a server
// on its own, alone one that shares its rooms over NATS while nobody else has them, and
// three are three servers that have all rooms together. Their processor time is that of all
// three, without NATS, which runs on the second processor.
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
	several := flag.Bool("several", false, "measure several servers that are one, beside a single one")
	only := flag.String("scenarios", "", "what to measure; empty is everything")
	against := flag.String("servers", "", "whom to measure; empty is everybody")
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
	bench := &bench{binary: *binary, scale: *scale, several: *several, interrupted: interrupted}
	if err := bench.pin(); err != nil {
		return err
	}
	all, servers := scenarios, []string{"rollcall", "classic", "gorilla", "gws", "raw"}
	if *several {
		all, servers = severalScenarios, []string{"single", "alone", "three"}
	}
	if *against != "" {
		servers = strings.Split(*against, ",")
	}
	wanted := names(all)
	if *only != "" {
		wanted = strings.Split(*only, ",")
	}
	var rows []row
	for _, name := range wanted {
		i := slices.IndexFunc(all, func(s scenario) bool { return s.name == name })
		if i < 0 {
			return fmt.Errorf("no scenario %q; there are %s", name, strings.Join(names(all), ", "))
		}
		of, err := bench.measure(all[i], servers, *runs)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		rows = append(rows, of...)
	}
	var ratios [][2]int
	for i := 1; i < len(servers); i++ {
		if *several { // more servers cost more: how much
			ratios = append(ratios, [2]int{i, 0})
		} else {
			ratios = append(ratios, [2]int{0, i})
		}
	}
	fmt.Printf("\n%s, medians of %d:\n\n", machine(), *runs)
	print(servers, rows, ratios)
	return nil
}

func otherNames() []string { return slices.Sorted(maps.Keys(others)) }

func names(scenarios []scenario) []string {
	var names []string
	for _, s := range scenarios {
		names = append(names, s.name)
	}
	return names
}
