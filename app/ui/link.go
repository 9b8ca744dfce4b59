package ui

import (
	"errors"
	"fmt"
	"math"
	"time"

	"rollcall/app/board"
	"rollcall/shared/client"
	"rollcall/shared/event"
)

// This file is what a page says of its connection, and of why there is none.

// patience is how long the connection may be away before it shows.
const patience = 2 * time.Second

// watchLink shows that the connection is away, if it is for long, and at once
// if the browser says so.
func (p *Page) watchLink(before client.Status) {
	if p.status.Link == client.Connected {
		if !p.lost.IsZero() {
			p.said = "" // that it is lost
		}
		p.shaky, p.lost = p.status.Doubtful, time.Time{}
		if p.status.Drift != nil && before.Drift == nil {
			p.renew()
		}
		if before.Joined && before.Link != client.Connected {
			checkUpdate() // the server may have been away for that
		}
		return
	}
	if before.Link != client.Connected {
		return
	}
	p.keep()
	lost := time.Now()
	p.lost = lost
	p.later(patience, func() {
		if p.lost != lost {
			return // it came back
		}
		p.shaky = true
		p.tick()
		p.proclaim()
		p.say("The connection is lost. Rollcall tries to get it back.")
	})
}

// renew takes the page anew, for what it shows is not what the server has: that
// one may be of a later version. Once in a tab, since it may be for another
// reason; and never where nothing can be remembered, not even that.
func (p *Page) renew() {
	if recall(tabStorage, newerKey) != "" {
		return
	}
	remember(tabStorage, newerKey, "yes")
	if recall(tabStorage, newerKey) != "" {
		p.keep()
		reload()
	}
}

// link is what the page says of the connection.
func (p *Page) link() link {
	switch {
	case p.past():
		return offline
	case p.status.Joined && !p.shaky:
		return live
	case p.status.Link == client.Offline:
		return offline
	case !p.status.Joined:
		return connecting
	}
	return reconnecting
}

// asOf says of what time the page shows the room, if that is not now.
func (p *Page) asOf() string {
	if p.past() || p.status.Joined && p.shaky && p.status.Link != client.Connected {
		return p.asOfTime(p.now)
	}
	return ""
}

// asOfTime is asOf for a time of the server's. By which day it is now, the server's
// clock decides too, once it has said so: a device's may be set to another.
func (p *Page) asOfTime(at time.Time) string {
	now := time.Now()
	if p.client != nil {
		now = p.client.Now()
	}
	return board.AsOf(localTime(at.UnixMilli()), localTime(now.UnixMilli()))
}

// clock takes down the time that the page shows the room of: while the
// connection is away it stands still.
func (p *Page) clock() {
	switch {
	case !p.status.Joined:
	case p.status.Link == client.Connected:
		p.now = p.client.Now()
	default:
		p.now = p.client.Heard()
	}
}

// past reports whether the page shows a room as it was.
func (p *Page) past() bool {
	return p.seen != nil && !p.status.Joined && !p.at.wall &&
		(p.cut || p.asking && p.status.Link == client.Offline && p.refusal() == "")
}

// refusal is why the server lets nobody in, if it has said so.
func (p *Page) refusal() string {
	var refusal event.Error
	if errors.As(p.status.Err, &refusal) {
		return refusal.Message
	}
	return ""
}

// intercepted reports whether something on the way to the server has answered
// in its place, such as a proxy that wants to know who one is.
func (p *Page) intercepted() bool {
	return errors.Is(p.status.Err, client.ErrIntercepted) || p.cut && intercepted()
}

// word is what the dialog says below the button, and the wall for want of
// anything to show; and what follows from it, which changes every second.
func (p *Page) word() (word, then string) {
	switch {
	case p.parting != "":
		return p.parting, ""
	case p.status.Joined || !p.asking && !p.at.wall:
	case p.refusal() != "":
		return p.refusal(), p.again()
	case p.intercepted():
		return "Something else answers in the server’s place.", p.again()
	case p.status.Link == client.Offline:
		return "Can’t reach the server.", p.again()
	}
	return "", ""
}

// again says when something that failed is tried again.
func (p *Page) again() string {
	if until := time.Until(p.status.Retry); until > 0 {
		return fmt.Sprintf(" Trying again in %d s.", int(math.Ceil(until.Seconds())))
	}
	return " Trying again …"
}
