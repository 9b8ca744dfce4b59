package testcluster

import (
	"fmt"
	"testing"
	"time"
)

// A server that is alone is killed, again and again, and starts again at once.
func TestACrashIsSeenByNobody(t *testing.T) {
	t.Parallel()
	s := NewServer(ServerOptions{Binary: binary, Name: "alone", Data: t.TempDir()})
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	defer s.Kill()
	all := &Crowd{Room: "team"}
	defer all.Close()
	w, err := NewWatcher(t.Context(), s, all.Room)
	if err != nil {
		t.Fatal(err)
	}
	all.Watchers = []*Watcher{w}
	for i := range 30 {
		if _, err := all.Join(t.Context(), s.WebSocket(), fmt.Sprintf("%s %d", firstNames[i%len(firstNames)], i)); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 3 {
		time.Sleep(time.Second) // then nobody is to notice
		began := time.Now()
		s.Kill()
		if err := s.Start(); err != nil {
			t.Fatal(err)
		}
		t.Logf("true %v after crash %d", converged(t, all, healing), i+1)
		seenNothing(t, all, began, comings)
		all.People[i].Rename(fmt.Sprint("Renamed ", i)) // the next one has to keep that
	}
	if err := s.Stop(); err != nil {
		t.Error(err)
	}
}
