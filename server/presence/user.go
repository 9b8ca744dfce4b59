package presence

import (
	"cmp"
	"slices"

	"rollcall/shared/event"
)

// user is one user of a room. There may be very many users, so the struct is small:
// times are numbers.
type user[C comparable] struct {
	local     bool  // this server has the user, in entry
	restored  bool  // the user has not come back since this server began
	ended     bool  // status and note have ended, and their owner has not said so yet
	counted   bool  // the user is counted in Room.local
	absent    bool  // and in Room.absent
	entry     Entry // what this server knows
	others    []ownedEntry
	conns     []connection[C] // none while the user may come back
	tabs      []TabRef        // the one that was used last is last
	reason    event.Reason    // why the user is gone if they are removed at their deadline
	dueAt     [kinds]int64    // the deadlines; 0 is never
	heapIndex [kinds]int32    // in the queue of that kind, counted from 1; 0 is none
}

// ownedEntry is what another server knows of a user.
type ownedEntry struct {
	owner  Owner
	silent bool // nothing is heard of that server: see [Room.SetSilent]
	Entry
}

// connection is one connection of a user.
type connection[C comparable] struct {
	id          C
	tab         string
	inactive    bool  // its tab is not used
	endedIdleAt int64 // when the user was not away any more because it joined; 0 for no such time
	idleBefore  int64 // since when the user had been away then
}

// maxTabs is how many tabs of a user are kept.
const maxTabs = 16

// hasDone reports whether a ref of a tab is done already.
func (u *user[C]) hasDone(name string, ref event.Ref) bool {
	i := u.tab(name)
	return i >= 0 && ref != 0 && ref <= u.tabs[i].Done
}

// takeOverTabs takes over what other servers have done for the tabs of a user who joins
// here.
func (u *user[C]) takeOverTabs() {
	for _, o := range u.others {
		for _, t := range o.Tabs {
			if !u.hasDone(t.Tab, t.Done) {
				u.markDone(t.Tab, t.Done)
			}
		}
	}
}

// markDone notes that a ref of a tab is done.
func (u *user[C]) markDone(name string, ref event.Ref) {
	if name == "" || ref == 0 {
		return
	}
	if i := u.tab(name); i >= 0 {
		u.tabs = slices.Delete(u.tabs, i, i+1)
	} else if len(u.tabs) == maxTabs {
		u.tabs = slices.Delete(u.tabs, 0, 1)
	}
	u.tabs = append(u.tabs, TabRef{name, ref})
}

// tab returns the index of a tab; -1 if it is not known.
func (u *user[C]) tab(name string) int {
	return slices.IndexFunc(u.tabs, func(t TabRef) bool { return t.Tab == name })
}

// willBeRemoved reports whether the user is removed at their deadline.
func (u *user[C]) willBeRemoved() bool { return len(u.conns) == 0 && u.dueAt[byDeadline] != 0 }

// findOwner returns the index in others for an owner, and whether the owner is there.
func (u *user[C]) findOwner(owner Owner) (int, bool) {
	return slices.BinarySearchFunc(u.others, owner, func(o ownedEntry, owner Owner) int { return cmp.Compare(o.owner, owner) })
}

// id returns the public id of a user whom somebody has.
func (u *user[C]) id() string {
	if u.local {
		return u.entry.User.ID
	}
	return u.others[0].User.ID
}

// dropSilent drops what the servers know of which nothing is heard. It is called when the
// user has come online at another one: nobody else can say that they are not there any
// more.
func (u *user[C]) dropSilent() {
	u.others = slices.DeleteFunc(u.others, func(o ownedEntry) bool { return o.silent })
}

// onlySilent reports whether nothing is heard of any other server that has the user.
func (u *user[C]) onlySilent() bool {
	return !slices.ContainsFunc(u.others, func(o ownedEntry) bool { return !o.silent })
}

// merged returns what all owners know together.
func (u *user[C]) merged() Entry {
	e, others := u.entry, u.others
	if !u.local && len(others) > 0 {
		e, others = others[0].heard(), others[1:]
	}
	for _, o := range others {
		e = Merge(e, o.heard())
	}
	return e
}

// heard returns the entry as it counts: a server of which nothing is heard is not known to
// have a connection with the user.
func (o ownedEntry) heard() Entry {
	if o.silent {
		o.User.Link = event.LinkReconnecting
	}
	return o.Entry
}

// shown returns the user as others see them; without an id if they are not here.
func (u *user[C]) shown() event.User {
	e := u.merged()
	if u.ended {
		e.User = statusEnded.Apply(e.User)
	}
	return e.Shown()
}
