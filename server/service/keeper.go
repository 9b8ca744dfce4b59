package service

import (
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"rollcall/server/hub"
	"rollcall/server/journal"
)

// How often the journal is written.
const (
	// keepEvery is how often changes are written: what was written outlives the program.
	keepEvery = 250 * time.Millisecond
	// syncEvery is how often the disk has to have them at most: that outlives a loss of
	// power as well.
	syncEvery = time.Second
	// touchEvery is how often it is noted that people are here, while nothing changes.
	touchEvery = 15 * time.Second
	// retryEvery is how often a disk that takes nothing is tried again.
	retryEvery = 5 * time.Second
	// smallJournal is up to which size a journal is not made anew.
	smallJournal = 1 << 20
)

// keeper keeps the rooms in a journal, so that nobody notices a crash.
type keeper struct {
	rooms    *hub.Hub
	dir, key string
	log      *slog.Logger
	failures atomic.Uint64 // how often the disk took nothing
	size     atomic.Int64  // of the journal
	warned   rate.Sometimes

	w         *journal.Writer // nil after a failure
	folded    int64           // how large it was when it was made
	unsynced  bool
	syncedAt  time.Time
	writtenAt time.Time
	retryAt   time.Time
}

func newKeeper(rooms *hub.Hub, dir, key string, log *slog.Logger) *keeper {
	return &keeper{rooms: rooms, dir: dir, key: key, log: log, warned: rate.Sometimes{Interval: time.Minute}}
}

// run keeps the rooms until stop is closed. The journal stays.
func (k *keeper) run(stop <-chan struct{}) {
	ticker := time.NewTicker(keepEvery)
	defer ticker.Stop()
	for {
		k.keep(time.Now())
		if k.w != nil {
			k.size.Store(k.w.Size())
		}
		select {
		case <-ticker.C:
		case <-stop:
			k.keep(time.Now())
			if k.w != nil {
				k.w.Close()
			}
			return
		}
	}
}

// keep writes what has changed.
func (k *keeper) keep(now time.Time) {
	if k.w == nil {
		if !now.Before(k.retryAt) {
			k.fold(now)
		}
		return
	}
	err := k.append(now)
	if err == nil && k.unsynced && now.Sub(k.syncedAt) >= syncEvery {
		k.unsynced, k.syncedAt = false, now
		err = k.w.Sync()
	}
	if err == nil && now.Sub(k.writtenAt) >= touchEvery && k.rooms.OpenRooms() > 0 {
		k.writtenAt = now
		err = k.w.Touch(now)
	}
	if err != nil {
		k.w.Close()
		k.fail(now, err)
		return
	}
	if k.w.Size() > 2*k.folded+smallJournal {
		k.fold(now)
	}
}

func (k *keeper) append(now time.Time) error {
	l := lines{w: k.w}
	k.rooms.Changes(func(c hub.RoomChange) {
		l.add(stateRoom{RoomChange: c})
		k.writtenAt, k.unsynced = now, true
	})
	return l.end()
}

// fold makes the journal anew, without what is out of date. What changes meanwhile is
// appended to it later.
func (k *keeper) fold(now time.Time) {
	k.rooms.Changes(func(hub.RoomChange) {}) // it is in what follows
	w, err := createState(k.dir, k.key, func(add func(stateRoom)) {
		k.rooms.All(func(c hub.RoomChange) { add(stateRoom{RoomChange: c}) })
	})
	if err != nil {
		if k.w == nil { // or the last run would be taken for this one
			os.Remove(filepath.Join(k.dir, stateFile))
		} else {
			k.w.Close()
		}
		k.fail(now, err)
		return
	}
	if k.w != nil {
		k.w.Close()
	}
	k.w, k.folded, k.unsynced, k.syncedAt, k.writtenAt = w, w.Size(), false, now, now
}

// fail notes that the disk takes nothing. It is tried again with everything.
func (k *keeper) fail(now time.Time, err error) {
	k.w, k.retryAt = nil, now.Add(retryEvery)
	k.failures.Add(1)
	k.warned.Do(func() {
		k.log.Warn("the rooms cannot be kept: after a crash now, people would be seen to leave and to come again; make space in the data folder, and make it writable", "err", err)
	})
}
