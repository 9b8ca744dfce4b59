// Package readme is for tests: it has the README say what the code says.
package readme

import (
	"flag"
	"os"
	"strings"
	"testing"
)

// update is a flag of every test that uses this package, as go generate runs it.
var update = flag.Bool("update", false, "write what is made from the code into the README")

// Has fails the test unless the README at a path has a text in its part for a
// package, such as server/refusal. With -update the text is written there instead.
func Has(t testing.TB, path, pkg, text string) {
	t.Helper()
	begin, end := "<!-- Made from "+pkg+" by go generate. -->\n", "<!-- End of what is made. -->\n"
	readme, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(readme), begin)
	part, after, ends := strings.Cut(rest, end)
	if !found || !ends {
		t.Fatalf("%s has no place for it: it stands between %q and %q", path, begin, end)
	}
	switch want := "\n" + text + "\n"; {
	case part == want:
	case !*update:
		t.Errorf("the README says something else; go generate ./%s", pkg)
	default:
		if err := os.WriteFile(path, []byte(before+begin+want+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
