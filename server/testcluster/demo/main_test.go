package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"rollcall/shared/client"
)

const binary = "../../../bin/rollcall"

// started is how a demo says where it is.
var started = regexp.MustCompile(`^Rollcall is at http://localhost:(\d+), on three servers\n$`)

// program is the demo, as make builds it.
var program string

func TestMain(m *testing.M) { os.Exit(build(m)) }

func build(m *testing.M) int {
	if _, err := os.Stat(binary); err != nil {
		fmt.Fprintln(os.Stderr, "bin/rollcall is not there; run the tests with: make several")
		return 1
	}
	folder, err := os.MkdirTemp("", "demo-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(folder)
	program = filepath.Join(folder, "demo")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "%v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// demo is a running one.
type demo struct {
	cmd  *exec.Cmd
	port string
}

// start starts a demo, and waits until it says where it is. The program comes after what
// is before it, such as a shell's name.
func start(t *testing.T, before ...string) *demo {
	t.Helper()
	args := append(before, program, "-rollcall", binary)
	d := &demo{cmd: exec.Command(args[0], args[1:]...)}
	d.cmd.Stderr = os.Stderr
	d.cmd.Env = append(os.Environ(), "TMPDIR="+t.TempDir()) // who is killed leaves its folder
	out, err := d.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		d.cmd.Process.Kill()
		d.cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	match := started.FindStringSubmatch(line)
	if match == nil {
		t.Fatalf("it prints %q, %v", line, err)
	}
	d.port = match[1]
	return d
}

// children are the processes that a process has started, and theirs.
func children(t *testing.T, pid int) (all []string) {
	t.Helper()
	lists, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, list := range lists {
		text, err := os.ReadFile(list)
		if err != nil && !errors.Is(err, os.ErrNotExist) { // a thread may have ended
			t.Fatal(err)
		}
		all = append(all, strings.Fields(string(text))...)
	}
	return all
}

// gone waits until no process of a list is there, or fails the test.
func gone(t *testing.T, pids []string) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		var left []string
		for _, pid := range pids {
			// A process that has ended and that nobody has waited for has no command line.
			if line, err := os.ReadFile("/proc/" + pid + "/cmdline"); err == nil && len(line) > 0 {
				left = append(left, string(line))
			}
		}
		if len(left) == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("left are %q", left)
		}
	}
}

func TestThePageAndTheRoomAreOnAllServers(t *testing.T) {
	d := start(t)
	jarless := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}} // each request goes to another server
	page := ""
	for range 6 {
		answer, err := jarless.Get("http://localhost:" + d.port + "/r/team")
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err != nil || answer.StatusCode != http.StatusOK {
			t.Fatalf("%s, %v", answer.Status, err)
		}
		page = string(body)
	}
	for _, asset := range regexp.MustCompile(`/[\w./-]+\.(?:js|css)\b`).FindAllString(page, -1) {
		answer, err := jarless.Get("http://localhost:" + d.port + asset)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			t.Errorf("%s: %s", asset, answer.Status)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	const people = 3
	var last *client.Client
	for i := range people {
		c, err := client.Dial(ctx, "ws://localhost:"+d.port+"/ws", client.Options{Room: "team", Name: fmt.Sprintf("Ana %d", i)})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		last = c
	}
	for last.Roster().Count() != people {
		if _, err := last.Next(ctx); err != nil {
			t.Fatalf("there are %v: %v", last.Roster().Users(), err)
		}
	}
}

func TestNothingIsLeft(t *testing.T) {
	for name, c := range map[string]struct {
		before []string
		end    func(*demo) error
	}{
		"after Ctrl-C":          {end: func(d *demo) error { return d.cmd.Process.Signal(os.Interrupt) }},
		"after kill -9":         {end: func(d *demo) error { return d.cmd.Process.Kill() }},
		"after its parent ends": {before: []string{"sh", "-c", `"$@"; true`, "sh"}, end: func(d *demo) error { return d.cmd.Process.Kill() }},
	} {
		t.Run(name, func(t *testing.T) {
			d := start(t, c.before...)
			servers := children(t, d.cmd.Process.Pid)
			if len(c.before) > 0 { // these are the demo
				for _, pid := range servers {
					var number int
					fmt.Sscan(pid, &number)
					servers = append(servers, children(t, number)...)
				}
			}
			if len(servers) < 3 {
				t.Fatalf("the servers are %q", servers)
			}
			if err := c.end(d); err != nil {
				t.Fatal(err)
			}
			err := d.cmd.Wait()
			if status := d.cmd.ProcessState.Sys().(syscall.WaitStatus); err != nil && !status.Signaled() {
				t.Error(err)
			}
			gone(t, servers)
		})
	}
}
