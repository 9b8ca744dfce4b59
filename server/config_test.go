package main

import (
	"errors"
	"flag"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"
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

func TestWrongSettingsAreOneLineThatNamesThem(t *testing.T) {
	for _, c := range []struct {
		args []string
		env  [2]string
		want string
	}{
		{args: []string{"-linger", "soon"}, want: `invalid value "soon" for flag -linger: it must be a duration`},
		{args: []string{"-linger", "-1s"}, want: "-linger is -1s"},
		{args: []string{"-grace", "-1ns"}, want: "-grace is -1ns"},
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
	for _, want := range []string{
		"-addr address", "-data folder", "-public-url address", "-linger duration", "-grace duration", "-log-level level",
		"default: :8080", "default: 2s", "default: 15s", "default: INFO", "default: none",
		"ROLLCALL_ADDR", "ROLLCALL_DATA", "ROLLCALL_PUBLIC_URL", "ROLLCALL_LINGER", "ROLLCALL_GRACE", "ROLLCALL_LOG_LEVEL",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in the help", want)
		}
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
