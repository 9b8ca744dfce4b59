package hub

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/server/presence"
	"rollcall/shared/event"
)

// eager is a cluster that is told by another server of something at once, before who opens
// the room has begun to wait, and is ready later.
type eager struct{ opened, ended int }

func (e *eager) Opened(s *Shared) {
	e.opened++
	if e.opened == 1 {
		s.SetSilent("other", true) // as with an answer, or whatever else calls Shared.change
	}
	go func() {
		time.Sleep(time.Millisecond)
		if e.ended < e.opened { // the node knows the room no more
			s.Ready()
		}
	}()
}
func (e *eager) Ended(*Shared)              { e.ended++ }
func (e *eager) Generation() (uint64, bool) { return 0, true }

func TestARoomDoesNotEndBeforeWhoOpensItWaits(t *testing.T) {
	bubble(t, Options{Cluster: &eager{}, Owner: "me"}, func(t *testing.T, h *Hub) {
		done := make(chan error, 1)
		go func() {
			_, err := h.Join("a", person("Ana"), &client{t: t})
			done <- err
		}()
		time.Sleep(time.Minute)
		select {
		case err := <-done:
			if err != nil {
				t.Error(err)
			}
		default:
			t.Error("after a minute, the hello still waits")
		}
	})
}

// Somebody who is on another server takes a slot here too.
func TestWhoIsOnAnotherServerTakesASlotHereToo(t *testing.T) {
	bubble(t, Options{MaxRooms: 1}, func(t *testing.T, h *Hub) {
		for _, name := range []string{"a", "b", "c"} {
			r := watch(t, h, name).conn.room
			r.mu.Lock()
			r.applyAll(r.presence.Put(r.now(), "other", presence.Entry{User: event.User{ID: "x", Name: "Xi", Link: event.LinkOnline}}, true), nil)
			r.mu.Unlock()
			_, err := h.Join(name, Person{ID: "x", Change: event.Named("Xi")}, &client{t: t})
			r.mu.Lock()
			r.applyAll(r.presence.Drop(r.now(), "other", "x", event.ReasonLeft), nil)
			r.mu.Unlock()
			synctest.Wait()
			if (err != nil) != (name != "a") || err != nil && !errors.Is(err, ErrTooManyRooms) {
				t.Errorf("room %s: %v", name, err)
			}
		}
	})
}

// keeper is a cluster that keeps what it is told of.
type keeper struct{ rooms []*Shared }

func (k *keeper) Opened(s *Shared)         { k.rooms = append(k.rooms, s) }
func (*keeper) Ended(*Shared)              {}
func (*keeper) Generation() (uint64, bool) { return 0, true }

// ignore takes frames.
type ignore struct{}

func (ignore) Send(*Conn, Frame) bool { return true }

// The cluster hears of the end of a room only after it has done something for it.
func TestWhatComesForARoomThatHasEndedDoesNothing(t *testing.T) {
	cluster := &keeper{}
	bubble(t, Options{Cluster: cluster, Owner: "me"}, func(t *testing.T, h *Hub) {
		go func() {
			synctest.Wait()
			cluster.rooms[0].Ready()
		}()
		c := watch(t, h, "a")
		shared := cluster.rooms[0]
		shared.Share(ignore{})
		c.conn.Close(true)
		synctest.Wait()
		if h.OpenRooms() != 0 {
			t.Fatal("the room is there still")
		}
		shared.Ready()
		shared.Keep(true)
		shared.Update(Update{Owner: "other", Put: []presence.Entry{{User: event.User{ID: "x", Name: "Xi", Link: event.LinkOnline}}}, Whole: true})
		shared.SetSilent("other", true)
		shared.SetPartial(true)
		shared.TellSlice()
		shared.Share(ignore{})
		if s, _ := shared.Slice(0); len(s.Users) != 0 {
			t.Errorf("its slice has %v", s.Users)
		}
		if n := shared.room.presence.Len(); n != 0 {
			t.Errorf("there are %d users", n)
		}
		time.Sleep(time.Minute)
		shared.Keep(false)
		if h.OpenRooms() != 0 || len(cluster.rooms) != 1 {
			t.Error("the room is there again")
		}
	})
}

// Nobody comes back to a restored room before it is known what other servers have.
func TestARestoredRoomWhoseUsersGoBeforeItIsReadyEnds(t *testing.T) {
	cluster := &keeper{}
	bubble(t, Options{Cluster: cluster, Owner: "me"}, func(t *testing.T, h *Hub) {
		h.Restore(State{Rooms: []RoomState{{Name: "a", Epoch: "e", Seq: 1, Members: []presence.Saved{{User: event.User{ID: "x", Name: "Xi"}}}}}})
		time.Sleep(time.Hour)
		if h.OpenRooms() != 1 {
			t.Error("the room ends while it is waited for")
		}
		cluster.rooms[0].Ready()
		if h.OpenRooms() != 0 {
			t.Error("the room stays without anybody")
		}
	})
}

// never is a sink that has not sent what it was given.
type never struct{}

func (never) Send(*Conn, Frame) bool { return false }

// The last other server of a room goes before it has heard that nobody is here any more.
func TestARoomEndsAlsoIfNobodyIsLeftToHearOfIt(t *testing.T) {
	cluster := &keeper{}
	bubble(t, Options{Cluster: cluster, Owner: "me"}, func(t *testing.T, h *Hub) {
		go func() {
			synctest.Wait()
			cluster.rooms[0].Ready()
		}()
		c := &client{t: t}
		conn, err := h.Join("a", person("Ana"), c)
		if err != nil {
			t.Fatal(err)
		}
		cluster.rooms[0].Share(never{})
		cluster.rooms[0].TellSlice()
		time.Sleep(time.Second) // until the sink has a frame
		conn.Leave(0)
		time.Sleep(time.Minute)
		if h.OpenRooms() != 1 {
			t.Error("the room ends before the other server has heard of it")
		}
		cluster.rooms[0].Unshare()
		time.Sleep(time.Second)
		if h.OpenRooms() != 0 {
			t.Error("the room stays without anybody")
		}
	})
}
