package visit

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"rollcall/app/board"
	"rollcall/shared/event"
)

// view is the part of a large room that the client was asked for.
type view struct {
	wanted    bool      // the client was asked for one
	repeated  time.Time // when it has asked again by itself; zero if that is answered
	waiting   bool      // for the answer
	asked     string    // the query that was asked for last
	answered  string    // the query that the roster answers
	notBefore time.Time // when the next one may be asked for
}

// search is a search whose result a screen reader has not said yet.
type search struct {
	query string
	until time.Time // when the answer is given up
}

const (
	viewPause  = 120 * time.Millisecond // between two views that are asked for
	answerTime = 3 * time.Second        // in which an answer is waited for
	typingTime = time.Second            // without another letter: the typing is over
)

// awaitsView reports whether the board stays as it is: the client has come back into a
// large room and asks again, by itself, for what the board shows. Until the answer it has
// the first people of the room only.
func (m *Machine) awaitsView(r board.Room) bool {
	until := m.view.repeated.Add(answerTime)
	return !m.view.repeated.IsZero() && r.Large && m.board.Room().Large && (m.now.Before(until) || !m.connected())
}

// searchFor shows the people whose names have the words of a query.
func (m *Machine) searchFor(query string) {
	query = strings.TrimSpace(query)  // words are searched for
	for len(query) > event.MaxQuery { // the server would refuse it
		_, last := utf8.DecodeLastRuneInString(query)
		query = query[:len(query)-last]
	}
	m.query = query
	if r := m.board.Room(); !r.Large {
		r.Query = query
		m.board.Show(r, true, m.now)
	}
	m.wantView()
	m.search = search{query, m.now.Add(typingTime + answerTime)}
	m.reset(searchAnswered, typingTime)
}

// sayFound has a screen reader say how many people a search has found. It waits for the
// answer.
func (m *Machine) sayFound() {
	switch query := m.search.query; {
	case m.query != query || query == "":
	case m.board.Room().Query == query:
		m.say(fmt.Sprintf("%d found", m.board.Len()))
	case m.now.Before(m.search.until):
		m.reset(searchAnswered, time.Second)
	}
}

// wantView asks for the part of a large room that the board is about to show. It waits
// for each answer before it asks again, so that scrolling through thousands asks for
// few parts.
func (m *Machine) wantView() {
	r := m.board.Room()
	if !m.running || !r.Large {
		return
	}
	want, missing := m.board.Wants()
	switch {
	case m.wall:
		want, missing = r.Wants(0, board.MaxBoxes)
	case m.query != r.Query:
		want, missing = event.View{Count: event.MaxView, Query: m.query}, true
	}
	switch {
	case !missing:
	case m.now.Before(m.view.notBefore), m.view.waiting && m.now.Before(m.view.notBefore.Add(answerTime)):
		m.set(viewWanted, viewPause)
	default:
		m.view.wanted, m.view.waiting, m.view.asked, m.view.notBefore = true, true, want.Query, m.now.Add(viewPause)
		m.do(AskView{want})
	}
}
