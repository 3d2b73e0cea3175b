package cpu

import (
	"math"
	"slices"
	"testing"

	"github.com/qif-snn/qif/engine"
	"github.com/qif-snn/qif/graph"
	"github.com/qif-snn/qif/neuron"
	"github.com/qif-snn/qif/window"
)

// compact are kinds of neurons whose window ends.
var compact = []variant{
	variants[0],
	{"hard, rectangular", func(m *neuron.Model) { m.Detach = false }, "qif", window.Rectangular, ""},
	{"learned, epanechnikov", func(m *neuron.Model) { m.Detach, m.Learn = false, []string{"a"} }, "qif", window.Epanechnikov, "learned"},
}

// masks returns the masks of a plan's neurons.
func (p *plan) masks() (all []*nearMask) {
	for _, n := range p.scan {
		if n.near != nil {
			all = append(all, n.near)
		}
	}
	return all
}

// gradients returns all parameters' gradients of a pass, computed under masks
// whatever their share, or without them.
func (tr *trainer) gradients(t *testing.T, b engine.Batch, masked bool) (all [][]float32) {
	t.Helper()
	tr.pass(b, true)
	for _, m := range tr.masks() {
		m.share = 1
		if masked {
			m.share = 0
		}
	}
	tr.judge(b.Y)
	tr.backward()
	for _, p := range tr.params {
		all = append(all, slices.Clone(p.grad))
	}
	return all
}

// TestMasksChangeNoGradient compares the gradients of whole networks, in which
// spikes also go to poolings, additions and several convolutions.
func TestMasksChangeNoGradient(t *testing.T) {
	for _, v := range compact {
		nets := map[string]*graph.Network{"broad": broad(t, v, graph.Direct), "everything": everything(t, v, graph.Frames, .2)}
		for name, net := range nets {
			atEachLevel(t, name+", "+v.name, func(t *testing.T) {
				tr := compileTrain(t, net, engine.TrainOptions{Batch: 9, Steps: 3, Seed: 1, Threads: 2, Loss: ce, Optimizer: sgd})
				unsettle(tr)
				if len(tr.masks()) == 0 {
					t.Fatal("no convolution takes a mask")
				}
				for i, n := range []int{9, 5} {
					b := randomBatch(net, n, 3, uint64(i))
					want, got := tr.gradients(t, b, false), tr.gradients(t, b, true)
					for k, p := range tr.params {
						if p.grad == nil {
							continue
						}
						scale := 0.
						for _, w := range want[k] {
							scale = max(scale, math.Abs(float64(w)))
						}
						for j, w := range want[k] {
							if d := math.Abs(float64(got[k][j] - w)); !(d <= 1e-4*scale+1e-7) {
								t.Fatalf("%d samples: %s: element %d is %v under masks, %v without; the largest is %v", n, p.spec.Name, j, got[k][j], w, scale)
							}
						}
					}
				}
			})
		}
	}
}

// TestMasksFollowPotentials compares masks with the potentials that the same pass
// observed.
func TestMasksFollowPotentials(t *testing.T) {
	const batch, steps = 5, 3
	for _, v := range compact {
		net := broad(t, v, graph.Frames)
		tr := compileTrain(t, net, engine.TrainOptions{Batch: batch, Steps: steps, Seed: 1, Loss: ce, Optimizer: sgd})
		unsettle(tr)
		tr.pass(randomBatch(net, batch, steps, 1), true)
		for _, n := range tr.scan {
			if n.near == nil {
				continue
			}
			c, pixels, set := n.y.shape.C, n.y.pixels(), 0
			u := make([]float32, batch*pixels*c)
			for step := range steps {
				n.observe(u, step)
				reach := v.shape.Reach(n.win.windows.Widths[step])
				for i, ui := range u {
					sample, px, ch := i/c/pixels, i/c%pixels, i%c
					bit := n.near.bits[tr.rowOf(n.y, px, step, sample)*n.y.row()+ch/32]>>(ch%32)&1 == 1
					if d := math.Abs(float64(ui - n.kern.Theta)); bit != (d < reach) && math.Abs(d-reach) > 1e-5 {
						t.Fatalf("%s, %s: |u − θ| = %v, the window reaches %v, masked %v", v.name, n.name, d, reach, !bit)
					}
					if bit {
						set++
					}
				}
			}
			if want := float64(set) / float64(len(u)*steps); math.Abs(n.near.share-want) > 1e-9 {
				t.Errorf("%s, %s: a share of %v, want %v", v.name, n.name, n.near.share, want)
			}
		}
	}
}

// TestDensityChoosesMasks has windows that nearly all potentials are in, and
// others that few are in, and one without an end.
func TestDensityChoosesMasks(t *testing.T) {
	for _, k := range []struct {
		shape  window.Shape
		policy string
		masks  bool
		pays   bool
	}{{window.Triangular, "fixed:50", true, false}, {window.Triangular, "fixed:.05", true, true}, {window.Gaussian, "fixed:.05", false, false}} {
		v := compact[0]
		v.shape = k.shape
		node := v.neuron(t)
		var err error
		if node.Window.Policy, err = window.ParsePolicy(k.policy); err != nil {
			t.Fatal(err)
		}
		b := graph.NewBuilder("pair")
		bn := graph.DefaultTDBN(1, node.Model.Threshold)
		x := b.Add("input", &graph.Input{Shape: graph.Shape{H: 6, W: 6, C: 2}, Coding: graph.Direct})
		x = b.Add("neuron", node, b.Add("norm", &bn, b.Add("conv1", &graph.Conv{Out: 32, Kernel: 3, Stride: 1, Pad: 1}, x)))
		x = b.Add("flat", &graph.Flatten{}, b.Add("conv2", &graph.Conv{Out: 8, Kernel: 3, Stride: 1, Pad: 1}, x))
		b.Add("readout", &graph.Readout{}, b.Add("fc", &graph.Linear{Out: 3}, x))
		net, err := graph.Check(b.Graph())
		if err != nil {
			t.Fatal(err)
		}
		tr := compileTrain(t, net, engine.TrainOptions{Batch: 4, Steps: 2, Seed: 1, Loss: ce, Optimizer: sgd})
		tr.pass(randomBatch(net, 4, 2, 1), true)
		if masks := len(tr.masks()) > 0; masks != k.masks {
			t.Errorf("%v: masks %v", k, masks)
		}
		for _, o := range tr.ops {
			if c, ok := o.(*convOp); ok && c.x.form == asSpikes && c.grads.masked.pays() != k.pays {
				t.Errorf("%v: at a share of %v, masked %v", k, c.grads.masked.near.share, !k.pays)
			}
		}
	}
}
