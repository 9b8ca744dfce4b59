package service

import (
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"rollcall/server/hub"
	"rollcall/shared/event"
)

// kept is a hub that is kept in a folder.
type kept struct {
	*hub.Hub
	keeper *keeper
	log    *strings.Builder
	now    time.Time
}

func keepIn(t *testing.T, dir string) *kept {
	t.Helper()
	k := &kept{Hub: hub.New(hub.Options{Grace: time.Hour, Journal: true}), log: new(strings.Builder), now: time.Now()}
	if err := restore(k.Hub, dir, "key", func(*hub.State) {}); err != nil {
		t.Fatal(err)
	}
	k.keeper = newKeeper(k.Hub, dir, "key", slog.New(slog.NewTextHandler(k.log, nil)))
	k.pass(0)
	t.Cleanup(k.Close)
	return k
}

// pass lets the keeper work after a time.
func (k *kept) pass(d time.Duration) {
	k.now = k.now.Add(d)
	k.keeper.keep(k.now)
}

func (k *kept) enter(t *testing.T, room, name string) *hub.Conn {
	t.Helper()
	c, err := k.Join(room, hub.Person{ID: name, Profile: event.Named(name)}, deaf{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// has returns the names in a room.
func (k *kept) has(room string) (names []string) {
	r, _ := k.Room(room)
	for _, u := range r.Users {
		names = append(names, u.Name)
	}
	slices.Sort(names)
	return names
}

func TestAfterACrashTheRoomsAreAsTheyWereWritten(t *testing.T) {
	dir := t.TempDir()
	first := keepIn(t, dir)
	ana := first.enter(t, "a", "Ana")
	ben := first.enter(t, "a", "Ben")
	first.enter(t, "b", "Cyd")
	first.pass(keepEvery)
	if err := ana.Update(0, event.Patch{Note: new("back at 2")}); err != nil {
		t.Fatal(err)
	}
	ben.Leave(0)
	first.pass(keepEvery)
	first.enter(t, "a", "Dan") // not written before the crash
	before, _ := first.Room("a")

	next := keepIn(t, dir)
	if a, b := next.has("a"), next.has("b"); !slices.Equal(a, []string{"Ana"}) || !slices.Equal(b, []string{"Cyd"}) {
		t.Errorf("the next run has %q and %q", a, b)
	}
	r, _ := next.Room("a")
	if u := r.Users[0]; u.Note != "back at 2" || u.Link != event.LinkReconnecting || u.Since != before.Users[0].Since {
		t.Errorf("she is %+v", u)
	}
	if r.Epoch == before.Epoch {
		t.Error("clients would be told what has changed since a time that this run does not know")
	}
	if u, _ := keepIn(t, dir).Room("a"); len(u.Users) != 1 {
		t.Error("after another crash at once, nobody is there")
	}
}

// A random life, and a crash at every moment: what is restored is what was there.
func TestWhatIsKeptIsWhatIsThere(t *testing.T) {
	dir, random := t.TempDir(), rand.New(rand.NewPCG(1, 2))
	for run := range 20 {
		k := keepIn(t, dir)
		conns := map[string]*hub.Conn{}
		for range 200 {
			room, name := fmt.Sprint("room-", random.IntN(3)), fmt.Sprint("user ", random.IntN(30))
			key := room + name
			switch c := conns[key]; {
			case c == nil:
				conns[key] = k.enter(t, room, name)
			case random.IntN(2) == 0:
				c.Leave(0)
				delete(conns, key)
			default:
				if err := c.Update(0, event.Patch{Note: new(fmt.Sprint(random.IntN(1000)))}); err != nil {
					t.Fatal(err)
				}
			}
			if random.IntN(5) == 0 {
				k.pass(keepEvery)
			}
			if random.IntN(50) == 0 {
				k.keeper.fold(k.now)
			}
		}
		k.pass(keepEvery)
		next := keepIn(t, dir)
		for i := range 3 {
			room := fmt.Sprint("room-", i)
			is, _ := k.Room(room)
			was, _ := next.Room(room)
			for i := range is.Users {
				is.Users[i].Link = event.LinkReconnecting
				is.Users[i] = is.Users[i].Encoded()
			}
			if len(is.Users) != len(was.Users) || len(is.Users) > 0 && !slices.EqualFunc(is.Users, was.Users, func(a, b event.User) bool { return a.ID == b.ID && a.Note == b.Note && a.Since == b.Since }) {
				t.Fatalf("run %d, %s: %v\nwas %v", run, room, was.Users, is.Users)
			}
		}
		if err := os.Remove(filepath.Join(dir, stateFile)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestNothingIsWrittenWhileNothingChanges(t *testing.T) {
	dir := t.TempDir()
	k := keepIn(t, dir)
	size := k.keeper.w.Size()
	for range 100 {
		k.pass(time.Minute)
	}
	if k.keeper.w.Size() != size {
		t.Error("something is written, and nobody is there")
	}
	file := filepath.Join(dir, stateFile)
	if info, err := os.Stat(file); err != nil || info.ModTime().After(time.Now().Add(time.Minute)) {
		t.Errorf("the file is used, and nobody is there: %v, %v", info.ModTime(), err)
	}
	k.enter(t, "a", "Ana")
	k.pass(keepEvery)
	size = k.keeper.w.Size()
	for range 100 {
		k.pass(touchEvery)
	}
	if k.keeper.w.Size() != size {
		t.Error("something is written, and nothing has changed")
	}
	if info, err := os.Stat(file); err != nil || k.now.Sub(info.ModTime()) > touchEvery {
		t.Errorf("that somebody is there is not noted: %v, %v", info.ModTime(), err)
	}
}

func TestAJournalDoesNotGrowWithoutEnd(t *testing.T) {
	k := keepIn(t, t.TempDir())
	ana := k.enter(t, "a", "Ana")
	for i := range 2 * smallJournal / 300 {
		if err := ana.Update(0, event.Patch{Note: new(fmt.Sprint("note ", i))}); err != nil {
			t.Fatal(err)
		}
		k.pass(time.Millisecond)
	}
	if size := k.keeper.w.Size(); size > smallJournal+smallJournal/2 {
		t.Errorf("it has %d bytes", size)
	}
}

func TestADiskThatTakesNothingIsSaidAndServingGoesOn(t *testing.T) {
	dir := t.TempDir()
	k := keepIn(t, dir)
	k.enter(t, "a", "Ana")
	k.keeper.w.Close() // every write fails from now on
	k.pass(keepEvery)
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		k.enter(t, "a", "Ben")
		k.pass(retryEvery)
	}
	if n := strings.Count(k.log.String(), "WARN"); n != 1 {
		t.Errorf("it is said %d times:\n%s", n, k.log)
	}
	if k.keeper.failures.Load() < 20 {
		t.Errorf("counted %d times", k.keeper.failures.Load())
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	k.pass(retryEvery)
	if names := keepIn(t, dir).has("a"); !slices.Equal(names, []string{"Ana", "Ben"}) {
		t.Errorf("when there is space again, %q are kept", names)
	}
}

func TestOfADamagedJournalWhatIsGoodIsUsed(t *testing.T) {
	dir := t.TempDir()
	k := keepIn(t, dir)
	k.enter(t, "a", "Ana")
	k.pass(keepEvery)
	file := filepath.Join(dir, stateFile)
	f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(make([]byte, 100)); err != nil { // blocks that were never written
		t.Fatal(err)
	}
	f.Close()
	next := hub.New(hub.Options{})
	defer next.Close()
	if err := restore(next, dir, "key", func(*hub.State) {}); !errors.Is(err, errSetAside) {
		t.Errorf("it is told %v", err)
	}
	if next.OpenRooms() != 1 {
		t.Error("what is good is not used")
	}
}
