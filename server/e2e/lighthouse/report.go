package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
)

// report is what is read of one of Lighthouse's.
type report struct {
	Categories map[string]category `json:"categories"`
	Audits     map[string]result   `json:"audits"`
	Trouble    struct {
		Message string `json:"message"`
	} `json:"runtimeError"`
}

// category is a score, made of audits.
type category struct {
	Score  *float64 `json:"score"` // of 1; null when an audit failed to run
	Audits []struct {
		ID string `json:"id"`
	} `json:"auditRefs"`
}

type result struct {
	Title string   `json:"title"`
	Shown string   `json:"displayValue"`
	Score *float64 `json:"score"` // of 1; null when there is nothing to judge
	Value float64  `json:"numericValue"`
}

// categories are Lighthouse's, in its order.
var categories = []string{performance, "accessibility", "best-practices", "seo"}

// performance is the category that only tells.
const performance = "performance"

// metrics are what the performance is made of.
var metrics = []struct{ short, id, format string }{
	{"FCP", "first-contentful-paint", "%.0f ms"},
	{"LCP", "largest-contentful-paint", "%.0f ms"},
	{"TBT", "total-blocking-time", "%.0f ms"},
	{"CLS", "cumulative-layout-shift", "%.3f"},
	{"SI", "speed-index", "%.0f ms"},
}

func read(file string) (report, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return report{}, err
	}
	var r report
	if err := json.Unmarshal(b, &r); err != nil {
		return report{}, fmt.Errorf("%s: %w", file, err)
	}
	if r.Trouble.Message != "" {
		return report{}, fmt.Errorf("%s: %s", file, r.Trouble.Message)
	}
	for _, name := range categories {
		if r.Categories[name].Score == nil {
			return report{}, fmt.Errorf("%s: no score for %s", file, name)
		}
	}
	return r, nil
}

// summary is what some runs say together.
type summary struct {
	factor  string
	scores  []float64 // of 100, one for each of categories: the medians
	metrics []float64 // the same of metrics
	failed  []string  // a line each, of every run
}

func summarise(factor string, reports []report) summary {
	s := summary{factor: factor}
	for _, name := range categories {
		score := median(reports, func(r report) float64 { return 100 * *r.Categories[name].Score })
		s.scores = append(s.scores, score)
		for _, r := range reports {
			if *r.Categories[name].Score == 1 {
				continue
			}
			for _, ref := range r.Categories[name].Audits {
				a := r.Audits[ref.ID]
				line := strings.TrimSuffix(fmt.Sprintf("%s: %s: %s: %s", name, ref.ID, a.Title, a.Shown), ": ")
				if a.Score != nil && *a.Score < 1 && !slices.Contains(s.failed, line) {
					s.failed = append(s.failed, line)
				}
			}
		}
	}
	for _, m := range metrics {
		s.metrics = append(s.metrics, median(reports, func(r report) float64 { return r.Audits[m.id].Value }))
	}
	return s
}

func median(reports []report, of func(report) float64) float64 {
	var values []float64
	for _, r := range reports {
		values = append(values, of(r))
	}
	slices.Sort(values)
	return values[len(values)/2]
}

// good reports whether everything is 100 that must be.
func (s summary) good() bool {
	for i, name := range categories {
		if name != performance && s.scores[i] < 100 {
			return false
		}
	}
	return true
}

func show(out io.Writer, summaries []summary) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprint(w, "\t", strings.Join(categories, "\t"))
	for _, m := range metrics {
		fmt.Fprint(w, "\t", m.short)
	}
	fmt.Fprintln(w)
	for _, s := range summaries {
		fmt.Fprint(w, s.factor)
		for _, score := range s.scores {
			fmt.Fprintf(w, "\t%.0f", score)
		}
		for i, m := range metrics {
			fmt.Fprintf(w, "\t"+m.format, s.metrics[i])
		}
		fmt.Fprintln(w)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, s := range summaries {
		for _, line := range s.failed {
			fmt.Fprintf(out, "%s: %s\n", s.factor, line)
		}
	}
	return nil
}
