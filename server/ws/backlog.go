package ws

import (
	"cmp"
	"math"
	"slices"
	"sync"
	"sync/atomic"

	"rollcall/server/refusal"
)

// maxBacklog is how many bytes may wait for all clients together. A frame can be as large
// as a room whose people have the longest texts. A client that hardly reads keeps one in
// memory that nobody else needs.
const maxBacklog = 256 << 20

// backlog counts what waits for all clients together. A frame for which several clients
// wait is in memory once, and counts once. A nil backlog counts nothing. Safe for
// concurrent use. Its lock may be taken while an outbox's lock is held, not the other way
// round.
type backlog struct {
	max  int
	size atomic.Int64 // of frames, in bytes; it changes with mu held

	mu      sync.Mutex          // guards what follows
	frames  map[*byte]heldFrame // by their last byte
	holders map[*outbox][]*byte // the frames that wait for each outbox, in order
}

// heldFrame is a frame that waits.
type heldFrame struct {
	size    int // in bytes
	holders int // how many outboxes it waits for
}

func newBacklog(most int) *backlog {
	return &backlog{max: most, frames: make(map[*byte]heldFrame), holders: make(map[*outbox][]*byte)}
}

// add counts the rest of a frame, which waits for an outbox and keeps size bytes in
// memory.
func (b *backlog) add(o *outbox, rest []byte, size int) {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	last := &rest[len(rest)-1]
	w := b.frames[last]
	if w.holders == 0 {
		w.size = size
		b.size.Add(int64(size))
	}
	w.holders++
	b.frames[last] = w
	b.holders[o] = append(b.holders[o], last)
}

// remove removes the first n of the frames that were added for an outbox, or all if there
// are fewer.
func (b *backlog) remove(o *outbox, n int) {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	held := b.holders[o]
	n = min(n, len(held))
	for _, last := range held[:n] {
		w := b.frames[last]
		if w.holders--; w.holders > 0 {
			b.frames[last] = w
			continue
		}
		delete(b.frames, last)
		b.size.Add(-int64(w.size))
	}
	if b.holders[o] = held[n:]; n == len(held) {
		delete(b.holders, o)
	}
}

// trim cuts connections if too much waits, until an eighth is free. It begins with the
// one for which the most waits that nobody else needs. No outbox's lock may be held.
func (b *backlog) trim() {
	if b == nil || b.size.Load() <= int64(b.max) {
		return
	}
	for _, o := range b.byShare() {
		if b.size.Load() <= int64(b.max/8*7) {
			return
		}
		o.cut(refusal.Error{Reason: refusal.BacklogFull})
		b.remove(o, math.MaxInt)
	}
}

// byShare returns the outboxes for which something waits, by their share of that, the
// largest first. Outboxes that wait for the same frame share it.
func (b *backlog) byShare() []*outbox {
	type holder struct {
		outbox *outbox
		share  int
	}
	b.mu.Lock()
	all := make([]holder, 0, len(b.holders))
	for o, held := range b.holders {
		share := 0
		for _, last := range held {
			share += b.frames[last].size / b.frames[last].holders
		}
		all = append(all, holder{o, share})
	}
	b.mu.Unlock()
	slices.SortFunc(all, func(x, y holder) int { return cmp.Compare(y.share, x.share) })
	outboxes := make([]*outbox, len(all))
	for i, h := range all {
		outboxes[i] = h.outbox
	}
	return outboxes
}
