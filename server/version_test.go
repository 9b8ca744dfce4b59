package main

import (
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
)

func TestTheVersionIsWhatTheProgramWasBuiltFrom(t *testing.T) {
	system := runtime.GOOS + "/" + runtime.GOARCH
	for _, c := range []struct {
		info debug.BuildInfo
		want string
	}{
		{debug.BuildInfo{GoVersion: "go1.26.8", Main: debug.Module{Version: "(devel)"}},
			"rollcall (devel)\npage 12ab\ngo1.26.8 " + system + "\n"},
		{debug.BuildInfo{GoVersion: "go1.26.8"}, // of a test, for one
			"rollcall (devel)\npage 12ab\ngo1.26.8 " + system + "\n"},
		{debug.BuildInfo{GoVersion: "go1.27", Main: debug.Module{Version: "v1.2.3"}, Settings: []debug.BuildSetting{{Key: "vcs.revision", Value: "cafe"}, {Key: "vcs.modified", Value: "false"}}},
			"rollcall v1.2.3\nrevision cafe\npage 12ab\ngo1.27 " + system + "\n"},
		{debug.BuildInfo{GoVersion: "go1.27", Main: debug.Module{Version: "v1.2.3+dirty"}, Settings: []debug.BuildSetting{{Key: "vcs.revision", Value: "cafe"}, {Key: "vcs.modified", Value: "true"}}},
			"rollcall v1.2.3+dirty\nrevision cafe, and changes that are not committed\npage 12ab\ngo1.27 " + system + "\n"},
	} {
		var out strings.Builder
		if writeVersion(&out, &c.info, "12ab"); out.String() != c.want {
			t.Errorf("%+v: %q, not %q", c.info, out.String(), c.want)
		}
	}
}

func TestTheVersionIsAskedForByItsFlagAlone(t *testing.T) {
	t.Setenv("ROLLCALL_VERSION", "1.2.3") // somebody's own
	if _, err := parse(nil, new(strings.Builder)); err != nil {
		t.Error(err)
	}
	for line, want := range map[string]bool{"": false, "-version": true, "--version": true, "-addr :80 -version": true, "-addr version": false} {
		if got := asksForVersion(strings.Fields(line)); got != want {
			t.Errorf("%q: %v", line, got)
		}
	}
}
