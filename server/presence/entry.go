package presence

import (
	"cmp"
	"slices"
	"unsafe"

	"rollcall/shared/event"
)

// Stamp is the time of a change by a hybrid logical clock. No two changes of one user
// have the same stamp. A change by an owner who knew an earlier change has a later
// stamp.
type Stamp struct {
	// Time is in Unix milliseconds, or one more than the latest Time that its owner had
	// seen, if that is later.
	Time  int64 `json:"time"`
	Owner Owner `json:"owner"`
}

// Compare orders stamps by time, and then by owner.
func (s Stamp) Compare(t Stamp) int {
	return cmp.Or(cmp.Compare(s.Time, t.Time), cmp.Compare(s.Owner, t.Owner))
}

// later returns the later of two stamps.
func later(s, t Stamp) Stamp {
	if s.Compare(t) < 0 {
		return t
	}
	return s
}

// FieldStamp is the stamp of the latest change of one field.
type FieldStamp struct {
	Field string `json:"field"` // as in [event.Patch.Fields]
	Stamp Stamp  `json:"stamp"`
}

// Entry is what one owner knows of one user, or what several owners know together. Its
// slices do not change after it is returned.
type Entry struct {
	// User is the user at that owner: Status is the one chosen by hand, and Link says
	// whether they are connected there.
	User event.User
	// Stamp is the stamp of all fields that have none in Stamps, even of fields that the
	// user does not have.
	Stamp Stamp
	// Stamps are the stamps of fields that were changed since, in order of their names.
	Stamps []FieldStamp
	// Idle is since when the user is away by themselves there, in Unix milliseconds; 0
	// if they are not.
	Idle int64
	// Number tells the entry from earlier and later ones of the same owner and user. It
	// has no meaning in a merge.
	Number uint64
	// Tabs are the last refs that are done, by client: a client that comes to another
	// server may say again what it has said to this one. It has no meaning in a merge.
	Tabs []TabRef
	// Lost numbers the loss of the last connection there; 0 while there is one. Seen are
	// the losses of others that the owner knows of while it has a connection itself: they
	// may let the user go. Neither has a meaning in a merge.
	Lost uint64
	Seen []EntryName
	// Ties are the entries for which this one stands; nil for none. They have no meaning
	// in a merge.
	Ties *Ties
}

// Ties are the entries for which an entry stands. They do not change. Few entries have any.
type Ties struct {
	// Over are the entries of silent owners in whose place the user is online here: they
	// count no more, until their owners are heard again.
	Over []EntryName
	// Was is the entry of an earlier run of the owner that this one continues; zero for
	// none. A mark that has ended that one ends this one too.
	Was EntryName
}

// tiesOf returns ties, or nil if there are none.
func tiesOf(over []EntryName, was EntryName) *Ties {
	if len(over) == 0 && was == (EntryName{}) {
		return nil
	}
	return &Ties{over, was}
}

// over returns the entries in whose place the user is online here.
func (e *Entry) over() []EntryName {
	if e.Ties == nil {
		return nil
	}
	return e.Ties.Over
}

// was returns the entry that this one continues; zero for none.
func (e *Entry) was() EntryName {
	if e.Ties == nil {
		return EntryName{}
	}
	return e.Ties.Was
}

// TabRef is the last ref of a client that is done.
type TabRef struct {
	Tab  string    `json:"tab"`
	Done event.Ref `json:"done"`
}

// maxStamps is how much memory the Stamps may take with the names of the fields, in
// bytes. When they take more, all fields get the latest stamp: otherwise removed keys
// of the data would be kept for ever.
const maxStamps = 4 << 10

// Merge returns what two entries of one user know together. The order in which entries
// are merged, and how often, makes no difference. The data can be longer than
// [event.MaxData]: an owner limits only its own keys.
func Merge(a, b Entry) Entry {
	m := a.mergeFields(b)
	if a.compareActivity(b) < 0 {
		m.User.Link, m.Idle = b.User.Link, b.Idle
	}
	return m
}

// compareActivity orders entries by which one decides whether the user is away. A
// connected one is greater than one that is not; then one that is not away; then the
// one that became away last.
func (e Entry) compareActivity(f Entry) int {
	return cmp.Or(
		cmp.Compare(e.online(), f.online()),
		-cmp.Compare(min(e.Idle, 1), min(f.Idle, 1)),
		cmp.Compare(e.Idle, f.Idle))
}

// online returns 1 if the user is connected, else 0.
func (e Entry) online() int {
	if e.User.Link == event.LinkOnline {
		return 1
	}
	return 0
}

// mergeFields returns e with the fields that f has later, and with the earlier arrival.
// It leaves out what depends on connections.
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

// Shown returns the user as people see them.
func (e Entry) Shown() event.User {
	u := e.User
	u.Status, u.StatusSince = e.status()
	return u
}

// status returns the status that is shown, and since when.
func (e Entry) status() (event.Status, int64) {
	switch {
	case e.User.Status != event.StatusHere:
		return e.User.Status, e.User.StatusSince
	case e.Idle != 0:
		return event.StatusAway, e.Idle
	}
	return event.StatusHere, 0
}

// change is a change by the owner.
func (e *Entry) change(now int64, c event.Patch, stamp Stamp) {
	if c.IsZero() {
		return
	}
	status, since := e.status()
	e.User = c.Apply(e.User)
	if stamp != e.Stamp { // as after the arrival
		for _, name := range c.Fields() {
			e.setStamp(name, stamp)
		}
	}
	if e.stampsSize() > maxStamps {
		e.Stamp, e.Stamps = e.latest(), nil
	}
	// If the user is shown as away before and after, the time of that stays, whether
	// it was chosen by hand or not.
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

// stampOf returns the stamp of a field.
func (e Entry) stampOf(field string) Stamp {
	if i, found := e.findStamp(field); found {
		return e.Stamps[i].Stamp
	}
	return e.Stamp
}

// stampsSize returns the memory of Stamps with the names of the fields, in bytes.
func (e Entry) stampsSize() int {
	size := len(e.Stamps) * int(unsafe.Sizeof(FieldStamp{}))
	for _, s := range e.Stamps {
		size += len(s.Field)
	}
	return size
}

// latest returns the latest of all stamps.
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

// findStamp returns the index in Stamps for a field, and whether the field is there.
func (e Entry) findStamp(field string) (int, bool) {
	return slices.BinarySearchFunc(e.Stamps, field, func(s FieldStamp, field string) int {
		return cmp.Compare(s.Field, field)
	})
}

// SortStamps brings Stamps into their order.
func (e *Entry) SortStamps() {
	slices.SortFunc(e.Stamps, func(s, t FieldStamp) int { return cmp.Compare(s.Field, t.Field) })
}
