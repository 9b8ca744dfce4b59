package service

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rollcall/server/hub"
	"rollcall/server/journal"
	"rollcall/shared/event"
)

type deaf struct{}

func (deaf) Send(*hub.Conn, hub.Frame) bool { return true }

func TestRoomsOutliveACleanShutdownOnce(t *testing.T) {
	dir, options := t.TempDir(), hub.Options{Grace: time.Minute}
	first := hub.New(options)
	c, err := first.Join("lobby", hub.Person{ID: "a", Profile: event.Patch{Name: new("Ana"), Note: new("hi"), Status: new(event.StatusBusy)}}, deaf{})
	if err != nil {
		t.Fatal(err)
	}
	first.Suspend()
	c.Close(false)
	if err := save(first, dir, "key"); err != nil {
		t.Fatal(err)
	}
	first.Close()
	info, err := os.Stat(filepath.Join(dir, stateFile))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file is %v, %v; it holds who was here", info, err)
	}

	next := hub.New(options)
	defer next.Close()
	if err := restore(next, dir, "key", func(*hub.State) {}); err != nil {
		t.Error(err)
	}
	if room, _ := next.Room("lobby"); room.Count != 1 || room.Users[0].Note != "hi" {
		t.Errorf("the next run has %+v", room)
	}
}

// saveAna leaves a state with somebody in it.
func saveAna(t *testing.T, dir, key string) {
	t.Helper()
	h := hub.New(hub.Options{})
	defer h.Close()
	if _, err := h.Join("lobby", hub.Person{ID: "a", Profile: event.Named("Ana")}, deaf{}); err != nil {
		t.Fatal(err)
	}
	h.Suspend()
	if err := save(h, dir, key); err != nil {
		t.Fatal(err)
	}
}

func TestAStateThatIsNoGoodIsSetAside(t *testing.T) {
	for name, spoil := range map[string]func(t *testing.T, file string){
		"damaged": func(t *testing.T, file string) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			text[len(text)-1] ^= 1
			if err := os.WriteFile(file, text, 0o600); err != nil {
				t.Fatal(err)
			}
		},
		"foreign": func(t *testing.T, file string) {
			if err := os.WriteFile(file, []byte("hello"), 0o600); err != nil {
				t.Fatal(err)
			}
		},
		"not readable": func(t *testing.T, file string) {
			if err := errors.Join(os.Remove(file), os.Mkdir(file, 0o700)); err != nil {
				t.Fatal(err)
			}
		},
		"of a newer version": func(t *testing.T, file string) {
			w, err := journal.Create(file, func(w *journal.Writer) error { return w.Append([]byte(`{"version":99,"key":"key"}`)) })
			if err := errors.Join(err, w.Append([]byte(`{"room":"lobby","who":["a"]}`)), w.Close()); err != nil {
				t.Fatal(err)
			}
		},
		"too old": func(t *testing.T, file string) {
			at := time.Now().Add(-hub.HoldAfterRestart - time.Second)
			if err := os.Chtimes(file, at, at); err != nil {
				t.Fatal(err)
			}
		},
		"of another key": func(t *testing.T, file string) { saveAna(t, filepath.Dir(file), "another key") },
	} {
		dir := t.TempDir()
		file := filepath.Join(dir, stateFile)
		saveAna(t, dir, "key")
		spoil(t, file)
		h := hub.New(hub.Options{})
		defer h.Close()
		if err := restore(h, dir, "key", func(*hub.State) {}); !errors.Is(err, errSetAside) || !strings.Contains(err.Error(), file+".unusable") {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := os.Stat(file + ".unusable"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := restore(h, dir, "key", func(*hub.State) {}); err != nil || h.OpenRooms() != 0 {
			t.Errorf("%s, the second time: %v, %d rooms", name, err, h.OpenRooms())
		}
	}
}

func TestWhoLeftAfterTheRoomsWereSavedIsNotSavedAgain(t *testing.T) {
	dir := t.TempDir()
	saveAna(t, dir, "key")
	h := hub.New(hub.Options{})
	defer h.Close()
	if err := save(h, dir, "key"); err != nil {
		t.Fatal(err)
	}
	if files, _ := os.ReadDir(dir); len(files) != 0 {
		t.Errorf("left behind: %v", files)
	}
}

func TestAFolderIsOneServersAtATime(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	first, err := lockData(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lockData(dir); err == nil || !strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), "-data") {
		t.Errorf("the second is told %v", err)
	}
	if err := first.Unlock(); err != nil {
		t.Fatal(err)
	}
	second, err := lockData(dir)
	if err != nil {
		t.Fatal(err)
	}
	second.Unlock()
}

func TestNobodyIsNothingToSave(t *testing.T) {
	dir := t.TempDir()
	h := hub.New(hub.Options{})
	defer h.Close()
	if err := save(h, dir, "key"); err != nil {
		t.Error(err)
	}
	if files, _ := os.ReadDir(dir); len(files) != 0 {
		t.Errorf("left behind: %v", files)
	}
}
