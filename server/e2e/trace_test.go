package e2e

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/tracing"
	"github.com/chromedp/chromedp"
)

// trace is what a page's browser was busy with. It is there to be reported: a
// machine that has other things to do makes all of it longer.
type trace struct {
	longest task           // of the main thread
	long    []task         // those of the main thread that took more than 50 ms
	drawn   int            // frames
	dropped int            // frames that had something to show, too late
	slowest time.Duration  // of the frames drawn: what it took to get it on the screen
	waiting time.Duration  // of the frames drawn: until it was there, with its wait for the screen
	ran     time.Duration  // by the main thread in all
	events  map[string]int // how many of each name, of all threads
}

// task is what a thread does without a pause.
type task struct {
	took time.Duration
	ran  time.Duration // of that, had a processor
	self []traced      // what it did, the most costly first
}

// traced is one kind of work, with the time that it took itself.
type traced struct {
	name string
	took time.Duration
}

func (tr trace) String() string {
	var work []string
	for _, w := range tr.longest.self[:min(5, len(tr.longest.self))] {
		work = append(work, fmt.Sprintf("%s %v", w.name, w.took.Round(100*time.Microsecond)))
	}
	long, busy := 0, time.Duration(0)
	for _, one := range tr.long {
		busy = max(busy, one.ran)
		if one.ran > 50*time.Millisecond {
			long++
		}
	}
	return fmt.Sprintf("longest task %v (%s), %d tasks over 50 ms, %d of them by their own work (at most %v), %d frames drawn and %d dropped, slowest frame %v (%v with its wait)",
		tr.longest.took.Round(100*time.Microsecond), strings.Join(work, ", "), len(tr.long), long, busy.Round(100*time.Microsecond),
		tr.drawn, tr.dropped, tr.slowest.Round(time.Millisecond), tr.waiting.Round(time.Millisecond))
}

// traceEvent is one of Chromium's, as in chrome://tracing. Times are µs.
type traceEvent struct {
	Name string `json:"name"`
	Ph   string `json:"ph"` // X has a duration, b and e are the ends of what has an ID, M names a thread
	Pid  int    `json:"pid"`
	Tid  int    `json:"tid"`
	Ts   int64  `json:"ts"`
	Dur  int64  `json:"dur"`
	Cpu  int64  `json:"tdur"` // of Dur, what the thread did run
	ID   struct {
		Local string `json:"local"`
	} `json:"id2"`
	Args struct {
		Name string `json:"name"`
		Data struct {
			Frame        string `json:"frame"`
			ProcessID    int    `json:"processId"`
			FunctionName string `json:"functionName"`
			Type         string `json:"type"`
			Frames       []struct {
				Frame     string `json:"frame"`
				ProcessID int    `json:"processId"`
			} `json:"frames"`
		} `json:"data"`
		Reporter struct {
			State string `json:"state"`
		} `json:"frame_reporter"`
	} `json:"args"`
}

func (e traceEvent) end() int64 { return e.Ts + e.Dur }

// trace records what the page's browser does while f runs. One page at a time
// can be recorded.
func (p *person) trace(f func()) trace {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, 4*patience)
	defer cancel()
	var raw [][]byte
	done := make(chan struct{})
	if err := chromedp.Listen(ctx, func(ev any) {
		switch ev := ev.(type) {
		case *tracing.EventDataCollected:
			for _, v := range ev.Value {
				raw = append(raw, v)
			}
		case *tracing.EventTracingComplete:
			close(done)
		}
	}); err != nil {
		p.t.Fatal(err)
	}
	call(p, tracing.Start, tracing.StartParams{TraceConfig: &tracing.TraceConfig{IncludedCategories: []string{
		"devtools.timeline", "disabled-by-default-devtools.timeline", "disabled-by-default-devtools.timeline.frame", "v8", "v8.execute", "v8.wasm",
	}}})
	f()
	call(p, tracing.End, cdp.Empty{})
	select {
	case <-done:
	case <-ctx.Done():
		p.t.Fatalf("%s: the trace has not come", p.who)
	}
	events := make([]traceEvent, len(raw))
	for i := range raw {
		if err := json.Unmarshal(raw[i], &events[i]); err != nil {
			p.t.Fatalf("%s: %v", raw[i], err)
		}
	}
	return summary(events, string(chromedp.FromContext(p.ctx).Target.TargetID))
}

// ready is when a frame waits for the screen, with its page's part done. One
// that looks like the frame before waits until another does not, which takes as
// long as nothing happens; another, for the compositor.
const ready = "EndActivateToSubmitCompositorFrame"

// summary looks at the processes that drew the frame.
func summary(events []traceEvent, page string) trace {
	pages := make(map[int]bool) // by process; another page has another one
	mains := make(map[[2]int]bool)
	for _, e := range events {
		if e.Args.Data.Frame == page && e.Args.Data.ProcessID != 0 { // it went to another page
			pages[e.Args.Data.ProcessID] = true
		}
		for _, f := range e.Args.Data.Frames {
			pages[f.ProcessID] = pages[f.ProcessID] || f.Frame == page
		}
		if e.Name == "thread_name" && e.Args.Name == "CrRendererMain" {
			mains[[2]int{e.Pid, e.Tid}] = true
		}
	}
	slices.SortStableFunc(events, func(a, b traceEvent) int { return cmp.Or(cmp.Compare(a.Ts, b.Ts), cmp.Compare(b.Dur, a.Dur)) })

	tr := trace{events: make(map[string]int)}
	var main, tasks []traceEvent
	type key struct {
		pid int
		id  string
	}
	begun, waits := make(map[key]traceEvent), make(map[key]traceEvent)
	waited := make(map[key]int64)
	for _, e := range events {
		if pages[e.Pid] {
			tr.events[e.Name]++
		}
		frame := key{e.Pid, e.ID.Local}
		switch {
		case !pages[e.Pid]:
		case e.Name == "PipelineReporter" && e.Ph == "b":
			begun[frame] = e
			delete(waited, frame)
		case e.Name == ready && e.Ph == "b":
			waits[frame] = e
		case e.Name == ready && e.Ph == "e":
			waited[frame] = e.Ts - waits[frame].Ts
		case e.Name == "PipelineReporter" && e.Ph == "e":
			begin := begun[frame]
			switch state := begin.Args.Reporter.State; {
			case strings.HasPrefix(state, "STATE_PRESENTED"):
				tr.drawn++
				tr.slowest = max(tr.slowest, micros(e.Ts-begin.Ts-waited[frame]))
				tr.waiting = max(tr.waiting, micros(e.Ts-begin.Ts))
			case state == "STATE_DROPPED":
				tr.dropped++
			}
		case e.Ph == "X" && mains[[2]int{e.Pid, e.Tid}]:
			main = append(main, e)
			if e.Name == "RunTask" {
				tasks = append(tasks, e)
				tr.ran += micros(e.Cpu)
			}
		}
	}
	for _, e := range tasks {
		took := micros(e.Dur)
		if took <= min(tr.longest.took, 50*time.Millisecond) {
			continue
		}
		one := task{took, micros(e.Cpu), selfTimes(main, e)}
		if took > tr.longest.took {
			tr.longest = one
		}
		if took > 50*time.Millisecond {
			tr.long = append(tr.long, one)
		}
	}
	return tr
}

// selfTimes divides a task among all that it did, by name: what stands within
// something else is not counted there too. The events are in order, the outer
// before the inner.
func selfTimes(events []traceEvent, task traceEvent) []traced {
	took := make(map[string]time.Duration)
	var within []traceEvent
	for _, e := range events {
		if e.Pid != task.Pid || e.Ts < task.Ts || e.end() > task.end() {
			continue
		}
		for len(within) > 0 && within[len(within)-1].end() <= e.Ts {
			within = within[:len(within)-1]
		}
		if len(within) > 0 {
			took[within[len(within)-1].label()] -= micros(e.Dur)
		}
		within = append(within, e)
		took[e.label()] += micros(e.Dur)
	}
	var self []traced
	for name, d := range took {
		self = append(self, traced{name, d})
	}
	slices.SortFunc(self, func(a, b traced) int { return cmp.Or(cmp.Compare(b.took, a.took), cmp.Compare(a.name, b.name)) })
	return self
}

// label says which function was called and which event was dispatched.
func (e traceEvent) label() string {
	return strings.TrimSpace(e.Name + " " + e.Args.Data.FunctionName + e.Args.Data.Type)
}

func micros(n int64) time.Duration { return time.Duration(n) * time.Microsecond }

func TestATraceFindsTheTaskThatBlocksThePage(t *testing.T) {
	s := start(t)
	p := visit(t, "Ana", s.url)
	p.join("Ana")
	p.sees("Ana")
	tr := p.trace(func() {
		p.await(`(() => {
			window.after = false;
			setTimeout(function loiter() {
				const end = performance.now() + 120;
				while (performance.now() < end);
				const cover = document.body.appendChild(document.createElement("div"));
				cover.style.cssText = "position: fixed; inset: 0; z-index: 9";
				// Some frames: the last may still be on its way to the screen when the trace ends.
				let frame = 0;
				requestAnimationFrame(function paint() {
					cover.style.background = ["red", "blue"][frame % 2];
					after = ++frame > 5;
					if (!after) requestAnimationFrame(paint);
				});
			});
			return true;
		})()`)
		p.await(`after`)
	})
	t.Log(tr)
	// Another may have taken longer, on a machine with other things to do.
	if !slices.ContainsFunc(tr.long, func(task task) bool {
		return task.took >= 120*time.Millisecond && slices.ContainsFunc(task.self, func(w traced) bool { return w.name == "FunctionCall loiter" })
	}) {
		t.Errorf("it is not among %v", tr.long)
	}
	if tr.drawn == 0 {
		t.Error("nothing was drawn")
	}
}

func TestATraceFollowsThePageToAnotherProcess(t *testing.T) {
	s := start(t)
	p := visit(t, "Ana", "about:blank")
	tr := p.trace(func() {
		p.do(chromedp.Navigate(s.url))
		p.awaitAlive()
	})
	t.Log(tr)
	if tr.longest.took == 0 || tr.drawn == 0 {
		t.Errorf("of the page that was opened there is %v", tr)
	}
}
