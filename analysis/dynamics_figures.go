package analysis

import (
	"image/color"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/plot/vg"

	"github.com/qif-snn/qif/neuron"
	"github.com/qif-snn/qif/report/plotstyle"
)

// Sizes of figures, in points: a page's width of one or two panels.
const (
	singleWidth, singleHeight = 520, 330
	pairWidth, pairHeight     = 780, 360
)

// singleFigure is a figure of one panel under a title.
func singleFigure(title string, p *plotstyle.Panel) plotstyle.Figure {
	return panelRow(title, singleWidth, singleHeight, p)
}

// stateColors are the colors of regimes that do not fire, by their symbols. What
// fires has the color of its rate.
var stateColors = map[byte]plotstyle.Color{
	'.': plotstyle.Grid, '~': plotstyle.Muted, '_': plotstyle.Blue, '=': plotstyle.Pink, '#': plotstyle.Orange, ':': plotstyle.Green, '!': plotstyle.Ink,
}

// stateOrder is the order of their legend.
const stateOrder = ".~_=#:!"

var rateScale = plotstyle.Scale{Label: "rate (spikes per step)", Lo: 0, Hi: 1}

func regimeColor(r neuron.Regime) color.Color {
	if r.Rate > 0 {
		return rateScale.Color(r.Rate)
	}
	if c, ok := stateColors[symbol(r)]; ok {
		return c
	}
	return nil
}

// regimeFigure draws the regime maps with the closed forms of their borders.
func (s *Dynamics) regimeFigure(title string) plotstyle.Figure {
	key := plotstyle.NewPanel("", "", "")
	var panels []*plotstyle.Panel
	for i := range s.RegimeMaps {
		panels = append(panels, s.RegimeMaps[i].panel(s.Input))
	}
	for _, state := range []byte(stateOrder) {
		if s.mapsShow(state) {
			key.Key(symbols[string(state)], plotstyle.Area{Fill: stateColors[state]})
		}
	}
	for _, line := range borders {
		key.Key(line.name, line.look())
	}
	key.Key("this neuron", hereDot)
	return keyedRow(title, pairWidth, pairHeight, key, panels...)
}

func (s *Dynamics) mapsShow(symbol byte) bool {
	return slices.ContainsFunc(s.RegimeMaps, func(rm RegimeMap) bool {
		return slices.ContainsFunc(rm.Rows, func(row string) bool { return strings.IndexByte(row, symbol) >= 0 })
	})
}

// A regimeBorder is an input at which a regime ends, by closed form.
type regimeBorder struct {
	name   string
	dashes []vg.Length
	input  func(d neuron.Dynamics) (x float64, ok bool)
}

var borders = []regimeBorder{
	{"saddle node", nil, func(d neuron.Dynamics) (float64, bool) { return d.SaddleNode() }},
	{"period doubling", plotstyle.Dashed, func(d neuron.Dynamics) (float64, bool) { return d.InputAt(4) }},
	{"fixed point at θ", plotstyle.Dotted, func(d neuron.Dynamics) (float64, bool) { return d.ThresholdInput() }},
}

func (b regimeBorder) look() plotstyle.Curve {
	return plotstyle.Curve{Color: plotstyle.Ink, Width: 1.2, Dashes: b.dashes}
}

var hereDot = plotstyle.Dot{Color: plotstyle.Ink, Radius: dotRadius, Open: true}

func (rm *RegimeMap) panel(input float64) *plotstyle.Panel {
	p := plotstyle.NewPanel("", rm.Parameter, "constant input x")
	h := plotstyle.NewHeatmap(rm.Values, rm.Inputs, func(column, row int) color.Color { return regimeColor(rm.regimes[row][column]) })
	p.Mark("", h)
	p.SetRange(h.Range())
	p.Scale = &rateScale
	for _, b := range borders {
		line := b.look()
		sign := 0.0
		for _, v := range (Range{rm.Values[0], rm.Values[len(rm.Values)-1]}).grid(1001) {
			d := rm.at(v)
			x, ok := b.input(d)
			if !ok || math.Copysign(1, d.C2) != sign { // the border passes through infinity
				x = math.NaN()
			}
			sign = math.Copysign(1, d.C2)
			line.X, line.Y = append(line.X, v), append(line.Y, x)
		}
		p.Mark("", line)
	}
	dot := hereDot
	dot.X, dot.Y = rm.current, input
	p.Mark("", dot)
	return p
}

// rateFigure draws the f–I curves.
func (s *Dynamics) rateFigure(title string, subjects []subject) plotstyle.Figure {
	p := plotstyle.NewPanel("Firing rate from rest", "constant input x", "rate (spikes per step)")
	own := plotstyle.Curve{Color: plotstyle.Blue, Width: 1.7}
	beside := plotstyle.Curve{Color: plotstyle.Orange, Width: 1.4, Dashes: plotstyle.Dashed}
	for _, a := range s.ConstantInput {
		own.X, own.Y = append(own.X, a.Input), append(own.Y, a.Rate)
		if a.BesideRate != nil {
			beside.X, beside.Y = append(beside.X, a.Input), append(beside.Y, *a.BesideRate)
		}
	}
	p.Mark(subjects[0].name, own)
	if len(subjects) > 1 {
		p.Mark(subjects[1].name, beside)
	}
	for _, at := range []struct {
		name string
		x    *float64
		dash []vg.Length
	}{{"rheobase", s.Rheobase, plotstyle.Dashed}, {"saddle node", s.SaddleNode, plotstyle.Dotted}} {
		if at.x != nil {
			p.Mark(at.name, plotstyle.Rule{At: *at.x, Color: plotstyle.Muted, Width: .9, Dashes: at.dash})
		}
	}
	p.SetRange(own.X[0], own.X[len(own.X)-1], -.03, 1.05)
	p.X.Tick.Marker = plotstyle.Ticks{Most: 10}
	return singleFigure(title, p)
}

// courseFigure draws the course of a change.
func (s *Dynamics) courseFigure(title string, subjects []subject) plotstyle.Figure {
	c := s.Change
	return singleFigure(title, responsePanel("Input from "+label(c.From)+" to "+label(c.To)+" and back, at rest before", c.Course.Input, from(subjects, c.From)))
}

// contrastFigure draws the contrast response over the input after the change,
// where the neuron does not fire in the long run.
func (s *Dynamics) contrastFigure(title string, subjects []subject) plotstyle.Figure {
	p := plotstyle.NewPanel("Peak less steady state after a change from x = "+label(s.Change.From), "constant input x after the change", "contrast (potential)")
	lo, hi := 0.0, 0.0
	for i, sub := range subjects {
		line := plotstyle.Curve{Color: sub.color, Width: 1.7, Dashes: sub.dash}
		for _, c := range s.Change.Curve {
			r := c.Neuron
			if i > 0 {
				r = *c.Beside
			}
			y := math.NaN()
			if r.Contrast != nil && *r.Rate == 0 {
				y = *r.Contrast
				lo, hi = min(lo, y), max(hi, y)
			}
			line.X, line.Y = append(line.X, c.To), append(line.Y, y)
		}
		p.Mark(sub.name, line)
	}
	p.Mark("", plotstyle.Rule{At: s.Change.From, Label: "before", Color: plotstyle.Muted, Width: .8, Dashes: plotstyle.Dotted})
	if !(hi > lo) {
		lo, hi = -1, 1
	}
	margin := .08 * (hi - lo)
	curve := s.Change.Curve
	p.SetRange(curve[0].To, curve[len(curve)-1].To, lo-margin, hi+margin)
	return singleFigure(title, p)
}

// reboundFigure draws the share of rebounds.
func (s *Dynamics) reboundFigure(title string) plotstyle.Figure {
	p := plotstyle.NewPanel("Spikes that inhibition makes", "deviation of the input", "share of all spikes")
	closed := plotstyle.Curve{Color: plotstyle.Blue, Width: 1.5}
	top, lo, hi := 0.0, math.Inf(1), math.Inf(-1)
	for _, r := range s.Rebound.Points {
		lo, hi = min(lo, r.InputSD), max(hi, r.InputSD)
		y := math.NaN()
		if r.IntegratedShare != nil {
			y = *r.IntegratedShare
			top = max(top, y)
		}
		closed.X, closed.Y = append(closed.X, r.InputSD), append(closed.Y, y)
	}
	p.Mark("integrated", closed)
	for _, r := range s.Rebound.Points {
		if r.Share == nil {
			continue
		}
		e := 0.0
		if r.StandardError != nil {
			e = 2 * *r.StandardError
		}
		bar := plotstyle.Whisker{X: r.InputSD, Lo: *r.Share - e, Mid: *r.Share, Hi: *r.Share + e, Color: plotstyle.Orange}
		top = max(top, *r.Share+e)
		p.Mark("", bar)
		p.KeyOnce("simulated, ± 2 standard errors", bar)
	}
	if top == 0 {
		top = 1
	}
	margin := max(.06*(hi-lo), .05*hi)
	p.SetRange(max(0, lo-margin), hi+margin, -.03*top, 1.08*top)
	return singleFigure(title, p)
}
