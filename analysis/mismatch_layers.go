package analysis

import (
	"context"
	"fmt"
	"math"

	"gonum.org/v1/gonum/stat"
)

// LayerSweep is how the mismatch compounds over layers: stacks of different depth,
// the same windows.
type LayerSweep struct {
	Task    string      `json:"task"`
	Steps   int         `json:"steps"`
	Samples int         `json:"samples"`
	Pairs   int         `json:"pairs"`
	Average int         `json:"average"`
	Noise   float64     `json:"noise"`
	Seed    uint64      `json:"seed"`
	Stacks  []StackSize `json:"stacks"`
}

// StackSize is one depth.
type StackSize struct {
	Layers  int           `json:"layers"`
	Windows []StackWindow `json:"windows"`
}

// StackWindow is one way to make windows at one depth.
type StackWindow struct {
	Policy  string          `json:"policy"`
	Shape   string          `json:"shape"`
	Matches []GradientMatch `json:"gradients"` // of each matrix before neurons, in order
	// PerLayer is the factor by which the cosine of the averaged gradient, and
	// that of a single one, changes with each window more that a gradient passes:
	// exp of the slope of log cosine against layers from the output.
	PerLayerAveraged *float64 `json:"cosine_averaged_per_layer"`
	PerLayer         *float64 `json:"cosine_per_layer"`
	// NormPerLayer is the same for the ratio of norms.
	NormPerLayer *float64 `json:"norm_ratio_per_layer"`
}

// MeasureLayerSweep compares candidates on stacks of each depth, which build
// makes.
func MeasureLayerSweep(ctx context.Context, depths []int, build func(layers int) (Subject, error), cands []Candidate, o MismatchOptions, report Report) (*LayerSweep, error) {
	out := &LayerSweep{Pairs: o.Pairs, Average: o.Average, Noise: o.Noise, Seed: o.Seed}
	work, before := sum(floats(depths)), 0.
	for _, n := range depths {
		s, err := build(n)
		if err != nil {
			return nil, err
		}
		out.Steps, out.Samples = s.Steps, s.Batch.N
		m, err := MeasureMismatch(ctx, s, cands, o, func(done float64, phase string) {
			if report != nil {
				report((before+done*float64(n))/work, fmt.Sprintf("%d layers: %s", n, phase))
			}
		})
		if err != nil {
			return nil, fmt.Errorf("%d layers: %w", n, err)
		}
		size := StackSize{Layers: n}
		for _, c := range m.Candidates {
			size.Windows = append(size.Windows, stackWindow(c))
		}
		out.Stacks = append(out.Stacks, size)
		before += float64(n)
	}
	return out, nil
}

func floats(x []int) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	return y
}

func stackWindow(c CandidateMatch) StackWindow {
	w := StackWindow{Policy: c.Policy, Shape: c.Shape}
	for _, m := range c.Matches[1:] {
		if !m.Exact {
			w.Matches = append(w.Matches, m)
		}
	}
	w.PerLayer = perLayer(w.Matches, func(m GradientMatch) *Estimate { return m.Cosine })
	w.PerLayerAveraged = perLayer(w.Matches, func(m GradientMatch) *Estimate { return m.Averaged })
	w.NormPerLayer = perLayer(w.Matches, func(m GradientMatch) *Estimate { return m.NormRatio })
	return w
}

// perLayer fits log of a number against how many windows a gradient passes. It is
// nil for fewer than three layers, and where a number is not resolved.
func perLayer(matches []GradientMatch, of func(GradientMatch) *Estimate) *float64 {
	var x, y []float64
	for i, m := range matches {
		e := of(m)
		if e == nil || !(e.Value > 2*e.Error) {
			return nil
		}
		x, y = append(x, float64(len(matches)-i)), append(y, math.Log(e.Value))
	}
	if len(x) < 3 {
		return nil
	}
	_, slope := stat.LinearRegression(x, y, nil, false)
	return number(math.Exp(slope), true)
}
