package visit

import (
	"time"

	"rollcall/app/board"
	"rollcall/shared/event"
)

// edit is the latest change of how others see the visitor, until it is answered.
type edit struct {
	number         int    // of the client's update; 0 if none waits
	refusals       int    // counts the refusals, so that each is noticed
	field, problem string // of the latest refusal
}

// choice is a status that was chosen by hand. It is stored when the server has taken it.
type choice struct {
	number int // of the client's update; 0 if none waits
	status event.Status
}

// change has the client change how others see the visitor. The dialog stays until the
// server has answered.
func (m *Machine) change(p event.Patch) {
	if p.Name != nil {
		if problem := board.CheckName(*p.Name); problem != "" {
			m.edit = edit{refusals: m.edit.refusals + 1, field: "name", problem: problem}
			return
		}
	}
	if !m.running || p == (event.Patch{}) {
		m.do(CloseDialog{})
		return
	}
	m.do(Update{p})
	m.updates++
	if p.Status != nil {
		m.chosen = choice{m.updates, *p.Status}
	}
	m.edit = edit{number: m.updates, refusals: m.edit.refusals}
	if !m.connected() {
		m.do(CloseDialog{})
		m.remarkOn(remark{text: "The others see it when the connection is back.", until: untilSent})
	}
}

// settleEdits ends the edit and the choice that the server has answered.
func (m *Machine) settleEdits() {
	if m.Me().ID == "" {
		return
	}
	if m.answered(m.chosen.number) {
		if m.stores() {
			m.stored.Self.Status = m.chosen.status
			m.do(StoreStatus{m.chosen.status})
		}
		m.chosen = choice{}
	}
	if !m.answered(m.edit.number) {
		return
	}
	m.edit = edit{}
	if m.dialog.Dialog == Editor {
		m.do(CloseDialog{})
	}
}

// answered reports whether the server has answered an update of the client. Number 0
// stands for no update.
func (m *Machine) answered(number int) bool { return number != 0 && number <= m.status.Answered }

// refused shows what the server has refused.
func (m *Machine) refused(errs []event.Error) {
	for _, e := range errs {
		final := e.Event == event.NameUpdateUser && e.Code != event.CodeRateLimited // the client repeats that one
		if final && m.answered(m.chosen.number) {
			m.chosen = choice{}
		}
		if final && m.answered(m.edit.number) {
			m.edit.number = 0
		}
		wait := time.Duration(e.RetryAfter) * time.Millisecond
		switch {
		case final && m.edit.number != 0 && m.dialog.Dialog == Editor: // a correction is on its way
		case e.Event == event.NameUpdateUser && m.dialog.Dialog == Editor:
			m.edit.refusals++
			m.edit.field, m.edit.problem = e.Field, e.Message
		case e.Event == event.NameView:
			m.view.waiting, m.view.repeated = false, time.Time{}
			m.view.notBefore = m.now.Add(max(time.Second, wait))
			m.set(viewWanted, m.view.notBefore.Sub(m.now))
		case e.Code == event.CodeRestarting, e.Code == event.CodeRemoved: // the end of the connection follows
		case e.RetryAfter > 0: // it was too much for a moment
			m.remarkOn(remark{text: e.Message, until: untilTime, at: m.now.Add(wait)})
		default:
			m.remarkOn(remark{text: e.Message})
		}
	}
}
