package event

import (
	"slices"
	"strings"
)

// Named is the patch that gives a user a name.
func Named(name string) Patch { return Patch{Name: &name} }

// IsZero reports whether c changes nothing.
func (c Patch) IsZero() bool { return c == Patch{} }

// Apply returns u after the change; it is not encoded. The data of both must be
// canonical, as [ParseData] returns it.
func (c Patch) Apply(u User) User {
	data := u.Data
	for f := range fieldCount {
		if v := c.value(f); v.isSet() {
			u.value(f).assign(v)
		}
	}
	if c.Data != "" {
		u.Data = data.with(c.Data).withoutNulls()
	}
	u.wire, u.hash = "", 0
	return u
}

// Then returns the change that does first c and then next.
func (c Patch) Then(next Patch) Patch {
	both := c
	for f := range fieldCount {
		if v := next.value(f); v.isSet() {
			both.set(f, v)
		}
	}
	both.Data = c.Data.with(next.Data)
	return both
}

// Clone returns a copy of c that shares no pointers with it.
func (c Patch) Clone() Patch {
	for f := range fieldCount {
		if v := c.value(f); v.isSet() {
			c.set(f, v.clone())
		}
	}
	return c
}

// Diff returns the change that makes from equal to to, as far as users can change
// themselves.
func Diff(from, to User) (c Patch) {
	for f := range fieldCount {
		if v := to.value(f); !v.equals(from.value(f)) {
			c.set(f, v.clone())
		}
	}
	c.Data = diffData(from.Data, to.Data)
	return c
}

// part is one field of a change, or one key of its data.
type part struct {
	name string
	Patch
}

// dataField begins the name of a field that is one key of the data.
const dataField = "data."

// parts splits c into its fields and the keys of its data.
func (c Patch) parts() []part {
	var parts []part
	for f := range fieldCount {
		if v := c.value(f); v.isSet() && f != fieldData {
			parts = append(parts, part{name: userFields[f].name})
			parts[len(parts)-1].set(f, v)
		}
	}
	for _, m := range c.Data.members() {
		parts = append(parts, part{dataField + m.key, Patch{Data: join([]member{m})}})
	}
	return parts
}

// Fields returns the names of the fields that c changes, as frames have them. Data has
// one name for each of its keys, as in data.key.
func (c Patch) Fields() []string {
	var names []string
	for _, p := range c.parts() {
		names = append(names, p.name)
	}
	return names
}

// Without returns c without the field of that name; "data" means all keys of the data.
func (c Patch) Without(name string) Patch {
	var left Patch
	for _, p := range c.parts() {
		if p.name != name && (name != "data" || p.Data == "") {
			left = left.Then(p.Patch)
		}
	}
	return left
}

// Field returns the patch that gives another user the value that u has for the field
// of that name. If it is a key of the data that u does not have, the patch removes it.
// The patch is zero if users cannot change such a field.
func (u User) Field(name string) (c Patch) {
	if key, isKey := strings.CutPrefix(name, dataField); isKey {
		members := u.Data.members()
		i, found := find(members, key)
		if !found {
			return Patch{Data: join([]member{{key, "null"}})}
		}
		return Patch{Data: join(members[i : i+1])}
	}
	if f := slices.Index(userFieldNames, name); f >= 0 && userField(f) != fieldData {
		c.set(userField(f), u.value(userField(f)).clone())
	}
	return c
}

// MapTexts returns c with each text that people type replaced by what convert
// returns for it; field is its name in frames. The error is the first that convert
// returns.
func (c Patch) MapTexts(convert func(field, text string) (string, error)) (Patch, error) {
	for f, of := range userFields {
		v := c.value(userField(f))
		if !of.typed || !v.isSet() {
			continue
		}
		text, err := convert(of.name, *v.text)
		if err != nil {
			return c, err
		}
		c.set(userField(f), value{text: &text})
	}
	return c, nil
}
