package event

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestWhatRostersAreMadeOfIsScanned(t *testing.T) {
	for _, c := range everyEvent {
		switch c.event.(type) {
		case ExistingUsers, NewUser, UpdateUser, DisconnectUser, Room:
		default:
			continue
		}
		events, ok := scan([]byte(c.wire))
		if escaped := strings.Contains(c.wire, `\`); ok == escaped {
			t.Errorf("%s: %v", c.wire, ok)
		}
		if ok && (len(events) != 1 || !reflect.DeepEqual(events[0], c.event)) {
			t.Errorf("%s is %+v", c.wire, events)
		}
	}
}

func TestWhatIsWrittenInAnotherWayIsNotScanned(t *testing.T) {
	const room = `{"event":"room","data":{"seq":1,"count":2,"hash":"h"}}`
	if events, ok := scan([]byte("[" + room + "," + room + "]")); !ok || len(events) != 2 {
		t.Errorf("%v, %v", events, ok)
	}
	for _, frame := range []string{
		``, `[`, `[]`, `[` + room, `[` + room + `,]`, `[` + room + `]x`, ` [` + room + `]`,
		strings.Replace("["+room+"]", "1", "01", 1), strings.Replace("["+room+"]", "1", "1e3", 1), strings.Replace("["+room+"]", "1", "-1", 1),
		strings.Replace("["+room+"]", "2", "9223372036854775808", 1), strings.Replace("["+room+"]", "2", "", 1),
		strings.Replace("["+room+"]", `"h"`, "\"\x01\"", 1), strings.Replace("["+room+"]", `"h"`, `"h`, 1), strings.Replace("["+room+"]", `"h"`, `"\u0068"`, 1),
		`[{"event":"later","data":{}}]`, `[{"data":{"seq":1,"count":2,"hash":"h"},"event":"room"}]`,
	} {
		if events, ok := scan([]byte(frame)); ok || events != nil {
			t.Errorf("%s is %v", frame, events)
		}
	}
}

func TestScanningIsDecoding(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		existing := anyExisting(t)
		frame := Encode(existing, NewUser{anyUser().Draw(t, "new")}, Room{Seq: rapid.Uint64().Draw(t, "seq"), Hash: "0", Watching: rapid.IntRange(0, 99).Draw(t, "watching")})
		sameAsJSON(t, frame)
	})
}

// Names, notes and numbers as people and servers have them are scanned, and not
// left to encoding/json.
func TestWhatServersSayIsScanned(t *testing.T) {
	text := rapid.StringMatching(`[a-zA-Z0-9 ÄÖÜéñ山田ليلى👩‍🚀.,!?'()-]{0,32}`)
	number := rapid.Int64Range(0, 1<<53)
	rapid.Check(t, func(t *rapid.T) {
		users := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) User {
			return User{
				ID: text.Draw(t, "id"), Name: text.Draw(t, "name"), Note: text.Draw(t, "note"), Since: number.Draw(t, "since"),
				Status: rapid.SampledFrom([]Status{StatusHere, StatusAway, StatusBusy}).Draw(t, "status"),
				Link:   rapid.SampledFrom([]Link{LinkOnline, LinkReconnecting}).Draw(t, "link"),
			}
		}), 0, 9).Draw(t, "users")
		frame := Encode(ExistingUsers{Self: "s", Now: number.Draw(t, "now"), Room: Lobby, Epoch: "e", Users: users},
			Room{Seq: uint64(number.Draw(t, "seq")), Count: len(users), Hash: "0"})
		if _, ok := scan(frame); !ok {
			t.Errorf("%s is not scanned", frame)
		}
		sameAsJSON(t, frame)
	})
}

func FuzzScan(f *testing.F) {
	for _, c := range everyEvent {
		f.Add([]byte(c.wire))
	}
	f.Fuzz(func(t *testing.T, frame []byte) { sameAsJSON(t, frame) })
}

// sameAsJSON checks that a frame means what encoding/json says, if it is
// scanned.
func sameAsJSON(t interface{ Errorf(string, ...any) }, frame []byte) {
	scanned, err := DecodeServer(frame)
	want, wantErr := decodeServer(frame)
	if fmt.Sprint(err) != fmt.Sprint(wantErr) || !reflect.DeepEqual(scanned, want) {
		t.Errorf("%s\nis  %+v, %v\nnot %+v, %v", frame, scanned, err, want, wantErr)
	}
}

// BenchmarkDecodeAView is what a page hears of a large room, read by hand and
// by encoding/json.
func BenchmarkDecodeAView(b *testing.B) {
	users := make([]User, MaxView)
	for i := range users {
		users[i] = User{ID: fmt.Sprintf("%016d", i), Name: fmt.Sprintf("María %d", i), Since: 1_700_000_000_000 + int64(i)}
	}
	frame := Encode(ExistingUsers{Self: users[0].ID, Now: users[0].Since, Room: Lobby, Epoch: "e", Total: new(10_000), Users: users}, Room{Seq: 1, Count: 10_000, Hash: "0123456789abcdef"})
	for name, decode := range map[string]func([]byte) ([]Event, error){"scan": DecodeServer, "json": decodeServer} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(frame)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := decode(frame); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
