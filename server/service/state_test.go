package service

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"rollcall/server/hub"
	"rollcall/shared/event"
)

type deaf struct{}

func (deaf) Send(*hub.Conn, hub.Frame) bool { return true }

func TestRoomsOutliveACleanShutdownOnce(t *testing.T) {
	dir, options := t.TempDir(), hub.Options{Grace: time.Minute}
	first := hub.New(options)
	c, err := first.Join("lobby", hub.Person{Session: [16]byte{1}, ID: "a", Name: "Ana", Note: new("hi"), Status: new(event.StatusBusy)}, deaf{})
	if err != nil {
		t.Fatal(err)
	}
	first.Suspend()
	c.Close(false)
	if err := save(first, dir); err != nil {
		t.Fatal(err)
	}
	first.Close()
	info, err := os.Stat(filepath.Join(dir, stateFile))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file is %v, %v; it holds sessions", info, err)
	}

	for run, want := range []int{1, 0} { // the second is after a crash
		next := hub.New(options)
		if err := restore(next, dir); err != nil {
			t.Error(err)
		}
		if people, _ := next.Count("lobby"); people != want {
			t.Errorf("run %d has %d people", run+2, people)
		}
		next.Close()
	}
}

func TestAStateThatCannotBeReadIsAnErrorOnce(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, stateFile), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	h := hub.New(hub.Options{Grace: time.Minute})
	defer h.Close()
	if err := restore(h, dir); err == nil {
		t.Error("nothing is said")
	}
	if err := restore(h, dir); err != nil || h.Rooms() != 0 {
		t.Errorf("the second time: %v", err)
	}
}

func TestNobodyIsNothingToSave(t *testing.T) {
	dir := t.TempDir()
	h := hub.New(hub.Options{})
	defer h.Close()
	if err := save(h, dir); err != nil {
		t.Error(err)
	}
	if files, _ := os.ReadDir(dir); len(files) != 0 {
		t.Errorf("left behind: %v", files)
	}
}
