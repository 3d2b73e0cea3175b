package cli

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/qif-snn/qif/compare"
	"github.com/qif-snn/qif/train"
)

// sweepView shows a comparison: a bar over all runs and a line of those that are
// under way on a terminal, plain lines elsewhere.
type sweepView struct {
	w     io.Writer
	quiet bool
	every time.Duration // between plain lines

	bars *mpb.Progress // nil when not on a terminal
	bar  *mpb.Bar
	text atomic.Pointer[sweepText]

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

// sweepText is what a terminal shows; another goroutine draws it, which must not
// wait for one that waits for the bar.
type sweepText struct {
	status string // behind the bar
	jobs   string // the line below it
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
	return &sweepView{w: w, quiet: quiet, every: 10 * time.Second, bars: newBars(w, quiet)}
}

// line prints a line that stays.
func (v *sweepView) line(format string, args ...any) {
	text := fmt.Sprintf(format, args...) + "\n"
	if v.bar != nil {
		v.bars.Write([]byte(text))
		return
	}
	io.WriteString(v.w, text)
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
	if v.bars == nil || w.Left == 0 {
		return
	}
	v.text.Store(&sweepText{})
	v.bar = v.bars.AddBar(meterUnits+1,
		mpb.AppendDecorators(decor.Any(func(st decor.Statistics) string {
			return fit(v.text.Load().status, st.AvailableWidth-barWidth-4)
		})),
		mpb.BarBtmExtender(mpb.BarFillerFunc(func(w io.Writer, st decor.Statistics) error {
			_, err := fmt.Fprintln(w, fit(v.text.Load().jobs, st.AvailableWidth))
			return err
		})))
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
	t := &sweepText{status: fmt.Sprintf("%d/%d runs", v.ended, v.work.Left)}
	if left, ok := v.remaining(); ok {
		t.status += "  " + duration(left) + " left"
	}
	t.jobs = v.underway()
	v.text.Store(t)
	v.bar.SetCurrent(int64(v.share() * meterUnits))
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
	if v.bar != nil {
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

// close takes the bar off the terminal.
func (v *sweepView) close() {
	if v.bars == nil {
		return
	}
	if v.bar != nil {
		v.bar.Abort(true)
	}
	v.bars.Wait()
	v.bar = nil
}
