package presence

import (
	"cmp"
	"slices"
	"unsafe"

	"rollcall/shared/event"
)

// Stamp is when something was said, by a hybrid logical clock: no two changes of
// one user have the same, and what was said later by who knew of the earlier has
// the later one.
type Stamp struct {
	// Time is in Unix milliseconds, or one more than the latest that its owner
	// had seen.
	Time  int64 `json:"time"`
	Owner Owner `json:"owner"`
}

// Compare orders stamps by time, and then by owner.
func (s Stamp) Compare(t Stamp) int {
	return cmp.Or(cmp.Compare(s.Time, t.Time), cmp.Compare(s.Owner, t.Owner))
}

// later is the later of two stamps.
func later(s, t Stamp) Stamp {
	if s.Compare(t) < 0 {
		return t
	}
	return s
}

// FieldStamp is when one field was changed.
type FieldStamp struct {
	Field string `json:"field"` // as [event.Patch.Fields] has it
	Stamp Stamp  `json:"stamp"`
}

// Entry is what one owner knows of one user, or several do together. Its slices
// are not changed once it is handed on.
type Entry struct {
	// User is as the owner has them: the Status is the one chosen by hand, and
	// Link says whether they are connected there.
	User event.User
	// Stamp is that of all fields that have none in Stamps, also of those that the
	// user does not have.
	Stamp Stamp
	// Stamps are those of fields that were changed since, in order of their names.
	Stamps []FieldStamp
	// Idle is since when the user has been away by themselves there, Unix
	// milliseconds; 0 if they are not.
	Idle int64
}

// maxStamps is how much memory the stamps that fields have of their own may take,
// with the fields' names, in bytes. When it is more, all fields get the latest: so
// keys of the data that were removed need not be remembered without end.
const maxStamps = 4 << 10

// Merge is what two entries of one user know together. The order in which
// entries are merged, and how often, makes no difference. The data can be longer
// than [event.MaxData]: each owner knows only of its own keys how long they are.
func Merge(a, b Entry) Entry {
	m := a.mergeFields(b)
	if a.compareActivity(b) < 0 {
		m.User.Link, m.Idle = b.User.Link, b.Idle
	}
	return m
}

// compareActivity orders entries by how much of the user's being away they
// decide: who is connected counts before who is not, then who is not away, then
// who has become so last.
func (e Entry) compareActivity(f Entry) int {
	return cmp.Or(
		cmp.Compare(e.online(), f.online()),
		-cmp.Compare(min(e.Idle, 1), min(f.Idle, 1)),
		cmp.Compare(e.Idle, f.Idle))
}

// online is 1 of a user who is connected, else 0.
func (e Entry) online() int {
	if e.User.Link == event.LinkOnline {
		return 1
	}
	return 0
}

// mergeFields is e with what f knows later, and an earlier arrival: all but what goes by
// connections.
func (e Entry) mergeFields(f Entry) Entry {
	m := e
	m.User.Since = min(e.User.Since, f.User.Since)
	for _, name := range event.Diff(e.User, f.User).Fields() {
		if e.stampOf(name).Compare(f.stampOf(name)) < 0 {
			m.User = f.User.Field(name).Apply(m.User)
		}
	}
	if e.stampOf("status").Compare(f.stampOf("status")) < 0 {
		m.User.StatusSince = f.User.StatusSince
	}
	m.Stamp, m.Stamps = later(e.Stamp, f.Stamp), nil
	for _, s := range slices.Concat(e.Stamps, f.Stamps) {
		m.setStamp(s.Field, later(e.stampOf(s.Field), f.stampOf(s.Field)))
	}
	return m
}

// Shown is the user as people see them.
func (e Entry) Shown() event.User {
	u := e.User
	u.Status, u.StatusSince = e.status()
	return u
}

// status is the one that is shown, and since when.
func (e Entry) status() (event.Status, int64) {
	switch {
	case e.User.Status != event.StatusHere:
		return e.User.Status, e.User.StatusSince
	case e.Idle != 0:
		return event.StatusAway, e.Idle
	}
	return event.StatusHere, 0
}

// change has the owner change the user.
func (e *Entry) change(now int64, c event.Patch, stamp Stamp) {
	if c.IsZero() {
		return
	}
	status, since := e.status()
	e.User = c.Apply(e.User)
	if stamp != e.Stamp { // which is that of all who arrive
		for _, name := range c.Fields() {
			e.setStamp(name, stamp)
		}
	}
	if e.stampsSize() > maxStamps {
		e.Stamp, e.Stamps = e.latest(), nil
	}
	// Who has been shown as away all the time has been so all the time, whether
	// it was by hand or not.
	is, _ := e.status()
	if is != status {
		since = now
	}
	e.User.StatusSince = 0
	if e.User.Status != event.StatusHere {
		e.User.StatusSince = since
	} else if e.Idle != 0 {
		e.Idle = since
	}
}

// stampOf is the stamp of a field.
func (e Entry) stampOf(field string) Stamp {
	if i, found := e.findStamp(field); found {
		return e.Stamps[i].Stamp
	}
	return e.Stamp
}

// stampsSize is how many bytes the stamps of fields take in memory, with the
// fields' names.
func (e Entry) stampsSize() int {
	size := len(e.Stamps) * int(unsafe.Sizeof(FieldStamp{}))
	for _, s := range e.Stamps {
		size += len(s.Field)
	}
	return size
}

// latest is the latest of all stamps.
func (e Entry) latest() Stamp {
	latest := e.Stamp
	for _, s := range e.Stamps {
		latest = later(latest, s.Stamp)
	}
	return latest
}

// setStamp gives a field a stamp.
func (e *Entry) setStamp(field string, s Stamp) {
	if s == e.Stamp {
		return
	}
	i, found := e.findStamp(field)
	if !found {
		e.Stamps = slices.Insert(e.Stamps, i, FieldStamp{Field: field})
	}
	e.Stamps[i].Stamp = s
}

// findStamp is the place of a field's own stamp, and whether it has one.
func (e Entry) findStamp(field string) (int, bool) {
	return slices.BinarySearchFunc(e.Stamps, field, func(s FieldStamp, field string) int {
		return cmp.Compare(s.Field, field)
	})
}
