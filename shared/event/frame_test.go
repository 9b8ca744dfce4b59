package event

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

var everyEvent = []struct {
	event Event
	wire  string
}{
	{GotANewUser{Patch: Named("Ana"), Room: "design-week"}, `[{"event":"got_a_new_user","data":{"name":"Ana","room":"design-week"}}]`},
	{GotANewUser{Patch: Named("Ana")}, `[{"event":"got_a_new_user","data":{"name":"Ana"}}]`},
	{GotANewUser{Patch: Patch{Name: new("Ana"), Status: new(StatusHere), Note: new("")}, Resume: &Resume{Epoch: "e", Seq: 9, Since: 7}},
		`[{"event":"got_a_new_user","data":{"name":"Ana","status":"here","note":"","resume":{"epoch":"e","seq":9,"since":7}}}]`},
	{GotANewUser{Patch: Named("Ana"), Session: "s"}, `[{"event":"got_a_new_user","data":{"name":"Ana","session":"s"}}]`},
	{ChangeUser{Patch: Patch{Status: new(StatusBusy)}}, `[{"event":"update_user","data":{"status":"busy"}}]`},
	{ChangeUser{Patch: Patch{Name: new("B"), Note: new("")}}, `[{"event":"update_user","data":{"name":"B","note":""}}]`},
	{View{}, `[{"event":"view","data":{}}]`},
	{View{From: 50, Count: 20, Query: "an"}, `[{"event":"view","data":{"from":50,"count":20,"query":"an"}}]`},
	{Watch{Room: "r", Resume: &Resume{Epoch: "e", Seq: 1}}, `[{"event":"watch","data":{"room":"r","resume":{"epoch":"e","seq":1}}}]`},
	{Active{}, `[{"event":"active","data":{"active":false}}]`},
	{Leave{}, `[{"event":"leave","data":{}}]`},
	{GotANewUser{Ref: 1, Tab: "t", Patch: Patch{Name: new("Ana"), Status: new(StatusAway), Note: new("n"), Until: new(int64(9)), Data: `{"desk":4}`}, Wanted: &Patch{Note: new(""), Data: `{"desk":null}`}},
		`[{"event":"got_a_new_user","data":{"ref":1,"tab":"t","name":"Ana","status":"away","note":"n","until":9,"data":{"desk":4},"change":{"note":"","data":{"desk":null}}}}]`},
	{ChangeUser{Ref: 2, Patch: Patch{Until: new(int64(0)), Data: `{"a":[{}]}`}}, `[{"event":"update_user","data":{"ref":2,"until":0,"data":{"a":[{}]}}}]`},
	{View{Ref: 3}, `[{"event":"view","data":{"ref":3}}]`},
	{Watch{Ref: 4}, `[{"event":"watch","data":{"ref":4}}]`},
	{Active{Ref: 5, Active: true}, `[{"event":"active","data":{"ref":5,"active":true}}]`},
	{Leave{Ref: 6}, `[{"event":"leave","data":{"ref":6}}]`},
	{Done{Ref: 7}, `[{"event":"done","data":{"ref":7}}]`},
	{ExistingUsers{Self: "a", Now: 5, Room: "lobby", Epoch: "e", Users: []User{{ID: "a", Name: "Ana", Since: 1}}},
		`[{"event":"existing_users","data":{"self":"a","now":5,"room":"lobby","epoch":"e","users":[{"id":"a","name":"Ana","since":1}]}}]`},
	{ExistingUsers{Self: "a", Now: 5, Me: &User{ID: "a", Name: "Ana", Since: 1}, Room: "r", Epoch: "e", Resumed: true, From: 50, Total: new(600), Users: []User{}, Gone: []string{"b", "c"}},
		`[{"event":"existing_users","data":{"self":"a","now":5,"me":{"id":"a","name":"Ana","since":1},"room":"r","epoch":"e","resumed":true,"from":50,"total":600,"users":[],"gone":["b","c"]}}]`},
	{ExistingUsers{Self: "a", Now: 5, Ref: 8, Session: "s", Room: "r", Epoch: "e", Users: []User{}},
		`[{"event":"existing_users","data":{"self":"a","now":5,"ref":8,"session":"s","room":"r","epoch":"e","users":[]}}]`},
	{NewUser{User{ID: "b", Name: `<b>"'&`, Since: 2}},
		`[{"event":"new_user","data":{"id":"b","name":"<b>\"'&","since":2}}]`},
	{UpdateUser{User{ID: "b", Name: "Ben", Status: StatusAway, Note: "back at 2", Link: LinkReconnecting, Since: 2, StatusSince: 3, Until: 4, Data: `{"desk":4}`}},
		`[{"event":"update_user","data":{"id":"b","name":"Ben","status":"away","note":"back at 2","link":"reconnecting","since":2,"status_since":3,"until":4,"data":{"desk":4}}}]`},
	{DisconnectUser{ID: "b", Name: "Ben", Reason: ReasonClosed},
		`[{"event":"disconnect_user","data":{"id":"b","name":"Ben","reason":"closed"}}]`},
	{Room{Seq: 7, Count: 1, Hash: "00ff00ff00ff00ff"}, `[{"event":"room","data":{"seq":7,"count":1,"hash":"00ff00ff00ff00ff"}}]`},
	{Room{Hash: "00ff00ff00ff00ff", Watching: 2}, `[{"event":"room","data":{"seq":0,"count":0,"hash":"00ff00ff00ff00ff","watching":2}}]`},
	{Room{Seq: 7, Hash: "00ff00ff00ff00ff", Watching: 2, Partial: true},
		`[{"event":"room","data":{"seq":7,"count":0,"hash":"00ff00ff00ff00ff","watching":2,"partial":true}}]`},
	{Error{Code: CodeBadName, Message: "No.", Ref: 9, Event: NameGotANewUser, Field: "name", RetryAfter: 9},
		`[{"event":"error","data":{"code":"bad_name","message":"No.","ref":9,"event":"got_a_new_user","field":"name","retry_after":9}}]`},
}

func TestEveryEventOnTheWire(t *testing.T) {
	for _, c := range everyEvent {
		if got := string(Encode(c.event)); got != c.wire {
			t.Errorf("%T is\n%s, want\n%s", c.event, got, c.wire)
		}
		decodeOne := DecodeServer
		if _, ok := c.event.(clientEvent); ok {
			decodeOne = DecodeClient
		}
		events, err := decodeOne([]byte(c.wire))
		if err != nil || !reflect.DeepEqual(events, encoded(c.event)) {
			t.Errorf("%s decodes to %+v, %v", c.wire, events, err)
		}
	}
}

// An event that is declared and in no table would be left out of frames without a
// word.
func TestEveryEventOfThePackageIsInATable(t *testing.T) {
	declared := map[string]bool{}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv != nil && f.Name.Name == "EventName" {
				declared[f.Recv.List[0].Type.(*ast.Ident).Name] = true
			}
		}
	}
	delete(declared, "Invalid") // which never travels
	tested := map[reflect.Type]bool{}
	for _, c := range everyEvent {
		tested[reflect.TypeOf(c.event)] = true
	}
	for _, k := range slices.Concat(clientEvents, serverEvents) {
		e := k.decode(k.name, []byte("{}"))
		typ := reflect.TypeOf(e)
		if e.EventName() != k.name {
			t.Errorf("%s decodes to %T", k.name, e)
		}
		if !tested[typ] {
			t.Errorf("everyEvent has no %v", typ)
		}
		delete(declared, typ.Name())
	}
	if len(declared) > 0 {
		t.Errorf("these events are in no table: %v", slices.Collect(maps.Keys(declared)))
	}
}

func TestTheRefOfEveryEventOfAClientIsKnown(t *testing.T) {
	for _, k := range clientEvents {
		if e := k.decode(k.name, []byte(`{"ref":7}`)); RefOf(e) != 7 {
			t.Errorf("the ref of %+v is %d", e, RefOf(e))
		}
	}
	for _, k := range serverEvents {
		if e := k.decode(k.name, []byte(`{"ref":7}`)); RefOf(e) != 0 {
			t.Errorf("%+v comes from a server and has the ref %d", e, RefOf(e))
		}
	}
}

// encoded has the users of events keep their bytes, as decoding leaves them.
func encoded(events ...Event) []Event {
	events = slices.Clone(events)
	for i, e := range events {
		switch e := e.(type) {
		case NewUser:
			events[i] = NewUser{e.Encoded()}
		case UpdateUser:
			events[i] = UpdateUser{e.Encoded()}
		case ExistingUsers:
			if e.Me != nil {
				e.Me = new(e.Me.Encoded())
			}
			e.Users = slices.Clone(e.Users)
			for i, u := range e.Users {
				e.Users[i] = u.Encoded()
			}
			events[i] = e
		}
	}
	return events
}

func TestDefaultsByTheirNamesAreTheZeroValue(t *testing.T) {
	const wire = `{"id":"a","name":"A","status":"here","note":"","link":"online","since":1,"data":null}`
	for name, decode := range bothDecoders {
		events, err := decode([]byte(`[{"event":"new_user","data":` + wire + `}]`))
		if err != nil || len(events) != 1 {
			t.Fatalf("%s: %+v, %v", name, events, err)
		}
		u := events[0].(NewUser).User
		if want := (User{ID: "a", Name: "A", Since: 1}).Encoded(); u.Encoded() != want || u.Size() != len(wire) {
			t.Errorf("%s: %+v, %d bytes", name, u, u.Size())
		}
	}
	if StatusHere.String() != "here" || LinkOnline.String() != "online" {
		t.Error("a default has lost its name")
	}
}

// bothDecoders read the frames of a server: the scanner, with encoding/json for
// what it leaves, and that alone.
var bothDecoders = map[string]func([]byte) ([]Event, error){"scan": DecodeServer, "json": decodeServer}

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
	if err != nil || !reflect.DeepEqual(events, []Event{GotANewUser{Patch: Named("A")}}) {
		t.Errorf("%+v, %v", events, err)
	}
}

func TestWhatCannotBeDoneIsAnsweredByItsRef(t *testing.T) {
	for frame, want := range map[string]Invalid{
		`[{"event":"got_a_new_user","data":{"name":5}}]`:                  {Name: NameGotANewUser, Field: "name"},
		`[{"event":"got_a_new_user","data":{"change":{"note":5}}}]`:       {Name: NameGotANewUser, Field: "change.note"},
		`[{"event":"got_a_new_user","data":[]}]`:                          {Name: NameGotANewUser},
		`[{"event":"update_user","data":{"note":5,"ref":7}}]`:             {Name: NameUpdateUser, Field: "note", Ref: 7},
		`[{"event":"update_user","data":{"note":5,"ref":-7}}]`:            {Name: NameUpdateUser, Field: "note"},
		`[{"event":"update_user","data":[{"ref":7}]}]`:                    {Name: NameUpdateUser},
		`[{"event":"later_event","data":{"ref":8}}]`:                      {Name: "later_event", Ref: 8, Unknown: true},
		`[{"event":"later_event","data":{"ref":18446744073709551615}}]`:   {Name: "later_event", Ref: 1<<64 - 1, Unknown: true},
		`[{"event":"view","data":{"ref":9,"from":1e99,"query":"a"}}]`:     {Name: NameView, Field: "from", Ref: 9},
		`[{"event":"active","data":{"active":"yes","ref":10,"more":{}}}]`: {Name: NameActive, Field: "active", Ref: 10},
	} {
		events, err := DecodeClient([]byte(frame))
		if err != nil || len(events) != 1 || events[0] != want || RefOf(events[0]) != want.Ref {
			t.Errorf("%s: %+v, %v", frame, events, err)
		}
	}
	for _, frame := range []string{
		`[{"event":"later_event"}]`, `[{"event":"later_event","data":{"ref":0}}]`, `[{"event":"later_event","data":{"ref":"8"}}]`, `[{"event":"later_event","data":[8]}]`,
	} {
		if events, err := DecodeClient([]byte(frame)); err != nil || len(events) != 0 {
			t.Errorf("%s, which nobody can answer: %+v, %v", frame, events, err)
		}
	}
}

func TestWhatAServerSaysInTheWrongShapeIsInvalid(t *testing.T) {
	for frame, want := range map[string][]Event{
		`[{"event":"new_user","data":5}]`:                       {Invalid{Name: NameNewUser}},
		`[{"event":"new_user","data":null}]`:                    {Invalid{Name: NameNewUser}},
		`[{"event":"new_user","data":[null,{"id":"a"},[]]}]`:    {Invalid{Name: NameNewUser}, encoded(NewUser{User{ID: "a"}})[0], Invalid{Name: NameNewUser}},
		`[{"event":"existing_users","data":{"users":[null]}}]`:  {Invalid{Name: NameExistingUsers}},
		`[{"event":"room","data":[{"seq":1}]}]`:                 {Invalid{Name: NameRoom}},
		`[{"event":"disconnect_user","data":[{"id":1},{}]}]`:    {Invalid{Name: NameDisconnectUser, Field: "id"}, DisconnectUser{}},
		`[{"event":"room","data":{"seq":-1}},{"event":"done"}]`: {Invalid{Name: NameRoom, Field: "seq"}, Done{}},
	} {
		events, err := DecodeServer([]byte(frame))
		for i, e := range events {
			if e, ok := e.(NewUser); ok { // {"id":"a"} is not as we write it
				events[i] = NewUser{e.Encoded()}
			}
		}
		if err != nil || !reflect.DeepEqual(events, want) {
			t.Errorf("%s: %+v, %v", frame, events, err)
		}
	}
}

func TestManyOfAKindAreOneEventWithAList(t *testing.T) {
	const user, gone = `{"id":"a","name":"","since":0}`, `{"id":"a","name":"","reason":"left"}`
	for name, c := range map[string]struct {
		event Event
		wire  string
	}{
		NameNewUser:        {NewUser{User{ID: "a"}}, user},
		NameUpdateUser:     {UpdateUser{User{ID: "a"}}, user},
		NameDisconnectUser: {DisconnectUser{ID: "a", Reason: ReasonLeft}, gone},
	} {
		single := func(n int) string {
			return strings.TrimSuffix(strings.Repeat(`{"event":"`+name+`","data":`+c.wire+`},`, n), ",")
		}
		list := func(n int) string {
			return `{"event":"` + name + `","data":[` + strings.TrimSuffix(strings.Repeat(c.wire+`,`, n), ",") + `]}`
		}
		done, room := `{"event":"done","data":{"ref":1}}`, `{"event":"room","data":{"seq":0,"count":0,"hash":""}}`
		for _, wire := range []string{single(minList - 1), list(minList), list(minList + 1)} {
			n := strings.Count(wire, c.wire)
			events := append(append([]Event{Done{1}}, slices.Repeat([]Event{c.event}, n)...), Room{})
			frame := []byte("[" + done + "," + wire + "," + room + "]")
			if got := Encode(events...); string(got) != string(frame) {
				t.Errorf("%d are\n%s, want\n%s", n, got, frame)
			}
			if got, err := DecodeServer(frame); err != nil || !reflect.DeepEqual(got, encoded(events...)) {
				t.Errorf("%s is %+v, %v", frame, got, err)
			}
		}
		for n := range 3 { // a list of any length is read
			for name, decode := range bothDecoders {
				got, err := decode([]byte("[" + list(n) + "]"))
				if err != nil || len(got) != n || n > 0 && !reflect.DeepEqual(got, encoded(slices.Repeat([]Event{c.event}, n)...)) {
					t.Errorf("%s: a list of %d is %+v, %v", name, n, got, err)
				}
			}
		}
	}
	// The client's update_user has no list.
	said := Encode(slices.Repeat([]Event{ChangeUser{}}, 9)...)
	if got, err := DecodeClient(said); err != nil || len(got) != 9 {
		t.Errorf("%s: %+v, %v", said, got, err)
	}
}

func TestASharedSnapshotIsTheFrameItStandsFor(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		existing := anyExisting(t)
		state := Room{Seq: 3, Count: len(existing.Users), Hash: "0", Partial: rapid.Bool().Draw(t, "partial")}
		shared := EncodeSnapshot(existing, state)
		if got, want := append(AppendSnapshotHead(nil, 0, existing), shared...), Encode(existing, state); string(got) != string(want) {
			t.Errorf("got  %s\nwant %s", got, want)
		}
		want := Encode(Done{7}, existing, state)
		if got := append(AppendSnapshotHead(nil, 7, existing), shared...); string(got) != string(want) {
			t.Errorf("got  %s\nwant %s", got, want)
		}
		if got := append(AppendDone(nil, 7), Encode(existing, state)[1:]...); string(got) != string(want) {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	})
}

// Most events are encoded by hand; encoding/json says what it should have been.
func TestEventsAreEncodedAsJSONWouldHaveThem(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		existing, user, change := anyExisting(t), anyUser().Draw(t, "user"), anyChange().Draw(t, "change")
		ref, room := Ref(rapid.Uint64Range(0, 1<<63-1).Draw(t, "ref")), anyText().Draw(t, "room")
		resume := rapid.Ptr(rapid.Custom(func(t *rapid.T) Resume {
			return Resume{Epoch: anyText().Draw(t, "epoch"), Seq: rapid.Uint64().Draw(t, "seq"), Since: rapid.Int64Min(0).Draw(t, "since")}
		}), true).Draw(t, "resume")
		for _, e := range []Event{
			GotANewUser{Ref: ref, Tab: room, Patch: change, Wanted: rapid.Ptr(anyChange(), true).Draw(t, "wanted"), Room: room, Resume: resume, Session: anyText().Draw(t, "session")},
			ChangeUser{Ref: ref, Patch: change},
			View{Ref: ref, From: rapid.Int().Draw(t, "from"), Count: rapid.IntRange(0, 1).Draw(t, "count"), Query: anyText().Draw(t, "query")},
			Watch{Ref: ref, Room: room, Resume: resume}, Active{Ref: ref, Active: rapid.Bool().Draw(t, "active")}, Leave{ref},
			existing, NewUser{user}, UpdateUser{user}, DisconnectUser{ID: room, Name: user.Name, Reason: ReasonLost},
			Room{Seq: rapid.Uint64().Draw(t, "seq"), Count: rapid.Int().Draw(t, "count"), Hash: anyText().Draw(t, "hash"), Watching: rapid.Int().Draw(t, "watching"), Partial: rapid.Bool().Draw(t, "partial")},
			Done{ref}, Error{Code: CodeBadName, Message: room, Ref: ref},
		} {
			want := `[{"event":"` + e.EventName() + `","data":` + string(marshal(plainly(e))) + `}]`
			if got := string(Encode(e)); got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		}
	})
}

// plainly is the event with a user as encoding/json has one without our methods.
func plainly(e Event) any {
	type plain User
	switch e := e.(type) {
	case NewUser:
		return plain(e.User)
	case UpdateUser:
		return plain(e.User)
	}
	return e
}

func TestWhatIsEncodedDecodesToTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sent := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Event {
			u := anyUser().Draw(t, "user")
			switch rapid.IntRange(0, 9).Draw(t, "kind") {
			case 0:
				return anyExisting(t)
			case 1:
				return Done{Ref(rapid.Uint64().Draw(t, "ref"))}
			case 2:
				return Error{Code: CodeBadName, Message: u.Name, Ref: 3, RetryAfter: u.Since}
			case 3, 4:
				return UpdateUser{u}
			case 5:
				return DisconnectUser{ID: u.ID, Name: u.Name, Reason: ReasonLost}
			}
			return NewUser{u}
		}), 1, 40).Draw(t, "events")
		frame := Encode(sent...)
		got, err := DecodeServer(frame)
		if err != nil || !reflect.DeepEqual(got, encoded(sent...)) {
			t.Errorf("%s\nsent %+v\ngot  %+v, %v", frame, sent, got, err)
		}
		if again := Encode(got...); string(again) != string(frame) {
			t.Errorf("%s\nis now %s", frame, again)
		}
	})
}

func anyExisting(t *rapid.T) ExistingUsers {
	e := ExistingUsers{
		Self: anyText().Draw(t, "self"), Now: rapid.Int64().Draw(t, "now"), Ref: Ref(rapid.Uint64Range(0, 9).Draw(t, "ref")),
		Room: "lobby", Epoch: "e", Users: rapid.SliceOfN(anyUser(), 0, 9).Draw(t, "users"),
		Resumed: rapid.Bool().Draw(t, "resumed"), From: rapid.IntRange(0, 3).Draw(t, "from"),
		Gone: rapid.SliceOfN(anyText(), 1, 3).Draw(t, "gone"), Session: anyText().Draw(t, "session"),
	}
	if rapid.Bool().Draw(t, "nobody gone") {
		e.Gone = nil
	}
	if rapid.Bool().Draw(t, "in a view") {
		e.Total, e.Me = new(rapid.Int().Draw(t, "total")), new(anyUser().Draw(t, "me"))
	}
	if e.Users == nil {
		e.Users = []User{} // nobody is an array too
	}
	return e
}

func anyUser() *rapid.Generator[User] {
	return rapid.Custom(func(t *rapid.T) User {
		return User{
			ID:          rapid.Map(rapid.StringN(1, 16, 64), alike).Draw(t, "id"),
			Name:        anyText().Draw(t, "name"),
			Status:      rapid.SampledFrom([]Status{StatusHere, StatusAway, StatusBusy, "in a call"}).Draw(t, "status"),
			Note:        anyText().Draw(t, "note"),
			Link:        rapid.SampledFrom([]Link{LinkOnline, LinkReconnecting}).Draw(t, "link"),
			Since:       rapid.Int64().Draw(t, "since"),
			StatusSince: rapid.Int64Range(0, 2).Draw(t, "status_since"),
			Until:       rapid.Int64Range(-1, 1).Draw(t, "until"),
			Data:        anyData().Draw(t, "data").withoutNulls(),
		}
	})
}

func anyChange() *rapid.Generator[Patch] {
	return rapid.Custom(func(t *rapid.T) Patch {
		return Patch{
			Name:   rapid.Ptr(anyText(), true).Draw(t, "name"),
			Status: rapid.Ptr(rapid.SampledFrom([]Status{StatusHere, StatusAway, StatusBusy}), true).Draw(t, "status"),
			Note:   rapid.Ptr(anyText(), true).Draw(t, "note"),
			Until:  rapid.Ptr(rapid.Int64Range(0, 3), true).Draw(t, "until"),
			Data:   anyData().Draw(t, "data"),
		}
	})
}

// anyText is one that encoding/json writes as JSON.stringify does.
func anyText() *rapid.Generator[string] { return rapid.Map(rapid.String(), alike) }

func alike(s string) string {
	return strings.NewReplacer("\u2028", "-", "\u2029", "-", "\uFFFD", "-").Replace(s)
}

// anyData is canonical data of few keys, so that two have some in common.
func anyData() *rapid.Generator[Data] {
	key := rapid.SampledFrom([]string{"a", "B", "_", "a1", "desk", "null"})
	value := rapid.OneOf(
		rapid.SampledFrom([]any{nil, true, "", "null", 0.0, -1.5, 1e21, 5e-324, []any{nil, []any{}}}),
		rapid.Map(anyText(), func(s string) any { return s }),
		rapid.Map(rapid.Float64(), func(f float64) any { return f }),
		rapid.Map(rapid.MapOfN(key, rapid.Just(any(nil)), 0, 2), func(m map[string]any) any { return m }),
	)
	return rapid.Map(rapid.MapOfN(key, value, 0, 4), func(m map[string]any) Data {
		data, _ := DataOf(m) // none if it is too long
		return data
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
