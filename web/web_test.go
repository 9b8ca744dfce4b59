package web

import (
	"errors"
	"strings"
	"testing"
	"testing/fstest"
)

func TestAssetsAreListedByTheirPlainNames(t *testing.T) {
	assets, files, err := load(fstest.MapFS{
		"dist/assets.json": {Data: []byte(`{"a.js":{"path":"/web/a.1.js","type":"text/javascript","file":"a.1.js"}}`)},
		"dist/a.1.js.br":   {}, "dist/a.1.js.gz": {},
	})
	if err != nil || assets["a.js"] != (Asset{Path: "/web/a.1.js", Type: "text/javascript", File: "a.1.js"}) {
		t.Fatalf("%v, %v", assets, err)
	}
	if _, err := files.Open("a.1.js.br"); err != nil {
		t.Error(err)
	}
}

func TestAProgramWithoutItsPageSaysHowToBuildIt(t *testing.T) {
	_, _, err := load(fstest.MapFS{"dist/placeholder.txt": {}})
	if !errors.Is(err, ErrNotBuilt) || !strings.Contains(err.Error(), "make build") {
		t.Errorf("error is %v", err)
	}
}

func TestADamagedBuildIsNotTakenForNone(t *testing.T) {
	for name, fsys := range map[string]fstest.MapFS{
		"no JSON":        {"dist/assets.json": {Data: []byte("{")}},
		"a missing file": {"dist/assets.json": {Data: []byte(`{"a.js":{"file":"a.1.js"}}`)}, "dist/a.1.js.br": {}},
	} {
		if _, _, err := load(fsys); err == nil || errors.Is(err, ErrNotBuilt) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
