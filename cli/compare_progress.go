package cli

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/qif-snn/qif/compare"
	"github.com/qif-snn/qif/train"
)

// sweepView shows a comparison: a bar over all runs and a line of those that are
// under way on a terminal, plain lines elsewhere.
type sweepView struct {
	*liveBar
	quiet bool
	every time.Duration // between plain lines

	mu        sync.Mutex
	work      *compare.Schedule
	ended     int
	total     float64 // work of this process
	done      float64 // of it, by runs that ended
	fresh     float64 // of that, since the start
	now       []underway
	began     time.Time
	last      time.Time
	estimated bool // the first estimate has been told
}

// underway is what a job does; name is empty when it does nothing.
type underway struct {
	name   string
	status string
	cost   float64
	before float64 // share that another process had done; below 0: not known yet
	share  float64
}

func newSweepView(w io.Writer, quiet bool) *sweepView {
	return &sweepView{liveBar: newLiveBar(w, quiet), quiet: quiet, every: 10 * time.Second}
}

// Start implements compare.Observer.
func (v *sweepView) Start(s *compare.Sweep, w *compare.Schedule) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.work, v.total, v.began, v.last = w, w.CostLeft, time.Now(), time.Now()
	v.now = make([]underway, s.Jobs)
	if v.quiet {
		return
	}
	v.line("%d runs, %d of them to be made, %d at a time with %d threads each; results in %s", w.Runs, w.Left, s.Jobs, s.Threads, s.Dir)
	if w.Left > 0 {
		v.start(meterUnits, true)
	}
}

// share is how much of this process's work is done. The caller holds mu.
func (v *sweepView) share() float64 {
	done := v.done
	for _, u := range v.now {
		done += u.cost * u.share
	}
	return min(1, done/max(v.total, 1e-9))
}

// remaining estimates the time for the rest from what was done since the start;
// ok is false before there is enough to go by. The caller holds mu.
func (v *sweepView) remaining() (left time.Duration, ok bool) {
	fresh := v.fresh
	for _, u := range v.now {
		fresh += u.cost * (u.share - max(0, u.before))
	}
	spent := time.Since(v.began)
	if fresh <= 0 || spent < 2*time.Second {
		return 0, false
	}
	return time.Duration(float64(spent) * (1 - v.share()) * v.total / fresh), true
}

// draw brings the terminal up to date. The caller holds mu.
func (v *sweepView) draw() {
	status := fmt.Sprintf("%d/%d runs", v.ended, v.work.Left)
	if left, ok := v.remaining(); ok {
		status += "  " + duration(left) + " left"
	}
	v.set(int(v.share()*meterUnits), liveText{status, v.underway()})
}

// Begin implements compare.Observer.
func (v *sweepView) Begin(job int, t compare.Task) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.now[job] = underway{name: t.String(), cost: t.Cost(), before: -1}
}

// Step implements compare.Observer.
func (v *sweepView) Step(job int, _ compare.Task, share float64, s train.StepInfo) {
	v.mu.Lock()
	defer v.mu.Unlock()
	u := &v.now[job]
	if u.before < 0 {
		u.before = share
	}
	u.share = share
	u.status = fmt.Sprintf("epoch %d, loss %.3f", s.Epoch, s.Loss)
	if v.live() {
		v.draw()
		return
	}
	left, ok := v.remaining()
	if v.quiet || !ok || v.estimated && time.Since(v.last) < v.every {
		return
	}
	v.last, v.estimated = time.Now(), true
	v.line("%d/%d runs, about %s left; under way: %s", v.ended, v.work.Left, duration(left), v.underway())
}

// underway lists what the jobs do. The caller holds mu.
func (v *sweepView) underway() string {
	var all []string
	for _, u := range v.now {
		if u.name != "" {
			all = append(all, fmt.Sprintf("%s %.0f %% (%s)", u.name, 100*u.share, u.status))
		}
	}
	return strings.Join(all, ", ")
}

// Warn implements compare.Observer.
func (v *sweepView) Warn(_ int, t compare.Task, text string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.quiet && t.Phase == compare.Final { // trials may go wrong; the log says how they ended
		v.line("warning: %s: %s", t, text)
	}
}

// End implements compare.Observer.
func (v *sweepView) End(job int, t compare.Task, r *compare.Record, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	u := v.now[job]
	v.now[job] = underway{}
	if errors.Is(err, train.ErrInterrupted) {
		return
	}
	v.ended++
	v.done += u.cost
	v.fresh += u.cost * (1 - max(0, u.before))
	switch {
	case err != nil:
		v.line("failed: %s: %v", t, err)
	case r.Failed != "":
		v.line("failed: %s: %s", t, r.Failed)
	case v.quiet:
	case r.Test == nil:
		v.line("%s: validation %.2f %%", t, 100*r.Val)
	default:
		v.line("%s: validation %.2f %%, test %.2f %%, %s", t, 100*r.Val, 100**r.Test, duration(time.Duration(r.Seconds*float64(time.Second))))
	}
}
