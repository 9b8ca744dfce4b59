package service

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"rollcall/server/hub"
	"rollcall/shared/event"
)

// BenchmarkKeep is what it costs to keep rooms: one pass while nothing changes, one in which
// 1,000 people have changed, and a journal made anew.
func BenchmarkKeep(b *testing.B) {
	for _, n := range []int{10_000, 100_000} {
		h := hub.New(hub.Options{Journal: true})
		conns := make([]*hub.Conn, n)
		for i := range conns {
			c, err := h.Join(fmt.Sprint("room-", i%1000), hub.Person{ID: fmt.Sprintf("%013d", i), Profile: event.Named(fmt.Sprint("Person ", i))}, deaf{})
			if err != nil {
				b.Fatal(err)
			}
			conns[i] = c
		}
		k := newKeeper(h, b.TempDir(), "key", slog.New(slog.DiscardHandler))
		now := time.Now()
		k.keep(now)
		pass := func(b *testing.B, changes int) {
			b.ReportAllocs()
			size, passes := k.w.Size(), 0
			for b.Loop() {
				for i := range changes {
					if err := conns[i*7%n].Update(0, event.Patch{Note: new(fmt.Sprint(passes))}); err != nil {
						b.Fatal(err)
					}
				}
				if passes++; k.w.Size() < size {
					size = 0 // it was made anew
				}
				now = now.Add(keepEvery)
				k.keep(now)
			}
			b.ReportMetric(float64(max(0, k.w.Size()-size))/float64(passes), "B/pass")
		}
		b.Run(fmt.Sprint(n, "/quiet"), func(b *testing.B) { pass(b, 0) })
		b.Run(fmt.Sprint(n, "/1000-changes"), func(b *testing.B) { pass(b, 1000) })
		b.Run(fmt.Sprint(n, "/anew"), func(b *testing.B) {
			for b.Loop() {
				k.fold(now)
			}
			b.ReportMetric(float64(k.w.Size())/float64(n), "B/person")
		})
		h.Close()
	}
}
