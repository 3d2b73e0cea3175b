package analysis

import (
	"math"
	"slices"

	"gonum.org/v1/plot/vg"

	"github.com/qif-snn/qif/neuron"
	"github.com/qif-snn/qif/report/plotstyle"
)

// near is how far from the reset value, in units of θ − reset value, a fixed
// point or another landmark may lie for the map's axes to reach out to it.
const near = 6

// mapRange returns the range of potentials for which the map is drawn: around
// reset and threshold, and out to the landmarks that are not too far.
func mapRange(d neuron.Dynamics, o DynamicsOptions) (lo, hi float64) {
	scale := d.Threshold - d.ResetValue
	lo, hi = d.ResetValue-2*scale, d.Threshold+.8*scale
	var landmarks []float64
	if !math.IsInf(d.Floor, -1) {
		// No potential lies below the floor, but the map around it shows why.
		lo = max(lo, d.Floor-.6*scale)
		landmarks = append(landmarks, d.Floor-.3*scale)
	}
	for _, x := range o.constants() {
		for _, p := range fixedPoints(d.Map, x) {
			landmarks = append(landmarks, p.V)
		}
	}
	if p, ok := unstable(d.Map, o.Input); ok {
		if mirror, _ := d.Mirror(p.V); mirror >= d.Floor {
			landmarks = append(landmarks, mirror)
		}
	}
	if level, ok := d.ReboundAt(o.Input); ok {
		landmarks = append(landmarks, level)
	}
	landmarks = slices.DeleteFunc(landmarks, func(v float64) bool { return math.Abs(v-d.ResetValue) > near*scale })
	for _, v := range append(landmarks, o.Starts...) {
		lo, hi = min(lo, v), max(hi, v)
	}
	margin := .05 * (hi - lo)
	return lo - margin, hi + margin
}

// imageRange returns the range of u[t] that is drawn over [lo, hi]: no higher
// than the diagonal reaches, but for maps that lie above it, and no lower than
// the maps and the trajectories' starts, unless that would flatten the diagonal.
func imageRange(d neuron.Dynamics, o DynamicsOptions, lo, hi float64) (bottom, top float64) {
	scale := d.Threshold - d.ResetValue
	bottom, top = d.ResetValue, hi
	for _, v := range o.Starts {
		bottom = min(bottom, max(v, lo))
	}
	vs := []float64{lo, hi}
	if v, ok := d.Vertex(); ok && lo < v && v < hi {
		vs = append(vs, v)
	}
	for _, x := range o.constants() {
		for _, v := range vs {
			bottom = min(bottom, max(d.At(v)+x, lo))
		}
		if u := d.At(d.ResetValue) + x; math.Abs(u-d.ResetValue) <= 2*near*scale {
			bottom, top = min(bottom, u), max(top, u+.2*scale)
		}
	}
	return min(bottom-.06*(top-bottom), top-.85*(hi-lo)), top
}

// mapPanel draws the map u[t] = f(v[t−1]) + x for the constant inputs, its fixed
// points, and trajectories under the chosen one as cobwebs.
func mapPanel(d neuron.Dynamics, o DynamicsOptions) *plotstyle.Panel {
	p := plotstyle.NewPanel("Map under constant input", "v[t−1]", "u[t]")
	lo, hi := mapRange(d, o)
	bottom, top := imageRange(d, o, lo, hi)
	p.SetRange(lo, hi, bottom, top)
	p.X.Tick.Marker, p.Y.Tick.Marker = plotstyle.Ticks{Most: 8}, plotstyle.Ticks{Most: 8}

	p.Mark("u[t] = v[t−1]", plotstyle.Curve{X: []float64{lo, hi}, Y: []float64{lo, hi}, Color: plotstyle.Muted, Width: .8})
	markReset(p, d)
	for i, x := range o.constants() {
		markMap(p, d, x, mapLook(i, len(o.constants())), lo, hi)
	}
	for i, v := range o.Starts {
		markCobweb(p, d, o.Input, v, i == 0)
	}
	for _, x := range o.constants() {
		markFixedPoints(p, fixedPoints(d.Map, x))
	}
	return p
}

// markReset draws threshold, reset value and floor.
func markReset(p *plotstyle.Panel, d neuron.Dynamics) {
	p.Mark("", plotstyle.Rule{At: d.Threshold, Level: true, Label: "θ", Color: plotstyle.Ink, Width: .8, Dashes: plotstyle.Dashed})
	name := "reset"
	if d.Soft {
		name = "v[0]"
	}
	p.Mark("", plotstyle.Rule{At: d.ResetValue, Label: name, Color: plotstyle.Muted, Width: .8, Dashes: plotstyle.Dotted})
	if !math.IsInf(d.Floor, -1) {
		p.Mark("", plotstyle.Rule{At: d.Floor, Label: "floor", Color: plotstyle.Muted, Width: .8, Dashes: plotstyle.Dashed})
	}
}

// mapLook is the color of the i-th input's map; null input has the neuron's own.
func mapLook(i, n int) plotstyle.Color {
	if i == 0 {
		return plotstyle.Blue
	}
	return plotstyle.Step(n-i, n)
}

// markMap draws the map for one input, thinner where no potential after reset
// can lie: below the floor and, with a hard reset, from the threshold on.
func markMap(p *plotstyle.Panel, d neuron.Dynamics, x float64, color plotstyle.Color, lo, hi float64) {
	const points = 400
	reachable := plotstyle.Curve{Color: color, Width: 1.7}
	other := plotstyle.Curve{Color: color, Width: .8}
	for i := range points + 1 {
		v := lo + (hi-lo)*float64(i)/points
		other.X, other.Y = append(other.X, v), append(other.Y, d.At(v)+x)
		if v >= d.Floor && (d.Soft || v < d.Threshold) {
			reachable.X, reachable.Y = append(reachable.X, v), append(reachable.Y, d.At(v)+x)
		}
	}
	p.Mark("", other)
	p.Mark("x = "+label(x), reachable)
}

const dotRadius = 3.6

var (
	stableDot   = plotstyle.Dot{Color: plotstyle.Ink, Radius: dotRadius}
	unstableDot = plotstyle.Dot{Color: plotstyle.Ink, Radius: dotRadius, Open: true}
	spikeDot    = plotstyle.Dot{Color: plotstyle.Orange, Radius: dotRadius}
)

// markFixedPoints draws one map's fixed points, or says where they lie outside.
func markFixedPoints(p *plotstyle.Panel, points []neuron.FixedPoint) {
	for _, point := range points {
		dot, name := unstableDot, "unstable fixed point"
		if point.Stable() {
			dot, name = stableDot, "stable fixed point"
		}
		dot.X, dot.Y = point.V, point.V
		p.Mark("", dot)
		if inside := min(p.X.Max, p.Y.Max); point.V > inside || point.V < max(p.X.Min, p.Y.Min) {
			name += " at " + label(point.V) + ", outside"
		}
		p.KeyOnce(name, dot)
	}
}

// cobwebSteps bounds a trajectory's length; most settle sooner.
const cobwebSteps = 40

// cobweb returns the trajectory from v under constant input as a line between map
// and diagonal, broken where reset or floor moves the potential, and its spikes.
func cobweb(d neuron.Dynamics, input, v float64) (x, y, spikeV, spikeU []float64) {
	x, y = []float64{v}, []float64{v}
	settled := 1e-4 * (d.Threshold - d.ResetValue)
	for range cobwebSteps {
		u, spike, next := d.Step(v, input)
		x, y = append(x, v), append(y, u)
		if spike {
			spikeV, spikeU = append(spikeV, v), append(spikeU, u)
		}
		if next != u {
			x, y = append(x, math.NaN()), append(y, math.NaN())
		}
		x, y = append(x, next), append(y, next)
		if !spike && math.Abs(next-v) < settled || math.IsInf(next, 0) {
			break
		}
		v = next
	}
	return x, y, spikeV, spikeU
}

func markCobweb(p *plotstyle.Panel, d neuron.Dynamics, input, start float64, named bool) {
	x, y, spikeV, spikeU := cobweb(d, input, start)
	web := plotstyle.Curve{X: x, Y: y, Color: plotstyle.Pink, Width: 1.4}
	begin := plotstyle.Dot{X: start, Y: start, Color: plotstyle.Pink, Radius: 2.6}
	p.Mark("", web, begin)
	if named {
		p.Key("trajectory, x = "+label(input), web)
	}
	for i := range spikeV {
		dot := spikeDot
		dot.X, dot.Y = spikeV[i], spikeU[i]
		p.Mark("", dot)
	}
	if len(spikeV) > 0 {
		p.KeyOnce("spike", spikeDot)
	}
}

// mapWidth is the width of the map's panel, which is about as high.
const mapWidth vg.Length = 350

// defaultStarts returns potentials from which trajectories show most:
// one just below the threshold, and one just inhibited enough to rebound.
func defaultStarts(d neuron.Dynamics) []float64 {
	scale := d.Threshold - d.ResetValue
	starts := []float64{d.Threshold - .05*scale}
	if level, ok := d.Rebound(); ok && math.Abs(level-d.ResetValue) <= near*scale {
		if v := level - .15*scale; v >= d.Floor && v < starts[0] {
			starts = append(starts, v)
		}
	}
	return slices.Clip(starts)
}
