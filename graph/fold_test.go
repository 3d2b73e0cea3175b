package graph_test

import (
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/qif-snn/qif/engine/ref"
	"github.com/qif-snn/qif/graph"
	"github.com/qif-snn/qif/neuron"
	"github.com/qif-snn/qif/window"
)

func TestFoldScaleByHand(t *testing.T) {
	op := &graph.TDBN{Alpha: .5, Threshold: 2, Momentum: .1, Eps: 4}
	// λαθ/√(12+4) = 3/4, β − ¾·mean.
	scale, shift := op.FoldScale(3, .25, 1, 12)
	if scale != .75 || shift != -.5 {
		t.Errorf("scale %v and shift %v, want .75 and -.5", scale, shift)
	}
}

func TestFoldByHand(t *testing.T) {
	b := vector(2)
	b.Add("fc", &graph.Linear{Out: 2, Bias: true}, "in")
	b.Add("bn", &graph.TDBN{Alpha: .5, Threshold: 2, Momentum: .1, Eps: 4}, "fc")
	b.Add("out", &graph.Readout{}, "bn")
	net := check(t, b)
	tensors := []graph.Tensor{
		{Name: "fc.weight", Shape: []int{2, 2}, Data: []float32{1, 2, 3, 4}},
		{Name: "fc.bias", Shape: []int{2}, Data: []float32{8, 16}},
		{Name: "bn.scale", Shape: []int{2}, Data: []float32{3, 1}}, // scale λ/4
		{Name: "bn.shift", Shape: []int{2}, Data: []float32{.25, 1}},
		{Name: "bn.running_mean", Shape: []int{2}, Data: []float32{1, 2}}, // shift β − scale·mean = −.5, .5
		{Name: "bn.running_var", Shape: []int{2}, Data: []float32{12, 12}},
	}
	before := slices.Clone(tensors[0].Data)
	folded, got, err := graph.Fold(net, tensors)
	if err != nil {
		t.Fatal(err)
	}
	want := []graph.Tensor{
		{Name: "fc.weight", Shape: []int{2, 2}, Data: []float32{.75, .5, 2.25, 1}},
		{Name: "fc.bias", Shape: []int{2}, Data: []float32{5.5, 4.5}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	var names []string
	for _, l := range folded.Layers {
		names = append(names, l.Name)
	}
	if !slices.Equal(names, []string{"in", "fc", "out"}) {
		t.Errorf("nodes %v", names)
	}
	if !slices.Equal(tensors[0].Data, before) {
		t.Error("folding changed the tensors it was given")
	}
}

// foldable has tdBN nodes that fold, behind convolutions and a linear layer, with
// and without bias, and others that cannot: one that shares its convolution, one
// behind an addition, one behind a spike, one behind another tdBN.
func foldable(t *testing.T) *graph.Network {
	smooth := func() *graph.Neuron {
		m, err := neuron.Default("qif")
		if err != nil {
			t.Fatal(err)
		}
		return &graph.Neuron{Model: m, Window: window.Spec{Policy: window.Policy{Kind: window.Fixed, Value: 1}, Shape: window.Sigmoid}}
	}
	b := image(5, 4, 2)
	x := b.Add("conv1", &graph.Conv{Out: 3, Kernel: 3, Stride: 1, Pad: 1}, "in")
	x = b.Add("norm1", tdbn(.7, .9), x)
	s := b.Add("spike1", smooth(), x)
	x = b.Add("norm2", tdbn(1, 1), s)
	x = b.Add("conv2", &graph.Conv{Out: 3, Kernel: 1, Stride: 1, Bias: true}, x)
	x = b.Add("norm3", tdbn(.7, 1), x)
	x = b.Add("norm4", tdbn(1, 1.5), x)
	y := b.Add("conv3", &graph.Conv{Out: 3, Kernel: 1, Stride: 1}, s)
	z := b.Add("norm5", tdbn(1, 1), y)
	x = b.Add("sum", &graph.Add{}, x, y, z)
	x = b.Add("norm6", tdbn(1, 1), x)
	x = b.Add("spike2", smooth(), x)
	x = b.Add("flat", &graph.Flatten{}, x)
	x = b.Add("fc1", &graph.Linear{Out: 4}, x)
	x = b.Add("norm7", tdbn(1, 1), x)
	x = b.Add("spike3", smooth(), x)
	x = b.Add("fc2", &graph.Linear{Out: 2, Bias: true}, x)
	b.Add("out", &graph.Readout{}, x)
	return check(t, b)
}

// trained returns tensors as training might leave them.
func trained(net *graph.Network, seed uint64) []graph.Tensor {
	rng := rand.New(rand.NewPCG(seed, 0))
	ts := net.Init(seed)
	for i, p := range net.Params {
		for j := range ts[i].Data {
			switch p.Role {
			case graph.NormScale, graph.RunningVar:
				ts[i].Data[j] = float32(.5 + rng.Float64())
			case graph.NormShift, graph.RunningMean:
				ts[i].Data[j] = float32(rng.NormFloat64())
			}
		}
	}
	return ts
}

// TestFoldKeepsTheFunction compares the network with its folded form, both
// evaluated by the reference. Spikes are smooth, lest rounding flip one.
func TestFoldKeepsTheFunction(t *testing.T) {
	const n, steps = 2, 3
	net := foldable(t)
	tensors := trained(net, 5)
	folded, foldedTensors, err := graph.Fold(net, tensors)
	if err != nil {
		t.Fatal(err)
	}
	var left []string
	for _, l := range folded.Layers {
		if l.Op.Kind() == "tdbn" {
			left = append(left, l.Name)
		}
	}
	if !slices.Equal(left, []string{"norm2", "norm4", "norm5", "norm6"}) {
		t.Errorf("tdBN nodes left: %v", left)
	}
	rng := rand.New(rand.NewPCG(6, 0))
	x := make([]float64, n*5*4*2)
	for i := range x {
		x[i] = rng.NormFloat64()
	}
	windows, err := net.Windows(steps)
	if err != nil {
		t.Fatal(err)
	}
	run := func(net *graph.Network, ts []graph.Tensor) *ref.Trace {
		t.Helper()
		tr, err := ref.Forward(net, ref.Float64(ts), x, n, steps, windows, ref.Options{Smooth: true})
		if err != nil {
			t.Fatal(err)
		}
		return tr
	}
	want, got := run(net, tensors), run(folded, foldedTensors)
	for _, node := range []string{"spike1", "spike2", "spike3", "out"} {
		for i, w := range want.Outputs[node] {
			if g := got.Outputs[node][i]; math.Abs(g-w) > 1e-5 {
				t.Errorf("%s: folded %v, direct %v", node, g, w)
				break
			}
		}
	}
}

func TestIndexRefuses(t *testing.T) {
	net := check(t, everyOp())
	good := net.Init(1)
	for name, c := range map[string]struct {
		change func(ts []graph.Tensor) []graph.Tensor
		want   string
	}{
		"missing": {func(ts []graph.Tensor) []graph.Tensor { return ts[1:] }, `tensor "c1.weight" of the network is missing`},
		"extra":   {func(ts []graph.Tensor) []graph.Tensor { return append(ts, graph.Tensor{Name: "x.y"}) }, `tensor "x.y" does not belong`},
		"twice":   {func(ts []graph.Tensor) []graph.Tensor { return append(ts, ts[3]) }, `tensor "bn1.shift" is given twice`},
		"shape": {func(ts []graph.Tensor) []graph.Tensor { ts[1].Shape = []int{2, 2}; return ts },
			`tensor "c1.bias" has shape [2 2], the network expects [4]`},
		"short": {func(ts []graph.Tensor) []graph.Tensor { ts[1].Data = ts[1].Data[:3]; return ts },
			`tensor "c1.bias" of shape [4] has 3 numbers, expected 4`},
	} {
		_, err := net.Index(c.change(slices.Clone(good)))
		wantError(t, name, err, c.want)
		_, _, err = graph.Fold(net, c.change(slices.Clone(good)))
		wantError(t, name, err, c.want)
	}
	byName, err := net.Index(good)
	if err != nil || len(byName) != len(good) || &byName["fc.bias"].Data[0] != &good[10].Data[0] {
		t.Errorf("index %v, error %v", byName, err)
	}
}
