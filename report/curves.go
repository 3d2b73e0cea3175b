package report

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/plot/vg"

	"github.com/qif-snn/qif/report/plotstyle"
)

// A figure is a drawing with its caption and what a reader who cannot see it is
// told.
type figure struct {
	Caption, Alt string
	plotstyle.Inline
}

func newFigure(caption, alt string, width, height vg.Length, p *plotstyle.Panel) (figure, error) {
	s, err := plotstyle.NewInline(width, height, p.Draw)
	return figure{caption, alt, s}, err
}

const (
	curveWidth, curveHeight = 350, 235
	dotted                  = 12 // with so few epochs every one is marked
)

// A series is one number per epoch.
type series struct {
	name  string
	of    func(Epoch) float64
	color plotstyle.Color
	dash  []vg.Length
}

var losses = []series{
	{"training", func(e Epoch) float64 { return e.TrainLoss }, plotstyle.Blue, nil},
	{"validation", func(e Epoch) float64 { return e.ValLoss }, plotstyle.Orange, plotstyle.Dashed},
}

var accuracies = []series{
	{"training", func(e Epoch) float64 { return 100 * e.TrainAccuracy }, plotstyle.Blue, nil},
	{"validation", func(e Epoch) float64 { return 100 * e.ValAccuracy }, plotstyle.Orange, plotstyle.Dashed},
}

var learningRates = []series{
	{"", func(e Epoch) float64 { return e.LearningRate }, plotstyle.Green, nil},
}

// learningCurves draws loss, accuracy and learning rate over the epochs.
func learningCurves(r Run) ([]figure, error) {
	var figs []figure
	for _, c := range []struct {
		title, unit string
		series      []series
		fromZero    bool
	}{
		{"Loss", "loss", losses, false},
		{"Accuracy", "accuracy / %", accuracies, false},
		{"Learning rate", "learning rate", learningRates, true},
	} {
		f, err := curves(r, c.title, c.unit, c.series, c.fromZero)
		if err != nil {
			return nil, err
		}
		figs = append(figs, f)
	}
	return figs, nil
}

func curves(r Run, title, unit string, all []series, fromZero bool) (figure, error) {
	p := plotstyle.NewPanel("", "epoch", unit)
	p.X.Tick.Marker = plotstyle.Ticks{Whole: true}
	alt := title + " over " + plural(len(r.Epochs), "epoch") + "."
	var values []float64
	for _, s := range all {
		x, y := r.column(s.of)
		p.Mark(s.name, plotstyle.Curve{X: x, Y: y, Color: s.color, Width: 1.6, Dashes: s.dash, Dots: len(x) <= dotted})
		values = append(values, y...)
		if n := len(y); n > 0 {
			alt += fmt.Sprintf(" %s from %s to %s.", name(s.name, unit), general(y[0]), general(y[n-1]))
		}
	}
	if r.chosen() >= 0 {
		p.Mark("chosen epoch", r.chosenRule())
		alt += fmt.Sprintf(" Chosen: epoch %d.", r.BestEpoch)
	}
	lo, hi := plotstyle.Around(values, .06)
	if fromZero {
		lo = 0
	}
	first, last := r.epochRange()
	p.SetRange(first, last, lo, hi)
	return newFigure(title, alt, curveWidth, curveHeight, p)
}

func name(series, unit string) string {
	if series == "" {
		return unit
	}
	return series
}

func (r *Run) chosenRule() plotstyle.Rule {
	return plotstyle.Rule{At: float64(r.BestEpoch), Color: plotstyle.Muted, Width: 1, Dashes: plotstyle.Dotted}
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// column returns a number of every epoch beside the epoch's own.
func (r *Run) column(of func(Epoch) float64) (x, y []float64) {
	for _, e := range r.Epochs {
		x, y = append(x, float64(e.Epoch)), append(y, of(e))
	}
	return x, y
}

// epochRange returns the range of an axis that holds all epochs.
func (r *Run) epochRange() (lo, hi float64) {
	if len(r.Epochs) == 0 {
		return 0, 1
	}
	lo, hi = math.Inf(1), math.Inf(-1)
	for _, e := range r.Epochs {
		lo, hi = min(lo, float64(e.Epoch)), max(hi, float64(e.Epoch))
	}
	if lo == hi {
		return lo - .5, hi + .5
	}
	return lo, hi
}

// chosen returns the index of the chosen epoch, −1 if it is not there.
func (r *Run) chosen() int {
	return slices.IndexFunc(r.Epochs, func(e Epoch) bool { return e.Epoch == r.BestEpoch })
}

const rateWidth, rateHeight = 258, 160

// rateFigures draws every layer's firing rate per step over the epochs, on axes
// of one scale, and the key to the steps.
func rateFigures(r Run) (key []plotstyle.Sample, figs []figure, err error) {
	most, steps := 0., 0
	for _, l := range r.Layers {
		for _, e := range l.Rates {
			most = max(most, largest(e...))
		}
		if len(l.Rates) > 0 {
			steps = max(steps, l.steps())
		}
	}
	if steps == 0 {
		return key, nil, nil
	}
	if most == 0 {
		most = .01
	}
	first, last := r.epochRange()
	for _, l := range r.Layers {
		if len(l.Rates) == 0 {
			continue
		}
		p := ratePanel(r, l)
		p.SetRange(first, last, 0, 105*most)
		f, err := newFigure(l.Node, rateAlt(l), rateWidth, rateHeight, p)
		if err != nil {
			return key, nil, err
		}
		figs = append(figs, f)
	}
	key, err = stepKey(r, steps)
	return key, figs, err
}

func ratePanel(r Run, l Layer) *plotstyle.Panel {
	p := plotstyle.NewPanel("", "epoch", "rate / %")
	p.X.Tick.Marker, p.Y.Tick.Marker = plotstyle.Ticks{Whole: true, Most: 5}, plotstyle.Ticks{Most: 5}
	if r.chosen() >= 0 {
		p.Mark("", r.chosenRule())
	}
	for t := range l.steps() {
		epoch := -1
		x, y := r.column(func(Epoch) float64 { epoch++; return 100 * l.Rates[epoch][t] })
		p.Mark("", plotstyle.Curve{X: x, Y: y, Color: plotstyle.Step(t+1, l.steps()), Width: 1.4, Dots: len(x) <= dotted})
	}
	return p
}

func rateAlt(l Layer) string {
	s := fmt.Sprintf("Firing rate of layer %s over %s.", l.Node, plural(len(l.Rates), "epoch"))
	for t := range l.steps() {
		s += fmt.Sprintf(" Step %d: %s to %s %%.", t+1, percent(1, l.Rates[0][t]), percent(1, l.Rates[len(l.Rates)-1][t]))
	}
	return s
}

// stepKey is the key to the colors of the steps.
func stepKey(r Run, steps int) ([]plotstyle.Sample, error) {
	p := plotstyle.NewPanel("", "", "")
	for t := range steps {
		p.Mark(fmt.Sprintf("t = %d", t+1), plotstyle.Curve{Color: plotstyle.Step(t+1, steps), Width: 2})
	}
	if r.chosen() >= 0 {
		p.Mark("chosen epoch", r.chosenRule())
	}
	return p.Samples()
}
