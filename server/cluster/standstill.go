package cluster

import "time"

// This file is about a process that was stopped for a while, and does not know it.

// Generation implements hub.Cluster. It is another one after this process has stood still
// for so long that it was silent for the others.
func (n *Node) Generation() (number uint64, current bool) {
	number = n.generation.Load()
	return number, !n.stoodStill()
}

func (n *Node) stoodStill() bool {
	return time.Since(n.startedAt)-time.Duration(n.tickedAt.Load()) >= silentAfter
}

// heartbeat notices that this process has stood still. It does nothing else, so that it is
// never late because there is much to do.
func (n *Node) heartbeat() {
	ticker := time.NewTicker(tickEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			stood := time.Since(n.startedAt) - time.Duration(n.tickedAt.Load())
			if stood >= silentAfter {
				n.generation.Add(1)
			}
			if stood >= stoppedAfter {
				n.commands.add(func() { n.woken(stood) })
			}
			n.tickedAt.Store(int64(time.Since(n.startedAt)))
		case <-n.stop:
			return
		}
	}
}

// maxDeferred is how many bytes of frames wait until this server speaks again. Others ask
// for more than that.
const maxDeferred = 16 << 20

// woken is called after this process was stopped for a while: it may have missed something.
// If that was so long that others take it for silent, nothing that it knows is current, and
// the ends of its connections are still to be read. Then for a second it says nothing, so
// that it says at once who has gone long ago.
func (n *Node) woken(stood time.Duration) {
	now := time.Now()
	n.log.Warn("this server has stood still", "for", stood.Round(100*time.Millisecond))
	n.askAllAt = now.Add(wordEvery)
	if stood >= silentAfter-wordEvery { // the last word was up to a second before
		n.mutedUntil = n.askAllAt
	}
	for _, p := range n.peers {
		p.heardAt = now
	}
}
