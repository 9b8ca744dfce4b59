package presence

import (
	"slices"
	"time"

	"rollcall/shared/event"
)

// Mark says that a user has left, and which entries of other owners end by that. That
// somebody leaves is no state: without a mark it would be lost if another server does not
// hear it at that moment. The owner of a mark keeps it until the owners of the entries
// have let them go, at most markStay.
type Mark struct {
	ID   string // of the user
	Ends []EntryName
}

// EntryName names one entry of a user.
type EntryName struct {
	Owner  Owner  `json:"owner"`
	Number uint64 `json:"number"`
}

// markStay is how long a mark is kept at most. It is as long as users are held who may
// come back after the restart of a server: longer than any entry stays of which nothing
// is heard.
const markStay = 90 * time.Second

// mark is a mark of one owner.
type mark struct {
	owner Owner
	ends  []EntryName
}

// ownMark is a mark of this server, with its end as a deadline.
type ownMark struct {
	id     string
	endsAt int64
}

// Left reports whether somebody has left the room a short time ago, on another server or
// while they were on another one too, and is not in it.
func (r *Room[C]) Left(id string) bool { return len(r.marks[id]) > 0 && !r.Has(id) }

// OwnMark returns the mark of this server for a user. It reports false if there is none.
func (r *Room[C]) OwnMark(id string) (Mark, bool) {
	for _, m := range r.marks[id] {
		if m.owner == r.options.Owner {
			return Mark{id, slices.Clone(m.ends)}, true
		}
	}
	return Mark{}, false
}

// PutMark takes in a mark of another owner, in place of its last one for that user. Conns
// are the connections on this server of a user who is gone by it.
func (r *Room[C]) PutMark(now Instant, owner Owner, m Mark) (events []event.Event, conns []C) {
	r.setNow(now)
	r.dropMark(owner, m.ID)
	r.addMark(m.ID, mark{owner, m.Ends})
	u := r.users[m.ID]
	if u == nil {
		return nil, nil
	}
	before, all := u.shown(), slices.Collect(r.Connections(m.ID))
	for _, name := range m.Ends {
		if name.Owner == r.options.Owner {
			if u.local && u.entry.Number == name.Number {
				conns = all
				r.dropOwn(u)
				r.deadlines.set(u, 0)
			}
		} else if i, found := u.findOwner(name.Owner); found && u.others[i].Number == name.Number {
			u.others = slices.Delete(u.others, i, i+1)
		}
	}
	return r.finishChange(u, before, event.ReasonLeft), conns
}

// DropMark forgets the mark of another owner for a user.
func (r *Room[C]) DropMark(owner Owner, id string) { r.dropMark(owner, id) }

// DropMarks forgets all marks of another owner.
func (r *Room[C]) DropMarks(owner Owner) {
	for id := range r.marks {
		r.dropMark(owner, id)
	}
}

// isEnded reports whether an entry of a user has been ended by a mark.
func (r *Room[C]) isEnded(id string, name EntryName) bool {
	return slices.ContainsFunc(r.marks[id], func(m mark) bool { return slices.Contains(m.ends, name) })
}

// markOthers makes a mark that ends what other owners know of a user.
func (r *Room[C]) markOthers(id string, u *user[C]) {
	if len(u.others) == 0 {
		return
	}
	m := mark{owner: r.options.Owner}
	for _, o := range u.others {
		m.ends = append(m.ends, EntryName{o.owner, o.Number})
	}
	if old, ok := r.OwnMark(id); ok {
		m.ends = append(m.ends, old.Ends...)
		r.endMark(id)
	}
	r.addMark(id, m)
	r.ownMarks = append(r.ownMarks, ownMark{id, r.offset() + int64(markStay)})
	r.noteMark(id)
}

// shrinkMark notes that an owner has another entry of a user now, or none if the number
// is 0: the mark of this server has not to wait for that owner any more.
func (r *Room[C]) shrinkMark(id string, owner Owner, number uint64) {
	for i, m := range r.marks[id] {
		if m.owner != r.options.Owner {
			continue
		}
		ends := slices.DeleteFunc(slices.Clone(m.ends), func(n EntryName) bool { return n.Owner == owner && n.Number != number })
		if len(ends) == len(m.ends) {
			return
		}
		if r.marks[id][i].ends = ends; len(ends) == 0 {
			r.endMark(id)
		}
		r.noteMark(id)
		return
	}
}

// endMarks ends the marks of this server that have been kept for long enough.
func (r *Room[C]) endMarks() {
	for len(r.ownMarks) > 0 && r.ownMarks[0].endsAt <= r.offset() {
		id := r.ownMarks[0].id
		r.endMark(id)
		r.noteMark(id)
	}
}

// endMark removes the mark of this server for a user.
func (r *Room[C]) endMark(id string) {
	r.dropMark(r.options.Owner, id)
	r.ownMarks = slices.DeleteFunc(r.ownMarks, func(m ownMark) bool { return m.id == id })
}

// noteMark notes that the mark of this server for a user has changed.
func (r *Room[C]) noteMark(id string) {
	if r.tracking {
		r.changed = append(r.changed, Changed{ID: id, Reason: event.ReasonLeft})
	}
}

func (r *Room[C]) addMark(id string, m mark) {
	if r.marks == nil {
		r.marks = make(map[string][]mark)
	}
	r.marks[id] = append(r.marks[id], m)
}

func (r *Room[C]) dropMark(owner Owner, id string) {
	left := slices.DeleteFunc(slices.Clone(r.marks[id]), func(m mark) bool { return m.owner == owner })
	if len(left) > 0 {
		r.marks[id] = left
		return
	}
	delete(r.marks, id)
	if len(r.marks) == 0 {
		r.marks = nil // or it would keep the memory of a crowd
	}
}
