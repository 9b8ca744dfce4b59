package event

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestWhatHasAScannerIsScanned(t *testing.T) {
	for _, c := range everyEvent {
		i := slices.IndexFunc(serverEvents, func(k kind) bool { return k.name == c.event.EventName() })
		if _, ofClient := c.event.(clientEvent); ofClient || serverEvents[i].scan == nil {
			continue
		}
		events, ok := scan([]byte(c.wire))
		if !ok || !reflect.DeepEqual(events, encoded(c.event)) {
			t.Errorf("%s is %+v, %v", c.wire, events, ok)
		}
	}
}

func TestTheScannerKnowsTheFieldsOfTheStructs(t *testing.T) {
	for value, known := range map[any][]string{
		reflect.TypeFor[ExistingUsers](): existingFields, reflect.TypeFor[User](): userFieldNames, reflect.TypeFor[DisconnectUser](): goneFields,
		reflect.TypeFor[Room](): roomFields, reflect.TypeFor[Done](): doneFields,
	} {
		var want []string
		for _, f := range reflect.VisibleFields(value.(reflect.Type)) {
			if f.IsExported() {
				name, _ := jsonName(f)
				want = append(want, name)
			}
		}
		if !reflect.DeepEqual(known, want) {
			t.Errorf("%v has %q, the scanner reads %q", value, want, known)
		}
	}
}

// newerFrames are those of a newer server, by the names of their files.
func newerFrames(t testing.TB) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob("testdata/newer/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("%v, %v", files, err)
	}
	frames := map[string][]byte{}
	for _, file := range files {
		if frames[strings.TrimSuffix(filepath.Base(file), ".json")], err = os.ReadFile(file); err != nil {
			t.Fatal(err)
		}
	}
	return frames
}

func TestFramesOfANewerServerAreScanned(t *testing.T) {
	want := map[string]string{
		"1-snapshot":      "existing_users room",
		"2-unknown-field": "update_user update_user room",
		"3-lists":         "done" + strings.Repeat(" new_user", 9) + " update_user room",
		"4-error":         "error",
		"5-departures":    "disconnect_user disconnect_user disconnect_user room",
		"6-resumed":       "existing_users room",
		"7-quiet":         "room",
		"8-large-room":    "existing_users room",
	}
	for name, frame := range newerFrames(t) {
		events, err := DecodeServer(frame)
		var names []string
		for _, e := range events {
			names = append(names, e.EventName())
		}
		if got := strings.Join(names, " "); err != nil || got != want[name] {
			t.Errorf("%s is %s, %v", name, got, err)
		}
		if _, ok := scan(frame); ok != (want[name] != "error") {
			t.Errorf("%s is scanned: %v", name, ok)
		}
		sameAsJSON(t, frame)
	}
}

func TestWhatAServerWouldNotWriteIsLeftToJSON(t *testing.T) {
	const room = `{"event":"room","data":{"seq":1,"count":2,"hash":"h"}}`
	if events, ok := scan([]byte("[" + room + "," + room + "]")); !ok || len(events) != 2 {
		t.Errorf("%v, %v", events, ok)
	}
	with := func(old, now string) string { return "[" + strings.Replace(room, old, now, 1) + "]" }
	for _, frame := range []string{
		``, `[`, `[]`, `[` + room, `[` + room + `,]`, `[` + room + `]x`, ` [` + room + `]`, with(":", ": "), `[,` + room + `]`,
		with("1", "01"), with("1", "1e3"), with("1", "-1"), with("1", "1.0"), with("2", "9223372036854775808"), with("2", ""), with("2", "null"), with("2", `"2"`),
		with(`"h"`, "\"\x01\""), with(`"h"`, `"h`), with(`"h"`, `"\x"`), with(`"h"`, `"\u00g0"`), with(`"h"`, `"\`), with(`"h"`, `"\u00`), with(`"h"`, "null"),
		with(`"hash"`, `"seq"`), with(`"hash"`, `"Seq"`), with(`"hash"`, `"haſh"`), with(`"hash"`, `"h\u0061sh"`), // names twice or in another case
		with(`"seq":1,"count":2`, `"count":2,"seq":1`), with(`"h"`, `"h",`), with(`"h"`, `"h","more"`), with(`"h"`, `"h","more":`), with(`"h"`, `"h",more:1`),
		`[{"data":{"seq":1,"count":2,"hash":"h"},"event":"room"}]`, `[{"event":"room"}]`, `[{"event":"room","event":"room","data":{}}]`,
		`[{"event":"room","data":{},"data":{}}]`, `[{"event":"","data":{}}]`, `[{"data":{}}]`, `[{}]`, `[{"event":"r\u006fom","data":{}}]`,
	} {
		if events, ok := scan([]byte(frame)); ok || events != nil {
			t.Errorf("%s is %v", frame, events)
		}
		sameAsJSON(t, []byte(frame))
	}
}

func TestUnknownValuesAreReadAsStrictlyAsJSONReadsThem(t *testing.T) {
	check := func(value string, valid bool) {
		for _, frame := range []string{
			`[{"event":"later","data":` + value + `}]`, `[{"later":` + value + `,"event":"room","data":{}}]`,
			`[{"event":"new_user","data":{"id":"a","later":` + value + `,"name":"A","data":` + value + `}}]`,
		} {
			sameAsJSON(t, []byte(frame))
			if _, ok := scan([]byte(frame)); ok != valid {
				t.Errorf("%.200s is scanned: %v", frame, ok)
			}
		}
	}
	for _, value := range []string{
		`0`, `-0`, `1.50`, `1e9`, `1E-9`, `-1.5e+09`, `1e999`, `123456789012345678901234567890`, `true`, `false`, `null`, `""`, `"\"\\\/\b\f\n\r\t\u00fF\ud800"`,
		`[]`, `{}`, `[[],{},""]`, `{"":{"a":[1,2]},"a":null,"a":1}`, `"]}"`, `{"]":"}"}`, strings.Repeat("[", deepest) + strings.Repeat("]", deepest),
	} {
		check(value, true)
	}
	for _, value := range []string{
		``, `-`, `00`, `01`, `-01`, `+1`, `.5`, `5.`, `1e`, `1e+`, `0x1`, `1 `, `NaN`, `tru`, `trueish`, `nul`, `"`, `"\`, `"\u12"`, `"\'"`, "\"\n\"", "\"\x00\"",
		`[`, `]`, `[1,]`, `[,1]`, `[1 2]`, `[1}`, `{`, `}`, `{]`, `{"a"}`, `{"a":}`, `{"a":1,}`, `{a:1}`, `{1:1}`, `{"a":1 "b":2}`, `{"a",1}`,
		strings.Repeat("[", deepest+2) + strings.Repeat("]", deepest+2), // which is valid, but nobody sends it
		strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000),
	} {
		check(value, false)
	}
}

func TestTextsWithEscapesAreWhatJSONSaysTheyAre(t *testing.T) {
	for written, want := range map[string]string{
		`\"\\\/\b\f\n\r\t`: "\"\\/\b\f\n\r\t", `\u0041\u00e9\u2028`: "A\u00e9\u2028", `\ud83d\ude00`: "😀", `\uD83D\uDE00x`: "😀x",
		`\ud83d`: "\uFFFD", `\ude00\ud83d`: "\uFFFD\uFFFD", `\ud83dx\ude00`: "\uFFFDx\uFFFD", `\ud83d\ud83d\ude00`: "\uFFFD😀", `\u0000`: "\x00",
	} {
		wire := `{"id":"a","name":"` + written + `","note":"` + written + `","since":1}`
		frame := []byte(`[{"event":"new_user","data":` + wire + `},{"event":"disconnect_user","data":{"id":"` + written + `"}}]`)
		events, ok := scan(frame)
		if !ok || len(events) != 2 {
			t.Fatalf("%s: %v, %v", frame, events, ok)
		}
		u := events[0].(NewUser).User
		if u.Name != want || u.Note != want || u.ID != "a" || u.wire != wire || events[1].(DisconnectUser).ID != want {
			t.Errorf("%s is %+q", frame, events)
		}
		sameAsJSON(t, frame)
	}
}

func TestWhatIsPutTogetherAtRandomIsReadAsJSONReadsIt(t *testing.T) {
	names := []string{
		"event", "data", "self", "now", "ref", "me", "session", "room", "epoch", "resumed", "from", "total", "users", "gone", "id", "name", "status", "note", "link",
		"since", "status_since", "until", "reason", "seq", "count", "hash", "watching", "partial", "code", "message", "field", "retry_after",
		"later", "", "ID", "Event", "lin\u212a", "ſince", `n\u0061me`, `later\n`,
	}
	events := []string{NameExistingUsers, NameNewUser, NameUpdateUser, NameDisconnectUser, NameRoom, NameDone, NameError, "later", "", `ro\u006fm`, "Room"}
	scanned := 0
	rapid.Check(t, func(t *rapid.T) {
		var value func(depth int) string
		object := func(depth int) string {
			var fields []string
			for range rapid.IntRange(0, 4).Draw(t, "fields") {
				fields = append(fields, `"`+rapid.SampledFrom(names).Draw(t, "name")+`":`+value(depth+1))
			}
			return "{" + strings.Join(fields, ",") + "}"
		}
		list := func(one func(int) string, depth int) string {
			var all []string
			for range rapid.IntRange(0, 3).Draw(t, "length") {
				all = append(all, one(depth+1))
			}
			return "[" + strings.Join(all, ",") + "]"
		}
		value = func(depth int) string {
			switch kind := rapid.IntRange(0, 9).Draw(t, "kind"); {
			case kind < 2 && depth < 4:
				return object(depth)
			case kind < 4 && depth < 4:
				return list([]func(int) string{object, value}[kind-2], depth)
			}
			return rapid.SampledFrom([]string{
				"0", "-0", "7", "-7", "1.5", "1e3", "01", "999999999999999999", "9999999999999999999", "99999999999999999999", "true", "false", "null", `""`, `"a"`,
				`"here"`, `"online"`, `"null"`, `"\"\ud800"`, `"\x"`, "\"\t\"", "", " 1",
			}).Draw(t, "value")
		}
		var all []string
		for range rapid.IntRange(1, 3).Draw(t, "events") {
			e := `{"event":"` + rapid.SampledFrom(events).Draw(t, "event") + `","data":` + object(0) + `}`
			if rapid.IntRange(0, 3).Draw(t, "odd") == 0 {
				e = object(0)
			}
			all = append(all, e)
		}
		frame := []byte("[" + strings.Join(all, ",") + "]")
		sameAsJSON(t, frame)
		if _, ok := scan(frame); ok {
			scanned++
		}
	})
	if scanned == 0 {
		t.Error("not one of the frames was scanned, so nothing is known")
	}
}

func TestADamagedFrameIsReadAsJSONReadsIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		frame := Encode(anyExisting(t), NewUser{anyUser().Draw(t, "new")}, Done{1}, Room{Seq: rapid.Uint64Range(0, 1e18-1).Draw(t, "seq"), Hash: "0", Partial: rapid.Bool().Draw(t, "partial")})
		at := rapid.IntRange(0, len(frame)-1).Draw(t, "at")
		other := []byte(rapid.SampledFrom([]string{"", `"`, `\`, ",", ":", "{", "}", "[", "]", "0", "-", "e", " ", "n", "\x00", "\xff", `","`, `":"`}).Draw(t, "instead"))
		size := rapid.IntRange(0, min(9, len(frame)-at)).Draw(t, "of")
		sameAsJSON(t, slices.Concat(frame[:at], other, frame[at+size:]))
	})
}

// Whatever people type, it is scanned, and not left to encoding/json.
func TestWhatServersSayIsScanned(t *testing.T) {
	number := rapid.Int64Range(0, 1<<53)
	rapid.Check(t, func(t *rapid.T) {
		users := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) User {
			u := anyUser().Draw(t, "user")
			u.Since, u.Name = number.Draw(t, "since"), rapid.String().Draw(t, "name")
			return u
		}), 0, 9).Draw(t, "users")
		frame := Encode(ExistingUsers{Self: "s", Now: number.Draw(t, "now"), Room: Lobby, Epoch: "e", Users: users},
			Room{Seq: uint64(number.Draw(t, "seq")), Count: len(users), Hash: "0", Partial: rapid.Bool().Draw(t, "partial")})
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
	for _, frame := range newerFrames(f) {
		f.Add(frame)
	}
	f.Add([]byte(`[{"event":"room","data":{"seq":1,"seq":2,"Count":3,"ha\u0073h":"h","later":[{},-1.5e9,null]}}]`))
	f.Add([]byte(`[{"event":"new_user","data":[{"name":"\ud83d\ude00\ud83d","lin\u212a":"x"},{"data":null}]}]`))
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

// BenchmarkDecode is what a page hears of a room, read by hand and by
// encoding/json.
func BenchmarkDecode(b *testing.B) {
	users := func(change func(i int, u *User)) []User {
		all := make([]User, 500)
		for i := range all {
			all[i] = User{ID: fmt.Sprintf("%013d", i), Name: fmt.Sprintf("María %d", i), Since: 1_700_000_000_000 + int64(i)}
			change(i, &all[i])
		}
		return all
	}
	snapshot := func(users []User) []byte {
		return Encode(ExistingUsers{Self: users[0].ID, Now: users[0].Since, Room: Lobby, Epoch: "e", Users: users}, Room{Seq: 1, Count: len(users), Hash: "0123456789abcdef"})
	}
	plain := snapshot(users(func(int, *User) {}))
	arrivals := make([]Event, 500)
	for i, u := range users(func(int, *User) {}) {
		arrivals[i] = NewUser{u}
	}
	for _, c := range []struct {
		name  string
		frame []byte
	}{
		{"plain", plain},
		{"one quote", snapshot(users(func(i int, u *User) {
			if i == 250 {
				u.Name += `"`
			}
		}))},
		{"quotes", snapshot(users(func(_ int, u *User) { u.Name += `"` }))},
		{"data", snapshot(users(func(i int, u *User) {
			u.Status, u.Note, u.Data = StatusAway, "Back at 14:00", Data(fmt.Sprintf(`{"desk":"4.%d","tags":["a","b"]}`, i))
		}))},
		{"arrivals", Encode(arrivals...)},
		{"newer", []byte(strings.ReplaceAll(strings.Replace(string(plain), `]}}`, `],"later":[1,{"a":null}]}},{"event":"later","data":{"a":[1.5]}}`, 1),
			`},{"id"`, `,"later_role":"host","later_hand":{"raised_at":1700000000000}},{"id"`))},
	} {
		for name, decode := range bothDecoders {
			b.Run(c.name+"/"+name, func(b *testing.B) {
				b.SetBytes(int64(len(c.frame)))
				b.ReportAllocs()
				for b.Loop() {
					if _, err := decode(c.frame); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
