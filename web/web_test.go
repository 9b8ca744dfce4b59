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

func TestAPlainAssetHasOneFile(t *testing.T) {
	assets, files, err := load(fstest.MapFS{
		"dist/assets.json": {Data: []byte(`{"a.png":{"path":"/web/a.1.png","type":"image/png","file":"a.1.png","plain":true}}`)},
		"dist/a.1.png":     {},
	})
	if err != nil || !assets["a.png"].Plain {
		t.Fatalf("%v, %v", assets, err)
	}
	if _, err := files.Open("a.1.png"); err != nil {
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
	listed := []byte(`{"a.js":{"path":"/web/a.1.js","type":"text/javascript","file":"a.1.js"}}`)
	for name, c := range map[string]struct {
		fsys fstest.MapFS
		want string // what the error names
	}{
		"no JSON":         {fstest.MapFS{"dist/assets.json": {Data: []byte("{")}}, Index},
		"another JSON":    {fstest.MapFS{"dist/assets.json": {Data: []byte(`["a.js"]`)}}, Index},
		"an empty index":  {fstest.MapFS{"dist/assets.json": {}}, Index},
		"no brotli":       {fstest.MapFS{"dist/assets.json": {Data: listed}, "dist/a.1.js.gz": {}}, "a.js"},
		"no gzip":         {fstest.MapFS{"dist/assets.json": {Data: listed}, "dist/a.1.js.br": {}}, "a.js"},
		"no picture":      {fstest.MapFS{"dist/assets.json": {Data: []byte(`{"a.png":{"file":"a.1.png","plain":true}}`)}, "dist/a.1.png.br": {}, "dist/a.1.png.gz": {}}, "a.png"},
		"a file outside":  {fstest.MapFS{"dist/assets.json": {Data: []byte(`{"a.js":{"file":"../a"}}`)}, "a.br": {}, "a.gz": {}}, "a.js"},
		"an index folder": {fstest.MapFS{"dist/assets.json/x": {}}, Index},
	} {
		_, _, err := load(c.fsys)
		if err == nil || errors.Is(err, ErrNotBuilt) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What is embedded here depends on whether the page was built before.
func TestWhatIsEmbeddedIsWholeOrNotBuilt(t *testing.T) {
	assets, _, err := Load()
	if errors.Is(err, ErrNotBuilt) {
		t.Skip(err)
	}
	if err != nil || assets["app.wasm"].Type != "application/wasm" {
		t.Errorf("%v, %v", assets, err)
	}
}
