package event

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

var everyEvent = []struct {
	event Event
	wire  string
}{
	{GotANewUser{Change: Named("Ana"), Room: "design-week"}, `[{"event":"got_a_new_user","data":{"name":"Ana","room":"design-week"}}]`},
	{GotANewUser{Change: Named("Ana")}, `[{"event":"got_a_new_user","data":{"name":"Ana"}}]`},
	{GotANewUser{Change: Change{Name: new("Ana"), Status: new(StatusHere), Note: new("")}, Resume: &Resume{Epoch: "e", Seq: 9}},
		`[{"event":"got_a_new_user","data":{"name":"Ana","status":"here","note":"","resume":{"epoch":"e","seq":9}}}]`},
	{GotANewUser{Change: Named("Ana"), Session: "s"}, `[{"event":"got_a_new_user","data":{"name":"Ana","session":"s"}}]`},
	{ChangeUser{Change: Change{Status: new(StatusBusy)}}, `[{"event":"update_user","data":{"status":"busy"}}]`},
	{ChangeUser{Change: Change{Name: new("B"), Note: new("")}}, `[{"event":"update_user","data":{"name":"B","note":""}}]`},
	{View{}, `[{"event":"view","data":{}}]`},
	{View{From: 50, Count: 20, Query: "an"}, `[{"event":"view","data":{"from":50,"count":20,"query":"an"}}]`},
	{Watch{Room: "r", Resume: &Resume{Epoch: "e", Seq: 1}}, `[{"event":"watch","data":{"room":"r","resume":{"epoch":"e","seq":1}}}]`},
	{Active{}, `[{"event":"active","data":{"active":false}}]`},
	{Leave{}, `[{"event":"leave","data":{}}]`},
	{ExistingUsers{Self: "a", Now: 5, Room: "lobby", Epoch: "e", Users: []User{{ID: "a", Name: "Ana", Since: 1}}},
		`[{"event":"existing_users","data":{"self":"a","now":5,"room":"lobby","epoch":"e","users":[{"id":"a","name":"Ana","since":1}]}}]`},
	{ExistingUsers{Self: "a", Now: 5, Me: &User{ID: "a", Name: "Ana", Since: 1}, Room: "r", Epoch: "e", Resumed: true, From: 50, Total: new(600), Users: []User{}, Gone: []string{"b", "c"}},
		`[{"event":"existing_users","data":{"self":"a","now":5,"me":{"id":"a","name":"Ana","since":1},"room":"r","epoch":"e","resumed":true,"from":50,"total":600,"users":[],"gone":["b","c"]}}]`},
	{ExistingUsers{Self: "a", Now: 5, Session: "s", Room: "r", Epoch: "e", Users: []User{}},
		`[{"event":"existing_users","data":{"self":"a","now":5,"session":"s","room":"r","epoch":"e","users":[]}}]`},
	{NewUser{User{ID: "b", Name: `<b>"'&`, Since: 2}},
		`[{"event":"new_user","data":{"id":"b","name":"<b>\"'&","since":2}}]`},
	{UpdateUser{User{ID: "b", Name: "Ben", Status: StatusAway, Note: "back at 2", Link: LinkReconnecting, Since: 2}},
		`[{"event":"update_user","data":{"id":"b","name":"Ben","status":"away","note":"back at 2","link":"reconnecting","since":2}}]`},
	{DisconnectUser{ID: "b", Name: "Ben", Reason: ReasonClosed},
		`[{"event":"disconnect_user","data":{"id":"b","name":"Ben","reason":"closed"}}]`},
	{Room{Seq: 7, Count: 1, Hash: "00ff00ff00ff00ff"}, `[{"event":"room","data":{"seq":7,"count":1,"hash":"00ff00ff00ff00ff"}}]`},
	{Room{Hash: "00ff00ff00ff00ff", Watching: 2}, `[{"event":"room","data":{"seq":0,"count":0,"hash":"00ff00ff00ff00ff","watching":2}}]`},
	{Error{Code: CodeBadName, Message: "No.", Event: NameGotANewUser, Field: "name", RetryAfter: 9},
		`[{"event":"error","data":{"code":"bad_name","message":"No.","event":"got_a_new_user","field":"name","retry_after":9}}]`},
}

func TestEveryEventOnTheWire(t *testing.T) {
	for _, c := range everyEvent {
		if got := string(Encode(c.event)); got != c.wire {
			t.Errorf("%T is\n%s, want\n%s", c.event, got, c.wire)
		}
		decodeOne := DecodeServer
		switch c.event.(type) {
		case GotANewUser, ChangeUser, View, Watch, Active, Leave:
			decodeOne = DecodeClient
		}
		events, err := decodeOne([]byte(c.wire))
		if err != nil || len(events) != 1 || !reflect.DeepEqual(events[0], c.event) {
			t.Errorf("%s decodes to %+v, %v", c.wire, events, err)
		}
	}
}

func TestDefaultsByTheirNamesAreTheZeroValue(t *testing.T) {
	events, err := DecodeServer([]byte(`[{"event":"new_user","data":{"id":"a","name":"A","status":"here","note":"","link":"online","since":1}}]`))
	if want := (NewUser{User{ID: "a", Name: "A", Since: 1}}); err != nil || events[0] != want {
		t.Errorf("%+v, %v", events, err)
	}
	if StatusHere.String() != "here" || LinkOnline.String() != "online" {
		t.Error("a default has lost its name")
	}
}

func TestWhatIsNoFrameIsRefusedWhole(t *testing.T) {
	good := `{"event":"leave"}`
	for _, frame := range []string{
		``, ` `, `null`, `5`, `"x"`, good, `{}`, `[]`, `[null]`, `[5]`, `["leave"]`, `[[]]`, `[{}]`,
		`[{"data":{}}]`, `[{"event":""}]`, `[{"event":5}]`, `[{"event":null}]`,
		`[` + good + `,{}]`, `[` + good, `[` + good + `]x`, `[` + good + `,]`,
		"[{\"event\":\"leave\",\"data\":\"\xff\"}]", "\xef\xbb\xbf[" + good + "]",
	} {
		for name, decode := range map[string]func([]byte) ([]Event, error){"client": DecodeClient, "server": DecodeServer} {
			if events, err := decode([]byte(frame)); !errors.Is(err, ErrBadFrame) || events != nil {
				t.Errorf("%s %q: %v, %v", name, frame, events, err)
			}
		}
	}
}

func TestUnknownEventsAndFieldsAreIgnored(t *testing.T) {
	events, err := DecodeClient([]byte(`[{"event":"later","data":[1]},{"event":"got_a_new_user","more":1,"data":{"name":"A","mood":"good"}}]`))
	if err != nil || len(events) != 1 || !reflect.DeepEqual(events[0], GotANewUser{Change: Named("A")}) {
		t.Errorf("%+v, %v", events, err)
	}
}

func TestDataOfTheWrongShapeNamesEventAndField(t *testing.T) {
	for frame, want := range map[string]Invalid{
		`[{"event":"got_a_new_user","data":{"name":5}}]`: {Name: NameGotANewUser, Field: "name"},
		`[{"event":"got_a_new_user","data":[]}]`:         {Name: NameGotANewUser},
	} {
		events, err := DecodeClient([]byte(frame))
		if err != nil || len(events) != 1 || events[0] != want {
			t.Errorf("%s: %+v, %v", frame, events, err)
		}
	}
}

func TestASharedSnapshotIsTheFrameItStandsFor(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		existing := anyExisting(t)
		state := Room{Seq: 3, Count: len(existing.Users), Hash: "0"}
		want := Encode(existing, state)
		got := append(AppendSnapshotHead(nil, 0, existing), EncodeSnapshot(existing, state)...)
		if string(got) != string(want) {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	})
}

// Most events are encoded by hand; encoding/json says what it should have been.
func TestEventsAreEncodedAsJSONWouldHaveThem(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		existing := anyExisting(t)
		state := Room{Seq: rapid.Uint64().Draw(t, "seq"), Count: rapid.Int().Draw(t, "count"), Hash: rapid.String().Draw(t, "hash"), Watching: rapid.Int().Draw(t, "watching")}
		maybe := func(name string) *string { return rapid.Ptr(rapid.String(), true).Draw(t, name) }
		status := rapid.Ptr(rapid.SampledFrom([]Status{StatusHere, StatusAway}), true).Draw(t, "status")
		resume := rapid.Ptr(rapid.Custom(func(t *rapid.T) Resume {
			return Resume{Epoch: rapid.String().Draw(t, "epoch"), Seq: rapid.Uint64().Draw(t, "seq")}
		}), true).Draw(t, "resume")
		room := rapid.String().Draw(t, "room")
		for _, e := range []Event{
			GotANewUser{Change: Change{Name: maybe("name"), Status: status, Note: maybe("note")}, Room: room, Resume: resume, Session: rapid.String().Draw(t, "session")},
			ChangeUser{Change: Change{Name: maybe("name"), Status: status, Note: maybe("note")}},
			View{From: rapid.Int().Draw(t, "from"), Count: rapid.IntRange(0, 1).Draw(t, "count"), Query: rapid.String().Draw(t, "query")},
			Watch{Room: room, Resume: resume}, Active{Active: rapid.Bool().Draw(t, "active")}, Leave{},
			existing, NewUser{anyUser().Draw(t, "new")}, UpdateUser{anyUser().Draw(t, "updated")}, state,
		} {
			want := `[{"event":"` + e.EventName() + `","data":` + string(marshal(e)) + `}]`
			if got := string(Encode(e)); got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		}
	})
}

func anyExisting(t *rapid.T) ExistingUsers {
	e := ExistingUsers{
		Self: rapid.String().Draw(t, "self"), Now: rapid.Int64().Draw(t, "now"),
		Room: "lobby", Epoch: "e", Users: rapid.SliceOf(anyUser()).Draw(t, "users"),
		Resumed: rapid.Bool().Draw(t, "resumed"), From: rapid.IntRange(0, 3).Draw(t, "from"),
		Gone: rapid.SliceOf(rapid.String()).Draw(t, "gone"),
	}
	if rapid.Bool().Draw(t, "in a view") {
		e.Total, e.Me = new(rapid.Int().Draw(t, "total")), new(anyUser().Draw(t, "me"))
	}
	e.Session = rapid.String().Draw(t, "session")
	if e.Users == nil {
		e.Users = []User{} // nobody is an array too
	}
	return e
}

func anyUser() *rapid.Generator[User] {
	return rapid.Custom(func(t *rapid.T) User {
		return User{
			ID:     rapid.StringN(1, 16, 64).Draw(t, "id"),
			Name:   rapid.String().Draw(t, "name"),
			Status: rapid.SampledFrom([]Status{StatusHere, StatusAway, StatusBusy}).Draw(t, "status"),
			Note:   rapid.String().Draw(t, "note"),
			Link:   rapid.SampledFrom([]Link{LinkOnline, LinkReconnecting}).Draw(t, "link"),
			Since:  rapid.Int64().Draw(t, "since"),
		}
	})
}

func TestWhatIsEncodedDecodesToTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		users := rapid.SliceOfN(anyUser(), 3, 3).Draw(t, "users")
		sent := []Event{
			NewUser{users[0]}, UpdateUser{users[1]},
			DisconnectUser{ID: users[2].ID, Name: users[2].Name, Reason: ReasonLost},
		}
		got, err := DecodeServer(Encode(sent...))
		if err != nil || !reflect.DeepEqual(got, sent) {
			t.Errorf("sent %+v, got %+v, %v", sent, got, err)
		}
	})
}

func TestRoomNames(t *testing.T) {
	for given, want := range map[string]string{
		"lobby": "lobby", "Design-Week": "design-week", "7": "7", "-": "-", strings.Repeat("a", 64): strings.Repeat("a", 64),
		"": "", strings.Repeat("a", 65): "", "a b": "", "a_b": "", "a/b": "", "é": "", "\u212a": "", "a\x00": "", "..": "",
	} {
		if got, ok := ParseRoom(given); got != want || ok != (want != "") {
			t.Errorf("%q is %q, %v", given, got, ok)
		}
	}
}

func TestALinkLeadsToItsRoomWhateverStandsBehindIt(t *testing.T) {
	for given, want := range map[string]string{
		"team": "team", "team/": "team", "team.": "team", "Team)": "team", "team).”": "team", "team?!": "team", "team。": "team", "team**": "team", "team ": "team",
		"": "", "/": "", "...": "", "../": "", "a/b": "", "a/b/": "", ".team": "", "(team)": "", "te.am": "", "team\n": "", "team\u200b": "",
		strings.Repeat("a", 64) + strings.Repeat(".", 64): strings.Repeat("a", 64), strings.Repeat("a", 65) + ".": "",
	} {
		if got, ok := LinkedRoom(given); got != want || ok != (want != "") {
			t.Errorf("%q is %q, %v", given, got, ok)
		}
	}
}

func FuzzRoom(f *testing.F) {
	f.Add("Design-Week")
	f.Add("team).")
	f.Fuzz(func(t *testing.T, s string) {
		room, ok := ParseRoom(s)
		if again, still := ParseRoom(room); ok && (again != room || !still) {
			t.Errorf("%q becomes %q and then %q", s, room, again)
		}
		if strings.Trim(room, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" || len(room) > MaxRoom {
			t.Errorf("%q became %q", s, room)
		}
		if linked, is := LinkedRoom(s); ok && linked != room || is && !strings.HasPrefix(strings.ToLower(s), linked) {
			t.Errorf("a link to %q leads to %q", s, linked)
		}
	})
}

func FuzzDecodeClient(f *testing.F) { fuzzDecode(f, DecodeClient) }
func FuzzDecodeServer(f *testing.F) { fuzzDecode(f, DecodeServer) }

func fuzzDecode(f *testing.F, decode func([]byte) ([]Event, error)) {
	for _, c := range everyEvent {
		f.Add([]byte(c.wire))
	}
	f.Add([]byte(`[{"event":"got_a_new_user","data":{"name":5}},{}]`))
	f.Fuzz(func(t *testing.T, frame []byte) {
		events, err := decode(frame)
		if err != nil {
			if !errors.Is(err, ErrBadFrame) || events != nil {
				t.Errorf("%v with %v", err, events)
			}
			return
		}
		for _, e := range events {
			if _, invalid := e.(Invalid); invalid {
				return
			}
		}
		if len(events) == 0 {
			return
		}
		again, err := decode(Encode(events...))
		if err != nil || string(Encode(again...)) != string(Encode(events...)) {
			t.Errorf("%+v became %+v, %v", events, again, err)
		}
	})
}
