package analysis

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/qif-snn/qif/engine"
	"github.com/qif-snn/qif/graph"
	"github.com/qif-snn/qif/zoo"
)

// Teacher is a task of which there is as much as one likes: Gaussian vectors
// labelled by the largest output of a linear map, of their mean over time, with
// Gaussian noise. Its network is an MLP of hidden layers of equal width.
type Teacher struct {
	Inputs, Classes int
	Layers, Width   int
	Steps           int
	// Rho is the share of the input's variance that is constant over time. At 1
	// the input is coded directly, like an image; otherwise there are T frames.
	Rho   float64
	Noise float64 // deviation, in units of the outputs' own
	Seed  uint64
}

// DefaultTeacher is the task of the first measurement: 20→32→32→5.
var DefaultTeacher = Teacher{Inputs: 20, Classes: 5, Layers: 2, Width: 32, Steps: 4, Rho: 1, Noise: .5, Seed: 1}

// Validate says what is wrong with the task.
func (t Teacher) Validate() error {
	switch {
	case t.Inputs < 1 || t.Width < 1 || t.Classes < 2:
		return fmt.Errorf("%d inputs, width %d and %d classes; expected at least 1, 1 and 2", t.Inputs, t.Width, t.Classes)
	case t.Layers < 1 || t.Layers > 1000:
		return fmt.Errorf("%d hidden layers, expected 1 to 1000", t.Layers)
	case t.Steps < 1:
		return fmt.Errorf("%d time steps, expected at least 1", t.Steps)
	case !(t.Rho >= 0 && t.Rho <= 1):
		return fmt.Errorf("rho is %v, expected a share within [0, 1]", t.Rho)
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
	if t.frames() > 1 {
		c.Coding = graph.Frames
	}
	hidden := make([]int, t.Layers)
	for i := range hidden {
		hidden[i] = t.Width
	}
	return graph.Check(zoo.MLP(c, hidden...))
}

// frames is how many frames a sample has.
func (t Teacher) frames() int {
	if t.Rho == 1 {
		return 1
	}
	return t.Steps
}

// Batch returns n samples of the task from number first on.
func (t Teacher) Batch(first, n int) engine.Batch {
	linear := make([]float64, t.Inputs*t.Classes)
	rng := stream(t.Seed, drawTeacher, 0)
	for i := range linear {
		linear[i] = rng.NormFloat64()
	}
	frames := t.frames()
	b := engine.Batch{N: n, X: make([]float32, frames*n*t.Inputs), Y: make([]int32, n)}
	for i := range n {
		x := func(step, j int) *float32 { return &b.X[(step*n+i)*t.Inputs+j] }
		b.Y[i] = t.sample(stream(t.Seed, drawData, first+i), linear, x)
	}
	return b
}

// sample draws a sample's frames and returns its label.
func (t Teacher) sample(rng *rand.Rand, linear []float64, x func(step, j int) *float32) int32 {
	out := make([]float64, t.Classes)
	frames := float64(t.frames())
	for j := range t.Inputs {
		constant, mean := rng.NormFloat64(), 0.
		for step := range t.frames() {
			v := constant
			if frames > 1 {
				v = math.Sqrt(t.Rho)*constant + math.Sqrt(1-t.Rho)*rng.NormFloat64()
			}
			*x(step, j) = float32(v)
			mean += v / frames
		}
		for c := range out {
			out[c] += mean * linear[j*t.Classes+c]
		}
	}
	std := math.Sqrt(float64(t.Inputs) * (t.Rho + (1-t.Rho)/frames)) // of an output
	for c := range out {
		out[c] += t.Noise * std * rng.NormFloat64()
	}
	return int32(engine.Argmax(out))
}
