package event

import "strings"

// Patch is what of a user can be changed. What is nil or empty stays as it is.
// A field of that kind is added in this file, and to [User] with how it is
// written and read there.
type Patch struct {
	Name   *string `json:"name,omitempty"`
	Status *Status `json:"status,omitempty"`
	Note   *string `json:"note,omitempty"` // empty clears it
	// Until is when status and note end by themselves, Unix milliseconds; 0 is
	// never.
	Until *int64 `json:"until,omitempty"`
	// Data replaces what a user has of it key by key; null removes a key.
	Data Data `json:"data,omitempty"`
}

// Named is the patch that gives a user a name.
func Named(name string) Patch { return Patch{Name: &name} }

// IsZero reports whether c changes nothing.
func (c Patch) IsZero() bool { return c == Patch{} }

// Apply returns u as it is after the change. Both data are canonical, as
// [ParseData] returns them.
func (c Patch) Apply(u User) User {
	apply(c.Name, &u.Name)
	apply(c.Status, &u.Status)
	apply(c.Note, &u.Note)
	apply(c.Until, &u.Until)
	if c.Data != "" {
		u.Data = u.Data.with(c.Data).withoutNulls()
	}
	u.wire, u.hash = "", 0
	return u
}

func apply[T any](value *T, to *T) {
	if value != nil {
		*to = *value
	}
}

// Then is the change that does first c and then next.
func (c Patch) Then(next Patch) Patch {
	return Patch{
		Name:   latest(c.Name, next.Name),
		Status: latest(c.Status, next.Status),
		Note:   latest(c.Note, next.Note),
		Until:  latest(c.Until, next.Until),
		Data:   c.Data.with(next.Data),
	}
}

func latest[T any](a, b *T) *T {
	if b != nil {
		return b
	}
	return a
}

// Clone returns c with values of its own.
func (c Patch) Clone() Patch {
	return Patch{Name: copied(c.Name), Status: copied(c.Status), Note: copied(c.Note), Until: copied(c.Until), Data: c.Data}
}

func copied[T any](p *T) *T {
	if p == nil {
		return nil
	}
	return new(*p)
}

// Diff is the change that makes a user who is as from is be as to is.
func Diff(from, to User) Patch {
	return Patch{
		Name:   different(from.Name, to.Name),
		Status: different(from.Status, to.Status),
		Note:   different(from.Note, to.Note),
		Until:  different(from.Until, to.Until),
		Data:   diffData(from.Data, to.Data),
	}
}

func different[T comparable](from, to T) *T {
	if from == to {
		return nil
	}
	return &to
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
	if c.Name != nil {
		parts = append(parts, part{"name", Patch{Name: c.Name}})
	}
	if c.Status != nil {
		parts = append(parts, part{"status", Patch{Status: c.Status}})
	}
	if c.Note != nil {
		parts = append(parts, part{"note", Patch{Note: c.Note}})
	}
	if c.Until != nil {
		parts = append(parts, part{"until", Patch{Until: c.Until}})
	}
	for _, m := range c.Data.members() {
		parts = append(parts, part{dataField + m.key, Patch{Data: join([]member{m})}})
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
// user, and removes a key of the data that u does not have. A field that does not
// exist is none.
func (u User) Field(name string) Patch {
	all := Patch{Name: &u.Name, Status: &u.Status, Note: &u.Note, Until: &u.Until, Data: u.Data}
	for _, p := range all.parts() {
		if p.name == name {
			return p.Patch
		}
	}
	if key, ok := strings.CutPrefix(name, dataField); ok {
		return Patch{Data: join([]member{{key, "null"}})}
	}
	return Patch{}
}
