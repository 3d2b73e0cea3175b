package ref_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/qif-snn/qif/graph"
	"github.com/qif-snn/qif/neuron"
	"github.com/qif-snn/qif/window"
)

// named is an operation with the name of its node.
type named struct {
	name string
	op   graph.Op
}

// chain strings operations together, from an input of the given shape.
func chain(t *testing.T, shape graph.Shape, coding string, ops ...named) *graph.Network {
	t.Helper()
	b := graph.NewBuilder("chain")
	at := b.Add("input", &graph.Input{Shape: shape, Coding: coding})
	for _, o := range ops {
		at = b.Add(o.name, o.op, at)
	}
	b.Add("readout", &graph.Readout{}, at)
	return check(t, b)
}

func check(t *testing.T, b *graph.Builder) *graph.Network {
	t.Helper()
	net, err := graph.Check(b.Graph())
	if err != nil {
		t.Fatal(err)
	}
	return net
}

// head ends a chain that is not a vector of two or more.
var head = []named{{"gap", &graph.GlobalAvgPool{}}, {"fc", &graph.Linear{Out: 2}}}

// neuronOp is a neuron layer of the default form, changed by fn.
func neuronOp(t *testing.T, form string, shape window.Shape, width float64, fn func(*neuron.Model)) *graph.Neuron {
	t.Helper()
	m, err := neuron.Default(form)
	if err != nil {
		t.Fatal(err)
	}
	if fn != nil {
		fn(&m)
	}
	return &graph.Neuron{Model: m, Window: window.Spec{Policy: window.Policy{Kind: window.Fixed, Value: width}, Shape: shape}}
}

func windowsOf(t *testing.T, net *graph.Network, steps int) []graph.LayerWindows {
	t.Helper()
	w, err := net.Windows(steps)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// near fails the test unless got is want to within a relative 1e-12.
func near(t *testing.T, what string, got, want []float64) {
	t.Helper()
	within(t, what, got, want, 1e-12)
}

func within(t *testing.T, what string, got, want []float64, tol float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d numbers, want %d", what, len(got), len(want))
		return
	}
	for i := range got {
		if !(math.Abs(got[i]-want[i]) <= tol*max(1, math.Abs(want[i]))) {
			t.Errorf("%s: got %v, want %v", what, got, want)
			return
		}
	}
}

func normals(n int, seed uint64) []float64 {
	rng := rand.New(rand.NewPCG(seed, 1))
	x := make([]float64, n)
	for i := range x {
		x[i] = rng.NormFloat64()
	}
	return x
}
