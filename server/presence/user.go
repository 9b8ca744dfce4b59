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
	here      bool  // the user is counted in Room.here
	counted   bool  // and in Room.local
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
	// The entry does not count, but its owner has it still: a mark has ended it, or the
	// user has come online elsewhere while the owner was silent (see Ties.Over).
	ended, superseded bool
	Entry
}

// counts reports whether the entry says that the user is in the room.
func (o ownedEntry) counts() bool { return !o.ended && !o.superseded }

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

// hasDone reports whether a ref of a tab is done already, on any server.
func (u *user[C]) hasDone(name string, ref event.Ref) bool {
	return ref != 0 && (hasRef(u.tabs, name, ref) ||
		slices.ContainsFunc(u.others, func(o ownedEntry) bool { return hasRef(o.Tabs, name, ref) }))
}

func hasRef(tabs []TabRef, name string, ref event.Ref) bool {
	return slices.ContainsFunc(tabs, func(t TabRef) bool { return t.Tab == name && ref <= t.Done })
}

// takeOverTabs takes over what another server has done for the tabs of a user of this one,
// as far as there is space: two servers must not drop each other's in turns.
func (u *user[C]) takeOverTabs(tabs []TabRef) {
	for _, t := range tabs {
		if !hasRef(u.tabs, t.Tab, t.Done) && (u.tab(t.Tab) >= 0 || len(u.tabs) < maxTabs) {
			u.markDone(t.Tab, t.Done)
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

// supersede has what some silent servers know not count any more, since the user has come
// online here in their place. Other servers are told so by the entry: nobody else could say
// that the user is not there.
func (u *user[C]) supersede(which func(ownedEntry) bool) {
	var over []EntryName
	for _, o := range u.others {
		if name := o.entryName(); slices.Contains(u.entry.over(), name) || which(o) {
			over = append(over, name)
		}
	}
	u.entry.Ties = tiesOf(over, u.entry.was())
	u.updateSuperseded(false)
}

// updateSuperseded has entries of silent servers not count in whose place the user is online
// at another one, or has just come online somewhere.
func (u *user[C]) updateSuperseded(came bool) {
	for i := range u.others {
		o := &u.others[i]
		if !o.silent || o.superseded {
			continue
		}
		name := o.entryName()
		o.superseded = came || u.local && slices.Contains(u.entry.over(), name) ||
			slices.ContainsFunc(u.others, func(by ownedEntry) bool { return slices.Contains(by.over(), name) })
	}
}

// entryName returns the name of the entry.
func (o ownedEntry) entryName() EntryName { return EntryName{o.owner, o.Number} }

// isElsewhere reports whether another server has the user.
func (u *user[C]) isElsewhere() bool { return slices.ContainsFunc(u.others, ownedEntry.counts) }

// isHere reports whether the user is in the room.
func (u *user[C]) isHere() bool { return u.local || u.isElsewhere() }

// onlySilent reports whether nothing is heard of any other server that has the user.
func (u *user[C]) onlySilent() bool {
	return !slices.ContainsFunc(u.others, func(o ownedEntry) bool { return o.counts() && !o.silent })
}

// merged returns what all owners know together whose entries count.
func (u *user[C]) merged() Entry {
	e, some := u.entry, u.local
	for i := range u.others {
		switch o := &u.others[i]; {
		case !o.counts():
		case some:
			e = Merge(e, o.heard())
		default:
			e, some = o.heard(), true
		}
	}
	return e
}

// heard returns the entry as it counts: a server of which nothing is heard is not known to
// have a connection with the user.
func (o *ownedEntry) heard() Entry {
	e := o.Entry
	if o.silent {
		e.User.Link = event.LinkReconnecting
	}
	return e
}

// shown returns the user as others see them; without an id if they are not here.
func (u *user[C]) shown() event.User {
	if !u.isHere() {
		return event.User{}
	}
	e := u.merged()
	if u.ended {
		e.User = statusEnded.Apply(e.User)
	}
	return e.Shown()
}
