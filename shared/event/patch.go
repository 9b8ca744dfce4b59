package event

import (
	"slices"
	"strings"
)

// Named is the patch that gives a user a name.
func Named(name string) Patch { return Patch{Name: &name} }

// IsZero reports whether c changes nothing.
func (c Patch) IsZero() bool { return c == Patch{} }

// Apply returns u as it is after the change. Both data are canonical, as
// [ParseData] returns them.
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
	if c.unknown != "" {
		u.unknown = u.unknown.with(c.unknown).withoutNulls()
	}
	u.wire, u.hash = "", 0
	return u
}

// Then is the change that does first c and then next.
func (c Patch) Then(next Patch) Patch {
	both := c
	for f := range fieldCount {
		if v := next.value(f); v.isSet() {
			both.set(f, v)
		}
	}
	both.Data, both.unknown = c.Data.with(next.Data), c.unknown.with(next.unknown)
	return both
}

// Clone returns c with values of its own.
func (c Patch) Clone() Patch {
	for f := range fieldCount {
		if v := c.value(f); v.isSet() {
			c.set(f, v.clone())
		}
	}
	return c
}

// Diff is the change that makes a user who is as from is be as to is.
func Diff(from, to User) (c Patch) {
	for f := range fieldCount {
		if v := to.value(f); !v.equals(from.value(f)) {
			c.set(f, v.clone())
		}
	}
	c.Data, c.unknown = diffData(from.Data, to.Data), diffData(from.unknown, to.unknown)
	return c
}

// part is one field of a change, or one key of its data.
type part struct {
	name string
	Patch
}

// dataField begins the name of a field that is one key of the data.
const dataField = "data."

// parts are what c consists of.
func (c Patch) parts() []part {
	var parts []part
	for f := range fieldCount {
		if v := c.value(f); v.isSet() {
			parts = append(parts, part{name: userFields[f].name})
			parts[len(parts)-1].set(f, v)
		}
	}
	for _, m := range c.Data.members() {
		parts = append(parts, part{dataField + m.key, Patch{Data: join([]member{m})}})
	}
	for _, m := range c.unknown.members() {
		parts = append(parts, part{m.key, Patch{unknown: join([]member{m})}})
	}
	return parts
}

// Fields are the names of what c changes, as they stand in frames; of the data,
// one for each key, as in data.key.
func (c Patch) Fields() []string {
	var names []string
	for _, p := range c.parts() {
		names = append(names, p.name)
	}
	return names
}

// Without is c less the field of that name; "data" is all keys of the data.
func (c Patch) Without(name string) Patch {
	var left Patch
	for _, p := range c.parts() {
		if p.name != name && (name != "data" || p.Data == "") {
			left = left.Then(p.Patch)
		}
	}
	return left
}

// Field is the patch that gives u's value of the field of that name to another
// user, and removes a key of the data that u does not have, or a field that is not
// known here.
func (u User) Field(name string) (c Patch) {
	if key, isKey := strings.CutPrefix(name, dataField); isKey {
		return Patch{Data: u.Data.only(key)}
	}
	switch f := slices.Index(userFieldNames, name); {
	case f < 0:
		return Patch{unknown: u.unknown.only(name)}
	case userField(f) != fieldData:
		c.set(userField(f), u.value(userField(f)).clone())
	}
	return c
}

// only returns the patch that gives other data the value of a key, or removes the key.
func (d Data) only(key string) Data {
	members := d.members()
	if i, found := find(members, key); found {
		return join(members[i : i+1])
	}
	return join([]member{{key, "null"}})
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
