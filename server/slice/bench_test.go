package slice

import (
	"testing"

	"rollcall/server/presence"
	"rollcall/shared/event"
)

// usual is what a server has of most users: they have come, and nothing more.
func usual() presence.Entry {
	return presence.Entry{
		User:   event.User{ID: "0123456789abcdef", Name: "Ana Maria", Since: 1795800541886},
		Stamp:  presence.Stamp{Time: 1795800541886, Owner: "one/1795800541259"},
		Number: 4711,
		Tabs:   []presence.TabRef{{Tab: "ABCDEFGHIJKLMNOPQRSTUVWXYZ", Done: 1}},
	}
}

func BenchmarkEncode(b *testing.B) {
	e := usual()
	b.ReportAllocs()
	for b.Loop() {
		Encode(e.Stamp.Owner, e)
	}
}

func BenchmarkDecode(b *testing.B) {
	of := usual()
	u := Encode(of.Stamp.Owner, of)
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := Decode(of.Stamp.Owner, u); err != nil {
			b.Fatal(err)
		}
	}
}
