package engine

import "github.com/qif-snn/qif/graph"

// Prober is a Trainer that can be asked about its loss and gradient without a
// step. Its passes normalise by the batch's statistics, as Step does, and leave
// dropout out; running statistics, the optimiser and the number of updates stay.
type Prober interface {
	Trainer
	// SetParams takes over the network's parameters and nothing else of a
	// snapshot. It copies as many numbers as they have.
	SetParams(tensors []graph.Tensor) error
	// SetWindows replaces the windows of all neuron layers, given in the
	// network's order with a width for each step, without compiling anew.
	SetWindows(windows []graph.LayerWindows) error
	// Loss runs the forward pass. The result, whose GradNorm is 0, is valid
	// until the next call. It fails as Step does if potentials or the loss are
	// not finite.
	Loss(b Batch) (*Result, error)
	// Gradient runs the forward and the backward pass and returns the gradient
	// of every trainable parameter, in the network's order, valid with the
	// result until the next call. If fn is not nil, it gets ∂L/∂u[t] of each
	// neuron layer and step, [N, H, W, C], layers from the last to the first.
	// Layers before which nothing learns, and which learn nothing, have none.
	// It fails as Step does.
	Gradient(b Batch, fn func(node string, t int, q []float32)) (*Result, []graph.Tensor, error)
}
