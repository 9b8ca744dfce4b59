package event

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestAChangeIsMadeKeyByKey(t *testing.T) {
	ana := User{ID: "a", Name: "Ana", Status: StatusAway, Note: "n", Since: 1, StatusSince: 2, Until: 3, Link: LinkReconnecting, Data: `{"a":1,"b":{"c":2}}`}.Encoded()
	for name, c := range map[string]struct {
		change Patch
		want   func(*User)
	}{
		"nothing":         {Patch{}, func(u *User) {}},
		"a name":          {Named("Anna"), func(u *User) { u.Name = "Anna" }},
		"a note cleared":  {Patch{Note: new("")}, func(u *User) { u.Note = "" }},
		"here, for ever":  {Patch{Status: new(StatusHere), Until: new(int64(0))}, func(u *User) { u.Status, u.Until = StatusHere, 0 }},
		"a key":           {Patch{Data: `{"a":2}`}, func(u *User) { u.Data = `{"a":2,"b":{"c":2}}` }},
		"a key whole":     {Patch{Data: `{"b":{"d":null}}`}, func(u *User) { u.Data = `{"a":1,"b":{"d":null}}` }},
		"a key removed":   {Patch{Data: `{"a":null,"x":null}`}, func(u *User) { u.Data = `{"b":{"c":2}}` }},
		"all keys":        {Patch{Data: `{"a":null,"b":null}`}, func(u *User) { u.Data = "" }},
		"a key that says": {Patch{Data: `{"c":"null"}`}, func(u *User) { u.Data = `{"a":1,"b":{"c":2},"c":"null"}` }},
	} {
		want := ana
		c.want(&want)
		got := c.change.Apply(ana)
		if got.Size() != 0 {
			t.Errorf("%s: the bytes of before are kept", name)
		}
		if got.Encoded() != want.Encoded() {
			t.Errorf("%s: %+v", name, got)
		}
		if ana.Size() == 0 {
			t.Errorf("%s: it changed what it was given", name)
		}
	}
}

// Users, changes and the three ways in which they meet.
func TestChangesAddUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		u, v := anyUser().Draw(t, "u"), anyUser().Draw(t, "v")
		a, b, c := anyChange().Draw(t, "a"), anyChange().Draw(t, "b"), anyChange().Draw(t, "c")

		if first, last := a.Then(b).Then(c), a.Then(b.Then(c)); !reflect.DeepEqual(first, last) {
			t.Errorf("it counts where one begins: %+v and %+v", first, last)
		}
		if once, twice := a.Then(b).Apply(u), b.Apply(a.Apply(u)); once != twice {
			t.Errorf("together they make %+v, one by one %+v", once, twice)
		}
		if again := a.Then(a); !reflect.DeepEqual(again, a) {
			t.Errorf("said twice it is %+v", again)
		}
		for _, same := range []Patch{a.Then(Patch{}), Patch{}.Then(a), a.Clone()} {
			if !reflect.DeepEqual(same, a) {
				t.Errorf("with nothing it is %+v", same)
			}
		}

		diff := Diff(u, v)
		want := v // but for what nobody changes
		want.ID, want.Since, want.Link, want.StatusSince = u.ID, u.Since, u.Link, u.StatusSince
		if got := diff.Apply(u); got != want {
			t.Errorf("%+v makes %+v, want %+v", diff, got, want)
		}
		if !Diff(u, u).IsZero() || diff.IsZero() != (want == u) {
			t.Errorf("%+v is zero: %v", diff, diff.IsZero())
		}
		if more := Diff(u, diff.Apply(u)); !reflect.DeepEqual(more, diff) {
			t.Errorf("the least change is %+v and not %+v", more, diff)
		}
		if data, err := ParseData(string(u.Data)); u.Data != "" && (data != u.Data || err != nil) {
			t.Errorf("%s is %s, %v", u.Data, data, err)
		}
		for _, data := range []Data{a.Then(b).Data, diff.Data, a.Apply(u).Data} {
			if got, err := ParseData(string(data)); data != "" && got != data && err != ErrDataTooLong {
				t.Errorf("%s is not in its one form, which is %s, %v", data, got, err)
			}
		}
	})
}

func TestAChangeIsTheSumOfItsFields(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		u, v := anyUser().Draw(t, "u"), anyUser().Draw(t, "v")
		diff, sum := Diff(u, v), Patch{}
		for _, name := range diff.Fields() {
			field := v.Field(name)
			if got := field.Fields(); !slices.Equal(got, []string{name}) {
				t.Errorf("%s is %v", name, got)
			}
			sum = sum.Then(field)
		}
		if !reflect.DeepEqual(sum, diff) {
			t.Errorf("%+v is not %+v", sum, diff)
		}
		for _, name := range []string{"name", "status", "note", "until", "data"} {
			left := diff.Without(name)
			of := func(f string) bool { return f == name || name == "data" && strings.HasPrefix(f, dataField) }
			if want := slices.DeleteFunc(diff.Fields(), of); !slices.Equal(left.Fields(), want) || !reflect.DeepEqual(left.Then(diff), diff) {
				t.Errorf("without %s it is %+v of %+v", name, left, diff)
			}
		}
	})
	if u := (User{ID: "a", Name: "A"}); (User{Name: "B"}).Field("shoe size").Apply(u) != u {
		t.Error("a field that does not exist is a change")
	}
}

func TestFieldsThatAreNotKnownPassThrough(t *testing.T) {
	read := func(frame string) User {
		events, err := DecodeServer([]byte(`[{"event":"new_user","data":` + frame + `}]`))
		if err != nil {
			t.Fatal(err)
		}
		u, own := events[0].(NewUser).User.WithUnknown("own")
		if want := "7"; strings.Contains(frame, "own") && own != want {
			t.Errorf("what is not the user's is %q", own)
		}
		return u
	}
	u := read(`{"id":"a","zeal":[1,{"x":"}"}],"name":"Ana","since":1,"own":7,"hand":true,"none":null}`)
	changed := Patch{Note: new("hi")}.Apply(u).Encoded()
	if got, _ := changed.MarshalJSON(); string(got) != `{"id":"a","name":"Ana","note":"hi","since":1,"hand":true,"zeal":[1,{"x":"}"}]}` {
		t.Errorf("it is %s", got)
	}
	v := read(`{"id":"a","name":"Ana","since":1,"hand":false,"rank":2}`)
	if fields := Diff(u, v).Fields(); !slices.Equal(fields, []string{"hand", "rank", "zeal"}) {
		t.Errorf("they differ in %v", fields)
	}
	for _, name := range []string{"hand", "rank", "zeal"} {
		u = v.Field(name).Apply(u)
	}
	if u != v {
		t.Errorf("field by field it became %v, not %v", u.Encoded(), v.Encoded())
	}
}

func TestACopyOfAChangeIsItsOwn(t *testing.T) {
	a := Patch{Name: new("A"), Until: new(int64(1))}
	b := a.Clone()
	*b.Name, *b.Until = "B", 2
	if *a.Name != "A" || *a.Until != 1 {
		t.Errorf("it is %s, %d", *a.Name, *a.Until)
	}
}
