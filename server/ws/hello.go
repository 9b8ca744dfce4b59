package ws

import (
	"errors"
	"math/rand/v2"
	"time"

	"rollcall/server/hub"
	"rollcall/server/names"
	"rollcall/server/refusal"
	"rollcall/shared/event"
)

// join makes the client present in a room.
func (c *conn) join(e event.GotANewUser) error {
	room, err := c.checkHello(e.Room)
	if err != nil {
		return err
	}
	if len(e.Tab) > event.MaxTab {
		return refusal.Error{Reason: refusal.BadTab}
	}
	if e.Name == nil {
		e.Name = new("") // which is refused as any other bad name
	}
	simple := e.Tab == "" // the fields of the hello itself are the change
	profile, err := checkPatch(e.Patch, "", simple)
	var wanted event.Patch
	if err == nil && e.Wanted != nil {
		wanted, err = checkPatch(*e.Wanted, "change.", true)
	}
	if err != nil {
		return err
	}
	if simple {
		wanted = profile.Then(wanted)
	}
	newSession := c.identify(e.Session)
	member, err := c.server.options.Hub.Join(room, hub.Person{
		Visitor:    c.visitor(e.Ref, e.Resume),
		ID:         c.server.options.Sessions.PublicID(c.session, room),
		NewSession: newSession,
		Profile:    profile,
		Change:     wanted,
		Tab:        e.Tab,
	}, c)
	return c.entered(member, err)
}

// identify decides which session the client has: the one of the cookie, or without a
// cookie the one of the hello. Otherwise the session is new, and identify returns the
// text to give to the client.
func (c *conn) identify(ofHello string) (newSession string) {
	if c.hasCookie {
		return ""
	}
	sessions := c.server.options.Sessions
	if id, ok := sessions.Parse(ofHello); ok {
		c.session = id
		return ""
	}
	return sessions.Text(c.session)
}

// visitor returns the client as the hub sees it.
func (c *conn) visitor(ref event.Ref, resume *event.Resume) hub.Visitor {
	return hub.Visitor{
		Ref:    ref,
		Resume: resume,
		Source: c.share.Source(),
		Admit:  c.admit,
		Charge: c.share.Charge,
	}
}

// admit counts a client that joins or watches. It returns a refusal if its address has
// had too many of them, or has cost too much. Watching counts like joining: otherwise
// somebody could try all names of rooms unseen.
func (c *conn) admit(known bool) error {
	reason, wait := refusal.JoinDebt, c.share.Debt()
	if wait == 0 && !known {
		reason, wait = refusal.JoinRate, c.share.Join()
	}
	if wait == 0 {
		return nil
	}
	wait += rand.N(time.Second) // or all who wait would come back at one time
	return refusal.Error{Reason: reason, RetryAfter: wait}
}

// watch has the client see a room without being in it.
func (c *conn) watch(e event.Watch) error {
	room, err := c.checkHello(e.Room)
	if err != nil {
		return err
	}
	member, err := c.server.options.Hub.Watch(room, c.visitor(e.Ref, e.Resume), c)
	return c.entered(member, err)
}

// entered notes where the client is, or returns the refusal for an error of the hub.
func (c *conn) entered(member *hub.Conn, err error) error {
	switch {
	case errors.Is(err, hub.ErrRoomFull):
		return refusal.Error{Reason: refusal.RoomFull}
	case errors.Is(err, event.ErrDataTooLong):
		return refusal.Error{Reason: refusal.BadData, Field: "change.data", Detail: err}
	case errors.Is(err, hub.ErrTooManyRooms):
		return refusal.Error{Reason: refusal.RoomsFull}
	case errors.As(err, new(refusal.Error)):
		return err
	case err != nil:
		return refusal.Error{Reason: refusal.Restarting}
	}
	c.member.Store(member)
	return nil
}

// checkHello returns the room of a hello, if the hello is the first and in time.
func (c *conn) checkHello(name string) (string, error) {
	if c.member.Load() != nil {
		return "", refusal.Error{Reason: refusal.AlreadyJoined}
	}
	if time.Since(c.acceptedAt) >= event.HelloTimeout {
		return "", refusal.Error{Reason: refusal.NoHello}
	}
	c.helloSeen.Store(true)
	if name == "" {
		return event.Lobby, nil
	}
	room, ok := event.ParseRoom(name)
	if !ok {
		return "", refusal.Error{Reason: refusal.BadRoom}
	}
	return room, nil
}

// checkPatch returns a patch as it is stored, or what is wrong with it. In is what comes
// before the names of its fields in the event. With isChange, the end of a status must be
// in the future. In the profile of a client that comes back, it may have passed.
func checkPatch(change event.Patch, in string, isChange bool) (event.Patch, error) {
	change, err := change.MapTexts(func(field, text string) (string, error) {
		stored, err := names.Text(field, text)
		switch {
		case err == nil:
			return stored, nil
		case field == "name":
			return "", refusal.Error{Reason: refusal.BadName, Field: in + field, Detail: err}
		}
		return "", refusal.Error{Reason: refusal.BadText, Field: in + field, Detail: err}
	})
	if err != nil {
		return change, err
	}
	if change.Status != nil {
		switch *change.Status {
		case event.StatusHere, event.StatusAway, event.StatusBusy:
		default:
			return change, refusal.Error{Reason: refusal.BadStatus, Field: in + "status"}
		}
	}
	if change.Until != nil && *change.Until != 0 {
		now := time.Now()
		past, far := *change.Until <= now.UnixMilli(), *change.Until > now.Add(event.MaxUntil).UnixMilli()
		if far || past && isChange {
			return change, refusal.Error{Reason: refusal.BadUntil, Field: in + "until"}
		}
	}
	if change.Data != "" {
		data, err := event.ParseData(string(change.Data))
		if err != nil {
			return change, refusal.Error{Reason: refusal.BadData, Field: in + "data", Detail: err}
		}
		change.Data = data
	}
	return change, nil
}

// change changes the client's user, or returns why not.
func change(member *hub.Conn, e event.ChangeUser) error {
	if member.Watches() {
		return refusal.Error{Reason: refusal.WatcherChange}
	}
	change, err := checkPatch(e.Patch, "", true)
	if err != nil {
		return err
	}
	if err := member.Update(e.Ref, change); err != nil {
		return refusal.Error{Reason: refusal.BadData, Field: "data", Detail: err}
	}
	return nil
}

// view has the client see another part of a large room.
func view(member *hub.Conn, e event.View) error {
	if len(e.Query) > event.MaxQuery {
		return refusal.Error{Reason: refusal.QueryTooLong}
	}
	if member.SetView(e) != nil {
		return refusal.Error{Reason: refusal.TooManyViews}
	}
	return nil
}
