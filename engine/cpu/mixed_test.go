package cpu

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/qif-snn/qif/engine"
	"github.com/qif-snn/qif/graph"
)

// broad is a network whose layers are taken in bfloat16 under mixed precision:
// residual blocks of both kinds, strides, pooling, a fully connected layer.
func broad(t testing.TB, v variant, coding string) *graph.Network {
	t.Helper()
	b := graph.NewBuilder("broad")
	norm := func(name, in string, alpha float64) string {
		bn := graph.DefaultTDBN(alpha, v.neuron(t).Model.Threshold)
		return b.Add(name, &bn, in)
	}
	x := b.Add("input", &graph.Input{Shape: graph.Shape{H: 9, W: 8, C: 2}, Coding: coding})
	x = b.Add("stem", &graph.Conv{Out: 32, Kernel: 3, Stride: 1, Pad: 1}, x)
	x = b.Add("neuron0", v.neuron(t), norm("norm0", x, 1))
	y := b.Add("conv1", &graph.Conv{Out: 64, Kernel: 3, Stride: 2, Pad: 1}, x)
	y = b.Add("neuron1", v.neuron(t), norm("norm1", y, 1))
	y = b.Add("conv2", &graph.Conv{Out: 64, Kernel: 3, Stride: 1, Pad: 1}, y)
	short := b.Add("short", &graph.Conv{Out: 64, Kernel: 1, Stride: 2}, x)
	x = b.Add("sum", &graph.Add{}, norm("norm2", y, .7071), norm("normS", short, .7071))
	x = b.Add("neuron2", v.neuron(t), x)
	y = b.Add("convI", &graph.Conv{Out: 64, Kernel: 3, Stride: 1, Pad: 1}, x)
	x = b.Add("sumI", &graph.Add{}, norm("normI", y, .7071), x)
	x = b.Add("neuronI", v.neuron(t), x)
	x = b.Add("pool", &graph.AvgPool{Kernel: 2, Stride: 2}, x)
	x = b.Add("conv3", &graph.Conv{Out: 160, Kernel: 3, Stride: 1, Pad: 1}, x)
	x = b.Add("neuron3", v.neuron(t), norm("norm3", x, 1))
	x = b.Add("flat", &graph.Flatten{}, x)
	x = b.Add("fc1", &graph.Linear{Out: 64}, x)
	x = b.Add("neuron4", v.neuron(t), norm("norm4", x, 1))
	x = b.Add("fc2", &graph.Linear{Out: 3, Bias: true}, x)
	b.Add("readout", &graph.Readout{}, x)
	net, err := graph.Check(b.Graph())
	if err != nil {
		t.Fatal(err)
	}
	return net
}

// cosine returns the cosine of the angle between two vectors and the ratio of
// their lengths.
func cosine(a, b []float32) (cos, ratio float64) {
	var ab, aa, bb float64
	for i, x := range a {
		y := float64(b[i])
		ab, aa, bb = ab+float64(x)*y, aa+float64(x)*float64(x), bb+y*y
	}
	return ab / math.Sqrt(aa*bb), math.Sqrt(aa / bb)
}

// exact replaces weights by multiples of 1/8 so small that their sums over spikes
// are exact in bfloat16: both precisions then fire the same spikes.
func exact(t testing.TB, tr *trainer) {
	t.Helper()
	rng := rand.New(rand.NewPCG(1, 2))
	ts := tr.Tensors()
	for _, x := range ts {
		if strings.HasSuffix(x.Name, ".weight") {
			for i := range x.Data {
				x.Data[i] = float32(rng.IntN(3)-1) / 8
			}
		}
	}
	if err := tr.setTensors(ts); err != nil {
		t.Fatal(err)
	}
}

// TestMixedPrecisionFollowsFloat32 compares the gradients of one step where both
// precisions fire the same spikes.
func TestMixedPrecisionFollowsFloat32(t *testing.T) {
	for coding, v := range map[string]variant{graph.Direct: variants[10], graph.Frames: variants[0]} {
		for what, h := range map[string]halves{"inputs": inputHalves, "all": allHalves} {
			atEachLevel(t, coding+", "+what, func(t *testing.T) { followsFloat32(t, broad(t, v, coding), h) })
		}
	}
}

func followsFloat32(t *testing.T, net *graph.Network, h halves) {
	o := engine.TrainOptions{Batch: 20, Steps: 4, Seed: 1, Threads: 2, Loss: ce, Optimizer: sgd}
	full := compileTrain(t, net, o)
	mixed, err := newTrainer(net, o, h, packedSpikes)
	if err != nil {
		t.Fatal(err)
	}
	defer mixed.Close()
	exact(t, full)
	exact(t, mixed)
	for i, n := range []int{20, 5} {
		b := randomBatch(net, n, 4, uint64(i))
		for _, tr := range []*trainer{full, mixed} {
			tr.pass(b, true)
			tr.judge(b.Y)
			tr.backward()
		}
		for k, p := range full.params {
			if p.grad == nil {
				continue
			}
			cos, ratio := cosine(mixed.params[k].grad, p.grad)
			if cos < .9995 || math.Abs(ratio-1) > .005 {
				t.Errorf("%s: cosine %.5f, length %.5f of that in float32", p.spec.Name, cos, ratio)
			}
		}
	}
}

// TestMixedPrecisionNarrowsGradients names the spikes whose gradient is rounded:
// pooling adds up neuronI's in float32.
func TestMixedPrecisionNarrowsGradients(t *testing.T) {
	o := engine.TrainOptions{Batch: 2, Steps: 2, Loss: ce, Optimizer: sgd}
	for precision, want := range map[string][]string{
		engine.FP32: nil, engine.Mixed: {"neuron0", "neuron1", "neuron2", "neuron3"},
	} {
		o.Precision = precision
		var got []string
		for _, n := range compileTrain(t, broad(t, variants[0], graph.Direct), o).scan {
			if n.y.narrow {
				got = append(got, n.name)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: gradients of %v are rounded, want those of %v", precision, got, want)
		}
	}
}

// TestMixedPrecisionNormalisesPooledSpikes trains a step where spikes are averaged
// in bfloat16 and normalised: no product is there to take a rounded gradient.
func TestMixedPrecisionNormalisesPooledSpikes(t *testing.T) {
	b := graph.NewBuilder("pooled")
	n := variants[0].neuron(t)
	x := b.Add("input", &graph.Input{Shape: graph.Shape{H: 8, W: 8, C: 2}, Coding: graph.Direct})
	x = b.Add("conv", &graph.Conv{Out: 32, Kernel: 3, Stride: 1, Pad: 1}, x)
	x = b.Add("pool", &graph.AvgPool{Kernel: 2, Stride: 2}, b.Add("neuron0", n, x))
	norm := graph.DefaultTDBN(1, n.Model.Threshold)
	x = b.Add("neuron1", n, b.Add("norm", &norm, x))
	x = b.Add("fc", &graph.Linear{Out: 3, Bias: true}, b.Add("flat", &graph.Flatten{}, x))
	b.Add("readout", &graph.Readout{}, x)
	net, err := graph.Check(b.Graph())
	if err != nil {
		t.Fatal(err)
	}
	o := engine.TrainOptions{Batch: 4, Steps: 3, Seed: 1, Loss: ce, Optimizer: sgd}
	var losses []float64
	for _, o.Precision = range []string{engine.FP32, engine.Mixed} {
		tr := compileTrain(t, net, o)
		exact(t, tr)
		s, err := tr.Step(randomBatch(net, 4, 3, 1), .1)
		if err != nil {
			t.Fatal(err)
		}
		losses = append(losses, s.Loss)
	}
	if d := math.Abs(losses[0] - losses[1]); d > 1e-2*losses[0] {
		t.Errorf("losses %v differ", losses)
	}
}
