package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"rollcall/shared/event"
	"rollcall/shared/roster"
)

// javaScript answers each frame with what JavaScript makes of it: the frame as
// JSON.stringify writes what JSON.parse has read, and the hash of its users,
// computed from what JSON.stringify writes of each.
const javaScript = `
const mask = (1n << 64n) - 1n
const hash = text => {
  let h = 14695981039346656037n
  for (const byte of new TextEncoder().encode(text)) h = (h ^ BigInt(byte)) * 1099511628211n & mask
  h = (h ^ h >> 33n) * 0xff51afd7ed558ccdn & mask
  h = (h ^ h >> 33n) * 0xc4ceb9fe1a85ec53n & mask
  return h ^ h >> 33n
}
require('readline').createInterface({input: process.stdin}).on('line', line => {
  const frame = JSON.parse(line)
  let all = 0n
  for (const {event, data} of frame)
    if (event === 'existing_users' || event === 'new_user')
      for (const user of [data.users ?? data].flat()) all ^= hash(JSON.stringify(user))
  console.log(JSON.stringify({frame: JSON.stringify(frame), hash: all.toString(16).padStart(16, '0')}))
})`

// A client in a browser has no bytes of a user, only what JSON.parse made of
// them: its hash is right only if JSON.stringify makes the same bytes of that.
func TestJavaScriptHasTheBytesOfAFrameAndItsHash(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Fatal("no node, which comes with npm: run the tests with make e2e")
	}
	cmd := exec.Command(node, "-e", javaScript)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	log := &strings.Builder{}
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	late := time.AfterFunc(time.Minute, func() { cmd.Process.Kill() })
	defer func() {
		in.Close()
		if err := cmd.Wait(); !late.Stop() || err != nil {
			t.Errorf("node: %v\n%s", err, log)
		}
	}()
	answers := bufio.NewReader(out)

	frames, withData := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		users := rapid.SliceOfN(oddUser(), 1, 12).Draw(t, "users")
		for i := range users {
			users[i].ID = fmt.Sprint(i)
			if users[i].Data != "" {
				withData++
			}
		}
		if rapid.Bool().Draw(t, "kept") { // encoded once for all frames, as the server does
			for i, u := range users {
				users[i] = u.Encoded()
			}
		}
		snapshot := event.ExistingUsers{Self: "0", Room: event.Lobby, Epoch: "e", Users: users}
		here := &roster.Roster{}
		here.Apply(snapshot)
		want := here.State()

		arrivals := make([]event.Event, len(users))
		for i, u := range users {
			arrivals[i] = event.NewUser{User: u}
		}
		for _, frame := range [][]byte{event.Encode(snapshot, want), event.Encode(append(arrivals, want)...)} {
			frames++
			if _, err := in.Write(append(frame, '\n')); err != nil {
				t.Fatal(err)
			}
			line, err := answers.ReadBytes('\n')
			if err != nil {
				t.Fatal(err)
			}
			var got struct{ Frame, Hash string }
			if err := json.Unmarshal(line, &got); err != nil {
				t.Fatal(err)
			}
			if got.Frame != string(frame) {
				t.Errorf("JavaScript makes\n%s of\n%s", got.Frame, frame)
			}
			if got.Hash != want.Hash {
				t.Errorf("JavaScript has the hash %s and the server %s of\n%s", got.Hash, want.Hash, frame)
			}
		}
	})
	if withData < frames/2 {
		t.Errorf("%d frames had %d users with data: the rest was refused", frames, withData)
	}
}

// oddUser has what people and programs say when they mean no good.
func oddUser() *rapid.Generator[event.User] {
	return rapid.Custom(func(t *rapid.T) event.User {
		// What comes as JSON is read as the server reads what a client sends.
		var typed struct{ Name, Note string }
		text := oddText(t, "name")
		if json.Unmarshal([]byte(`{"name":`+text+`,"note":`+oddText(t, "note")+`}`), &typed) != nil {
			t.Fatalf("%s is no JSON", text)
		}
		if rapid.IntRange(0, 4).Draw(t, "bytes") == 0 {
			typed.Note = string(rapid.SliceOf(rapid.Byte()).Draw(t, "note"))
		}
		data, _ := event.ParseData(oddObject(t, 0)) // none if it is refused
		return event.User{
			Name: typed.Name, Note: typed.Note, Data: data,
			Status: event.Status(rapid.SampledFrom([]string{"", "away", "\u2028", `"`}).Draw(t, "status")),
			Since:  rapid.Int64Range(-1<<53, 1<<53).Draw(t, "since"), Until: rapid.Int64Range(0, 1).Draw(t, "until"),
		}
	})
}

// oddText is a string as a client may write one in JSON.
func oddText(t *rapid.T, label string) string {
	piece := rapid.OneOf(
		rapid.Map(rapid.String(), func(s string) string { b, _ := json.Marshal(s); return string(b[1 : len(b)-1]) }),
		rapid.SampledFrom([]string{
			"\u2028\u2029", `\u2028`, `\u0000`, `\u001f`, `\u007f`, "\u007f\u0080", `\b\f\n\r\t`, `\/`, `\"`, `\\`, `\u005c`, `\u0022`, "<!--&'`", "😀", `\ud83d\ude00`,
			`\ud800`, `\udc00`, `\udc00\ud800`, `\ud800x`, `\uffff`, `\ufffd`, "\ufeff", "\u202e", "e\u0301", "👩\u200d🚀", "__proto__",
		}),
	)
	return `"` + strings.Join(rapid.SliceOfN(piece, 0, 4).Draw(t, label), "") + `"`
}

func oddObject(t *rapid.T, depth int) string {
	key := rapid.SampledFrom([]string{
		"a", "b", "B", "_", "a1", "toJSON", "constructor", "prototype", "length", "hasOwnProperty", `\u0061b`, "valueOf", "__proto", "then", "null",
		"__proto__", "10", "9", "", "é", // which are refused
	})
	var fields []string
	for range rapid.IntRange(0, 4).Draw(t, "fields") {
		fields = append(fields, `"`+key.Draw(t, "key")+`":`+oddValue(t, depth+1))
	}
	return "{" + strings.Join(fields, " , ") + "}"
}

func oddValue(t *rapid.T, depth int) string {
	switch kind := rapid.IntRange(0, 7).Draw(t, "kind"); {
	case kind == 0 && depth < 5:
		return oddObject(t, depth)
	case kind == 1 && depth < 5:
		var all []string
		for range rapid.IntRange(0, 3).Draw(t, "length") {
			all = append(all, oddValue(t, depth+1))
		}
		return "[" + strings.Join(all, ",") + "]"
	case kind < 4:
		return oddText(t, "text")
	case kind == 4:
		return rapid.SampledFrom([]string{
			"true", "false", "null", "0", "-0", "-0.0", "0e5", "1e21", "1e-7", "1e-6", "999999999999999999999", "1e20", "0.1", "5e-324", "2e-324", "1e-400", "1e400", "1.7976931348623157e308",
			"9007199254740993", "-9007199254740993", "18446744073709551616", "123456789012345678901234567890", "0.000001", "0.0000001", "1E+2", "4.35", "2.2250738585072014e-308",
		}).Draw(t, "odd")
	}
	digits := rapid.StringMatching(`-?(0|[1-9][0-9]{0,24})(\.[0-9]{1,24})?([eE][-+]?[0-9]{1,3})?`)
	return digits.Draw(t, "number")
}
