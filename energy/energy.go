// Package energy counts the operations and memory accesses that a spiking network
// takes for one image, layer by layer and step by step, and estimates their
// energy under named presets.
//
// A layer with weights whose input is analog multiplies and accumulates at every
// synapse, and once per image if the input is the same at every step. Where
// the input descends from spikes, work is done only for what is not zero: with
// binary inputs an addition of the weight, with small integers or averages of
// spikes (graded inputs) a product as well. Neurons are updated at every step.
//
// tdBN counts as folded into the weights. Not counted, since they are a few
// operations per output and step where layers take hundreds: biases, comparisons
// with the threshold, resets, pooling, residual additions, and the sending of
// spikes.
package energy

import (
	"fmt"
	"slices"

	"github.com/qif-snn/qif/graph"
	"github.com/qif-snn/qif/neuron"
)

// Kind is what a value consists of.
type Kind string

// Kinds of values.
const (
	Analog Kind = "analog" // any numbers
	Spikes Kind = "spikes" // 0 and 1
	Graded Kind = "graded" // sums or averages of spikes
)

// Counts is how many operations and accesses to words of memory a layer, or a
// network, takes for one image.
type Counts struct {
	MAC    float64 `json:"mac"`    // multiply-accumulates of analog inputs
	AC     float64 `json:"ac"`     // additions of weights where a spike arrived
	Graded float64 `json:"graded"` // multiply-accumulates of graded inputs that are not zero
	Mul    float64 `json:"neuron_mul"`
	Add    float64 `json:"neuron_add"`
	// Weights are the weights read: one per operation of a synapse.
	Weights float64 `json:"weight_words"`
	// Sums are the partial sums read and written by operations that events
	// trigger. Dense products keep theirs in a register.
	Sums float64 `json:"sum_words"`
	// State are the potentials read and written by neurons.
	State float64 `json:"state_words"`
}

// SynapticOps is the number of operations that spikes cause.
func (c Counts) SynapticOps() float64 { return c.AC + c.Graded }

func (c *Counts) add(d Counts) {
	c.MAC += d.MAC
	c.AC += d.AC
	c.Graded += d.Graded
	c.Mul += d.Mul
	c.Add += d.Add
	c.Weights += d.Weights
	c.Sums += d.Sums
	c.State += d.State
}

// Layer is what one node takes: a layer with weights or one of neurons.
type Layer struct {
	Node  string `json:"node"`
	Op    string `json:"op"`
	Input Kind   `json:"input,omitempty"` // of a layer with weights
	// Once marks a layer evaluated once per image; what it takes counts as the
	// first step's.
	Once bool `json:"once_per_image,omitempty"`
	// Share is, of a layer with weights behind spikes, the share of its inputs
	// that are not zero, [T].
	Share []float64 `json:"input_share,omitempty"`
	Steps []Counts  `json:"steps"` // [T]
	Total Counts    `json:"total"`

	macs                    int64 // of a step, as if dense
	weightBytes, stateBytes int64 // of memories of their own
}

// Report is what a network takes for one image.
type Report struct {
	Net    string  `json:"net"`
	Params int64   `json:"params"`
	MACs   int64   `json:"macs"` // per step, as if dense
	Layers []Layer `json:"layers"`
	Total  Counts  `json:"total"`
}

// word is the bytes of a weight or a potential.
const word = 4

// Count returns what a network takes for one image over a number of steps. Of
// every layer with weights behind spikes, shares has the share of inputs that are
// not zero, [T].
func Count(net *graph.Network, steps int, shares map[string][]float64) (*Report, error) {
	r := &Report{Net: net.Graph.Name, Params: net.ParamCount(), MACs: net.MACs()}
	kinds := Kinds(net)
	for _, l := range net.Layers {
		var c Layer
		switch op := l.Op.(type) {
		case *graph.Conv, *graph.Linear:
			c = Layer{Input: kinds[l.From[0]], Once: l.Static, Share: shares[l.Name]}
			if err := c.synapses(l, steps); err != nil {
				return nil, fmt.Errorf("layer %q: %w", l.Name, err)
			}
		case *graph.Neuron:
			mul, add := UpdateCost(op.Model)
			c.updates(float64(l.Out.Size()), mul, add, steps)
			c.stateBytes = word * int64(l.Out.Size())
		default:
			continue
		}
		c.Node, c.Op = l.Name, l.Op.Kind()
		for _, s := range c.Steps {
			c.Total.add(s)
		}
		r.Layers = append(r.Layers, c)
		r.Total.add(c.Total)
	}
	return r, nil
}

// synapses counts what a layer with weights takes.
func (c *Layer) synapses(l graph.Layer, steps int) error {
	c.Steps = make([]Counts, steps)
	c.weightBytes = word * int64(l.Params[0].Size())
	c.stateBytes = word * int64(l.Out.Size())
	c.macs = l.MACs
	macs := float64(l.MACs)
	if c.Input == Analog {
		c.Share = nil
		for t := range c.Steps {
			if t == 0 || !c.Once {
				c.Steps[t] = Counts{MAC: macs, Weights: macs}
			}
		}
		return nil
	}
	if len(c.Share) != steps {
		return fmt.Errorf("the share of inputs that are not zero is given for %d steps, expected %d", len(c.Share), steps)
	}
	for t, share := range c.Share {
		if !(share >= 0 && share <= 1) {
			return fmt.Errorf("a share %v of inputs that are not zero at step t=%d, expected within [0, 1]", share, t+1)
		}
		n := share * macs
		c.Steps[t] = Counts{Weights: n, Sums: 2 * n}
		if c.Input == Spikes {
			c.Steps[t].AC = n
		} else {
			c.Steps[t].Graded = n
		}
	}
	return nil
}

// updates counts what n neurons take.
func (c *Layer) updates(n, mul, add float64, steps int) {
	c.Steps = slices.Repeat([]Counts{{Mul: n * mul, Add: n * add, State: 2 * n}}, steps)
}

// UpdateCost returns the multiplications and additions of u = f(v) + x, for one
// neuron and step. A constant of f costs nothing: it can be part of the bias
// before. Learned coefficients count even where they start at 0 or 1.
func UpdateCost(m neuron.Model) (mul, add float64) {
	d, err := m.Dynamics()
	if err != nil {
		panic("energy: " + err.Error()) // checked networks have valid neurons
	}
	learned := len(m.Learn) > 0
	switch {
	case d.C2 != 0 || learned && m.Form == "poly":
		// (c2·v + c1)·v + x
		if d.C1 == 0 && !learned {
			return 2, 1
		}
		return 2, 2
	case d.C1 == 0 && !learned:
		return 0, 0
	case d.C1 == 1 && !learned:
		return 0, 1
	}
	return 1, 1
}

// Kinds returns what each node's output consists of.
func Kinds(net *graph.Network) []Kind {
	kinds := make([]Kind, len(net.Layers))
	for i, l := range net.Layers {
		kinds[i] = Analog
		switch l.Op.(type) {
		case *graph.Neuron:
			kinds[i] = Spikes
		case *graph.Flatten, *graph.Dropout, *graph.MaxPool, *graph.Concat, *graph.Readout:
			kinds[i] = joint(kinds, l.From)
		case *graph.AvgPool, *graph.GlobalAvgPool, *graph.Add, *graph.Vote:
			if joint(kinds, l.From) != Analog {
				kinds[i] = Graded
			}
		}
	}
	return kinds
}

// joint is the kind of values of several nodes together.
func joint(kinds []Kind, from []int) Kind {
	k := Spikes
	for _, j := range from {
		switch {
		case kinds[j] == Analog:
			return Analog
		case kinds[j] == Graded:
			k = Graded
		}
	}
	return k
}
