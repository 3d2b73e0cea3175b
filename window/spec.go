package window

import (
	"fmt"
	"slices"

	"github.com/qif-snn/qif/neuron"
)

// Nodes is the default number K of quadrature nodes of the closure: within .2 %
// in σ and .002 in rate over the whole range of useful parameters.
const Nodes = 8

// Spec says how a layer's windows are made: which policy gives the width,
// which shape is used, and whether all steps share one width.
type Spec struct {
	Policy Policy `json:"policy"`
	Shape  Shape  `json:"shape"`
	Pooled bool   `json:"pooled,omitempty"` // one width for all steps, from moments averaged over T
}

// Validate refuses an unknown policy or shape and a policy's value that is not
// finite and positive.
func (s Spec) Validate() error {
	if err := s.Policy.Validate(); err != nil {
		return err
	}
	_, err := ParseShape(string(s.Shape))
	return err
}

// Windows is what a Spec gives for one layer: the predicted moments of the
// membrane potential before firing and the window's width, per time step.
type Windows struct {
	Shape   Shape     `json:"shape"`
	Widths  []float64 `json:"widths"`  // [T], rectangle-equivalent
	Moments []Moments `json:"moments"` // [T]
}

// windowLimit is the share of potentials that may have run away before there are
// no windows. Windows are made for those that stay, and a thousandth less of
// them changes nothing; what becomes of the others is for training to say, which
// guards itself against numbers that are not finite.
const windowLimit = 1e-3

// Compute predicts the moments of a neuron over the given steps under normal
// input and returns its windows. It refuses parameters for which a window is not
// finite and positive, and potentials of which more than a thousandth run away.
//
// Moments come from the closure, at some 10 µs per step, so that they can be
// computed again after every update of a neuron that learns. A policy that
// needs the density takes them from there, at some 100 µs per step.
func (s Spec) Compute(d neuron.Dynamics, in Input, steps int) (Windows, error) {
	if err := s.Validate(); err != nil {
		return Windows{}, err
	}
	if s.Policy.Kind == ExactDensity {
		return s.fromDensity(d, in, steps)
	}
	c, err := newCourse(d, in, steps, &closure{d: d, k: Nodes})
	if err != nil {
		return Windows{}, err
	}
	c.limit = windowLimit
	m, err := c.run(steps)
	if err != nil {
		return Windows{}, err
	}
	if !s.Pooled {
		w, err := s.Policy.Widths(m)
		if err != nil {
			return Windows{}, err
		}
		return Windows{s.Shape, w, m}, nil
	}
	w, err := s.Policy.Widths([]Moments{Pool(m)})
	return s.pooled(w, m, err)
}

// fromDensity is Compute for a policy that needs the density.
func (s Spec) fromDensity(d neuron.Dynamics, in Input, steps int) (Windows, error) {
	c, err := newCourse(d, in, steps, &grid{d: d})
	if err != nil {
		return Windows{}, err
	}
	c.limit = windowLimit
	all, err := c.trace(steps)
	if err != nil {
		return Windows{}, err
	}
	m := momentsOf(all)
	if !s.Pooled {
		w, err := s.Policy.WidthsOf(all, d.Threshold)
		if err != nil {
			return Windows{}, err
		}
		return Windows{s.Shape, w, m}, nil
	}
	mixed := Step{Moments: Pool(m), Mixture: Mixture{Std: c.std}} // at a step drawn at random
	for _, step := range all {
		for _, p := range step.Mixture.Points {
			mixed.Mixture.Points = append(mixed.Mixture.Points, Point{p.Value, p.Weight / float64(steps)})
		}
	}
	w, err := s.Policy.WidthsOf([]Step{mixed}, d.Threshold)
	return s.pooled(w, m, err)
}

// pooled gives all steps the one width.
func (s Spec) pooled(w []float64, m []Moments, err error) (Windows, error) {
	if err != nil {
		return Windows{}, fmt.Errorf("steps 1 to %d taken as one: %w", len(m), err)
	}
	return Windows{s.Shape, slices.Repeat(w, len(m)), m}, nil
}
