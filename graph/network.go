package graph

import (
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"regexp"
	"slices"

	"github.com/qif-snn/qif/window"
)

// Network is a graph that passed its checks, with everything that follows from
// it: shapes, tensors, which nodes are constant over time. Engines compile
// Networks; nobody changes one.
type Network struct {
	Graph  Graph
	Layers []Layer // one per node, same order
	Params []Param // of all nodes, in node order, named "node.tensor"
}

// Layer is a node with what was inferred about it.
type Layer struct {
	Node
	From   []int   // indices of the nodes that feed it
	In     []Shape // their shapes
	Out    Shape
	Params []Param // named "node.tensor"
	MACs   int64   // per sample and step
	// Static marks a node whose output is the same at every time step: what
	// lies between a directly coded input and the first neuron. Engines
	// evaluate it once instead of T times.
	Static bool
}

// maxTensor bounds the elements of one tensor for one sample, so that sizes in
// bytes cannot overflow even over batch and time.
const maxTensor = 1 << 31

var nodeName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]*$`)

// Check validates a graph and infers shapes and tensors. Errors name the node.
func Check(g Graph) (*Network, error) {
	net := &Network{Graph: g}
	index := map[string]int{}
	for i, n := range g.Nodes {
		l, err := net.layer(n, index)
		if err != nil {
			return nil, fmt.Errorf("graph %q: node %d %q: %w", g.Name, i, n.Name, err)
		}
		net.Layers = append(net.Layers, l)
		net.Params = append(net.Params, l.Params...)
		index[n.Name] = i
	}
	if err := net.checkEnds(); err != nil {
		return nil, fmt.Errorf("graph %q: %w", g.Name, err)
	}
	return net, nil
}

func (net *Network) layer(n Node, index map[string]int) (Layer, error) {
	l := Layer{Node: n, Static: true}
	if !nodeName.MatchString(n.Name) {
		return l, fmt.Errorf("a name is made of letters, digits, '_' and '-' and starts with a letter or digit")
	}
	if _, taken := index[n.Name]; taken {
		return l, fmt.Errorf("the name is taken by an earlier node")
	}
	if n.Op == nil {
		return l, fmt.Errorf("has no operation")
	}
	for _, in := range n.Inputs {
		j, ok := index[in]
		if !ok {
			return l, fmt.Errorf("%s: input %q is not a node before it", n.Op.Kind(), in)
		}
		if net.Layers[j].Op.Kind() == "readout" {
			return l, fmt.Errorf("%s: input %q is a readout, which ends the network", n.Op.Kind(), in)
		}
		l.From = append(l.From, j)
		l.In = append(l.In, net.Layers[j].Out)
		l.Static = l.Static && net.Layers[j].Static
	}
	switch op := n.Op.(type) {
	case *Input:
		l.Static = op.Coding == Direct
	case *Neuron:
		l.Static = false
	}
	var err error
	if l.Out, err = n.Op.Infer(l.In); err != nil {
		return l, fmt.Errorf("%s: %w", n.Op.Kind(), err)
	}
	if l.Out.Size() > maxTensor {
		return l, fmt.Errorf("%s: output %v has more than %d elements", n.Op.Kind(), l.Out, maxTensor)
	}
	l.MACs = n.Op.MACs(l.In, l.Out)
	for _, p := range n.Op.Params(l.In) {
		if p.Size() > maxTensor {
			return l, fmt.Errorf("%s: tensor %s %v has more than %d elements", n.Op.Kind(), p.Name, p.Shape, maxTensor)
		}
		p.Name = n.Name + "." + p.Name
		l.Params = append(l.Params, p)
	}
	return l, nil
}

func (net *Network) checkEnds() error {
	used := make([]bool, len(net.Layers))
	inputs, readouts := 0, 0
	for _, l := range net.Layers {
		for _, j := range l.From {
			used[j] = true
		}
		switch l.Op.(type) {
		case *Input:
			inputs++
		case *Readout:
			readouts++
		}
	}
	if inputs != 1 || readouts != 1 {
		return fmt.Errorf("has %d input and %d readout nodes, expected one of each", inputs, readouts)
	}
	for i, l := range net.Layers[:len(net.Layers)-1] {
		if !used[i] {
			return fmt.Errorf("node %d %q: nothing uses its output", i, l.Name)
		}
	}
	return nil
}

// Input returns the network's input operation.
func (net *Network) Input() *Input {
	for _, l := range net.Layers {
		if in, ok := l.Op.(*Input); ok {
			return in
		}
	}
	panic("graph: a checked network has an input")
}

// Classes returns the number of logits.
func (net *Network) Classes() int { return net.Layers[len(net.Layers)-1].Out.C }

// ParamCount returns the number of trainable numbers.
func (net *Network) ParamCount() int64 {
	var n int64
	for _, p := range net.Params {
		if p.Trainable() {
			n += int64(p.Size())
		}
	}
	return n
}

// MACs returns the multiply-accumulates of one sample at one step, every layer
// counted as if it were dense.
func (net *Network) MACs() int64 {
	var n int64
	for _, l := range net.Layers {
		n += l.MACs
	}
	return n
}

// Init returns fresh tensors for all of the network's parameters, in order.
// Weights and biases are uniform within ±1/√FanIn, as PyTorch initialises them,
// so that results compare. Every tensor has a random stream of its own, derived
// from the seed and its name, so that equal seeds give equal tensors in any
// network that has a tensor of that name and shape.
func (net *Network) Init(seed uint64) []Tensor {
	ts := make([]Tensor, len(net.Params))
	for i, p := range net.Params {
		t := Tensor{Name: p.Name, Shape: slices.Clone(p.Shape), Data: make([]float32, p.Size())}
		if p.Role == Weight || p.Role == Bias {
			h := fnv.New64a()
			h.Write([]byte(p.Name))
			rng := rand.New(rand.NewPCG(seed, h.Sum64()))
			bound := 1 / math.Sqrt(float64(p.FanIn))
			for j := range t.Data {
				t.Data[j] = float32((2*rng.Float64() - 1) * bound)
			}
		} else {
			for j := range t.Data {
				t.Data[j] = float32(p.Init)
			}
		}
		ts[i] = t
	}
	return ts
}

// LayerWindows are the surrogate windows of one neuron layer.
type LayerWindows struct {
	Node    string
	Input   window.Input // what the prediction assumed of x
	Assumed bool         // no tdBN fixes the input's spread: it was taken to be θ
	window.Windows
}

// Windows computes the windows of every neuron layer for the given number of
// steps, in layer order, from the neurons' initial parameters. Errors name the
// node.
func (net *Network) Windows(steps int) ([]LayerWindows, error) {
	var all []LayerWindows
	for i, l := range net.Layers {
		op, ok := l.Op.(*Neuron)
		if !ok {
			continue
		}
		d, err := op.Model.Dynamics()
		if err != nil {
			return nil, fmt.Errorf("node %q: %w", l.Name, err)
		}
		in := window.Input{Std: net.inputStd(i)}
		assumed := math.IsNaN(in.Std)
		if assumed {
			in.Std = op.Model.Threshold
		}
		w, err := op.Window.Compute(d, in, steps)
		if err != nil {
			return nil, fmt.Errorf("node %q: %w", l.Name, err)
		}
		all = append(all, LayerWindows{l.Name, in, assumed, w})
	}
	return all, nil
}

// inputStd returns the deviation of a node's input at initialisation as tdBN
// fixes it, N(0, (αθ)²), and independent branches add it; NaN where no tdBN
// does.
func (net *Network) inputStd(i int) float64 { return net.outputStd(net.Layers[i].From[0]) }

func (net *Network) outputStd(i int) float64 {
	l := net.Layers[i]
	switch op := l.Op.(type) {
	case *TDBN:
		return op.Alpha * op.Threshold
	case *Add:
		sum := 0.0
		for _, j := range l.From {
			s := net.outputStd(j)
			sum += s * s
		}
		return math.Sqrt(sum)
	case *Concat:
		s := net.outputStd(l.From[0])
		for _, j := range l.From[1:] {
			if net.outputStd(j) != s {
				return math.NaN()
			}
		}
		return s
	case *Flatten:
		return net.outputStd(l.From[0])
	}
	return math.NaN()
}
