package board

import (
	"testing"
	"time"
)

var start = time.Unix(1_800_000_000, 0)

func (a *Attention) expect(t *testing.T, now time.Time, active, news bool) {
	t.Helper()
	if gotActive, gotNews := a.Active(now); gotActive != active || gotNews != news {
		t.Errorf("active %v, news %v; want %v, %v", gotActive, gotNews, active, news)
	}
}

func TestATabIsUsedWhileItIsLookedAt(t *testing.T) {
	var a Attention
	a.Hidden(false, start)
	a.expect(t, start, true, true)
	a.expect(t, start, true, false) // once is enough
	a.Hidden(true, start)
	a.expect(t, start, false, true)
	a.Input(start.Add(time.Second)) // from a pointer that passes over it
	a.expect(t, start.Add(time.Second), false, false)
	a.Hidden(false, start.Add(time.Hour))
	a.expect(t, start.Add(time.Hour), true, true)
}

func TestATabThatStartsHiddenIsUnused(t *testing.T) {
	var a Attention
	a.Hidden(true, start)
	a.expect(t, start, false, true)
	if _, ok := a.Due(); ok {
		t.Error("a hidden tab waits for a timer")
	}
}

func TestATabWithoutInputIsUnusedAfterAWhile(t *testing.T) {
	var a Attention
	a.Hidden(false, start)
	a.expect(t, start, true, true)
	if a.Input(start.Add(time.Minute)) {
		t.Error("input while it is used is news")
	}
	due, ok := a.Due()
	if !ok || !due.Equal(start.Add(time.Minute+Idle)) {
		t.Errorf("due %v, %v", due, ok)
	}
	a.expect(t, due.Add(-time.Millisecond), true, false)
	a.expect(t, due, false, true)
	if _, ok := a.Due(); ok {
		t.Error("it waits for more")
	}
	if !a.Input(due.Add(time.Hour)) {
		t.Error("input that brings it back is no news")
	}
	a.expect(t, due.Add(time.Hour), true, true)
}
