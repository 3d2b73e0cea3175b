package energy

import (
	"fmt"

	"github.com/qif-snn/qif/engine"
	"github.com/qif-snn/qif/graph"
	"github.com/qif-snn/qif/neuron"
	"github.com/qif-snn/qif/window"
)

// Uniform returns shares for Count of a network in which a given share of the
// inputs of every layer behind spikes is not zero: the one rate that papers
// publish.
func Uniform(net *graph.Network, steps int, rate float64) map[string][]float64 {
	shares := map[string][]float64{}
	for _, l := range behindSpikes(net) {
		for range steps {
			shares[l.Name] = append(shares[l.Name], rate)
		}
	}
	return shares
}

// behindSpikes returns the layers with weights whose inputs descend from spikes.
func behindSpikes(net *graph.Network) []graph.Layer {
	var ls []graph.Layer
	kinds := Kinds(net)
	for _, l := range net.Layers {
		switch l.Op.(type) {
		case *graph.Conv, *graph.Linear:
			if kinds[l.From[0]] != Analog {
				ls = append(ls, l)
			}
		}
	}
	return ls
}

// Probed is a network that also reports how many inputs of its layers are not
// zero. Where a layer's input is not just what neurons fired but pooled, added
// or joined, a probe looks at it: neurons without memory whose threshold is so low
// that they fire wherever the input is not zero. Their spikes reach the logits
// with weights of zero, so that these are the same.
type Probed struct {
	Net    *graph.Network
	source map[string]string // layer with weights → neurons that tell its share
}

// leastInput is below every average of spikes that is not zero.
const leastInput = 1e-6

// Probe adds probes to a network.
func Probe(net *graph.Network) (*Probed, error) {
	p := &Probed{source: map[string]string{}}
	g := graph.Graph{Name: net.Graph.Name}
	last := len(net.Layers) - 1
	g.Nodes = append(g.Nodes, net.Graph.Nodes[:last]...)
	logits := net.Graph.Nodes[last].Inputs
	added := map[string]bool{}
	for _, l := range behindSpikes(net) {
		from := origin(net, l.From[0])
		if _, fires := net.Layers[from].Op.(*graph.Neuron); fires {
			p.source[l.Name] = net.Layers[from].Name
			continue
		}
		name := probeName(net.Layers[from].Name)
		p.source[l.Name] = name
		if added[name] {
			continue // another layer has the same input
		}
		added[name] = true
		g.Nodes = append(g.Nodes,
			graph.Node{Name: name, Op: probe(), Inputs: []string{net.Layers[from].Name}},
			graph.Node{Name: name + "-mean", Op: &graph.GlobalAvgPool{}, Inputs: []string{name}},
			graph.Node{Name: name + "-silent", Op: &graph.Linear{Out: net.Classes()}, Inputs: []string{name + "-mean"}},
		)
		logits = append(logits[:len(logits):len(logits)], name+"-silent")
	}
	end := net.Graph.Nodes[last]
	if len(logits) > 1 {
		g.Nodes = append(g.Nodes, graph.Node{Name: probeName("logits"), Op: &graph.Add{}, Inputs: logits})
		end.Inputs = []string{probeName("logits")}
	}
	g.Nodes = append(g.Nodes, end)
	var err error
	if p.Net, err = graph.Check(g); err != nil {
		return nil, fmt.Errorf("adding probes: %w", err)
	}
	return p, nil
}

func probeName(node string) string { return "probe-" + node }

// origin follows a value back through nodes that change nothing about it in
// inference but its shape.
func origin(net *graph.Network, i int) int {
	switch net.Layers[i].Op.(type) {
	case *graph.Flatten, *graph.Dropout:
		return origin(net, net.Layers[i].From[0])
	}
	return i
}

// probe returns neurons with u = x.
func probe() *graph.Neuron {
	return &graph.Neuron{
		Model: neuron.Model{
			Form: "lif", Params: map[string]float64{"leak": 0}, Threshold: leastInput, Reset: neuron.HardReset, Detach: true,
		},
		Window: window.Spec{Policy: window.Policy{Kind: window.Fixed, Value: 1}, Shape: window.Triangular},
	}
}

// Tensors returns the probed network's parameters for those of the network that
// the probes were added to.
func (p *Probed) Tensors(params []graph.Tensor) []graph.Tensor {
	var all []graph.Tensor
	known := map[string]graph.Tensor{}
	for _, t := range params {
		known[t.Name] = t
	}
	for _, spec := range p.Net.Params {
		t, ok := known[spec.Name]
		if !ok {
			t = graph.Tensor{Name: spec.Name, Shape: spec.Shape, Data: make([]float32, spec.Size())}
		}
		all = append(all, t)
	}
	return all
}

// Shares returns shares for Count, from what the probed network's neurons did.
func (p *Probed) Shares(acts []engine.Activity) map[string][]float64 {
	rates := map[string][]float64{}
	for _, a := range acts {
		rates[a.Node] = a.Rate
	}
	shares := map[string][]float64{}
	for layer, from := range p.source {
		shares[layer] = rates[from]
	}
	return shares
}
