package cluster

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"rollcall/server/hub"
)

func TestMessagesOfStrangersAreDroppedAndCounted(t *testing.T) {
	bubble(t, func(t *testing.T, f *fakeNATS) {
		a, b := f.serve(t, "a"), f.serve(t, "b")
		ana := a.join("Ana")
		b.join("Ben")
		pass(time.Second)
		if _, err := f.tryServe(t, "x", func(o *Options, _ *hub.Options) { o.Secret = []byte("another secret that is long enough as well") }); err == nil || !strings.Contains(err.Error(), "-secret-file") {
			t.Errorf("a server with another secret is told %v", err)
		}
		for _, s := range []*server{a, b} { // which have started a moment ago as well
			select {
			case err := <-s.node.Failed():
				t.Errorf("%s ends: %v", s.name, err)
			default:
			}
		}
		stranger := f.connect()
		for _, subject := range []string{"test.room.a", "test.life", a.node.subjects.inbox(a.node.owner, "a")} {
			for _, data := range []string{"", "hello", strings.Repeat("x", 200), string(a.node.seal.fingerprint) + strings.Repeat("x", 200)} {
				stranger.publish(subject, "", []byte(data))
			}
			// A good message, on a subject for which it was not meant.
			good := b.node.seal.seal("test.other", header{Kind: kindClosed, From: b.node.owner, Room: "a"}, nil)
			stranger.publish(subject, "", good)
		}
		pass(time.Second)
		ana.has("Ana", "Ben")
		if c := a.node.Counts(); c.OtherSecret.Load() < 3 || c.Forged.Load() < 6 {
			t.Errorf("counted %v", c.LogValue())
		}
	})
}

func TestWhatIsReadOnNATSCannotBeSaidAgain(t *testing.T) {
	bubble(t, func(t *testing.T, f *fakeNATS) {
		a, b := f.serve(t, "a"), f.serve(t, "b")
		var read []message
		a.bus.set(func() {
			f.fault = func(m message) (int, time.Duration) {
				read = append(read, m)
				return 1, 0
			}
		})
		ana := a.join("Ana")
		ben := b.join("Ben")
		pass(time.Second)
		ben.conn.Leave(0)
		pass(time.Second) // the room has ended there
		b.join("Ben")
		pass(time.Second)
		ana.has("Ana", "Ben")
		ana.seen = nil
		stranger := f.connect()
		var again []message
		a.bus.set(func() { again, f.fault = slices.Clone(read), nil })
		for _, m := range again {
			stranger.publish(m.subject, "", m.data)
		}
		pass(100 * time.Millisecond)
		ana.has("Ana", "Ben")
		ana.expect()
		if n := a.node.Counts().Repeated.Load(); n == 0 {
			t.Error("nothing is counted")
		}
	})
}

func TestAWindowTakesEachMessageOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var w window
		taken := map[uint64]bool{}
		latest := uint64(0)
		for range 200 {
			number := latest + 1
			switch rapid.IntRange(0, 3).Draw(t, "how") {
			case 0:
				number += uint64(rapid.IntRange(0, 2*windowSize).Draw(t, "ahead"))
			case 1:
				number -= min(number-1, uint64(rapid.IntRange(0, windowSize+100).Draw(t, "behind")))
			case 2:
				number -= min(number-1, uint64(rapid.IntRange(0, 5).Draw(t, "just behind")))
			}
			want := !taken[number] && number+windowSize > latest
			if got := w.take(number); got != want {
				t.Fatalf("%d is taken: %v, after %d", number, got, latest)
			}
			taken[number], latest = true, max(latest, number)
		}
	})
}

func TestWhatANewerServerSaysIsCountedAndDoesNoHarm(t *testing.T) {
	bubble(t, func(t *testing.T, f *fakeNATS) {
		a, b := f.serve(t, "a"), f.serve(t, "b")
		ana := a.join("Ana")
		b.join("Ben")
		pass(time.Second)
		say := func(h header, frame string) {
			subject := a.node.subjects.room("a")
			h.From, h.number = b.node.owner, b.node.counts.Sent.Add(1)
			b.bus.publish(subject, "", b.node.seal.seal(subject, h, []byte(frame)))
		}
		say(header{Kind: "vote", Room: "a"}, `[{"event":"vote","data":{"x":1}}]`)
		say(header{Kind: kindFrame, Room: "a", Epoch: "?"}, `{"not":"a frame"}`)
		say(header{Kind: kindFrame, Room: "a", Epoch: "?"}, `[{"event":"vote","data":{}}]`)
		say(header{Kind: kindFrame, Room: "a", Epoch: b.node.rooms["a"].epoch},
			`[{"event":"new_user","data":{"id":"x","name":"X","since":1}},{"event":"room","data":{"seq":99,"count":7,"hash":"0000000000000001"}}]`)
		pass(time.Second)
		ana.has("Ana", "Ben")
		c := a.node.Counts()
		if c.Unreadable.Load() < 3 || c.Drifts.Load() == 0 || c.Asks.Load() == 0 {
			t.Errorf("counted %v", c.LogValue())
		}
		sameEverywhere(t, a, b)
	})
}
