package report

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/plot/vg"

	"github.com/qif-snn/qif/report/plotstyle"
	"github.com/qif-snn/qif/window"
)

// mostPanels is the largest T at which every time step has a histogram of its
// own; beyond, a layer's steps are pooled.
const mostPanels = 4

// Marks of the histograms, named as in the key.
const (
	nameInitial   = "at initialisation"
	nameFinal     = "chosen epoch"
	nameWindow    = "surrogate window (scaled)"
	nameMoved     = "surrogate window, chosen epoch"
	namePredicted = "predicted mean ± σ, at initialisation"
	nameTheta     = "threshold θ"
)

// layerPotentials are the drawings of one layer.
type layerPotentials struct {
	Node    string
	Theta   string
	Shape   window.Shape
	Figures []figure
	Outside []string // what lies outside the drawn range
}

// stretch is what one histogram panel shows: one step, or all of them.
type stretch struct {
	title          string
	initial, final *Histogram // nil if not measured
	predicted      *window.Moments
	widths         []float64 // one, or the narrowest and the widest of the steps
	finalWidths    []float64 // likewise
}

// potentialFigures draws the membrane potentials of every layer that has
// histograms.
func potentialFigures(layers []Layer) ([]layerPotentials, error) {
	var all []layerPotentials
	for _, l := range layers {
		if len(l.Initial)+len(l.Final) == 0 {
			continue
		}
		lp := layerPotentials{Node: l.Node, Theta: general(l.Theta), Shape: l.Shape}
		stretches := l.stretches()
		top := 0.
		for _, s := range stretches {
			top = max(top, s.peak())
		}
		width := vg.Length(258)
		if len(stretches) == 1 {
			width = curveWidth
		}
		for _, s := range stretches {
			f, err := newFigure(s.title, l.potentialAlt(s), width, 190, l.panel(s, top))
			if err != nil {
				return nil, err
			}
			lp.Figures = append(lp.Figures, f)
			for _, note := range s.outside() {
				if len(stretches) > 1 {
					note = s.title + ", " + note
				}
				lp.Outside = append(lp.Outside, note)
			}
		}
		all = append(all, lp)
	}
	return all, nil
}

// stretches returns the panels of a layer: one per step, or one for all steps.
func (l *Layer) stretches() []stretch {
	steps := l.steps()
	if steps > mostPanels {
		return []stretch{l.pooled()}
	}
	all := make([]stretch, steps)
	for t := range all {
		s := stretch{title: fmt.Sprintf("t = %d", t+1)}
		if len(l.Initial) > 0 {
			s.initial = &l.Initial[t]
		}
		if len(l.Final) > 0 {
			s.final = &l.Final[t]
		}
		if len(l.Predicted) > 0 {
			s.predicted = &l.Predicted[t]
		}
		if len(l.Widths) > 0 {
			s.widths = l.Widths[t : t+1]
		}
		if len(l.FinalWidths) > 0 {
			s.finalWidths = l.FinalWidths[t : t+1]
		}
		all[t] = s
	}
	return all
}

func (l *Layer) pooled() stretch {
	s := stretch{title: fmt.Sprintf("t = 1 to %d, taken together", l.steps())}
	if len(l.Initial) > 0 {
		h := pool(l.Initial)
		s.initial = &h
	}
	if len(l.Final) > 0 {
		h := pool(l.Final)
		s.final = &h
	}
	if len(l.Predicted) > 0 {
		m := window.Pool(l.Predicted)
		s.predicted = &m
	}
	s.widths, s.finalWidths = extremes(l.Widths), extremes(l.FinalWidths)
	return s
}

// extremes returns the smallest and the largest of widths, once if they are equal.
func extremes(widths []float64) []float64 {
	if len(widths) == 0 {
		return nil
	}
	return slices.Compact([]float64{slices.Min(widths), slices.Max(widths)})
}

// peak returns the largest density of the panel.
func (s stretch) peak() float64 {
	top := 0.
	for _, h := range []*Histogram{s.initial, s.final} {
		if h != nil {
			top = max(top, slices.Max(h.density()))
		}
	}
	return top
}

// outside tells which share of the potentials the panel's range does not show.
func (s stretch) outside() []string {
	var notes []string
	for _, h := range []struct {
		name string
		*Histogram
	}{{nameInitial, s.initial}, {nameFinal, s.final}} {
		if h.Histogram != nil && h.Outside() >= .001 {
			notes = append(notes, h.name+" "+percent(1, h.Outside())+" %")
		}
	}
	return notes
}

// panel draws a stretch on an axis whose tallest density is top. From behind to
// front: initial histogram, window, final histogram, threshold; the predicted
// moments stand above.
func (l *Layer) panel(s stretch, top float64) *plotstyle.Panel {
	p := plotstyle.NewPanel("", "u[t]", "density")
	p.X.Tick.Marker, p.Y.Tick.Marker = plotstyle.Ticks{Most: 7}, plotstyle.Ticks{Most: 4}
	if top == 0 {
		top = 1
	}
	lo, hi := s.extent()
	p.SetRange(lo, hi, 0, 1.28*top)
	if s.initial != nil {
		x, y := s.initial.outline()
		p.Mark("", plotstyle.Area{X: x, Y: y, Fill: plotstyle.Muted.Faded()})
		p.Mark("", plotstyle.Curve{X: x, Y: y, Color: plotstyle.Muted, Width: .7})
	}
	for i, w := range s.widths {
		x, y := windowCurve(l.Shape, l.Theta, w, lo, hi, .5*top)
		if i == 0 {
			p.Mark("", plotstyle.Area{X: x, Y: y, Fill: plotstyle.Orange.Faded()})
		}
		p.Mark("", plotstyle.Curve{X: x, Y: y, Color: plotstyle.Orange, Width: .9})
	}
	for _, w := range s.finalWidths {
		x, y := windowCurve(l.Shape, l.Theta, w, lo, hi, .5*top)
		p.Mark("", plotstyle.Curve{X: x, Y: y, Color: plotstyle.Orange, Width: 1.4, Dashes: plotstyle.Dashed})
	}
	if s.final != nil {
		x, y := s.final.outline()
		p.Mark("", plotstyle.Curve{X: x, Y: y, Color: plotstyle.Blue, Width: 1.4})
	}
	p.Mark("", plotstyle.Rule{At: l.Theta, Label: "θ", Color: plotstyle.Ink, Width: 1, Dashes: plotstyle.Dashed})
	if m := s.predicted; m != nil {
		p.Mark("", plotstyle.Span{Lo: m.Mean - m.Std, Mid: m.Mean, Hi: m.Mean + m.Std, Y: 1.14 * top, Color: plotstyle.Green})
	}
	return p
}

func (s stretch) extent() (lo, hi float64) {
	h := s.initial
	if h == nil {
		h = s.final
	}
	return h.Lo, h.Hi
}

// outline returns the histogram's density as a line of steps, two points to a
// bin.
func (h *Histogram) outline() (x, y []float64) {
	width := (h.Hi - h.Lo) / float64(len(h.Counts))
	for i, d := range h.density() {
		left := h.Lo + float64(i)*width
		x, y = append(x, left, left+width), append(y, d, d)
	}
	return x, y
}

// windowCurve returns the window around theta between lo and hi, scaled so that
// it is as high as given at θ. Windows without bound are cut at the range.
func windowCurve(s window.Shape, theta, width, lo, hi, height float64) (x, y []float64) {
	if !finite(theta) || !finite(width) || width <= 0 {
		return nil, nil
	}
	reach := s.Reach(width)
	lo, hi = max(lo, theta-reach), min(hi, theta+reach)
	if !(hi > lo) {
		return nil, nil
	}
	const points = 64
	scale := height / s.At(0, width)
	at := func(u float64) {
		// The ends belong to the window, also where it jumps.
		inside := theta + (u-theta)*(1-1e-9)
		x, y = append(x, u), append(y, scale*s.At(inside-theta, width))
	}
	for i := range points + 1 {
		u := lo + (hi-lo)*float64(i)/points
		if n := len(x); n > 0 && x[n-1] < theta && theta < u {
			at(theta) // the peak
		}
		at(u)
	}
	return x, y
}

// potentialKey is the key to the histograms.
func potentialKey(layers []Layer) ([]plotstyle.Sample, error) {
	p := plotstyle.NewPanel("", "", "")
	has := func(of func(Layer) bool) bool { return slices.ContainsFunc(layers, of) }
	if has(func(l Layer) bool { return len(l.Initial) > 0 }) {
		p.Mark(nameInitial, plotstyle.Area{Fill: plotstyle.Muted.Faded()})
	}
	if has(func(l Layer) bool { return len(l.Final) > 0 }) {
		p.Mark(nameFinal, plotstyle.Curve{Color: plotstyle.Blue, Width: 1.4})
	}
	if has(func(l Layer) bool { return len(l.Widths) > 0 }) {
		p.Mark(nameWindow, plotstyle.Area{Fill: plotstyle.Orange.Faded()})
	}
	if has(func(l Layer) bool { return len(l.FinalWidths) > 0 }) {
		p.Mark(nameMoved, plotstyle.Curve{Color: plotstyle.Orange, Width: 1.4, Dashes: plotstyle.Dashed})
	}
	if has(func(l Layer) bool { return len(l.Predicted) > 0 }) {
		p.Mark(namePredicted, plotstyle.Span{Color: plotstyle.Green})
	}
	p.Mark(nameTheta, plotstyle.Rule{Color: plotstyle.Ink, Width: 1, Dashes: plotstyle.Dashed})
	return p.Samples()
}

func (l *Layer) potentialAlt(s stretch) string {
	alt := fmt.Sprintf("Histogram of the membrane potential before firing, layer %s, %s. Threshold %s.", l.Node, s.title, general(l.Theta))
	for _, h := range []struct {
		name string
		*Histogram
	}{{"At initialisation", s.initial}, {"With the chosen parameters", s.final}} {
		if h.Histogram == nil {
			continue
		}
		if mean, std := h.Moments(); !math.IsNaN(mean) {
			alt += fmt.Sprintf(" %s: mean %s, deviation %s.", h.name, fixed(3, mean), fixed(3, std))
		}
	}
	if m := s.predicted; m != nil {
		alt += fmt.Sprintf(" Predicted at initialisation: mean %s, deviation %s.", fixed(3, m.Mean), fixed(3, m.Std))
	}
	for _, w := range s.widths {
		alt += fmt.Sprintf(" A %s window of width %s.", l.Shape, fixed(3, w))
	}
	for _, w := range s.finalWidths {
		alt += fmt.Sprintf(" With the chosen parameters its width is %s.", fixed(3, w))
	}
	return alt
}
