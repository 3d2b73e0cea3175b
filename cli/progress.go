package cli

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/qif-snn/qif/train"
)

// progress shows a run: a live bar on a terminal, plain lines elsewhere.
type progress struct {
	*liveBar
	quiet  bool
	every  time.Duration // between plain lines
	layers []string
	last   time.Time
}

func newProgress(w io.Writer, quiet bool) *progress {
	return &progress{liveBar: newLiveBar(w, quiet), quiet: quiet, every: 10 * time.Second}
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
	p.start(r.Updates(), true)
}

// Step implements train.Observer.
func (p *progress) Step(s train.StepInfo) {
	live := p.live() && time.Since(p.last) > 200*time.Millisecond
	plain := !p.live() && time.Since(p.last) > p.every
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
	p.set((s.Epoch-1)*s.Steps+s.Step, liveText{status, "firing %  " + p.perLayer(s.Rates())})
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
