package hub

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/shared/event"
)

func TestOneUserIsFoundWithWhyTheyAreHere(t *testing.T) {
	bubble(t, Options{Grace: 15 * time.Second, Away: time.Minute}, func(t *testing.T, h *Hub) {
		tab := join(t, h, "lobby", person("Ana"))
		other := join(t, h, "lobby", person("Ana"))
		why, ok := h.User("lobby", "id-Ana")
		if !ok || why.User.Name != "Ana" || why.Connections != 2 || !why.RemoveAt.IsZero() {
			t.Errorf("with two tabs: %+v, %v", why, ok)
		}
		tab.conn.SetActive(0, false)
		other.conn.SetActive(0, false)
		time.Sleep(time.Minute)
		synctest.Wait()
		if why, _ := h.User("lobby", "id-Ana"); !why.Idle || why.ByHand != event.StatusHere || why.User.Status != event.StatusAway {
			t.Errorf("with no tab that is used: %+v", why)
		}
		tab.conn.Close(true)
		other.conn.Close(false)
		want := time.Now().Add(15 * time.Second)
		if why, _ := h.User("lobby", "id-Ana"); why.Connections != 0 || !why.RemoveAt.Equal(want) || why.Reason != event.ReasonLost || why.User.Link != event.LinkReconnecting {
			t.Errorf("cut off: %+v; want them to go at %v", why, want)
		}
		for _, at := range [][2]string{{"lobby", "id-Ben"}, {"elsewhere", "id-Ana"}} {
			if why, ok := h.User(at[0], at[1]); ok {
				t.Errorf("%v: %+v", at, why)
			}
		}
	})
}

func TestARoomIsReadAsItsClientsHaveIt(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, h *Hub) {
		ana := join(t, h, "lobby", person("Ana"))
		join(t, h, "lobby", person("Ben"))
		watch(t, h, "lobby")
		ana.conn.Heartbeat()
		ana.drain()
		room, ok := h.Room("lobby")
		state := ana.roster.State()
		if !ok || room.Epoch != ana.roster.Epoch() || room.Seq != state.Seq || room.Hash != state.Hash || room.Count != 2 || room.Watching != 1 ||
			!slices.Equal(room.Users, ana.roster.Users()) {
			t.Errorf("the room is %+v; a client has %+v", room, state)
		}
		if room, ok := h.Room("elsewhere"); ok {
			t.Errorf("a room that is not open is %+v", room)
		}
	})
}

func TestAllRoomsAreReadInPages(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, h *Hub) {
		var want []string
		for i := range 25 {
			name := fmt.Sprintf("room-%02d", i)
			want = append(want, name)
			join(t, h, name, person("Ana"))
		}
		var got []string
		for after := ""; ; {
			page := h.Rooms(after, 10)
			if len(page) == 0 {
				break
			}
			for _, room := range page {
				if room.Count != 1 || room.Epoch == "" || room.Seq != 1 {
					t.Errorf("%+v", room)
				}
				got = append(got, room.Name)
			}
			after = page[len(page)-1].Name
		}
		if !slices.Equal(got, want) || h.OpenRooms() != 25 {
			t.Errorf("the pages have %q; %d are open", got, h.OpenRooms())
		}
		if page := h.Rooms("", 0); len(page) != 0 {
			t.Errorf("a page of nothing has %v", page)
		}
	})
}
