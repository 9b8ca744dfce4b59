package ws

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"rollcall/server/hub"
	"rollcall/server/names"
	"rollcall/shared/event"
)

// late refuses a connection that has not said hello in time.
func late() refusal {
	return refusal{event.Error{
		Code:    event.CodeNoHello,
		Message: fmt.Sprintf("No %s came within %v of connecting.", event.NameGotANewUser, event.HelloTimeout),
	}, event.CloseNoHello}
}

// join makes the client present in a room.
func (c *conn) join(e event.GotANewUser) error {
	if c.joined(e) {
		return nil
	}
	room, err := c.room(e.Room, e)
	if err != nil {
		return err
	}
	change, fault := checked(event.ChangeUser{Name: &e.Name, Status: e.Status, Note: e.Note}, e)
	if fault != nil {
		return refuse(event.CloseRefused, *fault)
	}
	grant := c.identify(e.Session)
	place, err := c.server.options.Hub.Join(room, hub.Person{
		Visitor: c.visitor(e, e.Resume),
		Session: c.session,
		ID:      c.server.options.Sessions.PublicID(c.session, room),
		Grant:   grant,
		Name:    *change.Name,
		Status:  change.Status,
		Note:    change.Note,
		Opened:  c.born,
	}, c)
	return c.enter(place, err, e)
}

// identify settles which session the client is: the one of its cookie, or the
// one it was given when it had no cookie to be known by. Else it is new, and
// identify returns what to give it.
func (c *conn) identify(said string) (grant string) {
	if c.known {
		return ""
	}
	sessions := c.server.options.Sessions
	if id, ok := sessions.Parse(said); ok {
		c.session = id
		return ""
	}
	return sessions.Text(c.session)
}

// visitor is the client as the hub takes it in, by a hello.
func (c *conn) visitor(hello event.Event, resume *event.Resume) hub.Visitor {
	return hub.Visitor{
		Resume: resume,
		Source: c.share.Source(),
		Admit:  func(known bool) error { return c.admit(hello, known) },
		Charge: c.share.Charge,
	}
}

// admit counts somebody who arrives or begins to watch, unless their address has
// had too many, or has cost too much. To watch counts like joining: otherwise
// all the names that rooms may have could be tried, unseen.
func (c *conn) admit(hello event.Event, known bool) error {
	wait := c.share.Debt()
	if wait == 0 && !known {
		wait = c.share.Join()
	}
	if wait == 0 {
		return nil
	}
	return refuse(event.CloseRateLimited, event.Error{
		Code:       event.CodeRateLimited,
		Message:    "Too many people have come from your address in the last minute. Try again in a moment.",
		Event:      hello.EventName(),
		RetryAfter: wait.Milliseconds() + rand.Int64N(1000), // or those who wait would come as one
	})
}

// watch has the client see a room without being in it.
func (c *conn) watch(e event.Watch) error {
	if c.joined(e) {
		return nil
	}
	room, err := c.room(e.Room, e)
	if err != nil {
		return err
	}
	place, err := c.server.options.Hub.Watch(room, c.visitor(e, e.Resume), c)
	return c.enter(place, err, e)
}

// joined tells a client that has said hello before that it has.
func (c *conn) joined(e event.Event) bool {
	if c.place.Load() == nil {
		return false
	}
	c.send(event.Error{
		Code:    event.CodeAlreadyJoined,
		Message: "This connection has joined a room already; open another for another room.",
		Event:   e.EventName(),
	})
	return true
}

func (c *conn) enter(place *hub.Conn, err error, e event.Event) error {
	switch {
	case errors.Is(err, hub.ErrRoomFull):
		return refuse(event.CloseRoomFull, event.Error{
			Code:       event.CodeRoomFull,
			Message:    "The room is full. Try again later, or go to another.",
			Event:      e.EventName(),
			RetryAfter: (10 * time.Second).Milliseconds(),
		})
	case errors.Is(err, hub.ErrTooManyRooms):
		return refuse(event.CloseServerFull, event.Error{
			Code:       event.CodeServerFull,
			Message:    "This server has as many rooms as it, or one address, may have. Try again later, or go to one that exists.",
			Event:      e.EventName(),
			RetryAfter: (10 * time.Second).Milliseconds(),
		})
	case errors.As(err, new(refusal)):
		return err
	case err != nil:
		return refuse(event.CloseRestarting, restarting)
	}
	c.place.Store(place)
	return nil
}

// room is the room that a hello names, if the hello is in time.
func (c *conn) room(name string, e event.Event) (string, error) {
	if time.Since(c.born) >= event.HelloTimeout {
		return "", late()
	}
	c.said.Store(true)
	if name == "" {
		return event.Lobby, nil
	}
	room, ok := event.ParseRoom(name)
	if !ok {
		return "", refuse(event.CloseRefused, event.Error{
			Code:    event.CodeBadRoom,
			Message: fmt.Sprintf("A room's name has 1 to %d letters a to z, digits and hyphens.", event.MaxRoom),
			Event:   e.EventName(),
			Field:   "room",
		})
	}
	return room, nil
}

// checked returns a change with its texts as they are kept, or what is wrong
// with them.
func checked(change event.ChangeUser, e event.Event) (event.ChangeUser, *event.Error) {
	fault := func(code event.Code, field, message string) (event.ChangeUser, *event.Error) {
		return change, &event.Error{Code: code, Message: message, Event: e.EventName(), Field: field}
	}
	if change.Name != nil {
		name, err := names.Name(*change.Name)
		if err != nil {
			return fault(event.CodeBadName, "name", err.Error())
		}
		change.Name = &name
	}
	if change.Note != nil {
		note, err := names.Note(*change.Note)
		if err != nil {
			return fault(event.CodeBadEvent, "note", err.Error())
		}
		change.Note = &note
	}
	if change.Status != nil {
		switch *change.Status {
		case event.StatusHere, event.StatusAway, event.StatusBusy:
		default:
			return fault(event.CodeBadEvent, "status", "A status is here, away or busy.")
		}
	}
	return change, nil
}

// change changes the client's own entry, or says why not.
func (c *conn) change(place *hub.Conn, e event.ChangeUser) {
	if place.Watches() {
		c.send(event.Error{
			Code:    event.CodeNotJoined,
			Message: fmt.Sprintf("Who watches a room has nothing to change; join it with %s on a connection of its own.", event.NameGotANewUser),
			Event:   e.EventName(),
		})
		return
	}
	change, fault := checked(e, e)
	if fault != nil {
		c.send(*fault)
		return
	}
	place.Update(change)
}

// view has the client see another part of a large room.
func (c *conn) view(place *hub.Conn, e event.View) {
	if len(e.Query) > event.MaxQuery {
		c.send(event.Error{
			Code:    event.CodeBadEvent,
			Message: fmt.Sprintf("A query may have at most %d bytes.", event.MaxQuery),
			Event:   e.EventName(),
			Field:   "query",
		})
		return
	}
	if place.View(e) != nil {
		c.send(event.Error{
			Code:       event.CodeRateLimited,
			Message:    "The room is searched and looked at in too many ways already. Try again in a moment.",
			Event:      e.EventName(),
			RetryAfter: (5 * time.Second).Milliseconds(),
		})
	}
}
