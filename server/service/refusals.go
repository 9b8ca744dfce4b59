package service

import (
	"log/slog"
	"net/http"
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

// count returns how often something was refused for a reason.
func (r *refusals) count(reason refusal.Reason) uint64 { return r.counts[reason].Load() }

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
