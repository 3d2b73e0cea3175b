package kernel

import (
	"fmt"
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

func TestMul(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for m := range 4 {
		for _, k := range []int{1, 2, 3, 4, 5, 9, 32} {
			for n := 1; n <= 9; n++ {
				a, b, c := sparse(rng, random(rng, m*k), .5), random(rng, k*n), random(rng, m*n)
				plain, added := make([]float64, m*n), make([]float64, m*n)
				for i := range m {
					for j := range n {
						s := 0.0
						for p := range k {
							s += float64(a[i*k+p]) * float64(b[p*n+j])
						}
						plain[i*n+j], added[i*n+j] = s, s+float64(c[i*n+j])
					}
				}
				name := fmt.Sprintf("m=%d k=%d n=%d", m, k, n)
				l := NewList(k)
				Mul(c, a, b, m, k, n, true, &l)
				near(t, name+" add", c, added, k)
				bt, btt := make([]float32, k*n), make([]float32, k*n)
				Transpose(bt, b, k, n)
				Transpose(btt, bt, n, k)
				Mul(c, a, btt, m, k, n, false, &l)
				near(t, name+" transposed twice", c, plain, k)
				MulDense(c, a, b, m, k, n, false)
				near(t, name+" dense", c, plain, k)
			}
		}
	}
}

func TestMulTransposed(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 1))
	cols := NewColumns(5, 3) // less room than some have rows
	for m := range 8 {
		for k := 1; k <= 5; k++ {
			for n := 1; n <= 6; n++ {
				stride := k + 3
				a, b, c := sparse(rng, random(rng, m*stride), .5), random(rng, m*n), random(rng, k*n)
				want := make([]float64, k*n)
				for p := range k {
					for j := range n {
						want[p*n+j] = float64(c[p*n+j])
						for i := range m {
							want[p*n+j] += float64(a[i*stride+p]) * float64(b[i*n+j])
						}
					}
				}
				MulTransposed(c, a, b, m, k, stride, n, NewRowTable(8, stride), cols)
				near(t, fmt.Sprintf("m=%d k=%d n=%d", m, k, n), c, want, m)
			}
		}
	}
}

// geometries are windows with every kind of edge.
var geometries = []Geometry{
	{5, 4, 3, 5, 4, 3, 1, 1}, {5, 4, 2, 3, 2, 3, 2, 1}, {4, 4, 3, 4, 4, 1, 1, 0}, {5, 5, 2, 3, 3, 1, 2, 0},
	{3, 3, 1, 1, 1, 3, 1, 0}, {2, 2, 2, 3, 3, 4, 1, 2}, {7, 6, 1, 2, 2, 5, 3, 1}, {1, 1, 5, 1, 1, 3, 1, 1},
}

// input returns x at (y, x, c), zero outside.
func (g Geometry) input(x []float32, iy, ix, c int) float64 {
	if iy < 0 || ix < 0 || iy >= g.H || ix >= g.W {
		return 0
	}
	return float64(x[(iy*g.W+ix)*g.C+c])
}

func TestConvolution(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 1))
	for i, g := range geometries {
		out := 3 + i%4
		name := fmt.Sprintf("%+v", g)
		pix := g.OutH * g.OutW
		x, w, dy := sparse(rng, random(rng, g.H*g.W*g.C), .4), random(rng, g.Patch()*out), random(rng, pix*out)
		wantY, wantW, wantX := make([]float64, pix*out), make([]float64, g.Patch()*out), make([]float64, len(x))
		for row := range pix * g.Patch() {
			p, at := row/g.Patch(), row%g.Patch()
			ky, kx, c := at/g.C/g.Kernel, at/g.C%g.Kernel, at%g.C
			iy, ix := p/g.OutW*g.Stride-g.Pad+ky, p%g.OutW*g.Stride-g.Pad+kx
			v := g.input(x, iy, ix, c)
			for o := range out {
				wantY[p*out+o] += v * float64(w[at*out+o])
				wantW[at*out+o] += v * float64(dy[p*out+o])
				if iy >= 0 && ix >= 0 && iy < g.H && ix < g.W {
					wantX[(iy*g.W+ix)*g.C+c] += float64(w[at*out+o]) * float64(dy[p*out+o])
				}
			}
		}
		y, l := random(rng, pix*out), NewList(g.Patch())
		Convolve(y, x, w, g, out, &l)
		near(t, name+" output", y, wantY, g.Patch())
		if d := NewDirect(g, out); d != nil {
			y := random(rng, pix*out)
			d.Convolve(y, x, w, random(rng, d.ScratchLen()))
			near(t, name+" direct output", y, wantY, g.Patch())
		}

		corr := NewCorrelation(g, out)
		scratch := random(rng, corr.ScratchLen())
		dw, cols := make([]float32, len(wantW)), NewColumns(2, corr.Pixels())
		for c := 0; c < g.C; c += 2 { // in blocks of two channels
			corr.Weights(dw, x, dy, c, min(2, g.C-c), cols, scratch)
		}
		near(t, name+" weight gradient", dw, wantW, pix)

		dx, back := random(rng, len(x)), make([]float32, len(w))
		corr.TransposePositions(back, w)
		corr.Input(dx, dy, back, false, scratch)
		near(t, name+" input gradient", dx, wantX, g.Patch())
		for i, v := range dx {
			wantX[i] += float64(v)
		}
		corr.Input(dx, dy, back, true, scratch)
		near(t, name+" input gradient added", dx, wantX, g.Patch())
	}
}

func TestPooling(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 1))
	for _, g := range []Geometry{{4, 4, 3, 2, 2, 2, 2, 0}, {5, 5, 2, 2, 2, 3, 2, 0}, {4, 5, 1, 3, 4, 2, 1, 0}} {
		x, dy := random(rng, g.H*g.W*g.C), random(rng, g.OutH*g.OutW*g.C)
		x[0], x[g.C] = 3, 3 // a tie: the first wins
		avg, largest := make([]float64, len(dy)), make([]float64, len(dy))
		dAvg, dMax := make([]float64, len(x)), make([]float64, len(x))
		for o := range dy {
			c, ox, oy := o%g.C, o/g.C%g.OutW, o/g.C/g.OutW
			best := -1
			for ky := range g.Kernel {
				for kx := range g.Kernel {
					i := ((oy*g.Stride+ky)*g.W+ox*g.Stride+kx)*g.C + c
					share := 1 / float64(g.Kernel*g.Kernel)
					avg[o] += float64(x[i]) * share
					dAvg[i] += float64(dy[o]) * share
					if best < 0 || x[i] > x[best] {
						best = i
					}
				}
			}
			largest[o] = float64(x[best])
			dMax[best] += float64(dy[o])
		}
		y, dx := make([]float32, len(dy)), make([]float32, len(x))
		AvgPool(y, x, g)
		near(t, "average", y, avg, 9)
		AvgPoolBack(dx, dy, g)
		near(t, "average back", dx, dAvg, 9)
		MaxPool(y, x, g)
		near(t, "max", y, largest, 0)
		clear(dx)
		MaxPoolBack(dx, dy, y, x, g)
		near(t, "max back", dx, dMax, 9)
	}
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
