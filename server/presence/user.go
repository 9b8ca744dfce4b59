package presence

import (
	"cmp"
	"slices"

	"rollcall/shared/event"
)

// user is one user of a room. There may be very many of them, so what is rare is
// not kept twice, and times are numbers.
type user[C comparable] struct {
	local     bool  // this server has them, and then
	restored  bool  // they have not been back since it began
	ended     bool  // the shown status and note have ended, and their owner has not said so yet
	absent    bool  // they are counted in Room.absent
	entry     Entry // is what it knows of them
	others    []ownedEntry
	conns     []connection[C] // none while they are expected back
	tabs      []tab           // with what of them is done; the one used last comes last
	reason    event.Reason    // why they go at their deadline, if they go
	dueAt     [kinds]int64    // when something is due; 0 is never
	heapIndex [kinds]int32    // in the queue of that kind, counted from 1; 0 is none
}

// ownedEntry is what another server knows of a user.
type ownedEntry struct {
	owner Owner
	Entry
}

// connection is one tab of a user, as far as it is known.
type connection[C comparable] struct {
	id          C
	tab         string
	inactive    bool  // it is not looked at
	endedIdleAt int64 // when its coming ended the user's being away; 0 if it did not
	idleBefore  int64 // since when they had been away, then
}

// tab is the last that is done of what a client has said.
type tab struct {
	name string
	done event.Ref
}

// maxTabs is how many tabs of a user are remembered.
const maxTabs = 16

// hasDone reports whether what a tab says is done already.
func (u *user[C]) hasDone(name string, ref event.Ref) bool {
	i := u.tab(name)
	return i >= 0 && ref != 0 && ref <= u.tabs[i].done
}

// markDone notes that what a tab says is done.
func (u *user[C]) markDone(name string, ref event.Ref) {
	if name == "" || ref == 0 {
		return
	}
	if i := u.tab(name); i >= 0 {
		u.tabs = slices.Delete(u.tabs, i, i+1)
	} else if len(u.tabs) == maxTabs {
		u.tabs = slices.Delete(u.tabs, 0, 1)
	}
	u.tabs = append(u.tabs, tab{name, ref})
}

// tab is the place of a tab, -1 if nothing is known of it.
func (u *user[C]) tab(name string) int {
	return slices.IndexFunc(u.tabs, func(t tab) bool { return t.name == name })
}

// willBeRemoved reports whether the user is to go at their deadline.
func (u *user[C]) willBeRemoved() bool { return len(u.conns) == 0 && u.dueAt[byDeadline] != 0 }

// findOwner is the place of what another owner knows, and whether it knows
// anything.
func (u *user[C]) findOwner(owner Owner) (int, bool) {
	return slices.BinarySearchFunc(u.others, owner, func(o ownedEntry, owner Owner) int { return cmp.Compare(o.owner, owner) })
}

// merged is what all owners know together.
func (u *user[C]) merged() Entry {
	e, others := u.entry, u.others
	if !u.local && len(others) > 0 {
		e, others = others[0].Entry, others[1:]
	}
	for _, o := range others {
		e = Merge(e, o.Entry)
	}
	return e
}

// shown is the user as others see them, without an id if they are not here.
func (u *user[C]) shown() event.User {
	e := u.merged()
	if u.ended {
		e.User = statusEnded.Apply(e.User)
	}
	return e.Shown()
}
