package event_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// deps returns what a package is built from, natively or for the browser.
func deps(t *testing.T, pattern string, browser bool) []string {
	t.Helper()
	cmd := exec.Command("go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{else}}std:{{.ImportPath}}{{end}}", pattern)
	cmd.Env = os.Environ()
	if browser {
		cmd.Env = append(cmd.Env, "GOOS=js", "GOARCH=wasm")
	}
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list %s: %v", pattern, err)
	}
	return strings.Fields(string(out))
}

func TestTheProtocolAndItsReducerNeedTheStandardLibraryOnly(t *testing.T) {
	for _, browser := range []bool{false, true} {
		for pkg, allowed := range map[string][]string{
			"rollcall/shared/event":  {"rollcall/shared/event"},
			"rollcall/shared/roster": {"rollcall/shared/event", "rollcall/shared/roster"},
			"rollcall/shared/search": {"rollcall/shared/search"},
		} {
		next:
			for _, dep := range deps(t, pkg, browser) {
				if strings.HasPrefix(dep, "std:") {
					continue
				}
				for _, a := range allowed {
					if dep == a {
						continue next
					}
				}
				t.Errorf("%s reaches %s (for the browser: %v): every client, bot and page compiles it, so it must bring nothing along", pkg, dep, browser)
			}
		}
	}
}

func TestThePageReachesNothingOfTheServer(t *testing.T) {
	seen := false
	for _, dep := range deps(t, "rollcall/app/...", true) {
		if strings.HasPrefix(dep, "rollcall/server") {
			t.Errorf("the page reaches %s: visitors would download the server", dep)
		}
		if strings.HasPrefix(dep, "golang.org/x/text") {
			t.Errorf("the page reaches %s: its tables are large, and the server checks names", dep)
		}
		seen = seen || dep == "rollcall/app/ui"
	}
	if !seen {
		t.Error("the page does not even reach app/ui: this test looks at the wrong thing")
	}
}

// Whoever runs several servers has a NATS server of their own. The library that is one is
// for tests and tools.
func TestTheServerBringsNoNATSServerAlong(t *testing.T) {
	seen := false
	for _, dep := range deps(t, "rollcall/server", false) {
		if strings.HasPrefix(dep, "github.com/nats-io/nats-server") || dep == "rollcall/server/testcluster" {
			t.Errorf("bin/rollcall reaches %s: it would be twice as large, for nothing", dep)
		}
		seen = seen || dep == "rollcall/server/service"
	}
	if !seen {
		t.Error("bin/rollcall does not even reach server/service: this test looks at the wrong thing")
	}
}

// What a package may not reach, and why.
func TestLayersAreKept(t *testing.T) {
	for pkg, forbidden := range map[string]map[string]string{
		"rollcall/server/hub": {
			"std:net": "connections are handed in", "std:net/http": "connections are handed in",
			"rollcall/server/ws": "data flows one way", "rollcall/server/session": "who somebody is, is handed in",
			"rollcall/server/refusal": "it says no by its errors, and what clients are told of them is not its business",
		},
		"rollcall/server/presence": {
			"rollcall/server/hub": "the hub asks it, and it asks nobody", "rollcall/shared/roster": "what people are shown is the log's business",
		},
		"rollcall/server/refusal": {
			"rollcall/server/hub": "whoever refuses names a reason, and the list knows none of them", "rollcall/server/limit": "as before",
			"rollcall/server/names": "as before", "rollcall/server/ws": "as before", "github.com/coder/websocket": "as before",
		},
		"rollcall/server/ws":      {"rollcall/server/site": "an adapter knows one technology", "rollcall/server/service": "data flows one way"},
		"rollcall/server/site":    {"rollcall/server/hub": "looking at a page must not make a room", "rollcall/server/ws": "an adapter knows one technology"},
		"rollcall/server/session": {"rollcall/server/hub": "it is told nothing of rooms but their names"},
		"rollcall/app/visit": {
			"rollcall/app/ui": "the page asks it, and it asks nobody", "github.com/maxence-charriere/go-app/v9/pkg/app": "it has no browser",
		},
		"rollcall/app/board": {
			"rollcall/app/visit": "a visit shows people on a board, which does not know why", "rollcall/app/ui": "as before",
			"github.com/maxence-charriere/go-app/v9/pkg/app": "it has no browser",
		},
		"rollcall/shared/client": {"rollcall/server/hub": "a client needs no server", "rollcall/app/ui": "a client needs no page"},
	} {
		for _, dep := range deps(t, pkg, false) {
			if why, no := forbidden[dep]; no {
				t.Errorf("%s reaches %s: %s", pkg, dep, why)
			}
		}
	}
}

// The linker leaves out of the wasm what go-app imports and nothing calls; a
// call to app.Handler would bring in the HTTP server and text/template, and
// the page would weigh more than twice as much.
func TestThePageDoesNotCallTheHandler(t *testing.T) {
	out, err := exec.Command("grep", "-rn", "app.Handler", "../../app", "--include=*.go").Output()
	if len(out) > 0 {
		t.Errorf("found:\n%s", out)
	}
	if exit, ok := err.(*exec.ExitError); !ok || exit.ExitCode() != 1 {
		t.Errorf("grep: %v", err)
	}
}
