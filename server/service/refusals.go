package service

import (
	"log/slog"
	"sync/atomic"

	"rollcall/server/refusal"
)

// refusals counts refusals since the start of the server, by reason. Safe for concurrent
// use.
type refusals struct {
	log    *slog.Logger
	counts [refusal.Count]atomic.Uint64
}

// observe is a [refusal.Observer].
func (r *refusals) observe(reason refusal.Reason) {
	r.counts[reason].Add(1)
	r.log.Debug("refused", "reason", reason)
}

// LogValue returns the counts of the reasons that have occurred.
func (r *refusals) LogValue() slog.Value {
	var met []slog.Attr
	for reason := range refusal.Count {
		if n := r.counts[reason].Load(); n > 0 {
			met = append(met, slog.Uint64(reason.String(), n))
		}
	}
	return slog.GroupValue(met...)
}
