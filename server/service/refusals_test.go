package service

import (
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/server/refusal"
)

func TestTheLogHasEachRefusalAndInTheEndHowManyThereWere(t *testing.T) {
	var out strings.Builder
	log := slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
	refused := &refusals{log: log}
	for range 3 {
		refused.observe(refusal.JoinRate)
	}
	refused.observe(refusal.RoomFull)
	if said := out.String(); strings.Count(said, "reason=join_rate") != 3 || strings.Count(said, "reason=room_full") != 1 {
		t.Errorf("said %s", said)
	}
	out.Reset()
	log.Info("ending", "refused", refused)
	if said := out.String(); !strings.Contains(said, "msg=ending refused.join_rate=3 refused.room_full=1\n") {
		t.Errorf("in the end, said %s", said)
	}
	out.Reset()
	log.Info("ending", "refused", &refusals{})
	if said := out.String(); !strings.Contains(said, "msg=ending\n") {
		t.Errorf("of nothing, said %s", said)
	}
}

func TestWhatIsRefusedIsLoggedOnceAMinuteWithItsCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		r := &refusals{log: slog.New(slog.NewTextHandler(&log, nil))}
		stop := make(chan struct{})
		go r.run(stop)
		for range 1000 {
			r.observe(refusal.UnknownHost)
		}
		r.observe(refusal.RequestRate)
		time.Sleep(logEvery)
		synctest.Wait()
		r.observe(refusal.UnknownHost)
		time.Sleep(10 * logEvery)
		close(stop)
		synctest.Wait()
		lines := strings.Split(strings.TrimSpace(log.String()), "\n")
		if len(lines) != 3 {
			t.Fatalf("%d lines:\n%s", len(lines), log.String())
		}
		for _, want := range []string{"reason=" + refusal.UnknownHost.String() + " times=1000", "reason=" + refusal.RequestRate.String() + " times=1\n", "reason=" + refusal.UnknownHost.String() + " times=1\n"} {
			if !strings.Contains(log.String(), want) {
				t.Errorf("no %q in\n%s", want, log.String())
			}
		}
	})
}
