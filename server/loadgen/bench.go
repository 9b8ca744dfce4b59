package main

import (
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// bench is one run of the program.
type bench struct {
	binary      string
	scale       float64
	taskset     string // empty where there is none
	interrupted <-chan os.Signal
}

// figure is one thing that a scenario measures; less is better.
type figure struct {
	name, unit string
	value      float64
}

// scenario is something that happens to a server.
type scenario struct {
	name, what string
	run        func(b *bench, s *server) ([]figure, error)
}

// pin moves this program to the second processor, so that the servers have
// the first one to themselves.
func (b *bench) pin() error {
	taskset, err := exec.LookPath("taskset")
	if err != nil || runtime.NumCPU() < 2 {
		fmt.Println("Without taskset and a second processor, server and load share what there is; look at the ratios only.")
		return nil
	}
	b.taskset = taskset
	// All threads, also those that are yet to come.
	if out, err := exec.Command(taskset, "-a", "-c", "-p", "1", strconv.Itoa(os.Getpid())).CombinedOutput(); err != nil {
		return fmt.Errorf("taskset: %w: %s", err, out)
	}
	return nil
}

// people is a crowd of n, or what the scale leaves of it.
func (b *bench) people(n int) int { return max(10, int(float64(n)*b.scale)) }

// pause waits, unless the user has had enough.
func (b *bench) pause(d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-b.interrupted:
		return errors.New("interrupted")
	}
}

// measure runs a scenario against each server and prints the medians.
func (b *bench) measure(s scenario, servers []string, runs int) error {
	fmt.Printf("\n%s: %s\n", s.name, s.what)
	results := make(map[string][][]figure)
	for range runs {
		// In turns, so that what the machine does meanwhile hits all alike.
		for _, name := range servers {
			figures, err := b.once(s, name)
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			results[name] = append(results[name], figures)
		}
	}
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(table, "\t")
	for _, name := range servers {
		fmt.Fprintf(table, "%s\t", name)
	}
	for _, name := range servers[1:] {
		fmt.Fprintf(table, "%s/%s\t", servers[0], name)
	}
	fmt.Fprintln(table)
	for i, f := range results[servers[0]][0] {
		fmt.Fprintf(table, "%s, %s\t", f.name, f.unit)
		var medians []float64
		for _, name := range servers {
			var values []float64
			for _, figures := range results[name] {
				values = append(values, figures[i].value)
			}
			slices.Sort(values)
			median := values[len(values)/2]
			medians = append(medians, median)
			fmt.Fprintf(table, "%s\t", short(median))
		}
		for _, other := range medians[1:] {
			fmt.Fprintf(table, "%s\t", short(medians[0]/other))
		}
		fmt.Fprintln(table)
	}
	return table.Flush()
}

func (b *bench) once(s scenario, name string) (figures []figure, err error) {
	server, err := b.start(name)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, server.stop()) }()
	return s.run(b, server)
}

// short is a figure with three digits that count.
func short(v float64) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return "–"
	}
	s := strconv.FormatFloat(v, 'f', max(0, 2-int(math.Floor(math.Log10(max(v, 0.001))))), 64)
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return s
}
