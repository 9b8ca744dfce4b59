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
	"time"
	"unicode/utf8"
)

// bench is one run of the program.
type bench struct {
	binary      string
	scale       float64
	several     bool   // what several servers cost is measured
	taskset     string // empty where there is none
	interrupted <-chan os.Signal
}

// figure is one value that a scenario measures; less is better.
type figure struct {
	name, unit string
	value      float64
}

// scenario is something that happens to a server.
type scenario struct {
	name, what string
	run        func(b *bench, s *server) ([]figure, error)
}

// pin moves this program to the second processor, so that the servers have the first one
// alone.
func (b *bench) pin() error {
	taskset, err := exec.LookPath("taskset")
	if err != nil || runtime.NumCPU() < 2 {
		fmt.Println("Without taskset and a second processor, server and load share what there is; look at the ratios only.")
		return nil
	}
	b.taskset = taskset
	// All threads, and those that start later.
	if out, err := exec.Command(taskset, "-a", "-c", "-p", "1", strconv.Itoa(os.Getpid())).CombinedOutput(); err != nil {
		return fmt.Errorf("taskset: %w: %s", err, out)
	}
	return nil
}

// people returns the size of a crowd of n at the scale of this run.
func (b *bench) people(n int) int { return max(10, int(float64(n)*b.scale)) }

// pause waits. It returns an error at once if the user interrupts.
func (b *bench) pause(d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-b.interrupted:
		return errors.New("interrupted")
	}
}

// row is a figure of a scenario for each server: the median of the runs.
type row struct {
	what    string
	figure  string
	medians []float64
}

// measure runs a scenario against each server.
func (b *bench) measure(s scenario, servers []string, runs int) ([]row, error) {
	results := make(map[string][][]figure)
	for run := range runs {
		// In turns, so that other work of the machine affects all servers alike.
		for _, name := range servers {
			fmt.Fprintf(os.Stderr, "%s of %s, %d of %d\n", s.name, name, run+1, runs)
			figures, err := b.once(s, name)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			results[name] = append(results[name], figures)
		}
	}
	var rows []row
	for i, f := range results[servers[0]][0] {
		r := row{what: s.what, figure: f.name + ", " + f.unit}
		for _, name := range servers {
			var values []float64
			for _, figures := range results[name] {
				values = append(values, figures[i].value)
			}
			slices.Sort(values)
			r.medians = append(r.medians, values[len(values)/2])
		}
		rows = append(rows, r)
	}
	return rows, nil
}

// print writes all rows as one table in Markdown. It ends with ratios, of servers by their
// places.
func print(servers []string, rows []row, ratios [][2]int) {
	lines := [][]string{{"", ""}}
	lines[0] = append(lines[0], servers...)
	for _, of := range ratios {
		lines[0] = append(lines[0], servers[of[0]]+" / "+servers[of[1]])
	}
	what := ""
	for _, r := range rows {
		line := []string{"", r.figure}
		if r.what != what {
			what, line[0] = r.what, r.what
		}
		for _, v := range r.medians {
			line = append(line, short(v))
		}
		for _, of := range ratios {
			line = append(line, short(r.medians[of[0]]/r.medians[of[1]]))
		}
		lines = append(lines, line)
	}
	widths := make([]int, len(lines[0]))
	for _, line := range lines {
		for i, cell := range line {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for i, line := range lines {
		for j, cell := range line {
			pad := strings.Repeat(" ", widths[j]-utf8.RuneCountInString(cell))
			if j < 2 {
				fmt.Print("| ", cell, pad, " ")
			} else {
				fmt.Print("| ", pad, cell, " ")
			}
		}
		fmt.Println("|")
		if i == 0 {
			for j, width := range widths {
				alignment := "-"
				if j >= 2 {
					alignment = ":" // to the right
				}
				fmt.Print("|", strings.Repeat("-", width+1), alignment)
			}
			fmt.Println("|")
		}
	}
}

func (b *bench) once(s scenario, name string) (figures []figure, err error) {
	server, err := b.start(name)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, server.stop()) }()
	return s.run(b, server)
}

// short returns a figure with three significant digits.
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
