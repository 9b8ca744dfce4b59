package visit

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

// The clock, the browser and the client are the page's.
func TestAVisitIsAPureState(t *testing.T) {
	imports := []string{
		"cmp", "errors", "fmt", "math", "slices", "strings", "time", "unicode/utf8",
		"rollcall/app/board", "rollcall/shared/client", "rollcall/shared/event", "rollcall/shared/roster",
	}
	ofTime := []string{"Time", "Duration", "Second", "Millisecond"} // no clock and no timer
	ofClient := []string{"Update", "Status", "Connected", "Offline", "ErrLeft", "ErrIntercepted"}
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
				case of.Name == "client" && !slices.Contains(ofClient, n.Sel.Name):
					t.Errorf("%s: uses client.%s", files.Position(n.Pos()), n.Sel.Name)
				}
			case *ast.GoStmt, *ast.SelectStmt, *ast.ChanType:
				t.Errorf("%s: something is done at the same time", files.Position(n.Pos()))
			}
			return true
		})
	}
}
