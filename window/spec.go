package window

import (
	"fmt"
	"slices"

	"github.com/qif-snn/qif/neuron"
)

// Nodes is the default number K of quadrature nodes of the closure: within .5 %
// in σ over the whole range of useful parameters.
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

// Compute predicts the moments of a neuron over the given steps under
// independent normal input and returns its windows. It refuses parameters for
// which a window is not finite and positive.
func (s Spec) Compute(d neuron.Dynamics, in Input, steps int) (Windows, error) {
	if err := s.Validate(); err != nil {
		return Windows{}, err
	}
	m, err := Closure(d, in, steps, Nodes)
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
	if err != nil {
		return Windows{}, fmt.Errorf("steps 1 to %d taken as one: %w", steps, err)
	}
	return Windows{s.Shape, slices.Repeat(w, steps), m}, nil
}
