package cpu

import (
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/qif-snn/qif/engine"
	"github.com/qif-snn/qif/engine/ref"
	"github.com/qif-snn/qif/graph"
	"github.com/qif-snn/qif/window"
)

var _ engine.Prober = (*trainer)(nil)

// open returns a network whose first neurons take frames as they come, so that
// ∂L/∂u[t] of theirs is the derivative with respect to the input.
func open(t testing.TB, v variant) *graph.Network {
	t.Helper()
	first := v.neuron(t)
	first.Model.Learn = []string{"a"} // or the layer would need no gradient
	b := graph.NewBuilder("open")
	x := b.Add("input", &graph.Input{Shape: graph.Shape{H: 3, W: 2, C: 5}, Coding: graph.Frames})
	x = b.Add("first", first, x)
	x = b.Add("second", v.neuron(t), b.Add("conv", &graph.Conv{Out: 6, Kernel: 3, Stride: 1, Pad: 1, Bias: true}, x))
	b.Add("readout", &graph.Readout{}, b.Add("fc", &graph.Linear{Out: 3}, b.Add("flatten", &graph.Flatten{}, x)))
	net, err := graph.Check(b.Graph())
	if err != nil {
		t.Fatal(err)
	}
	return net
}

// TestGradientOfPotentials holds ∂L/∂u[t] against finite differences of the
// smoothed reference, and its sum against the gradient of the bias before it.
func TestGradientOfPotentials(t *testing.T) {
	for _, v := range variants[:6] {
		net := open(t, v)
		atEachLevel(t, v.name, func(t *testing.T) {
			tr := compileForm(t, net, engine.TrainOptions{Batch: refBatch, Steps: refSteps, Threads: 2, Seed: 3, Loss: ce, Optimizer: sgd}, smoothSpikes)
			b := randomBatch(net, refBatch, refSteps, 1)
			q := map[string][]float64{}
			_, grads, err := tr.Gradient(b, func(node string, step int, g []float32) {
				if step*len(g) != len(q[node]) {
					t.Errorf("%s: step %d comes after %d numbers", node, step, len(q[node]))
				}
				q[node] = append(q[node], widen(g)...)
			})
			if err != nil {
				t.Fatal(err)
			}
			pr := newProblem(t, tr, b, ce)
			var elements []int
			for e := range len(q["first"]) {
				elements = append(elements, e)
			}
			want, err := ref.FiniteDifference(net, pr.params, widen(b.X), b.Y, refBatch, refSteps, pr.windows, ce, pr.opts, "input", elements)
			if err != nil {
				t.Fatal(err)
			}
			near(t, "∂L/∂u of the first layer", narrow(q["first"]), want)
			i := slices.IndexFunc(grads, func(g graph.Tensor) bool { return g.Name == "conv.bias" })
			sum := make([]float64, 6)
			for j, g := range q["second"] {
				sum[j%6] += g
			}
			near(t, "∂L/∂bias before the second layer", grads[i].Data, sum)
		})
	}
}

func narrow(x []float64) []float32 {
	y := make([]float32, len(x))
	for i, v := range x {
		y[i] = float32(v)
	}
	return y
}

// TestProbeAgreesWithStep compares loss and gradient with those of a training
// step, layer gradients with packed spikes among them, in both precisions.
func TestProbeAgreesWithStep(t *testing.T) {
	for _, precision := range []string{engine.FP32, engine.Mixed} {
		net := broad(t, variants[0], graph.Direct)
		tr := compileTrain(t, net, engine.TrainOptions{Batch: 4, Steps: 3, Seed: 1, Loss: tet, Optimizer: engine.Optimizer{Kind: engine.SGD}, Precision: precision})
		b := randomBatch(net, 4, 3, 1)
		before := tr.Snapshot()
		loss, err := tr.Loss(b)
		if err != nil {
			t.Fatal(err)
		}
		lone := loss.Loss
		square := map[string]float64{}
		asked, grads, err := tr.Gradient(b, func(node string, step int, q []float32) {
			for _, g := range q {
				square[node] += float64(g) * float64(g)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(before, tr.Snapshot()) {
			t.Errorf("%s: asking moved the trainer", precision)
		}
		if asked.Loss != lone {
			t.Errorf("%s: loss %v with the gradient, %v without", precision, asked.Loss, lone)
		}
		for _, n := range tr.scan {
			if !(square[n.name] > 0) {
				t.Errorf("%s: no gradient of layer %s", precision, n.name)
			}
		}
		norm := asked.GradNorm
		kept := slices.Clone(grads[0].Data)
		r, err := tr.Step(b, 1)
		if err != nil {
			t.Fatal(err)
		}
		if r.Loss != lone || r.GradNorm != norm {
			t.Errorf("%s: loss %v and norm %v, a step has %v and %v", precision, lone, norm, r.Loss, r.GradNorm)
		}
		after := tr.Tensors()
		i := slices.IndexFunc(after, func(x graph.Tensor) bool { return x.Name == grads[0].Name })
		for j, g := range kept {
			if want := before.Params[i].Data[j] - g; after[i].Data[j] != want {
				t.Fatalf("%s: a step leads to %v, the gradient said %v", precision, after[i].Data[j], want)
			}
		}
	}
}

// TestSetWindowsEqualsCompiling goes through shapes with and without an end on
// one trainer and compares with trainers compiled for each.
func TestSetWindowsEqualsCompiling(t *testing.T) {
	o := engine.TrainOptions{Batch: 4, Steps: 3, Seed: 1, Loss: ce, Optimizer: sgd}
	with := func(s window.Shape, policy string) *graph.Network {
		v := variants[0]
		v.shape = s
		g := broad(t, v, graph.Direct).Graph
		for _, n := range g.Nodes {
			if op, ok := n.Op.(*graph.Neuron); ok {
				p, err := window.ParsePolicy(policy)
				if err != nil {
					t.Fatal(err)
				}
				op.Window.Policy = p
			}
		}
		net, err := graph.Check(g)
		if err != nil {
			t.Fatal(err)
		}
		return net
	}
	atEachLevel(t, "broad", func(t *testing.T) {
		for _, first := range []window.Shape{window.Triangular, window.Gaussian} {
			tr := compileTrain(t, with(first, "fixed:.3"), o)
			for i, shape := range append(slices.Clone(window.Shapes), first) {
				policy := []string{"fixed:.4", "sigma:3"}[i%2]
				net := with(shape, policy)
				windows, err := net.Windows(3)
				if err != nil {
					t.Fatal(err)
				}
				if err := tr.SetWindows(windows); err != nil {
					t.Fatal(err)
				}
				b := randomBatch(net, 4, 3, 4)
				_, got, err := tr.Gradient(b, nil)
				if err != nil {
					t.Fatal(err)
				}
				_, want, err := compileTrain(t, net, o).Gradient(b, nil)
				if err != nil {
					t.Fatal(err)
				}
				for k, w := range want {
					closeTo(t, string(shape)+", "+policy+": "+w.Name, got[k].Data, w.Data, 1e-4, 0)
				}
			}
		}
	})
}

func TestSetWindowsRefusesWhatDoesNotFit(t *testing.T) {
	net := open(t, variants[0])
	tr := compileTrain(t, net, engine.TrainOptions{Batch: 2, Steps: 3, Loss: ce, Optimizer: sgd})
	for want, change := range map[string]func([]graph.LayerWindows) []graph.LayerWindows{
		"windows of 1 layers, the network has 2": func(w []graph.LayerWindows) []graph.LayerWindows { return w[:1] },
		`expected those of layer "first"`:        func(w []graph.LayerWindows) []graph.LayerWindows { w[0].Node = "x"; return w },
		"2 window widths, expected one for each of 3 steps": func(w []graph.LayerWindows) []graph.LayerWindows {
			w[0].Widths = w[0].Widths[:2]
			return w
		},
		"window width NaN at step 2":  func(w []graph.LayerWindows) []graph.LayerWindows { w[1].Widths[1] = math.NaN(); return w },
		`unknown window shape "wavy"`: func(w []graph.LayerWindows) []graph.LayerWindows { w[1].Shape = "wavy"; return w },
	} {
		windows, err := net.Windows(3)
		if err != nil {
			t.Fatal(err)
		}
		if err := tr.SetWindows(change(windows)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error with %q, got %v", want, err)
		}
	}
}

// TestSetParams moves a network there and back.
func TestSetParams(t *testing.T) {
	net := broad(t, variants[0], graph.Direct)
	tr := compileTrain(t, net, engine.TrainOptions{Batch: 4, Steps: 3, Seed: 1, Loss: ce, Optimizer: sgd})
	b := randomBatch(net, 4, 3, 1)
	loss := func(seed uint64) float64 {
		if err := tr.SetParams(net.Init(seed)); err != nil {
			t.Fatal(err)
		}
		r, err := tr.Loss(b)
		if err != nil {
			t.Fatal(err)
		}
		return r.Loss
	}
	if a, other, back := loss(1), loss(2), loss(1); a != back || a == other {
		t.Errorf("losses %v, %v and %v; expected the first and the last alone to be equal", a, other, back)
	}
	if err := tr.SetParams(net.Init(1)[1:]); err == nil {
		t.Error("parameters without the first tensor were taken")
	}
}
