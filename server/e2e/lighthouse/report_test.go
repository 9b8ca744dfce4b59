package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// written returns a report as Lighthouse writes it, with the same score in
// every category but performance.
func written(t *testing.T, performance, others string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "report.json")
	json := fmt.Sprintf(`{
		"categories": {
			"performance": {"score": %s, "auditRefs": [{"id": "total-blocking-time"}, {"id": "diagnostics"}]},
			"accessibility": {"score": %s, "auditRefs": [{"id": "image-alt"}, {"id": "label"}]},
			"best-practices": {"score": 1, "auditRefs": []},
			"seo": {"score": 1, "auditRefs": []}
		},
		"audits": {
			"total-blocking-time": {"title": "Blocking", "score": 0.5, "displayValue": "90 ms", "numericValue": 90},
			"diagnostics": {"title": "Diagnostics", "score": null},
			"image-alt": {"title": "Images have no text", "score": 0},
			"label": {"title": "Fields have labels", "score": 1}
		}
	}`, performance, others)
	if err := os.WriteFile(file, []byte(json), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func reports(t *testing.T, files ...string) []report {
	t.Helper()
	var all []report
	for _, file := range files {
		r, err := read(file)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, r)
	}
	return all
}

func TestTheMedianOfTheRunsIsShownWithWhatFailedInAny(t *testing.T) {
	s := summarise("mobile", reports(t, written(t, "0.9", "1"), written(t, "0.5", "1"), written(t, "0.6", "0.95")))
	if want := []float64{60, 100, 100, 100}; !slices.Equal(s.scores, want) {
		t.Errorf("scores %v, not %v", s.scores, want)
	}
	want := []string{"performance: total-blocking-time: Blocking: 90 ms", "accessibility: image-alt: Images have no text"}
	if !slices.Equal(s.failed, want) {
		t.Errorf("failed %q, not %q", s.failed, want)
	}
	var out strings.Builder
	if err := show(&out, []summary{s}); err != nil {
		t.Fatal(err)
	}
	for _, want := range append(want, "mobile  60 ", "90 ms") {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
}

func TestOnlyThePerformanceMayBeLess(t *testing.T) {
	if s := summarise("mobile", reports(t, written(t, "0.1", "1"))); !s.good() {
		t.Errorf("a slow page is not good: %v", s.scores)
	}
	if s := summarise("mobile", reports(t, written(t, "1", "0.99"))); s.good() {
		t.Errorf("a page that keeps people out is good: %v", s.scores)
	}
}

func TestAReportWithoutAScoreIsAnError(t *testing.T) {
	if _, err := read(written(t, "1", "null")); err == nil || !strings.Contains(err.Error(), "accessibility") {
		t.Errorf("%v", err)
	}
}
