package graph

import (
	"fmt"
	"math"

	"github.com/qif-snn/qif/window"
)

// LayerWindows are the surrogate windows of one neuron layer.
type LayerWindows struct {
	Node    string
	Input   window.Input // what the prediction assumed of x
	Assumed bool         // no tdBN fixes the input's spread: it was taken to be |θ|
	window.Windows
}

// Windows computes the windows of every neuron layer for the given number of
// steps, in layer order, from the neurons' initial parameters. Errors name the
// node.
func (net *Network) Windows(steps int) ([]LayerWindows, error) {
	var all []LayerWindows
	spread := net.spreads()
	for _, l := range net.Neurons() {
		d, err := l.Neuron.Model.Dynamics()
		if err != nil {
			return nil, fmt.Errorf("node %q: %w", l.Name, err)
		}
		in := window.Input{Std: spread[l.From[0]]}
		assumed := math.IsNaN(in.Std)
		if assumed {
			in.Std = math.Abs(l.Neuron.Model.Threshold)
		}
		w, err := l.Neuron.Window.Compute(d, in, steps)
		if err != nil {
			return nil, fmt.Errorf("node %q: %w", l.Name, err)
		}
		all = append(all, LayerWindows{l.Name, in, assumed, w})
	}
	return all, nil
}

// spreads returns the deviation of each node's output at initialisation as tdBN
// fixes it, N(0, (αθ)²), and as the branches of an addition, taken to be
// independent, add it; NaN where no tdBN fixes it.
func (net *Network) spreads() []float64 {
	std := make([]float64, len(net.Layers))
	for i, l := range net.Layers {
		std[i] = math.NaN()
		switch op := l.Op.(type) {
		case *TDBN:
			std[i] = op.Alpha * op.Threshold
		case *Add:
			std[i] = 0
			for _, j := range l.From {
				std[i] = math.Hypot(std[i], std[j])
			}
		case *Concat:
			std[i] = std[l.From[0]]
			for _, j := range l.From[1:] {
				if std[j] != std[i] {
					std[i] = math.NaN()
				}
			}
		case *Flatten:
			std[i] = std[l.From[0]]
		}
	}
	return std
}
