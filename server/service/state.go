package service

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"rollcall/server/hub"
)

// saved is the file in the data folder by which rooms outlive a clean
// shutdown.
type saved struct {
	At time.Time `json:"at"`
	hub.State
}

const stateFile = "rooms.json"

// save leaves the rooms for the next run. They hold sessions, so nobody else
// may read them.
func save(rooms *hub.Hub, dir string) error {
	state := rooms.Save()
	if len(state.Rooms) == 0 {
		return nil
	}
	file, err := json.Marshal(saved{At: time.Now(), State: state})
	if err != nil {
		return err
	}
	tmp, err := os.CreateTemp(dir, "."+stateFile+"-*") // 0600
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(file)
	if err := errors.Join(err, tmp.Close()); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), filepath.Join(dir, stateFile))
}

// restore takes up the rooms of the last run, if that ended cleanly. The file
// is good for once: after a crash it would tell of the past.
func restore(rooms *hub.Hub, dir string) error {
	path := filepath.Join(dir, stateFile)
	file, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err := errors.Join(err, os.Remove(path)); err != nil {
		return err
	}
	var s saved
	if err := json.Unmarshal(file, &s); err != nil {
		return err
	}
	rooms.Restore(s.State, max(0, time.Since(s.At)))
	return nil
}
