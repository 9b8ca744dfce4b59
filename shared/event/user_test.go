package event

import (
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
	}
	if exported != fieldCount {
		t.Errorf("the table has %d fields, a user %d", fieldCount, exported)
	}
}

func TestTheTableHasEveryFieldOfAPatch(t *testing.T) {
	for i, field := range slices.Collect(reflect.TypeFor[Patch]().Fields()) {
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
