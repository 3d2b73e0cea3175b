package energy_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/qif-snn/qif/energy"
	"github.com/qif-snn/qif/engine"
	"github.com/qif-snn/qif/engine/cpu"
	"github.com/qif-snn/qif/engine/ref"
	"github.com/qif-snn/qif/graph"
	"github.com/qif-snn/qif/neuron"
	"github.com/qif-snn/qif/train"
	"github.com/qif-snn/qif/window"
	"github.com/qif-snn/qif/zoo"
)

func built(t testing.TB, name, form string, in graph.Shape, coding string, classes int) *graph.Network {
	t.Helper()
	member, err := zoo.Named(name)
	if err != nil {
		t.Fatal(err)
	}
	m, err := neuron.Default(form)
	if err != nil {
		t.Fatal(err)
	}
	return checked(t, member.Build(zoo.Config{
		Input: in, Coding: coding, Classes: classes, Model: m,
		Window: window.Spec{Policy: window.Policy{Kind: window.Fixed, Value: 1}, Shape: window.Triangular},
	}))
}

func checked(t testing.TB, g graph.Graph) *graph.Network {
	t.Helper()
	net, err := graph.Check(g)
	if err != nil {
		t.Fatal(err)
	}
	return net
}

// TestPublished reproduces rows of Spikformer's table of ImageNet results (Zhou et
// al. 2023): from the synaptic operations that it reports, not from firing rates,
// which it does not. They fix the mean share of inputs that are not zero, which is
// all that the convention asks for.
func TestPublished(t *testing.T) {
	field, err := energy.PresetNamed("field")
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		net      string
		steps    int
		sops, mJ float64
	}{
		{"resnet34", 6, 6.50e9, 6.393}, // STBP-tdBN
		{"sew-resnet34", 4, 3.88e9, 4.035},
		{"sew-resnet50", 4, 4.83e9, 4.890},
	} {
		net := built(t, row.net, "if", graph.Shape{H: 224, W: 224, C: 3}, graph.Direct, 1000)
		const first = 112 * 112 * 64 * 7 * 7 * 3
		rate := row.sops / float64(row.steps) / float64(net.MACs()-first)
		r, err := energy.Count(net, row.steps, energy.Uniform(net, row.steps, rate))
		if err != nil {
			t.Fatal(err)
		}
		got := field.OfNet(r).Total() / 1e9
		if math.Abs(got-row.mJ) > .0005 || math.Abs(r.Total.SynapticOps()/row.sops-1) > 1e-9 || r.Total.MAC != first {
			t.Errorf("%s: %.4f mJ at a share of %.4f, %.3g synaptic operations; published %.3f mJ", row.net, got, rate, r.Total.SynapticOps(), row.mJ)
		}
	}
}

// mixed is a network whose layers take spikes, the largest of spikes, averages,
// sums, and joined values, one of each directly and through other nodes.
func mixed(t testing.TB, coding string) *graph.Network {
	t.Helper()
	m, err := neuron.Default("qif")
	if err != nil {
		t.Fatal(err)
	}
	fire := func() *graph.Neuron {
		return &graph.Neuron{Model: m, Window: window.Spec{Policy: window.Policy{Kind: window.Fixed, Value: 1}, Shape: window.Triangular}}
	}
	b := graph.NewBuilder("mixed")
	layer := func(name, in string, op graph.Op) string {
		bn := graph.DefaultTDBN(1, 1)
		return b.Add("n-"+name, fire(), b.Add("bn-"+name, &bn, b.Add(name, op, in)))
	}
	c := func(out int) *graph.Conv { return &graph.Conv{Out: out, Kernel: 3, Stride: 1, Pad: 1} }
	in := b.Add("input", &graph.Input{Shape: graph.Shape{H: 8, W: 8, C: 2}, Coding: coding})
	s := layer("analog", in, c(4))
	a := layer("spikes", s, c(4))
	sum := b.Add("sum", &graph.Add{}, a, s)
	x := layer("sums", sum, c(4))
	avg := b.Add("avg", &graph.AvgPool{Kernel: 2, Stride: 2}, x)
	y := layer("averages", avg, c(4))
	top := b.Add("max", &graph.MaxPool{Kernel: 3, Stride: 2, Pad: 1}, a)
	z := layer("largest", top, c(4))
	both := b.Add("both", &graph.Concat{}, y, z)
	w := layer("joined", both, c(3))
	flat := b.Add("drop", &graph.Dropout{P: .3}, b.Add("flat", &graph.Flatten{}, w))
	fc := layer("vector", flat, &graph.Linear{Out: 6})
	b.Add("readout", &graph.Readout{}, b.Add("fc", &graph.Linear{Out: 3, Bias: true}, fc))
	return checked(t, b.Graph())
}

// TestSharesAreTheReferences compares what probes report in inference, batch by
// batch, with zeros counted in the reference's outputs; and that they leave the
// logits alone.
func TestSharesAreTheReferences(t *testing.T) {
	const n, steps = 3, 4
	for _, coding := range []string{graph.Direct, graph.Frames} {
		net := mixed(t, coding)
		params := net.Init(3)
		for i, p := range net.Params {
			if p.Role == graph.RunningVar {
				for j := range params[i].Data {
					params[i].Data[j] = .04
				}
			}
		}
		b := train.Noise(net, n, steps, 5)
		trace, err := ref.Forward(net, ref.Float64(params), ref.Float64([]graph.Tensor{{Name: "x", Data: b.X}})["x"], n, steps, nil, ref.Options{})
		if err != nil {
			t.Fatal(err)
		}
		probed, err := energy.Probe(net)
		if err != nil {
			t.Fatal(err)
		}
		r, err := cpu.Engine{}.CompileInfer(probed.Net, engine.InferOptions{Batch: n, Steps: steps})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		if err := r.Load(probed.Tensors(params)); err != nil {
			t.Fatal(err)
		}
		logits, acts := make([]float32, len(trace.Logits)), r.Activities()
		if err := r.Run(b, logits, acts); err != nil {
			t.Fatal(err)
		}
		for i, v := range trace.Logits {
			if math.Abs(float64(logits[i])-v) > 1e-4 {
				t.Fatalf("%s: logit %d is %v with probes, %v without", coding, i, logits[i], v)
			}
		}
		shares := probed.Shares(acts)
		if len(shares) != 7 {
			t.Errorf("%s: shares of %d layers, want 7", coding, len(shares))
		}
		for layer, got := range shares {
			for _, l := range net.Layers {
				if l.Name == layer {
					checkShares(t, coding+" "+layer, got, trace.Outputs[l.Inputs[0]], steps)
				}
			}
		}
	}
}

func checkShares(t *testing.T, what string, got, inputs []float64, steps int) {
	t.Helper()
	if len(got) != steps {
		t.Errorf("%s: shares of %d steps", what, len(got))
		return
	}
	per := len(inputs) / steps
	fires := 0.
	for s := range steps {
		nonzero := 0.
		for _, v := range inputs[s*per:][:per] {
			if v != 0 {
				nonzero++
			}
		}
		fires += nonzero
		if math.Abs(got[s]-nonzero/float64(per)) > 1e-6 {
			t.Errorf("%s: share %v at step %d, the reference has %v", what, got[s], s+1, nonzero/float64(per))
		}
	}
	if fires == 0 {
		t.Errorf("%s: no input is ever there, so nothing was compared", what)
	}
}

// TestSynapticOperations holds what each layer's inputs are taken for, and its
// counts to K²·Cin·Cout per output pixel times the share.
func TestSynapticOperations(t *testing.T) {
	const steps = 2
	net := mixed(t, graph.Direct)
	rng := rand.New(rand.NewPCG(1, 2))
	shares := map[string][]float64{}
	for layer := range energy.Uniform(net, steps, 0) {
		shares[layer] = []float64{rng.Float64(), rng.Float64()}
	}
	r, err := energy.Count(net, steps, shares)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"analog": "analog", "spikes": "spikes", "sums": "graded", "averages": "graded", "largest": "spikes", "joined": "spikes",
		"vector": "spikes", "fc": "spikes",
	}
	dense := map[string]float64{ // K²·Cin·Cout times output pixels
		"analog": 9 * 2 * 4 * 64, "spikes": 9 * 4 * 4 * 64, "sums": 9 * 4 * 4 * 64, "averages": 9 * 4 * 4 * 16,
		"largest": 9 * 4 * 4 * 16, "joined": 9 * 8 * 3 * 16, "vector": 48 * 6, "fc": 6 * 3,
	}
	var sum energy.Counts
	for _, l := range r.Layers {
		if l.Op == "neuron" {
			continue
		}
		if string(l.Input) != want[l.Node] {
			t.Errorf("%s takes %s, want %s", l.Node, l.Input, want[l.Node])
		}
		delete(want, l.Node)
		for s, c := range l.Steps {
			n := dense[l.Node]
			var expect energy.Counts
			switch share := shares[l.Node]; {
			case share == nil && s == 0:
				expect = energy.Counts{MAC: n, Weights: n}
			case share == nil:
			case l.Input == energy.Spikes:
				expect = energy.Counts{AC: share[s] * n, Weights: share[s] * n, Sums: 2 * share[s] * n}
			default:
				expect = energy.Counts{Graded: share[s] * n, Weights: share[s] * n, Sums: 2 * share[s] * n}
			}
			if c != expect {
				t.Errorf("%s, step %d: %+v, want %+v", l.Node, s+1, c, expect)
			}
			sum.MAC += c.MAC
			sum.AC += c.AC
			sum.Graded += c.Graded
		}
	}
	if len(want) > 0 {
		t.Errorf("not counted: %v", want)
	}
	if sum.MAC != r.Total.MAC || math.Abs(sum.AC+sum.Graded-r.Total.SynapticOps()) > 1e-6 {
		t.Errorf("total %+v, the layers add up to %+v", r.Total, sum)
	}
}

// TestFramesAreCountedEveryStep: frames differ from step to step.
func TestFramesAreCountedEveryStep(t *testing.T) {
	for coding, times := range map[string]float64{graph.Direct: 1, graph.Frames: 5} {
		net := mixed(t, coding)
		r, err := energy.Count(net, 5, energy.Uniform(net, 5, .1))
		if err != nil {
			t.Fatal(err)
		}
		if want := times * 9 * 2 * 4 * 64; r.Total.MAC != want {
			t.Errorf("%s: %v MAC, want %v", coding, r.Total.MAC, want)
		}
	}
}

func TestUpdateCost(t *testing.T) {
	for _, c := range []struct {
		form     string
		params   map[string]float64
		learn    []string
		mul, add float64
	}{
		{"lif", nil, nil, 1, 1},
		{"if", nil, nil, 0, 1},
		{"qif", nil, nil, 2, 2},
		{"qif-euler", nil, nil, 2, 2},
		{"poly", nil, nil, 2, 2},
		{"lif", map[string]float64{"leak": 1}, nil, 0, 1},
		{"lif", map[string]float64{"leak": 1}, []string{"leak"}, 1, 1},
		{"lif", map[string]float64{"leak": 0}, nil, 0, 0},
		{"qif", map[string]float64{"a": .25, "u1": -.5, "u2": .5}, nil, 2, 1}, // (c2·v)·v + x, the constant in the bias
		{"poly", map[string]float64{"c2": 0, "c1": .5, "c0": .1}, nil, 1, 1},
	} {
		m, err := neuron.Default(c.form)
		if err != nil {
			t.Fatal(err)
		}
		if c.params != nil {
			m.Params = c.params
		}
		m.Learn = c.learn
		if mul, add := energy.UpdateCost(m); mul != c.mul || add != c.add {
			t.Errorf("%s %v: %v multiplications and %v additions, want %v and %v", c.form, m.Params, mul, add, c.mul, c.add)
		}
	}
}

// TestPresets adds up a small network's energy by hand: MLP of one hidden layer
// of 2,048 on 4 inputs, 3 classes, LIF, two steps with shares .5 and .25.
//
//	fc1   8,192 MAC once; weights of 32 KB
//	n     2,048 neurons, 2 steps: 4,096 updates; potentials of 8 KB
//	fc2   2,048·3·(.5 + .25) = 4,608 AC; weights of 24 KB, sums of 12 bytes
func TestPresets(t *testing.T) {
	m, err := neuron.Default("lif")
	if err != nil {
		t.Fatal(err)
	}
	net := checked(t, zoo.MLP(zoo.Config{
		Input: graph.Shape{H: 1, W: 1, C: 4}, Coding: graph.Direct, Classes: 3, Model: m,
		Window: window.Spec{Policy: window.Policy{Kind: window.Fixed, Value: 1}, Shape: window.Triangular},
	}, 2048))
	r, err := energy.Count(net, 2, map[string][]float64{"fc2": {.5, .25}})
	if err != nil {
		t.Fatal(err)
	}
	const at24KB = 5 + 5*16./24
	synapses := 8192*4.6 + 4608*.9
	for name, want := range map[string]energy.Energy{
		"field":      {Synapses: synapses},
		"arithmetic": {Synapses: synapses, Neurons: 4096 * 4.6},
		"memory": {
			Synapses: synapses, Neurons: 4096 * 4.6,
			Memory: 8192*10 + 2*4096*5 + 4608*at24KB + 2*4608*5,
		},
	} {
		p, err := energy.PresetNamed(name)
		if err != nil {
			t.Fatal(err)
		}
		got := p.OfNet(r)
		if math.Abs(got.Total()-want.Total()) > 1e-6 || math.Abs(got.Memory-want.Memory) > 1e-6 || math.Abs(got.Neurons-want.Neurons) > 1e-6 {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
		steps := 0.
		for _, l := range r.Layers {
			steps += p.OfStep(l, 0).Total() + p.OfStep(l, 1).Total()
		}
		if math.Abs(steps-got.Total()) > 1e-6 {
			t.Errorf("%s: the steps add up to %v, want %v", name, steps, got.Total())
		}
	}
}

func TestCountRefuses(t *testing.T) {
	net := mixed(t, graph.Direct)
	for want, change := range map[string]func(map[string][]float64){
		`layer "sums": the share of inputs that are not zero is given for 0 steps, expected 3`:    func(s map[string][]float64) { delete(s, "sums") },
		`layer "fc": the share of inputs that are not zero is given for 1 steps, expected 3`:      func(s map[string][]float64) { s["fc"] = s["fc"][:1] },
		`layer "fc": a share 1.5 of inputs that are not zero at step t=2, expected within [0, 1]`: func(s map[string][]float64) { s["fc"][1] = 1.5 },
		`layer "fc": a share NaN`: func(s map[string][]float64) { s["fc"][1] = math.NaN() },
	} {
		shares := energy.Uniform(net, 3, .5)
		change(shares)
		if _, err := energy.Count(net, 3, shares); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got error %v, want one with %q", err, want)
		}
	}
	if _, err := energy.PresetNamed("loihi"); err == nil || !strings.Contains(err.Error(), "known: field, arithmetic, memory") {
		t.Errorf("an unknown preset: got error %v", err)
	}
	taken := net.Graph
	taken.Nodes = append([]graph.Node{}, taken.Nodes...)
	for i := range taken.Nodes {
		if taken.Nodes[i].Name == "n-spikes" {
			taken.Nodes[i].Name = "probe-sum"
		}
		for j, in := range taken.Nodes[i].Inputs {
			if in == "n-spikes" {
				taken.Nodes[i].Inputs[j] = "probe-sum"
			}
		}
	}
	if _, err := energy.Probe(checked(t, taken)); err == nil || !strings.Contains(err.Error(), `"probe-sum"`) {
		t.Errorf("a node named like a probe: got error %v", err)
	}
}

// TestEveryMemberCanBeProbed: probes fit all networks of the zoo, and each layer
// behind spikes gets its share.
func TestEveryMemberCanBeProbed(t *testing.T) {
	for _, member := range zoo.Nets {
		u := member.Use
		net := built(t, member.Name, "qif", u.Input.Shape, u.Input.Coding, u.Classes)
		probed, err := energy.Probe(net)
		if err != nil {
			t.Fatal(err)
		}
		acts := []engine.Activity{}
		for _, l := range probed.Net.Neurons() {
			acts = append(acts, engine.Activity{Node: l.Name, Rate: []float64{.25}})
		}
		r, err := energy.Count(net, 1, probed.Shares(acts))
		if err != nil {
			t.Errorf("%s: %v", member.Name, err)
			continue
		}
		first := float64(net.Layers[1].MACs)
		if member.Name == "mlp" { // behind a flatten
			first = float64(net.Layers[2].MACs)
		}
		if want := .25 * (float64(net.MACs()) - first); math.Abs(r.Total.SynapticOps()-want) > 1 {
			t.Errorf("%s: %v synaptic operations, want %v", member.Name, r.Total.SynapticOps(), want)
		}
	}
}

func ExampleCount() {
	m, err := neuron.Default("qif")
	if err != nil {
		fmt.Println(err)
		return
	}
	net, err := graph.Check(zoo.Tiny(zoo.Config{
		Input: graph.Shape{H: 28, W: 28, C: 1}, Coding: graph.Direct, Classes: 10, Model: m,
		Window: window.Spec{Policy: window.Policy{Kind: window.Fixed, Value: 1}, Shape: window.Triangular},
	}))
	if err != nil {
		fmt.Println(err)
		return
	}
	r, err := energy.Count(net, 4, energy.Uniform(net, 4, .2))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, p := range energy.Presets {
		fmt.Printf("%-10s %.2f µJ\n", p.Name, p.OfNet(r).Total()/1e6)
	}
	// Output:
	// field      1.18 µJ
	// arithmetic 4.59 µJ
	// memory     24.23 µJ
}
