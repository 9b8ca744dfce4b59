package hub

import (
	"encoding/json"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/shared/event"
)

// reborn is a hub that takes up where another ended, as after a restart.
func reborn(t *testing.T, h *Hub, options Options) *Hub {
	t.Helper()
	file, err := json.Marshal(h.Save())
	if err != nil {
		t.Fatal(err)
	}
	h.Close()
	var s State
	if err := json.Unmarshal(file, &s); err != nil {
		t.Fatal(err)
	}
	next := New(options)
	next.Restore(s)
	t.Cleanup(next.Close)
	return next
}

// comeBackTo is comeBack, to another hub.
func (c *client) comeBackTo(h *Hub, p Person) *client {
	c.t.Helper()
	p.Resume = &event.Resume{Epoch: c.roster.Epoch(), Seq: c.roster.State().Seq}
	back := &client{t: c.t, id: p.ID, roster: c.roster}
	conn, err := h.Join("lobby", p, back)
	if err != nil {
		c.t.Fatalf("%v", err)
	}
	back.conn = conn
	return back
}

func TestAfterACleanShutdownNobodyIsSeenToLeave(t *testing.T) {
	options := Options{Grace: 15 * time.Second, Linger: time.Second}
	synctest.Test(t, func(t *testing.T) {
		h := New(options)
		ana, ben, cyd := join(t, h, "lobby", person("Ana")).drain(), join(t, h, "lobby", person("Ben")).drain(), join(t, h, "lobby", person("Cyd")).drain()
		ben.conn.Update(0, event.Patch{Note: new("back at 2"), Status: new(event.StatusBusy)})
		everybody := []*client{ana.drain(), ben.drain(), cyd.drain()}
		h.Suspend()
		for _, c := range everybody {
			c.conn.Close(false)
		}
		ana.expect("+Ben", "+Cyd", "~Ben busy back at 2") // and no more

		h = reborn(t, h, options)
		if people, _ := count(h, "lobby"); people != 3 {
			t.Errorf("%d people", people)
		}
		ana = ana.comeBackTo(h, person("Ana"))
		ben = ben.comeBackTo(h, person("Ben"))
		ana.holds("Ana", "Ben", "Cyd")
		ben.holds("Ana", "Ben", "Cyd")
		if ana.shots != 0 || ben.shots != 0 {
			t.Error("a whole snapshot was sent")
		}
		ana.drain()
		if u, _ := ana.roster.Get("id-Ben"); u.Link != event.LinkOnline || u.Note != "back at 2" || u.Status != event.StatusBusy {
			t.Errorf("Ben is %+v", u)
		}
		if u, _ := ana.roster.Get("id-Cyd"); u.Link != event.LinkReconnecting {
			t.Errorf("Cyd is %+v", u)
		}
		ana.seen = nil
		time.Sleep(HoldAfterRestart - 1)
		ana.expect()
		time.Sleep(time.Nanosecond)
		ana.expect("-Cyd lost")
		dan := join(t, h, "lobby", person("Dan"))
		dan.holds("Ana", "Ben", "Dan")
		for _, c := range []*client{ana, ben, dan} {
			c.conn.Leave(0)
			c.conn.Close(true)
		}
		synctest.Wait()
		if h.OpenRooms() != 0 {
			t.Errorf("%d rooms are left over", h.OpenRooms())
		}
	})
}

func TestWhoHadGoneBeforeTheShutdownIsNotWaitedForAnew(t *testing.T) {
	options := Options{Grace: 15 * time.Second, Linger: 4 * time.Second}
	synctest.Test(t, func(t *testing.T) {
		h := New(options)
		ana, ben, cyd := join(t, h, "lobby", person("Ana")).drain(), join(t, h, "lobby", person("Ben")).drain(), join(t, h, "lobby", person("Cyd")).drain()
		ben.conn.Close(true)
		cyd.conn.Close(false)
		time.Sleep(time.Second)
		ana.drain()
		h.Suspend()
		ana.conn.Close(false)
		h = reborn(t, h, options)
		ana = ana.comeBackTo(h, person("Ana"))
		ana.holds("Ana", "Ben", "Cyd")
		ana.seen = nil
		time.Sleep(3*time.Second - 1)
		ana.expect()
		time.Sleep(time.Nanosecond)
		ana.expect("-Ben closed")
		time.Sleep(11*time.Second - 1)
		ana.expect()
		time.Sleep(time.Nanosecond)
		ana.expect("-Cyd lost")
		ana.conn.Close(true)
		time.Sleep(time.Minute)
	})
}

func TestBeingAwayGoesOnAfterARestart(t *testing.T) {
	options := Options{Grace: time.Minute, Away: time.Minute}
	synctest.Test(t, func(t *testing.T) {
		h := New(options)
		ana := join(t, h, "lobby", person("Ana")).drain()
		ana.conn.SetActive(0, false)
		time.Sleep(time.Minute)
		ana.expect("~Ana away")
		h.Suspend()
		ana.conn.Close(false)
		h = reborn(t, h, options)
		ben := join(t, h, "lobby", person("Ben"))
		ben.holds("Ana", "Ben")
		ana = ana.comeBackTo(h, person("Ana"))
		ana.holds("Ana", "Ben")
		if u, _ := ben.drain().roster.Get("id-Ana"); u.Status != event.StatusAway || u.Link != event.LinkOnline {
			t.Errorf("Ana is %+v", u)
		}
		for _, c := range []*client{ana, ben} {
			c.conn.Leave(0)
			c.conn.Close(true)
		}
	})
}

func TestAClientThatWasBehindAtTheShutdownGetsASnapshot(t *testing.T) {
	options := Options{Grace: time.Minute}
	synctest.Test(t, func(t *testing.T) {
		h := New(options)
		ana := join(t, h, "lobby", person("Ana"))
		ana.pause()
		join(t, h, "lobby", person("Ben")).drain()
		h.Suspend()
		h = reborn(t, h, options)
		ana = ana.comeBackTo(h, person("Ana"))
		ana.holds("Ana", "Ben")
		if ana.shots != 1 {
			t.Errorf("%d snapshots", ana.shots)
		}
	})
}

func TestALargeRoomIsLargeAfterARestart(t *testing.T) {
	options := Options{Grace: time.Minute, Window: 3}
	synctest.Test(t, func(t *testing.T) {
		h := New(options)
		crowd(t, h, 0, 5)
		synctest.Wait()
		h.Suspend()
		h = reborn(t, h, options)
		wall := watch(t, h, "lobby").drain()
		if _, total, large := wall.roster.View(); !large || total != 5 {
			t.Errorf("total %d, large %v", total, large)
		}
	})
}

func TestASecondRestartTakesNothingFromWhoAreStillHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(Options{}) // with any grace: it is for the network, not for the server
		join(t, h, "lobby", person("Ana")).drain()
		for range 3 {
			h.Suspend()
			h = reborn(t, h, Options{})
			time.Sleep(HoldAfterRestart - 1)
			if people, _ := count(h, "lobby"); people != 1 {
				t.Fatalf("%d people", people)
			}
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if h.OpenRooms() != 0 {
			t.Errorf("%d rooms", h.OpenRooms())
		}
	})
}

// BenchmarkRestart saves and restores one room, as a restart does.
func BenchmarkRestart(b *testing.B) {
	for _, n := range []int{1_000, 20_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			h := New(Options{})
			defer h.Close()
			for i := range n {
				if _, err := h.Join("lobby", person(fmt.Sprint(i)), nothing{new(int)}); err != nil {
					b.Fatal(err)
				}
			}
			h.Suspend()
			for b.Loop() {
				next := New(Options{})
				next.Restore(h.Save())
				next.Close()
			}
		})
	}
}
