package hub

import "time"

// setAlarm sets the alarm for the next deadline of presence. An alarm that is set to an
// earlier time stays: most deadlines are postponed, and setting a timer costs more.
func (r *room) setAlarm() {
	next, ok := r.presence.Next()
	switch {
	case !ok || r.stopped:
		r.stopAlarm()
		return
	case r.alarm != nil && !next.Before(r.alarmTime):
		return
	}
	r.stopAlarm()
	r.hub.running.Add(1)
	r.alarmTime = next
	var alarm *time.Timer
	alarm = time.AfterFunc(time.Until(next), func() {
		defer r.hub.running.Done()
		defer r.endIfEmpty()
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.alarm != alarm {
			return // another alarm was set while this one waited for the lock
		}
		r.alarm = nil
		r.applyAll(r.presence.Due(r.now()), nil)
	})
	r.alarm = alarm
}

// stopAlarm stops the alarm, if it is set.
func (r *room) stopAlarm() {
	if r.alarm != nil && r.alarm.Stop() {
		r.hub.running.Done()
	}
	r.alarm = nil
}
