package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestSumsAgreeToTheBit holds sums over more rows than rounding would forgive.
func TestSumsAgreeToTheBit(t *testing.T) {
	for _, c := range []int{5, 16, 37, 64, 133} {
		var want [11][]float64
		for _, v := range versions {
			a := newArena(uint64(c), false)
			const rows = 301
			x16, _ := a.halves(c * rows)
			y16, _ := a.halves(c * rows)
			x, y := a.floats(c*rows), a.floats(c*rows)
			var got [11][]float64
			for i := range got {
				got[i] = a.wide(c)
			}
			v.addMoments(got[0], got[1], x, y, rows)
			v.addMomentsZ(got[2], got[3], x, y16, rows)
			v.addMomentsQ(got[4], got[5], x16, y, rows)
			v.addMomentsQZ(got[6], got[7], x16, y16, rows)
			v.coefGradient(got[8], got[9], got[10], x, y, rows)
			if v == &portable {
				want = got
			}
			for i := range got {
				if !slices.Equal(got[i], want[i]) {
					t.Errorf("%s, %d channels: sums %d are %v, the portable version's %v", v.level, c, i, got[i], want[i])
				}
			}
		}
	}
}

// TestSumsOfSquaresStayAccurate holds the errors that AddSquares and Forward
// promise, where the mean is large beside the deviation.
func TestSumsOfSquaresStayAccurate(t *testing.T) {
	rng := rand.New(rand.NewPCG(12, 2))
	const c, rows = 48, 999
	x := random(rng, c*rows)
	sum, sum2 := make([]float64, c), make([]float64, c)
	all, all2 := 0.0, 0.0
	for i := range x {
		x[i] = 100 + x[i]/8
		sum[i%c] += float64(x[i])
		sum2[i%c] += float64(x[i]) * float64(x[i])
		all, all2 = all+float64(x[i]), all2+float64(x[i])*float64(x[i])
	}
	one, zero := make([]float32, c), make([]float32, c)
	for i := range one {
		one[i] = 1
	}
	n := &Neuron{C2: zero, C1: zero, C0: zero, Theta: 1e9}
	apart := func(got, want float64, bound int) bool { return math.Abs(got-want) > math.Ldexp(want, bound) }
	for _, level := range Levels() {
		restore := Use(level)
		s, s2 := make([]float64, c), make([]float64, c)
		AddSquares(s, s2, x, len(x)/len(s), len(s))
		for i := range s {
			if apart(s[i], sum[i], -19) || apart(s2[i], sum2[i], -19) {
				t.Errorf("%s: channel %d has Σx = %v, Σx² = %v, want %v and %v", level, i, s[i], s2[i], sum[i], sum2[i])
			}
		}
		o := n.Forward(make([]uint32, rows*Words(c)), Near{}, nil, make([]float32, c*rows), Term{Rows{Float: x}, one, zero})
		if apart(o.U, all, -20) || apart(o.U2, all2, -20) || o.Spikes != 0 || o.Neurons != c*rows {
			t.Errorf("%s: observed %+v, want Σu = %v, Σu² = %v", level, o, all, all2)
		}
		restore()
	}
}

// TestForwardFollowsTheDynamics sums terms of all kinds.
func TestForwardFollowsTheDynamics(t *testing.T) {
	const rows, reach = 7, .8
	for name, d := range scans(t) {
		for _, c := range []int{1, 3, 31, 32, 50, 80} {
			for count := 1; count <= 3; count++ {
				a := newArena(uint64(c), false)
				half, _ := a.halves(c * rows)
				z := []Rows{{Half: half}, {Bits: a.bits(rows, c)}, {Float: a.floats(c * rows)}}
				z = slices.Concat(z[c%3:], z[:c%3])[:count] // every kind is the last of some
				var terms []Term
				for _, r := range z {
					terms = append(terms, Term{r, a.floats(c), a.floats(c)})
				}
				v0 := a.floats(c * rows)
				wantU, wantV := make([]float64, c*rows), make([]float64, c*rows)
				wantFired, wantNear := make([]uint32, rows*Words(c)), make([]uint32, rows*Words(c))
				spikes := 0.0
				for i := range v0 {
					x := 0.0
					for _, m := range terms {
						var buf piece
						at := i % c
						zi := m.Z.piece(&buf, i/c, c, at&^31, at+1)[at&31]
						x += float64(zi)*float64(m.Scale[at]) + float64(m.Shift[at])
					}
					var spike bool
					wantU[i], spike, wantV[i] = d.Step(float64(v0[i]), x)
					if spike {
						wantFired[i/c*Words(c)+i%c/32] |= 1 << (i % c % 32)
						spikes++
					}
					if math.Abs(wantU[i]-d.Threshold) < reach {
						wantNear[i/c*Words(c)+i%c/32] |= 1 << (i % c % 32)
					}
				}
				for _, level := range Levels() {
					restore := Use(level)
					what := fmt.Sprintf("%s, %s, %d channels, %d terms", level, name, c, count)
					u, v := make([]float32, c*rows), slices.Clone(v0)
					fired := slices.Repeat([]uint32{0xffffffff}, len(wantFired))
					close := slices.Clone(fired)
					s := kernelOf(d, c).Forward(fired, Near{close, reach}, u, v, terms...)
					near(t, what+" u", u, wantU, 9)
					near(t, what+" v", v, wantV, 9)
					if !slices.Equal(fired, wantFired) || s.Spikes != spikes {
						t.Fatalf("%s: %v spikes %x, want %v %x", what, s.Spikes, fired, spikes, wantFired)
					}
					if !slices.Equal(close, wantNear) {
						t.Fatalf("%s: near %x, want %x", what, close, wantNear)
					}
					restore()
				}
			}
		}
	}
}

// roundedNear reports whether a BF16 is a number rounded, of which a few units in
// the last place of float32 are not certain.
func roundedNear(got BF16, want float64) bool {
	return math.Abs(float64(got.Float32())-want) <= math.Ldexp(math.Abs(want), -8)*1.001+1e-5
}

// TestBackwardFollowsTheDynamics differentiates with every window, gradients of
// both kinds and at the first step.
func TestBackwardFollowsTheDynamics(t *testing.T) {
	const rows = 5
	windows := [shapes]Window{Gaussian, Rectangular, Triangular, Epanechnikov}
	for name, d := range scans(t) {
		for i, c := range []int{1, 3, 31, 50} {
			for shape, of := range windows {
				a := newArena(uint64(c), false)
				n := c * rows
				g, half, carry, u, before, b := Rows{Float: a.floats(n)}, i%2 == 0, a.floats(n), a.floats(n), a.floats(n), float32(.7)
				if half {
					g = Rows{}
					g.Half, _ = a.halves(n)
				}
				if i > 1 {
					before = nil
				}
				k := kernelOf(d, c)
				h := make([]float32, n)
				of(h, u, k.Theta, b)
				wantQ, wantC := make([]float64, n), make([]float64, n)
				for i := range u {
					s := 0.0
					if float64(u[i]) >= d.Threshold {
						s = 1
					}
					gi := 0.0
					if half {
						gi = float64(g.Half[i].Float32())
					} else {
						gi = float64(g.Float[i])
					}
					prev := d.ResetValue
					if before != nil {
						_, _, prev = d.Step(0, float64(before[i])-d.C0)
					}
					wantQ[i] = gi*float64(h[i]) + float64(carry[i])*d.AfterSlope(float64(u[i]), s, float64(h[i]))
					wantC[i] = wantQ[i] * d.Slope(prev)
				}
				for _, level := range Levels() {
					restore := Use(level)
					what := fmt.Sprintf("%s, %s, %d channels, shape %d", level, name, c, shape)
					q, back := make([]float32, n), slices.Clone(carry)
					to := Rows{Float: q}
					if half {
						to = Rows{Half: make([]BF16, n)}
					}
					k.Backward(to, back, g, Surrogate{Shape(shape), b, h}, u, before)
					if half {
						for i := range q {
							if !roundedNear(to.Half[i], wantQ[i]) {
								t.Fatalf("%s: q[%d] is %v, want %v", what, i, to.Half[i].Float32(), wantQ[i])
							}
						}
					} else {
						near(t, what+" q", q, wantQ, 20)
					}
					near(t, what+" carry", back, wantC, 20)
					if before != nil {
						fired := make([]float32, n)
						k.Fire(fired, before)
						want := make([]float64, n)
						for i, u := range before {
							_, _, want[i] = d.Step(0, float64(u)-d.C0)
						}
						near(t, what+" after reset", fired, want, 3)
					}
					restore()
				}
			}
		}
	}
}

// TestRoundingToBF16 compares with the definition, by search among neighbours.
func TestRoundingToBF16(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	var x []float32
	for _, b := range []uint32{0, 1, 0x7fff, 0x8000, 0x8001, 0x18000, 0x3f808000, 0x3f818000, 0x7f7fffff, 0x7f7f7fff, 0x7f800000, 0xff800000, 0x7f800001, 0x7fffffff, 0xffffffff, 0x00800000, 0x807fffff} {
		x = append(x, math.Float32frombits(b))
	}
	for range 1000 {
		x = append(x, math.Float32frombits(rng.Uint32()), math.Float32frombits(rng.Uint32()&0xffff8000))
	}
	for len(x)%(2*PanelColumns) != 0 {
		x = append(x, 1)
	}
	n := len(x)
	want := make([]BF16, n)
	for i, v := range x {
		want[i] = ToBF16(v)
		got := want[i].Float32()
		down := BF16(math.Float32bits(v) >> 16)
		lo, hi := float64(down.Float32()), float64((down + 1).Float32())
		if math.IsInf(hi, 0) && !math.IsInf(float64(v), 0) {
			hi = math.Copysign(math.Ldexp(1, 128), hi)
		}
		dl, dh := math.Abs(float64(v)-lo), math.Abs(hi-float64(v))
		nearest := down
		if dh < dl || dh == dl && down&1 == 1 {
			nearest = down + 1
		}
		switch {
		case v != v:
			if got == got {
				t.Errorf("NaN %x became %v", math.Float32bits(v), got)
			}
		case math.IsInf(float64(v), 0):
			if got != v {
				t.Errorf("%v became %v", v, got)
			}
		case want[i] != nearest:
			t.Errorf("%x became %x, want %x", math.Float32bits(v), want[i], nearest)
		}
	}
	c := n / 2 // two rows
	one, zero, zero16 := make([]float32, c), make([]float32, c), make([]BF16, n)
	for i := range one {
		one[i] = 1
		zero[i] = float32(math.Copysign(0, -1)) // adding it changes nothing
	}
	for i := range zero16 {
		zero16[i] = ToBF16(zero[0])
	}
	for _, level := range Levels() {
		restore := Use(level)
		got, narrow := make([]BF16, n), make([]BF16, n)
		NormGradientPairs(got, make([]BF16, PairsLen(2, c)), Rows{Float: x}, zero16, one, one, zero)
		Narrow(narrow, x)
		if !slices.Equal(narrow, want) {
			t.Errorf("%s: Narrow wrote %x, want %x", level, narrow, want)
		}
		for i := range got {
			if got[i] != want[i] {
				t.Errorf("%s: %x became %x, want %x", level, math.Float32bits(x[i]), got[i], want[i])
			}
		}
		restore()
	}
}

// TestSmoothWindowsAreAccurate counts units in the last place, where z, the
// distance to the threshold, is taken as given.
func TestSmoothWindowsAreAccurate(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	u := []float32{0, 1e-40, -1e-30, nan, inf, -inf, math.MaxFloat32, -math.MaxFloat32}
	for z := float32(-110); z <= 110; z += .0037 {
		u = append(u, z)
	}
	for _, w := range []struct {
		name string
		of   Window
		ulp  float64
		at   func(z float64) float64
	}{
		{"gaussian", Gaussian, 3, func(z float64) float64 { return math.Exp(-z*z/2) / math.Sqrt(2*math.Pi) }},
		{"sigmoid", Sigmoid, 4, func(z float64) float64 { e := math.Exp(-math.Abs(z)); return e / ((1 + e) * (1 + e)) }},
		{"atan", ATan, 3, func(z float64) float64 { return 1 / (math.Pi * (1 + z*z)) }},
	} {
		for _, level := range Levels() {
			restore := Use(level)
			h := make([]float32, len(u))
			w.of(h, u, 0, 1)
			worst := 0.0
			for i, v := range u {
				want := w.at(float64(v))
				ulp := math.Ldexp(1, max(-149, math.Ilogb(want)-23))
				e := math.Abs(float64(h[i])-want) / ulp
				if v == v {
					worst = max(worst, e)
				}
				if v != v && h[i] == h[i] || v == v && !(e <= w.ulp) {
					t.Errorf("%s, %s: h(%v) = %v, want %v: %.1f ulp", level, w.name, v, h[i], want, e)
					break
				}
			}
			t.Logf("%s, %s: at most %.2f ulp", level, w.name, worst)
			restore()
		}
	}
}

func TestScanAllocatesNothing(t *testing.T) {
	s := newScanBench(37, 3, 1)
	for name, pass := range s.passes() {
		for _, level := range Levels() {
			restore := Use(level)
			if n := testing.AllocsPerRun(3, func() { pass(0) }); n > 0 {
				t.Errorf("%s, %s: %v allocations", level, name, n)
			}
			restore()
		}
	}
}
