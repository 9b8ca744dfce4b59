// Package visit decides what a page does in a room, as a pure state machine: joining,
// leaving, lost connections, dialogs, notices and what the device is to store.
//
// A [Machine] is told what has happened: what the client has heard, what the browser
// says, what the visitor does, and that time has passed. It answers with effects,
// which the page carries out, and its methods say what there is to show. It has no
// clock, no goroutine and no I/O.
package visit

import (
	"cmp"
	"errors"
	"time"

	"rollcall/app/board"
	"rollcall/shared/client"
	"rollcall/shared/event"
)

// patience is how long the page waits before it shows that something takes long: coming
// back into the room after a reload, a lost connection, and a server that may not know of
// everybody.
const patience = 2 * time.Second

// Machine is the visits of one page, one after another. Not safe for concurrent use.
// The zero Machine has not entered a room: it shows the form, and takes no input.
type Machine struct {
	board     *board.Board
	now       time.Time // of the latest input
	effects   []Effect  // of the latest input
	hidden    bool      // nobody looks at the page
	dismissed map[string]bool
	said      string
	deadlines deadlines
	visit
}

// visit is what a page knows of one room.
type visit struct {
	room      string
	wall      bool
	stored    Stored
	past      *Past  // the room as it was, while nothing newer is known
	running   bool   // there is a client
	name      string // with which it joins
	asking    bool   // it has not joined yet, and is to
	status    client.Status
	problem   string // why the last name was refused
	parting   string // why the visitor is out of the room, if not for that
	forgotten bool   // another tab has made the device forget everything
	met       bool   // somebody else has been here

	lost        bool // the connection was lost and is not back
	shaky       bool // it is away for so long that the page shows it, or the client doubts it
	unreachable bool // the server cannot be reached, though nobody has asked to join
	intercepted bool // because something else answers
	partial     bool // the page says that it may not show everybody

	shownAt   time.Time // by the server's clock: the page shows the room as it was then
	serverNow time.Time // by the server's clock, at the moment heardAt
	lastHeard time.Time // by the server's clock: what happened later is not known
	heardAt   time.Time // by the device's clock; zero before the client has told anything

	query  string // what is searched for
	view   view
	search search
	news   board.Announcements
	// present has the people who are here of those whose arrival is told. It is nil if
	// that is not known.
	present map[string]bool
	remark  remark

	dialog  Open // the one that is open; the zero Open for none
	next    Open // the one that follows when that is closed
	person  Person
	edit    edit
	chosen  choice
	updates int // how many the client was told
}

// New returns a machine that is in no room. It shows people on a board.
func New(b *board.Board) Machine {
	return Machine{board: b, dismissed: make(map[string]bool)}
}

// Handle takes in one of the inputs of this package at a moment by the device's
// clock, and returns what is to be carried out for it, in order. Other values change
// nothing.
func (m *Machine) Handle(now time.Time, input any) []Effect {
	m.now = now
	m.handle(input)
	effects := m.effects
	m.effects = nil
	return effects
}

func (m *Machine) handle(input any) {
	switch in := input.(type) {
	case Enter:
		m.enter(in)
	case End:
		m.end()
	case Join:
		m.join(in.Name)
	case Leave:
		m.leave()
	case Forget:
		m.forget()
	case Retry:
		m.hurry()
		m.probe()
	case Edit:
		m.change(in.Patch)
	case Search:
		m.searchFor(in.Query)
	case WantView:
		m.wantView()
	case Open:
		m.open(in)
	case Closed:
		m.closed()
	case Say:
		m.say(in.Words)
	case Dismiss:
		m.dismissed[in.Text] = true
	case Heard:
		m.heard(in)
	case Time:
		m.due()
	case Hidden:
		m.setHidden(in.Hidden)
	case Returned:
		m.returned()
	case NetworkChanged:
		m.networkChanged()
	case Unloaded:
		m.unloaded(in.Persisted)
	case StoreNow:
		m.store()
	case StoredChanged:
		m.storedChanged(in)
	case Probed:
		m.probed(in)
	case SessionNotEnded:
		m.do(EndSession{})
	case SessionEnded:
		m.sessionEnded(in.Done)
	}
}

// do has the page carry out something.
func (m *Machine) do(e Effect) { m.effects = append(m.effects, e) }

// enter begins a visit. It joins at once if the form was submitted already, if the
// visitor comes from another room, or if the tab was in this room before a reload.
func (m *Machine) enter(in Enter) {
	m.renew(visit{room: in.Room, wall: in.Wall, stored: in.Stored, past: in.Past, shownAt: m.now})
	m.hidden = in.Hidden
	m.clearBoard()
	m.do(SetTitle{})
	m.met = m.past != nil && m.past.Room.Count > 1
	switch {
	case m.wall:
		m.start(Start{Room: m.room, Watch: true})
		m.do(KeepAwake{true})
	case in.Submitted:
		m.join(in.Typed)
	case in.Name != "":
		m.returnAs(cmp.Or(m.stored.Self.Name, in.Name))
	case in.Reloaded && m.stored.Offered != "":
		m.returnAs(m.stored.Offered)
	case m.past != nil:
		m.probe()
	}
	if !m.asking {
		m.do(ShowPage{})
	}
}

// returnAs joins while the form stays hidden: it would only flash. If joining takes
// long, the form shows.
func (m *Machine) returnAs(name string) {
	m.do(HidePage{})
	m.join(name)
	m.reset(pageHidden, patience)
}

// join asks the server to let the visitor in under a name, with the status and the note
// that they had in this room.
func (m *Machine) join(name string) {
	switch {
	case m.wall, m.status.Joined:
		return // the form is gone by now
	case m.asking && name == m.name:
		m.hurry()
		return
	case m.running: // the name was corrected
		m.stopClient()
		m.asking = false
	}
	m.parting = ""
	if m.problem = board.CheckName(name); m.problem != "" {
		m.do(ShowPage{})
		return
	}
	m.asking, m.name = true, name
	m.start(Start{Room: m.room, Name: name, Status: m.stored.Self.Status, Note: m.stored.Self.Note})
}

// start begins a client. What the machine knew and waited for with the one before is
// dropped.
func (m *Machine) start(s Start) {
	m.status, m.updates, m.query, m.view = client.Status{}, 0, "", view{}
	m.deadlines.stopClient()
	m.clearBoard()
	m.running = true
	m.do(s)
}

// stopClient ends the client. If the device was made to forget everything, the next one
// is another user.
func (m *Machine) stopClient() {
	m.do(Stop{Forget: m.forgotten})
	m.running, m.forgotten = false, false
}

// renew begins another visit. Nothing that the last one waited for happens any more, but
// the server is still asked to forget the visitor.
func (m *Machine) renew(v visit) {
	m.visit = v
	for d := range m.deadlines {
		if deadline(d) != sessionUnended {
			m.deadlines.stop(deadline(d))
		}
	}
}

// clearBoard shows a room with nobody in it.
func (m *Machine) clearBoard() { m.board.Show(board.Room{}, true, m.now) }

// end ends the client, and has the device store the room for a later visit.
func (m *Machine) end() {
	m.store()
	switch {
	case m.running && m.forgotten: // it is leaving
		m.do(Abandon{})
	case m.running:
		m.stopClient()
	}
	m.renew(visit{room: m.room, wall: m.wall, stored: m.stored, shownAt: m.now})
	m.do(SetBadge{})
	m.do(KeepAwake{false})
}

// store has the device store the room, for a time without a connection. After the client
// has ended nothing is stored: another tab may have stored something newer, or may have
// made the device forget everything.
func (m *Machine) store() {
	m.updateShownAt()
	if m.running && m.status.Joined && !m.wall && !m.forgotten {
		m.do(StoreRoster{Room: m.room, Shown: m.board.Room(), At: m.shownAt})
	}
}

// leave leaves the room, with all tabs of the session. Without a client it shows the
// form instead of the room as it was.
func (m *Machine) leave() {
	m.do(CloseDialog{})
	if !m.running {
		m.past = nil
		return
	}
	m.store()
	m.do(LeaveRoom{})
}

// forget leaves the room and makes the device and the server forget the visitor. What
// the client still tells does not count, or it would be stored.
func (m *Machine) forget() {
	if m.running {
		m.do(LeaveRoom{})
		m.do(Abandon{})
	}
	m.running, m.forgotten, m.status, m.stored = false, false, client.Status{}, Stored{}
	m.part(leftRoom, "")
	m.do(ForgetDevice{})
	m.do(EndSession{}) // even if nothing can be stored
}

// Why the visitor is out of the room, as the form says it.
const (
	leftRoom        = "You have left the room."
	allForgotten    = "All is forgotten, and you have left the room."
	partlyForgotten = "All is forgotten on this device, and you have left the room. " +
		"The server forgets who you were as soon as it can be reached."
	somethingWrong = "Something went wrong; please try again."
)

// sessionEnded takes in the answer to EndSession.
func (m *Machine) sessionEnded(done bool) {
	if m.parting == leftRoom || m.parting == partlyForgotten {
		m.parting = partlyForgotten
		if done {
			m.parting = allForgotten
		}
	}
	if !done {
		m.set(sessionUnended, probePause)
	}
}

// storedChanged takes in what another tab has stored or forgotten. What it has forgotten
// is not stored again.
func (m *Machine) storedChanged(in StoredChanged) {
	m.stored = in.Stored
	m.tell(false) // people who are here already are no news
	if in.Forgotten && m.running && !m.wall {
		m.forgotten = true // or the client would come back as the same user after a loss
		m.do(LeaveRoom{})
	}
}

// clientEnded shows the form again, since nothing follows from the client.
func (m *Machine) clientEnded(err error) {
	parting, problem := somethingWrong, ""
	refusal, refused := errors.AsType[event.Error](err)
	switch {
	case errors.Is(err, client.ErrLeft):
		parting = leftRoom
		m.status.Joined = false // the roster is stored already, or is to be forgotten
	case refused && refusal.Code == event.CodeBadName:
		parting, problem = "", refusal.Message
	case refused:
		parting = refusal.Message
	}
	m.part(parting, problem)
}

// part ends the visit, and shows the form with the reason.
func (m *Machine) part(parting, problem string) {
	m.do(StoreTyped{})
	remark := m.remark
	m.end()
	m.remark, m.parting, m.problem = remark, parting, problem
	if !remark.at.IsZero() {
		m.reset(remarkOver, remark.at.Sub(m.now))
	}
	m.clearBoard()
	m.do(CloseDialog{})
	m.do(SetTitle{})
	m.do(ShowPage{})
	m.do(Parted{})
}

// hurry ends a wait of the client for its next attempt.
func (m *Machine) hurry() {
	if m.running {
		m.do(Hurry{})
	}
}

// returned takes in that the visitor has come back to the page.
func (m *Machine) returned() {
	m.hurry()
	if m.unreachable {
		m.probe()
	}
}

// networkChanged takes in that the browser has lost or regained its network. That is a
// hint only: a server on this machine or in this house may be there all the same.
func (m *Machine) networkChanged() {
	if m.running {
		m.do(Doubt{})
	}
	if m.unreachable {
		m.probe()
	}
}

func (m *Machine) setHidden(hidden bool) {
	m.hidden = hidden
	if hidden {
		m.store()
		return
	}
	m.returned()
	m.do(CheckUpdate{})
	if m.wall {
		m.do(KeepAwake{true}) // the browser ends that for a hidden page
	}
	m.updateShownAt() // nobody has told the time to a hidden page
	m.countDown()
}

// unloaded takes in that the browser leaves the page. A page that the browser puts aside
// whole, for the way back, leaves the room: its connection would stay open.
func (m *Machine) unloaded(persisted bool) {
	m.store()
	m.do(SetBadge{})
	if persisted && m.running {
		m.stopClient()
	}
}

// probePause is how long a page waits before it asks again whether the server is there.
const probePause = 15 * time.Second

// probe asks whether the server can be reached, so that a page that is opened without
// it can show who was here.
func (m *Machine) probe() {
	if m.asking || m.status.Joined || m.wall || m.past == nil {
		return
	}
	m.do(Probe{})
}

func (m *Machine) probed(in Probed) {
	if m.asking || m.status.Joined {
		return
	}
	m.unreachable, m.intercepted = !in.Reached, in.Intercepted
	if m.unreachable {
		m.do(StoreTyped{}) // the room as it was may replace the field
		m.set(unreached, probePause)
	}
	m.showPast()
}
