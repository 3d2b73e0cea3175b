package ref

import (
	"fmt"
	"math"

	"github.com/qif-snn/qif/engine"
	"github.com/qif-snn/qif/graph"
)

// Loss is the training loss of logits [T, N, K]. Cross-entropy is that of the
// mean over T; TET is (1−λ)·mean over t and n of CE(o[t,n], y[n]) plus λ times
// the mean over all logits of their square distance from the target.
func Loss(logits []float64, labels []int32, steps int, l engine.Loss) float64 {
	n := len(labels)
	k := len(logits) / (steps * n)
	at := func(t, i int) []float64 { return logits[(t*n+i)*k:][:k] }
	loss := 0.0
	for i, y := range labels {
		sum := make([]float64, k)
		for t := range steps {
			for c, v := range at(t, i) {
				sum[c] += v / float64(steps)
			}
			if l.Kind == engine.TET {
				loss += (1 - l.Lambda) * crossEntropy(at(t, i), y) / float64(n*steps)
			}
		}
		if l.Kind == engine.CrossEntropy {
			loss += crossEntropy(sum, y) / float64(n)
		}
	}
	if l.Kind == engine.TET {
		for _, v := range logits {
			loss += l.Lambda * (v - l.Target) * (v - l.Target) / float64(len(logits))
		}
	}
	return loss
}

func crossEntropy(logits []float64, y int32) float64 {
	sum := 0.0
	for _, v := range logits {
		sum += math.Exp(v)
	}
	return math.Log(sum) - logits[y]
}

// Problem is a loss as a function of a network's parameters and input.
type Problem struct {
	Net      *graph.Network
	Params   Params
	X        []float64
	Labels   []int32
	Steps    int
	Windows  []graph.LayerWindows
	Loss     engine.Loss
	Training Options // Smooth and FrozenReset are set by Gradient
}

// Gradient returns the gradient of the smoothed network's loss with respect to
// the chosen elements of a tensor by central differences of step h. Resets that
// a model detaches are frozen at the unperturbed run's spikes. It leaves the
// parameters as they were.
func (p Problem) Gradient(name string, elements []int, h float64) ([]float64, error) {
	o := p.Training
	o.Train, o.Smooth = true, true
	run := func() (*Trace, error) {
		return Forward(p.Net, p.Params, p.X, len(p.Labels), p.Steps, p.Windows, o)
	}
	base, err := run()
	if err != nil {
		return nil, err
	}
	o.FrozenReset = map[string][]float64{}
	for _, l := range p.Net.Layers {
		if op, ok := l.Op.(*graph.Neuron); ok && op.Model.Detach {
			o.FrozenReset[l.Name] = base.Outputs[l.Name]
		}
	}
	tensor, ok := p.Params[name]
	if !ok {
		return nil, fmt.Errorf("no tensor %q", name)
	}
	grad := make([]float64, len(elements))
	for i, e := range elements {
		old := tensor[e]
		var side [2]float64
		for k, d := range []float64{h, -h} {
			tensor[e] = old + d
			tr, err := run()
			if err != nil {
				tensor[e] = old
				return nil, err
			}
			side[k] = Loss(tr.Logits, p.Labels, p.Steps, p.Loss)
		}
		tensor[e] = old
		grad[i] = (side[0] - side[1]) / (2 * h)
	}
	return grad, nil
}
