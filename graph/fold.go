package graph

import (
	"fmt"
	"math"
	"slices"
)

// FoldScale returns what tdBN with running statistics does to one channel,
// x = scale·y + shift: scale = λαθ/√(var+ε), shift = β − scale·mean. It is the
// one definition of tdBN at inference; folding and engines use it. Where the
// scale is fixed, lambda is 1.
func (o *TDBN) FoldScale(lambda, beta, mean, variance float32) (scale, shift float32) {
	s := float64(lambda) * o.Alpha * o.Threshold / math.Sqrt(float64(variance)+o.Eps)
	return float32(s), float32(float64(beta) - s*float64(mean))
}

// Fold merges every tdBN that follows a convolution or linear layer alone into
// it: W' = W·scale, b' = b·scale + shift with FoldScale's numbers. It returns
// the network without those tdBN nodes and its tensors, of which unchanged ones
// share their data with the given. Other tdBN nodes stay. The result is for
// inference: Windows no longer sees the spread that tdBN fixed.
func Fold(net *Network, tensors []Tensor) (*Network, []Tensor, error) {
	byName, err := net.Index(tensors)
	if err != nil {
		return nil, nil, err
	}
	into := net.foldable()
	renamed := map[string]string{} // tdBN → what it is folded into
	for i, bn := range into {
		renamed[net.Layers[bn].Name] = net.Layers[i].Name
	}
	g := Graph{Name: net.Graph.Name}
	for i, l := range net.Layers {
		if _, gone := renamed[l.Name]; gone {
			continue
		}
		n := Node{l.Name, l.Op, slices.Clone(l.Inputs)}
		for k, in := range n.Inputs {
			if to, ok := renamed[in]; ok {
				n.Inputs[k] = to
			}
		}
		if bn, ok := into[i]; ok {
			n.Op = withBiasOp(l.Op)
			foldInto(byName, l, net.Layers[bn])
		}
		g.Nodes = append(g.Nodes, n)
	}
	out, err := Check(g)
	if err != nil {
		return nil, nil, fmt.Errorf("folding tdBN: %w", err)
	}
	ts := make([]Tensor, len(out.Params))
	for i, p := range out.Params {
		ts[i] = byName[p.Name]
	}
	return out, ts, nil
}

// foldable maps each convolution or linear layer whose output goes to a tdBN
// alone to that tdBN.
func (net *Network) foldable() map[int]int {
	consumers := make([]int, len(net.Layers))
	for _, l := range net.Layers {
		for _, j := range l.From {
			consumers[j]++
		}
	}
	into := map[int]int{}
	for i, l := range net.Layers {
		if _, ok := l.Op.(*TDBN); !ok || consumers[l.From[0]] != 1 {
			continue
		}
		switch net.Layers[l.From[0]].Op.(type) {
		case *Conv, *Linear:
			into[l.From[0]] = i
		}
	}
	return into
}

func withBiasOp(op Op) Op {
	switch o := op.(type) {
	case *Conv:
		c := *o
		c.Bias = true
		return &c
	case *Linear:
		c := *o
		c.Bias = true
		return &c
	}
	panic("graph: only conv and linear take a bias")
}

// foldInto replaces a layer's weight and bias by those with bn folded in.
func foldInto(ts map[string]Tensor, l, bn Layer) {
	op := bn.Op.(*TDBN)
	at := func(node, name string) []float32 { return ts[node+"."+name].Data }
	beta := at(bn.Name, "shift")
	mean, variance := at(bn.Name, "running_mean"), at(bn.Name, "running_var")
	w := ts[l.Name+".weight"]
	c := len(beta)
	lambda := at(bn.Name, "scale")
	if op.FixedScale {
		lambda = slices.Repeat([]float32{1}, c)
	}
	fw := Tensor{w.Name, w.Shape, make([]float32, len(w.Data))}
	fb := Tensor{l.Name + ".bias", []int{c}, make([]float32, c)}
	copy(fb.Data, at(l.Name, "bias"))
	for k := range c {
		scale, shift := op.FoldScale(lambda[k], beta[k], mean[k], variance[k])
		for j := k; j < len(w.Data); j += c { // the output channel is the last axis
			fw.Data[j] = w.Data[j] * scale
		}
		fb.Data[k] = fb.Data[k]*scale + shift
	}
	ts[fw.Name], ts[fb.Name] = fw, fb
}

// Index returns the tensors by name after checking that they are exactly those
// of the network, each with the right shape.
func (net *Network) Index(tensors []Tensor) (map[string]Tensor, error) {
	byName := map[string]Tensor{}
	for _, t := range tensors {
		if _, twice := byName[t.Name]; twice {
			return nil, fmt.Errorf("tensor %q is given twice", t.Name)
		}
		byName[t.Name] = t
	}
	for _, p := range net.Params {
		t, ok := byName[p.Name]
		switch {
		case !ok:
			return nil, fmt.Errorf("tensor %q of the network is missing", p.Name)
		case !slices.Equal(t.Shape, p.Shape):
			return nil, fmt.Errorf("tensor %q has shape %v, the network expects %v", p.Name, t.Shape, p.Shape)
		case len(t.Data) != p.Size():
			return nil, fmt.Errorf("tensor %q of shape %v has %d numbers, expected %d", p.Name, t.Shape, len(t.Data), p.Size())
		}
	}
	if len(tensors) == len(net.Params) {
		return byName, nil
	}
	for _, t := range tensors {
		if !slices.ContainsFunc(net.Params, func(p Param) bool { return p.Name == t.Name }) {
			return nil, fmt.Errorf("tensor %q does not belong to the network", t.Name)
		}
	}
	panic("graph: as many distinct tensors as expected, and more")
}
