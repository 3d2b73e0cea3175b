package cli

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"

	"github.com/qif-snn/qif/train"
)

// progress shows a run: a live bar on a terminal, plain lines elsewhere.
type progress struct {
	w     io.Writer
	quiet bool
	every time.Duration // between plain lines

	bars   *mpb.Progress // nil when not on a terminal
	bar    *mpb.Bar
	layers []string
	text   atomic.Pointer[liveText]
	last   time.Time
}

// liveText is what a terminal shows of the present step; another goroutine
// draws it.
type liveText struct {
	status string // behind the bar
	rates  string // the line below it
}

// barWidth is the columns of the bar on a terminal.
const barWidth = 20

func newProgress(w io.Writer, quiet bool) *progress {
	return &progress{w: w, quiet: quiet, every: 10 * time.Second, bars: newBars(w, quiet)}
}

// newBars returns room for bars on a terminal, nil where there is none to draw
// on.
func newBars(w io.Writer, quiet bool) *mpb.Progress {
	f, ok := w.(*os.File)
	if !ok || quiet || !term.IsTerminal(int(f.Fd())) {
		return nil
	}
	return mpb.New(mpb.WithOutput(f), mpb.WithWidth(barWidth), mpb.WithRefreshRate(200*time.Millisecond))
}

// line prints a line that stays.
func (p *progress) line(format string, args ...any) {
	text := fmt.Sprintf(format, args...) + "\n"
	if p.bars != nil && p.bar != nil {
		p.bars.Write([]byte(text))
		return
	}
	io.WriteString(p.w, text)
}

// Start implements train.Observer.
func (p *progress) Start(r *train.Run) {
	for _, note := range r.Notes {
		p.line("note: %s", note)
	}
	if p.quiet {
		return
	}
	rec := r.Recipe
	verb := "Training"
	if r.Resumed {
		verb = "Resuming"
	}
	p.line("%s %s: %s on %s, %d parameters, T = %d, %s", verb, r.Net.Graph.Name, r.NeuronForms(), r.DataShown(), r.Net.ParamCount(), rec.Steps, rec.Precision)
	p.line("%d training, %d validation, %d test samples; batch %d, %d epochs; results in %s",
		len(r.TrainIdx), len(r.ValIdx), len(r.Test.Labels()), rec.Batch, rec.Epochs, r.Dir)
	rules, err := r.Net.WindowRules(rec.Steps)
	if err != nil {
		return
	}
	for _, rule := range rules {
		w, note := rule.Start, ""
		if rule.Moves() {
			note = " at the start"
		}
		p.layers = append(p.layers, w.Node)
		p.line("window of %s: %s, width per step %s%s", w.Node, w.Shape, list(w.Widths, "%.3f"), note)
	}
	p.last = time.Now()
	if p.bars != nil {
		p.addBar(r.Updates())
	}
}

func (p *progress) addBar(updates int) {
	p.text.Store(&liveText{})
	// The bar leaves the screen when the run says so, not when it is full.
	p.bar = p.bars.AddBar(int64(updates)+1,
		mpb.AppendDecorators(decor.Any(func(s decor.Statistics) string {
			return fit(p.text.Load().status, s.AvailableWidth-barWidth-4)
		})),
		mpb.BarBtmExtender(mpb.BarFillerFunc(func(w io.Writer, s decor.Statistics) error {
			_, err := fmt.Fprintln(w, fit(p.text.Load().rates, s.AvailableWidth))
			return err
		})),
	)
}

// fit cuts a line to the terminal's width.
func fit(s string, width int) string {
	if r := []rune(s); width > 1 && len(r) > width {
		return string(r[:width-1]) + "…"
	}
	return s
}

// Step implements train.Observer.
func (p *progress) Step(s train.StepInfo) {
	live := p.bars != nil && time.Since(p.last) > 200*time.Millisecond
	plain := p.bars == nil && time.Since(p.last) > p.every
	if p.quiet || !live && !plain {
		return
	}
	p.last = time.Now()
	status := fmt.Sprintf("epoch %d/%d  step %d/%d  loss %.4f  accuracy %.2f %%  %.0f samples/s  %s left",
		s.Epoch, s.Epochs, s.Step, s.Steps, s.Loss, 100*s.Accuracy, s.SamplesPerSecond, duration(s.Remaining))
	if plain {
		p.line("%s", status)
		return
	}
	p.text.Store(&liveText{status, "firing %  " + p.perLayer(s.Rates())})
	p.bar.SetCurrent(int64((s.Epoch-1)*s.Steps + s.Step))
}

func (p *progress) perLayer(rates [][]float64) string {
	var parts []string
	for i, l := range rates {
		pct := make([]float64, len(l))
		for t, r := range l {
			pct[t] = 100 * r
		}
		parts = append(parts, p.layers[i]+" "+list(pct, "%.0f"))
	}
	return strings.Join(parts, "  ")
}

// Epoch implements train.Observer.
func (p *progress) Epoch(r train.Record, best bool) {
	if p.quiet {
		return
	}
	mark := ""
	if best {
		mark = "  best so far"
	}
	p.line("epoch %d: loss %.4f, accuracy %.2f %%; validation loss %.4f, accuracy %.2f %%%s",
		r.Epoch, r.TrainLoss, 100*r.TrainAccuracy, r.ValLoss, 100*r.ValAccuracy, mark)
	p.line("         firing %% per step: %s", p.perLayer(r.FiringRates))
}

// Warn implements train.Observer.
func (p *progress) Warn(w train.Warning) { p.line("warning: epoch %d: %s", w.Epoch, w.Text) }

// close takes the bar off the terminal.
func (p *progress) close() {
	if p.bars == nil {
		return
	}
	if p.bar != nil {
		p.bar.Abort(true)
	}
	p.bars.Wait()
	p.bar = nil
}

func list(v []float64, format string) string {
	var s []string
	for _, x := range v {
		s = append(s, fmt.Sprintf(format, x))
	}
	return strings.Join(s, " ")
}

// duration prints a time as people say it.
func duration(d time.Duration) string {
	d = d.Round(time.Second)
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min %02d s", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%d h %02d min", int(d.Hours()), int(d.Minutes())%60)
}
