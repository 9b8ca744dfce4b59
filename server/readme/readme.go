// Package readme is for tests: it compares parts of the README with the code.
package readme

import (
	"flag"
	"os"
	"strings"
	"testing"
)

// update is a flag of every test that uses this package, as go generate runs it.
var update = flag.Bool("update", false, "write what is made from the code into the README")

// Has fails the test unless the README at a path has a text in its part that is made
// from a source, such as server/refusal. With -update it writes the text there instead.
func Has(t testing.TB, path, source, text string) {
	t.Helper()
	begin, end := "<!-- Made from "+source+" by go generate. -->\n", "<!-- End of what is made. -->\n"
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
		t.Errorf("the README says something else than %s; run go generate ./server/...", source)
	default:
		if err := os.WriteFile(path, []byte(before+begin+want+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
