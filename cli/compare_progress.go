package cli

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/qif-snn/qif/compare"
	"github.com/qif-snn/qif/train"
)

// sweepView shows a comparison: a bar over all runs with a line for each that is
// under way on a terminal, plain lines elsewhere.
type sweepView struct {
	w     io.Writer
	quiet bool
	every time.Duration // between plain lines

	bars *mpb.Progress // nil when not on a terminal
	bar  *mpb.Bar

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
	v.bar = v.bars.AddBar(meterUnits+1,
		mpb.AppendDecorators(decor.Any(func(st decor.Statistics) string { return fit(v.headline(), st.AvailableWidth-barWidth-4) })),
		mpb.BarBtmExtender(mpb.BarFillerFunc(func(w io.Writer, st decor.Statistics) error {
			for _, l := range v.lines() {
				if _, err := fmt.Fprintln(w, fit(l, st.AvailableWidth)); err != nil {
					return err
				}
			}
			return nil
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

func (v *sweepView) headline() string {
	v.mu.Lock()
	defer v.mu.Unlock()
	s := fmt.Sprintf("%d/%d runs", v.ended, v.work.Left)
	if left, ok := v.remaining(); ok {
		s += "  " + duration(left) + " left"
	}
	return s
}

func (v *sweepView) lines() []string {
	v.mu.Lock()
	defer v.mu.Unlock()
	var all []string
	for _, u := range v.now {
		line := "  idle"
		if u.name != "" {
			line = "  " + u.name + "  " + u.status
		}
		all = append(all, line)
	}
	return all
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
	u.status = fmt.Sprintf("epoch %d/%d  step %d/%d  loss %.4f  accuracy %.2f %%", s.Epoch, s.Epochs, s.Step, s.Steps, s.Loss, 100*s.Accuracy)
	if v.bar != nil {
		v.bar.SetCurrent(int64(v.share() * meterUnits))
		return
	}
	left, ok := v.remaining()
	if v.quiet || !ok || v.estimated && time.Since(v.last) < v.every {
		return
	}
	v.last, v.estimated = time.Now(), true
	var running []string
	for _, u := range v.now {
		if u.name != "" {
			running = append(running, fmt.Sprintf("%s %.0f %%", u.name, 100*u.share))
		}
	}
	v.line("%d/%d runs, about %s left; under way: %s", v.ended, v.work.Left, duration(left), strings.Join(running, ", "))
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
