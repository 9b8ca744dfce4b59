package service

import (
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

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

// count returns how often something was refused for a reason.
func (r *refusals) count(reason refusal.Reason) uint64 { return r.counts[reason].Load() }

// logEvery is how often it is logged what was refused.
const logEvery = time.Minute

// run logs once a minute what was refused, with its reasons, until stop is closed.
func (r *refusals) run(stop <-chan struct{}) {
	ticker := time.NewTicker(logEvery)
	defer ticker.Stop()
	var before [refusal.Count]uint64
	for {
		select {
		case <-ticker.C:
		case <-stop:
			return
		}
		for reason := range refusal.Count {
			now := r.count(reason)
			if n := now - before[reason]; n > 0 {
				r.log.Info("refused in the last minute", "reason", reason, "times", n)
			}
			before[reason] = now
		}
	}
}

// answer refuses a request over HTTP.
func (r *refusals) answer(w http.ResponseWriter, e refusal.Error) {
	refusal.Observer(r.observe).Answer(w, e)
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
