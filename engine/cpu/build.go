package cpu

import (
	"fmt"
	"slices"

	"github.com/qif-snn/qif/graph"
)

// build lays out each node's value and operations in the graph's order.
func (p *plan) build(windows []graph.WindowRule) error {
	users := make([]int, len(p.net.Layers))
	for _, l := range p.net.Layers {
		for _, j := range l.From {
			users[j]++
		}
	}
	for i, l := range p.net.Layers {
		var x []*value
		wants := p.train && slices.ContainsFunc(l.Params, graph.Param.Trainable)
		for _, j := range l.From {
			x = append(x, p.values[j])
			wants = wants || p.values[j].wantsGrad()
		}
		y, err := p.compile(node{l, i, wants && p.train, p.isTerm(i, users), p.isNormed(i, users)}, x, windows)
		if err != nil {
			return fmt.Errorf("node %q: %w", l.Name, err)
		}
		y.sole = users[i] == 1
		p.values = append(p.values, y)
	}
	for _, n := range p.scan {
		p.fuse(n)
	}
	p.out = p.values[len(p.values)-1]
	if !p.out.static && p.out.form == asNumbers && p.out.pixels() == 1 {
		return nil
	}
	return fmt.Errorf("the logits are not a vector per step") // compile made them so
}

// node is a layer with what its compilation needs to know.
type node struct {
	graph.Layer
	index int
	grad  bool // its output's gradient is wanted
	term  bool // its only user adds it up on the fly
	// normed is set if its only user is a normalisation.
	normed bool
}

// user returns the first node that uses node i.
func (p *plan) user(i int) int {
	return slices.IndexFunc(p.net.Layers, func(l graph.Layer) bool { return slices.Contains(l.From, i) })
}

// isNormed reports whether node i is used by one normalisation and nothing else.
func (p *plan) isNormed(i int, users []int) bool {
	if users[i] != 1 {
		return false
	}
	_, norms := p.net.Layers[p.user(i)].Op.(*graph.TDBN)
	return norms
}

// isTerm reports whether node i, a normalisation or an addition, is nothing but
// a term of neurons' input.
func (p *plan) isTerm(i int, users []int) bool {
	for {
		switch p.net.Layers[i].Op.(type) {
		case *graph.TDBN, *graph.Add:
		default:
			return false
		}
		if users[i] != 1 {
			return false
		}
		next := p.user(i)
		if _, ends := p.net.Layers[next].Op.(*graph.Neuron); ends {
			return true
		}
		if _, adds := p.net.Layers[next].Op.(*graph.Add); !adds {
			return false
		}
		i = next
	}
}

// compile returns a node's value after appending its operations.
func (p *plan) compile(l node, x []*value, windows []graph.WindowRule) (*value, error) {
	switch o := l.Op.(type) {
	case *graph.Input:
		p.in = p.newValue(l.Out, o.Coding == graph.Direct, asNumbers, false)
		return p.in, nil
	case *graph.Flatten:
		return p.flatten(x[0]), nil
	case *graph.Readout:
		return p.numbers(l, p.changing(l, p.vector(l, x[0]))), nil
	case *graph.Conv:
		return p.newConv(l, p.vector(l, x[0]), l.In[0].H, l.In[0].W, o.Kernel, o.Kernel, o.Stride, o.Pad), nil
	case *graph.Linear:
		s := x[0].shape
		return p.newConv(l, x[0], s.H, s.W, s.H, s.W, 1, 0), nil
	case *graph.TDBN:
		return p.newNorm(l, o, p.vector(l, x[0])), nil
	case *graph.Add:
		return p.newSum(l, p.termsOf(l, x)), nil
	case *graph.Neuron:
		var w *graph.WindowRule
		if p.train {
			w = &windows[len(p.scan)]
		}
		return p.newNeuron(l, o, p.termsOf(l, x), w)
	case *graph.AvgPool:
		return p.newAvgPool(l, o, p.vector(l, x[0])), nil
	case *graph.MaxPool:
		return p.newMaxPool(l, o, p.numbers(l, p.vector(l, x[0]))), nil
	case *graph.Concat:
		return p.newConcat(l, x), nil
	case *graph.GlobalAvgPool:
		return p.newGlobalPool(l, p.vector(l, x[0])), nil
	case *graph.Vote:
		return p.newVote(l, o, p.numbers(l, p.vector(l, x[0]))), nil
	case *graph.Dropout:
		return p.newDropout(l, o, p.numbers(l, x[0])), nil
	}
	return nil, fmt.Errorf("the cpu engine has no operation %q", l.Op.Kind())
}

// numbers returns a value as numbers.
func (p *plan) numbers(l node, v *value) *value {
	if v.form == asNumbers {
		return v
	}
	y := p.newValue(v.shape, v.static, asNumbers, v.wantsGrad())
	y.flat, y.density = v.flat, v.density
	p.addUp(l.Name, y, v.asTerms())
	return y
}

// changing returns a value that has a frame for every step.
func (p *plan) changing(l node, v *value) *value {
	if !v.static {
		return v
	}
	y := p.newValue(v.shape, false, asNumbers, v.wantsGrad())
	p.addUp(l.Name, y, v.asTerms())
	return y
}

// flatten returns another view of a value.
func (p *plan) flatten(v *value) *value {
	if v.pixels() == 1 {
		return v
	}
	y := *v
	y.flat = true
	p.held = append(p.held, &y)
	return &y
}

// vector returns a value that stands for a vector as one pixel of many channels.
func (p *plan) vector(l node, v *value) *value {
	if !v.flat {
		return v
	}
	return p.gathered(l, p.numbers(l, v))
}

// termsOf returns what adds up to values, vectors among them in one pixel.
func (p *plan) termsOf(l node, x []*value) []*term {
	var terms []*term
	for _, v := range x {
		terms = append(terms, p.vector(l, v).asTerms()...)
	}
	return terms
}

// asTerms returns what adds up to the value.
func (v *value) asTerms() []*term {
	if v.form == asSum {
		return v.terms
	}
	return []*term{{input: input{value: v}}}
}
