package hub

import (
	"slices"

	"rollcall/server/presence"
	"rollcall/server/slice"
	"rollcall/shared/event"
)

// Cluster is told which rooms this server has, to share them with other servers. Its
// methods are called in any order and from any goroutine, and must not block.
type Cluster interface {
	// Opened is called when there is a room. Nobody enters it until Shared.Ready is
	// called.
	Opened(*Shared)
	// Ended is called when there is no such room any more.
	Ended(*Shared)
	// Generation is another one after this server has stood still for so long that it
	// was silent for the others. It is not current before that is noticed. Then what
	// comes on older connections counts no more: the client may have said it again to
	// another server long ago, and something else after that.
	Generation() (number uint64, current bool)
}

// Outdated reports whether this server has stood still since the connection was made. What
// comes on it then does not count, and it is to be ended.
func (c *Conn) Outdated() bool {
	cluster := c.room.hub.options.Cluster
	if cluster == nil {
		return false
	}
	number, current := cluster.Generation()
	return !current || number != c.generation
}

// Shared is a room that several servers may have. What this server knows of its own users
// there is its slice: a log like that of the room. The cluster is a connection with a
// cursor on that log, so it gets the changes in the same way as every client. All methods
// are safe for concurrent use. They wait for the lock of the room.
type Shared struct {
	room     *room
	restored bool
}

// Name returns the name of the room.
func (s *Shared) Name() string { return s.room.name }

// Restored reports whether the room is one of the last run of this server, with its
// users.
func (s *Shared) Restored() bool { return s.restored }

// Ready lets clients into the room: it is known what other servers know, or has been
// waited for. Further calls do nothing.
func (s *Shared) Ready() {
	r := s.room
	defer r.endIfEmpty() // those who came with a restored room may have gone meanwhile
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.isOpening() {
		close(r.opening)
	}
}

// Keep sets whether the room goes on without users and connections here: this server knows
// of users of another one that starts again, and who of them has gone.
func (s *Shared) Keep(keep bool) {
	r := s.room
	defer r.endIfEmpty()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.kept = keep
}

// isOpening reports whether clients have to wait.
func (r *room) isOpening() bool {
	if r.opening == nil {
		return false
	}
	select {
	case <-r.opening:
		return false
	default:
		return true
	}
}

// Update is what another server tells of its slice.
type Update struct {
	Owner presence.Owner
	Put   []presence.Entry
	Marks []presence.Mark
	Gone  []event.DisconnectUser // entries
	Ended []string               // marks, by the ids of the users
	// Whole is whether this is all of the slice: all else of that owner goes.
	Whole bool
	// Silent is whether nothing is heard of that owner but this.
	Silent bool
	// Known is whether those who are new have been in the room for longer, as far as
	// anybody can tell. Clients get a snapshot then: nobody is seen to arrive.
	Known bool
}

// Update takes in what another server tells.
func (s *Shared) Update(u Update) {
	s.change(func(r *room) (news []event.Event) {
		now := r.now()
		if u.Whole {
			u.Gone = append(u.Gone, r.missing(u)...)
			r.presence.DropMarks(now, u.Owner)
		}
		for _, m := range u.Marks {
			events, conns := r.presence.PutMark(now, u.Owner, m)
			for _, c := range conns {
				c.leaving, c.leftEvents = true, []event.Event{r.leftEvent(m.ID)}
				r.scheduleFlush()
			}
			news = append(news, events...)
		}
		for _, id := range u.Ended {
			r.presence.DropMark(now, u.Owner, id)
		}
		if u.Whole {
			r.log.roster.Grow(len(u.Put))
			news = slices.Grow(news, len(u.Put))
		}
		for _, e := range u.Put {
			news = append(news, r.presence.Put(now, u.Owner, e, !u.Whole)...)
		}
		for _, e := range u.Gone {
			news = append(news, r.presence.Drop(now, u.Owner, e.ID, e.Reason)...)
		}
		if u.Silent {
			news = append(news, r.presence.SetSilent(now, u.Owner, true)...)
		}
		isNew := func(e event.Event) bool { _, ok := e.(event.NewUser); return ok }
		if u.Known && slices.ContainsFunc(news, isNew) {
			for _, c := range r.conns {
				c.needsSnapshot = c.needsSnapshot || !c.ofSlice
			}
		}
		return news
	})
}

// missing returns the users of an owner whom a whole slice does not have any more.
func (r *room) missing(u Update) (gone []event.DisconnectUser) {
	owned := r.presence.OwnedBy(u.Owner)
	if len(owned) == 0 { // as at first, when there may be very many
		return nil
	}
	has := make(map[string]bool, len(u.Put))
	for _, e := range u.Put {
		has[e.User.ID] = true
	}
	for _, id := range owned {
		if !has[id] {
			gone = append(gone, event.DisconnectUser{ID: id, Reason: event.ReasonLost})
		}
	}
	return gone
}

// leftEvent returns what the connections of a user are told who has left elsewhere.
func (r *room) leftEvent(id string) event.Event {
	u, _ := r.log.roster.Get(id)
	return event.DisconnectUser{ID: id, Name: u.Name, Reason: event.ReasonLeft}
}

// SetSilent sets whether nothing is heard of another server. Its users are then
// reconnecting.
func (s *Shared) SetSilent(owner presence.Owner, silent bool) {
	s.change(func(r *room) []event.Event { return r.presence.SetSilent(r.now(), owner, silent) })
}

// DropOwner removes all that another server knows.
func (s *Shared) DropOwner(owner presence.Owner, reason event.Reason) {
	s.change(func(r *room) []event.Event { return r.presence.DropOwner(r.now(), owner, reason) })
}

// change changes what is known of the users of other servers.
func (s *Shared) change(f func(*room) []event.Event) {
	r := s.room
	defer r.endIfEmpty()
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.ended && !r.stopped {
		r.applyAll(f(r), nil)
	}
}

// SetPartial sets whether other servers may have users whom this one does not know of.
// All clients are told if that has changed.
func (s *Shared) SetPartial(partial bool) {
	r := s.room
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.partial == partial {
		return
	}
	r.partial = partial
	for _, c := range r.conns {
		c.needsFrame = c.needsFrame || !c.ofSlice
	}
	r.scheduleFlush()
}

// Holds returns the users of whom one of the owners knows something.
func (s *Shared) Holds(owners func(presence.Owner) bool) []string {
	r := s.room
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.presence.Held(owners)
}

// Gone returns the users who have gone from the room a short while ago.
func (s *Shared) Gone() []string {
	r := s.room
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.presence.Gone()
}

// SetReachable sets whether other servers can be told of anything now.
func (s *Shared) SetReachable(reachable bool) {
	r := s.room
	r.mu.Lock()
	defer r.mu.Unlock()
	r.presence.SetReachable(r.now(), reachable)
	r.setAlarm()
}

// Share begins the slice, and has its changes sent to sink. Before that, and after
// Unshare, nothing is done for other servers when a user changes. It takes some
// microseconds for every user of this server. If the room is shared already, nothing
// happens.
func (s *Shared) Share(sink Sink) {
	r := s.room
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.slice != nil || r.ended {
		return
	}
	r.slice = &roomSlice{changeLog: changeLog{maxEntries: r.hub.logEntries}}
	r.presence.Track(true) // anew
	users := make([]event.User, 0, r.presence.Local())
	for _, id := range r.presence.OwnIDs() {
		users = append(users, r.elementsOf(id)...)
	}
	slices.SortFunc(users, event.User.Compare)
	r.slice.roster.Apply(event.ExistingUsers{Users: users})
	r.slice.reset(1) // 0 is the seq of who knows nothing
	r.slice.conn = &Conn{room: r, sink: sink, ofSlice: true, started: true, cursor: r.slice.head}
	r.addConn(r.slice.conn)
}

// Unshare ends the slice.
func (s *Shared) Unshare() {
	r := s.room
	defer r.endIfEmpty() // it waits no more until others have heard of that
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.slice == nil {
		return
	}
	r.removeConn(r.slice.conn)
	r.presence.Track(r.hub.options.Journal)
	r.slice = nil
}

// Slice is the slice of a server at one moment, or what has changed in it.
type Slice struct {
	Whole bool // it is all of it
	Users []event.User
	Gone  []event.DisconnectUser
	State event.Room
}

// Slice returns the slice as it is now. If since is not 0, and the log reaches back to that
// seq, it is only what has changed since. It reports false if the room is not shared.
func (s *Shared) Slice(since uint64) (Slice, bool) {
	r := s.room
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.slice == nil {
		return Slice{}, false
	}
	state := r.roomEvent(&r.slice.changeLog)
	if since != 0 {
		if d, ok := r.slice.diffSince(since); ok {
			return Slice{Users: append(d.arrived, d.updated...), Gone: d.gone, State: state}, true
		}
	}
	return Slice{Whole: true, Users: r.slice.roster.Users(), State: state}, true
}

// TellSlice has a frame with the state of the slice sent, even if nothing has changed. It
// comes in its turn: a state that is newer than the frames before it would look as if one
// of them had been lost.
func (s *Shared) TellSlice() {
	r := s.room
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.slice != nil {
		r.slice.conn.needsFrame = true
		r.scheduleFlush()
	}
}

// SliceState returns the room event of the slice. It reports false if the room is not
// shared.
func (s *Shared) SliceState() (event.Room, bool) {
	r := s.room
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.slice == nil {
		return event.Room{}, false
	}
	return r.roomEvent(&r.slice.changeLog), true
}

// roomSlice is the slice of this server in a room.
type roomSlice struct {
	changeLog
	conn *Conn
}

// sliceTold reports whether the cluster has been sent all of the slice.
func (r *room) sliceTold() bool {
	return r.slice == nil || r.slice.conn.cursor == r.slice.head && !r.flushing
}

// noteChanged notes which users of this server have changed: in the slice, and for Changes.
func (r *room) noteChanged() {
	changes := r.presence.Changed()
	if r.hub.options.Journal {
		r.noteUnsaved(changes)
	}
	if r.slice == nil {
		return
	}
	changed := false
	for _, c := range changes {
		elements := r.elementsOf(c.ID)
		for _, of := range []string{c.ID, slice.MarkID(c.ID)} {
			var e event.Event = event.DisconnectUser{ID: of, Reason: c.Reason}
			for _, u := range elements {
				if u.ID == of {
					e = event.NewUser{User: u}
				}
			}
			if _, ok := r.slice.apply(e, r.slice.head+1); ok {
				changed = true
			}
		}
	}
	if changed {
		r.scheduleFlush()
	}
}

// elementsOf returns what the slice has of a user.
func (r *room) elementsOf(id string) (elements []event.User) {
	if e, ok := r.presence.Own(id); ok {
		elements = append(elements, slice.Encode(r.hub.options.Owner, e))
	}
	if m, ok := r.presence.OwnMark(id); ok {
		elements = append(elements, slice.EncodeMark(m))
	}
	return elements
}

// await waits until clients are let into the room, or the hub is closed. Until the caller
// calls entered, the room does not end.
func (r *room) await() (entered func()) {
	if !r.isOpening() {
		return func() {}
	}
	r.mu.Lock()
	r.waiting++
	r.mu.Unlock()
	select {
	case <-r.opening:
	case <-r.hub.done:
	}
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.waiting--
	}
}
