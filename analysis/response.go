package analysis

import (
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/qif-snn/qif/neuron"
	"github.com/qif-snn/qif/report/plotstyle"
)

// A response is a neuron's potential before firing at t = 1..T, and where it
// fires.
type response struct {
	u      []float64 // [T]
	spikes []float64 // the steps t at which it fires
}

// respond runs a neuron from the potential v over the input, [T].
func respond(d neuron.Dynamics, v float64, x []float64) response {
	var r response
	for t, in := range x {
		u, spike, next := d.Step(v, in)
		r.u = append(r.u, u)
		if spike {
			r.spikes = append(r.spikes, float64(t+1))
		}
		v = next
	}
	return r
}

// stepInput returns an input that is switched on after a sixth of the time and
// off after two thirds.
func stepInput(steps int, size float64) []float64 {
	x := make([]float64, steps)
	for t := steps / 6; t < 2*steps/3; t++ {
		x[t] = size
	}
	return x
}

// impulses returns an input with impulses of one step, evenly spread.
func impulses(steps int, sizes []float64) []float64 {
	x := make([]float64, steps)
	for i, size := range sizes {
		x[(4*i+1)*steps/(4*len(sizes))] += size
	}
	return x
}

// A subject is a neuron whose response is drawn.
type subject struct {
	name  string
	d     neuron.Dynamics
	start float64 // v[0]
	color plotstyle.Color
	dash  []vg.Length
}

// from is the subjects with the potentials at which they rest under constant
// input, where they do, as their starts.
func from(subjects []subject, x float64) []subject {
	moved := slices.Clone(subjects)
	for i := range moved {
		if v, _, ok := restUnder(moved[i].d, x); ok {
			moved[i].start = v
		}
	}
	return moved
}

// responsePanel draws the subjects' responses to an input.
func responsePanel(title string, x []float64, subjects []subject) *plotstyle.Panel {
	p := plotstyle.NewPanel(title, "t", "u[t]")
	p.X.Tick.Marker, p.Y.Tick.Marker = plotstyle.Ticks{Whole: true, Most: 9}, plotstyle.Ticks{Most: 5}
	times := make([]float64, len(x))
	for t := range times {
		times[t] = float64(t + 1)
	}
	area := plotstyle.Area{Fill: plotstyle.Muted.Faded()}
	area.X, area.Y = staircase(x)
	p.Mark("", area)
	shown := slices.Concat(x, []float64{0})
	var thresholds []float64
	for i, s := range subjects {
		if !slices.Contains(thresholds, s.d.Threshold) {
			thresholds = append(thresholds, s.d.Threshold)
			p.Mark("", plotstyle.Rule{At: s.d.Threshold, Level: true, Label: "θ", Color: plotstyle.Ink, Width: .8, Dashes: plotstyle.Dashed})
		}
		r := respond(s.d, s.start, x)
		shown = append(shown, s.d.Threshold, s.d.ResetValue)
		shown = append(shown, r.u...)
		p.Mark(s.name, plotstyle.Curve{X: times, Y: r.u, Color: s.color, Width: 1.4, Dashes: s.dash, Dots: len(x) <= 80})
		p.Mark("", raster{r.spikes, i, s.color})
	}
	p.Key("input x[t]", area)
	p.Key("spikes", raster{nil, 0, plotstyle.Ink})
	lo, hi := potentialRange(shown, subjects[0].d)
	p.SetRange(.5, float64(len(x))+.5, lo, hi+.09*float64(len(subjects)+1)*(hi-lo))
	return p
}

// staircase returns the input as a line that is level during each step.
func staircase(x []float64) (sx, sy []float64) {
	for t, v := range x {
		sx, sy = append(sx, float64(t)+.5, float64(t)+1.5), append(sy, v, v)
	}
	return sx, sy
}

// potentialRange returns the range of the finite potentials with a margin, but
// stays near threshold and reset if a potential runs away.
func potentialRange(vs []float64, d neuron.Dynamics) (lo, hi float64) {
	scale := d.Threshold - d.ResetValue
	lo, hi = math.Inf(1), math.Inf(-1)
	for _, v := range vs {
		if !math.IsNaN(v) {
			lo, hi = min(lo, v), max(hi, v)
		}
	}
	lo, hi = max(lo, d.ResetValue-8*scale), min(hi, d.Threshold+8*scale)
	margin := .06 * (hi - lo)
	return lo - margin, hi + margin
}

// A raster marks spikes along the upper edge of a plot, one row per neuron.
type raster struct {
	times []float64
	row   int
	color plotstyle.Color
}

const (
	rasterHeight = 6
	rasterPitch  = 9
)

func (r raster) line() draw.LineStyle { return draw.LineStyle{Color: r.color, Width: 1.4} }

// Plot implements plot.Plotter.
func (r raster) Plot(c draw.Canvas, p *plot.Plot) {
	x, _ := p.Transforms(&c)
	top := c.Max.Y - vg.Length(r.row)*rasterPitch - 2
	for _, t := range r.times {
		c.StrokeLine2(r.line(), x(t), top-rasterHeight, x(t), top)
	}
}

// Thumbnail implements plot.Thumbnailer.
func (r raster) Thumbnail(c *draw.Canvas) {
	for i := range 3 {
		x := c.Min.X + (c.Max.X-c.Min.X)*vg.Length(i+1)/4
		c.StrokeLine2(r.line(), x, c.Center().Y-rasterHeight/2, x, c.Center().Y+rasterHeight/2)
	}
}
