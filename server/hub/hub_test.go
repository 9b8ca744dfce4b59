package hub

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/shared/event"
	"rollcall/shared/roster"
)

// reporter is a *testing.T or a *rapid.T.
type reporter interface {
	Helper()
	Errorf(format string, args ...any)
}

// watcher is a client of a connection: it takes in frames as a page does and
// fails the test on anything that the protocol rules out.
type watcher struct {
	t      reporter
	conn   *Conn
	roster roster.Roster
	frames int
	seen   []string // the events other than snapshots and room, in short
	left   bool
}

func join(t reporter, h *Hub, room string, p Person) *watcher {
	t.Helper()
	c, err := h.Join(room, p)
	if err != nil {
		panic(err) // only a closed hub refuses, and the tests close it last
	}
	return &watcher{t: t, conn: c}
}

// drain reads all that the connection has to say.
func (w *watcher) drain() *watcher {
	w.t.Helper()
	for !w.left {
		frame, last := w.conn.Next()
		if frame == nil {
			break
		}
		w.take(frame, last)
		w.left = last
	}
	return w
}

func (w *watcher) take(frame []byte, last bool) {
	w.t.Helper()
	events, err := event.DecodeServer(frame)
	if err != nil {
		w.t.Errorf("%v: %s", err, frame)
	}
	w.frames++
	order := -1
	for i, e := range events {
		if w.frames == 1 && i == 0 {
			if _, ok := e.(event.ExistingUsers); !ok {
				w.t.Errorf("%s came before the snapshot: %s", e.EventName(), frame)
			}
		}
		place := map[string]int{
			event.NameExistingUsers: 0, event.NameDisconnectUser: 1, event.NameNewUser: 2,
			event.NameUpdateUser: 3, event.NameRoom: 4,
		}[e.EventName()]
		if place < order {
			w.t.Errorf("%s is out of order in %s", e.EventName(), frame)
		}
		order = place
		w.check(e, frame, last)
		if _, err := w.roster.Apply(e); err != nil {
			w.t.Errorf("%v in %s", err, frame)
		}
	}
	if order != 4 {
		w.t.Errorf("the frame does not end with room: %s", frame)
	}
}

func (w *watcher) check(e event.Event, frame []byte, last bool) {
	w.t.Helper()
	switch e := e.(type) {
	case event.NewUser:
		w.seen = append(w.seen, "+"+e.Name)
		if _, known := w.roster.Get(e.ID); known || e.ID == w.conn.ID() {
			w.t.Errorf("%s is announced twice: %s", e.Name, frame)
		}
	case event.UpdateUser:
		w.seen = append(w.seen, strings.Trim("~"+e.Name+" "+string(e.Link), " "))
		if before, known := w.roster.Get(e.ID); !known || before == e.User {
			w.t.Errorf("an update of %s changes nothing: %s", e.Name, frame)
		}
	case event.DisconnectUser:
		w.seen = append(w.seen, fmt.Sprintf("-%s %s", e.Name, e.Reason))
		// A client that knew nothing yet still learns that it has left.
		if _, known := w.roster.Get(e.ID); !known && !(last && e.ID == w.conn.ID()) {
			w.t.Errorf("%s is gone twice: %s", e.Name, frame)
		}
	}
}

func (w *watcher) expect(seen ...string) {
	w.t.Helper()
	w.drain()
	if !slices.Equal(w.seen, seen) {
		w.t.Errorf("saw %q, want %q", w.seen, seen)
	}
	w.seen = nil
}

func (w *watcher) names() []string {
	var names []string
	for _, u := range w.drain().roster.Users() {
		names = append(names, u.Name)
	}
	return names
}

func person(name string) Person {
	p := Person{ID: "id-" + name, Name: name}
	copy(p.Session[:], name)
	return p
}

func TestEverybodySeesEverybodyComeAndGo(t *testing.T) {
	h := New(Options{})
	ana := join(t, h, "lobby", person("Ana"))
	ana.expect()
	ben := join(t, h, "lobby", person("Ben"))
	ben.expect()
	if got := ben.names(); !slices.Equal(got, []string{"Ana", "Ben"}) {
		t.Errorf("the snapshot has %v", got)
	}
	ana.expect("+Ben")
	ben.conn.Close(true)
	ana.expect("-Ben closed")
	ana.conn.Close(false)
	if n := h.Rooms(); n != 0 {
		t.Errorf("%d rooms are left", n)
	}
}

func TestTwoPeopleOfOneNameAreTwo(t *testing.T) {
	h := New(Options{})
	ana := join(t, h, "lobby", person("Ana")).drain()
	twin := person("twin")
	twin.Name = "Ana"
	second := join(t, h, "lobby", twin)
	ana.expect("+Ana")
	second.conn.Close(true)
	ana.expect("-Ana closed")
	if users := ana.roster.Users(); len(users) != 1 || users[0].ID != "id-Ana" {
		t.Errorf("left are %v", users)
	}
}

func TestTabsOfOneSessionAreOneUser(t *testing.T) {
	h := New(Options{})
	ana := join(t, h, "lobby", person("Ana")).drain()
	tab1 := join(t, h, "lobby", person("Ben"))
	tab2 := join(t, h, "lobby", person("Ben"))
	ana.expect("+Ben")
	if got := tab2.names(); !slices.Equal(got, []string{"Ana", "Ben"}) {
		t.Errorf("the second tab sees %v", got)
	}
	tab1.conn.Close(true)
	tab1.conn.Close(false) // again
	ana.expect()
	tab2.conn.Close(true)
	ana.expect("-Ben closed")
}

func TestRoomsDoNotMeet(t *testing.T) {
	h := New(Options{})
	ana := join(t, h, "one", person("Ana")).drain()
	join(t, h, "two", person("Ben"))
	ana.expect()
	if h.Rooms() != 2 {
		t.Errorf("%d rooms", h.Rooms())
	}
}

func TestASecondHelloOfASessionRenames(t *testing.T) {
	h := New(Options{})
	ana := join(t, h, "lobby", person("Ana")).drain()
	tab1 := join(t, h, "lobby", person("Ben")).drain()
	renamed := person("Ben")
	renamed.Name = "Benedict"
	join(t, h, "lobby", renamed)
	ana.expect("+Benedict") // who arrived under another name a moment ago
	tab1.expect("~Benedict")
	if got := ana.names(); !slices.Equal(got, []string{"Ana", "Benedict"}) {
		t.Errorf("the board has %v", got)
	}
}

func TestWhatCancelsOutIsNotTold(t *testing.T) {
	h := New(Options{})
	ana := join(t, h, "lobby", person("Ana")).drain()
	ben := join(t, h, "lobby", person("Ben"))
	ben.conn.Close(true)
	ana.expect()
	if ana.frames != 2 {
		t.Errorf("%d frames; the change of seq must still be told", ana.frames)
	}
}

func TestWhoLeftAndCameBackBetweenTwoFramesIsUpdated(t *testing.T) {
	h := New(Options{})
	ana := join(t, h, "lobby", person("Ana"))
	ben := join(t, h, "lobby", person("Ben"))
	join(t, h, "lobby", person("Cyd"))
	ana.expect()
	ben.conn.Close(true)
	join(t, h, "lobby", person("Ben"))
	ana.expect("~Ben")
	if got := ana.names(); !slices.Equal(got, []string{"Ana", "Cyd", "Ben"}) {
		t.Errorf("the order is %v", got)
	}
}

func TestLeavingEndsAllTabsAtOnce(t *testing.T) {
	h := New(Options{Linger: time.Hour, Grace: time.Hour})
	ana := join(t, h, "lobby", person("Ana")).drain()
	tab1 := join(t, h, "lobby", person("Ben")).drain()
	tab2 := join(t, h, "lobby", person("Ben"))
	ana.expect("+Ben")
	tab1.conn.Leave()
	tab2.conn.Leave() // again
	tab1.expect("-Ben left")
	for i, tab := range []*watcher{tab1, tab2} {
		tab.drain()
		if !tab.left {
			t.Errorf("tab %d is not told that it is over", i+1)
		}
		if _, here := tab.roster.Get("id-Ben"); here {
			t.Errorf("tab %d still has the user", i+1)
		}
		tab.conn.Close(true)
	}
	ana.expect("-Ben left")
	if n := ana.roster.Len(); n != 1 {
		t.Errorf("%d are left", n)
	}
}

func TestATabThatNeverReadLearnsThatItsUserHasLeft(t *testing.T) {
	h := New(Options{})
	tab1 := join(t, h, "lobby", person("Ben"))
	tab1.conn.Leave()
	frame, last := tab1.conn.Next()
	if !last || !strings.Contains(string(frame), `"reason":"left"`) {
		t.Errorf("got %s, last %v", frame, last)
	}
	tab1.conn.Close(true)
	if n := h.Rooms(); n != 0 {
		t.Errorf("%d rooms are left", n)
	}
}

func TestUsersStayForALittleWhile(t *testing.T) {
	for _, c := range []struct {
		clean  bool
		stay   time.Duration
		reason string
	}{
		{true, 2 * time.Second, "-Ben closed"},
		{false, 15 * time.Second, "-Ben lost"},
	} {
		synctest.Test(t, func(t *testing.T) {
			h := New(Options{Linger: 2 * time.Second, Grace: 15 * time.Second})
			defer h.Close()
			ana := join(t, h, "lobby", person("Ana")).drain()
			ben := join(t, h, "lobby", person("Ben"))
			ana.expect("+Ben")
			ben.conn.Close(c.clean)
			ana.expect("~Ben reconnecting")
			time.Sleep(c.stay - time.Millisecond)
			synctest.Wait()
			ana.expect()
			time.Sleep(2 * time.Millisecond)
			synctest.Wait()
			ana.expect(c.reason)
		})
	}
}

func TestWhoIsBackInTimeHasNotLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(Options{Linger: 2 * time.Second})
		defer h.Close()
		ana := join(t, h, "lobby", person("Ana")).drain()
		ben := join(t, h, "lobby", person("Ben"))
		ana.expect("+Ben")
		ben.conn.Close(true)
		time.Sleep(time.Second)
		back := join(t, h, "lobby", person("Ben"))
		ana.expect() // dimmed and undimmed between two frames is nothing
		time.Sleep(time.Hour)
		synctest.Wait()
		ana.expect()
		back.conn.Close(true)
		ana.expect("~Ben reconnecting")
	})
}

func TestTheLastTabDecidesHowLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(Options{Linger: time.Second, Grace: time.Minute})
		defer h.Close()
		ana := join(t, h, "lobby", person("Ana")).drain()
		tab1 := join(t, h, "lobby", person("Ben"))
		tab2 := join(t, h, "lobby", person("Ben"))
		tab1.conn.Close(false)
		tab2.conn.Close(true)
		ana.expect("+Ben") // as they are now: reconnecting
		time.Sleep(time.Second + time.Millisecond)
		synctest.Wait()
		ana.expect("-Ben closed")
	})
}

func TestARoomEndsWhenTheLastHasGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(Options{Grace: time.Second})
		defer h.Close()
		first := join(t, h, "lobby", person("Ana")).drain()
		epoch := first.roster.Epoch()
		first.conn.Close(false)
		if h.Rooms() != 1 {
			t.Error("the room is gone while somebody may come back")
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if h.Rooms() != 0 {
			t.Error("the room is still there")
		}
		second := join(t, h, "lobby", person("Ana")).drain()
		if second.roster.Epoch() == epoch {
			t.Error("the new room has the old one's epoch")
		}
		second.conn.Close(true)
	})
}

func TestAClientFarBehindGetsASnapshot(t *testing.T) {
	h := New(Options{})
	ana := join(t, h, "lobby", person("Ana")).drain()
	for i := range 3 * ringSize {
		join(t, h, "lobby", person(fmt.Sprint(i))).conn.Close(true)
	}
	join(t, h, "lobby", person("Ben"))
	ana.expect() // no new_user: the snapshot has them
	if got := ana.names(); !slices.Equal(got, []string{"Ana", "Ben"}) || ana.frames != 2 {
		t.Errorf("%v after %d frames", got, ana.frames)
	}
}

func TestClientsAtOnePointShareTheirBytes(t *testing.T) {
	h := New(Options{})
	a, b := join(t, h, "lobby", person("A")), join(t, h, "lobby", person("B"))
	a.drain()
	b.drain()
	join(t, h, "lobby", person("C"))
	fromA, _ := a.conn.Next()
	fromB, _ := b.conn.Next()
	if &fromA[0] != &fromB[0] {
		t.Error("the frame was encoded twice")
	}
}

func TestBeatSaysSomethingInAQuietRoom(t *testing.T) {
	h := New(Options{})
	ana := join(t, h, "lobby", person("Ana")).drain()
	frame, last := ana.conn.Beat()
	want := event.Encode(event.Room{Seq: 1, Count: 1, Hash: ana.roster.State().Hash})
	if string(frame) != string(want) || last {
		t.Errorf("got %s, want %s", frame, want)
	}
	join(t, h, "lobby", person("Ben"))
	frame, _ = ana.conn.Beat()
	if !strings.Contains(string(frame), event.NameNewUser) {
		t.Errorf("news did not go first: %s", frame)
	}
}

func TestAClosedHubTakesNobody(t *testing.T) {
	h := New(Options{Linger: time.Hour})
	ana := join(t, h, "lobby", person("Ana"))
	ana.conn.Close(true)
	h.Close() // returns, although a removal was due
	if _, err := h.Join("lobby", person("Ben")); err != ErrClosed {
		t.Errorf("error is %v", err)
	}
}
