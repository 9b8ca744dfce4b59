package service

import (
	"log/slog"
	"strings"
	"testing"

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
