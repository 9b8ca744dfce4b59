package main

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"rollcall/server/readme"
	"rollcall/server/service"
)

// machineDefaults are the defaults that depend on the machine, as the README says
// them.
var machineDefaults = map[string]string{
	"data":              "`$XDG_STATE_HOME/rollcall`, else `~/.local/state/rollcall`",
	"limit-connections": "the limit on open files, less 100",
}

func TestTheREADMEListsTheFlags(t *testing.T) {
	var b strings.Builder
	b.WriteString("| flag | environment | default | |\n|---|---|---|---|\n")
	newFlags(new(service.Config)).VisitAll(func(f *flag.Flag) {
		def := machineDefaults[f.Name]
		if def == "" && f.DefValue != "" {
			def = "`" + f.DefValue + "`"
		}
		_, usage := flag.UnquoteUsage(f)
		fmt.Fprintf(&b, "| `-%s` | `%s` | %s | %s |\n", f.Name, envName(f.Name), cmp.Or(def, "none"), usage)
	})
	readme.Has(t, "../README.md", "server/config.go", b.String())
}

// The first word of a package's sentence, and its name.
var subject = regexp.MustCompile(`^(?:Package|Command) \S+ `)

func TestTheREADMEListsThePackages(t *testing.T) {
	list := exec.Command("go", "list", "-f", "{{.Module.Path}}\t{{.ImportPath}}\t{{.Doc}}", "./...")
	list.Dir = ".."
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.WriteString("| package | |\n|---|---|\n")
	for line := range strings.Lines(string(out)) {
		part := strings.Split(strings.TrimSpace(line), "\t")
		if len(part) != 3 {
			t.Fatalf("a package without a sentence: %q", line)
		}
		name := strings.TrimPrefix(part[1], part[0]+"/")
		if strings.HasPrefix(name, "web/slim/") {
			continue // each stands in for a package of Go's
		}
		if !subject.MatchString(part[2]) {
			t.Errorf("%s: its sentence begins %.30q", name, part[2])
		}
		fmt.Fprintf(&b, "| `%s` | %s |\n", name, subject.ReplaceAllString(part[2], ""))
	}
	readme.Has(t, "../README.md", "the packages' comments", b.String())
}

func TestTheREADMEShowsTheExample(t *testing.T) {
	const name = "server/e2e/testdata/whoishere/main.go"
	source, err := os.ReadFile("../" + name)
	if err != nil {
		t.Fatal(err)
	}
	readme.Has(t, "../README.md", name, "```go\n"+string(source)+"```\n")
}

// A path of a file or a folder, as CONTRIBUTING names it.
var named = regexp.MustCompile("`((?:app|server|shared|web)/[\\w./-]+|README.md|Makefile)`")

func TestWhatCONTRIBUTINGNamesIsThere(t *testing.T) {
	text, err := os.ReadFile("../.github/CONTRIBUTING.md")
	if err != nil {
		t.Fatal(err)
	}
	found := named.FindAllStringSubmatch(string(text), -1)
	if len(found) < 20 {
		t.Fatalf("it names %d files", len(found))
	}
	for _, f := range found {
		if _, err := os.Stat("../" + f[1]); err != nil {
			t.Errorf("it names %s: %v", f[1], err)
		}
	}
}
