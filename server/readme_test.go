package main

import (
	"cmp"
	"flag"
	"fmt"
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
