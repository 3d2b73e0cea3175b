package cpu

import (
	"slices"
	"testing"

	"github.com/qif-snn/qif/engine"
	"github.com/qif-snn/qif/engine/ref"
	"github.com/qif-snn/qif/graph"
)

// sew is a residual network that adds behind the neurons, as SEW-ResNet does:
// its convolutions take spikes, the largest of spikes, and sums of spikes, up to
// 3. It ends with votes.
func sew(t testing.TB, v variant, coding string) *graph.Network {
	t.Helper()
	b := graph.NewBuilder("sew")
	layer := func(name, in string, op graph.Op) string {
		bn := graph.DefaultTDBN(1, v.neuron(t).Model.Threshold)
		in = b.Add(name, op, in)
		in = b.Add("norm-"+name, &bn, in)
		return b.Add("neuron-"+name, v.neuron(t), in)
	}
	conv := func(out, kernel, stride int) *graph.Conv {
		return &graph.Conv{Out: out, Kernel: kernel, Stride: stride, Pad: kernel / 2}
	}
	x := b.Add("input", &graph.Input{Shape: graph.Shape{H: 9, W: 7, C: 2}, Coding: coding})
	x = layer("stem", x, conv(6, 3, 1))
	x = b.Add("pool", &graph.MaxPool{Kernel: 3, Stride: 2, Pad: 1}, x)
	x = b.Add("add1", &graph.Add{}, layer("a2", layer("a1", x, conv(6, 3, 1)), conv(6, 3, 1)), x)
	x = b.Add("add2", &graph.Add{}, layer("b2", layer("b1", x, conv(6, 3, 1)), conv(6, 3, 1)), x)
	short := layer("short", x, conv(8, 1, 2))
	x = b.Add("add3", &graph.Add{}, layer("c2", layer("c1", x, conv(8, 3, 2)), conv(8, 3, 1)), short)
	x = layer("fc", b.Add("flat", &graph.Flatten{}, x), &graph.Linear{Out: 12})
	b.Add("readout", &graph.Readout{}, b.Add("vote", &graph.Vote{Votes: 4}, x))
	net, err := graph.Check(b.Graph())
	if err != nil {
		t.Fatal(err)
	}
	return net
}

// TestSumsOfSpikes compares a network that adds spikes with the reference,
// forward and back, in training and inference, at all levels.
func TestSumsOfSpikes(t *testing.T) {
	for _, v := range []variant{variants[0], variants[6]} {
		for _, coding := range []string{graph.Direct, graph.Frames} {
			t.Run(v.name+", "+coding, func(t *testing.T) {
				net := sew(t, v, coding)
				r := &trial{net: net, tensors: net.Init(5), b: randomBatch(net, refBatch, refSteps, 6), steps: refSteps, loss: ce}
				if top := slices.Max(r.reference(t, nil).Outputs["add2"]); top < 2 {
					t.Fatalf("sums of spikes reach %v, the test needs 2 or 3", top)
				}
				checkForward(t, "training", r)
				checkRunner(t, net, r.tensors, ref.Float64(r.tensors), r.b)
				checkNet(t, net, tet, 7)
			})
		}
	}
}

// TestSumsOfFewSpikesAsLists: where few neurons fire, convolutions skip the sums
// that are zero, to the same result.
func TestSumsOfFewSpikesAsLists(t *testing.T) {
	net := sew(t, variants[0], graph.Direct)
	tr := compileTrain(t, net, engine.TrainOptions{Batch: 4, Steps: 4, Threads: 2, Seed: 3, Loss: ce, Optimizer: sgd})
	params := tr.Tensors()
	for i, p := range net.Params {
		if p.Role == graph.NormShift {
			for j := range params[i].Data {
				params[i].Data[j] = -1.2
			}
		}
	}
	if err := tr.setTensors(params); err != nil {
		t.Fatal(err)
	}
	b := randomBatch(net, 4, 4, 6)
	tr.pass(b, true)
	for i, o := range tr.ops {
		c, ok := o.(*convOp)
		if !ok || tr.labels[i] != "b1" && tr.labels[i] != "c1" {
			continue
		}
		if !c.eventful {
			t.Errorf("%s takes sums of spikes dense, at most %.2f of them not zero", tr.labels[i], c.x.density())
		}
		zeros := 0
		for _, v := range c.x.data {
			if v == 0 {
				zeros++
			}
		}
		if share := 1 - float64(zeros)/float64(len(c.x.data)); share > c.x.density() || share == 0 {
			t.Errorf("%s: %.3f of the sums are not zero, the bound says %.3f", tr.labels[i], share, c.x.density())
		}
	}
	trace, err := ref.Forward(net, ref.Float64(params), widen(b.X), 4, 4, nil, ref.Options{Train: true})
	if err != nil {
		t.Fatal(err)
	}
	near(t, "logits", tr.out.data, trace.Logits)
}
