package cpu

import (
	"fmt"
	"maps"
	"math"
	"testing"

	"github.com/qif-snn/qif/engine"
	"github.com/qif-snn/qif/engine/cpu/internal/kernel"
	"github.com/qif-snn/qif/engine/ref"
	"github.com/qif-snn/qif/graph"
)

const refSteps, refBatch = 4, 3

func widen(x []float32) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	return y
}

// mask repeats a trainer's dropout masks to the reference.
func (t *trainer) mask(node string, sample, element int) float64 {
	for _, d := range t.drop {
		if t.net.Layers[d.node].Name == node {
			return float64(d.mask[sample*d.y.shape.Size()+element])
		}
	}
	panic("no dropout " + node)
}

// problem is a trainer's loss on a batch as the reference sees it.
type problem struct {
	net     *graph.Network
	params  map[string][]float64
	b       engine.Batch
	windows []graph.LayerWindows
	loss    engine.Loss
	opts    ref.Options
}

func newProblem(t *testing.T, tr *trainer, b engine.Batch, loss engine.Loss) problem {
	t.Helper()
	windows, err := tr.net.WindowsOf(tr.Tensors(), refSteps)
	if err != nil {
		t.Fatal(err)
	}
	return problem{tr.net, ref.Float64(tr.Tensors()), b, windows, loss, ref.Options{Train: true, Smooth: true, DropoutMask: tr.mask}}
}

// TestGradientOfSmoothedNetwork holds the hand-written backward pass, in its
// smooth mode, against finite differences of the float64 reference: every
// tensor of a network with every kind of node, every kind of reset, detached or
// not, both losses, both codings, with and without dropout.
func TestGradientOfSmoothedNetwork(t *testing.T) {
	for i, v := range variants {
		for _, coding := range []string{graph.Direct, graph.Frames} {
			loss, dropout := ce, 0.
			if (i+len(coding))%2 == 0 {
				loss, dropout = tet, .3
			}
			for name, build := range nets {
				t.Run(fmt.Sprintf("%s, %s, %s, %s", name, v.name, coding, loss.Kind), func(t *testing.T) {
					checkNet(t, build(t, v, coding, dropout), loss, uint64(i))
				})
			}
		}
	}
}

// TestGradientOfWideNetwork is the same where channels and rows cross the sizes of
// blocks, for one kind of neuron: finite differences take their time there.
func TestGradientOfWideNetwork(t *testing.T) {
	checkNet(t, wide(t, variants[1], graph.Frames, 0), tet, 1)
}

// checkNet computes gradients with every version of the kernels, one after the
// other, and then compares them with the reference, beside other networks.
func checkNet(t *testing.T, net *graph.Network, loss engine.Loss, seed uint64) {
	t.Helper()
	b := randomBatch(net, refBatch, refSteps, seed)
	var pr problem
	gradients := map[string][][]float32{} // by parameter, per level
	losses := eachLevel(func() float64 {
		tr := compileForm(t, net, engine.TrainOptions{
			Batch: refBatch, Steps: refSteps, Threads: 2, Seed: 3, Loss: loss, Optimizer: sgd,
		}, smoothSpikes)
		unsettle(tr)
		tr.pass(b, true)
		got, _ := tr.judge(b.Y)
		tr.backward()
		for _, p := range tr.params {
			if p.grad != nil {
				gradients[p.spec.Name] = append(gradients[p.spec.Name], p.grad)
			}
		}
		pr = newProblem(t, tr, b, loss) // the same at every level
		return got
	})
	t.Parallel()
	checkLoss(t, pr, losses)
	for name, grads := range gradients {
		checkGradient(t, pr, name, grads)
	}
}

// unsettle moves the tensors that windows follow from their initial values.
func unsettle(tr *trainer) {
	for _, p := range tr.params {
		for i := range p.data {
			switch p.spec.Role {
			case graph.WindowWidth:
				p.data[i] -= .25
			case graph.RunningSpread:
				p.data[i] = 1.5
			case graph.NeuronParam:
				p.data[i] *= 1 + .2/float32(i+1)
			}
		}
	}
}

// eachLevel calls fn with every version of the kernels in use.
func eachLevel[T any](fn func() T) []T {
	var out []T
	for _, level := range kernel.Levels() {
		restore := kernel.Use(level)
		out = append(out, fn())
		restore()
	}
	return out
}

func checkLoss(t *testing.T, p problem, losses []float64) {
	t.Helper()
	trace, err := ref.Forward(p.net, p.params, widen(p.b.X), refBatch, refSteps, p.windows, p.opts)
	if err != nil {
		t.Fatal(err)
	}
	want := ref.NetworkLoss(p.net, trace.Logits, p.b.Y, refSteps, refBatch, p.loss)
	for i, got := range losses {
		if math.Abs(got-want) > 1e-5*(1+want) {
			t.Fatalf("%s: loss %v, the reference has %v", kernel.Levels()[i], got, want)
		}
	}
}

// checkGradient compares up to a dozen elements of a tensor, at every level. The tolerance is
// relative to the largest of them: float32 sums have that error. Where a floor
// or a rectangle's edge lies within the difference's step, differences say
// nothing; such points do not occur in these problems.
func checkGradient(t *testing.T, pr problem, name string, grads [][]float32) {
	t.Helper()
	var elements []int
	for n, e := len(grads[0]), 0; e < n; e += max(1, n/12) {
		elements = append(elements, e)
	}
	want, err := ref.FiniteDifference(pr.net, pr.params, widen(pr.b.X), pr.b.Y, refBatch, refSteps,
		pr.windows, pr.loss, pr.opts, name, elements)
	if err != nil {
		t.Fatal(err)
	}
	largest := 0.0
	for _, w := range want {
		largest = math.Max(largest, math.Abs(w))
	}
	for level, grad := range grads {
		for i, e := range elements {
			if d := math.Abs(float64(grad[e]) - want[i]); !(d <= 2e-3*largest+2e-6) {
				t.Errorf("%s: ∂L/∂%s[%d] = %v, finite differences give %v (largest %.3g)",
					kernel.Levels()[level], name, e, grad[e], want[i], largest)
			}
		}
	}
}

// atEachLevel runs a test with every version of the kernels.
func atEachLevel(t *testing.T, name string, fn func(t *testing.T)) {
	for _, level := range kernel.Levels() {
		t.Run(name+", "+level, func(t *testing.T) {
			defer kernel.Use(level)()
			fn(t)
		})
	}
}

// TestForwardAgainstReference holds spikes, potentials, logits and running
// statistics of the spiking network against the reference, in training and, by
// a Runner, in inference.
func TestForwardAgainstReference(t *testing.T) {
	for i, v := range variants {
		for _, coding := range []string{graph.Direct, graph.Frames} {
			build := everything
			if i == 1 {
				build = wide
			}
			atEachLevel(t, v.name+", "+coding, func(t *testing.T) {
				net := build(t, v, coding, .2)
				o := engine.TrainOptions{Batch: refBatch, Steps: refSteps, Seed: 5, Loss: ce, Optimizer: sgd}
				tr := compileTrain(t, net, o)
				b := randomBatch(net, refBatch, refSteps, uint64(i))
				before := ref.Float64(tr.Tensors())
				tr.pass(b, true)
				trace, err := ref.Forward(net, before, widen(b.X), refBatch, refSteps, nil, ref.Options{Train: true, DropoutMask: tr.mask})
				if err != nil {
					t.Fatal(err)
				}
				for _, n := range tr.scan {
					size := refBatch * n.y.shape.Size()
					u := make([]float32, size)
					for step := range refSteps {
						n.observe(u, step)
						near(t, "potential of "+n.name, u, trace.Potentials[n.name][step*size:][:size])
					}
					near(t, "spikes of "+n.name, spikesOf(n), trace.Outputs[n.name])
				}
				near(t, "logits", tr.out.data[:len(trace.Logits)], trace.Logits)
				if _, err := tr.Step(b, 0); err != nil { // no learning: running statistics alone move
					t.Fatal(err)
				}
				after := ref.Float64(tr.Tensors())
				checkRunning(t, net, before, after, trace)
				checkRunner(t, net, tr.Tensors(), after, b)
			})
		}
	}
}

// spikesOf returns a layer's spikes as [T, N, H, W, C].
func spikesOf(n *neuronOp) []float32 {
	y, c, frames := n.y, n.y.shape.C, n.p.frames(n.y)
	wide := make([]float32, y.pixels()*frames*c)
	if y.form == asSpikes {
		kernel.UnpackBits(wide, y.bits, c, 1)
	} else {
		copy(wide, y.data)
	}
	images := make([]float32, len(wide))
	for px := range y.pixels() {
		for f := range frames {
			copy(images[(f*y.pixels()+px)*c:][:c], wide[(px*frames+f)*c:])
		}
	}
	return images
}

func near(t *testing.T, what string, got []float32, want []float64) {
	t.Helper()
	for i, w := range want {
		if d := math.Abs(float64(got[i]) - w); !(d <= 1e-4*(1+math.Abs(w))) {
			t.Fatalf("%s: element %d is %v, the reference has %v", what, i, got[i], w)
		}
	}
}

func checkRunning(t *testing.T, net *graph.Network, before, after map[string][]float64, trace *ref.Trace) {
	t.Helper()
	running := trace.Running(net, before)
	spreads, err := trace.Spreads(net, before)
	if err != nil {
		t.Fatal(err)
	}
	maps.Copy(running, spreads)
	for name, want := range running {
		for c, w := range want {
			if got := after[name][c]; math.Abs(got-w) > 1e-5*(1+math.Abs(w)) {
				t.Fatalf("%s of channel %d is %v, the reference has %v", name, c, got, w)
			}
		}
	}
}

// checkRunner runs inference on the network and on its folded form.
func checkRunner(t *testing.T, net *graph.Network, tensors []graph.Tensor, params map[string][]float64, b engine.Batch) {
	t.Helper()
	trace, err := ref.Forward(net, params, widen(b.X), refBatch, refSteps, nil, ref.Options{})
	if err != nil {
		t.Fatal(err)
	}
	folded, foldedTensors, err := graph.Fold(net, tensors)
	if err != nil {
		t.Fatal(err)
	}
	if len(folded.Layers) >= len(net.Layers) {
		t.Fatal("nothing was folded")
	}
	for name, c := range map[string]struct {
		net     *graph.Network
		tensors []graph.Tensor
	}{"inference": {net, tensors}, "folded inference": {folded, foldedTensors}} {
		r, err := Engine{}.CompileInfer(c.net, engine.InferOptions{Batch: refBatch, Steps: refSteps})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		if err := r.Load(c.tensors); err != nil {
			t.Fatal(err)
		}
		logits := make([]float32, len(trace.Logits))
		if err := r.Run(b, logits, nil); err != nil {
			t.Fatal(err)
		}
		near(t, name, logits, trace.Logits)
	}
}
