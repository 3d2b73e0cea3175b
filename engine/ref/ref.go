// Package ref is what every engine is tested against: the forward pass of a
// network in float64, as loops over all indices in which nothing is shared,
// reordered or skipped, and finite differences of its loss. Where speed and
// plainness pull apart, plainness wins.
package ref

import (
	"fmt"
	"slices"

	"github.com/qif-snn/qif/graph"
	"github.com/qif-snn/qif/window"
)

// Options says how a pass deviates from inference, which is the zero value.
type Options struct {
	// Train makes tdBN normalise by the batch's statistics over (T, N, H, W)
	// instead of the running ones.
	Train bool
	// Smooth replaces the spike, everywhere and in the reset too, by the
	// integral of the surrogate window, s = ∫h from −∞ to u−θ. The network is
	// then differentiable and its gradient is the one that the windows define.
	Smooth bool
	// FrozenReset gives, for some neuron nodes, the spikes [T, N, H, W, C] that
	// their reset sees in place of their own. A detached reset takes spikes for
	// constants; finite differences must hold them still.
	FrozenReset map[string][]float64
	// DropoutMask returns the factor, 0 or 1/(1−P), of an element [H, W, C] of
	// a sample at a dropout node. Nil leaves all elements as they are.
	DropoutMask func(node string, sample, element int) float64
}

// Trace is all that a forward pass computes. Node outputs have T steps even
// where all are equal.
type Trace struct {
	Logits     []float64            // [T, N, K]
	Outputs    map[string][]float64 // by node, [T, N, H, W, C]
	Potentials map[string][]float64 // by neuron node: before firing, [T, N, H, W, C]
	BatchMean  map[string][]float64 // by tdBN node, in training: [C]
	BatchVar   map[string][]float64 // likewise, biased
	steps      int
}

// Float64 returns tensors by name in double precision, as Forward takes them.
func Float64(tensors []graph.Tensor) map[string][]float64 {
	params := map[string][]float64{}
	for _, t := range tensors {
		p := make([]float64, len(t.Data))
		for i, v := range t.Data {
			p[i] = float64(v)
		}
		params[t.Name] = p
	}
	return params
}

// Forward runs n samples over a number of steps from rest. The input x is
// [N, H, W, C] for direct coding, [T, N, H, W, C] for frames; params holds
// exactly the network's tensors; windows, of the network's neurons, are needed
// if the pass is smooth and ignored otherwise. Errors name what does not fit.
func Forward(net *graph.Network, params map[string][]float64, x []float64, n, steps int, windows []graph.LayerWindows, o Options) (*Trace, error) {
	p := &pass{
		net: net, params: params, x: x, n: n, steps: steps, o: o,
		windows: map[string]window.Windows{}, values: make([]value, len(net.Layers)),
		trace: &Trace{
			Outputs: map[string][]float64{}, Potentials: map[string][]float64{},
			BatchMean: map[string][]float64{}, BatchVar: map[string][]float64{}, steps: steps,
		},
	}
	for _, w := range windows {
		p.windows[w.Node] = w.Windows
	}
	if err := p.check(); err != nil {
		return nil, err
	}
	for i, l := range net.Layers {
		p.values[i] = newValue(n*steps, l.Out)
		if err := p.layer(l, p.values[i]); err != nil {
			return nil, fmt.Errorf("node %q: %w", l.Name, err)
		}
		p.trace.Outputs[l.Name] = p.values[i].data
	}
	p.trace.Logits = slices.Clone(p.values[len(p.values)-1].data)
	return p.trace, nil
}

// value is a node's output: frames × [H, W, C], where frame t·N + i is sample i
// at step t.
type value struct {
	graph.Shape
	frames int
	data   []float64
}

func newValue(frames int, s graph.Shape) value {
	return value{s, frames, make([]float64, frames*s.Size())}
}

// at returns one element.
func (v value) at(frame, h, w, c int) *float64 {
	return &v.data[((frame*v.H+h)*v.W+w)*v.C+c]
}

// each calls fn for every element.
func (v value) each(fn func(frame, h, w, c int)) {
	for f := range v.frames {
		for h := range v.H {
			for w := range v.W {
				for c := range v.C {
					fn(f, h, w, c)
				}
			}
		}
	}
}

// pass is a forward pass under way.
type pass struct {
	net      *graph.Network
	params   map[string][]float64
	x        []float64
	n, steps int
	windows  map[string]window.Windows
	o        Options
	values   []value
	trace    *Trace
}

func (p *pass) check() error {
	if p.n < 1 || p.steps < 1 {
		return fmt.Errorf("%d samples and %d steps, expected at least 1 of each", p.n, p.steps)
	}
	in := p.net.Input()
	want := p.n * in.Shape.Size()
	if in.Coding == graph.Frames {
		want *= p.steps
	}
	if len(p.x) != want {
		return fmt.Errorf("input has %d numbers, expected %d", len(p.x), want)
	}
	for _, q := range p.net.Params {
		if len(p.params[q.Name]) != q.Size() {
			return fmt.Errorf("tensor %q has %d numbers, expected %d", q.Name, len(p.params[q.Name]), q.Size())
		}
	}
	if len(p.params) != len(p.net.Params) {
		return fmt.Errorf("%d tensors given, the network has %d", len(p.params), len(p.net.Params))
	}
	for node := range p.o.FrozenReset {
		if !slices.ContainsFunc(p.net.Layers, func(l graph.Layer) bool { return l.Name == node && l.Op.Kind() == "neuron" }) {
			return fmt.Errorf("frozen spikes of %q, which is not a neuron node", node)
		}
	}
	return nil
}

// tensor returns a layer's tensor by its name within the node.
func (p *pass) tensor(l graph.Layer, name string) []float64 { return p.params[l.Name+"."+name] }

// layer computes one node's output.
func (p *pass) layer(l graph.Layer, y value) error {
	in := make([]value, len(l.From))
	for i, j := range l.From {
		in[i] = p.values[j]
	}
	switch op := l.Op.(type) {
	case *graph.Input:
		p.input(op, y)
	case *graph.Conv:
		conv(op, in[0], y, p.tensor(l, "weight"), p.tensor(l, "bias"))
	case *graph.Linear:
		linear(in[0], y, p.tensor(l, "weight"), p.tensor(l, "bias"))
	case *graph.TDBN:
		p.tdbn(l, op, in[0], y)
	case *graph.Neuron:
		return p.neuron(l, op, in[0], y)
	case *graph.AvgPool:
		avgPool(op, in[0], y)
	case *graph.MaxPool:
		maxPool(op, in[0], y)
	case *graph.Add:
		add(in, y)
	case *graph.Concat:
		concat(in, y)
	case *graph.Flatten:
		flatten(in[0], y)
	case *graph.GlobalAvgPool:
		globalAvgPool(in[0], y)
	case *graph.Vote:
		vote(op, in[0], y)
	case *graph.Dropout:
		p.dropout(l.Name, in[0], y)
	case *graph.Readout:
		copy(y.data, in[0].data)
	default:
		return fmt.Errorf("no reference for operation %q", l.Op.Kind())
	}
	return nil
}
