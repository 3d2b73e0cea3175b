package graph_test

import (
	"math"
	"reflect"
	"testing"

	"github.com/qif-snn/qif/graph"
)

func TestInitIsDeterministic(t *testing.T) {
	net := check(t, everyOp())
	a := net.Init(1)
	if !reflect.DeepEqual(a, net.Init(1)) {
		t.Error("equal seeds give different tensors")
	}
	b := net.Init(2)
	for i, p := range net.Params {
		random := p.Role == graph.Weight || p.Role == graph.Bias
		if reflect.DeepEqual(a[i], b[i]) == random {
			t.Errorf("%s: other seeds must change weights and biases, and nothing else", p.Name)
		}
		if a[i].Name != p.Name || !reflect.DeepEqual(a[i].Shape, p.Shape) {
			t.Errorf("tensor %q of shape %v, want %q of %v", a[i].Name, a[i].Shape, p.Name, p.Shape)
		}
		for _, v := range a[i].Data {
			if !random && v != float32(p.Init) {
				t.Errorf("%s starts at %v, want %v", p.Name, v, p.Init)
			}
		}
	}
}

// TestInitDependsOnNameAlone: a tensor's numbers do not change with the rest of
// the network, so that variants of an architecture start alike.
func TestInitDependsOnNameAlone(t *testing.T) {
	build := func(extra bool) graph.Tensor {
		b := vector(3)
		at := "in"
		if extra {
			at = b.Add("first", &graph.Linear{Out: 3, Bias: true}, at)
		}
		at = b.Add("fc", &graph.Linear{Out: 2}, at)
		b.Add("out", &graph.Readout{}, at)
		ts := check(t, b).Init(7)
		return ts[len(ts)-1]
	}
	if a, b := build(false), build(true); !reflect.DeepEqual(a, b) {
		t.Errorf("%v with another layer before, %v without", b, a)
	}
}

// TestInitDistribution: uniform within ±1/√fan-in has mean 0 and variance
// 1/(3·fan-in).
func TestInitDistribution(t *testing.T) {
	b := image(4, 4, 16)
	x := b.Add("conv", &graph.Conv{Out: 256, Kernel: 3, Stride: 1}, "in")
	x = b.Add("gap", &graph.GlobalAvgPool{}, x)
	x = b.Add("fc", &graph.Linear{Out: 1000, Bias: true}, x)
	b.Add("out", &graph.Readout{}, x)
	for i, ts := range check(t, b).Init(3) {
		fan := []float64{3 * 3 * 16, 256, 256}[i]
		bound := 1 / math.Sqrt(fan)
		n, sum, square, far := float64(len(ts.Data)), 0., 0., 0.
		for _, v := range ts.Data {
			sum += float64(v)
			square += float64(v) * float64(v)
			far = max(far, math.Abs(float64(v)))
		}
		if far > bound*(1+1e-7) || far < .98*bound {
			t.Errorf("%s reaches %v, want just below %v", ts.Name, far, bound)
		}
		// Five standard errors of each estimate.
		if m := sum / n; math.Abs(m) > 5*bound/math.Sqrt(3*n) {
			t.Errorf("%s has mean %v", ts.Name, m)
		}
		if v := square / n / (bound * bound); math.Abs(v-1./3) > 5*math.Sqrt(4./45/n) {
			t.Errorf("%s has variance %v bound², want 1/3", ts.Name, v)
		}
	}
}
