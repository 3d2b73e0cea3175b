package ref

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/qif-snn/qif/engine"
	"github.com/qif-snn/qif/graph"
)

// relativeStep is the step of finite differences. Their error is of the order
// of its square from curvature and of 2⁻⁵³ over it from rounding.
const relativeStep = 1e-5

// FiniteDifference returns the derivative of the smoothed network's loss with
// respect to elements of a tensor, by central differences. The name is that of
// a tensor of the network, or of its input node for elements of x. The pass is
// smooth whatever the options say. Detached resets see the spikes of the
// unperturbed pass, unless the options freeze others. Window widths are constants,
// though learned parameters may have given them; only the tensor of a learned
// width moves the widths of its layer.
func FiniteDifference(net *graph.Network, params map[string][]float64, x []float64, labels []int32, n, steps int,
	windows []graph.LayerWindows, loss engine.Loss, o Options, name string, elems []int) ([]float64, error) {
	o.Smooth = true
	if err := checkLoss(net, labels, n, loss); err != nil {
		return nil, err
	}
	if o.FrozenReset == nil {
		tr, err := Forward(net, params, x, n, steps, windows, o)
		if err != nil {
			return nil, err
		}
		o.FrozenReset = detachedSpikes(net, tr)
	}
	was := params[name]
	params = maps.Clone(params)
	var moved []float64
	switch {
	case name == inputName(net):
		x = slices.Clone(x)
		moved = x
	case params[name] != nil:
		params[name] = slices.Clone(params[name])
		moved = params[name]
	default:
		return nil, fmt.Errorf("%q is neither a tensor nor the input of graph %q", name, net.Graph.Name)
	}
	lossNow := func() (float64, error) {
		tr, err := Forward(net, params, x, n, steps, widened(windows, name, was, moved), o)
		if err != nil {
			return 0, err
		}
		return NetworkLoss(net, tr.Logits, labels, steps, n, loss), nil
	}
	grad := make([]float64, len(elems))
	for k, i := range elems {
		if i < 0 || i >= len(moved) {
			return nil, fmt.Errorf("element %d of %q, which has %d", i, name, len(moved))
		}
		var err error
		if grad[k], err = central(&moved[i], lossNow); err != nil {
			return nil, err
		}
	}
	return grad, nil
}

// widened returns the windows as a tensor moves, if it is a learned width.
func widened(windows []graph.LayerWindows, tensor string, was, is []float64) []graph.LayerWindows {
	i := slices.IndexFunc(windows, func(w graph.LayerWindows) bool { return tensor == w.Node+"."+graph.LogWidth })
	if i < 0 {
		return windows
	}
	windows = slices.Clone(windows)
	windows[i] = windows[i].Scaled(math.Exp(is[0] - was[0]))
	return windows
}

// central returns the central difference of f, moving v and putting it back.
func central(v *float64, f func() (float64, error)) (float64, error) {
	was := *v
	defer func() { *v = was }()
	h := relativeStep * max(1, math.Abs(was))
	lo, hi := was-h, was+h
	*v = lo
	below, err := f()
	if err != nil {
		return 0, err
	}
	*v = hi
	above, err := f()
	return (above - below) / (hi - lo), err
}

func checkLoss(net *graph.Network, labels []int32, n int, loss engine.Loss) error {
	if err := loss.Validate(); err != nil {
		return err
	}
	if len(labels) != n {
		return fmt.Errorf("%d labels for %d samples", len(labels), n)
	}
	for i, y := range labels {
		if y < 0 || int(y) >= net.Classes() {
			return fmt.Errorf("label %d of sample %d, expected 0 to %d", y, i, net.Classes()-1)
		}
	}
	return nil
}

// detachedSpikes returns the outputs of the neurons whose reset is detached.
func detachedSpikes(net *graph.Network, tr *Trace) map[string][]float64 {
	spikes := map[string][]float64{}
	for _, l := range net.Neurons() {
		if l.Neuron.Model.Detach {
			spikes[l.Name] = tr.Outputs[l.Name]
		}
	}
	return spikes
}

func inputName(net *graph.Network) string {
	for _, l := range net.Layers {
		if _, ok := l.Op.(*graph.Input); ok {
			return l.Name
		}
	}
	panic("ref: a checked network has an input")
}
