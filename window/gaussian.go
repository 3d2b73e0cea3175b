package window

import (
	"math"

	"github.com/qif-snn/qif/neuron"
)

// A Predictor is a closed form for the moments of a membrane potential before
// firing at steps 1..steps.
type Predictor struct {
	Name, Doc string
	Predict   func(d neuron.Dynamics, in Input, steps int) ([]Moments, error)
}

// Predictors lists the closed forms, the one in use first and the others for
// comparison with it.
var Predictors = []Predictor{
	{"quadrature", "quadrature closure, 8 nodes", func(d neuron.Dynamics, in Input, steps int) ([]Moments, error) {
		return Closure(d, in, steps, Nodes)
	}},
	{"quadrature-3", "quadrature closure, 3 nodes, fully analytic", func(d neuron.Dynamics, in Input, steps int) ([]Moments, error) {
		return Closure(d, in, steps, 3)
	}},
	{"gaussian", "normal closure with reset", GaussianClosure},
	{"no-reset", "normal closure without reset, the paper's as inferred", ResetFreeClosure},
}

// GaussianClosure takes the potential before firing for normal at every step
// (our derivation). What reset and floor make of a normal density has truncated
// moments up to the fourth in closed form, and those give mean and variance of
// f(v) + x. It errs where the density is skewed. It fails where Closure does,
// though the rule for what runs away is not applied.
func GaussianClosure(d neuron.Dynamics, in Input, steps int) ([]Moments, error) {
	return gaussianCourse(d, in, steps, true)
}

// ResetFreeClosure is GaussianClosure for a potential that neither threshold nor
// floor touches: for f(v) = a(v−u1)(v−u2) and u ~ N(m, s²)
//
//	m′ = a(s² + m² − (u1+u2)m + u1·u2)
//	s′² = w + a²[2s⁴ + s²(2m − u1 − u2)²]
//
// It is how the paper's moments are understood here (inferred: its text was not
// at hand). Without a reset the tails of a quadratic map run away.
func ResetFreeClosure(d neuron.Dynamics, in Input, steps int) ([]Moments, error) {
	return gaussianCourse(d, in, steps, false)
}

func gaussianCourse(d neuron.Dynamics, in Input, steps int, reset bool) ([]Moments, error) {
	if err := check(d, in, steps); err != nil {
		return nil, err
	}
	branches, std := in.branches()
	u := make([]Mixture, len(branches))
	weights := make([]float64, len(branches))
	now := make([]Moments, len(branches))
	for i, b := range branches {
		u[i] = Mixture{[]Point{{d.At(d.ResetValue) + b.mean, 1}}, std}
		weights[i] = b.weight
	}
	all := make([]Moments, steps)
	var s survival
	for t := range all {
		for i, b := range branches {
			if t > 0 {
				u[i] = gaussianStep(&s, u[i], d, Input{Mean: b.mean, Std: std}, reset)
			}
			now[i] = u[i].moments(d.Threshold)
		}
		all[t] = pool(now, weights)
		if m := all[t]; !finite(m.Mean) || !finite(m.Std) || !finite(m.Rate) || !finite(m.Density) {
			return nil, &Runaway{Step: t + 1, Reason: "its moments leave the range of double precision"}
		}
	}
	return all, nil
}

// gaussianStep goes from one normal potential before firing to the next.
func gaussianStep(s *survival, u Mixture, d neuron.Dynamics, in Input, reset bool) Mixture {
	var points []Point
	s.of(Mixture{}) // nothing continuous
	switch {
	case u.Std == 0 && reset:
		points, _ = settlePoints(nil, u, d, core{})
	case u.Std == 0:
		points = u.Points
	case reset:
		r := resetOf(u, d)
		s.of(u, r.kept, r.moved)
		points = r.points(nil)
	default:
		s.of(u, piece{lo: math.Inf(-1), hi: math.Inf(1)})
	}
	var m [5]float64 // E[v^k]
	s.moments(m[:], 0, 1)
	for _, p := range points {
		term := p.Weight
		for k := range m {
			m[k] += term
			term *= p.Value
		}
	}
	mean := d.C2*m[2] + d.C1*m[1] + d.C0*m[0]
	square := d.C2*d.C2*m[4] + 2*d.C1*d.C2*m[3] + (d.C1*d.C1+2*d.C0*d.C2)*m[2] + 2*d.C0*d.C1*m[1] + d.C0*d.C0*m[0]
	variance := in.Std*in.Std + max(0, square-mean*mean)
	return Mixture{[]Point{{mean + in.Mean, 1}}, math.Sqrt(variance)}
}
