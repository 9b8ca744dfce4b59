package main

import (
	"errors"
	"flag"
	"io"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"rollcall/server/service"
)

func TestFlagsWinOverTheEnvironmentAndThatOverTheDefault(t *testing.T) {
	t.Setenv("ROLLCALL_ADDR", ":1")
	t.Setenv("ROLLCALL_PUBLIC_URL", "https://here.example.org")
	t.Setenv("ROLLCALL_LOG_LEVEL", "warn")
	c, err := parse([]string{"-addr", ":2", "-linger=0"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if c.Addr != ":2" || c.PublicURL != "https://here.example.org" || c.LogLevel != slog.LevelWarn || c.Linger != 0 || c.Grace != 15*time.Second {
		t.Errorf("parsed %+v", c)
	}
}

func TestLimitsHaveTheirDefaultsAndCanBeSwitchedOff(t *testing.T) {
	c, err := parse(nil, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	files := c.Limits.Connections
	if want := (service.Limits{Sockets: 2_000, Joins: 3_000, Bytes: 4 << 20, Events: 10, Members: 20_000, Rooms: 10_000, Connections: files}); c.Limits != want || files <= 0 {
		t.Errorf("limits are %+v", c.Limits)
	}
	if c.Tick != 100*time.Millisecond || c.Window != 500 || len(c.Proxies) != 0 {
		t.Errorf("tick %v, window %d, proxies %v", c.Tick, c.Window, c.Proxies)
	}
	c, err = parse([]string{"-limit-sockets=0", "-limit-joins=0", "-limit-bytes=0", "-limit-events=0", "-limit-members=0", "-limit-rooms=0", "-limit-connections=0",
		"-window=0", "-tick=0", "-linger", "0s", "-grace", "0s", "-trusted-proxies", "10.0.0.0/8, ::1"}, io.Discard)
	if err != nil || c.Limits != (service.Limits{}) || c.Window != 0 || c.Tick != 0 || c.Linger != 0 || c.Grace != 0 || len(c.Proxies) != 2 {
		t.Errorf("parsed %+v, %v", c, err)
	}
}

func TestWrongSettingsAreOneLineThatNamesThem(t *testing.T) {
	for _, c := range []struct {
		args []string
		env  [2]string
		want string
	}{
		{args: []string{"-linger", "soon"}, want: `invalid value "soon" for flag -linger: it must be a duration`},
		{args: []string{"-linger", "-1s"}, want: "-linger is -1s"},
		{args: []string{"-grace", "-1ns"}, want: "-grace is -1ns"},
		{args: []string{"-tick", "-1ms"}, want: "-tick is -1ms"},
		{args: []string{"-window", "many"}, want: `invalid value "many" for flag -window: it must be a whole number`},
		{args: []string{"-limit-rooms", "-5"}, want: `invalid value "-5" for flag -limit-rooms: it must be a whole number, 0 or more`},
		{args: []string{"-trusted-proxies", "10.0.0.0/8,proxy"}, want: `"proxy" is neither an address nor a network`},
		{args: []string{"-log-level", "loud"}, want: "log-level"},
		{args: []string{"-adr", ":1"}, want: "-adr"},
		{args: []string{"start"}, want: `"start"`},
		{env: [2]string{"ROLLCALL_GRACE", "often"}, want: "grace"},
	} {
		if c.env[0] != "" {
			t.Setenv(c.env[0], c.env[1])
		}
		_, err := parse(c.args, io.Discard)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v", c.args, err)
		}
	}
}

func TestHelpNamesEveryFlagItsDefaultAndItsVariable(t *testing.T) {
	var out strings.Builder
	if _, err := parse([]string{"-help"}, &out); !errors.Is(err, flag.ErrHelp) {
		t.Fatal(err)
	}
	var listed []string
	for _, name := range regexp.MustCompile(`(?m)^  -(\S+) \w+$`).FindAllStringSubmatch(out.String(), -1) {
		listed = append(listed, name[1])
	}
	var flags []string
	newFlags(new(service.Config)).VisitAll(func(f *flag.Flag) {
		flags = append(flags, f.Name)
		value, usage := flag.UnquoteUsage(f)
		_, part, _ := strings.Cut(out.String(), "  -"+f.Name+" "+value+"\n")
		part, _, _ = strings.Cut(part, "\n\n")
		def := f.DefValue
		if def == "" {
			def = "none"
		}
		variable := "ROLLCALL_" + strings.ReplaceAll(strings.ToUpper(f.Name), "-", "_")
		want := usage + " default: " + def + "; environment: " + variable
		if got := strings.Join(strings.Fields(part), " "); got != want || value == "value" {
			t.Errorf("-%s %s: the help says %q, not %q", f.Name, value, got, want)
		}
	})
	if !slices.Equal(listed, flags) {
		t.Errorf("the help lists %q, and the flags are %q", listed, flags)
	}
	if !strings.Contains(out.String(), "rollcall -version") {
		t.Error("the help does not name -version")
	}
	for line := range strings.SplitSeq(out.String(), "\n") {
		if len(line) > 80 {
			t.Errorf("too wide: %q", line)
		}
	}
}

func TestTheDataFolderFollowsTheUsersState(t *testing.T) {
	t.Setenv("HOME", "/home/ana")
	t.Setenv("XDG_STATE_HOME", "")
	if got := defaultData(); got != "/home/ana/.local/state/rollcall" {
		t.Error(got)
	}
	t.Setenv("XDG_STATE_HOME", "/state")
	if got := defaultData(); got != "/state/rollcall" {
		t.Error(got)
	}
	t.Setenv("XDG_STATE_HOME", "relative")
	if got := defaultData(); got != "/home/ana/.local/state/rollcall" {
		t.Error("a relative XDG_STATE_HOME must be ignored:", got)
	}
}
