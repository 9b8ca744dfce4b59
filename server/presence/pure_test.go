package presence

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// What the package needs of a clock, of chance or of a lock is handed in.
func TestPresenceIsAPureState(t *testing.T) {
	imports := []string{"cmp", "container/heap", "iter", "maps", "slices", "time", "unsafe", "rollcall/shared/event"}
	ofTime := []string{"Time", "Duration", "Hour", "Second", "Millisecond"} // no clock and no timer
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	names = slices.DeleteFunc(names, func(name string) bool { return strings.HasSuffix(name, "_test.go") })
	if len(names) == 0 {
		t.Fatal("there is nothing to look at")
	}
	files := token.NewFileSet()
	for _, name := range names {
		f, err := parser.ParseFile(files, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range f.Imports {
			if path, _ := strconv.Unquote(i.Path.Value); !slices.Contains(imports, path) {
				t.Errorf("%s: imports %s", files.Position(i.Pos()), path)
			}
		}
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.SelectorExpr:
				of, _ := n.X.(*ast.Ident)
				switch {
				case of == nil:
				case of.Name == "time" && !slices.Contains(ofTime, n.Sel.Name):
					t.Errorf("%s: uses time.%s", files.Position(n.Pos()), n.Sel.Name)
				case of.Name == "event" && strings.Contains(strings.ToLower(n.Sel.Name), "code"):
					t.Errorf("%s: event.%s makes or reads a frame", files.Position(n.Pos()), n.Sel.Name)
				}
			case *ast.GoStmt, *ast.SelectStmt, *ast.ChanType:
				t.Errorf("%s: something is done at the same time", files.Position(n.Pos()))
			}
			return true
		})
	}
}
