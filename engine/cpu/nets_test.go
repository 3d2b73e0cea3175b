package cpu

import (
	"cmp"
	"math/rand/v2"
	"testing"

	"github.com/qif-snn/qif/engine"
	"github.com/qif-snn/qif/graph"
	"github.com/qif-snn/qif/neuron"
	"github.com/qif-snn/qif/window"
)

// variant is a kind of neuron, reset and window that tests build networks of.
type variant struct {
	name   string
	model  func(m *neuron.Model)
	form   string
	shape  window.Shape
	policy string // "" for fixed:1.5
}

var variants = []variant{
	{"hard detached", func(*neuron.Model) {}, "qif", window.Triangular, ""},
	{"hard", func(m *neuron.Model) { m.Detach = false }, "qif", window.Gaussian, "learned"},
	{"hard to below", func(m *neuron.Model) { m.Detach = false; m.ResetValue = -.2 }, "qif", window.Sigmoid, "measured:1.5"},
	{"soft", func(m *neuron.Model) { m.Reset = neuron.SoftReset; m.Detach = false; m.Params["a"] = .1 }, "qif", window.Gaussian, "learned:1.5"},
	{"soft detached", func(m *neuron.Model) { m.Reset = neuron.SoftReset; m.Params["a"] = .1 }, "qif", window.ATan, ""},
	{"floor", func(m *neuron.Model) {
		floor := -.4
		m.Floor, m.Detach, m.Params["a"] = &floor, false, -.2
	}, "qif", window.Epanechnikov, "learned:1.5"},
	{"lif", func(m *neuron.Model) { m.Detach = false }, "lif", window.Gaussian, ""},
	{"if", func(*neuron.Model) {}, "if", window.Sigmoid, "learned:1.5"},
	{"euler", func(m *neuron.Model) { m.Detach = false }, "qif-euler", window.Gaussian, ""},
	{"learned", func(m *neuron.Model) { m.Detach = false; m.Learn = []string{"a", "u1", "u2"} }, "qif", window.Gaussian, "bandwidth"},
	{"learned per channel", func(m *neuron.Model) { m.Learn, m.PerChannel = []string{"u2", "a"}, true }, "qif", window.Sigmoid, ""},
	{"learned leak", func(m *neuron.Model) { m.Detach = false; m.Learn, m.PerChannel = []string{"leak"}, true }, "lif", window.Gaussian, "sigma:2"},
}

func (v variant) neuron(t testing.TB) *graph.Neuron {
	t.Helper()
	m, err := neuron.Default(v.form)
	if err != nil {
		t.Fatal(err)
	}
	v.model(&m)
	p, err := window.ParsePolicy(cmp.Or(v.policy, "fixed:1.5"))
	if err != nil {
		t.Fatal(err)
	}
	return &graph.Neuron{Model: m, Window: window.Spec{Policy: p, Shape: v.shape}}
}

// everything is a network with every kind of node: convolutions of several
// geometries, with and without bias; a residual addition, one branch of it
// straight from a spike; a concatenation; both poolings; dropout; layers that
// are constant over time feeding layers that are not.
func everything(t testing.TB, v variant, coding string, dropout float64) *graph.Network {
	t.Helper()
	b := graph.NewBuilder("everything")
	norm := func(name, in string, alpha float64) string {
		bn := graph.DefaultTDBN(alpha, v.neuron(t).Model.Threshold)
		return b.Add(name, &bn, in)
	}
	x := b.Add("input", &graph.Input{Shape: graph.Shape{H: 6, W: 5, C: 2}, Coding: coding})
	x = b.Add("conv1", &graph.Conv{Out: 3, Kernel: 3, Stride: 1, Pad: 1}, x)
	still := norm("norm1", x, 1)
	s1 := b.Add("neuron1", v.neuron(t), still)
	x = b.Add("conv2", &graph.Conv{Out: 3, Kernel: 3, Stride: 1, Pad: 1, Bias: true}, s1)
	x = norm("norm2", x, .7071)
	short := b.Add("short", &graph.Conv{Out: 3, Kernel: 1, Stride: 1}, s1)
	short = norm("normS", short, .7071)
	x = b.Add("sum", &graph.Add{}, x, short, still) // a constant branch beside two that change
	s2 := b.Add("neuron2", v.neuron(t), x)
	x = b.Add("join", &graph.Concat{}, s2, s1)
	x = b.Add("avg", &graph.AvgPool{Kernel: 2, Stride: 1}, x)
	x = b.Add("conv3", &graph.Conv{Out: 4, Kernel: 3, Stride: 2, Pad: 1}, x)
	x = norm("norm3", x, 1)
	x = b.Add("max", &graph.MaxPool{Kernel: 2, Stride: 1}, x)
	x = b.Add("neuron3", v.neuron(t), x)
	whole := b.Add("flat", &graph.Flatten{}, x)
	mean := b.Add("gap", &graph.GlobalAvgPool{}, x)
	x = b.Add("both", &graph.Concat{}, whole, mean)
	if dropout > 0 {
		x = b.Add("drop", &graph.Dropout{P: dropout}, x)
	}
	x = b.Add("fc1", &graph.Linear{Out: 6}, x)
	fixed := graph.DefaultTDBN(1, v.neuron(t).Model.Threshold)
	fixed.FixedScale = true
	x = b.Add("norm4", &fixed, x)
	x = b.Add("neuron4", v.neuron(t), x)
	x = b.Add("fc2", &graph.Linear{Out: 3, Bias: true}, x)
	b.Add("readout", &graph.Readout{}, x)
	net, err := graph.Check(b.Graph())
	if err != nil {
		t.Fatal(err)
	}
	return net
}

// chain is the plainest network: its first normalisation, constant over time,
// feeds nothing but neurons.
func chain(t testing.TB, v variant, coding string, dropout float64) *graph.Network {
	t.Helper()
	bn := graph.DefaultTDBN(1, v.neuron(t).Model.Threshold)
	b := graph.NewBuilder("chain")
	x := b.Add("input", &graph.Input{Shape: graph.Shape{H: 4, W: 4, C: 1}, Coding: coding})
	x = b.Add("conv1", &graph.Conv{Out: 3, Kernel: 3, Stride: 1, Pad: 1}, x)
	x = b.Add("norm1", &bn, x)
	x = b.Add("neuron1", v.neuron(t), x)
	x = b.Add("avg", &graph.AvgPool{Kernel: 2, Stride: 2}, x)
	x = b.Add("flat", &graph.Flatten{}, x)
	if dropout > 0 {
		x = b.Add("drop", &graph.Dropout{P: dropout}, x)
	}
	x = b.Add("fc", &graph.Linear{Out: 3, Bias: true}, x)
	b.Add("readout", &graph.Readout{}, x)
	net, err := graph.Check(b.Graph())
	if err != nil {
		t.Fatal(err)
	}
	return net
}

// still is a network without neurons: its logits are constant over time.
func still(t testing.TB, _ variant, coding string, _ float64) *graph.Network {
	t.Helper()
	b := graph.NewBuilder("still")
	x := b.Add("input", &graph.Input{Shape: graph.Shape{H: 3, W: 3, C: 1}, Coding: coding})
	x = b.Add("conv1", &graph.Conv{Out: 3, Kernel: 3, Stride: 1}, x)
	b.Add("readout", &graph.Readout{}, x)
	net, err := graph.Check(b.Graph())
	if err != nil {
		t.Fatal(err)
	}
	return net
}

// wide is a network whose channels cross the sizes in which kernels work: blocks
// of the weight gradient, pieces of vectors, chunks of rows.
func wide(t testing.TB, v variant, coding string, _ float64) *graph.Network {
	t.Helper()
	b := graph.NewBuilder("wide")
	layer := func(x, name string, op graph.Op) string {
		bn := graph.DefaultTDBN(1, v.neuron(t).Model.Threshold)
		x = b.Add(name, op, x)
		x = b.Add("norm-"+name, &bn, x)
		return b.Add("neuron-"+name, v.neuron(t), x)
	}
	x := b.Add("input", &graph.Input{Shape: graph.Shape{H: 3, W: 4, C: 17}, Coding: coding})
	x = layer(x, "c1", &graph.Conv{Out: 33, Kernel: 3, Stride: 1, Pad: 1})
	x = layer(x, "c2", &graph.Conv{Out: 130, Kernel: 1, Stride: 1})
	x = layer(x, "c3", &graph.Conv{Out: 5, Kernel: 3, Stride: 2, Pad: 1})
	x = layer(x, "c4", &graph.Conv{Out: 20, Kernel: 2, Stride: 4})
	x = b.Add("flat", &graph.Flatten{}, x)
	x = layer(x, "f1", &graph.Linear{Out: 70})
	x = b.Add("f2", &graph.Linear{Out: 3, Bias: true}, x)
	b.Add("readout", &graph.Readout{}, x)
	net, err := graph.Check(b.Graph())
	if err != nil {
		t.Fatal(err)
	}
	return net
}

// nets are the networks that gradients are tested on.
var nets = map[string]func(testing.TB, variant, string, float64) *graph.Network{
	"everything": everything, "chain": chain, "still": still,
}

func randomBatch(net *graph.Network, n, steps int, seed uint64) engine.Batch {
	rng := rand.New(rand.NewPCG(seed, 99))
	size := n * net.Input().Shape.Size()
	if net.Input().Coding == graph.Frames {
		size *= steps
	}
	b := engine.Batch{N: n, X: make([]float32, size), Y: make([]int32, n)}
	for i := range b.X {
		b.X[i] = float32(rng.NormFloat64())
	}
	for i := range b.Y {
		b.Y[i] = int32(rng.IntN(net.Classes()))
	}
	return b
}

var (
	sgd   = engine.Optimizer{Kind: engine.SGD, Momentum: .9, Decay: 1e-3}
	adamw = engine.Optimizer{Kind: engine.AdamW, Beta1: .9, Beta2: .999, Eps: 1e-8, Decay: .01, Clip: 1}
	ce    = engine.Loss{Kind: engine.CrossEntropy}
	tet   = engine.Loss{Kind: engine.TET, Lambda: .05, Target: 1}
)

func compileTrain(t testing.TB, net *graph.Network, o engine.TrainOptions) *trainer {
	t.Helper()
	return compileForm(t, net, o, packedSpikes)
}

func compileForm(t testing.TB, net *graph.Network, o engine.TrainOptions, spikes spikeForm) *trainer {
	t.Helper()
	h := noHalves
	if o.Precision == engine.Mixed {
		h = allHalves // wherever it runs, so that every level's kernels are tested
	}
	tr, err := newTrainer(net, o, h, spikes)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tr.Close)
	return tr
}
