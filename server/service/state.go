package service

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/gofrs/flock"

	"rollcall/server/hub"
	"rollcall/server/journal"
	"rollcall/server/presence"
)

const (
	stateFile = "rooms.journal"
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

// stateHead is the first record of the journal with the rooms.
type stateHead struct {
	// Version is stateVersion of the server that wrote it.
	Version int `json:"version"`
	// Key is the tag of the key from which the ids of the users were made. With another
	// key nobody could come back as the same user.
	Key string `json:"key"`
}

// stateVersion is the version of the journal. It changes when a server cannot restore what
// an earlier one has kept.
const stateVersion = 3

// stateRoom is a line of all other records.
type stateRoom struct {
	hub.RoomChange
	// Epoch and Seq are those of the room, if the server ended cleanly at that seq.
	Epoch string `json:"epoch,omitempty"`
	Seq   uint64 `json:"seq,omitempty"`
}

// lines are stateRooms on their way into records.
type lines struct {
	text bytes.Buffer
	w    *journal.Writer
	err  error // the first one; nothing is appended after it
}

// recordSize is after how many bytes a record ends.
const recordSize = 256 << 10

func (l *lines) add(r stateRoom) {
	if l.err != nil {
		return
	}
	if l.err = json.NewEncoder(&l.text).Encode(r); l.err == nil && l.text.Len() >= recordSize {
		l.end()
	}
}

// end ends the record.
func (l *lines) end() error {
	if l.err == nil && l.text.Len() > 0 {
		l.err = l.w.Append(l.text.Bytes())
		l.text.Reset()
	}
	return l.err
}

// createState makes a new journal of the rooms that all gives.
func createState(dir, key string, all func(add func(stateRoom))) (*journal.Writer, error) {
	return journal.Create(filepath.Join(dir, stateFile), func(w *journal.Writer) error {
		head, err := json.Marshal(stateHead{stateVersion, key})
		if err != nil {
			return err
		}
		if err := w.Append(head); err != nil {
			return err
		}
		l := lines{w: w}
		all(l.add)
		return l.end()
	})
}

// save writes the rooms for the next run, whole or not at all, at a clean end.
func save(rooms *hub.Hub, dir, key string) error {
	state := rooms.Save()
	if len(state.Rooms) == 0 {
		if err := os.Remove(filepath.Join(dir, stateFile)); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	}
	w, err := createState(dir, key, func(add func(stateRoom)) {
		for _, r := range state.Rooms {
			for members := range slices.Chunk(r.Members, 256) {
				add(stateRoom{hub.RoomChange{Room: r.Name, Put: members}, r.Epoch, r.Seq})
			}
		}
	})
	if err != nil {
		return err
	}
	return w.Close()
}

// errSetAside is why the rooms of the last run are not all restored although there is a file.
var errSetAside = errors.New("the rooms of the last run are not taken up as they were")

// restore restores the rooms of the last run, unless it was too long ago. After a crash they
// are as they were when the file was written last. A file that cannot be used is kept under
// another name; of a damaged one, what is good is used. Change may change what is restored.
// The file stays until the next one is made.
func restore(rooms *hub.Hub, dir, key string, change func(*hub.State)) error {
	path := filepath.Join(dir, stateFile)
	last := lastRun{key: key, rooms: make(map[string]*lastRoom)}
	usedAt, err := journal.Read(path, last.record)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if age := time.Since(usedAt); err == nil && age > hub.HoldAfterRestart {
		err = fmt.Errorf("they are of %v ago, and people are held for %v", age.Round(time.Second), hub.HoldAfterRestart)
		last.rooms = nil
	}
	if state := last.state(); len(state.Rooms) > 0 {
		change(&state)
		rooms.Restore(state)
	}
	if err != nil {
		aside := path + ".unusable"
		return errors.Join(fmt.Errorf("%w: %w; see %s", errSetAside, err, aside), os.Rename(path, aside))
	}
	return nil
}

// lastRun is what a journal says.
type lastRun struct {
	key     string
	started bool
	rooms   map[string]*lastRoom
}

type lastRoom struct {
	epoch string
	seq   uint64
	users map[string]presence.Saved
}

// record takes in a record.
func (l *lastRun) record(data []byte) error {
	if !l.started {
		l.started = true
		var head stateHead
		switch err := json.Unmarshal(data, &head); {
		case err != nil:
			return err
		case head.Version != stateVersion:
			return errors.New("another version of Rollcall has kept them")
		case head.Key != l.key:
			return errors.New("they were kept with another session.key")
		}
		return nil
	}
	for line := range bytes.Lines(data) {
		var change stateRoom
		if err := json.Unmarshal(line, &change); err != nil {
			return err
		}
		r := l.rooms[change.Room]
		if r == nil {
			r = &lastRoom{users: make(map[string]presence.Saved)}
			l.rooms[change.Room] = r
		}
		r.epoch, r.seq = change.Epoch, change.Seq
		for _, s := range change.Put {
			r.users[s.User.ID] = s
		}
		for _, id := range change.Gone {
			delete(r.users, id)
		}
	}
	return nil
}

// state returns the rooms with somebody in them.
func (l *lastRun) state() (state hub.State) {
	for name, r := range l.rooms {
		of := hub.RoomState{Name: name, Epoch: r.epoch, Seq: r.seq}
		for _, s := range r.users {
			of.Members = append(of.Members, s)
		}
		if len(of.Members) > 0 {
			state.Rooms = append(state.Rooms, of)
		}
	}
	return state
}
