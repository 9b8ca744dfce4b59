package service

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"

	"rollcall/server/hub"
)

const (
	stateFile = "rooms.json"
	lockFile  = "lock"
)

// lockData makes the data folder this process's own until it ends, however it
// does. Two servers with one folder would each lose what the other saves.
func lockData(dir string) (*flock.Flock, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, dataError(err)
	}
	lock := flock.New(filepath.Join(dir, lockFile))
	mine, err := lock.TryLock()
	if err != nil {
		return nil, dataError(err)
	}
	if !mine {
		return nil, fmt.Errorf("the data folder %s is in use by another Rollcall; end that one or name another folder with -data", dir)
	}
	return lock, nil
}

func dataError(err error) error {
	return fmt.Errorf("the data folder cannot be used: %w; make it writable or name another with -data", err)
}

// savedState is the file in the data folder by which rooms outlive a clean shutdown.
type savedState struct {
	At time.Time `json:"at"`
	// Version is stateVersion of the server that wrote it.
	Version int `json:"version"`
	// Key tells by which key sessions became the ids in State: with another
	// one nobody could come back as who they were.
	Key   string    `json:"key"`
	State hub.State `json:"state"`
}

// stateVersion is that of what State holds, and of the ids in it. It changes when
// what an earlier server saved cannot be taken up.
const stateVersion = 2

// save leaves the rooms for the next run, whole or not at all. They say
// who was here, so nobody else may read them.
func save(rooms *hub.Hub, dir, key string) error {
	path := filepath.Join(dir, stateFile)
	state := rooms.Save()
	if len(state.Rooms) == 0 {
		if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	}
	file, err := json.Marshal(savedState{At: time.Now(), Version: stateVersion, Key: key, State: state})
	if err != nil {
		return err
	}
	tmp, err := os.OpenFile(filepath.Join(dir, "."+stateFile), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = tmp.Write(file)
	if err := errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return errors.Join(err, os.Remove(tmp.Name()))
	}
	if err := os.Rename(tmp.Name(), path); err != nil {
		return err
	}
	// The new name, too, must outlive a loss of power.
	folder, err := os.Open(dir)
	if err != nil {
		return err
	}
	folder.Sync() // which not every system can
	return folder.Close()
}

// errSetAside is why the rooms of the last run are not taken up though there are
// some.
var errSetAside = errors.New("the rooms of the last run cannot be taken up")

// restore takes up the rooms of the last run, if that ended cleanly and not too
// long ago. The file is good for once: after a crash it would tell of the past.
// One that is no good is kept beside it, for somebody to look at.
func restore(rooms *hub.Hub, dir, key string) error {
	path := filepath.Join(dir, stateFile)
	file, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var s savedState
	if err == nil {
		err = json.Unmarshal(file, &s)
	}
	if err == nil && s.Version != stateVersion {
		err = errors.New("another version of Rollcall has saved them")
	}
	if err == nil && s.Key != key {
		err = errors.New("they were saved with another session.key")
	}
	if err != nil {
		aside := path + ".unusable"
		return errors.Join(fmt.Errorf("%w: %w; see %s", errSetAside, err, aside), os.Rename(path, aside))
	}
	if err := os.Remove(path); err != nil {
		return err
	}
	if time.Since(s.At) <= hub.HoldAfterRestart { // else everybody has given up
		rooms.Restore(s.State)
	}
	return nil
}
