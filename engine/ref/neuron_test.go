package ref_test

import (
	"testing"

	"github.com/qif-snn/qif/engine/ref"
	"github.com/qif-snn/qif/graph"
	"github.com/qif-snn/qif/neuron"
	"github.com/qif-snn/qif/window"
)

// TestNeuronByHand: f(v) = v(v−½)/4, θ = 1, from rest at 0.
func TestNeuronByHand(t *testing.T) {
	floor := -.25
	learned := func(m *neuron.Model) { m.Learn = []string{"u2"} }
	for name, c := range map[string]struct {
		fn     func(*neuron.Model)
		params map[string][]float64
		x, u   []float64
		s      []float64
		o      ref.Options
	}{
		"hard": {
			// f(.8) = .06, then a spike and f(0) = 0.
			x: []float64{.8, 1, .5}, u: []float64{.8, 1.06, .5}, s: []float64{0, 1, 0},
		},
		"at the threshold": {
			x: []float64{1, 1, .5}, u: []float64{1, 1, .5}, s: []float64{1, 1, 0},
		},
		"reset value": {
			// It is v[0] too: f(−.5) = .125.
			fn: func(m *neuron.Model) { m.ResetValue = -.5 },
			x:  []float64{1, .5, .25}, u: []float64{1.125, .625, .25 + .625*.125/4}, s: []float64{1, 0, 0},
		},
		"soft": {
			// 1.06 − 1 = .06, f(.06) = −.0066.
			fn: func(m *neuron.Model) { m.Reset = neuron.SoftReset },
			x:  []float64{.8, 1, .5}, u: []float64{.8, 1.06, .4934}, s: []float64{0, 1, 0},
		},
		"floor": {
			// −2 is raised to −.25, f(−.25) = .046875.
			fn: func(m *neuron.Model) { m.Floor = &floor },
			x:  []float64{-2, 0, 0}, u: []float64{-2, .046875, .046875 * (.046875 - .5) / 4}, s: []float64{0, 0, 0},
		},
		"frozen": {
			// The reset sees spikes of its own: one at the first step, none after.
			o: ref.Options{FrozenReset: map[string][]float64{"n": {1, 0, 0}}},
			x: []float64{.8, 2, .5}, u: []float64{.8, 2, .5 + .75}, s: []float64{0, 1, 1},
		},
		"learned": {
			// u2 = −.5: f(.8) = .26.
			fn: learned, params: map[string][]float64{"n.u2": {-.5}},
			x: []float64{.8, .5, 0}, u: []float64{.8, .76, .76 * 1.26 / 4}, s: []float64{0, 0, 0},
		},
	} {
		t.Run(name, func(t *testing.T) {
			op := neuronOp(t, "qif", window.Sigmoid, 1, c.fn)
			net := chain(t, graph.Shape{H: 1, W: 1, C: 1}, graph.Frames, append([]named{{"n", op}}, head...)...)
			params := map[string][]float64{}
			for name, p := range c.params {
				params[name] = p
			}
			tr := forward(t, net, params, c.x, 1, 3, c.o)
			near(t, "u", tr.Potentials["n"], c.u)
			near(t, "s", tr.Outputs["n"], c.s)
		})
	}
}

func TestLearnedPerChannel(t *testing.T) {
	op := neuronOp(t, "lif", window.Sigmoid, 1, func(m *neuron.Model) { m.Learn, m.PerChannel = []string{"leak"}, true })
	net := chain(t, graph.Shape{H: 1, W: 1, C: 2}, graph.Frames, named{"n", op})
	tr := forward(t, net, map[string][]float64{"n.leak": {.5, .25}}, []float64{.8, .8, 0, 0}, 1, 2, ref.Options{})
	near(t, "u", tr.Potentials["n"], []float64{.8, .8, .4, .2})
}

// TestSmoothNeuronByHand: a rectangular window of width 2 around θ = 1 makes
// s = u/2 between 0 and 2, and the hard reset v = u(1 − s).
func TestSmoothNeuronByHand(t *testing.T) {
	op := neuronOp(t, "if", window.Rectangular, 2, nil)
	net := chain(t, graph.Shape{H: 1, W: 1, C: 1}, graph.Frames, append([]named{{"n", op}}, head...)...)
	// u = 1, s = .5, v = .5; u = .75, s = .375, v = .46875.
	tr := forward(t, net, map[string][]float64{}, []float64{1, .25, 0}, 1, 3, ref.Options{Smooth: true})
	near(t, "u", tr.Potentials["n"], []float64{1, .75, .46875})
	near(t, "s", tr.Outputs["n"], []float64{.5, .375, .234375})
	// With spikes frozen at 0 the reset is off, the output stays smooth.
	o := ref.Options{Smooth: true, FrozenReset: map[string][]float64{"n": {0, 0, 0}}}
	tr = forward(t, net, map[string][]float64{}, []float64{1, .25, 0}, 1, 3, o)
	near(t, "u", tr.Potentials["n"], []float64{1, 1.25, 1.25})
	near(t, "s", tr.Outputs["n"], []float64{.5, .625, .625})
}

// TestWindowOfEachStep: with windows of width 2 and then 4, s = u/2 at the first
// step and ½ + (u−1)/4 at the second, for both samples.
func TestWindowOfEachStep(t *testing.T) {
	op := neuronOp(t, "if", window.Rectangular, 1, nil)
	net := chain(t, graph.Shape{H: 1, W: 1, C: 1}, graph.Frames, append([]named{{"n", op}}, head...)...)
	ws := []graph.LayerWindows{{Node: "n", Windows: window.Windows{Shape: window.Rectangular, Widths: []float64{2, 4}}}}
	tr, err := ref.Forward(net, map[string][]float64{"fc.weight": {0, 0}}, []float64{.5, 1.5, .5, .25}, 2, 2, ws, ref.Options{Smooth: true})
	if err != nil {
		t.Fatal(err)
	}
	near(t, "u", tr.Potentials["n"], []float64{.5, 1.5, .875, .625}) // v = .375 for both
	near(t, "s", tr.Outputs["n"], []float64{.25, .75, .46875, .40625})
}
