package ref_test

import (
	"math"
	"strings"
	"testing"

	"github.com/qif-snn/qif/engine"
	"github.com/qif-snn/qif/engine/ref"
	"github.com/qif-snn/qif/graph"
	"github.com/qif-snn/qif/neuron"
	"github.com/qif-snn/qif/window"
)

// TestSoftmaxRegression: the gradient of a lone linear layer is x·(p − onehot).
func TestSoftmaxRegression(t *testing.T) {
	const n, k, d = 3, 4, 2
	net := chain(t, graph.Shape{H: 1, W: 1, C: d}, graph.Direct, named{"fc", &graph.Linear{Out: k, Bias: true}})
	params := map[string][]float64{"fc.weight": normals(d*k, 1), "fc.bias": normals(k, 2)}
	x, labels := normals(n*d, 3), []int32{2, 0, 3}
	weight, bias, input := make([]float64, d*k), make([]float64, k), make([]float64, n*d)
	for i := range n {
		e, sum := make([]float64, k), 0.0
		for o := range k {
			e[o] = math.Exp(params["fc.bias"][o] + x[i*d]*params["fc.weight"][o] + x[i*d+1]*params["fc.weight"][k+o])
			sum += e[o]
		}
		for o := range k {
			g := e[o] / sum / n
			if int(labels[i]) == o {
				g -= 1. / n
			}
			bias[o] += g
			for c := range d {
				weight[c*k+o] += g * x[i*d+c]
				input[i*d+c] += g * params["fc.weight"][c*k+o]
			}
		}
	}
	for name, want := range map[string][]float64{"fc.weight": weight, "fc.bias": bias, "input": input} {
		elems := make([]int, len(want))
		for i := range elems {
			elems[i] = i
		}
		got, err := ref.FiniteDifference(net, params, x, labels, n, 2, nil, ce, ref.Options{}, name, elems)
		if err != nil {
			t.Fatal(err)
		}
		within(t, name, got, want, 1e-9)
	}
}

// TestNormalisationHidesBias: in training tdBN subtracts the batch's mean, and
// with it the bias of the layer before, whose gradient is therefore zero. The
// running statistics do not move, so in inference it counts.
func TestNormalisationHidesBias(t *testing.T) {
	bn := graph.DefaultTDBN(1, 1)
	net := chain(t, graph.Shape{H: 2, W: 2, C: 1}, graph.Direct,
		named{"conv", &graph.Conv{Out: 2, Kernel: 2, Stride: 1, Pad: 1, Bias: true}}, named{"bn", &bn},
		named{"n", neuronOp(t, "qif", window.Sigmoid, 1, nil)}, named{"flat", &graph.Flatten{}}, named{"fc", &graph.Linear{Out: 2}})
	params := ref.Float64(net.Init(3))
	for train, zero := range map[bool]bool{true: true, false: false} {
		g, err := ref.FiniteDifference(net, params, normals(8, 4), []int32{0, 1}, 2, 3, windowsOf(t, net, 3),
			tet, ref.Options{Train: train}, "conv.bias", []int{0, 1})
		if err != nil {
			t.Fatal(err)
		}
		for c, v := range g {
			if (math.Abs(v) < 1e-9) != zero {
				t.Errorf("train %v: gradient of bias %d is %v, zero expected: %v", train, c, v, zero)
			}
		}
	}
}

// TestBackpropagationThroughTime compares finite differences with the backward
// recursion of one neuron, written out here:
//
//	q[t] = g[t]·h(u[t]) + q[t+1]·f′(v[t])·∂v[t]/∂u[t]
//	hard: ∂v/∂u = 1 − s, less (u − u_r)·h if gradients flow through the reset
//	soft: ∂v/∂u = 1, less θ·h likewise
func TestBackpropagationThroughTime(t *testing.T) {
	const steps = 5
	floor := -.5
	for name, c := range map[string]struct {
		form string
		fn   func(*neuron.Model)
	}{
		"hard":          {"qif", func(m *neuron.Model) { m.Detach = false }},
		"hard detached": {"qif", func(m *neuron.Model) {}},
		"below zero":    {"qif-euler", func(m *neuron.Model) { m.Detach, m.ResetValue = false, -.25 }},
		"soft":          {"lif", func(m *neuron.Model) { m.Detach, m.Reset = false, neuron.SoftReset }},
		"soft detached": {"lif", func(m *neuron.Model) { m.Reset = neuron.SoftReset }},
		"floor":         {"qif", func(m *neuron.Model) { m.Detach, m.Floor = false, &floor }},
	} {
		t.Run(name, func(t *testing.T) {
			op := neuronOp(t, c.form, window.Gaussian, 1.5, c.fn)
			net := chain(t, graph.Shape{H: 1, W: 1, C: 1}, graph.Frames, named{"n", op}, named{"fc", &graph.Linear{Out: 2, Bias: true}})
			params := map[string][]float64{"fc.weight": {1.5, -.75}, "fc.bias": {.25, -.5}}
			x, labels := []float64{.75, -1.5, 1.25, .5, 1}, []int32{1}
			ws := windowsOf(t, net, steps)
			tr, err := ref.Forward(net, params, x, 1, steps, ws, ref.Options{Smooth: true})
			if err != nil {
				t.Fatal(err)
			}
			want := backpropagate(t, op, tr, ws[0].Windows, params)
			got, err := ref.FiniteDifference(net, params, x, labels, 1, steps, ws, ce, ref.Options{}, "input", []int{0, 1, 2, 3, 4})
			if err != nil {
				t.Fatal(err)
			}
			within(t, "∂L/∂x", got, want, 1e-9)
		})
	}
}

func backpropagate(t *testing.T, op *graph.Neuron, tr *ref.Trace, w window.Windows, params map[string][]float64) []float64 {
	t.Helper()
	d, err := op.Model.Dynamics()
	if err != nil {
		t.Fatal(err)
	}
	steps := len(tr.Potentials["n"])
	o := [2]float64{}
	for i, v := range tr.Logits {
		o[i%2] += v / float64(steps)
	}
	p0 := 1 / (1 + math.Exp(o[1]-o[0])) // of class 0; the label is 1
	g := p0 * (params["fc.weight"][0] - params["fc.weight"][1]) / float64(steps)
	q, next := make([]float64, steps), 0.0
	for i := steps - 1; i >= 0; i-- {
		u, s := tr.Potentials["n"][i], tr.Outputs["n"][i]
		b := w.Widths[i] / math.Sqrt(12)
		h := math.Exp(-(u-d.Threshold)*(u-d.Threshold)/(2*b*b)) / (b * math.Sqrt(2*math.Pi))
		v, keep, through := u*(1-s)+d.ResetValue*s, 1-s, (u-d.ResetValue)*h
		if op.Model.Reset == neuron.SoftReset {
			v, keep, through = u-d.Threshold*s, 1, d.Threshold*h
		}
		if !op.Model.Detach {
			keep -= through
		}
		if op.Model.Floor != nil && v < *op.Model.Floor {
			v, keep = *op.Model.Floor, 0
		}
		q[i] = g*h + next*(2*d.C2*v+d.C1)*keep
		next = q[i]
	}
	return q
}

// TestGradientOfALearnedWidth compares finite differences with −Σ g·(u−θ)·h for
// a detached reset, with the window written out.
func TestGradientOfALearnedWidth(t *testing.T) {
	const steps = 4
	op := neuronOp(t, "qif", window.Gaussian, 1, nil)
	op.Window.Policy = window.Policy{Kind: window.Learned, Value: 1.5}
	net := chain(t, graph.Shape{H: 1, W: 1, C: 1}, graph.Frames, named{"n", op}, named{"fc", &graph.Linear{Out: 2}})
	rules, err := net.WindowRules(steps)
	if err != nil {
		t.Fatal(err)
	}
	const log = -.25
	params := map[string][]float64{"n.log_width": {log}, "fc.weight": {1.5, -.75}}
	ws := []graph.LayerWindows{rules[0].At(func(string) float64 { return log })}
	x := []float64{.75, -1.5, 1.25, .5}
	tr, err := ref.Forward(net, params, x, 1, steps, ws, ref.Options{Smooth: true})
	if err != nil {
		t.Fatal(err)
	}
	o := 0. // the difference of the mean logits; the label is 1
	for i := range steps {
		o += (tr.Logits[2*i] - tr.Logits[2*i+1]) / steps
	}
	g := 2.25 / (1 + math.Exp(-o)) / steps
	want, b := 0., 1.5*math.Exp(log)/math.Sqrt(12)
	for _, u := range tr.Potentials["n"] {
		want -= g * (u - 1) * math.Exp(-(u-1)*(u-1)/(2*b*b)) / (b * math.Sqrt(2*math.Pi))
	}
	got, err := ref.FiniteDifference(net, params, x, []int32{1}, 1, steps, ws, ce, ref.Options{}, "n.log_width", []int{0})
	if err != nil {
		t.Fatal(err)
	}
	within(t, "∂L/∂log α", got, []float64{want}, 1e-9)
}

// TestDetachedNodesAloneAreFrozen: of two layers, only the detached one's reset
// holds still. The gradient with respect to the learned leak of the other must
// see its own reset move, which the frozen pass would hide.
func TestDetachedNodesAloneAreFrozen(t *testing.T) {
	const steps = 4
	learn := func(detach bool) func(*neuron.Model) {
		return func(m *neuron.Model) { m.Detach, m.Learn = detach, []string{"leak"} }
	}
	net := chain(t, graph.Shape{H: 1, W: 1, C: 2}, graph.Frames,
		named{"free", neuronOp(t, "lif", window.Sigmoid, 2, learn(false))},
		named{"held", neuronOp(t, "lif", window.Sigmoid, 2, learn(true))})
	params := map[string][]float64{"free.leak": {.5}, "held.leak": {.75}}
	x, labels := []float64{1.5, .5, -1, 1, 2, .25, .75, 1}, []int32{0}
	ws := windowsOf(t, net, steps)
	tr, err := ref.Forward(net, params, x, 1, steps, ws, ref.Options{Smooth: true})
	if err != nil {
		t.Fatal(err)
	}
	gradient := func(name string, o ref.Options) float64 {
		t.Helper()
		g, err := ref.FiniteDifference(net, params, x, labels, 1, steps, ws, ce, o, name, []int{0})
		if err != nil {
			t.Fatal(err)
		}
		return g[0]
	}
	none := ref.Options{FrozenReset: map[string][]float64{}}
	held := ref.Options{FrozenReset: map[string][]float64{"held": tr.Outputs["held"]}}
	both := ref.Options{FrozenReset: map[string][]float64{"held": tr.Outputs["held"], "free": tr.Outputs["free"]}}
	for _, name := range []string{"free.leak", "held.leak"} {
		got, want := gradient(name, ref.Options{}), gradient(name, held)
		if got != want || got == gradient(name, none) {
			t.Errorf("%s: gradient %v, want %v as with %q frozen, and not %v as with none", name, got, want, "held", gradient(name, none))
		}
	}
	if gradient("free.leak", held) == gradient("free.leak", both) {
		t.Error("freezing the free layer makes no difference: the test shows nothing")
	}
}

func TestFiniteDifferenceRefuses(t *testing.T) {
	net := chain(t, graph.Shape{H: 1, W: 1, C: 2}, graph.Direct, named{"fc", &graph.Linear{Out: 2}})
	params := map[string][]float64{"fc.weight": make([]float64, 4)}
	for name, c := range map[string]struct {
		labels []int32
		loss   engine.Loss
		tensor string
		elem   int
		want   string
	}{
		"loss":    {[]int32{0}, engine.Loss{Kind: "mse"}, "input", 0, `loss is "mse"`},
		"labels":  {[]int32{0, 1}, ce, "input", 0, "2 labels for 1 samples"},
		"label":   {[]int32{2}, ce, "input", 0, "label 2 of sample 0"},
		"tensor":  {[]int32{0}, ce, "fc.bias", 0, `"fc.bias" is neither`},
		"element": {[]int32{0}, ce, "fc.weight", 4, `element 4 of "fc.weight", which has 4`},
	} {
		_, err := ref.FiniteDifference(net, params, make([]float64, 2), c.labels, 1, 1, nil, c.loss, ref.Options{}, c.tensor, []int{c.elem})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got error %v, want one with %q", name, err, c.want)
		}
	}
}
