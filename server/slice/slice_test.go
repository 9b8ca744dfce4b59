package slice

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"rollcall/server/presence"
	"rollcall/shared/event"
)

func stamps() *rapid.Generator[presence.Stamp] {
	return rapid.Custom(func(t *rapid.T) presence.Stamp {
		return presence.Stamp{Time: rapid.Int64Range(0, 1<<40).Draw(t, "time"), Owner: presence.Owner(rapid.SampledFrom([]string{"a/1", "b/2"}).Draw(t, "owner"))}
	})
}

func TestAnEntryTravelsAsItIs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := presence.Entry{
			User: event.User{
				ID: "x", Name: rapid.String().Draw(t, "name"), Note: rapid.SampledFrom([]string{"", "\u2028<b>\"", "away"}).Draw(t, "note"),
				Status: rapid.SampledFrom([]event.Status{"", event.StatusBusy, "odd"}).Draw(t, "status"),
				Link:   rapid.SampledFrom([]event.Link{event.LinkOnline, event.LinkReconnecting}).Draw(t, "link"),
				Since:  rapid.Int64Range(0, 1<<50).Draw(t, "since"),
				Data:   rapid.SampledFrom([]event.Data{"", `{"k":[1,2]}`}).Draw(t, "data"),
			},
			Stamp:  stamps().Draw(t, "stamp"),
			Idle:   rapid.Int64Range(0, 1<<40).Draw(t, "idle"),
			Number: rapid.Uint64().Draw(t, "number"),
		}
		e.User.Name = strings.ToValidUTF8(e.User.Name, "?")
		for _, field := range []string{"data.k", "name", "note"} {
			if rapid.Bool().Draw(t, field) {
				e.Stamps = append(e.Stamps, presence.FieldStamp{Field: field, Stamp: stamps().Draw(t, "stamp of "+field)})
			}
		}
		if rapid.Bool().Draw(t, "lost") {
			e.Lost, e.Seen = 9, []presence.EntryName{{Owner: "b/2", Number: 4}}
		}
		if rapid.Bool().Draw(t, "ties") {
			e.Ties = &presence.Ties{Over: []presence.EntryName{{Owner: "b/2", Number: 4}, {Owner: "c/3", Number: 1}}, Was: presence.EntryName{Owner: "a/0", Number: 8}}
		}
		if rapid.Bool().Draw(t, "tabs") {
			e.Tabs = []presence.TabRef{{Tab: "t", Done: 7}}
		}
		frame := event.Encode(event.NewUser{User: Encode("a/1", e)})
		events, err := event.DecodeServer(frame)
		if err != nil {
			t.Fatalf("%s: %v", frame, err)
		}
		got, m, err := Decode("a/1", events[0].(event.NewUser).User)
		if err != nil || m.ID != "" {
			t.Fatalf("%s: %v, %v", frame, m, err)
		}
		if !reflect.DeepEqual(got, e) {
			t.Errorf("%+v became %+v", e, got)
		}
	})
}

func TestAMarkTravelsAsItIs(t *testing.T) {
	is := presence.Mark{ID: "x", At: 7, Ends: []presence.EntryName{{Owner: "a/1", Number: 1}, {Owner: "b/2", Number: 1 << 63}}}
	e, m, err := Decode("a/1", EncodeMark(is))
	if err != nil || m.ID != is.ID || !slices.Equal(m.Ends, is.Ends) || e.User.ID != "" {
		t.Errorf("it became %v, %v, %v", m, e, err)
	}
}

func TestWhatIsWrittenIsReadWithLittleMemory(t *testing.T) {
	e := usual()
	e.Idle = 5
	e.Stamps = []presence.FieldStamp{{Field: "name", Stamp: presence.Stamp{Time: 6, Owner: "b/2"}}, {Field: "note", Stamp: presence.Stamp{Time: 7, Owner: e.Stamp.Owner}}}
	u := Encode(e.Stamp.Owner, e)
	if got := testing.AllocsPerRun(100, func() { Decode(e.Stamp.Owner, u) }); got > 8 {
		t.Errorf("it takes %v allocations", got)
	}
}

func TestAnElementMayBeWrittenInOtherWays(t *testing.T) {
	want := usual()
	want.Stamps = []presence.FieldStamp{{Field: "name", Stamp: want.Stamp}, {Field: "note", Stamp: presence.Stamp{Time: 7, Owner: "b\"/2"}}}
	var u event.User
	const other = `{"id":"0123456789abcdef","name":"Ana Maria","since":1795800541886,"entry":{"new":{},"tabs":[{"done":1,"tab":"ABCDEFGHIJKLMNOPQRSTUVWXY\u005a","new":0}],` +
		`"fields":{"note":{"by":"b\"/2","t":7},"name":{"t":1795800541886}},"at":{"t":1795800541886},"n":4711}}`
	if err := u.UnmarshalJSON([]byte(other)); err != nil {
		t.Fatal(err)
	}
	got, _, err := Decode(want.Stamp.Owner, u)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("it is %+v, want %+v; %v", got, want, err)
	}
}

// A newer server says more of a user, and of an entry, than this one knows.
func TestWhatANewerServerSaysPassesThrough(t *testing.T) {
	const frame = `[{"event":"new_user","data":{"id":"x","name":"Xi","since":1,"hand":true,"entry":{"n":3,"at":{"t":5},"fields":{"hand":{"t":9}},"mood":"odd"}}}]`
	events, err := event.DecodeServer([]byte(frame))
	if err != nil {
		t.Fatal(err)
	}
	e, _, err := Decode("a/1", events[0].(event.NewUser).User)
	if err != nil {
		t.Fatal(err)
	}
	m := presence.Merge(e, presence.Entry{User: event.User{ID: "x", Name: "Xi", Since: 0}, Stamp: presence.Stamp{Time: 7, Owner: "b/2"}})
	if got, _ := m.Shown().MarshalJSON(); string(got) != `{"id":"x","name":"Xi","since":0,"hand":true}` {
		t.Errorf("people see %s", got)
	}
	m = presence.Merge(e, presence.Entry{User: event.User{ID: "x", Name: "Xi", Since: 0}, Stamp: presence.Stamp{Time: 10, Owner: "b/2"}})
	if got, _ := m.Shown().MarshalJSON(); string(got) != `{"id":"x","name":"Xi","since":0}` {
		t.Errorf("after it was taken back, people see %s", got)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(`{"id":"x","name":"Xi","since":1,"entry":{"n":3,"at":{"t":5,"by":"b/2"},"fields":{"name":{"t":9}}}}`)
	f.Add(`{"id":"x!","name":"","since":0,"entry":{"ends":[{"owner":"a/1","number":1}]}}`)
	f.Add(`{"id":"x","entry":null}`)
	f.Fuzz(func(t *testing.T, text string) {
		var u event.User
		if u.UnmarshalJSON([]byte(text)) != nil {
			return
		}
		e, m, err := Decode("a/1", u)
		if err != nil || m.ID != "" {
			return
		}
		again, _, err := Decode("a/1", Encode("a/1", e))
		if err != nil || again.User.Hash() != e.User.Hash() {
			t.Errorf("%q: %+v became %+v, %v", text, e, again, err)
		}
	})
}
