package visit

import (
	"time"

	"rollcall/app/board"
	"rollcall/shared/client"
	"rollcall/shared/event"
	"rollcall/shared/roster"
)

// heard takes in what the client tells.
func (m *Machine) heard(h Heard) {
	if !m.running {
		return
	}
	if h.Err != nil {
		m.clientEnded(h.Err)
		return
	}
	before := m.status
	m.status = h.Status
	m.serverNow, m.lastHeard, m.heardAt = h.Now, h.Last, m.now
	m.followLink(before)
	m.countDown()
	if !m.status.Joined {
		m.showWait()
		return
	}
	m.refused(h.Errors)
	m.show(h.Room, h.Changes, before.Link == client.Connected)
	if m.asking {
		m.arrive()
	}
	m.storeSelf()
	m.settleEdits()
	m.endRemark()
	m.set(countProclaimed, proclaimPause)
}

// show brings the board up to the client's roster. Seen is whether the visitor saw the
// changes happen. They did not if a first snapshot or a return has brought them.
func (m *Machine) show(r board.Room, changes []roster.Change, seen bool) {
	m.updateShownAt()
	r.Query = m.query
	whole, hello := !seen, !seen
	for _, c := range changes {
		if c.Kind != roster.Reset {
			continue
		}
		// The first snapshot answers the hello, unless the visitor saw it happen. Those
		// that follow are of the view that was asked for last: the client asks for it
		// again by itself.
		whole = true
		if hello {
			m.view.answered, hello = "", false
		} else {
			m.view.answered, m.view.waiting = m.view.asked, false
		}
	}
	if r.Large {
		r.Query = m.view.answered
	}
	m.board.Show(r, whole, m.now)
	m.past, m.met = nil, m.met || r.Count > 1
	m.followPerson(seen && !whole)
	if seen {
		m.news.Note(changes, r.Me.ID, m.now)
	}
	if due, ok := m.news.Due(); ok {
		m.reset(newsDue, due.Sub(m.now))
	}
	m.tell(m.present != nil)
	m.sweepLater()
	m.wantView()
}

// sweepLater looks after the boxes that fade.
func (m *Machine) sweepLater() {
	if m.board.Fading() {
		m.set(boxesFaded, board.Transition)
	}
}

// showWait shows what there is before the first snapshot.
func (m *Machine) showWait() {
	if word, _ := m.Word(m.now); word != "" || m.ShowsPast() {
		m.do(ShowPage{}) // there is something to read
	}
	m.showPast()
}

// showPast shows the room as it was.
func (m *Machine) showPast() {
	if m.ShowsPast() && m.Count() == 0 {
		r := m.past.Room
		r.Query = m.query
		m.shownAt = m.past.At
		m.board.Show(r, true, m.now)
	}
}

// arrive is that the visitor is in the room.
func (m *Machine) arrive() {
	m.asking = false
	m.do(Arrived{})
	m.keep()
	m.do(ShowPage{})
}

// storeSelf stores how the others see the visitor, as far as it is not stored yet.
func (m *Machine) storeSelf() {
	me := m.Me()
	if me.ID == "" || !m.stores() || me.Name == m.kept.Self.Name && me.Note == m.kept.Self.Note {
		return
	}
	m.kept.Self.Name, m.kept.Self.Note, m.kept.Offered = me.Name, me.Note, me.Name
	m.do(StoreSelf{me})
}

// stores reports whether what the client knows of the visitor is to be stored.
// Without a connection another tab may know better.
func (m *Machine) stores() bool { return !m.forgotten && m.connected() }

// tell notes who is here of the people one asked to be told about. With news it shows
// notifications of those who were not here before. A page sees only a part of a large
// room, so it cannot know.
func (m *Machine) tell(news bool) {
	if len(m.kept.Told) == 0 || m.board.Room().Large || !m.status.Joined {
		m.present = nil
		return
	}
	before := m.present
	m.present = make(map[string]bool)
	for _, id := range m.kept.Told {
		if u, here := m.find(id); here {
			m.present[id] = true
			if news && !before[id] {
				m.do(Notify{u})
			}
		}
	}
}

// proclaimPause is how long title and badge may be late. To change them the browser
// asks another process, which takes longer than all else that an arrival costs.
const proclaimPause = 250 * time.Millisecond

func (m *Machine) proclaimCount() {
	if !m.status.Joined {
		return
	}
	count := m.Count()
	if m.Link() != Live {
		count = 0 // it is not known
	}
	m.do(SetTitle{count})
	if !m.wall {
		m.do(SetBadge{count})
	}
}

// updateShownAt notes of what time the page shows the room: while the connection is
// away, that stands still.
func (m *Machine) updateShownAt() {
	switch {
	case !m.status.Joined:
	case m.connected():
		m.shownAt = m.ServerNow(m.now)
	default:
		m.shownAt = m.lastHeard
	}
}

// find returns somebody by the id, and whether they are here.
func (m *Machine) find(id string) (event.User, bool) {
	r := m.board.Room()
	if id == r.Me.ID {
		return r.Me, true
	}
	for _, u := range r.Users {
		if u.ID == id {
			return u, true
		}
	}
	return event.User{}, false
}
