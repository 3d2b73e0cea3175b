package graph

import (
	"fmt"
	"maps"
	"math"

	"github.com/qif-snn/qif/window"
)

// Tensors of a layer of neurons from which its windows follow, by their names
// within the node.
const (
	// LogWidth of the policy "learned" is the logarithm of the width over the one
	// at the start.
	LogWidth = "log_width"
	// WindowSpread of the policy "measured" is the running ratio of the variance
	// of the potential before firing to the predicted one.
	WindowSpread = "running_spread"
)

const (
	// spreadMomentum is the weight of the newest batch in WindowSpread: tdBN's.
	spreadMomentum = .1
	// widthRange is the factor by which a width may differ from the one at the
	// start. A window of no width would divide by zero, and the deviation that
	// the closed form gives a potential that runs away has no end.
	widthRange = 16
)

// LayerWindows are the surrogate windows of one neuron layer.
type LayerWindows struct {
	Node    string
	Input   window.Input // what the prediction assumed of x
	Assumed bool         // no tdBN fixes the input's spread: it was taken to be |θ|
	// RunsAway says that the closed form fails at the layer's learned parameters.
	// The windows are those of parameters between these and the initial ones.
	RunsAway bool
	window.Windows
}

// Scaled returns the windows with other widths, times a factor.
func (w LayerWindows) Scaled(factor float64) LayerWindows {
	widths := make([]float64, len(w.Widths))
	for t, v := range w.Widths {
		widths[t] = v * factor
	}
	w.Widths = widths
	return w
}

// Windows computes the windows of every neuron layer for the given number of
// steps, in layer order, from the neurons' initial parameters: those with which
// training starts. Errors name the node.
func (net *Network) Windows(steps int) ([]LayerWindows, error) {
	rules, err := net.WindowRules(steps)
	if err != nil {
		return nil, err
	}
	all := make([]LayerWindows, len(rules))
	for i, r := range rules {
		all[i] = r.Start
	}
	return all, nil
}

// WindowsOf computes the windows that training uses at the given tensors of the
// network, such as a checkpoint's.
func (net *Network) WindowsOf(tensors []Tensor, steps int) ([]LayerWindows, error) {
	rules, err := net.WindowRules(steps)
	if err != nil {
		return nil, err
	}
	byName, err := net.Index(tensors)
	if err != nil {
		return nil, err
	}
	all := make([]LayerWindows, len(rules))
	for i, r := range rules {
		all[i] = r.At(func(tensor string) float64 {
			sum, data := 0., byName[r.Start.Node+"."+tensor].Data
			for _, v := range data {
				sum += float64(v)
			}
			return sum / float64(len(data))
		})
	}
	return all, nil
}

// WindowRule says how the windows of a neuron layer follow from its tensors. They
// depend on nothing else, so that a run that is resumed, and whoever reads its
// checkpoint, finds the windows that it used.
type WindowRule struct {
	Start  LayerWindows // at initialisation
	neuron *Neuron
}

// WindowRules returns the rules of all neuron layers, in layer order. It fails
// where Windows does.
func (net *Network) WindowRules(steps int) ([]WindowRule, error) {
	var all []WindowRule
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
		all = append(all, WindowRule{LayerWindows{Node: l.Name, Input: in, Assumed: assumed, Windows: w}, l.Neuron})
	}
	return all, nil
}

// Moves reports whether the windows change during training.
func (r *WindowRule) Moves() bool { return len(r.neuron.windowTensors()) > 0 || r.follows() }

// follows reports whether the closed form follows learned parameters.
func (r *WindowRule) follows() bool {
	switch r.neuron.Window.Policy.Kind {
	case window.Sigma, window.Bandwidth:
		return len(r.neuron.Model.Learn) > 0
	}
	return false
}

// At returns the layer's windows where value gives its tensors, by their names
// within the node: of a tensor with a number per channel the mean. The closed form
// at the mean parameters is right to first order in their differences, and one
// width serves all channels.
//
// Learned widths share one factor over all steps, and so do measured ones: the
// closed form at the initial parameters gives their course over the steps.
func (r *WindowRule) At(value func(tensor string) float64) LayerWindows {
	switch r.neuron.Window.Policy.Kind {
	case window.Learned:
		return r.Start.Scaled(inRange(math.Exp(value(LogWidth))))
	case window.Measured:
		return r.Start.Scaled(inRange(math.Sqrt(max(0, value(WindowSpread)))))
	}
	if !r.follows() {
		return r.Start
	}
	return r.follow(value)
}

// follow computes the closed form at learned parameters. Where it fails, or leaves
// the range of widths, because the potential runs away, it is taken half of the
// way back to the initial parameters, and half of that again. What had worked at
// an earlier step would be nearer, but depends on more than the parameters.
func (r *WindowRule) follow(value func(tensor string) float64) LayerWindows {
	w, m := r.Start, r.neuron.Model
	m.Params = maps.Clone(m.Params)
	for way := 1.; way > 1./32; way /= 2 {
		for _, name := range m.Learn {
			start := r.neuron.Model.Params[name]
			m.Params[name] = start + way*(value(name)-start)
		}
		d, err := m.Dynamics()
		if err == nil {
			w.Windows, err = r.neuron.Window.Compute(d, w.Input, len(w.Widths))
		}
		if err == nil && !r.leavesRange(w.Widths) {
			return w
		}
		w = r.Start
		w.RunsAway = true
	}
	return w
}

func (r *WindowRule) leavesRange(widths []float64) bool {
	for t, w := range widths {
		if factor := w / r.Start.Widths[t]; factor != inRange(factor) {
			return true
		}
	}
	return false
}

// inRange returns the factor nearest to the given that a width may have changed by.
func inRange(factor float64) float64 { return min(widthRange, max(1./widthRange, factor)) }

// Spread returns WindowSpread after a batch with the given moments of the
// potential before firing, per step.
func (r *WindowRule) Spread(running float64, measured []window.Moments) float64 {
	next := (1-spreadMomentum)*running + spreadMomentum*r.SettledSpread(measured)
	const most = widthRange * widthRange
	return min(most, max(1./most, next))
}

// SettledSpread is the WindowSpread to which batches that all have the given moments
// lead: the ratio of their variance, over all steps, to the predicted one.
func (r *WindowRule) SettledSpread(measured []window.Moments) float64 {
	ratio := window.Pool(measured).Std / window.Pool(r.Start.Moments).Std
	return ratio * ratio
}

// windowTensors are those that the window's policy gives the layer.
func (o *Neuron) windowTensors() []Param {
	switch o.Window.Policy.Kind {
	case window.Learned:
		limit := math.Log(widthRange)
		return []Param{{Name: LogWidth, Shape: []int{1}, Role: WindowWidth, Min: -limit, Max: limit}}
	case window.Measured:
		return []Param{{Name: WindowSpread, Shape: []int{1}, Role: RunningSpread, Init: 1}}
	}
	return nil
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
