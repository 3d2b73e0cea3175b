package analysis

import (
	"image/color"
	"math"
	"slices"

	"github.com/qif-snn/qif/neuron"
	"github.com/qif-snn/qif/report/exhibit"
	"github.com/qif-snn/qif/report/plotstyle"
)

// Sizes of the diagram of orbits.
const (
	orbitSettles = 4000 // steps left out
	orbitKeeps   = 128  // steps that are shown of orbits without a period
	orbitRows    = 140
	orbitAbove   = 1.5 // how far above θ the diagram reaches, in units of θ − reset value
)

// lateOrbit returns the potentials before firing, in the long run, under
// constant input: one period where there is one.
func lateOrbit(d neuron.Dynamics, a AtRest) []float64 {
	keep := orbitKeeps
	if a.Period != nil {
		keep = *a.Period
	}
	switch a.State {
	case neuron.Rests, neuron.Alternates, neuron.AtFloor:
		keep = 1
	case neuron.Escapes:
		return nil
	}
	v := d.ResetValue
	var us []float64
	for t := range orbitSettles + keep {
		u, _, next := d.Step(v, a.Input)
		if t >= orbitSettles {
			us = append(us, u)
		}
		v = next
	}
	return us
}

// orbitExhibit draws the potentials that remain in the long run over the
// constant input, with the closed forms of fixed points and 2-cycle.
func (s *Dynamics) orbitExhibit(title string, d neuron.Dynamics) exhibit.Exhibit {
	table := exhibit.Table{Header: []string{"input", "state", "potential"}}
	scale := d.Threshold - d.ResetValue
	lo, hi := d.ResetValue-.2*scale, d.Threshold+.2*scale
	orbits := make([][]float64, len(s.ConstantInput))
	for i, a := range s.ConstantInput {
		orbits[i] = lateOrbit(d, a)
		for _, u := range orbits[i] {
			table.Add(a.Input, string(a.State), u)
			if u > d.ResetValue-3*near*scale {
				lo, hi = min(lo, u), max(hi, min(u, d.Threshold+orbitAbove*scale))
			}
		}
	}
	rows := Range{lo, hi}.grid(orbitRows)
	filled := make([][orbitRows]bool, len(orbits))
	for i, us := range orbits {
		for _, u := range us {
			if row := math.Round((u - lo) / (hi - lo) * (orbitRows - 1)); row >= 0 && row < orbitRows {
				filled[i][int(row)] = true
			}
		}
	}
	xs := make([]float64, len(orbits))
	for i, a := range s.ConstantInput {
		xs[i] = a.Input
	}
	p := plotstyle.NewPanel("Potentials in the long run, from rest", "constant input x", "u[t]")
	h := plotstyle.NewHeatmap(xs, rows, func(column, row int) color.Color {
		if filled[column][row] {
			return plotstyle.Blue
		}
		return nil
	})
	p.Mark("", h)
	p.Key("orbit", plotstyle.Area{Fill: plotstyle.Blue})
	markBranches(p, d.Map, xs)
	p.Mark("", plotstyle.Rule{At: d.Threshold, Level: true, Label: "θ", Color: plotstyle.Ink, Width: .8, Dashes: plotstyle.Dashed})
	p.SetRange(h.Range())
	p.X.Tick.Marker = plotstyle.Ticks{Most: 10}
	return exhibit.Exhibit{Name: "orbits", Figure: singleFigure(title, p), Table: table}
}

// withBifurcations returns inputs with those added, on both sides, at which
// neuron.Map.InputAt has branches begin, end and lose their stability.
func withBifurcations(m neuron.Map, xs []float64) []float64 {
	all := slices.Clone(xs)
	for _, discriminant := range []float64{0, 4, 6} {
		x, ok := m.InputAt(discriminant)
		if beside := 1e-9 * max(1, math.Abs(x)); ok && x > xs[0] && x < xs[len(xs)-1] {
			all = append(all, x-beside, x+beside)
		}
	}
	slices.Sort(all)
	return all
}

// markBranches draws fixed points and 2-cycle over the input.
func markBranches(p *plotstyle.Panel, m neuron.Map, xs []float64) {
	xs = withBifurcations(m, xs)
	line := func(dashed bool) plotstyle.Curve {
		c := plotstyle.Curve{X: xs, Y: make([]float64, len(xs)), Color: plotstyle.Ink, Width: .7}
		if dashed {
			c.Dashes = plotstyle.Dashed
		}
		for i := range c.Y {
			c.Y[i] = math.NaN()
		}
		return c
	}
	// Of two fixed points and a 2-cycle each branch may be stable or not.
	var stable, unstable [4]plotstyle.Curve
	for i := range stable {
		stable[i], unstable[i] = line(false), line(true)
	}
	for i, x := range xs {
		set := func(branch int, v float64, isStable bool) {
			if isStable {
				stable[branch].Y[i] = v
			} else {
				unstable[branch].Y[i] = v
			}
		}
		for j, f := range fixedPoints(m, x) {
			set(j, f.V, f.Stable())
		}
		if c, ok := m.TwoCycle(x); ok {
			set(2, c.Low, c.Stable())
			set(3, c.High, c.Stable())
		}
	}
	for i := range stable {
		p.Mark("", stable[i], unstable[i])
	}
	p.Key("stable fixed point, 2-cycle of the map alone", stable[0])
	p.Key("unstable", unstable[0])
}
