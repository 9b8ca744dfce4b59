package event

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// jsonName is the name of a struct's field in frames, and whether it is left out
// when it is empty.
func jsonName(f reflect.StructField) (name string, omitEmpty bool) {
	name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
	return name, options == "omitempty"
}

// pointer is where the value is; 0 if it is not set.
func (v value) pointer() uintptr {
	for _, p := range reflect.ValueOf(v).Fields() {
		if !p.IsNil() {
			return p.Pointer()
		}
	}
	return 0
}

func TestTheTableHasEveryFieldOfAUser(t *testing.T) {
	var u User
	of := reflect.ValueOf(&u).Elem()
	var exported userField
	for i := range of.NumField() {
		field := of.Type().Field(i)
		if !field.IsExported() {
			continue
		}
		f := exported
		exported++
		if f >= fieldCount {
			t.Errorf("%s is not in the table", field.Name)
			continue
		}
		name, omitEmpty := jsonName(field)
		if row := userFields[f]; row.name != name || row.always == omitEmpty {
			t.Errorf("the row of %s is %+v", field.Name, row)
		}
		if u.value(f).pointer() != of.Field(i).Addr().Pointer() {
			t.Errorf("User.value does not return %s", field.Name)
		}
		if userFields[f].typed && of.Field(i).Kind() != reflect.String {
			t.Errorf("%s is typed and no text", field.Name)
		}
	}
	if exported != fieldCount {
		t.Errorf("the table has %d fields, a user %d", fieldCount, exported)
	}
}

func TestTheTableHasEveryFieldOfAPatch(t *testing.T) {
	for i, field := range slices.Collect(reflect.TypeFor[Patch]().Fields()) {
		if !field.IsExported() {
			continue // it is what is not known of them
		}
		name, _ := jsonName(field)
		f := userField(slices.Index(userFieldNames, name))
		if f < 0 {
			t.Errorf("%s is not a field of users", field.Name)
			continue
		}
		if f == fieldData {
			continue // the other tests are about it
		}
		var c, same Patch
		of := reflect.ValueOf(&c).Elem().Field(i)
		of.Set(reflect.New(field.Type.Elem()))
		if c.value(f).pointer() != of.Pointer() {
			t.Errorf("Patch.value does not return %s", field.Name)
		}
		if same.set(f, c.value(f)); same != c {
			t.Errorf("Patch.set of %s makes %+v, want %+v", field.Name, same, c)
		}
		if got := c.Fields(); !slices.Equal(got, []string{name}) {
			t.Errorf("a patch of %s has the fields %q", field.Name, got)
		}
	}
}

func TestTextsThatPeopleTypeAreConverted(t *testing.T) {
	c := Patch{Name: new("Ana"), Note: new("n"), Status: new(StatusAway), Data: `{"a":"b"}`}
	var seen []string
	got, err := c.MapTexts(func(field, text string) (string, error) {
		seen = append(seen, field)
		return text + "!", nil
	})
	want := Patch{Name: new("Ana!"), Note: new("n!"), Status: c.Status, Data: c.Data}
	if err != nil || !reflect.DeepEqual(got, want) || !slices.Equal(seen, []string{"name", "note"}) {
		t.Errorf("it becomes %+v, %v; converted were %q", got, err, seen)
	}
	if *c.Name != "Ana" || *c.Note != "n" {
		t.Error("the texts of the patch itself are changed")
	}
	bad := errors.New("bad")
	if _, err := c.MapTexts(func(field, _ string) (string, error) { return "", bad }); err != bad {
		t.Errorf("the error is %v", err)
	}
	if _, err := (Patch{Status: c.Status}).MapTexts(func(string, string) (string, error) { return "", bad }); err != nil {
		t.Errorf("without a text, the error is %v", err)
	}
}

func TestTheMemoryOfAUserIsThatOfItsStrings(t *testing.T) {
	u := User{ID: "a", Name: "Ana", Status: StatusAway, Note: "note", Data: `{"a":1}`}
	if got, want := u.Memory(), len("Ana")+len("note")+len(`{"a":1}`); got != want {
		t.Errorf("it is %d, want %d", got, want)
	}
	if got, want := u.Encoded().Memory(), u.Memory()+u.Encoded().Size(); got != want {
		t.Errorf("encoded, it is %d, want %d", got, want)
	}
}
