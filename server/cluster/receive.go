package cluster

import (
	"time"

	"rollcall/shared/event"
)

// This file takes in the messages of other servers, and drops what is not theirs.

// receive takes in a message.
func (n *Node) receive(m message) {
	if m.noResponders {
		n.noResponders(m.subject)
		return
	}
	n.counts.Received.Add(1)
	h, frame, err := n.seal.open(m.subject, m.data)
	if err != nil {
		n.refuse(m, err)
		return
	}
	if h.From == n.owner {
		return
	}
	if !n.isNew(h) {
		n.counts.Repeated.Add(1)
		return
	}
	p := n.heard(h)
	if h.Kind == kindLife {
		_, direct := n.subjects.about(n.owner, m.subject)
		n.heardLife(p, h, direct)
		return
	}
	if h.Room == "" {
		n.refuse(m, errUnreadable)
		return
	}
	if h.Kind == kindHolds {
		n.heardHolds(h)
		return
	}
	r := n.rooms[h.Room]
	if r == nil {
		if h.Kind == kindAsk || h.Kind == kindSlice {
			n.send(n.subjects.inbox(h.From, h.Room), "", header{Kind: kindClosed, Room: h.Room}, nil)
		}
		return
	}
	var events []event.Event
	if len(frame) > 0 {
		if events, err = event.DecodeServer(frame); err != nil {
			n.refuse(m, errUnreadable)
			return
		}
	}
	switch h.Kind {
	case kindOpen:
		n.heardOpen(r, p, h)
	case kindFrame:
		n.heardFrame(r, p, h, events)
	case kindSlice:
		n.heardSlice(r, p, h, events)
	case kindAsk:
		n.answer(r, p, position{h.Epoch, h.Seq})
	case kindClosed:
		n.heardClosed(r, p)
	case kindHeld:
		n.answerHeld(r, h)
	default: // of a newer server
		n.counts.Unreadable.Add(1)
	}
}

// refuse counts a message that is dropped.
func (n *Node) refuse(m message, err error) {
	switch err {
	case errOtherSecret:
		n.counts.OtherSecret.Add(1)
		const text = "there are servers with another secret on these subjects"
		n.warn("secret", text+"; give all the same -secret-file, or this one another -nats-prefix")
		if now := time.Now(); m.subject == n.subjects.life() && now.Sub(n.strangerAt) >= wordEvery/4 {
			n.strangerAt = now
			n.sendLife() // it may just have started, and has to hear of this one
		}
		if len(n.peers) == 0 { // otherwise it is not this one that has another secret
			n.fail(text + "; give all servers the same -secret-file, or this one another -nats-prefix")
		}
	case errForged:
		n.counts.Forged.Add(1)
	default:
		n.counts.Unreadable.Add(1)
	}
	n.log.Debug("a message between servers is dropped", "subject", m.subject, "err", err)
}

// warnEvery is how often one warning is logged at most.
const warnEvery = time.Minute

// warn logs a warning, one of a kind only now and then.
func (n *Node) warn(of, text string, args ...any) {
	if now := time.Now(); now.Sub(n.warned[of]) >= warnEvery {
		n.warned[of] = now
		n.log.Warn(text, args...)
	}
}
