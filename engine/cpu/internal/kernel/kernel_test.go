package kernel

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/qif-snn/qif/neuron"
	"github.com/qif-snn/qif/window"
)

func random(rng *rand.Rand, n int) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(rng.NormFloat64())
	}
	return v
}

// near fails unless got is want up to float32 rounding of a sum of `terms`.
func near(t *testing.T, what string, got []float32, want []float64, terms int) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d numbers, want %d", what, len(got), len(want))
	}
	tol := 2e-6 * math.Sqrt(float64(terms)+1)
	for i := range got {
		if d := math.Abs(float64(got[i]) - want[i]); !(d <= tol*(1+math.Abs(want[i]))) {
			t.Fatalf("%s: element %d is %v, want %v", what, i, got[i], want[i])
		}
	}
}

// sparse zeroes most of v.
func sparse(rng *rand.Rand, v []float32, share float64) []float32 {
	for i := range v {
		if rng.Float64() < share {
			v[i] = 0
		}
	}
	return v
}

func TestWindowsFollowTheirDefinition(t *testing.T) {
	kernels := map[window.Shape]Window{
		window.Rectangular: Rectangular, window.Triangular: Triangular, window.Epanechnikov: Epanechnikov,
		window.Gaussian: Gaussian, window.ATan: ATan, window.Sigmoid: Sigmoid,
	}
	for _, shape := range window.Shapes {
		for _, width := range []float64{.3, 1, 2.5} {
			const theta = .75
			var u []float32
			var want []float64
			for d := -4.0; d <= 4; d += .03 {
				u = append(u, float32(theta+d))
				want = append(want, shape.At(float64(u[len(u)-1])-theta, width))
			}
			h := make([]float32, len(u))
			kernels[shape](h, u, theta, float32(shape.Scale(width)))
			near(t, string(shape), h, want, 30)
		}
	}
}

// scans are neurons of every kind of reset, with the float64 dynamics beside.
func scans(t *testing.T) map[string]neuron.Dynamics {
	t.Helper()
	floor := -.5
	out := map[string]neuron.Dynamics{}
	for name, change := range map[string]func(*neuron.Model){
		"hard":          func(m *neuron.Model) { m.Detach = false },
		"hard detached": func(*neuron.Model) {},
		"reset below":   func(m *neuron.Model) { m.ResetValue = -.3; m.Detach = false },
		"soft":          func(m *neuron.Model) { m.Reset = neuron.SoftReset; m.Detach = false },
		"soft detached": func(m *neuron.Model) { m.Reset = neuron.SoftReset },
		"floor":         func(m *neuron.Model) { m.Floor = &floor; m.Detach = false },
		"lif":           func(m *neuron.Model) { *m, _ = neuron.Default("lif") },
	} {
		m, err := neuron.Default("qif")
		if err != nil {
			t.Fatal(err)
		}
		change(&m)
		d, err := m.Dynamics()
		if err != nil {
			t.Fatal(name, err)
		}
		out[name] = d
	}
	return out
}

func kernelOf(d neuron.Dynamics, channels int) *Neuron {
	n := &Neuron{
		Theta: float32(d.Threshold), Reset: float32(d.ResetValue), Floor: float32(d.Floor), Soft: d.Soft, Detach: d.Detach,
	}
	for range channels {
		n.C2, n.C1, n.C0 = append(n.C2, float32(d.C2)), append(n.C1, float32(d.C1)), append(n.C0, float32(d.C0))
	}
	return n
}

func TestScanFollowsTheDynamics(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 1))
	const channels, rows = 3, 7
	for name, d := range scans(t) {
		k := kernelOf(d, channels)
		n := channels * rows
		v, u, s, x := random(rng, n), make([]float32, n), make([]float32, n), random(rng, n)
		wantU, wantS, wantV := make([]float64, n), make([]float64, n), make([]float64, n)
		fired := 0
		for i := range v {
			var spike bool
			wantU[i], spike, wantV[i] = d.Step(float64(v[i]), float64(x[i]))
			if spike {
				wantS[i] = 1
				fired++
			}
		}
		sums := k.Step(s, u, v, x)
		near(t, name+" u", u, wantU, 3)
		near(t, name+" s", s, wantS, 0)
		near(t, name+" v", v, wantV, 3)
		if sums.Spikes != float64(fired) || sums.Neurons != n {
			t.Errorf("%s: observed %v spikes of %d neurons, want %d of %d", name, sums.Spikes, sums.Neurons, fired, n)
		}
	}
}

func TestBackwardScanFollowsTheDynamics(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 1))
	const channels, rows = 2, 9
	for name, d := range scans(t) {
		k := kernelOf(d, channels)
		n := channels * rows
		g, carry, h, prev := random(rng, n), random(rng, n), random(rng, n), random(rng, n)
		u, s := random(rng, n), make([]float32, n)
		wantQ, wantC := make([]float64, n), make([]float64, n)
		for i := range u {
			if float64(u[i]) >= d.Threshold {
				s[i] = 1
			}
			wantQ[i] = float64(g[i])*float64(h[i]) + float64(carry[i])*d.AfterSlope(float64(u[i]), float64(s[i]), float64(h[i]))
			wantC[i] = wantQ[i] * d.Slope(float64(prev[i]))
		}
		q := make([]float32, n)
		k.Back(q, carry, g, h, u, s, prev)
		near(t, name+" q", q, wantQ, 5)
		near(t, name+" carry", carry, wantC, 5)
	}
}

func TestOptimizers(t *testing.T) {
	// Two steps of each by the textbook, in float64.
	w, m, v := []float32{1}, []float32{0}, []float32{0}
	grads := []float32{.5, -.25}
	ww, mm, vv := 1.0, 0.0, 0.0
	for i, g := range grads {
		b1, b2 := 1-math.Pow(.9, float64(i+1)), 1-math.Pow(.99, float64(i+1))
		AdamW(w, []float32{g}, m, v, AdamStep{
			LR: .1, Scale: .5, Beta1: .9, Beta2: .99, Eps: 1e-8, Decay: .1 * .01,
			Correct1: float32(1 / b1), Correct2: float32(1 / b2),
		})
		gs := float64(g) * .5
		mm, vv = .9*mm+.1*gs, .99*vv+.01*gs*gs
		ww = ww - .1*.01*ww - .1*(mm/b1)/(math.Sqrt(vv/b2)+1e-8)
	}
	near(t, "AdamW", w, []float64{ww}, 4)

	w, m = []float32{1}, []float32{0}
	ww, mm = 1, 0
	for _, g := range grads {
		SGD(w, []float32{g}, m, SGDStep{LR: .1, Scale: .5, Momentum: .9, Decay: .01})
		mm = .9*mm + .5*float64(g) + .01*ww
		ww -= .1 * mm
	}
	near(t, "SGD", w, []float64{ww}, 4)
}
