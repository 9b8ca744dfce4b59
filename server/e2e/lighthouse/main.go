// Command lighthouse has Lighthouse audit the page that a built server sends,
// as a desktop computer and as a phone on a slow network would load it. It
// prints the scores with what keeps them from 100, and keeps the reports.
//
// It fails where accessibility, best practices or search engines find
// anything. The performance is told only: it is this machine's too.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "lighthouse:", err)
		os.Exit(1)
	}
}

func run() error {
	a := audit{}
	binary := flag.String("rollcall", "bin/rollcall", "the `program` to audit")
	runs := flag.Int("runs", 1, "how often to audit; the median is shown")
	page := flag.String("path", "/", "the `path` of the page to audit")
	flag.StringVar(&a.program, "lighthouse", ".build/npm/lighthouse/node_modules/.bin/lighthouse", "the `program` to audit with")
	flag.StringVar(&a.out, "out", ".artifacts/lighthouse", "the `folder` for the reports")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var err error
	if a.chrome, err = browser(); err != nil {
		return err
	}
	if a.temp, err = os.MkdirTemp("", "lighthouse-"); err != nil {
		return err
	}
	defer os.RemoveAll(a.temp)
	if err := os.MkdirAll(a.out, 0o755); err != nil {
		return err
	}
	server, err := start(*binary, filepath.Join(a.temp, "data"))
	if err != nil {
		return err
	}
	defer server.stop()

	var summaries []summary
	for _, factor := range []string{"desktop", "mobile"} {
		var reports []report
		for n := range *runs {
			r, err := a.run(ctx, factor, server.url+*page, n+1)
			for again := 0; err != nil && again < 2 && ctx.Err() == nil; again++ {
				// A browser now and then begins its trace too late, which
				// Lighthouse calls an error and asks to be run again.
				r, err = a.run(ctx, factor, server.url+*page, n+1)
			}
			if err != nil {
				return fmt.Errorf("%s: %w", factor, err)
			}
			reports = append(reports, r)
		}
		summaries = append(summaries, summarise(factor, reports))
	}
	if err := show(os.Stdout, summaries); err != nil {
		return err
	}
	for _, s := range summaries {
		if !s.good() {
			return errors.New("not all that must be is 100")
		}
	}
	return nil
}

// browser returns the program that Lighthouse is to start; what it would find
// by itself depends on the machine.
func browser() (string, error) {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errors.New("no Chromium or Chrome was found")
}

// chromeFlags keep the browser from using the network by itself. As root it
// does not start with a sandbox.
var chromeFlags = []string{
	"--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
	"--disable-background-networking", "--disable-component-update", "--disable-sync",
}

// audit is how Lighthouse is run.
type audit struct {
	program, chrome string
	out             string // for the reports
	temp            string // for all that goes with the program's end
}

// run audits the page once. Lighthouse ends its browser before it ends, also
// when it is interrupted.
func (a audit) run(ctx context.Context, factor, url string, n int) (report, error) {
	file := filepath.Join(a.out, fmt.Sprintf("%s-%d.json", factor, n))
	args := []string{url, "--quiet", "--no-enable-error-reporting", "--output=json", "--output-path=" + file,
		"--chrome-flags=" + strings.Join(chromeFlags, " ")}
	if factor == "desktop" {
		args = append(args, "--preset=desktop") // a phone is what it is otherwise
	}
	cmd := exec.CommandContext(ctx, a.program, args...)
	cmd.Env = append(os.Environ(), "CHROME_PATH="+a.chrome, "TMPDIR="+a.temp, "XDG_CONFIG_HOME="+a.temp)
	cmd.Stderr = os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 15 * time.Second
	if err := cmd.Run(); err != nil {
		return report{}, err
	}
	return read(file)
}
