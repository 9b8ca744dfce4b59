package visit

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"rollcall/app/board"
	"rollcall/shared/client"
	"rollcall/shared/event"
	"rollcall/shared/roster"
)

// A story is what happens to a page, step by step. The browser, the server and the
// visitor are the test.
type story struct {
	t       *testing.T
	machine Machine
	now     time.Time
	people  []event.User // in the room, by the server
	partial bool         // there may be others, by the server
	status  client.Status
}

// step is one thing that happens, and what follows from it.
type step struct {
	input any // of the machine; a func(*story) any makes it; a time.Duration lets time pass
	// effects are what the page has to carry out, as [describe] tells it, in order.
	effects string
	// shows is what the page shows then, as [story.shows] tells it.
	shows string
}

// begin is the time at which all stories begin.
var begin = time.Date(2026, 11, 27, 9, 0, 0, 0, time.UTC)

func tell(t *testing.T, steps []step) *story {
	t.Helper()
	s := &story{t: t, machine: New(board.New(nil)), now: begin}
	for i, step := range steps {
		effects := describe(s.happen(step.input))
		if effects != step.effects {
			t.Errorf("step %d, %T: the page does %q, want %q", i+1, step.input, effects, step.effects)
		}
		if shows := s.shows(); shows != step.shows {
			t.Errorf("step %d, %T: the page shows %q, want %q", i+1, step.input, shows, step.shows)
		}
	}
	return s
}

func (s *story) happen(input any) []Effect {
	switch in := input.(type) {
	case time.Duration:
		return s.pass(in)
	case func(*story) any:
		return s.happen(in(s))
	}
	s.now = s.now.Add(time.Millisecond)
	return s.machine.Handle(s.now, input)
}

// pass lets time pass, as a page does: the machine is told at each of its deadlines.
func (s *story) pass(d time.Duration) []Effect {
	s.t.Helper()
	var effects []Effect
	end := s.now.Add(d)
	for range 1000 {
		next, ok := s.machine.Next()
		if !ok || next.After(end) {
			s.now = end
			return effects
		}
		if next.After(s.now) {
			s.now = next
		}
		effects = append(effects, s.machine.Handle(s.now, Time{})...)
	}
	s.t.Fatal("the machine asks for the time again and again")
	return nil
}

// What the client tells: it is connected, and so on. The changes are of the people
// of the story.

// connected is a snapshot of the room with these people, the first of whom is the
// visitor.
func connected(people ...event.User) func(*story) any {
	return func(s *story) any {
		s.people = people
		s.status = client.Status{Link: client.Connected, Joined: true, Answered: s.status.Answered}
		return s.heard(roster.Change{Kind: roster.Reset})
	}
}

// watching is connected for a wall: nobody is the visitor.
func watching(people ...event.User) func(*story) any {
	return func(s *story) any {
		h := connected(people...)(s).(Heard)
		h.Room.Me = event.User{}
		return h
	}
}

// comes is an arrival that the visitor sees, and goes a departure.
func comes(u event.User) func(*story) any {
	return func(s *story) any {
		s.people = append(s.people, u)
		return s.heard(roster.Change{Kind: roster.Arrived, User: u})
	}
}

func goes(id string) func(*story) any {
	return func(s *story) any {
		for i, u := range s.people {
			if u.ID == id {
				s.people = append(s.people[:i:i], s.people[i+1:]...)
				return s.heard(roster.Change{Kind: roster.Gone, User: u})
			}
		}
		s.t.Fatalf("%s is not here", id)
		return nil
	}
}

// answers is the server's answer to that many updates of the visitor, who is seen in
// this way then; with why it has refused something.
func answers(updates int, me event.User, errs ...event.Error) func(*story) any {
	return func(s *story) any {
		s.people = append([]event.User{me}, s.people[1:]...)
		s.status.Answered = updates
		h := s.heard(roster.Change{Kind: roster.Updated, User: me})
		h.Errors = errs
		return h
	}
}

// lost is the end of the connection; tries is that an attempt to get it back has
// failed, with why, and another one follows in 4 s.
func lost(s *story) any {
	s.status.Link = client.Connecting
	return s.heard()
}

func tries(err error) func(*story) any {
	return func(s *story) any {
		s.status.Link, s.status.Err, s.status.Retry = client.Offline, err, s.now.Add(4*time.Second)
		return s.heard()
	}
}

// ended is that nothing follows from the client, with why.
func ended(err error) func(*story) any {
	return func(s *story) any {
		s.status = client.Status{Link: client.Offline, Err: err, Joined: s.status.Joined}
		h := s.heard()
		h.Err = err
		return h
	}
}

func (s *story) heard(changes ...roster.Change) Heard {
	h := Heard{
		Update: client.Update{Status: s.status, Changes: changes},
		Now:    s.now.Add(serverAhead), Last: s.now.Add(serverAhead),
	}
	if s.status.Joined {
		h.Room = board.Room{Users: append([]event.User(nil), s.people...), Count: len(s.people), Partial: s.partial}
		if len(s.people) > 0 {
			h.Room.Me = s.people[0]
		}
	}
	return h
}

// serverAhead is by how much the server's clock is ahead of the device's.
const serverAhead = time.Hour

// describe tells effects in words, one after another.
func describe(effects []Effect) string {
	words := make([]string, len(effects))
	for i, e := range effects {
		name := strings.TrimPrefix(fmt.Sprintf("%T", e), "visit.")
		switch e := e.(type) {
		case Stop:
			if e.Forget {
				name = "Stop and forget"
			}
		case Start:
			name = fmt.Sprintf("Start %s %s", e.Room, e.Name)
			if e.Status != event.StatusHere || e.Note != "" {
				name += fmt.Sprintf(" %s %s", e.Status, e.Note)
			}
			if e.Watch {
				name = "Start watching " + e.Room
			}
		case StoreRoster:
			name = fmt.Sprintf("StoreRoster %s of %d", e.Room, e.Shown.Count)
		case StoreSelf:
			name = strings.TrimSpace(fmt.Sprintf("StoreSelf %s %s", e.User.Name, e.User.Note))
		case StoreStatus:
			name += " " + string(e.Status)
		case SetTitle:
			name = fmt.Sprint(name, " ", e.Count)
		case SetBadge:
			name = fmt.Sprint(name, " ", e.Count)
		case KeepAwake:
			name = fmt.Sprint(name, " ", e.On)
		case Refocus:
			name = strings.TrimSpace(name + " " + e.ID)
		case Notify:
			name += " " + e.User.Name
		case AskView:
			name = fmt.Sprintf("AskView from %d %s", e.View.From, e.View.Query)
		}
		words[i] = strings.TrimSpace(name)
	}
	return strings.Join(words, ", ")
}

// shows tells what the page shows in words.
func (s *story) shows() string {
	m := &s.machine
	word, then := m.Word(s.now)
	var b strings.Builder
	switch {
	case m.wall:
		fmt.Fprintf(&b, "wall of %d", m.Count())
	case m.Joined():
		fmt.Fprintf(&b, "room of %d", m.Count())
	case m.ShowsPast():
		fmt.Fprintf(&b, "past of %d", m.Count())
	case m.Asking():
		b.WriteString("form, joining")
	default:
		b.WriteString("form")
	}
	if m.Joined() || m.wall || m.ShowsPast() {
		b.WriteString([]string{"", ", connecting", ", reconnecting", ", offline"}[m.Link()])
	}
	if m.wall && m.Partial() {
		b.WriteString(", partial")
	}
	if at, past := m.AsOf(); past {
		b.WriteString(", as of " + at.UTC().Format("15:04:05"))
	}
	if m.Problem() != "" {
		b.WriteString("; " + m.Problem())
	}
	if word != "" && !m.Joined() && !m.ShowsPast() {
		b.WriteString("; " + word + then)
	}
	for _, n := range m.Notices(s.now) {
		b.WriteString("; " + n.Text)
		if n.Action != "" {
			b.WriteString(" [" + n.Action + "]")
		}
	}
	if d := m.Dialog(); d != (Open{}) {
		b.WriteString("; dialog " + strings.TrimSpace(string(d.Dialog)+" "+d.ID))
		if _, problem, _ := m.Refusal(); problem != "" {
			b.WriteString(": " + problem)
		}
	}
	return b.String()
}

// The people of the stories.
var (
	ana = event.User{ID: "a", Name: "Ana", Since: 1}
	ben = event.User{ID: "b", Name: "Ben", Since: 2}
	eve = event.User{ID: "e", Name: "Eve", Since: 3}
)

// joined are the first steps of a visit of Ana's to a room where Ben is.
func joined(more ...step) []step {
	return append([]step{
		{Enter{Room: "lobby"}, "SetTitle 0, ShowPage", "form"},
		{Join{"Ana"}, "Start lobby Ana", "form, joining"},
		{connected(ana, ben), "Arrived, StoreRoster lobby of 2, ShowPage, StoreSelf Ana", "room of 2"},
		{time.Second, "SetTitle 2, SetBadge 2", "room of 2"},
	}, more...)
}
