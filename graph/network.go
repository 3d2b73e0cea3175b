package graph

import (
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"regexp"
	"slices"
	"unicode/utf8"
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

// maxTensor bounds the elements of one tensor for one sample, and maxMACs the
// work of a whole network, so that no count overflows, even in bytes over batch
// and time.
const (
	maxTensor = math.MaxInt32
	maxMACs   = 1 << 60
)

// fits reports whether a tensor of these dimensions has at most maxTensor
// elements.
func fits(dims ...int) bool {
	n := int64(1)
	for _, d := range dims {
		if n *= int64(d); d > maxTensor || n > maxTensor {
			return false
		}
	}
	return true
}

var nodeName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]*$`)

// Check validates a graph and infers shapes and tensors. Errors name the node.
// The network's Graph is in normal form: what is empty is nil, so that its JSON
// form reads back as deeply equal.
func Check(g Graph) (*Network, error) {
	if !utf8.ValidString(g.Name) {
		return nil, fmt.Errorf("graph %q: its name is not valid UTF-8", g.Name)
	}
	net := &Network{Graph: Graph{Name: g.Name}}
	index := map[string]int{}
	var work int64
	for i, n := range g.Nodes {
		n = n.normal()
		l, err := net.layer(n, index)
		if err == nil && l.MACs > maxMACs-work {
			err = fmt.Errorf("%s: the network so far takes more than 2^60 multiply-accumulates", n.Op.Kind())
		}
		if err != nil {
			return nil, fmt.Errorf("graph %q: node %d %q: %w", g.Name, i, n.Name, err)
		}
		work += l.MACs
		net.Graph.Nodes = append(net.Graph.Nodes, n)
		net.Layers = append(net.Layers, l)
		net.Params = append(net.Params, l.Params...)
		index[n.Name] = i
	}
	if err := net.checkEnds(); err != nil {
		return nil, fmt.Errorf("graph %q: %w", g.Name, err)
	}
	return net, nil
}

// normal returns the node with nil for what is empty, which is how JSON leaves
// it. It shares everything else but its list of inputs.
func (n Node) normal() Node {
	n.Inputs = append([]string(nil), n.Inputs...)
	op, ok := n.Op.(*Neuron)
	if !ok {
		return n
	}
	o := *op
	if len(o.Model.Params) == 0 {
		o.Model.Params = nil
	}
	if len(o.Model.Learn) == 0 {
		o.Model.Learn = nil
	}
	n.Op = &o
	return n
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
		if _, ok := net.Layers[j].Op.(*Readout); ok {
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
	if err := l.infer(); err != nil {
		return l, fmt.Errorf("%s: %w", n.Op.Kind(), err)
	}
	return l, nil
}

// infer fills in what follows from the input shapes.
func (l *Layer) infer() (err error) {
	if l.Out, err = l.Op.Infer(l.In); err != nil {
		return err
	}
	if !fits(l.Out.H, l.Out.W, l.Out.C) {
		return fmt.Errorf("output %v has more than %d elements", l.Out, maxTensor)
	}
	for _, p := range l.Op.Params(l.In) {
		if !fits(p.Shape...) {
			return fmt.Errorf("tensor %s %v has more than %d elements", p.Name, p.Shape, maxTensor)
		}
		p.Name = l.Name + "." + p.Name
		l.Params = append(l.Params, p)
	}
	l.MACs = l.Op.MACs(l.In, l.Out) // a product of two such sizes at most
	return nil
}

// checkEnds requires one input, one readout at the end, and no loose ends in
// between.
func (net *Network) checkEnds() error {
	used := make([]bool, len(net.Layers))
	input, readout := -1, -1
	for i, l := range net.Layers {
		for _, j := range l.From {
			used[j] = true
		}
		switch l.Op.(type) {
		case *Input:
			if input >= 0 {
				return fmt.Errorf("node %d %q: a second input, after %q", i, l.Name, net.Layers[input].Name)
			}
			input = i
		case *Readout:
			if readout >= 0 {
				return fmt.Errorf("node %d %q: a second readout, after %q", i, l.Name, net.Layers[readout].Name)
			}
			readout = i
		}
	}
	switch {
	case input < 0:
		return errors.New("has no input node")
	case readout < 0:
		return errors.New("has no readout node")
	case readout != len(net.Layers)-1:
		return fmt.Errorf("node %d %q: follows the readout, which must be the last node", readout+1, net.Layers[readout+1].Name)
	}
	for i, l := range net.Layers[:readout] {
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

// Readout returns the network's readout operation.
func (net *Network) Readout() *Readout {
	return net.Layers[len(net.Layers)-1].Op.(*Readout) // Check requires it there
}

// Classes returns the number of logits.
func (net *Network) Classes() int { return net.Layers[len(net.Layers)-1].Out.C }

// NeuronLayer is a layer of spiking neurons with its operation at hand.
type NeuronLayer struct {
	Layer
	Neuron *Neuron
}

// Neurons returns the layers of neurons in the network's order: the order of
// windows, activities and firing rates.
func (net *Network) Neurons() []NeuronLayer {
	var ns []NeuronLayer
	for _, l := range net.Layers {
		if op, ok := l.Op.(*Neuron); ok {
			ns = append(ns, NeuronLayer{l, op})
		}
	}
	return ns
}

// ParamCount returns the number of trainable numbers.
func (net *Network) ParamCount() int64 {
	var n int64
	for _, l := range net.Layers {
		n += l.ParamCount()
	}
	return n
}

// ParamCount returns the number of the layer's trainable numbers.
func (l Layer) ParamCount() int64 {
	var n int64
	for _, p := range l.Params {
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
