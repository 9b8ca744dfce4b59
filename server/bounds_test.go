package main

import (
	"fmt"
	"io"
	"math"
	"strings"
	"sync"
	"testing"
	"unicode"

	"rollcall/server/hub"
	"rollcall/server/limit"
	"rollcall/server/names"
	"rollcall/server/readme"
	"rollcall/server/service"
	"rollcall/server/ws"
	"rollcall/shared/event"
)

// connections is for how many the table is: about as many as a common limit on open
// files allows. All other limits are the defaults.
const connections = 20_000

// row is one thing that a server holds.
type row struct {
	what       string
	each, most int  // bytes, and how many
	together   int  // bytes; 0 is the product of the two
	instead    bool // of another, so that it does not count in the sum
}

// sum is how many bytes they are together.
func sum(rows []row) (bytes int) {
	for _, r := range rows {
		if !r.instead {
			bytes += r.together
		}
	}
	return bytes
}

// rows are the most memory that a server can be made to hold, each as if all were
// used for that.
func rows(t *testing.T) []row {
	t.Helper()
	config, err := parse([]string{"-limit-connections", fmt.Sprint(connections)}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	limits := config.Limits
	room := hub.MaxMemory(hub.Texts{
		Longest: names.Longest(), Key: folded(names.MaxNameBytes), Query: folded(event.MaxQuery),
	})
	sockets := ws.MaxMemory()
	people := connections + limits.Absent()
	large := people / (config.Window * 9 / 10) // rooms that have views
	views := min(connections, large*room.Views)
	// A room makes as many frames at a time as it may if its connections, each of
	// which may need another, have that many users to be told of.
	perRoom := max(1, int(math.Sqrt(float64(room.Flush)*connections/float64(room.FrameUser*people))))
	rows := []row{
		{what: "a connection, with its address and its place in a room", each: sockets.Connection + room.Connection, most: connections},
		{what: "a message that is coming in on it", each: sockets.Message, most: connections},
		{what: "instead, a connection with a request of plain HTTP that is coming in", each: service.RequestSize(), most: connections + limit.Spare, instead: true},
		{what: "somebody, with what their room remembers of them", each: room.User, most: people},
		{what: "their name for the searches in a large room", each: room.Indexed, most: people},
		{what: "a room, with or without anybody", each: room.Room, most: connections + limits.Rooms + 1},
		{what: "a view of a large room, beside the people in it", each: room.View, most: views},
		{what: "somebody whom a search finds", each: room.Match, most: room.Views * people},
		{what: "the frames that a room is being told", each: room.Flush + 2*room.FrameUser*config.Window, most: connections / perRoom, together: connections/perRoom*room.Flush + 2*room.FrameUser*people},
		{what: "what waits for clients that read slowly", each: sockets.Backlog, most: 1},
		{what: "somebody while the rooms are saved, when the server ends", each: room.Saved, most: people},
	}
	for i, r := range rows {
		if r.together == 0 {
			rows[i].together = r.each * r.most
		}
	}
	return rows
}

// folded is the longest that so many bytes can become for searches.
func folded(bytes int) int { return int(growth() * float64(bytes)) }

// growth is how many times as long a character can become for searches.
var growth = sync.OnceValue(func() float64 {
	most := 1.0
	for r := range rune(unicode.MaxRune + 1) {
		s := string(r)
		most = max(most, float64(len(names.Fold(s)))/float64(len(s)))
	}
	return most
})

func TestNothingThatAServerHoldsIsWithoutABound(t *testing.T) {
	all := rows(t)
	for _, r := range all {
		if r.each <= 0 || r.most <= 0 {
			t.Errorf("%s: %d of %d bytes", r.what, r.most, r.each)
		}
	}
	if sum := sum(all); sum > connections<<20 { // a megabyte for each connection, which a machine for so many has
		t.Errorf("%d MiB in all", sum>>20)
	}
}

// documented is the table as it stands in the README.
func documented(t *testing.T) string {
	var b strings.Builder
	b.WriteString("| | of one, at most | how many, at most | together |\n|---|--:|--:|--:|\n")
	all := rows(t)
	for _, r := range all {
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", r.what, amount(r.each), grouped(r.most), total(r.together))
	}
	fmt.Fprintf(&b, "| all of it, with WebSockets | | | %s |\n", total(sum(all)))
	return b.String()
}

// amount is a number of bytes as people read it.
func amount(bytes int) string {
	switch {
	case bytes < 1<<10:
		return fmt.Sprintf("%d bytes", bytes)
	case bytes < 1<<20:
		return fmt.Sprintf("%.0f KiB", float64(bytes)/(1<<10))
	}
	return fmt.Sprintf("%.3g MiB", float64(bytes)/(1<<20))
}

// total is a large number of bytes. It is not exact, or the table would be another
// one with each byte that is added to a structure.
func total(bytes int) string {
	return fmt.Sprintf("%.1f GiB", math.Round(float64(bytes)*10/(1<<30))/10)
}

// grouped is a number with its thousands set apart.
func grouped(n int) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%s,%03d", grouped(n/1000), n%1000)
}

func TestTheREADMESaysWhatAServerCanBeMadeToHold(t *testing.T) {
	readme.Has(t, "../README.md", "server", documented(t))
}
