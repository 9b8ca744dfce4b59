package e2e

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/chromedp/cdproto/heapprofiler"
	"github.com/chromedp/chromedp"
)

// heap is what a page holds: bytes by kind of object.
type heap map[string]int

// heap takes a snapshot of what is left after a collection: of what scripts
// made, and of the elements, those too that are on no page any more; without
// the memory of the program.
// The format is Chromium's own, as its developer tools read it.
func (p *person) heap() heap {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	var text strings.Builder
	if err := chromedp.Listen(ctx, func(ev any) {
		if chunk, ok := ev.(*heapprofiler.EventAddHeapSnapshotChunk); ok {
			text.WriteString(chunk.Chunk)
		}
	}); err != nil {
		p.t.Fatal(err)
	}
	call(p, heapprofiler.TakeHeapSnapshot, heapprofiler.TakeHeapSnapshotParams{})
	var snapshot struct {
		Snapshot struct {
			Meta struct {
				Fields []string          `json:"node_fields"`
				Types  []json.RawMessage `json:"node_types"` // the names of types, for the field that is one
			} `json:"meta"`
		} `json:"snapshot"`
		Nodes   []int    `json:"nodes"` // the fields of the first, of the second …
		Strings []string `json:"strings"`
	}
	if err := json.Unmarshal([]byte(text.String()), &snapshot); err != nil {
		p.t.Fatalf("%s: the heap snapshot: %v", p.who, err)
	}
	meta := snapshot.Snapshot.Meta
	kind, name, size := slices.Index(meta.Fields, "type"), slices.Index(meta.Fields, "name"), slices.Index(meta.Fields, "self_size")
	var kinds []string
	if kind < 0 || name < 0 || size < 0 || json.Unmarshal(meta.Types[kind], &kinds) != nil {
		p.t.Fatalf("%s: the fields of a heap snapshot are %q", p.who, meta.Fields)
	}
	h := make(heap)
	for node := range slices.Chunk(snapshot.Nodes, len(meta.Fields)) {
		what := kinds[node[kind]]
		if what == "object" || what == "native" {
			called, _, _ := strings.Cut(snapshot.Strings[node[name]], " class=")
			what += " " + called[:min(60, len(called))]
		}
		if !strings.Contains(what, "ArrayBufferData") { // the program's, which is looked at by itself
			h[what] += node[size]
		}
	}
	return h
}

// total is all of it.
func (h heap) total() int {
	sum := 0
	for _, bytes := range h {
		sum += bytes
	}
	return sum
}

// since says what has grown most.
func (h heap) since(before heap) string {
	kinds := make([]string, 0, len(h))
	for kind := range h {
		kinds = append(kinds, kind)
	}
	slices.SortFunc(kinds, func(a, b string) int { return cmp.Compare(h[b]-before[b], h[a]-before[a]) })
	var most []string
	for _, kind := range kinds[:min(5, len(kinds))] {
		most = append(most, fmt.Sprintf("%s by %d", kind, h[kind]-before[kind]))
	}
	return strings.Join(most, ", ")
}
