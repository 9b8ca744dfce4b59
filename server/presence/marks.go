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
	At   int64  // when they left, Unix milliseconds; 0 if an older server says it
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

// recountAfter is how long after the end of a mark an entry may count again that it had
// ended: its owner lets it go, and is to be heard before that.
const recountAfter = 5 * time.Second

// leftStay is how long it is known that somebody has left: as long as clients need to come
// back after a restart, when their timers run once a minute.
const leftStay = 90 * time.Second

// mark is a mark of one owner.
type mark struct {
	owner  Owner
	at     int64
	ends   []EntryName
	endsAt int64 // of a mark of this server
}

// fifo has times for users, in their order.
type fifo []timeOf

type timeOf struct {
	id string
	at int64
}

func (f *fifo) add(id string, at int64) { *f = append(*f, timeOf{id, at}) }

// due removes and returns the users whose time has come.
func (f *fifo) due(now int64) (ids []string) {
	for len(*f) > 0 && (*f)[0].at <= now {
		ids = append(ids, (*f)[0].id)
		*f = (*f)[1:]
	}
	if len(*f) == 0 {
		*f = nil
	}
	return ids
}

// leaving is that a user has gone.
type leaving struct {
	at      int64 // Unix milliseconds, as their server says
	heardAt int64
	left    bool // they wanted to
}

// Left reports whether somebody has left the room within leftStay, on any server, and is
// not in it. Since is since when their tab is in the room, Unix milliseconds: one that came
// after that is of somebody who has come again. 0 is before.
func (r *Room[C]) Left(id string, since int64) bool {
	l, ok := r.gone[id]
	return ok && l.left && since <= l.at && r.offset()-l.heardAt < int64(leftStay) && !r.Has(id)
}

// Gone returns the users who have gone within leftStay and are not in the room, in no order.
func (r *Room[C]) Gone() (ids []string) {
	for id, l := range r.gone {
		if r.offset()-l.heardAt < int64(leftStay) && !r.Has(id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// noteGone notes that somebody has gone, and when. A server that is alone has its log for
// that.
func (r *Room[C]) noteGone(id string, at int64, left bool) {
	if r.options.Owner == "" {
		return
	}
	if r.gone == nil || r.goneEndsAt <= r.offset() {
		gone := make(map[string]leaving) // another one: the old one would keep its memory
		for id, l := range r.gone {
			if r.offset()-l.heardAt < int64(leftStay) {
				gone[id] = l
			}
		}
		r.gone, r.goneEndsAt = gone, r.offset()+int64(leftStay)
	}
	r.gone[id] = leaving{at, r.offset(), left}
}

// OwnMark returns the mark of this server for a user. It reports false if there is none.
func (r *Room[C]) OwnMark(id string) (Mark, bool) {
	m, ok := r.ownMark(id)
	if !ok {
		return Mark{}, false
	}
	return Mark{id, m.at, slices.Clone(m.ends)}, true
}

func (r *Room[C]) ownMark(id string) (mark, bool) {
	i := slices.IndexFunc(r.marks[id], func(m mark) bool { return m.owner == r.options.Owner })
	if i < 0 {
		return mark{}, false
	}
	return r.marks[id][i], true
}

// PutMark takes in a mark of another owner, in place of its last one for that user. Conns
// are the connections on this server of a user who is gone by it.
func (r *Room[C]) PutMark(now Instant, owner Owner, m Mark) (events []event.Event, conns []C) {
	r.setNow(now)
	r.dropMark(owner, m.ID)
	r.addMark(m.ID, mark{owner: owner, at: m.At, ends: m.Ends})
	u := r.users[m.ID]
	if u == nil {
		r.noteMarkLeft(m)
		return nil, nil
	}
	before := u.shown()
	if u.local && r.isEntryEnded(m.ID, r.options.Owner, u.entry) {
		conns = slices.Collect(r.Connections(m.ID))
		r.dropOwn(u)
		r.deadlines.set(u, 0)
	}
	for i := range u.others {
		o := &u.others[i]
		o.ended = o.ended || r.isEntryEnded(m.ID, o.owner, o.Entry)
	}
	if events = r.finishChange(u, before, event.ReasonLeft); !r.Has(m.ID) {
		r.noteMarkLeft(m)
	}
	return events, conns
}

// noteMarkLeft notes that somebody has left, as a mark says.
func (r *Room[C]) noteMarkLeft(m Mark) {
	if m.At == 0 {
		m.At = r.now.Unix
	}
	r.noteGone(m.ID, m.At, true)
}

// DropMark forgets the mark of another owner for a user.
func (r *Room[C]) DropMark(now Instant, owner Owner, id string) {
	r.setNow(now)
	r.dropMark(owner, id)
}

// DropMarks forgets all marks of another owner.
func (r *Room[C]) DropMarks(now Instant, owner Owner) {
	r.setNow(now)
	for id := range r.marks {
		r.dropMark(owner, id)
	}
}

// dropMarks forgets all marks of an owner who is gone. What they had ended counts again:
// nobody would tell the others of them.
func (r *Room[C]) dropMarks(owner Owner) (events []event.Event) {
	for id, marks := range r.marks {
		if slices.ContainsFunc(marks, func(m mark) bool { return m.owner == owner }) {
			r.dropMark(owner, id)
			events = append(events, r.recount(id)...)
		}
	}
	return events
}

// recountDue recounts the users for whom it is time.
func (r *Room[C]) recountDue() (events []event.Event) {
	for _, id := range r.recounts.due(r.offset()) {
		events = append(events, r.recount(id)...)
	}
	return events
}

// recount decides anew which entries of a user are ended by marks.
func (r *Room[C]) recount(id string) []event.Event {
	u := r.users[id]
	if u == nil {
		return nil
	}
	before := u.shown()
	for i := range u.others {
		o := &u.others[i]
		o.ended = r.isEntryEnded(id, o.owner, o.Entry)
	}
	return r.finishChange(u, before, event.ReasonLeft)
}

// isEntryEnded reports whether an entry of a user, or the one that it continues, has been
// ended by a mark.
func (r *Room[C]) isEntryEnded(id string, owner Owner, e Entry) bool {
	return r.isEnded(id, EntryName{owner, e.Number}) || e.was() != (EntryName{}) && r.isEnded(id, e.was())
}

// isEnded reports whether the entry of that name has been ended by a mark.
func (r *Room[C]) isEnded(id string, name EntryName) bool {
	return slices.ContainsFunc(r.marks[id], func(m mark) bool { return slices.Contains(m.ends, name) })
}

// markOthers makes a mark that ends what other owners know of a user.
func (r *Room[C]) markOthers(id string, u *user[C]) {
	forgotten := r.forgotten[id]
	if r.offset()-forgotten.at >= int64(markStay) {
		forgotten.names = nil
	}
	if len(u.others)+len(forgotten.names) == 0 {
		return
	}
	m := mark{owner: r.options.Owner, at: r.now.Unix, endsAt: r.offset() + int64(markStay)}
	old, some := r.ownMark(id)
	m.ends = append(m.ends, old.ends...)
	names := forgotten.names
	for i := range u.others {
		o := &u.others[i]
		o.ended = true
		names = append(names[:len(names):len(names)], o.entryName())
	}
	for _, name := range names {
		if !slices.Contains(m.ends, name) {
			m.ends = append(m.ends, name)
		}
	}
	if some && len(m.ends) == len(old.ends) {
		m.endsAt = old.endsAt // otherwise it could be kept for ever
	} else {
		r.markEnds.add(id, m.endsAt)
	}
	if some {
		r.endMark(id)
	}
	r.addMark(id, m)
	r.ownMarks++
	r.noteMark(id)
}

// forgottenEntries are entries of a user whose owners were lost: they may come back with them.
type forgottenEntries struct {
	names []EntryName
	at    int64
}

// noteForgotten notes the entries of an owner that is lost, for the mark of a user who leaves
// soon after that.
func (r *Room[C]) noteForgotten(owner Owner) {
	for id, f := range r.forgotten {
		if r.offset()-f.at >= int64(markStay) {
			delete(r.forgotten, id)
		}
	}
	for u := range r.owned[owner] {
		if !u.local && len(u.others) == 1 {
			continue // nobody is left who could leave
		}
		if r.forgotten == nil {
			r.forgotten = make(map[string]forgottenEntries)
		}
		i, _ := u.findOwner(owner)
		names := append(slices.Clone(r.forgotten[u.id()].names), u.others[i].entryName())
		r.forgotten[u.id()] = forgottenEntries{names, r.offset()}
	}
}

// SetReachable sets whether other servers can be told of anything now. While they cannot,
// marks are kept.
func (r *Room[C]) SetReachable(now Instant, reachable bool) {
	r.setNow(now)
	if r.unreachable == !reachable {
		return
	}
	r.unreachable = !reachable
	if r.unreachable {
		return
	}
	r.markEnds = nil
	for id, marks := range r.marks {
		for i := range marks {
			if marks[i].owner == r.options.Owner {
				marks[i].endsAt = r.offset() + int64(markStay)
				r.markEnds.add(id, marks[i].endsAt)
			}
		}
	}
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
	if r.unreachable {
		return
	}
	for _, id := range r.markEnds.due(r.offset()) {
		if slices.ContainsFunc(r.marks[id], func(m mark) bool { return m.owner == r.options.Owner && m.endsAt <= r.offset() }) {
			r.endMark(id)
			r.noteMark(id)
		}
	}
}

// endMark removes the mark of this server for a user.
func (r *Room[C]) endMark(id string) {
	r.ownMarks--
	r.dropMark(r.options.Owner, id)
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
	if len(r.marks[id]) == 0 {
		return
	}
	if r.users[id] != nil {
		r.recounts.add(id, r.offset()+int64(recountAfter))
	}
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
