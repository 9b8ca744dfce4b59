package visit

import (
	"time"

	"rollcall/app/board"
	"rollcall/shared/client"
	"rollcall/shared/event"
	"rollcall/shared/roster"
)

// heard takes in what the client has told.
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
	m.followPartial(!before.Joined)
	if m.asking {
		m.arrive()
	}
	m.storeSelf()
	m.settleEdits()
	m.endRemark()
	m.set(countProclaimed, proclaimPause)
}

// show shows the client's roster on the board. Seen is whether the visitor saw the
// changes happen: not if they came with the first snapshot, or after a loss.
func (m *Machine) show(r board.Room, changes []roster.Change, seen bool) {
	m.updateShownAt()
	r.Query = m.query
	whole, hello := !seen, !seen
	for _, c := range changes {
		if c.Kind != roster.Reset {
			continue
		}
		// After a hello, the first snapshot answers that. All others answer the view
		// that was asked for last, which the client repeats by itself.
		whole = true
		if hello {
			m.view.answered, hello = "", false
			if m.view.wanted {
				m.view.repeated = m.now
			}
		} else {
			m.view.answered, m.view.waiting, m.view.repeated = m.view.asked, false, time.Time{}
		}
	}
	if r.Large {
		r.Query = m.view.answered
	}
	if m.awaitsView(r) {
		return
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
	// A snapshot on a connection that goes on may bring people who were here before the
	// server knew of them. They are no news.
	m.tell(m.present != nil && (!seen || !whole))
	m.sweepLater()
	m.wantView()
}

// sweepLater has the board swept when a fading is over.
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

// arrive notes that the visitor is in the room.
func (m *Machine) arrive() {
	m.asking = false
	m.do(Arrived{})
	m.store()
	m.do(ShowPage{})
}

// storeSelf has the device store how others see the visitor, if that has changed.
func (m *Machine) storeSelf() {
	me := m.Me()
	if me.ID == "" || !m.stores() || me.Name == m.stored.Self.Name && me.Note == m.stored.Self.Note {
		return
	}
	m.stored.Self.Name, m.stored.Self.Note, m.stored.Offered = me.Name, me.Note, me.Name
	m.do(StoreSelf{me})
}

// stores reports whether to store what the client knows of the visitor. Without a
// connection another tab may know something newer.
func (m *Machine) stores() bool { return !m.forgotten && m.connected() }

// tell notes who is here of the people whose arrival is told. With news, it shows a
// notification for each who was not here before. In a large room nobody is told: the
// page sees a part of it only.
func (m *Machine) tell(news bool) {
	if len(m.stored.Told) == 0 || m.board.Room().Large || !m.status.Joined {
		m.present = nil
		return
	}
	before := m.present
	m.present = make(map[string]bool)
	for _, id := range m.stored.Told {
		if u, here := m.find(id); here {
			m.present[id] = true
			if news && !before[id] {
				m.do(Notify{u})
			}
		}
	}
}

// proclaimPause is how late title and badge may be. To change them the browser asks
// another process, which costs more than everything else about an arrival.
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

// updateShownAt notes at what time the room was as the page shows it. Without a
// connection that is when the server was heard last.
func (m *Machine) updateShownAt() {
	switch {
	case !m.status.Joined:
	case m.connected():
		m.shownAt = m.ServerNow(m.now)
	default:
		m.shownAt = m.lastHeard
	}
}

// find returns the user with an id, and whether they are here.
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
