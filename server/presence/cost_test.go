package presence

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"rollcall/shared/event"
)

// crowd is a room of n users, each with one tab that has said something.
func crowd(n int, id, tab []string) *Room[*int] {
	r := New[*int](Options{Owner: "here", Away: 5 * time.Minute})
	now := Instant{time.UnixMilli(start), start}
	conns := make([]int, n)
	is := event.Named("Somebody")
	for i := range n {
		r.Join(now, &conns[i], Hello{ID: id[i], Profile: is, Change: is, Tab: tab[i], Ref: 1})
	}
	return r
}

func texts(prefix string, n int) []string {
	texts := make([]string, n)
	for i := range texts {
		texts[i] = fmt.Sprintf("%s-%016d", prefix, i)
	}
	return texts
}

// TestAUserTakesLittleMemory is about what a room takes beside the texts.
func TestAUserTakesLittleMemory(t *testing.T) {
	const n = 20_000
	ids, tabs := texts("id", n), texts("tab", n)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	r := crowd(n, ids, tabs)
	runtime.GC()
	runtime.ReadMemStats(&after)
	each := int(after.HeapAlloc-before.HeapAlloc) / n
	t.Logf("%d bytes for each of %d users", each, r.Len())
	if each > 560 {
		t.Errorf("%d bytes are too many", each)
	}
	runtime.KeepAlive(ids)
	runtime.KeepAlive(tabs)
}

// TestTheMemoryOfACrowdIsGivenBack is about a lobby, which may last for years.
func TestTheMemoryOfACrowdIsGivenBack(t *testing.T) {
	const n = 20_000
	ids := texts("id", n)
	conns := make([]int, n)
	r := New[*int](Options{Away: 5 * time.Minute})
	now := Instant{time.UnixMilli(start), start}
	heap := func() int {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int(m.HeapAlloc)
	}
	r.Join(now, &conns[0], Hello{ID: ids[0], Profile: event.Named("Ana")})
	before := heap()
	const more = 3000 // tabs of hers
	for i := 1; i < more; i++ {
		r.Join(now, &conns[i], Hello{ID: ids[0], Profile: event.Named("Ana")})
	}
	for i := 1; i < more; i++ {
		r.Disconnect(now, ids[0], &conns[i], event.ReasonClosed, time.Second)
	}
	for i := 1; i < n; i++ {
		r.Join(now, &conns[i], Hello{ID: ids[i], Profile: event.Named("Somebody")})
		r.Disconnect(now, ids[i], &conns[i], event.ReasonClosed, time.Second)
	}
	if r.Len() != n || r.Absent() != n-1 {
		t.Fatalf("%d users, %d of them absent", r.Len(), r.Absent())
	}
	now.Steady = now.Steady.Add(time.Second)
	r.Due(now)
	if kept := heap() - before; r.Len() != 1 || kept > 64<<10 {
		t.Errorf("of %d users %d are left, and %d KiB", n, r.Len(), kept>>10)
	}
	runtime.KeepAlive(r)
	runtime.KeepAlive(ids)
}

// BenchmarkAVisit is what a user in a large room costs who comes, is expected back,
// and goes when they are not.
func BenchmarkAVisit(b *testing.B) {
	const n = 20_000
	r := crowd(n, texts("id", n), texts("tab", n))
	now := Instant{time.UnixMilli(start), start}
	is := event.Named("Somebody")
	conn := new(int)
	b.ReportAllocs()
	for b.Loop() {
		r.Join(now, conn, Hello{ID: "visitor", Profile: is, Tab: "tab", Ref: 1})
		r.Disconnect(now, "visitor", conn, event.ReasonLost, time.Second)
		now.Steady, now.Unix = now.Steady.Add(time.Second), now.Unix+1000
		r.Next()
		r.Due(now)
	}
}

// BenchmarkAChange is that of a user's note, in a large room all of which is
// expected back.
func BenchmarkAChange(b *testing.B) {
	const n = 20_000
	ids := texts("id", n)
	r := crowd(n, ids, texts("tab", n))
	now := Instant{time.UnixMilli(start), start}
	for i, id := range ids[1:] {
		for c := range r.Connections(id) {
			r.Disconnect(now, id, c, event.ReasonLost, time.Hour+time.Duration(rand.IntN(n))*time.Second+time.Duration(i))
		}
	}
	var conn *int
	for c := range r.Connections(ids[0]) {
		conn = c
	}
	notes := []event.Patch{note("one"), note("two")}
	ref := event.Ref(1)
	b.ReportAllocs()
	for b.Loop() {
		ref++
		r.Change(now, ids[0], conn, ref, notes[ref%2])
	}
}

// BenchmarkATab is what a glance at a tab costs: everybody's deadlines stay in
// order.
func BenchmarkATab(b *testing.B) {
	const n = 20_000
	ids := texts("id", n)
	r := crowd(n, ids, texts("tab", n))
	now := Instant{time.UnixMilli(start), start}
	conns := make([]*int, n)
	for i, id := range ids {
		for c := range r.Connections(id) {
			conns[i] = c
		}
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		now.Steady = now.Steady.Add(time.Microsecond)
		r.SetActive(now, ids[i%n], conns[i%n], i/n%2 == 1)
		r.Next()
	}
}
