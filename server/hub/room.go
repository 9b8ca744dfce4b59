package hub

import (
	"crypto/rand"
	"slices"
	"sync"
	"time"

	"rollcall/server/presence"
	"rollcall/shared/event"
)

// room is one room, as long as a user or a connection is in it.
type room struct {
	hub   *Hub
	name  string
	epoch string

	// Both only with a cluster.
	shared  Shared
	opening chan struct{} // closed when clients are let in; nil without a cluster

	mu             sync.Mutex            // guards what follows and the fields of Conns that say so
	waiting        int                   // how many hellos wait until clients are let in
	slice          *roomSlice            // nil unless other servers take part in the room
	arrivals       []time.Time           // of users who are in no frame yet; only for Options.Seen
	unsaved        map[string]struct{}   // users who have changed since Changes, by id
	partial        bool                  // other servers may have users whom this one does not know
	kept           bool                  // it goes on without anybody: see Shared.Keep
	ended          bool                  // nobody is left: the next one who joins opens a new room
	stopped        bool                  // the hub is closing: no flush and no alarm is started
	presence       *presence.Room[*Conn] // who is here, and why
	log            changeLog             // of all users
	absent         int                   // how many of its users are counted in hub.absent
	hasSlot        bool                  // it holds one of hub.slots, for the users who are here
	source         string                // whose connection took the slot
	conns          []*Conn               // in no order; each knows its index
	watching       int                   // how many of conns only watch
	large          bool                  // there are more users than the window: it is shown in parts
	searchIndex    []indexEntry          // what searches look at, of everybody, in order of arrival; only while the room is large
	views          map[event.View]*view  // nil while there are none
	alarm          *time.Timer           // nil unless presence has a deadline
	alarmTime      time.Time             // when the alarm goes off
	flushing       bool                  // a flush is under way or scheduled
	dirty          bool                  // something has changed since the flush began
	batch          []delivery
	flushSize      int // bytes of frames in the flush under way
	firstPostponed int // the connection with which the next flush begins, counted from 1 in conns; 0 is none
}

func newRoom(h *Hub, name string) *room {
	r := &room{
		hub:   h,
		name:  name,
		epoch: rand.Text()[:12],
		presence: presence.New[*Conn](presence.Options{
			Owner: h.options.Owner, Away: h.options.Away, NextNumber: func() uint64 { return h.entries.Add(1) },
		}),
		log: changeLog{maxEntries: h.logEntries},
	}
	r.presence.Track(h.options.Journal)
	if h.options.Cluster != nil {
		r.shared.room, r.opening = r, make(chan struct{})
	}
	return r
}

// now returns the time by both clocks.
func (r *room) now() presence.Instant {
	return presence.Instant{Steady: time.Now(), Unix: r.hub.options.Now().UnixMilli()}
}

// join makes a connection one of its user's. The user arrives if they are not here.
func (r *room) join(p Person, sink Sink) (*Conn, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.checkOpen(); err != nil {
		return nil, err
	}
	c := &Conn{room: r, joinedAt: time.Now().UnixMilli(), resumed: p.Resume != nil, id: p.ID, sink: sink, source: p.Source, charge: p.Charge, resume: p.Resume, helloRef: p.Ref, newSession: p.NewSession}
	if !r.presence.Has(p.ID) && r.hasLeft(p) {
		r.turnAway(c, p)
		return c, nil
	}
	if err := r.admit(p); err != nil {
		return nil, err
	}
	news, err := r.presence.Join(r.now(), c, presence.Hello{
		ID: p.ID, Profile: p.Profile, Change: p.Change, Tab: p.Tab, Ref: p.Ref, Resumed: p.Resume != nil,
	})
	if err != nil {
		r.releaseUnusedSlot()
		return nil, err
	}
	r.hub.counts.Joined.Add(1)
	r.applyAll(news, c)
	r.addConn(c)
	return c, nil
}

// admit returns why a client must not join. A client that resumes costs nothing if its
// user is here and the log reaches that far, so it is always let in.
func (r *room) admit(p Person) error {
	switch {
	case !r.presence.Has(p.ID):
		return r.admitUser(p.Visitor)
	case !r.takeSlot(p.Source): // the user is on other servers only
		return ErrTooManyRooms
	case p.Admit == nil || r.canResume(p.Resume):
		return nil
	}
	err := p.Admit(true)
	if err != nil {
		r.releaseUnusedSlot()
	}
	return err
}

// turnAway tells a client that its user has left the room while it was away, in
// another tab. It does not join again.
func (r *room) turnAway(c *Conn, p Person) {
	gone := event.DisconnectUser{ID: p.ID, Reason: event.ReasonLeft}
	if name := p.Profile.Then(p.Change).Name; name != nil {
		gone.Name = *name
	}
	c.leaving, c.leftEvents = true, []event.Event{gone}
	r.addConn(c)
}

// applyAll changes the room by the events of presence. If a connection has caused them,
// it is charged for what they cost.
func (r *room) applyAll(news []event.Event, by *Conn) {
	if by != nil {
		r.noteArrivals(news)
	}
	for _, e := range news {
		if r.apply(e) {
			r.hub.counts.count(e)
		}
		var u event.User
		switch e := e.(type) {
		case event.NewUser:
			u = e.User
		case event.UpdateUser:
			u = e.User
			for c := range r.presence.Connections(u.ID) {
				c.ownChanged = true
			}
		case event.DisconnectUser:
			u.ID, u.Name = e.ID, e.Name
		}
		if by != nil {
			by.addCost(r.costOf(u))
		}
	}
	r.noteChanged()
	r.releaseUnusedSlot()
	if absent := r.presence.Absent(); absent != r.absent {
		r.hub.absent.Add(int64(absent - r.absent))
		r.absent = absent
	}
	r.setAlarm()
}

// hasLeft reports whether the user of a client that resumes has left in another tab
// while the client was away, as far as the log reaches. In a room of several servers, the
// client may have been at another one, and may have come there after that.
func (r *room) hasLeft(p Person) bool {
	if p.Resume == nil {
		return false
	}
	if p.Resume.Epoch != r.epoch {
		return r.presence.Left(p.ID, p.Resume.Since)
	}
	missed, _ := r.log.entriesSince(p.Resume.Seq)
	for _, e := range slices.Backward(missed) {
		if e.id == p.ID {
			return e.reason == event.ReasonLeft
		}
	}
	return false
}

func (r *room) watch(v Visitor, sink Sink) (*Conn, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.checkOpen(); err != nil {
		return nil, err
	}
	if v.Admit != nil {
		if err := v.Admit(false); err != nil {
			return nil, err
		}
	}
	c := &Conn{room: r, sink: sink, source: v.Source, charge: v.Charge, resume: v.Resume, helloRef: v.Ref}
	r.watching++
	r.hub.counts.Watched.Add(1)
	r.addConn(c)
	return c, nil
}

func (r *room) checkOpen() error {
	switch {
	case r.hub.closed.Load():
		return ErrClosed
	case r.ended:
		return errEnded
	}
	return nil
}

func (r *room) addConn(c *Conn) {
	c.index = len(r.conns)
	r.conns = append(r.conns, c)
	r.scheduleFlush()
}

// removeConn takes a connection out of the room, so that it gets no frames.
func (r *room) removeConn(c *Conn) {
	if c.index < 0 {
		return
	}
	last := r.conns[len(r.conns)-1]
	r.conns[c.index], last.index = last, c.index
	r.conns[len(r.conns)-1] = nil
	r.conns = fit(r.conns[:len(r.conns)-1])
	c.index = -1
	r.detachView(c)
	if c.Watches() {
		r.watching--
	}
}

// spare is how many unused elements of a slice are not worth giving back.
const spare = 16

// fit returns a slice without the memory that it has from a crowd that is gone.
func fit[E any](s []E) []E {
	if cap(s) > 4*len(s)+spare {
		return slices.Clone(s)
	}
	return s
}

// leave removes a user at once, and has each of their connections told.
func (r *room) leave(c *Conn, ref event.Ref) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c.index < 0 {
		return // it is out of the room already
	}
	c.doneRef = max(c.doneRef, ref)
	switch {
	case c.leaving:
		return
	case c.id == "":
		c.leaving = true
		r.scheduleFlush()
		return
	}
	news, conns := r.presence.Leave(r.now(), c.id)
	for _, c := range conns {
		c.leaving, c.leftEvents = true, news
	}
	r.applyAll(news, c)
}

// closeConn takes a connection that has ended out of the room.
func (r *room) closeConn(c *Conn, reason event.Reason, stay time.Duration) {
	defer r.endIfEmpty()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.removeConn(c)
	if c.id == "" {
		return
	}
	most := r.hub.options.MaxAbsent
	switch {
	case r.hub.suspended.Load():
		stay = presence.Forever // until the rooms are saved
	case most > 0 && r.hub.absent.Load() >= int64(most):
		stay = 0
	}
	r.applyAll(r.presence.Disconnect(r.now(), c.id, c, reason, stay), nil)
}

func (r *room) update(c *Conn, ref event.Ref, change event.Patch) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c.index < 0 {
		return nil
	}
	news, err := r.presence.Change(r.now(), c.id, c, ref, change)
	if err != nil {
		return err
	}
	r.applyAll(news, c)
	r.confirm(c, ref)
	return nil
}

func (r *room) setActive(c *Conn, ref event.Ref, active bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c.index < 0 {
		return
	}
	r.applyAll(r.presence.SetActive(r.now(), c.id, c, active), nil)
	r.confirm(c, ref)
}

// confirm has the client told that a ref is done, together with what that has changed.
func (r *room) confirm(c *Conn, ref event.Ref) {
	if ref > c.doneRef {
		c.doneRef = ref
		r.scheduleFlush()
	}
}

// canResume reports whether the log reaches back to what a client knows.
func (r *room) canResume(resume *event.Resume) bool {
	if resume == nil || resume.Epoch != r.epoch || r.large {
		return false
	}
	_, known := r.log.entriesSince(resume.Seq)
	return known
}

// setView is Conn.SetView.
func (r *room) setView(c *Conn, want event.View) error {
	ref := want.Ref
	want.Ref = 0
	r.mu.Lock()
	defer r.mu.Unlock()
	if c.index < 0 {
		return nil
	}
	if !r.large {
		r.detachView(c) // which it may still have from when the room was large
	} else if err := r.attachView(c, want); err != nil {
		return err
	}
	c.wantedView, c.needsSnapshot, c.resume = want, true, nil
	c.doneRef = max(c.doneRef, ref)
	r.scheduleFlush()
	return nil
}

// apply changes the roster: nothing else does. It numbers the change, updates what
// searches use, and has everybody told.
func (r *room) apply(e event.Event) bool {
	change, changed := r.log.apply(e, r.log.head+1)
	if !changed {
		return false
	}
	r.updateSearch(change)
	r.resize()
	r.scheduleFlush()
	return true
}

// resize decides whether the room is large. The gap between the two limits keeps a room
// from changing with every single user.
func (r *room) resize() {
	window := r.hub.options.Window
	if window <= 0 {
		return
	}
	n := r.log.roster.Len()
	switch large := n > window || r.large && n > window*9/10; {
	case large && !r.large:
		// Names are folded once for all searches: that takes much longer than the
		// search itself.
		r.searchIndex = make([]indexEntry, 0, n+n/8)
		for _, u := range r.log.roster.Borrow() {
			r.searchIndex = append(r.searchIndex, indexEntry{match{u.Since, u.ID}, r.hub.options.Fold(u.Name)})
		}
		for _, v := range r.views { // of connections that had no frame while the room was small
			v.search(r.searchIndex)
		}
		r.large = true
	case !large:
		r.large, r.searchIndex = false, nil
	}
}

// roomEvent returns the room event that ends a frame, with the hash of the log's roster.
func (r *room) roomEvent(of *changeLog) event.Room {
	state := of.roster.State()
	if r.slice != nil && of == &r.slice.changeLog {
		state.Seq = of.head
		return state
	}
	state.Partial = r.partial
	state.Seq, state.Count, state.Watching = r.log.head, r.log.roster.Len(), r.watching
	return state
}

// snapshotHeader returns an existing_users without users, of a view or, if that is nil,
// of the room.
func (r *room) snapshotHeader(v *view) event.ExistingUsers {
	e := event.ExistingUsers{Room: r.name, Epoch: r.epoch}
	if v != nil {
		e.From, e.Total = v.key.From, new(v.total)
	}
	return e
}

// endIfEmpty ends the room if this server has no user and no connection in it any more, and
// other servers have heard of that.
func (r *room) endIfEmpty() {
	r.mu.Lock()
	clients := len(r.conns) + r.waiting
	if r.slice != nil {
		clients--
	}
	empty := r.presence.Local() == 0 && clients == 0 && !r.kept && !r.isOpening() && r.sliceTold()
	r.ended = r.ended || empty || r.stopped && r.presence.Local() == 0 && clients == 0
	ended := r.ended
	r.mu.Unlock()
	if ended {
		r.hub.remove(r)
	}
}

// stop keeps the room from starting flushes and alarms.
func (r *room) stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stopped = true
	r.stopAlarm()
}
