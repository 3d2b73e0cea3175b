package graph_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/qif-snn/qif/graph"
	"github.com/qif-snn/qif/neuron"
	"github.com/qif-snn/qif/window"
)

// lif is a layer of LIF neurons with windows of fixed width.
func lif() *graph.Neuron {
	return &graph.Neuron{
		Model: neuron.Model{
			Form: "lif", Params: map[string]float64{"leak": .5}, Threshold: 1, Reset: neuron.HardReset, Detach: true,
		},
		Window: window.Spec{Policy: window.Policy{Kind: window.Fixed, Value: 1}, Shape: window.Rectangular},
	}
}

func tdbn(alpha, threshold float64) *graph.TDBN {
	bn := graph.DefaultTDBN(alpha, threshold)
	return &bn
}

// everyOp is a network with every operation, all of whose fields differ from
// their zero values.
func everyOp() *graph.Builder {
	floor := -2.5
	b := graph.NewBuilder("every <op> & θ")
	x := b.Add("in", &graph.Input{Shape: graph.Shape{H: 8, W: 6, C: 2}, Coding: graph.Frames})
	x = b.Add("c1", &graph.Conv{Out: 4, Kernel: 3, Stride: 2, Pad: 1, Bias: true}, x)
	x = b.Add("bn1", &graph.TDBN{Alpha: .7071067811865476, Threshold: .5, Momentum: .2, Eps: 1e-3}, x)
	y := b.Add("c2", &graph.Conv{Out: 4, Kernel: 1, Stride: 1}, x)
	x = b.Add("sum", &graph.Add{}, x, y)
	x = b.Add("n1", &graph.Neuron{
		Model: neuron.Model{
			Form: "qif", Params: map[string]float64{"a": .25, "u1": -.125, "u2": .5}, Threshold: .5,
			Reset: neuron.SoftReset, ResetValue: -.1, Detach: true, Floor: &floor,
			Learn: []string{"u2", "a"}, PerChannel: true,
		},
		Window: window.Spec{Policy: window.Policy{Kind: window.Bandwidth, Value: 500}, Shape: window.Epanechnikov, Pooled: true},
	}, x)
	a := b.Add("avg", &graph.AvgPool{Kernel: 2, Stride: 1}, x)
	m := b.Add("max", &graph.MaxPool{Kernel: 2, Stride: 1}, x)
	x = b.Add("both", &graph.Concat{}, a, m)
	f := b.Add("flat", &graph.Flatten{}, x)
	g := b.Add("gap", &graph.GlobalAvgPool{}, x)
	x = b.Add("vec", &graph.Concat{}, f, g)
	x = b.Add("drop", &graph.Dropout{P: .3}, x)
	x = b.Add("fc", &graph.Linear{Out: 5, Bias: true}, x)
	x = b.Add("n2", lif(), x)
	x = b.Add("last", &graph.Linear{Out: 3}, x)
	b.Add("out", &graph.Readout{Last: 2}, x)
	return b
}

func check(t testing.TB, b *graph.Builder) *graph.Network {
	t.Helper()
	net, err := graph.Check(b.Graph())
	if err != nil {
		t.Fatal(err)
	}
	return net
}

// wantError fails the test unless err contains all of the given parts.
func wantError(t *testing.T, what string, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("%s: no error, want one with %q", what, parts)
		return
	}
	for _, p := range parts {
		if !strings.Contains(err.Error(), p) {
			t.Errorf("%s: got error %q, want one with %q", what, err, p)
		}
	}
}

func ExampleCheck() {
	b := graph.NewBuilder("example")
	x := b.Add("image", &graph.Input{Shape: graph.Shape{H: 28, W: 28, C: 1}, Coding: graph.Direct})
	x = b.Add("conv", &graph.Conv{Out: 16, Kernel: 3, Stride: 1, Pad: 1}, x)
	norm := graph.DefaultTDBN(1, 1)
	x = b.Add("norm", &norm, x)
	x = b.Add("spikes", lif(), x)
	x = b.Add("pool", &graph.AvgPool{Kernel: 2, Stride: 2}, x)
	x = b.Add("flat", &graph.Flatten{}, x)
	x = b.Add("classes", &graph.Linear{Out: 10, Bias: true}, x)
	b.Add("readout", &graph.Readout{}, x)
	net, err := graph.Check(b.Graph())
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, l := range net.Layers {
		fmt.Printf("%-8s %-8s %-9v %6d MACs\n", l.Name, l.Op.Kind(), l.Out, l.MACs)
	}
	fmt.Println(net.ParamCount(), "parameters")
	// Output:
	// image    input    28×28×1        0 MACs
	// conv     conv     28×28×16  112896 MACs
	// norm     tdbn     28×28×16       0 MACs
	// spikes   neuron   28×28×16       0 MACs
	// pool     avgpool  14×14×16       0 MACs
	// flat     flatten  1×1×3136       0 MACs
	// classes  linear   1×1×10     31360 MACs
	// readout  readout  1×1×10         0 MACs
	// 31546 parameters
}

// A graph refuses what does not fit, and says where.
func ExampleParse() {
	_, err := graph.Parse([]byte(`{"name": "example", "nodes": [
		{"name": "image", "op": "input", "attrs": {"shape": {"h": 28, "w": 28, "c": 1}, "coding": "direct"}},
		{"name": "classes", "op": "linear", "inputs": ["image"], "attrs": {"out": 10}},
		{"name": "readout", "op": "readout", "inputs": ["classes"]}
	]}`))
	fmt.Println(err)
	// Output:
	// graph "example": node 1 "classes": linear: takes a vector, got 28×28×1; put a flatten or global_pool before it
}
