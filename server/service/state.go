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

// lockData locks the data folder until this process ends, even if that is killed. Two
// servers with one folder would lose what the other one saves.
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

// savedState is the content of the file in which rooms survive a clean shutdown.
type savedState struct {
	At time.Time `json:"at"`
	// Version is stateVersion of the server that wrote it.
	Version int `json:"version"`
	// Key is the tag of the key from which the ids in State were made. With another key
	// nobody could come back as the same user.
	Key   string    `json:"key"`
	State hub.State `json:"state"`
}

// stateVersion is the version of the file. It changes when a server cannot restore what
// an earlier one has saved.
const stateVersion = 2

// save writes the rooms to the file for the next run, whole or not at all. Only the owner
// can read it, since it says who was here. It waits for the disk.
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
	// The new name must survive a loss of power as well.
	folder, err := os.Open(dir)
	if err != nil {
		return err
	}
	folder.Sync() // not every system can do that
	return folder.Close()
}

// errSetAside is why the rooms of the last run are not restored although there is a file.
var errSetAside = errors.New("the rooms of the last run cannot be taken up")

// restore restores the rooms of the last run, if that ended cleanly and not too long ago.
// The file is removed, since after a crash it would be out of date. A file that cannot be
// used is kept under another name. Change may change what is restored.
func restore(rooms *hub.Hub, dir, key string, change func(*hub.State)) error {
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
	if time.Since(s.At) <= hub.HoldAfterRestart { // otherwise everybody is gone
		change(&s.State)
		rooms.Restore(s.State)
	}
	return nil
}
