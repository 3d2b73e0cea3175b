package analysis

import (
	"fmt"
	"math"

	"github.com/qif-snn/qif/engine"
	"github.com/qif-snn/qif/graph"
	"github.com/qif-snn/qif/zoo"
)

// Teacher is a task of which there is as much as one likes: Gaussian vectors
// labelled by the largest output of a linear map with Gaussian noise. Its network
// is an MLP of hidden layers of equal width.
type Teacher struct {
	Inputs, Classes int
	Layers, Width   int
	Noise           float64 // deviation, in units of the outputs' own
	Seed            uint64
}

// DefaultTeacher is the task of the first measurement: 20→32→32→5.
var DefaultTeacher = Teacher{Inputs: 20, Classes: 5, Layers: 2, Width: 32, Noise: .5, Seed: 1}

// Validate says what is wrong with the task.
func (t Teacher) Validate() error {
	switch {
	case t.Inputs < 1 || t.Width < 1 || t.Classes < 2:
		return fmt.Errorf("%d inputs, width %d and %d classes; expected at least 1, 1 and 2", t.Inputs, t.Width, t.Classes)
	case t.Layers < 1 || t.Layers > 1000:
		return fmt.Errorf("%d hidden layers, expected 1 to 1000", t.Layers)
	case !(t.Noise >= 0) || !finite(t.Noise):
		return fmt.Errorf("teacher's noise is %v, expected 0 or more", t.Noise)
	}
	return nil
}

// Net returns the task's network, with the neurons and windows of c.
func (t Teacher) Net(c zoo.Config) (*graph.Network, error) {
	if err := t.Validate(); err != nil {
		return nil, err
	}
	c.Input, c.Coding, c.Classes = graph.Shape{H: 1, W: 1, C: t.Inputs}, graph.Direct, t.Classes
	hidden := make([]int, t.Layers)
	for i := range hidden {
		hidden[i] = t.Width
	}
	return graph.Check(zoo.MLP(c, hidden...))
}

// Batch returns n samples of the task from number first on.
func (t Teacher) Batch(first, n int) engine.Batch {
	linear := make([]float64, t.Inputs*t.Classes)
	rng := stream(t.Seed, drawTeacher, 0)
	for i := range linear {
		linear[i] = rng.NormFloat64()
	}
	b := engine.Batch{N: n, X: make([]float32, n*t.Inputs), Y: make([]int32, n)}
	out := make([]float64, t.Classes)
	for i := range n {
		rng := stream(t.Seed, drawData, first+i)
		clear(out)
		x := b.X[i*t.Inputs:][:t.Inputs]
		for j := range x {
			v := rng.NormFloat64()
			x[j] = float32(v)
			for c := range out {
				out[c] += v * linear[j*t.Classes+c]
			}
		}
		for c := range out {
			out[c] += t.Noise * math.Sqrt(float64(t.Inputs)) * rng.NormFloat64()
		}
		b.Y[i] = int32(engine.Argmax(out))
	}
	return b
}
